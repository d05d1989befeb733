"""Fitted arrays as safetensors files: the arrays, and a JSON header in the metadata that says what they are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.atomic import write_bytes
from embedscope.core.errors import InputError


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
        """Header and arrays of ``path``; raises ``InputError`` where it is no such file."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="numpy") as file:
                header = json.loads((file.metadata() or {})[self.key])
                version = header[self.version_key]
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise self.refused(path, error) from error
        if version != self.version:
            raise InputError(f"{path} has version {version}, this one reads {self.version}; update embedscope")
        return header, arrays

    def refused(self, path: str | Path, error: Exception) -> InputError:
        """The error for a file that is not one of these."""
        what, _, wanted = self.what.partition("; ")
        return InputError(f"{path} is not {what} ({error}); {wanted}")


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


def save_chain(steps: Sequence[Any], width: int, path: str | Path) -> None:
    """Write fitted ``steps``, which take vectors of ``width`` dimensions, to ``path``, atomically."""
    arrays: dict[str, Any] = {}
    described: list[dict[str, Any]] = []
    for i, step in enumerate(steps):
        arrays |= {f"{i}.{name}": getattr(step, name) for name in step.arrays}
        scalars = {k: v for k, v in vars(step).items() if k.endswith("_") and isinstance(v, int | float)}
        described.append({"transform": step.name, "parameters": step.get_params(), "fitted": scalars})
    CHAIN.write(path, {"width": width, "steps": described}, arrays)
