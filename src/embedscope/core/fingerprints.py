"""Facts that identify a file: its size and checksum, for the provenance."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embedscope.core.provenance import Provenance
from embedscope.core.regular import check_ends

_END_BYTES = 32 << 20
_PIECE = 1 << 20


def facts_sha256(facts: Mapping[str, Any]) -> str:
    """sha256 of ``facts`` as JSON with sorted keys.

    >>> facts_sha256({"a": 1, "b": 2}) == facts_sha256({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def file_facts(path: Path, *, whole: bool = False) -> dict[str, Any]:
    """Size and checksum of a file, for the provenance; of a large file, where not ``whole``, of its two ends alone.

    Reading all of a large file once more for the checksum would take as long as measuring it.
    """
    check_ends(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        if whole or size <= 2 * _END_BYTES:
            return {"bytes": size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
        ends = hashlib.sha256()
        for start in (0, size - _END_BYTES):
            file.seek(start)
            for _ in range(0, _END_BYTES, _PIECE):
                ends.update(file.read(_PIECE))
    return {"bytes": size, f"sha256_of_first_and_last_{_END_BYTES >> 20}_MiB": ends.hexdigest()}


@contextmanager
def facts_beside(name: str, facts: Callable[[], dict[str, Any]], provenance: Provenance) -> Iterator[None]:
    """Add ``facts`` of a source to the provenance, taken on a thread beside the work that is done meanwhile."""
    with ThreadPoolExecutor(1) as beside:
        taken = beside.submit(facts)
        yield
        with provenance.phase(f"checksum {name}"):
            provenance.data[name] = taken.result() | provenance.data.get(name, {})
