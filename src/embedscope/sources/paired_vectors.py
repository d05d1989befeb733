"""Paired vectors: the rows of either side, and the ids that say which rows belong together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Array, Hashes, as_matrix, is_torch, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.ids import hash_texts
from embedscope.core.provenance import Provenance
from embedscope.core.regular import check_ends
from embedscope.core.wording import count
from embedscope.readers import file_of, is_vectors, open_vectors
from embedscope.sources.vector_files import Matrix, read_matrix, vector_file_facts


def read_side(source: Array | str | Path, provenance: Provenance, side: str = "x") -> Matrix:
    """All rows (n, d) of one side of a pair: an array, ``FILE`` or ``FILE::KEY``.

    ``FILE.npy::0`` is the first part of an array of shape (parts, n, d). ``side`` is what messages call an array.

    Raises
    ------
    InputError
        if ``source`` is none of these.
    """
    if isinstance(source, Mapping):
        raise InputError(
            f"{side} is a dict, and rows match by position here; pass an array of its values, and its ids as pair_ids"
        )
    if not isinstance(source, str | Path):
        return to_numpy(as_matrix(source if is_torch(source) else np.asarray(source), side))
    name = str(source)
    path = file_of(name)
    if not is_vectors(name):
        if name.startswith("-"):
            raise InputError(f"--pair takes two sources, as in --pair a.npy b.npy; the second is missing before {name}")
        raise InputError(
            f"--pair takes two files or folders of vectors (X.npy, X.parquet::image, DIR::image, ...), got '{name}'"
        )
    part = name.partition("::")[2]
    if path.suffix.lower() == ".npy" and part.isdigit() and path.is_file():
        with provenance.phase(f"checksum {name}"):
            provenance.data[name] = file_facts(path)
        return _read_part(path, int(part), name)
    stream = open_vectors(name)
    with provenance.phase(f"checksum {name}"):
        provenance.data[name] = vector_file_facts(name, stream)
    return read_matrix(stream, name)[1]


def id_hashes(source: str | Path | npt.ArrayLike, n: int, name: str) -> Hashes:
    """Hashes (n,) of the ids of ``n`` rows: a text file with one id per line, ``FILE.parquet::COLUMN``, or an array.

    Raises
    ------
    InputError
        if the file cannot be read, or does not have one id per row; ``name`` is what the message calls the side.
    """
    ids = ids_in(source)
    if len(ids) != n:
        raise InputError(f"{name} has {n:,} rows and {len(ids):,} ids; wanted one id per row, in the same order")
    return hash_texts(ids)


def hash_groups(source: str | Path | npt.ArrayLike, n: int, what: str = "row") -> Hashes:
    """Hashes (n,) of the groups of ``n`` rows, given as ids are; ``what`` is what a row is called.

    Raises
    ------
    InputError
        if the file cannot be read, or does not have one group per row.
    """
    groups = ids_in(source)
    if len(groups) != n:
        raise InputError(
            f"groups has {count(len(groups), 'value')} for {count(n, what)}; wanted one per {what}, in the same order"
        )
    return hash_texts(groups)


def ids_in(source: str | Path | npt.ArrayLike) -> list[str]:
    """Ids of an array, or of a file as :func:`read_ids` reads it, as strings; a list of strings is given back.

    >>> ids_in([7, 8])
    ['7', '8']
    """
    if isinstance(source, str | Path):
        return read_ids(source)
    if isinstance(source, list) and all(isinstance(i, str) for i in source):
        return source
    return [str(i) for i in np.asarray(source).ravel().tolist()]


def read_ids(source: str | Path) -> list[str]:
    """Entries of a text file, one per line, or of ``FILE.parquet::COLUMN``; ``InputError`` where it cannot be read."""
    return _parquet_column(str(source)) if ".parquet" in str(source) else _text_lines(Path(source))


def _read_part(path: Path, index: int, name: str) -> Matrix:
    try:
        x = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{path} is not a .npy file ({error}); save the array with np.save(path, x)") from error
    if x.ndim != 3 or index >= len(x):
        raise InputError(f"{name} is part {index} of an array of shape {x.shape}; wanted (parts, n, d)")
    return to_numpy(as_matrix(x[index], name))


def _text_lines(path: Path) -> list[str]:
    from embedscope.datasets.tables import read_text
    from embedscope.datasets.text import lines

    return lines(read_text(path, "UTF-8 text, one id per line"))


def _parquet_column(source: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, _, column = source.partition("::")
    check_ends(path)
    try:
        table = pq.read_table(path, columns=[column] if column else None)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot read ids from {source} ({error}); wanted FILE.parquet::COLUMN") from error
    if table.num_columns != 1:
        raise InputError(f"{path} has {table.num_columns} columns; name the column of ids: {path}::COLUMN")
    return [str(v) for v in table.column(0).to_pylist()]
