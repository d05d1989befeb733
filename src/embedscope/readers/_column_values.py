"""Values of a column of vectors as a matrix: lists, columns of coordinates, or vectors written out as strings."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import check_finite
from embedscope.core.errors import InputError

_BRACKETS = "[](){} \t\r\n"
_CALL = r"^\s*(np\.|torch\.)?(array|tensor)\("
_CALL_END = r",\s*(dtype|device)=[^\])]*\)\s*$"
_SCALAR = r"(np|numpy)\.float(16|32|64)\(([^()]*)\)"
_UNBRACKETED = 3
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|NaN|Infinity)"


def looks_like_vector(value: Any, at_least: int = 1) -> bool:
    """Whether a string is a vector written out: numbers split by commas or spaces, between brackets or three and more.

    Without brackets one of them has a decimal point.

    >>> looks_like_vector("[0.1, -2e-3]"), looks_like_vector("a text"), looks_like_vector("2024 10")
    (True, False, False)
    >>> looks_like_vector("0.1 0 -0.3"), looks_like_vector("array([1., 2.], dtype=float32)")
    (True, True)
    >>> looks_like_vector("[np.float64(0.1), np.float64(2.0)]")
    True
    """
    if not isinstance(value, str):
        return False
    if base64_floats(value) is not None:
        return True
    text = _bare(value).strip()
    parts = numbers_in(text)
    if len(parts) < at_least or not all(re.fullmatch(_NUMBER, part) or part == "..." for part in parts):
        return False
    if text[:1] in {"[", "(", "{"} and text[-1:] in {"]", ")", "}"}:
        return bool(parts)
    return len(parts) >= _UNBRACKETED and any("." in part for part in parts)


def base64_floats(value: Any) -> npt.NDArray[np.float32] | None:
    """The float32 numbers of a string in base64, as OpenAI's ``encoding_format`` has them; None where it is none.

    Other bytes in base64 do not have eight and more numbers of ordinary size.

    >>> base64_floats("AACAPwAAAEAAAEBAAACAQAAAoEAAAMBAAADgQAAAAEE=").tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    >>> base64_floats("a text"), base64_floats("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=")
    (None, None)
    """
    if not isinstance(value, str) or len(value) % 4 or not re.fullmatch(_BASE64, value):
        return None
    data = base64.b64decode(value)
    if len(data) % 4:
        return None
    x = np.frombuffer(data, "<f4")
    with np.errstate(invalid="ignore"):
        size = np.abs(x[x != 0])
    return x if len(size) and ((size > _TINY) & (size < _HUGE)).all() else None


_BASE64 = r"[A-Za-z0-9+/]{40,}={0,2}"
_TINY, _HUGE = 1e-12, 1e4


def numbers_in(value: str) -> list[str]:
    """The numbers of a written vector, as strings."""
    return _bare(value).strip(_BRACKETS).replace(",", " ").split()


def _bare(value: str) -> str:
    return re.sub(_SCALAR, r"\3", re.sub(_CALL_END, "", re.sub(_CALL, "", value)))


def parse_column(column: Any, name: str, row: int) -> Any:
    """A column of written vectors (Arrow strings) as a column of lists, of float64, or of float32 from base64."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if base64_floats(next((v.as_py() for v in column if v.is_valid), None)) is not None:
        return pa.array([_decode(v.as_py(), name, row + i) for i, v in enumerate(column)], pa.list_(pa.float32()))

    if cut := pc.any(pc.match_substring(column, "...")).as_py():
        bad = row + pc.index(pc.match_substring(column, "..."), cut).as_py()
        raise InputError(
            f"{name} was cut when it was printed: row {bad} holds '...' in place of numbers; write the vectors again "
            "with x.tolist()"
        )
    if pc.any(pc.match_substring_regex(column, _CALL)).as_py():
        column = pc.replace_substring_regex(pc.replace_substring_regex(column, _CALL, ""), _CALL_END, "")
    if pc.any(pc.match_substring_regex(column, _SCALAR)).as_py():
        column = pc.replace_substring_regex(column, _SCALAR, r"\3")
    flat = pc.utf8_trim(pc.replace_substring(column, ",", " "), characters=_BRACKETS)
    lists = pc.ascii_split_whitespace(flat)
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.combine_chunks()
    try:
        values = lists.values.cast(pa.float64())
    except pa.ArrowInvalid as error:
        raise InputError(f"{name} holds a string that is no vector, from row {row} on ({error})") from error
    return type(lists).from_arrays(lists.offsets, values, mask=lists.is_null() if lists.null_count else None)


def _decode(value: str | None, name: str, row: int) -> npt.NDArray[np.float32] | None:
    vector = base64_floats(value)
    if value is not None and vector is None:
        raise InputError(f"{name} holds float32 numbers in base64, but not in row {row}; write its vector again")
    return vector


def side_by_side(columns: Sequence[Any], names: Sequence[str], label: str, row: int) -> npt.NDArray[Any]:
    """(n, d) of ``d`` columns of numbers, checked to have no nulls and to be finite."""
    for column, name in zip(columns, names, strict=True):
        if column.null_count:
            bad = row + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
            raise InputError(f"{label}: column {name} is empty in row {bad}; drop or repair this row")
    x = np.column_stack([numbers(column) for column in columns])
    check_finite(x, label, row)
    return x


def matrix(column: Any, dim: int, name: str, row: int) -> npt.NDArray[Any]:
    """(n, ``dim``) of a column of lists, the first of which is row ``row``; checked to be finite and of one length."""
    column = storage(column)
    if column.null_count:
        first = row + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise InputError(f"{name} has a null in row {first}; drop the rows without a vector")
    lengths, flat = _items(column)
    if (lengths != dim).any():
        bad = int(np.argmax(lengths != dim))
        raise InputError(
            f"{name} is ragged: row {row + bad} has {int(lengths[bad])} numbers, row 0 has {dim}; "
            "all vectors must have one length"
        )
    if flat.null_count:
        bad = row + int(np.argmax(flat.is_null().to_numpy(zero_copy_only=False))) // dim
        raise InputError(f"{name} has a null inside the vector of row {bad}; drop or repair this row")
    x = numbers(flat).reshape(-1, dim)
    check_finite(x, name, row)
    return x


def numbers(column: Any) -> npt.NDArray[Any]:
    """(n,) the numbers of an Arrow array without nulls, not copied.

    ``to_numpy`` of Arrow imports pandas where it is installed, 40 MB that are not needed here.
    """
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return np.from_dlpack(column) if len(column) else np.empty(0, column.type.to_pandas_dtype())


def _items(column: Any) -> tuple[npt.NDArray[Any], Any]:
    """(n,) lengths of the lists of an Arrow array without nulls, and what they hold one after the other.

    As ``value_lengths`` and ``flatten`` of Arrow, which import all its compute functions, 20 MB.
    """
    n = len(column)
    size = int(getattr(column.type, "list_size", -1))
    if size >= 0:
        return np.full(n, size), column.values.slice(column.offset * size, n * size)
    if is_view(column.type):  # whose lists may lie in any order, or share their numbers
        return numbers(column.sizes), column.flatten()
    offsets = numbers(column.offsets)
    return np.diff(offsets), column.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))


def is_view(kind: Any) -> bool:
    """Whether an Arrow type is ``list_view`` or ``large_list_view``."""
    return str(kind).startswith(("list_view<", "large_list_view<"))


def storage(column: Any) -> Any:
    """The values that an extension array is stored as."""
    return getattr(column, "storage", column)
