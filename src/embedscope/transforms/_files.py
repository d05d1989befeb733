"""Fitted chains as safetensors files: the arrays, and a JSON header that says what they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.atomic import write_bytes
from embedscope.core.errors import InputError
from embedscope.transforms import TRANSFORMS
from embedscope.transforms._affine import Affine
from embedscope.transforms._chain import Chain

_HEADER = "embedscope.transforms"
_SCHEMA = 1


def save(steps: Sequence[Affine], width: int, path: str | Path) -> None:
    """Write fitted ``steps``, which take vectors of ``width``, to ``path``, atomically."""
    from safetensors.numpy import save as packed

    arrays: dict[str, Any] = {}
    described: list[dict[str, Any]] = []
    for i, step in enumerate(steps):
        arrays |= {f"{i}.{name}": np.ascontiguousarray(getattr(step, name)) for name in step.arrays}
        scalars = {k: v for k, v in vars(step).items() if k.endswith("_") and isinstance(v, int | float)}
        described.append({"transform": step.name, "parameters": step.get_params(), "fitted": scalars})
    header = {"schema_version": _SCHEMA, "width": width, "steps": described}
    write_bytes(path, packed(arrays, metadata={_HEADER: json.dumps(header)}))


def load(path: str | Path) -> Chain:
    """Read the fitted chain in ``path``; raises ``InputError`` where it holds none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            header = json.loads((file.metadata() or {})[_HEADER])
            if header["schema_version"] != _SCHEMA:
                raise InputError(
                    f"{path} has schema {header['schema_version']}, this version reads {_SCHEMA}; update embedscope"
                )
            steps = [_step(i, facts, file) for i, facts in enumerate(header["steps"])]
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise InputError(
            f"{path} is not a saved chain of transforms ({error}); pass a file that the save() of a chain wrote"
        ) from error
    chain = Chain(tuple(type(step)(**step.get_params()) for step in steps))
    chain.steps_ = steps
    chain.n_features_in_ = int(header["width"])
    return chain


def _step(i: int, facts: dict[str, Any], file: Any) -> Affine:
    step = TRANSFORMS.get(facts["transform"])(**facts["parameters"])
    for name in step.arrays:
        setattr(step, name, file.get_tensor(f"{i}.{name}"))
    for name, value in facts["fitted"].items():
        setattr(step, name, value)
    return step
