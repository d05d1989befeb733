"""How a candidate is scored for a : b :: c : ?, exactly for a few pairs and in float32 for whole tiles.

Levy & Goldberg (2014) [levy2014]; "c" and "b" are the controls that ignore the relation. In a tile a candidate has a
value that grows with its score, to be held against the bar that the answer sets; values within ``off`` of the bar may
be wrong and are scored again in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index

Floats32 = npt.NDArray[np.float32]
COSMUL_EPSILON = 1e-3


@dataclass(frozen=True, eq=False)
class Words:
    """The words of the questions (m, d) float64 each, their lengths (m, 3), and the score of the answers (m,).

    ``uncertain`` bounds the error of a float32 inner product of two unit rows.
    """

    a: Floats
    b: Floats
    c: Floats
    lengths: Floats
    best: Floats
    uncertain: float


@dataclass(frozen=True, eq=False)
class Bars:
    """What values are held against: ``bar`` and ``off`` (m, 1), and what else a method needs of a question (m, k)."""

    bar: Floats32
    off: Floats32
    facts: Floats32

    def __getitem__(self, part: slice) -> Bars:
        return Bars(self.bar[part], self.off[part], self.facts[part])


def concat(parts: Sequence[Bars]) -> Bars:
    """Bars of consecutive questions as one."""
    if not parts:
        empty = np.zeros((0, 1), dtype=np.float32)
        return Bars(empty, empty, empty)
    bar, off, facts = (np.concatenate([getattr(p, name) for p in parts]) for name in ("bar", "off", "facts"))
    return Bars(bar, off, facts)


@dataclass(frozen=True, eq=False)
class Dots:
    """Words a, b, c (m, d) of questions, their inner products (m, k) with answers, lengths (m, k) of the answers."""

    a: Floats
    b: Floats
    c: Floats
    to_a: Floats
    to_b: Floats
    to_c: Floats
    lengths: Floats


@dataclass(frozen=True, eq=False)
class Tile:
    """Inner products (u, t) of the words with candidates of unit length, and the candidates' lengths (t,)."""

    products: Floats32
    lengths: Floats32
    uncertain: float


