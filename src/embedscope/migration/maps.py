"""Candidate maps of one space into another whose vectors stay as they are, fitted from rows that both models embedded.

Each is written as text: ``none``, ``procrustes``, ``ridge:0.01``, ``lowrank:64``, ``cca:128``, ``mlp:128``. Rows of
both sides have unit length; what comes out is the map of the source side, normalised again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.migration.linear import RIDGES, cca_side, lowrank_side, procrustes_side, ridge_side
from embedscope.migration.mlp import residual_mlp
from embedscope.stats.cross import CrossGaussian, CrossMoments
from embedscope.transforms.align import Side
from embedscope.transforms.repair import KindMap

NONE = "none"
RANKS = (64,)
COMPONENTS = (128,)
HIDDEN_UNITS = (128,)


@dataclass(frozen=True, eq=False)
class MapPairs:
    """Rows ``x`` (K, d) of the source and ``y`` (K, k) of the target, of unit length; row i belongs to row i."""

    x: Floats
    y: Floats
    seed: int = 0

    def __len__(self) -> int:
        return len(self.x)

    @property
    def dims(self) -> tuple[int, int]:
        """Dimensions of both sides."""
        return self.x.shape[1], self.y.shape[1]

    @cached_property
    def cross(self) -> CrossGaussian:
        """Cross moments of the pairs."""
        return CrossMoments().update(self.x, self.y).result()

    def first(self, k: int) -> MapPairs:
        """The first ``k`` pairs alone, itself where these are all."""
        return self if k >= len(self) else MapPairs(self.x[:k], self.y[:k], self.seed)


def fit_map(text: str, pairs: MapPairs) -> KindMap:
    """The candidate ``text`` fitted on ``pairs``.

    Raises
    ------
    InputError
        if it cannot be fitted on so few pairs, or on sides of these dimensions.
    UnknownNameError
        if there is no such candidate.
    """
    name, number = _parse(text)
    if len(pairs) < 2:
        raise InputError(f"a map needs at least 2 pairs, got {len(pairs)}; pass some hundred rows of both models")
    return _FAMILIES[name].fit(pairs, number)


def family_of(text: str) -> str:
    """The family that a candidate belongs to.

    >>> family_of("ridge:0.01")
    'ridge'
    """
    return text.partition(":")[0]


def auto_candidates(dims: tuple[int, int], n: int) -> list[str]:
    """Candidates for sides of ``dims`` dimensions and ``n`` pairs, simplest first; the MLP where torch is installed.

    >>> auto_candidates((8, 8), 100)[:3]
    ['none', 'procrustes', 'ridge:0.001']
    """
    narrow = min(dims)
    candidates = [f"ridge:{value:g}" for value in RIDGES]
    candidates += [f"lowrank:{k}" for k in _below(RANKS, narrow)]
    candidates += [f"cca:{k}" for k in _below(COMPONENTS, min(narrow, n - 1))]
    candidates += [f"mlp:{k}" for k in HIDDEN_UNITS] if has_torch() else []
    return [NONE] * (dims[0] == dims[1]) + ["procrustes", *candidates]


def has_torch() -> bool:
    """Whether a residual MLP can be trained here."""
    return find_spec("torch") is not None


def expand(candidates: str | Iterable[str], dims: tuple[int, int], n: int) -> list[str]:
    """Texts of all candidates, in order and once; ``auto`` for all that suit, a family for all of its settings.

    Vectors as they are come first wherever they can be compared: a map of a space onto itself is no bridge.

    Raises
    ------
    InputError, UnknownNameError

    >>> expand("procrustes,ridge", (4, 8), 100)[:3]
    ['procrustes', 'ridge:0.001', 'ridge:0.01']
    """
    named = candidates.split(",") if isinstance(candidates, str) else list(candidates)
    auto, expanded = auto_candidates(dims, n), []
    for text in (part.strip() for part in named):
        name, number = _parse(text) if text != "auto" else ("auto", None)
        if name == "auto":
            expanded += auto
        elif number is None and name not in (NONE, "procrustes"):
            settings = [each for each in auto if family_of(each) == name] or [f"{name}:{_FAMILIES[name].default:g}"]
            expanded += settings
        elif name == NONE and dims[0] != dims[1]:
            raise InputError(f"'none' compares vectors as they are, but they have {dims[0]} and {dims[1]} dimensions")
        else:
            expanded.append(text)
    if not expanded:
        raise InputError("--candidates names none; write auto, or a list such as procrustes,ridge,mlp")
    return list(dict.fromkeys([*([NONE] if dims[0] == dims[1] else []), *expanded]))


def _parse(text: str) -> tuple[str, float | None]:
    """Name and number of a candidate; None where it has none."""
    name, colon, word = text.partition(":")
    if name not in _FAMILIES:
        raise UnknownNameError.among("candidate", name, _FAMILIES)
    if not colon:
        return name, None
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    family = _FAMILIES[name]
    if not 0 < value < np.inf or name in (NONE, "procrustes") or (family.whole and value != int(value)):
        raise InputError(f"'{text}' is not understood; write {family.usage}")
    return name, value


def _below(values: Iterable[int], limit: int) -> list[int]:
    kept = [v for v in values if v < limit]
    return kept or ([limit] if limit >= 1 else [])


def _map(side: Side) -> KindMap:
    return KindMap(side, normalise_before=True, normalise_after=True)


def _none(pairs: MapPairs, _: float | None) -> KindMap:
    dx, dy = pairs.dims
    if dx != dy:
        raise InputError(f"vectors of {dx} and {dy} dimensions cannot be compared as they are")
    return KindMap(Side(dx))


def _procrustes(pairs: MapPairs, _: float | None) -> KindMap:
    return _map(procrustes_side(pairs.cross))


def _ridge(pairs: MapPairs, number: float | None) -> KindMap:
    return _map(ridge_side(pairs.cross, RIDGES[1] if number is None else number))


def _lowrank(pairs: MapPairs, number: float | None) -> KindMap:
    return _map(lowrank_side(pairs.cross, RANKS[0] if number is None else int(number)))


def _cca(pairs: MapPairs, number: float | None) -> KindMap:
    return _map(cca_side(pairs.cross, COMPONENTS[0] if number is None else int(number)))


def _mlp(pairs: MapPairs, number: float | None) -> KindMap:
    return residual_mlp(pairs.x, pairs.y, HIDDEN_UNITS[0] if number is None else int(number), pairs.seed)


@dataclass(frozen=True)
class _Family:
    """How maps of a family are fitted and written."""

    fit: Callable[[MapPairs, float | None], KindMap]
    usage: str
    default: float = 0.0
    whole: bool = True


_FAMILIES: Mapping[str, _Family] = {
    NONE: _Family(_none, NONE),
    "procrustes": _Family(_procrustes, "procrustes"),
    "ridge": _Family(_ridge, "ridge, or ridge:PENALTY with a number above 0", RIDGES[1], whole=False),
    "lowrank": _Family(_lowrank, "lowrank, or lowrank:RANK", RANKS[0]),
    "cca": _Family(_cca, "cca, or cca:COMPONENTS", COMPONENTS[0]),
    "mlp": _Family(_mlp, "mlp, or mlp:HIDDEN", HIDDEN_UNITS[0]),
}

FAMILIES = tuple(_FAMILIES)
"""Names of candidates, simplest first."""
