"""Folders and globs: which files there are, how they are laid out, and one stream of them all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NoReturn

from embedscope.core.errors import InputError
from embedscope.core.regular import check_not_root
from embedscope.readers._hints import usual_first
from embedscope.readers._keys import join_first
from embedscope.readers._shards import _SPACES, Found, Open, open_shards, suffix_of
from embedscope.readers._store_folders import store_address
from embedscope.readers.paths import Place, file_system, is_remote, place_at

FILES_AT_MOST = 100_000
"""Files that a folder is searched for vectors among."""


def is_glob(text: str) -> bool:
    """Whether ``text`` has a wildcard, and no file is called just that."""
    return any(c in text for c in "*?[") and (is_remote(text) or not Path(text).exists())


def is_folder(text: str) -> bool:
    """Whether ``text`` is a folder, here or remote."""
    if is_remote(text):
        system, path = file_system(text)
        return bool(system.isdir(path))
    return Path(text).is_dir()


def glob_places(pattern: str) -> list[Place]:
    """Files that match ``pattern``, in the order of their numbers and names."""
    if is_remote(pattern):
        system, path = file_system(pattern)
        names = [name for name in system.glob(path) if not system.isdir(name)]
        places = [place_at(system.unstrip_protocol(name)) for name in names]
    else:
        root = Path(pattern).anchor or "."
        below = str(Path(pattern).relative_to(root)) if Path(pattern).anchor else pattern
        places = [place_at(p) for p in Path(root).glob(below) if not p.is_dir() or p.suffix == ".zarr"]
    if not places:
        raise InputError(f"no file matches {pattern}; check the pattern and the folder")
    return sorted(places, key=lambda p: natural(str(p)))


def below(folder: str) -> dict[tuple[str, ...], Place]:
    """Files in and under ``folder`` by relative path, without those whose names begin with a dot or an underscore.

    Raises
    ------
    InputError
        if a folder on this machine is the root, or holds more than ``FILES_AT_MOST``.
    """
    places: dict[tuple[str, ...], Place] = {}
    if is_remote(folder):
        system, path = file_system(folder)
        for name in system.find(path):
            parts = PurePosixPath(name).relative_to(PurePosixPath(path)).parts
            places[parts] = place_at(system.unstrip_protocol(name))
    else:
        check_not_root(folder, "the vectors")
        for file in _walk(folder):
            if not file.is_dir():  # what is no regular file, or a link to nothing, is said where it is opened
                places[file.relative_to(folder).parts] = place_at(file)
            if len(places) > FILES_AT_MOST:
                raise InputError(
                    f"{folder} holds more than {FILES_AT_MOST:,} files and none of vectors at its top; "
                    f"name the folder or the files meant, such as '{folder.rstrip('/')}/vectors/*.npy'"
                )
    seen = {parts: file for parts, file in places.items() if not any(part[0] in "._" for part in parts)}
    return dict(sorted(seen.items(), key=lambda item: [natural(part) for part in item[0]]))


def _walk(folder: str) -> Iterator[Path]:
    """Files in and under a folder on this machine, but for hidden ones; links to folders are not followed."""

    def fail(error: OSError) -> NoReturn:
        raise error

    for place, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if name[0] not in "._"]
        yield from (Path(place, name) for name in files if name[0] not in "._")


def _direct(folder: str) -> dict[tuple[str, ...], Place]:
    """Files in a folder on this machine, not below it; empty where it is laid out in folders of its own or remote."""
    if is_remote(folder) or any((Path(folder) / name).is_dir() for name in _SPACES):
        return {}
    seen = [file for file in Path(folder).iterdir() if file.name[0] not in "._" and not file.is_dir()]
    return {(file.name,): place_at(file) for file in sorted(seen, key=lambda file: natural(file.name))}


def natural(name: str) -> list[tuple[int, str]]:
    """Key that sorts ``x_2`` before ``x_10``.

    >>> sorted(["x_10", "x_2"], key=natural)
    ['x_2', 'x_10']
    """
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name) if part]


def open_folder(folder: str, key: str | None, open_file: Open, known: Sequence[str], skip_bad: bool) -> Found:
    """The files of vectors in ``folder``, understood by what is there; ``known`` are the suffixes that can be read."""
    files = {parts: file for parts, file in _direct(folder).items() if suffix_of(file) in known} or below(folder)
    if any(parts[0] in _SPACES for parts in files if len(parts) > 1):
        from embedscope.readers._clip import open_clip

        return open_clip(folder, files, key, open_file, skip_bad)
    vectors = {parts: file for parts, file in files.items() if suffix_of(file) in known}
    direct = {parts: file for parts, file in vectors.items() if len(parts) == 1}
    chosen = list((direct or vectors).values())
    if not chosen:
        address = None if is_remote(folder) else store_address(Path(folder))
        if address is not None:
            raise InputError(f"{folder} belongs to a vector store, which is read as {address}")
        suffixes = [f".{suffix}" for suffix in sorted(known, key=usual_first)]
        raise InputError(f"{folder} holds no files of vectors; wanted one of {join_first(suffixes)}, here or below")
    suffixes = list(dict.fromkeys(suffix_of(file) for file in chosen))
    rows = None
    if sorted(suffixes) == ["npy", "parquet"]:
        from embedscope.readers._clip import rows_of_metadata

        rows = rows_of_metadata(folder, [file for file in chosen if suffix_of(file) == "parquet"])
        chosen = [file for file in chosen if suffix_of(file) == "npy"]
    elif len(suffixes) > 1:
        raise InputError(
            f"{folder} holds files of several formats, {', '.join(f'.{s}' for s in suffixes)}; name those meant: "
            f"'{folder.rstrip('/')}/*.{suffixes[0]}'"
        )
    where = "" if direct else " and the folders below"
    stream = open_files(folder, chosen, key, open_file, skip_bad)
    stream.layout = f"folder{where}"
    if rows is not None:
        stream.layout = "folder of .npy shards with Parquet metadata"
        if rows != stream.stream.n_rows and not stream.missing:
            raise InputError(
                f"{folder} has {stream.stream.n_rows:,} rows in its .npy files and {rows:,} in its Parquet metadata; "
                f"one of them is not complete: name those meant, '{folder.rstrip('/')}/*.npy'"
            )
    return stream


def open_files(source: str, files: Sequence[Place], key: str | None, open_file: Open, skip_bad: bool) -> Found:
    """``files`` one after the other; those without rows are passed over, those that are bad where ``skip_bad``."""
    kinds = list(dict.fromkeys(suffix_of(file) for file in files))
    if len(kinds) > 1:
        raise InputError(
            f"{source} matches files of several formats, {', '.join(kinds)}; end the pattern in one suffix"
        )
    return open_shards(source, {str(file): partial(open_file, file, key) for file in files}, "files", skip_bad)
