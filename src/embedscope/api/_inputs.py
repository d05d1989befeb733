"""What users hold, as what the engine reads: paths, arrays, columns of tables, tensors, models, dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import is_torch, widen
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.short_repr import shorten
from embedscope.core.unused import refuse_unused
from embedscope.core.wording import count

_PLAIN = (str, int, float, np.generic)
_MODEL_METHODS = ("encode", "embed_documents", "embed_query", "get_text_embedding")


def cost_options(yes: bool) -> dict[str, Any]:
    """The option ``yes`` where it is given, which accepts the cost of a paid server."""
    return {"yes": True} if yes else {}


def strings(value: str | Iterable[str] | None) -> list[str] | None:
    """A string (names separated by commas) or several strings as a list; None stays None.

    >>> strings("isoscore, i1"), strings(["rg65"]), strings(None)
    (['isoscore', 'i1'], ['rg65'], None)
    """
    if value is None:
        return None
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value)


def refuse(why: str, **options: Any) -> None:
    """Raise ``InputError`` for the first of ``options`` that is set although it means nothing here.

    >>> refuse("is for files", checkpoint=None, skip_bad_shards=False)
    """
    refuse_unused(why, spelled=str, **options)


def comma(value: str | Iterable[str | int] | None) -> str | None:
    """A list as one string of names separated by commas; a string as it is."""
    return value if value is None or isinstance(value, str) else ",".join(map(str, value))


def progress_of(shown: bool | Progress) -> Progress:
    """Progress as asked for: bars on standard error for True, nothing for False, or the caller's own."""
    if shown is True:
        from embedscope.reports.progress import Bars

        return Bars()
    return Silent() if shown is False else shown


def is_model_object(x: Any) -> bool:
    """Whether ``x`` encodes texts: it has ``encode``, ``embed_documents`` or ``embed_query``, or can be called."""
    if isinstance(x, str | Path | np.ndarray | Mapping | Sequence) or is_torch(x):
        return False
    return any(callable(getattr(x, name, None)) for name in _MODEL_METHODS) or callable(x)


def source_of(x: Any, name: str = "source") -> Any:
    """A source: names of files and models as they are, model objects by a name, everything else as vectors."""
    if is_model_object(x):
        from embedscope.encoders.objects import register_model

        return register_model(x)
    if isinstance(x, list | tuple) and x and any(isinstance(s, str | Path) or is_model_object(s) for s in x):
        return [str(source_of(s)) for s in x]
    return vectors_of(x, name)


def vectors_of(x: Any, name: str = "vectors") -> Any:
    """Vectors (n, d), by name where ``x`` is a mapping; names of files stay as they are.

    Parameters
    ----------
    x : path, array, tensor, list of rows, DataFrame of numbers, Series or Arrow column of arrays, {space: any of these}

    Raises
    ------
    InputError
        if it is none of these, or rows have different lengths.

    >>> vectors_of([[1.0, 2.0], [3.0, 4.0]]).shape
    (2, 2)
    """
    if x is None or isinstance(x, str | Path):
        return x
    if is_torch(x):
        return x.detach()
    if isinstance(x, Mapping):
        return {str(key): vectors_of(value, str(key)) for key, value in x.items()}
    return _matrix(x, name)


def _matrix(x: Any, name: str) -> npt.NDArray[Any]:
    """One matrix of rows, whatever library holds it."""
    module = type(x).__module__.partition(".")[0]
    if module == "pyarrow":
        return _arrow(x, name)
    if len(getattr(x, "shape", ())) == 2 and hasattr(x, "columns"):
        return _frame(x, name)
    if is_model_object(x):
        raise InputError(f"{name} is a model, and vectors are wanted here; pass what it encodes, an array (n, d)")
    if hasattr(x, "toarray") and hasattr(x, "nnz"):
        raise InputError(f"{name} is a sparse matrix ({type(x).__name__}); pass {name}.toarray()")
    if isinstance(x, np.ma.MaskedArray) and x.mask.any():
        rows = count(int(x.mask.any(axis=-1).sum()), "row")
        raise InputError(f"{name} is an array with masked values in {rows}; drop these rows, or fill them")
    if hasattr(x, "to_numpy"):
        return _stack(x.to_numpy(), name)
    if hasattr(x, "__array__") or isinstance(x, list | tuple):
        return _stack(x, name)
    raise InputError(
        f"{name} is a {type(x).__name__}; wanted a path, an array, a tensor, a column of arrays, or a model object"
    )


def _stack(x: Any, name: str) -> npt.NDArray[Any]:
    """Rows of one length as a matrix."""
    if isinstance(x, np.ndarray) and x.dtype != object:
        return widen(x)
    rows = [widen(np.asarray(row)) for row in x]
    lengths = {row.shape for row in rows}
    if len(lengths) > 1:
        raise InputError(f"rows of {name} have different shapes, such as {sorted(map(str, lengths))[:2]}; wanted one d")
    return np.asarray(rows)


