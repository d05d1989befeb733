"""Whether HDF5 can read the strings of a data set: over a damaged heap it loops, and it takes the memory they say.

Strings of any length lie in collections of a heap somewhere in the file; the data set holds one reference per string:
its length, where its collection begins, its number there. The library walks over the objects of a collection by the
sizes that they state, and without end where these lead nowhere. So the same walk is done here first.

Source: HDF5 File Format Specification 3.0, sections III.E (global heap) and VIII.B (references to it).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from embedscope.core.errors import InputError
from embedscope.readers.paths import Place

_SIGNATURE = b"GCOL\x01"
_WORD = 8
"""Bytes of an object or a collection before its size, and to which an object is padded."""
_WIDTHS = {2: "H", 4: "I", 8: "Q"}


def check_heaps(path: Place, key: str, file: Any, array: Any) -> None:
    """Raise ``InputError`` unless the strings of a data set can be read: collections whole, lengths possible.

    Parameters
    ----------
    path, key : the file and the name of the data set, for the message
    file, array : the open ``h5py.File`` and its data set ``key``; one without strings of any length passes

    Raises
    ------
    InputError
        if an object of a collection takes no bytes or more than are left of it, collections overlap or go beyond the
        end, or the strings together are longer than the file.
    """
    if array.dtype.kind != "O":
        return
    of_address, of_size = file.id.get_create_plist().get_sizes()
    reference = np.dtype([("length", "<u4"), ("place", f"<u{of_address}"), ("number", "<u4")])
    limit, total = path.stat().st_size, 0
    places: set[int] = set()
    for raw in _pieces(path, key, array, reference):
        part = np.frombuffer(raw[: len(raw) // reference.itemsize * reference.itemsize], reference)
        part = part[part["place"] > 0]
        total += int(part["length"].sum(dtype=np.uint64))
        places.update(np.unique(part["place"]).tolist())
    if total > limit:
        raise InputError(
            f"{path}::{key} says that its strings take {total:,} bytes, more than the file; write it again"
        )
    free = 0
    with path.open("rb") as content:
        for begin in sorted(place + file.userblock_size for place in places):
            size = _collection(content, begin, of_size, limit) if begin >= free else 0
            if not size:
                raise InputError(f"{path}::{key} has damaged strings, at byte {begin:,} of the file; write it again")
            free = begin + size


def _collection(file: BinaryIO, begin: int, width: int, limit: int) -> int:
    """Bytes of the collection at byte ``begin``, whose sizes have ``width`` bytes; 0 where it is damaged."""
    if begin >= limit:
        return 0
    file.seek(begin)
    head = file.read(_WORD + width)
    size = int.from_bytes(head[_WORD:], "little")
    if not head.startswith(_SIGNATURE) or begin + size > limit:
        return 0
    content = head + file.read(size - len(head))
    read, header = struct.Struct(f"<H6x{_WIDTHS[width]}").unpack_from, _WORD + max(width, _WORD)
    at = len(head)
    last = len(content) - header
    while at <= last:
        number, taken = read(content, at)
        if number:
            taken = header + (taken + 7 & ~7)
        if taken < header:
            return 0
        at += taken
    return size if at <= size else 0


def _pieces(path: Place, key: str, array: Any, reference: np.dtype[Any]) -> Iterator[bytes]:
    """The references of a data set as the file holds them, decompressed."""
    from h5py import File, h5d

    if array.id.get_create_plist().get_layout() == h5d.COMPACT:
        raise InputError(f"{path}::{key} has strings in the compact layout, which are not read; write it with h5py")
    if array.chunks is None:
        place, size = array.id.get_offset(), array.id.get_storage_size()
        if place is not None:
            with path.open("rb") as file:
                file.seek(place)
                yield file.read(size)
        return
    with File("references", "w", driver="core", backing_store=False) as scratch:
        for i in range(array.id.get_num_chunks()):
            skipped, raw = array.id.read_direct_chunk(array.id.get_chunk_info(i).chunk_offset)
            yield _decompress(scratch.id, f"{i}".encode(), array, reference, skipped, raw)


def _decompress(scratch: Any, name: bytes, array: Any, reference: np.dtype[Any], skipped: int, raw: bytes) -> bytes:
    """A chunk of references through the filters of its data set, by way of plain bytes of the same size in memory.

    ``skipped`` has a bit for each filter that was not applied.
    """
    from h5py import h5d, h5p, h5s, h5t

    options, filters = h5p.create(h5p.DATASET_CREATE), array.id.get_create_plist()
    options.set_chunk(array.chunks)
    applied = [filters.get_filter(j)[:3] for j in range(filters.get_nfilters()) if not skipped >> j & 1]
    if not applied:
        return raw
    for code, flags, values in applied:
        options.set_filter(code, flags, values)
    out = np.empty(array.chunks, f"V{reference.itemsize}")
    copy = h5d.create(scratch, name, h5t.py_create(out.dtype), h5s.create_simple(array.chunks), options)
    copy.write_direct_chunk((0,) * out.ndim, raw)
    copy.read(h5s.ALL, h5s.ALL, out)
    return out.tobytes()
