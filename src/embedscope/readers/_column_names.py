"""Which columns of a table are vectors, ids and texts: found by their types and names, and told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.boundary import shorten_name
from embedscope.core.errors import InputError
from embedscope.readers._column_values import base64_floats, is_view, looks_like_vector, numbers_in
from embedscope.readers._json_lines import command_for_place
from embedscope.readers._keys import ALL, EmptyFileError, NoVectorsError, check_key, join_first, select_keys
from embedscope.readers._raw import check_matrix
from embedscope.readers.paths import Place

ID_NAMES: tuple[str, ...] = ("id", "ids", "_id", "doc_id", "docid", "document_id", "custom_id", "item_id", "row_id")
ID_NAMES += ("uid", "uuid", "guid", "key", "pk", "index")
ID_NAMES += ("unnamed: 0", "__index_level_0__")  # the index of a pandas data frame
TEXT_NAMES: tuple[str, ...] = (
    "text",
    "texts",
    "sentence",
    "content",
    "contents",
    "document",
    "documents",
    "body",
    "passage",
)
TEXT_NAMES += ("passage", "chunk", "page_content", "caption", "word", "token", "input", "query", "title")


@dataclass(frozen=True)
class Column:
    """A column of vectors: its name in the file, its space, dimensions and type of numbers.

    Attributes
    ----------
    parts : columns of numbers, one per coordinate, where the vector is no single column
    written : whether the vectors are written out as strings
    """

    name: str
    space: str
    dim: int
    dtype: str
    parts: tuple[str, ...] = ()
    written: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Columns of the file that are read for it."""
        return self.parts or (self.name,)


_NUMBERED = r"(.*?)[\s_.:\-\[(]*([0-9]{1,6})[\])]?"
"""A name and the number at its end."""

First = Callable[[str], Any]
"""Name of a column -> its value in the first row, as Python has it."""


def columns_of(path: Place, schema: Any, key: str | None, first: First) -> tuple[Column, ...]:
    """The columns of vectors that ``key`` names in a file with this ``schema``.

    A column of lists of numbers is one; so are columns of numbers whose names end in 0, 1, 2, ... after the same
    letters, one per coordinate, called by these letters; and a column of strings such as ``[0.1, 0.2]``. Where ``key``
    is None, the first sort that is there counts.
    """
    _check_names(path, schema.names)
    lists = {f.name: item_type(f.type) for f in schema if item_type(f.type) is not None}
    groups = coordinate_groups(schema)
    strings = [] if lists else [f.name for f in schema if _is_string(f.type)]
    if key not in {None, ALL}:
        strings = [name for name in _split_key(str(key), schema.names) if _is_string(schema.field(name).type)]
    strings = [name for name in strings if looks_like_vector(first(name), at_least=2 if groups else 1)]
    _refuse(path, schema, key, {*lists, *groups, *strings})
    present = list(lists) if key in {None, ALL} and lists else [*lists, *groups, *strings]
    columns = []
    for name in select_keys(str(path), "column", key, present):
        space, label = "vectors" if key is None else name, f"{path}::{name}"
        if name in lists:
            dtype = np.dtype(lists[name].to_pandas_dtype())
            dim = fixed_size(schema.field(name).type) or len(_value(label, first(name)))
            column = Column(name, space, dim, dtype.name)
        elif name in groups:
            parts = groups[name]
            if lacking := not_numbers(schema, parts):
                raise InputError(f"{label}: {lacking}; repair its cells")
            dtype = np.result_type(*(schema.field(part).type.to_pandas_dtype() for part in parts))
            column = Column(name, space, len(parts), dtype.name, parts=parts)
        else:
            coded = base64_floats(first(name))
            dtype = np.dtype(np.float64 if coded is None else np.float32)
            dim = len(numbers_in(first(name)) if coded is None else coded)
            column = Column(name, space, dim, dtype.name, written=True)
        check_matrix((1, column.dim), dtype, label)
        columns.append(column)
    return tuple(columns)


def _refuse(path: Place, schema: Any, key: str | None, vectors: set[str]) -> None:
    """Raise ``InputError`` where ``key`` names a column that is no vector, or there is none."""
    if key is not None and key in schema.names and key not in vectors:
        raise InputError(
            f"{path}::{key} is a column of {shorten_name(str(schema.field(key).type))}, wanted lists of numbers; "
            f"columns of vectors here: {join_first(sorted(vectors)) or 'none'}"
        )
    if key in {None, ALL} and not vectors:
        if deeper := _deeper(path, schema):
            raise NoVectorsError(f"{path} has no column of vectors; {deeper}")
        raise NoVectorsError(
            f"{path} has no column of vectors (lists of numbers, or columns NAME0, NAME1, ... one per coordinate); "
            f"its columns are {join_first([shorten_name(name) for name in schema.names])}{_nearly(schema)}"
        )


