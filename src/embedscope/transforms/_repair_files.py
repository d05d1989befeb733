"""Repairs as safetensors files: the arrays of every kind, and a JSON header that says what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.atomic import write_bytes
from embedscope.core.errors import InputError
from embedscope.transforms._repair_header import Header
from embedscope.transforms._repair_kind import KindMap, Origin
from embedscope.transforms.align._sides import PARTS, Side

if TYPE_CHECKING:
    from embedscope.transforms.repair import Repair

HEADER = "embedscope.repair"
FORMAT = 1


def save(repair: Repair, path: str | Path) -> None:
    """Write ``repair`` to ``path``, atomically."""
    from safetensors.numpy import save as packed

    arrays = {
        f"{name}.{part}": np.ascontiguousarray(getattr(kind.side, part))
        for name, kind in repair.kinds.items()
        for part in PARTS
        if getattr(kind.side, part) is not None
    }
    header = {"format_version": FORMAT, "kinds": {k: _facts(v) for k, v in repair.kinds.items()}}
    header |= repair.header.as_dict()
    write_bytes(path, packed(arrays, metadata={HEADER: json.dumps(header)}))


def load(path: str | Path) -> Repair:
    """Read the repair in ``path``; raises ``InputError`` where it holds none."""
    from safetensors import SafetensorError, safe_open

    from embedscope.transforms.repair import Repair

    try:
        with safe_open(str(path), framework="numpy") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            if header["format_version"] != FORMAT:
                raise InputError(
                    f"{path} has format {header['format_version']}, this version reads {FORMAT}; update embedscope"
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        kinds = {name: _kind(name, facts, arrays) for name, facts in header["kinds"].items()}
        return Repair(kinds, Header.from_dict(header))
    except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise InputError(
            f"{path} is not a saved repair ({error}); pass a file that `embedscope repair` or Repair.save() wrote"
        ) from error


def _facts(kind: KindMap) -> dict[str, Any]:
    return {
        "dim_in": kind.dim_in,
        "dim_out": kind.dim_out,
        "normalise_before": kind.normalise_before,
        "normalise_after": kind.normalise_after,
        "parts": [part for part in PARTS if getattr(kind.side, part) is not None],
        "source": None if kind.source is None else kind.source.as_dict(),
    }


def _kind(name: str, facts: dict[str, Any], arrays: dict[str, Any]) -> KindMap:
    parts = {part: arrays[f"{name}.{part}"] for part in facts["parts"]}
    source = None if facts["source"] is None else Origin(**facts["source"])
    return KindMap(Side(facts["dim_in"], **parts), facts["normalise_before"], facts["normalise_after"], source)
