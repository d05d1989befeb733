"""Files and stores of every format with bytes changed, cut, put in: read, or refused in one sentence.

A few in the suite, the same in every run; `make soak` tries others for its share of the time and prints how many.
"""

import collections
import os
import random
import resource
import shutil
import sys
import time

import pytest
from tests.readers.formats import STORE_MAKERS, WRITERS, consume, sentence, write

from embedscope.core.errors import EmbedscopeError
from embedscope.readers import READERS, STORES

_ON_SERVERS = {"postgresql", "postgres"}
"""Schemes whose data lie on a server alone: there is no file to change."""

FEW, MANY = 20, 5000
"""Mutations of each format in the suite, and at most in a soak."""
MOST = 1 << 28
"""Bytes of memory that reading a file of some kilobytes may add."""
SHARE = float(os.environ.get("EMBEDSCOPE_SOAK_SECONDS", "60")) / 3
"""Seconds of a soak for all formats: what the fast ones leave, the slow ones have."""


def test_there_is_a_file_to_change_for_every_reader():
    """A new reader or store needs a right file in ``formats``, with which it is in all tests of this module."""
    assert set(WRITERS) == set(READERS)
    assert set(STORE_MAKERS) | _ON_SERVERS == set(STORES)


@pytest.mark.parametrize("form", [*WRITERS, *STORE_MAKERS])
def test_right_files_are_read(tmp_path, form):
    consume(write(tmp_path, form)[0])


@pytest.mark.parametrize("form", [*WRITERS, *STORE_MAKERS])
def test_mutated_files_are_read_or_refused_in_a_sentence(tmp_path, form):
    mutations(tmp_path, form, seed=0, count=FEW)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_other_mutated_files(tmp_path):
    """Other mutations in every run."""
    forms, until = [*WRITERS, *STORE_MAKERS], time.monotonic() + SHARE
    for i, form in enumerate(forms):
        left, seed = (until - time.monotonic()) / (len(forms) - i), random.randrange(1 << 32)
        (tmp_path / form).mkdir()
        counts = mutations(tmp_path / form, form, seed, MANY, time.monotonic() + left)
        said = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        sys.stdout.write(f"\n{form}, seed {seed}: {said}")
    sys.stdout.write("\n")


def _peak():
    """Bytes of memory that this process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << (0 if sys.platform == "darwin" else 10)


def mutate(dice, whole):
    """``whole`` cut, with bytes changed, put in, taken out, or a number made huge."""
    content = bytearray(whole)
    for _ in range(dice.randint(1, 3)):
        if not content:
            break
        at = dice.randrange(len(content))
        how = dice.choice(["cut", "flip", "insert", "remove", "huge", "zero"])
        if how == "cut":
            del content[at:]
        elif how == "flip":
            content[at] ^= dice.randint(1, 255)
        elif how == "insert":
            content[at:at] = dice.randbytes(dice.randint(1, 9))
        elif how == "remove":
            del content[at : at + dice.randint(1, 9)]
        elif how == "huge":
            content[at : at + 8] = b"\xff" * 7 + b"\x7f"
        else:
            content[at : at + 8] = bytes(8)
    return bytes(content)


def mutations(folder, form, seed, count, until=float("inf")):
    """Read ``count`` mutations of a right file, or as many as can be until then; how many were read and refused."""
    source, path = write(folder, form)
    whole = folder / "whole"
    shutil.copytree(path, whole) if path.is_dir() else shutil.copy(path, whole)
    parts = [p.relative_to(whole) for p in sorted(whole.rglob("*")) if p.is_file() and p.stat().st_size]
    contents = {part: (whole / part).read_bytes() for part in parts} or {None: whole.read_bytes()}
    dice, counts = random.Random(seed), collections.Counter()
    while counts.total() < count and time.monotonic() < until:
        part = dice.choice(list(contents))
        content = mutate(dice, contents[part])
        _put_back(whole, path, form)
        (path / part if part else path).write_bytes(content)
        before = _peak()
        try:
            try:
                consume(source)
                what = "read"
            except EmbedscopeError as error:
                sentence(error)
                what = "refused"
            assert _peak() - before < MOST, f"took {(_peak() - before) >> 20:,} MB"
        except BaseException as error:
            error.add_note(f"{form}, seed {seed}, mutation {counts.total()} of {part or path.name}: {content[:2000]!r}")
            raise
        counts[what] += 1
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
