"""Between pure retrieval and one mixed index: part of a map, and two vectors for a row.

``CHAIN+path:T`` goes the share T of the way from the vectors as they are to the chain. ``apart:D`` gives every row two
vectors, one to be found by and one to ask with, so that cosines with the own modality fall by D against those with the
other: the order within a modality, and so pure retrieval, stays as it is, to the last row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from embedscope.certification.fitting import FitContext
from embedscope.core.errors import InputError
from embedscope.transforms.align.sides import Side
from embedscope.transforms.repair import Header, KindMap, Repair

PATH, APART = "path", "apart"
ASKING = "query-"
"""What stands before the name of a kind for the vectors that ask."""

DISTANCES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.2, 2.0)
SHARES = (0.25, 0.5, 0.75)


def share_of(chain: str) -> tuple[str, float | None]:
    """The chain without its last step ``path:T``, and T.

    >>> share_of("center,path:0.5"), share_of("center")
    (('center', 0.5), ('center', None))
    """
    before, _, last = chain.rpartition(",")
    name, _, number = last.partition(":")
    if name != PATH:
        return chain, None
    share = _number(number, "path:0.5")
    if not before or not 0 < share <= 1:
        raise InputError(f"'{chain}' goes no part of a way; write a chain and a share up to 1, as in center+path:0.5")
    return before, share


def partway(repair: Repair, share: float) -> Repair:
    """The maps x -> (1 - T) x + T f(x) of the maps f of ``repair``; sides keep their dimensions."""
    kinds = {}
    for name, kind in repair.kinds.items():
        if kind.dim_in != kind.dim_out:
            raise InputError(f"there is no way from {kind.dim_in} to {kind.dim_out} dimensions; leave path out")
        matrix = np.eye(kind.dim_in) if kind.matrix is None else kind.matrix
        mixed = (1 - share) * np.eye(kind.dim_in) + share * matrix
        kinds[name] = replace(kind, side=Side(kind.dim_in, None, mixed, share * kind.bias))
    return Repair(kinds, replace(repair.header, candidate=f"{repair.header.candidate},path:{share:g}"))


def distance_of(text: str) -> float:
    """D of ``apart:D``.

    >>> distance_of("apart:0.5")
    0.5
    """
    name, _, number = text.partition(":")
    distance = _number(number, "apart:0.5")
    if name != APART or not 0 < distance < float("inf"):
        raise InputError(f"'{text}' stands alone and needs a finite distance above 0, as in apart:0.5")
    return distance


def apart(text: str, names: Sequence[str], dims: Sequence[int], context: FitContext) -> Repair:
    """Two vectors a row: one coordinate more, sqrt(D / 2) with a sign that differs between asking and being found.

    With c^2 = D / 2 cosines of unit rows become (x y + c^2) / (1 + c^2) across modalities and (x x' - c^2) / (1 + c^2)
    within one; nothing is fitted but D.
    """
    distance = distance_of(text)
    if len(set(dims)) > 1:
        raise InputError(f"apart needs sides of equal dimensions, got {dims[0]} and {dims[1]}")
    c, d = float(np.sqrt(distance / 2)), dims[0]
    kinds = {}
    for asking in (False, True):
        for kind, sign in zip(names, (1.0, -1.0), strict=True):
            shift = np.zeros(d + 1)
            shift[d] = -sign * c if asking else sign * c
            side = Side(d, None, np.eye(d, d + 1), shift)
            kinds[ASKING * asking + kind] = KindMap(side, True, True, context.sources.get(kind))
    return Repair(kinds, Header(candidate=text, fitted_on="nothing"))


def _number(text: str, example: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"'{example.partition(':')[0]}:{text}' needs a number, as in {example}") from None


def trade_candidates() -> list[str]:
    """What is tried where pure and mixed retrieval are traded."""
    paths = [f"{chain}+path:{share:g}" for chain in ("center", "lstsq:1") for share in SHARES]
    return [*paths, *(f"apart:{distance:g}" for distance in DISTANCES)]
