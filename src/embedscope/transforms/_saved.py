"""Safetensors files of this package: arrays with a JSON header, checked before anything is made of them."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.schema import check_version

Arrays = dict[str, npt.NDArray[Any]]


def read_saved(path: str | Path, key: str, version: str, wanted: int, what: str) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays of ``path``, which is ``what`` (``a saved repair``).

    Raises
    ------
    InputError
        if it is no regular file, no safetensors file, has no header called ``key`` or another ``version`` than
        ``wanted``, or an array holds what is not finite.
    """
    from safetensors import SafetensorError, safe_open

    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise InputError(f"{path} is not a regular file; pass {what}")
        with safe_open(str(path), framework="numpy") as file:
            text = (file.metadata() or {}).get(key)
            arrays = {name: file.get_tensor(name) for name in file.keys()} if text is not None else {}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"{path} is not {what}: {(error.strerror or str(error)).lower()}") from error
    except (SafetensorError, ValueError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not {what}: it is no whole safetensors file ({error})") from error
    if text is None:
        raise InputError(f"{path} is not {what}: its metadata have no {key}")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not {what}: its metadata {key} are not JSON ({error})") from error
    if not isinstance(header, dict):
        raise InputError(f"{path} is not {what}: its metadata {key} are no object")
    check_version(header, version, wanted, path, what)
    for name, x in arrays.items():
        if x.dtype.kind != "f" or not np.isfinite(x).all():
            raise InputError(f"{path} is damaged: its array {name} holds what is not a finite number; save it again")
    return header, arrays


@contextmanager
def built_from(path: str | Path, what: str) -> Iterator[None]:
    """Within the block, fields that are missing or of another type are an ``InputError`` on the file ``path``."""
    try:
        yield
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{path} is not {what}: {error}") from error
    except KeyError as error:
        raise InputError(f"{path} is not {what}: it lacks {error.args[0] if error.args else 'a field'}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is not {what}: a field of its header is not as it was written ({error})") from error


def nothing_left(arrays: Arrays, used: Callable[[str], bool], path: str | Path) -> None:
    """Raise ``InputError`` where an array belongs to nothing in the header."""
    if unknown := sorted(name for name in arrays if not used(name)):
        raise InputError(f"{path} holds the array '{unknown[0]}', which its header does not name; save it again")
