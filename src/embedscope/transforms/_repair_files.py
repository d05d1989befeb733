"""Repairs as safetensors files: the arrays of every kind, and a JSON header that says what they are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from embedscope.core.atomic import write_bytes
from embedscope.core.errors import InputError
from embedscope.core.schema import read_as
from embedscope.transforms._repair_header import Header
from embedscope.transforms._repair_kind import KindMap, Origin
from embedscope.transforms._saved import Arrays, built_from, nothing_left, read_saved
from embedscope.transforms.align._sides import PARTS, Side

if TYPE_CHECKING:
    from embedscope.transforms.repair import Repair

HEADER = "embedscope.repair"
FORMAT = 1
_WHAT = "a saved repair, which `embedscope repair` or Repair.save() writes"


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
    from embedscope.transforms.repair import Repair

    header, arrays = read_saved(path, HEADER, "format_version", FORMAT, _WHAT)
    with built_from(path, _WHAT):
        facts: dict[str, _Kind] = read_as(dict[str, _Kind], header["kinds"], path, "kinds")
        kinds = {name: _kind(name, each, arrays) for name, each in facts.items()}
        named = {f"{name}.{part}" for name, each in facts.items() for part in each.parts}
        nothing_left(arrays, named.__contains__, path)
        return Repair(kinds, Header.from_dict(header, path))


@dataclass(frozen=True)
class _Kind:
    """What the header says of a kind."""

    dim_in: int
    dim_out: int
    normalise_before: bool
    normalise_after: bool
    parts: tuple[Literal["mean", "matrix", "shift"], ...]
    source: Origin | None = None


def _facts(kind: KindMap) -> dict[str, Any]:
    return {
        "dim_in": kind.dim_in,
        "dim_out": kind.dim_out,
        "normalise_before": kind.normalise_before,
        "normalise_after": kind.normalise_after,
        "parts": [part for part in PARTS if getattr(kind.side, part) is not None],
        "source": None if kind.source is None else kind.source.as_dict(),
    }


def _kind(name: str, facts: _Kind, arrays: Arrays) -> KindMap:
    parts = {part: arrays[f"{name}.{part}"] for part in facts.parts}
    made = KindMap(Side(facts.dim_in, **parts), facts.normalise_before, facts.normalise_after, facts.source)
    if made.dim_out != facts.dim_out:
        raise InputError(f"its header says that {name} has {facts.dim_out} dimensions, its arrays give {made.dim_out}")
    return made