def _dot(x: Floats, y: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", x, y))


def _length(x: Floats) -> Floats:
    return np.asarray(np.sqrt(_dot(x, x)))


def _unit(x: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(x / _length(x)[:, None])


def add_scores(a: Floats, b: Floats, c: Floats, x: Floats) -> Floats:
    """3CosAdd (m,): cosines of b - a + c and x, rows (m, d); nan where b - a + c is zero."""
    return _dot(_unit(b - a + c), _unit(x))


def mul_scores(a: Floats, b: Floats, c: Floats, x: Floats) -> Floats:
    """3CosMul (m,): cos(x, b) cos(x, c) / (cos(x, a) + 0.001), cosines moved to 0..1."""
    x = _unit(x)
    to_a, to_b, to_c = ((1 + _dot(_unit(w), x)) / 2 for w in (a, b, c))
    return np.asarray(to_b * to_c / (to_a + COSMUL_EPSILON))


def direction_scores(a: Floats, b: Floats, c: Floats, x: Floats) -> Floats:
    """PairDirection (m,): cosines of the offsets x - c and b - a; -1 for x = c, which has no direction."""
    return np.where((x == c).all(axis=1), -1.0, _dot(_unit(x - c), _unit(b - a)))


def c_scores(a: Floats, b: Floats, c: Floats, x: Floats) -> Floats:
    """Control (m,): cosines of c and x."""
    return _dot(_unit(c), _unit(x))


def b_scores(a: Floats, b: Floats, c: Floats, x: Floats) -> Floats:
    """Control (m,): cosines of b and x."""
    return _dot(_unit(b), _unit(x))


def _rough_add(x: Dots) -> Floats:
    return np.asarray((x.to_b - x.to_a + x.to_c) / x.lengths)


def _rough_mul(x: Dots) -> Floats:
    pairs = ((x.a, x.to_a), (x.b, x.to_b), (x.c, x.to_c))
    to_a, to_b, to_c = ((1 + to / (_length(w)[:, None] * x.lengths)) / 2 for w, to in pairs)
    return np.asarray(to_b * to_c / (to_a + COSMUL_EPSILON))


def _rough_direction(x: Dots) -> Floats:
    ahead = x.to_b - x.to_a - _dot(x.c, x.b - x.a)[:, None]
    away = np.sqrt(np.maximum(x.lengths**2 + (_length(x.c) ** 2)[:, None] - 2 * x.to_c, 0))
    return np.asarray(np.where(away > 0, ahead / away, -np.inf))


def _bars(bar: Floats, off: Floats, *facts: Floats) -> Bars:
    def column(x: Floats) -> Floats32:
        return np.asarray(x, dtype=np.float32)[:, None]

    return Bars(column(bar), column(off), np.stack(facts or (bar,), axis=1).astype(np.float32))


def _add_bars(w: Words) -> Bars:
    return _bars(w.best * _length(w.b - w.a + w.c), w.uncertain * w.lengths.sum(axis=1))


def _add_values(tile: Tile, words: Index, bars: Bars, out: Floats32, spare: Floats32) -> Any:
    np.take(tile.products, words[:, 1], 0, out=out, mode="clip")
    np.take(tile.products, words[:, 0], 0, out=spare, mode="clip")
    np.subtract(out, spare, out=out)
    np.take(tile.products, words[:, 2], 0, out=spare, mode="clip")
    np.add(out, spare, out=out)
    return bars.off


def _c_bars(w: Words) -> Bars:
    return _bars(w.best * w.lengths[:, 2], w.uncertain * w.lengths[:, 2])


def _b_bars(w: Words) -> Bars:
    return _bars(w.best * w.lengths[:, 1], w.uncertain * w.lengths[:, 1])


def _c_values(tile: Tile, words: Index, bars: Bars, out: Floats32, spare: Floats32) -> Any:
    np.take(tile.products, words[:, 2], 0, out=out, mode="clip")
    return bars.off


def _b_values(tile: Tile, words: Index, bars: Bars, out: Floats32, spare: Floats32) -> Any:
    np.take(tile.products, words[:, 1], 0, out=out, mode="clip")
    return bars.off


def _mul_bars(w: Words) -> Bars:
    zero = np.zeros_like(w.best)
    return _bars(zero, w.uncertain * (2 + w.best), w.best, *(1 / w.lengths.T))


def _mul_values(tile: Tile, words: Index, bars: Bars, out: Floats32, spare: Floats32) -> Any:
    """(1 + cos b) (1 + cos c) / 4 - best ((1 + cos a) / 2 + 0.001): positive where 3CosMul is above ``best``."""
    best, to_a, to_b, to_c = (bars.facts[:, i, None] for i in range(4))
    np.multiply(1 + tile.products[words[:, 1]] * to_b, 1 + tile.products[words[:, 2]] * to_c, out=out)
    np.multiply(tile.products[words[:, 0]], to_a, out=spare)
    spare += np.float32(1 + 2 * COSMUL_EPSILON)
    spare *= best * np.float32(2)
    np.subtract(out, spare, out=out)
    np.multiply(out, np.float32(0.25), out=out)
    return bars.off


def _direction_bars(w: Words) -> Bars:
    offset = w.b - w.a
    zero = np.zeros_like(w.best)
    off = w.uncertain * w.lengths.sum(axis=1)
    return _bars(zero, off, w.best * _length(offset), _dot(w.c, offset), w.lengths[:, 2])


def _direction_values(tile: Tile, words: Index, bars: Bars, out: Floats32, spare: Floats32) -> Any:
    """<x - c, b - a> - best |x - c| |b - a|; |x - c| is the less sure the nearer x is to c."""
    scaled, at_c, c_length = (bars.facts[:, i, None] for i in range(3))
    sizes = tile.lengths**2 + c_length**2
    error = np.float32(2 * tile.uncertain) * sizes
    np.multiply(tile.products[words[:, 2]], tile.lengths, out=spare)
    away = np.sqrt(np.maximum(sizes - 2 * spare, 0))
    np.multiply(tile.products[words[:, 1]] - tile.products[words[:, 0]], tile.lengths, out=out)
    np.subtract(out, at_c + scaled * away, out=out)
    return bars.off * (tile.lengths + c_length) + np.abs(scaled) * error / np.maximum(away, np.sqrt(error))


@dataclass(frozen=True)
class Method:
    """A way to score candidates.

    Attributes
    ----------
    exact : scores (m,) in float64 of aligned rows a, b, c, x
    rough : numbers (m, k) in the order of the scores of a question's answers
    bars : what the answers set
    values : fills ``out`` (m, t) with values of a tile, ``spare`` being free to use, and returns what they are off by
    """

    exact: Callable[[Floats, Floats, Floats, Floats], Floats]
    rough: Callable[[Dots], Floats]
    bars: Callable[[Words], Bars]
    values: Callable[[Tile, Index, Bars, Floats32, Floats32], Any]


METHODS: Mapping[str, Method] = {
    "3cosadd": Method(add_scores, _rough_add, _add_bars, _add_values),
    "3cosmul": Method(mul_scores, _rough_mul, _mul_bars, _mul_values),
    "pairdirection": Method(direction_scores, _rough_direction, _direction_bars, _direction_values),
    "c": Method(c_scores, lambda x: x.to_c / x.lengths, _c_bars, _c_values),
    "b": Method(b_scores, lambda x: x.to_b / x.lengths, _b_bars, _b_values),
}