def _check_names(path: Place, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise InputError(f"{path} has two columns called '{shorten_name(twice)}'; give each its own name")


def _deeper(path: Place, schema: Any) -> str:
    """Where vectors stand inside objects or lists, as a sentence; empty where they do not."""
    ids = [name for name in ("custom_id", *ID_NAMES) if name in schema.names]
    for field in schema:
        inner = _path_of_vectors(field.type)
        if inner is not None:
            place = field.name + inner
            lines = isinstance(path, Path) and path.suffix.lower() in {".jsonl", ".ndjson"}
            command = command_for_place(Path(str(path)), place, ids) if lines else ""
            what = command or "write each into a field of its own row"
            return f"there are vectors deeper inside, in {shorten_name(place)}: {what}"
    return ""


def _nearly(schema: Any) -> str:
    """What could be vectors if it were written otherwise, as the end of a sentence; empty where nothing could."""
    import pyarrow.types as pt

    coded = [f.name for f in schema if pt.is_binary(f.type) or pt.is_fixed_size_binary(f.type)]
    if coded:
        return f". {shorten_name(coded[0])} holds bytes: where they are float32, write np.frombuffer(x, 'f4').tolist()"
    fractions = [f.name for f in schema if pt.is_floating(f.type)]
    texts = [f.name for f in schema if f.name.lower() in TEXT_NAMES and _is_string(f.type)]
    if len(fractions) > (2 if texts else 1):
        return (
            f". If {shorten_name(fractions[0])} to {shorten_name(fractions[-1])} are coordinates, call them e0, e1, ..."
        )
    if texts:
        return f". To embed the texts in {shorten_name(texts[0])}, name a model and pass the file with --texts"
    return ""


def _path_of_vectors(kind: Any) -> str | None:
    """The path from a nested type to the lists of numbers inside it; None where there are none."""
    import pyarrow.types as pt

    kind = storage_type(kind)
    if item_type(kind) is not None:
        return ""
    if pt.is_struct(kind):
        for i in range(kind.num_fields):
            inner = _path_of_vectors(kind.field(i).type)
            if inner is not None:
                return f".{kind.field(i).name}{inner}"
    if is_list(kind):
        inner = _path_of_vectors(kind.value_type)
        return None if inner is None else f"[]{inner}"
    return None


def _split_key(key: str, names: Sequence[str]) -> list[str]:
    return [key] if key in names else [name for name in map(str.strip, key.split(",")) if name in names]


def _value(label: str, value: Any) -> Any:
    if value is None:
        raise InputError(f"{label} has a null in row 0; drop the rows without a vector")
    return value


def coordinate_groups(schema: Any) -> dict[str, tuple[str, ...]]:
    """Columns of numbers called NAME0 .. NAMEk or NAME1 .. NAMEk, by NAME."""
    return numbered_groups([field.name for field in schema if is_number(field.type)])


def numbered_groups(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Names NAME0 .. NAMEk or NAME1 .. NAMEk (``emb_0``, ``dim.3``, ``x[2]``, ``7``), by NAME.

    They are taken in the order of their numbers. Names that are a number alone are the group ``vectors``.

    >>> numbered_groups(["e1", "id", "e0", "year"])
    {'e': ('e0', 'e1')}
    """
    numbered: dict[str, dict[int, str]] = {}
    for name in names:
        match = re.fullmatch(_NUMBERED, name) if may_be_coordinate(name) else None
        if match:
            numbered.setdefault(match[1], {})[int(match[2])] = name
    groups = {}
    for prefix, members in numbered.items():
        numbers = sorted(members)
        if len(numbers) > 1 and numbers[0] in {0, 1} and numbers[-1] - numbers[0] == len(numbers) - 1:
            groups[prefix or "vectors"] = tuple(members[i] for i in numbers)
    return groups


def no_coordinates(names: Sequence[str]) -> list[str]:
    """Which columns of a table of numbers are no coordinates by their names: ids, or others beside numbered ones.

    >>> no_coordinates(["e0", "e1", "year"]), no_coordinates(["id", "a", "b"]), no_coordinates(["a", "b"])
    (['year'], ['id'], [])
    """
    parts = {part for group in numbered_groups(names).values() for part in group}
    return [name for name in names if (name not in parts if parts else name.lower() in ID_NAMES)]


def may_be_coordinate(name: str) -> bool:
    """Whether a column of numbers with this name may be one coordinate of a vector.

    >>> may_be_coordinate("emb_3"), may_be_coordinate("Unnamed: 0"), may_be_coordinate("id")
    (True, False, False)
    """
    return re.fullmatch(_NUMBERED, name) is not None and name.lower() not in ID_NAMES


def not_numbers(schema: Any, parts: Sequence[str]) -> str:
    """A sentence on a column that is called as one more of the coordinates ``parts`` and holds no numbers; or empty."""
    last = re.fullmatch(_NUMBERED, parts[-1])
    prefix = last[1] if last else ""
    for field in schema:
        match = re.fullmatch(_NUMBERED, field.name)
        if match and match[1] == prefix and not is_number(field.type):
            name, first, last_one = (shorten_name(n) for n in (field.name, parts[0], parts[-1]))
            return f"column {name} is not of numbers, as {first} to {last_one} are"
    return ""


def gaps(schema: Any) -> str:
    """A sentence on numbered columns that do not make a vector because a number is missing; empty where there are none.

    Used where a file has no other vectors.
    """
    numbers: dict[str, set[int]] = {}
    for field in schema:
        match = re.fullmatch(r"(.*?)([0-9]{1,6})", field.name)
        if match and is_number(field.type):
            numbers.setdefault(match[1], set()).add(int(match[2]))
    for prefix, there in numbers.items():
        lacking = sorted(set(range(min(there), max(there))) - there)
        parts = [f"{prefix}{min(there)}", f"{prefix}{max(there)}"]
        if len(there) > 2 and lacking and (text := not_numbers(schema, parts)):
            return text
        if len(there) > 2 and lacking:
            return f"columns {prefix}{min(there)} to {prefix}{max(there)} lack {prefix}{lacking[0]}"
    return ""


def strings_column(path: Place, schema: Any, wanted: str | None, names: Sequence[str], taken: set[str]) -> str | None:
    """The column ``wanted`` for ids or texts; where None, the first of ``names`` that is there.

    It must hold strings or whole numbers; the case of the letters of its name does not matter.
    """
    usable = plain_columns(schema, taken)
    if wanted is not None:
        return check_key(str(path), "column of strings or whole numbers", wanted, usable)
    lower: Mapping[str, str] = {name.lower(): name for name in reversed(usable)}
    return next((lower[name] for name in names if name in lower), None)


def plain_columns(schema: Any, taken: set[str]) -> list[str]:
    """Columns of strings or whole numbers that are not ``taken``."""
    return [f.name for f in schema if f.name not in taken and (_is_string(f.type) or _is_whole(f.type))]


def no_rows(path: Place) -> EmptyFileError:
    """The error of a file without rows."""
    return EmptyFileError(f"{path} must hold at least one row and one column, got 0 rows")


def storage_type(kind: Any) -> Any:
    """The type that an extension type is stored as."""
    return getattr(kind, "storage_type", kind)


def is_number(kind: Any) -> bool:
    """Whether ``kind`` is a floating-point or whole number."""
    import pyarrow.types as pt

    return bool(pt.is_floating(kind) or pt.is_integer(kind))


def _is_whole(kind: Any) -> bool:
    import pyarrow.types as pt

    return bool(pt.is_integer(kind))


def _is_string(kind: Any) -> bool:
    import pyarrow.types as pt

    kind = getattr(kind, "value_type", kind) if pt.is_dictionary(kind) else kind
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def item_type(kind: Any) -> Any:
    """Type of the numbers in a list type, None where it is not a list of numbers."""
    if len(getattr(kind, "shape", ()) or ()) > 1:
        return None  # a matrix per row
    kind = storage_type(kind)
    if not is_list(kind):
        return None
    return kind.value_type if is_number(kind.value_type) else None


def is_list(kind: Any) -> bool:
    """Whether an Arrow type is a list of any layout; views of lists are younger than the oldest Arrow that is read."""
    import pyarrow.types as pt

    return pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind) or is_view(kind)


def fixed_size(kind: Any) -> int:
    """Length of the lists of a type that fixes it, else 0."""
    return int(getattr(storage_type(kind), "list_size", 0))


def has_vectors(schema: Any) -> bool:
    """Whether a table with this ``schema`` has a column of lists of numbers."""
    return any(item_type(field.type) is not None for field in schema)
