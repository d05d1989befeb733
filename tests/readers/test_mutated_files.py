"""Files and stores of every format with bytes changed, cut, put in: read, or refused in one sentence.

A few in the suite, the same in every run; `make soak` tries others for its share of the time and prints how many.
"""

import collections
import os
import random
import shutil
import sys
import time

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from tests.readers.formats import STORE_MAKERS, WRITERS, consume, sentence, written

from embedscope.core.errors import EmbedscopeError
from embedscope.readers import READERS, STORES

_ON_SERVERS = {"postgresql", "postgres"}
"""Schemes whose data lie on a server alone: there is no file to change."""

FEW = 20
SHARE = float(os.environ.get("EMBEDSCOPE_SOAK_SECONDS", "60")) / 3 / (len(WRITERS) + len(STORE_MAKERS))
"""Seconds of a soak for each format: together a third of it."""


def test_there_is_a_file_to_change_for_every_reader():
    """A new reader or store needs a right file in ``formats``, with which it is in all tests of this module."""
    assert set(WRITERS) == set(READERS)
    assert set(STORE_MAKERS) | _ON_SERVERS == set(STORES)


@pytest.mark.parametrize("form", [*WRITERS, *STORE_MAKERS])
def test_right_files_are_read(tmp_path, form):
    consume(written(tmp_path, form)[0])


@pytest.mark.parametrize("form", [*WRITERS, *STORE_MAKERS])
def test_mutated_files_are_read_or_refused_in_a_sentence(tmp_path_factory, form):
    mutations(tmp_path_factory.mktemp("mutated"), form, FEW)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("form", [*WRITERS, *STORE_MAKERS])
def test_many_other_mutated_files(tmp_path_factory, form):
    """Other mutations in every run."""
    counts, until = collections.Counter(), time.monotonic() + SHARE
    while time.monotonic() < until:
        counts += mutations(tmp_path_factory.mktemp("mutated"), form, 50, random.randrange(1 << 32))
    sys.stdout.write(f"\n{form}: {', '.join(f'{count} {name}' for name, count in sorted(counts.items()))}\n")


def mutated(data, whole):
    """``whole`` cut, with bytes changed, put in, taken out, or a number made huge."""
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        if not content:
            break
        at = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["cut", "flip", "insert", "remove", "huge", "zero"]))
        if how == "cut":
            del content[at:]
        elif how == "flip":
            content[at] ^= data.draw(st.integers(1, 255))
        elif how == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=9))
        elif how == "remove":
            del content[at : at + data.draw(st.integers(1, 9))]
        elif how == "huge":
            content[at : at + 8] = b"\xff" * 7 + b"\x7f"
        else:
            content[at : at + 8] = bytes(8)
    return bytes(content)


def mutations(folder, form, count, number=None):
    """Read ``count`` mutations of a right file, the same in every run where ``number`` is None; how many were read."""
    source, path = written(folder, form)
    whole = folder / "whole"
    shutil.copytree(path, whole) if path.is_dir() else shutil.copy(path, whole)
    parts = [p.relative_to(whole) for p in sorted(whole.rglob("*")) if p.is_file() and p.stat().st_size]
    counts = collections.Counter()

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=number is None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data):
        part = data.draw(st.sampled_from(parts)) if parts else None
        content = mutated(data, (whole / part if part else whole).read_bytes())
        _put_back(whole, path, form)
        (path / part if part else path).write_bytes(content)
        try:
            consume(source)
        except EmbedscopeError as found:
            sentence(found)
            counts["refused"] += 1
        else:
            counts["read"] += 1

    (run if number is None else seed(number)(run))()
    return counts


def _put_back(whole, path, form):
    """The right file or store again, in place of what was changed."""
    if form == "chroma":  # which shows a process what it knew before
        __import__("chromadb").api.client.SharedSystemClient.clear_system_cache()
    if whole.is_dir():
        shutil.rmtree(path)
        shutil.copytree(whole, path)
    else:
        shutil.copy(whole, path)
