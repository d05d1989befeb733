"""Files of this package read by the types of their dataclasses: errors name the file, the field and what was wanted."""

from __future__ import annotations

import difflib
import json
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from embedscope.core.errors import InputError
from embedscope.core.regular import is_regular

_NAMES = {str: "text", float: "a finite number", int: "a whole number", bool: "true or false", type(None): "null"}
_SHOWN = 40
_LARGEST = 2**63


def read_json(path: str | Path, what: str) -> dict[str, Any]:
    """The object in the JSON file ``path``, which is ``what`` (``a result file``).

    Raises
    ------
    InputError
        if it is no regular file, cannot be read, is not JSON with finite numbers, or holds no object.
    """
    place = Path(path)
    try:
        place.stat()  # what is not there is said below
        if not is_regular(place):
            raise InputError(f"{path} is not a regular file; pass {what}")
        data = json.loads(place.read_text(encoding="utf-8"), parse_constant=_no_constant, parse_float=_float)
    except OSError as error:
        raise InputError(f"cannot read {path}: {(error.strerror or str(error)).lower()}; pass {what}") from error
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON; pass {what}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} holds {_kind(data)}, wanted an object; pass {what}")
    return data


def check_version(data: Mapping[str, Any], field: str, wanted: int, path: str | Path, what: str) -> None:
    """Raise ``InputError`` unless ``data`` states the version ``wanted`` in ``field``."""
    version = data.get(field)
    if isinstance(version, bool) or not isinstance(version, int):
        said = f"its {field} is {_summarise(version)}" if field in data else f"it has no {field}"
        raise InputError(f"{path} is not {what}: {said}, wanted {wanted}")
    if version != wanted:
        remedy = "update embedscope" if version > wanted else "make it again with this version"
        raise InputError(f"{path} has {field} {version}, this version reads {wanted}; {remedy}")


def read_as(kind: Any, data: Any, path: str | Path, field: str) -> Any:  # noqa: PLR0911 (a return for each kind)
    """``data``, the JSON of ``field`` in the file ``path``, as ``kind``: a dataclass, a container or a plain type.

    Lists become tuples where the type says so; fields of a dataclass without a default must be there, others may not.

    Raises
    ------
    InputError
        if a field is of another type, missing or unknown, or a number is not finite.
    """
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, data, path, field)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _any_of(kind, data, path, field)
    if origin is Literal:
        if data in get_args(kind) and isinstance(data, str):
            return data
        raise _error(path, field, " or ".join(map(str, get_args(kind))), data)
    if origin is tuple:
        return _tuple(get_args(kind), data, path, field)
    if origin in (list, Sequence):
        return list(_tuple((get_args(kind)[0], ...), data, path, field))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(data, dict):
            raise _error(path, field, "an object", data)
        return {k: read_as(get_args(kind)[1], v, path, f"{field}.{k}") for k, v in data.items()}
    if kind is Any or _fits(kind, data):
        return data
    raise _error(path, field, _NAMES.get(kind, str(kind)), data)


def _dataclass(kind: type, data: Any, path: str | Path, field: str) -> Any:
    if not isinstance(data, dict):
        raise _error(path, field, "an object", data)
    hints = _hints(kind)
    if unknown := [name for name in data if name not in hints]:
        near = difflib.get_close_matches(unknown[0], hints, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(hints)}"
        raise InputError(f"{path}: {field} has the unknown field '{_short(unknown[0])}'; {hint}")
    for each in fields(kind):
        if each.name not in data and each.default is MISSING and each.default_factory is MISSING:
            raise InputError(f"{path}: {field} lacks the field '{each.name}'; make the file again")
    return kind(**{name: read_as(hints[name], value, path, f"{field}.{name}") for name, value in data.items()})


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _any_of(kind: Any, data: Any, path: str | Path, field: str) -> Any:
    kinds = get_args(kind)
    if data is None and type(None) in kinds:
        return None
    for each in kinds:
        if (each in _NAMES and _fits(each, data)) or (get_origin(each) is Literal and data in get_args(each)):
            return data
    deeper = [
        each
        for each in kinds
        if each not in _NAMES and get_origin(each) is not Literal and (get_origin(each) or is_dataclass(each))
    ]
    if len(deeper) == 1 and isinstance(data, list | dict):
        return read_as(deeper[0], data, path, field)
    raise _error(path, field, " or ".join(_type_name(each) for each in kinds), data)


def _type_name(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    return _NAMES.get(kind, "a list or object")


def _tuple(kinds: Sequence[Any], data: Any, path: str | Path, field: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise _error(path, field, "a list", data)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(read_as(kinds[0], item, path, f"{field}[{i}]") for i, item in enumerate(data))
    if len(data) != len(kinds):
        raise InputError(f"{path}: {field} holds {len(data)} items, wanted {len(kinds)}")
    return tuple(
        read_as(each, item, path, f"{field}[{i}]") for i, (each, item) in enumerate(zip(kinds, data, strict=True))
    )


def _fits(kind: Any, data: Any) -> bool:
    if kind is float:
        return isinstance(data, int | float) and not isinstance(data, bool) and _finite(data)
    if kind is int:
        return isinstance(data, int) and not isinstance(data, bool) and abs(data) < _LARGEST
    return kind in _NAMES and isinstance(data, kind)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _error(path: str | Path, field: str, wanted: str, data: Any) -> InputError:
    return InputError(f"{path}: {field} must be {wanted}, got {_summarise(data)}")


def _summarise(data: Any) -> str:
    return _kind(data) if isinstance(data, list | dict) else _short(json.dumps(data, ensure_ascii=False))


def _kind(data: Any) -> str:
    if isinstance(data, list | dict):
        name = "a list" if isinstance(data, list) else "an object"
        return f"{name} of {len(data)}"
    return _short(json.dumps(data, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{_short(text)} is no number that can be held")
    return value
