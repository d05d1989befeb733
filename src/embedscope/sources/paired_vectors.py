"""Matched vectors from files: two sides, and the ids that say which rows belong together."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedscope.core.arrays import Array, Hashes
from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.provenance import Provenance
from embedscope.readers import facts_of, file_of, is_vectors, state_of

if TYPE_CHECKING:
    pass


import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import as_matrix, is_torch, to_numpy
from embedscope.core.ids import hash_texts
from embedscope.readers import open_vectors

Matrix = npt.NDArray[Any]


def side(source: Array | str | Path, provenance: Provenance) -> Matrix:
    """All rows of one side (n, d): an array, ``FILE`` or ``FILE::KEY``; ``FILE.npy::0`` is a part of a (2, n, d) file.

    Raises
    ------
    InputError
        if it is neither.
    """
    if not isinstance(source, str | Path):
        return to_numpy(as_matrix(source if is_torch(source) else np.asarray(source)))
    name = str(source)
    path = file_of(name)
    if not is_vectors(name) and not path.is_dir():
        raise InputError(
            f"--pair takes two files or folders of vectors (X.npy, X.parquet::image, DIR::image, ...), got '{name}'"
        )
    part = name.partition("::")[2]
    if path.suffix.lower() == ".npy" and part.isdigit() and path.is_file():
        with provenance.phase(f"checksum {name}"):
            provenance.data[name] = file_facts(path)
        return _part(path, int(part), name)
    stream = open_vectors(name)
    with provenance.phase(f"checksum {name}"):
        provenance.data[name] = facts_of_files(name, stream)
    return _rows(stream, name)


def id_hashes(source: str | Path | npt.ArrayLike, n: int, name: str) -> Hashes:
    """Hashes (n,) of what rows belong to: a text file with one id a line, ``FILE.parquet::COLUMN``, or an array.

    Raises
    ------
    InputError
        if the file cannot be read, or does not hold one id a row.
    """
    if isinstance(source, str | Path):
        ids = _column(str(source)) if ".parquet" in str(source) else _lines(Path(source))
    else:
        ids = [str(i) for i in np.asarray(source).ravel().tolist()]
    if len(ids) != n:
        raise InputError(f"{name} has {n} rows and its ids are {len(ids)}; wanted one id a row, in the same order")
    return hash_texts(ids)


def _part(path: Path, index: int, name: str) -> Matrix:
    try:
        x = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise InputError(f"{path} is not a .npy file ({error}); save the array with np.save(path, x)") from error
    if x.ndim != 3 or index >= len(x):
        raise InputError(f"{name} is part {index} of an array of shape {x.shape}; wanted (parts, n, d)")
    return to_numpy(as_matrix(x[index], name))


def _rows(stream: Stream, name: str) -> Matrix:
    spaces = list(stream.dims)
    if len(spaces) != 1:
        raise InputError(f"{name} holds {len(spaces)} spaces ({', '.join(spaces)}); name one with ::NAME")
    parts = [to_numpy(batch.spaces[spaces[0]]).copy() for shard in stream.shards() for batch in shard.batches()]
    return np.concatenate(parts)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read ids from {path} ({error}); wanted UTF-8 text, one id a line") from error


def _column(source: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, _, column = source.partition("::")
    try:
        table = pq.read_table(path, columns=[column] if column else None)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"cannot read ids from {source} ({error}); wanted FILE.parquet::COLUMN") from error
    if table.num_columns != 1:
        raise InputError(f"{path} has {table.num_columns} columns; name that of the ids: {path}::COLUMN")
    return [str(v) for v in table.column(0).to_pylist()]


def facts_of_files(source: str, stream: Stream) -> dict[str, Any]:
    """Checksum of a file here; of many files or remote ones, of their names, sizes and times of change."""
    files = facts_of(stream).files
    if len(files) == 1 and isinstance(files[0], Path):
        return file_facts(file_of(source) if file_of(source).is_file() else files[0])
    states = [state_of(file) for file in files]
    listing = hashlib.sha256(repr(states).encode()).hexdigest()
    return {"files": len(files), "bytes": sum(size for _, size, _ in states), "listing_sha256": listing}
