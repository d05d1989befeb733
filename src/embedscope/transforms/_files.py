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
from embedscope.transforms._saved import Arrays, built_from, nothing_left, read_saved

_HEADER = "embedscope.transforms"
_SCHEMA = 1
_WHAT = "a saved chain of transforms, which the save() of a chain writes"


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
    header, arrays = read_saved(path, _HEADER, "schema_version", _SCHEMA, _WHAT)
    with built_from(path, _WHAT):
        steps = [_step(i, facts, arrays) for i, facts in enumerate(header["steps"])]
        names = {f"{i}.{name}" for i, step in enumerate(steps) for name in step.arrays}
        nothing_left(arrays, names.__contains__, path)
        chain = Chain(tuple(type(step)(**step.get_params()) for step in steps))
        chain.steps_ = steps
        chain.n_features_in_ = int(header["width"])
    return chain


def _step(i: int, facts: dict[str, Any], arrays: Arrays) -> Affine:
    step = TRANSFORMS.get(facts["transform"])(**facts["parameters"])
    for name in step.arrays:
        setattr(step, name, arrays[f"{i}.{name}"])
    for name, value in facts["fitted"].items():
        if not name.endswith("_") or name.startswith("_") or not isinstance(value, int | float):
            raise InputError(f"its step {i} has the fitted value '{name}', which is none of a transform")
        setattr(step, name, value)
    return step
