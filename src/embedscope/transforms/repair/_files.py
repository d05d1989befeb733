"""Repairs as safetensors files: the arrays of every kind, and a JSON header that says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from embedscope.core.errors import InputError
from embedscope.core.schema import read_as
from embedscope.transforms.align.sides import PARTS, Side
from embedscope.transforms.codes import code_from
from embedscope.transforms.repair._header import Header
from embedscope.transforms.repair._kind import HIDDEN_PARTS, Hidden, KindMap, Origin
from embedscope.transforms.storage import REPAIR


def save(kinds: Mapping[str, KindMap], header: Header, path: str | Path) -> None:
    """Write the maps of a repair and its header to ``path``, atomically."""
    arrays = {f"{name}.{part}": getattr(kind.side, part) for name, kind in kinds.items() for part in PARTS}
    for name, kind in kinds.items():
        if kind.hidden is not None:
            arrays |= {f"{name}.{part}": getattr(kind.hidden, part) for part in HIDDEN_PARTS}
        arrays |= {} if kind.code is None else {f"{name}.code.{n}": x for n, x in kind.code.arrays.items()}
    facts = {"kinds": {name: _facts(kind) for name, kind in kinds.items()}} | header.as_dict()
    REPAIR.write(path, facts, {name: array for name, array in arrays.items() if array is not None})


def load(path: str | Path) -> tuple[dict[str, KindMap], Header]:
    """The maps and the header of the repair in ``path``; raises ``InputError`` where it holds none."""
    header, arrays = REPAIR.read(path)
    with REPAIR.building(path):
        facts: dict[str, _Kind] = read_as(Mapping[str, _Kind], header["kinds"], path, "kinds")
        kinds = {name: _kind(name, each, arrays) for name, each in facts.items()}
        REPAIR.check_nothing_left(path, arrays, {key for name, each in facts.items() for key in each.keys(name)})
        return kinds, Header.from_dict(header, path)


@dataclass(frozen=True)
class _Kind:
    """What the header says of a kind."""

    dim_in: int
    dim_out: int
    normalise_before: bool
    normalise_after: bool
    parts: tuple[Literal["mean", "matrix", "shift", "hidden_in", "hidden_bias", "hidden_out"], ...]
    source: Origin | None = None
    code: str | None = None
    code_arrays: tuple[str, ...] = ()

    def keys(self, name: str) -> list[str]:
        """Names of its arrays in the file."""
        return [*(f"{name}.{part}" for part in self.parts), *(f"{name}.code.{part}" for part in self.code_arrays)]


def _facts(kind: KindMap) -> dict[str, Any]:
    return {
        "dim_in": kind.dim_in,
        "dim_out": kind.dim_out,
        "normalise_before": kind.normalise_before,
        "normalise_after": kind.normalise_after,
        "parts": [part for part in PARTS if getattr(kind.side, part) is not None]
        + ([] if kind.hidden is None else list(HIDDEN_PARTS)),
        "source": None if kind.source is None else kind.source.as_dict(),
        **({} if kind.code is None else {"code": kind.code.name, "code_arrays": list(kind.code.arrays)}),
    }


def _kind(name: str, facts: _Kind, arrays: Mapping[str, Any]) -> KindMap:
    parts: dict[str, Any] = {part: arrays[f"{name}.{part}"] for part in facts.parts}
    layer = {part: parts.pop(part) for part in HIDDEN_PARTS if part in parts}
    hidden = Hidden(**layer) if layer else None
    code = None
    if facts.code is not None:
        code = code_from(facts.code, facts.dim_out, {n: arrays[f"{name}.code.{n}"] for n in facts.code_arrays})
    side = Side(facts.dim_in, **parts)
    kind_map = KindMap(side, facts.normalise_before, facts.normalise_after, facts.source, hidden, code)
    if kind_map.dim_out != facts.dim_out:
        raise InputError(
            f"its header says that {name} has {facts.dim_out} dimensions, its arrays give {kind_map.dim_out}"
        )
    return kind_map
