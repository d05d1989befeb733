"""Repairs as safetensors files: the arrays of every kind, and a JSON header that says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedscope.transforms._storage import REPAIR
from embedscope.transforms.align._sides import PARTS, Side
from embedscope.transforms.repair._header import Header
from embedscope.transforms.repair._kind import KindMap, Origin


def save(kinds: Mapping[str, KindMap], header: Header, path: str | Path) -> None:
    """Write the maps of a repair and its header to ``path``, atomically."""
    arrays = {f"{name}.{part}": getattr(kind.side, part) for name, kind in kinds.items() for part in PARTS}
    facts = {"kinds": {name: _facts(kind) for name, kind in kinds.items()}} | header.as_dict()
    REPAIR.write(path, facts, {name: array for name, array in arrays.items() if array is not None})


def load(path: str | Path) -> tuple[dict[str, KindMap], Header]:
    """The maps and the header of the repair in ``path``; raises ``InputError`` where it holds none."""
    header, arrays = REPAIR.read(path)
    try:
        kinds = {name: _kind(name, facts, arrays) for name, facts in header["kinds"].items()}
        return kinds, Header.from_dict(header)
    except (KeyError, TypeError, ValueError) as error:
        raise REPAIR.refused(path, error) from error


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
