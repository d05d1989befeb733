"""Files of vectors as streams: blocks of rows read from bytes, never mapped and never unpickled.

A source is ``FILE``, or ``FILE::KEY`` where a file holds several arrays (``.npz``, ``.safetensors``) or columns
(``.parquet``). The suffix decides the reader.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.registry import Registry
from embedscope.readers._blocks import ArrayStream, plan

__all__ = ["READERS", "ArrayStream", "file_of", "is_vectors", "open_vectors", "plan"]

READERS: Registry[Callable[[Path, str | None], Stream]] = Registry("reader", "embedscope.readers")
"""Suffix without its dot -> function of (path, key) that opens the stream."""


def is_vectors(source: str) -> bool:
    """Whether ``source`` names a file of vectors (``X.npy``, ``X.npz::key``), by its suffix alone.

    >>> is_vectors("words.npz::glove"), is_vectors("hf:gpt2")
    (True, False)
    """
    return file_of(source).suffix.lower().removeprefix(".") in READERS


def file_of(source: str) -> Path:
    """The file part of ``FILE`` or ``FILE::KEY``."""
    return Path(source.partition("::")[0])


def open_vectors(source: str) -> Stream:
    """Open ``FILE`` or ``FILE::KEY`` as a stream with one space (``vectors``, or the key where one is named).

    Raises
    ------
    InputError
        if there is no such file, no such key, or it is not a finite real (n, d) matrix; nan and inf are found while
        the blocks are read.
    """
    path = file_of(source)
    key = source.partition("::")[2] or None
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in READERS:
        known = ", ".join(f".{name}" for name in READERS)
        raise InputError(f"{source} is not a file of vectors that can be read; wanted one of {known}")
    if not path.exists():
        raise InputError(f"there is no file {path}; check the spelling and the folder")
    if not path.is_file():
        raise InputError(f"{path} is a folder, wanted a file of vectors; name the file inside it")
    return READERS.get(suffix)(path, key)
