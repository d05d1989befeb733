"""Fitted arrays as safetensors files: the arrays, and a JSON header in the metadata that says what they are."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.atomic import write_bytes
from embedscope.core.errors import InputError
from embedscope.core.regular import is_regular
from embedscope.core.schema import check_version


@dataclass(frozen=True)
class Storage:
    """One kind of file of fitted arrays.

    Attributes
    ----------
    key : name of the header in the metadata of the file
    version : of the header; files of another version are refused
    version_key : field of the header that holds ``version``
    what : what such a file is called in a sentence, and after a semicolon what to pass instead
    """

    key: str
    version: int
    version_key: str
    what: str

    def write(self, path: str | Path, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Write ``arrays`` and ``header`` to ``path``, atomically."""
        from safetensors.numpy import save

        packed = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
        text = json.dumps({self.version_key: self.version, **header})
        write_bytes(path, save(packed, metadata={self.key: text}))

    def read(self, path: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and arrays of ``path``.

        Raises
        ------
        InputError
            if it is no regular file, no whole safetensors file, has no such header or one of another version, or an
            array holds what is not finite.
        """
        from safetensors import SafetensorError, safe_open

        try:
            Path(path).stat()  # what is not there is said below
            if not is_regular(Path(path)):
                raise self.refusal(path, "it is no regular file")
            with safe_open(str(path), framework="numpy") as file:
                text = (file.metadata() or {}).get(self.key)
                arrays = {name: file.get_tensor(name) for name in file.keys()} if text is not None else {}  # noqa: SIM118
        except OSError as error:
            raise self.refusal(path, (error.strerror or str(error)).lower()) from error
        except (SafetensorError, ValueError, TypeError, AttributeError) as error:
            if isinstance(error, InputError):
                raise
            raise self.refusal(path, f"it is no whole safetensors file: {error}") from error
        if text is None:
            raise self.refusal(path, f"its metadata have no {self.key}")
        try:
            header = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.refusal(path, f"its metadata are not JSON: {error}") from error
        if not isinstance(header, dict):
            raise self.refusal(path, "its metadata are no object")
        check_version(header, self.version_key, self.version, path, self.what.partition("; ")[0])
        for name, x in arrays.items():
            if x.dtype.kind != "f" or not np.isfinite(x).all():
                raise self.refusal(path, f"its array {name} holds what is not a finite number")
        return header, arrays

    @contextmanager
    def building(self, path: str | Path) -> Iterator[None]:
        """Within the block, fields that are missing or of another type are an ``InputError`` on the file ``path``."""
        try:
            yield
        except InputError as error:
            raise error if str(path) in str(error) else self.refusal(path, str(error)) from error
        except KeyError as error:
            raise self.refusal(path, f"it lacks {error.args[0] if error.args else 'a field'}") from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise self.refusal(path, f"a field of its header is not as it was written: {error}") from error

    def refusal(self, path: str | Path, why: str) -> InputError:
        """The error for a file that is not one of these."""
        what, _, wanted = self.what.partition("; ")
        return InputError(f"{path} is not {what} ({why}); {wanted}")

    def check_nothing_left(self, path: str | Path, arrays: Mapping[str, Any], named: Container[str]) -> None:
        """Raise ``InputError`` where an array belongs to nothing in the header."""
        if unknown := sorted(name for name in arrays if name not in named):
            raise self.refusal(path, f"its header does not name the array {unknown[0]}")


CHAIN = Storage(
    "embedscope.transforms", 1, "schema_version", "a saved chain of transforms; pass a file that Chain.save() wrote"
)
ALIGNMENT = Storage(
    "embedscope.alignment", 1, "schema_version", "a saved alignment; pass a file that Alignment.save() wrote"
)
REPAIR = Storage(
    "embedscope.repair",
    1,
    "format_version",
    "a saved repair; pass a file that `embedscope repair` or Repair.save() wrote",
)
SCORES = Storage(
    "embedscope.scores",
    1,
    "format_version",
    "a saved calibration of scores; pass a file that `embedscope calibrate` or ScoreCalibration.save() wrote",
)


def save_chain(steps: Sequence[Any], width: int, path: str | Path) -> None:
    """Write fitted ``steps``, which take vectors of ``width`` dimensions, to ``path``, atomically."""
    arrays: dict[str, Any] = {}
    described: list[dict[str, Any]] = []
    for i, step in enumerate(steps):
        arrays |= {f"{i}.{name}": getattr(step, name) for name in step.arrays}
        scalars = {k: v for k, v in vars(step).items() if k.endswith("_") and isinstance(v, int | float)}
        described.append({"transform": step.name, "parameters": step.get_params(), "fitted": scalars})
    CHAIN.write(path, {"width": width, "steps": described}, arrays)
