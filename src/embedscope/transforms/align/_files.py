"""Fitted alignments as safetensors files: the maps of both sides, and a JSON header that says what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from embedscope.core.atomic import write_bytes
from embedscope.transforms._saved import built_from, nothing_left, read_saved
from embedscope.transforms.align import ALIGNMENTS
from embedscope.transforms.align._alignment import Alignment
from embedscope.transforms.align._sides import PARTS, Side

_HEADER = "embedscope.alignment"
_SCHEMA = 1
_WHAT = "a saved alignment, which Alignment.save() writes"


def save(alignment: Alignment, path: str | Path) -> None:
    """Write the fitted ``alignment`` to ``path``, atomically."""
    from safetensors.numpy import save as packed

    check_is_fitted(alignment)
    sides = {"left": alignment.left_, "right": alignment.right_}
    arrays = {
        f"{name}.{part}": np.ascontiguousarray(getattr(side, part))
        for name, side in sides.items()
        for part in PARTS
        if getattr(side, part) is not None
    }
    header = {
        "schema_version": _SCHEMA,
        "text": alignment.text,
        "widths": {name: [side.width, side.width_out] for name, side in sides.items()},
        "steps": [{"alignment": step.name, "parameters": step.get_params()} for step in alignment.steps],
        "renormalise": alignment.renormalise,
        "n_pairs": alignment.n_pairs_,
        "notes": alignment.notes_,
        "fitted": alignment.facts,
    }
    write_bytes(path, packed(arrays, metadata={_HEADER: json.dumps(header)}))


def load(path: str | Path) -> Alignment:
    """Read the fitted alignment in ``path``; raises ``InputError`` where it holds none."""
    header, arrays = read_saved(path, _HEADER, "schema_version", _SCHEMA, _WHAT)
    with built_from(path, _WHAT):
        names = {f"{side}.{part}" for side in ("left", "right") for part in PARTS}
        nothing_left(arrays, names.__contains__, path)
        return _built(header, arrays)


def _built(header: dict[str, Any], arrays: dict[str, Any]) -> Alignment:
    steps = tuple(ALIGNMENTS.get(step["alignment"])(**step["parameters"]) for step in header["steps"])
    alignment = Alignment(steps, header["renormalise"])
    left, right = (
        Side(header["widths"][name][0], *(arrays.get(f"{name}.{part}") for part in PARTS)) for name in ("left", "right")
    )
    alignment.left_, alignment.right_ = left, right
    alignment.n_features_in_, alignment.n_pairs_ = left.width, header["n_pairs"]
    alignment.notes_, alignment.facts_ = tuple(header["notes"]), header["fitted"]
    return alignment
