"""What was found in a source, printed before it is measured: format, files, rows, spaces, dimensions, types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from embedscope.core.batch import Stream
from embedscope.readers._aligned import AlignedStream
from embedscope.readers._raw import RawMatrix
from embedscope.readers.columns import ColumnStream, column_notes
from embedscope.readers.paths import CompressedFile, Place


@dataclass(frozen=True)
class Facts:
    """What a stream of files is made of.

    Attributes
    ----------
    files : in the order they are read
    dtypes : how the numbers of every space are stored
    order : ``Fortran`` where the columns lie one after the other
    notes : what a reader must know (lossy codes)
    form : what the files are called together, where they are one thing to their format
    """

    files: tuple[Place, ...]
    dtypes: Mapping[str, str]
    order: str = ""
    notes: tuple[str, ...] = ()
    form: str = ""


SEARCH_CODES = (
    "codes that `embedscope apply` wrote are searched in the index of `embedscope export REPAIR --to faiss --kind "
    "document`, or compared as the float32 rows they were made of"
)
"""What to do with a file of codes: it does not hold the ranges or the centroids that read them back."""


def notes_on_codes(dtypes: Mapping[str, str]) -> tuple[str, ...]:
    """What must be known of vectors kept as whole numbers of one or two bytes: they may be codes or packed bits."""
    notes = []
    if "uint8" in dtypes.values():
        notes.append(
            "uint8 numbers are measured as they are: if they are packed bits (ubinary), add ?bits to unpack; codes of "
            f"pq and rabitq are no coordinates: {SEARCH_CODES}"
        )
    if "int8" in dtypes.values():
        notes.append(
            "int8 numbers are measured as they are: if they are quantised codes their scale is lost, and packed bits "
            f"(binary) need ?bits to unpack; {SEARCH_CODES}"
        )
    if {"uint16", "int16"} & set(dtypes.values()):
        notes.append(
            "whole numbers of 16 bits are measured as they are: if they are the bits of bfloat16 or quantised codes, "
            "write the vectors as float32"
        )
    return tuple(notes)


@singledispatch
def facts_of(stream: Any) -> Facts:
    """What a ``stream`` of files is made of; streams of other kinds have no files."""
    facts: Facts = getattr(stream, "facts", Facts((), {}))
    return facts


@facts_of.register
def _(stream: RawMatrix) -> Facts:
    dtype = "bfloat16" if stream.bfloat16 else stream.dtype.name
    dtypes = {stream.space: dtype}
    return Facts((stream.path,), dtypes, "Fortran" if stream.fortran else "", notes_on_codes(dtypes))


@facts_of.register
def _(stream: ColumnStream) -> Facts:
    dtypes = {c.space: c.dtype for c in stream.columns}
    codes = notes_on_codes(dtypes)
    form = str(getattr(stream.path, "form", ""))  # of a vector store
    return Facts((stream.path,), dtypes, notes=(*stream.notes, *column_notes(stream), *codes), form=form)


@facts_of.register
def _(stream: AlignedStream) -> Facts:
    return _together([facts_of(m) for m in stream.matrices.values()])


def together(streams: tuple[Stream, ...]) -> Facts:
    """What several streams are made of."""
    return _together([facts_of(stream) for stream in streams])


def _together(parts: list[Facts]) -> Facts:
    dtypes: dict[str, dict[str, None]] = {}
    for facts in parts:
        for space, dtype in facts.dtypes.items():
            dtypes.setdefault(space, {})[dtype] = None
    files = dict.fromkeys(file for facts in parts for file in facts.files)
    order = "Fortran" if any(facts.order for facts in parts) else ""
    notes = dict.fromkeys(note for facts in parts for note in facts.notes)
    form = parts[0].form if len({facts.form for facts in parts}) == 1 else ""
    return Facts(tuple(files), {s: " and ".join(d) for s, d in dtypes.items()}, order, tuple(notes), form)


def itemsize_of(stream: Stream) -> int:
    """Bytes of a coordinate as the stream gives it, at least 4; 8 where it is not known.

    bfloat16 is given as float32.
    """
    names = [name for dtype in facts_of(stream).dtypes.values() for name in dtype.split(" and ")]
    sizes = [4 if name == "bfloat16" else np.dtype(name).itemsize for name in names]
    return max(4, *sizes) if sizes else 8


def _width(dim: int, dtype: str) -> str:
    """How many numbers a row has: whole numbers of one byte may be codes or packed bits, and are no dimensions then.

    >>> _width(384, "float32"), _width(48, "uint8")
    ('384 dimensions in float32', '48 numbers in uint8')
    """
    return f"{dim} {'numbers' if dtype in ('int8', 'uint8') else 'dimensions'} in {dtype}"


def describe_stream(stream: Stream) -> str:
    """One line on what was found: ``2 .npy files, 9,000 rows; vectors with 24 dimensions in float32``."""
    facts = facts_of(stream)
    suffixes = " and ".join(dict.fromkeys(file.suffix for file in facts.files))
    count = facts.form or f"{len(facts.files):,} {suffixes} file{'s' if len(facts.files) > 1 else ''}"
    rows = "" if stream.n_rows is None else f", {stream.n_rows:,} rows"
    order = f", in {facts.order} order" if facts.order else ""
    spaces = ", ".join(f"{s} with {_width(d, facts.dtypes.get(s, 'float32'))}" for s, d in stream.dims.items())
    packed = any(isinstance(file, CompressedFile) for file in facts.files)
    notes = [*(["decompressed to a temporary file"] if packed else []), *facts.notes]
    return "; ".join([f"{count}{rows}: {spaces}{order}", *notes])