def _frame(x: Any, name: str) -> npt.NDArray[Any]:
    """The coordinates that a table holds in columns, or its one column of vectors."""
    from embedscope.readers import join_first, no_coordinates, numbered_groups

    columns = [str(column) for column in x.columns]
    if len(columns) == 1:
        column = _matrix(x.iloc[:, 0] if hasattr(x, "iloc") else x.to_series(), name)
        return column[:, None] if column.ndim == 1 else column
    others = no_coordinates(columns)
    values = x.to_numpy()
    if values.dtype == object and all(getattr(kind, "kind", "O") in "fiu" for kind in x.dtypes):
        values = x.to_numpy(dtype=np.float64, na_value=np.nan)  # numbers of pandas that may be missing
    if others and (values.dtype != object or numbered_groups(columns)):
        which = f"column {others[0]} is no coordinate" if len(others) == 1 else f"columns {join_first(others)} are none"
        raise InputError(f"{name} is a table of coordinates, and its {which} by name; {_dropping(x, others)}")
    if values.dtype != object:
        return np.asarray(values)
    raise InputError(
        f"{name} is a table with the columns {', '.join(columns[:8])}, not all of them numbers; pass one, as in "
        "frame['vector']"
    )


def _dropping(frame: Any, columns: list[str]) -> str:
    """What leaves ``columns`` out of a table of pandas or polars."""
    if len(columns) > _FEW:
        return "pass the columns of coordinates alone"
    return f"pass frame.drop({'columns=' if hasattr(frame, 'iloc') else ''}{columns})"


_FEW = 6


def _arrow(x: Any, name: str) -> npt.NDArray[Any]:
    """A column of lists, fixed-size or not, as a matrix."""
    import pyarrow as pa

    if isinstance(x, pa.Table | pa.RecordBatch):
        if x.num_columns != 1:
            raise InputError(
                f"{name} is an Arrow table with the columns {', '.join(x.column_names[:8])}; pass one, as in "
                "table['vector']"
            )
        return _arrow(x.column(0), name)
    column = x.combine_chunks() if isinstance(x, pa.ChunkedArray) else x
    if isinstance(column, pa.ChunkedArray):  # several chunks that one array cannot hold
        return np.concatenate([_arrow(chunk, name) for chunk in column.chunks])
    if not hasattr(column, "flatten") or not hasattr(column.type, "value_type"):
        raise InputError(f"{name} is an Arrow {column.type}; wanted lists of numbers")
    if column.null_count:
        raise InputError(f"{name} has null rows ({column.null_count:,}); drop them first")
    flat = column.flatten().to_numpy(zero_copy_only=False)
    if pa.types.is_fixed_size_list(column.type):
        return np.asarray(flat).reshape(len(column), column.type.list_size)
    lengths = np.diff(column.offsets.to_numpy())
    if len(lengths) and not (lengths == lengths[0]).all():
        raise InputError(f"rows of {name} have from {lengths.min()} to {lengths.max()} values; wanted one d")
    return np.asarray(flat).reshape(len(column), -1)


def labels_of(x: Any, name: str) -> Any:
    """Labels, ids or groups, one per row: a path as it is, a column of a table or several values as a list.

    Raises
    ------
    InputError
        if ``x``, which ``name`` names, is not one value per row, or the value of a row is missing.

    >>> labels_of((1, "a"), "groups"), labels_of("groups.txt", "groups")
    ([1, 'a'], 'groups.txt')
    """
    if x is None or isinstance(x, str | Path):
        return x
    if getattr(x, "ndim", 1) != 1 or isinstance(x, bytes | Mapping | Set) or not isinstance(x, Iterable):
        raise InputError(f"{name} is {shorten(x)}; wanted a file, or one value per row: a list, an array or a column")
    if isinstance(x, np.ndarray) and x.dtype.kind in "biuSU":
        return x
    whole = next((getattr(x, method) for method in ("to_pylist", "tolist") if hasattr(x, method)), None)
    values = list(x) if whole is None else whole()
    for row, value in enumerate(values):
        if _is_missing(value):
            raise InputError(f"{name} has no value for row {row:,} ({shorten(value)}); give every row one")
        if hasattr(value, "__len__") and not isinstance(value, str | bytes):
            raise InputError(f"{name} has {shorten(value)} for row {row:,}; wanted one value per row")
    return [value if isinstance(value, _PLAIN) else str(value) for value in values]


def _is_missing(value: Any) -> bool:
    """None, NaN, and what pandas puts for a missing value."""
    not_a_number = isinstance(value, float | np.floating) and bool(np.isnan(value))
    return value is None or not_a_number or type(value).__name__ in ("NAType", "NaTType")


def sides_of(pair: tuple[Any, Any] | None) -> tuple[Any, Any] | None:
    """The vectors of two sides."""
    return None if pair is None else (vectors_of(pair[0], "pair[0]"), vectors_of(pair[1], "pair[1]"))


def pair_ids_of(pair_ids: tuple[Any, Any] | None) -> tuple[Any, Any] | None:
    """The ids of the rows of two sides."""
    return None if pair_ids is None else (labels_of(pair_ids[0], "pair_ids"), labels_of(pair_ids[1], "pair_ids"))


def corpus_ids_of(corpus_ids: Any, several: bool) -> tuple[Any, ...]:
    """The ids of one corpus, or of each of ``several``."""
    if corpus_ids is None:
        return ()
    each = corpus_ids if several and not isinstance(corpus_ids, str | Path) else [corpus_ids]
    return tuple(labels_of(ids, "corpus_ids") for ids in each)


def collection_of(x: Any, name: str) -> Any:
    """Queries or documents: a file, {id: text}, {id: vector}, or vectors."""
    return x if isinstance(x, Mapping) else vectors_of(x, name)
