"""sha256 of large files, remembered by path, size and time of change."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from embedscope.core.atomic import write_text
from embedscope.core.cache import cache_folder
from embedscope.core.errors import ChecksumError, InputError, OutputError
from embedscope.core.fingerprints import facts_sha256
from embedscope.core.regular import is_regular
from embedscope.core.schema import read_json


def sha256_of(path: Path) -> str:
    """The sha256 of a file; read again after its size, its number or a time of it has changed.

    The time of change of its facts (ctime) counts too, since a program can set the other one as it likes.
    """
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ctime_ns}|{stat.st_ino}"
    memory = cache_folder() / "checksums.json"
    known = _read_sums(memory)
    if key not in known:
        with path.open("rb") as file:
            known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        with suppress(OSError, OutputError):
            if memory.exists() and not is_regular(memory):  # a folder or a pipe in its place is left alone
                return known[key]
            write_text(memory, json.dumps({"files": known, "sha256": facts_sha256(known)}, indent=0))
    return known[key]


def _read_sums(memory: Path) -> dict[str, str]:
    """The sums in ``memory``; none where it does not have its own checksum."""
    with suppress(OSError, InputError):
        facts = read_json(memory, "the checksums that were taken")
        known = facts.get("files")
        if isinstance(known, dict) and facts.get("sha256") == facts_sha256(known):
            return known
    return {}


def sha256_of_all(paths: list[Path]) -> str:
    """One sha256 of several files: that of the file where there is one, else of the list of names and sums."""
    if len(paths) == 1:
        return sha256_of(paths[0])
    lines = "".join(f"{sha256_of(p)}  {p.name}\n" for p in sorted(paths))
    return hashlib.sha256(lines.encode()).hexdigest()


def check_sha256(path: Path, wanted: str, what: str, remedy: str) -> None:
    """Raise ``ChecksumError`` unless the file has the sha256 that its registry entry promises."""
    digest = sha256_of(path)
    if digest != wanted:
        raise ChecksumError(f"{what}: {path.name} has sha256 {digest[:16]}..., wanted {wanted[:16]}...; {remedy}")
