"""Files of vectors as streams: blocks of rows read from bytes, never kept mapped and never unpickled.

A source is a file, a folder, a glob, or an address of any of these (``s3://``); ``::KEY`` says which of several arrays
or columns, ``::A,B`` or ``::*`` several of them at once. The suffix of the files decides the reader.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.registry import Registry
from embedscope.readers._blocks import ArrayStream, plan
from embedscope.readers._facts import described, facts_of
from embedscope.readers._folders import globbed, is_folder, is_glob, open_files, open_folder
from embedscope.readers._paths import Place, RemoteFile, file_system, is_remote, state_of
from embedscope.readers._shards import Found

__all__ = [
    "READERS",
    "ArrayStream",
    "Found",
    "described",
    "facts_of",
    "file_of",
    "find_vectors",
    "is_vectors",
    "open_vectors",
    "plan",
    "state_of",
]

READERS: Registry[Callable[[Place, str | None], Stream]] = Registry("reader", "embedscope.readers")
"""Suffix without its dot -> function of (path, key) that opens the stream."""


def is_vectors(source: str) -> bool:
    """Whether ``source`` names files of vectors by its suffix (``X.npy``, ``X.npz::key``, ``data/*.npy``) or address.

    >>> is_vectors("words.npz::glove"), is_vectors("s3://bucket/vectors/"), is_vectors("hf:gpt2")
    (True, True, False)
    """
    place = source.partition("::")[0]
    if is_remote(place) or ("/" in place and "*" in place):
        return True
    return PurePosixPath(place).suffix.lower().removeprefix(".") in READERS


def file_of(source: str) -> Path:
    """The file part of ``FILE`` or ``FILE::KEY``."""
    return Path(source.partition("::")[0])


def open_vectors(source: str) -> Stream:
    """Open ``PLACE`` or ``PLACE::KEY`` as a stream; see :func:`find_vectors`."""
    return find_vectors(source).stream


def find_vectors(source: str, *, skip_bad: bool = False) -> Found:
    """Open a file, a folder or a glob, local or remote, with what was found on the way.

    The space is called ``vectors``, or as its key where one is named; several keys give several spaces over the same
    rows. Files of a folder or a glob are read as one, their rows numbered on in the order of the names.

    Parameters
    ----------
    skip_bad : pass over files that cannot be opened; ``missing`` says which

    Raises
    ------
    InputError
        if there is no such file, no such key, or it is not a finite real (n, d) matrix; nan and inf are found while
        the blocks are read.
    """
    place, _, key = source.partition("::")
    if is_glob(place):
        files = globbed(place)
        found = open_files(place, files, key or None, _open_file, skip_bad)
        found.layout = "glob"
        return found
    suffix = PurePosixPath(place).suffix.lower().removeprefix(".")
    if is_folder(place):
        if suffix in READERS and not is_remote(place) and not any(Path(place).iterdir()):
            raise InputError(f"{place} is a folder, wanted a file of vectors; name the file inside it")
        return open_folder(place, key or None, _open_file, list(READERS), skip_bad)
    if suffix not in READERS:
        known = ", ".join(f".{name}" for name in READERS)
        raise InputError(f"{source} is not a file of vectors that can be read; wanted one of {known}")
    file: Place = RemoteFile(place) if is_remote(place) else Path(place)
    if not _exists(file):
        raise InputError(f"there is no file {place}; check the spelling and the folder")
    return Found(_open_file(file, key or None), "file")


def _exists(file: Place) -> bool:
    if isinstance(file, Path):
        return file.exists()
    system, path = file_system(str(file))
    return bool(system.exists(path))


def _open_file(file: Place, key: str | None) -> Stream:
    return READERS.get(file.suffix.lower().removeprefix("."))(file, key)
