"""``.npy`` files, and the members of ``.npz`` archives, which are the same inside."""

from __future__ import annotations

import shutil
import struct
import tempfile
import tokenize
import weakref
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from embedscope.core.batch import Stream
from embedscope.core.boundary import reason
from embedscope.core.errors import InputError
from embedscope.readers._aligned import align
from embedscope.readers._found_keys import as_strings, beside
from embedscope.readers._keys import ALL, select_keys
from embedscope.readers._raw import RawMatrix, check_matrix, check_size
from embedscope.readers._row_strings import RowStrings
from embedscope.readers.paths import Place

IDS = ("npy", "npz")

_MATRIX = 2

_ARCHIVE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, struct.error)


def open_npy(path: Place, key: str | None = None) -> Stream:
    """The one array of a ``.npy`` file; C or Fortran order, any real dtype and byte order."""
    if key is not None:
        raise InputError(f"{path} holds one array without a name; leave out '::{key}'")
    return _matrix(path, 0, path.stat().st_size, str(path), "vectors")


def open_npz(path: Place, key: str | None = None) -> Stream:
    """Arrays of a ``.npz`` archive: the only matrix, or those that ``key`` names; compressed ones are unpacked first.

    Arrays of strings or whole numbers called ``ids``, ``texts``, ..., one per row, are the ids and texts. The checksum
    of every member that is read is verified here, before any of it is used.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = {i.filename.removesuffix(".npy"): i for i in archive.infolist() if i.filename.endswith(".npy")}
            twice = [name for name, n in Counter(i.filename for i in archive.infolist()).items() if n > 1]
            if twice:
                raise InputError(f"{path} holds {twice[0]} more than once; save it again with np.savez")
            shapes = {name: _shape(archive, member) for name, member in members.items()}
            wide = [name for name, (shape, kind) in shapes.items() if len(shape) == _MATRIX and kind in "fiu"]
            sparse = " (a sparse matrix of SciPy: save x.toarray())" if {"indptr", "indices"} <= set(members) else ""
            others = [f"{name} {shape}" for name, (shape, _) in shapes.items()]
            names = select_keys(
                f"{path}{sparse if key is None else ''}",
                "array",
                key,
                wide if key in {None, ALL} and (wide or len(members) > 1) else list(members),
                others,
            )
            kept = {name: _Unpacked(archive, members[name]) for name in names if not _is_stored(members[name])}
            starts = {name: _check(archive, members[name], file) for name in names if name not in kept}
    except _ARCHIVE as error:
        raise InputError(f"{path} is not a readable .npz archive ({reason(error)}); save it with np.savez") from error
    arrays = {}
    lengths = {name: shape[0] for name, (shape, kind) in shapes.items() if len(shape) == 1 and kind in "iuSU"}
    for name in names:
        label, space, size = f"{path}::{name}", "vectors" if key is None else name, members[name].file_size
        if name in kept:
            arrays[space] = _matrix(kept[name].path, 0, size, label, space, kept[name])
        else:
            arrays[space] = _matrix(path, starts[name], size, label, space)
        ids, texts = beside(name, lengths, arrays[space].shape[0])
        arrays[space] = replace(arrays[space], row_ids=_strings(path, ids), row_texts=_strings(path, texts))
    return align(arrays)


def _shape(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[tuple[int, ...], str]:
    """Shape of a member and the kind of its numbers, from its header; ``?`` where that cannot be read."""
    try:
        with archive.open(member) as content:
            shape, _, dtype = _header(content, member.filename)
    except (InputError, *_ARCHIVE):
        return (), "?"
    return shape, "O" if dtype.hasobject else dtype.kind


def _strings(path: Place, name: str | None) -> RowStrings | None:
    """The strings of the member ``name``, read when they are wanted."""
    if name is None:
        return None

    def read() -> Iterator[Sequence[str]]:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            yield as_strings(archive[name].tolist())

    return RowStrings(f"array {name} of {path}", read)


def _is_stored(member: zipfile.ZipInfo) -> bool:
    return member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1


class _Unpacked:
    """A member of an archive as a file of its own, removed when nobody holds it any more."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        folder = tempfile.mkdtemp(prefix="embedscope-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.path = Path(folder) / "member.npy"
        with archive.open(member) as packed, self.path.open("wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)


def _check(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: BinaryIO) -> int:
    """Position of the bytes of a stored member, after its local header, name and extra field; its CRC-32 is checked."""
    with archive.open(member) as content:
        while content.read(1 << 20):
            pass
    if member.compress_size != member.file_size:
        raise zipfile.BadZipFile(f"{member.filename} has two sizes")
    file.seek(member.header_offset + 26)
    name, extra = struct.unpack("<HH", file.read(4))
    return member.header_offset + 30 + int(name) + int(extra)


def _matrix(path: Place, start: int, size: int, name: str, space: str, keep: object = None) -> RawMatrix:
    with path.open("rb") as file:
        file.seek(start)
        shape, fortran, dtype = _header(file, name)
        header = file.tell() - start
    check_matrix(shape, dtype, name)
    check_size(size, header, shape, dtype, name)
    return RawMatrix(path, start + header, (shape[0], shape[1]), dtype, name, space, fortran, keep=keep)


def _header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    here = file.tell()
    first = file.read(1)
    file.seek(here)
    if first == b"\x80":
        raise InputError(f"{name} is a pickle, which is never loaded; save the array with np.save(path, x)")
    try:
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(file)
        if version == (2, 0):
            return np.lib.format.read_array_header_2_0(file)
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise InputError(f"{name} is not a .npy file ({reason(error)}); save it with np.save(path, x)") from error
    raise InputError(f"{name} has .npy version {version}, wanted 1.0 or 2.0; save a plain float array")


ENTRIES = {"npy": open_npy, "npz": open_npz}
