"""Files of vectors written block by block: .npy, .safetensors, and .parquet with the other columns of its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.errors import InputError

Write = Callable[[Any, Any], None]
"""(rows (n, d), table of n rows with other columns, or None) -> None."""


@dataclass(frozen=True)
class Layout:
    """What a file is to hold: ``rows`` vectors of ``dim`` dimensions and type ``dtype``, in the column ``name``.

    ``beside`` is the Arrow schema of other columns, None where there are none.
    """

    rows: int
    dim: int
    dtype: np.dtype[Any]
    name: str
    beside: Any = None

    @property
    def n_bytes(self) -> int:
        """Size of the vectors."""
        return self.rows * self.dim * self.dtype.itemsize


def writing(path: Path, suffix: str, layout: Layout) -> AbstractContextManager[Write]:
    """Open ``path`` for blocks of rows in the format of ``suffix``."""
    return _FORMATS[suffix](path, layout)


def check_suffix(name: str) -> str:
    """The suffix of a file name that can be written, else ``InputError``.

    >>> check_suffix("out/x.npy")
    '.npy'
    """
    suffix = Path(name).suffix.lower()
    if suffix not in _FORMATS:
        raise InputError(f"cannot write vectors to {name}; its name must end in {', '.join(_FORMATS)}")
    return suffix


@contextmanager
def _npy(path: Path, layout: Layout) -> Iterator[Write]:
    header = {"descr": layout.dtype.str, "fortran_order": False, "shape": (layout.rows, layout.dim)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        yield lambda rows, _: _put(file, rows)


@contextmanager
def _safetensors(path: Path, layout: Layout) -> Iterator[Write]:
    stored = f"{layout.dtype.kind.upper()}{8 * layout.dtype.itemsize}"
    facts = {"dtype": stored, "shape": [layout.rows, layout.dim], "data_offsets": [0, layout.n_bytes]}
    text = json.dumps({layout.name: facts}).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        yield lambda rows, _: _put(file, rows)


@contextmanager
def _parquet(path: Path, layout: Layout) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    vectors = pa.field(layout.name, pa.list_(pa.from_numpy_dtype(layout.dtype), layout.dim))
    schema = pa.schema([vectors]) if layout.beside is None else layout.beside.append(vectors)
    with pq.ParquetWriter(path, schema) as file:

        def put(rows: Any, table: Any) -> None:
            column = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), layout.dim)
            written_table = (
                pa.table([column], names=[layout.name]) if table is None else table.append_column(vectors, column)
            )
            file.write_table(written_table)

        yield put


def _put(file: Any, rows: Any) -> None:
    file.write(np.ascontiguousarray(rows).data)


_FORMATS: Mapping[str, Callable[[Path, Layout], AbstractContextManager[Write]]] = {
    ".npy": _npy,
    ".parquet": _parquet,
    ".safetensors": _safetensors,
}

SUFFIXES = tuple(_FORMATS)
"""Formats that can be written."""
