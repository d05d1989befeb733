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
from embedscope.core.tables import Index
from embedscope.core.wording import count
from embedscope.readers import file_of, is_vectors, open_vectors
from embedscope.sources.id_files import check_column, is_text_table, read_entries, read_table_entries, whole_column
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
    """Hashes (n,) of the ids of ``n`` rows: a file as :func:`read_ids` reads it, or an array.

    Raises
    ------
    InputError
        if the file cannot be read, or does not have one id per row; ``name`` is what the message calls the side.
    """
    ids = ids_in(source)
    if len(ids) != n:
        raise InputError(
            f"{name} has {n:,} rows and {len(ids):,} ids; wanted one id per row, in the same order{_header(ids, n)}"
        )
    return hash_texts(ids)


def partner_rows(ids: tuple[Hashes, Hashes], names: tuple[str, str]) -> Index:
    """Row (n,) of the second side that matches each row of the first, where every id stands once on either side.

    Raises
    ------
    InputError
        if an id stands twice on a side, or on one side alone: then pairs have no place in the order of the first side.
    """
    for name, own, other in zip(names, ids, reversed(ids), strict=True):
        alone = int((~np.isin(own, other)).sum())
        problem = f"{count(alone, 'id')} without a match" if alone else "an id twice"
        if alone or len(np.unique(own)) < len(own):
            raise InputError(
                f"groups go with ids where each id stands once on either side, and the {name} side has {problem}; "
                "leave out groups: rows of one id are one unit of evidence already"
            )
    order = np.argsort(ids[1])
    return np.asarray(order[np.searchsorted(ids[1][order], ids[0])], dtype=np.intp)


def hash_groups(source: str | Path | npt.ArrayLike, n: int, what: str = "row") -> Hashes:
    """Hashes (n,) of the groups of ``n`` rows, given as ids are; ``what`` is what a row is called.

    Raises
    ------
    InputError
        if the file cannot be read, or does not have one group per row.
    """
    groups = ids_in(source, "group")
    if len(groups) != n:
        raise InputError(
            f"groups has {count(len(groups), 'value')} for {count(n, what)}; wanted one per {what}, in the same order"
            f"{_header(groups, n)}"
        )
    return hash_texts(groups)


def _header(entries: list[str], n: int) -> str:
    """A question where there is one entry too many for ``n`` rows, and the first is no other one's."""
    alone = len(entries) == n + 1 and entries[0] not in entries[1:]
    return f" (is the first, '{entries[0][:40]}', a header?)" if alone else ""


def ids_in(source: str | Path | npt.ArrayLike, what: str = "id") -> list[str]:
    """Ids of an array, or of a file as :func:`read_ids` reads it, as strings; a list of strings is given back.

    >>> ids_in([7, 8])
    ['7', '8']
    """
    if isinstance(source, str | Path):
        return read_ids(source, what)
    if isinstance(source, list) and all(isinstance(i, str) for i in source):
        return source
    return [str(i) for i in np.asarray(source).ravel().tolist()]


def read_ids(source: str | Path, what: str = "id") -> list[str]:
    """Entries of a text file, one per line, or of ``FILE::COLUMN`` of a Parquet, CSV, TSV or JSONL file, one per row.

    Raises
    ------
    InputError
        if it cannot be read, or a row has no entry; ``what`` is what the message calls one (id, group, label).
    """
    file = file_of(str(source))
    if file.suffix.lower() == ".parquet":
        return _parquet_column(str(source), what)
    if is_text_table(file) and str(file) != str(source):
        return read_table_entries(file, str(source).partition("::")[2], what)
    return read_entries(Path(source), what)


def _read_part(path: Path, index: int, name: str) -> Matrix:
    try:
        x = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{path} is not a .npy file ({error}); save the array with np.save(path, x)") from error
    if x.ndim != 3 or index >= len(x):
        raise InputError(f"{name} is part {index} of an array of shape {x.shape}; wanted (parts, n, d)")
    return to_numpy(as_matrix(x[index], name))


def _parquet_column(source: str, what: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, _, column = source.partition("::")
    check_ends(path)
    try:
        if column:
            check_column(path, column, pq.read_schema(path).names)
        table = pq.read_table(path, columns=[column] if column else None)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot read {what}s from {source} ({error}); wanted FILE.parquet::COLUMN") from error
    if table.num_columns != 1:
        raise InputError(f"{path} has {table.num_columns} columns; name the column of {what}s: {path}::COLUMN")
    return whole_column(table.column(0).to_pylist(), f"column {table.column_names[0]} of {path}", what)
