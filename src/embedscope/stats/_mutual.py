"""The nearest others of every row of one set: a block of products serves the rows of both its sides.

<x, y> = <y, x>, so half of the products are enough. Blocks come in any order and on any thread: a row that the bound
cannot rule out is kept until float64 decides, so the outcome has the same bits whichever came first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, pairwise
from threading import Lock

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.core.threads import in_threads
from embedscope.stats._candidates import CROWD, NONE, Candidates, kth_bound, places
from embedscope.stats._neighbours import Matrix, ScaledRows, error_bound, pair_scores

BLOCK = 2048
_PENDING = 3
"""Candidates, in multiples of k a row, from which all but the best are let go."""


@dataclass(eq=False)
class _Side:
    """Rows ``start .. stop``, what may be among their nearest so far, and the least product that may be."""

    start: int
    stop: int
    floor: npt.NDArray[np.float32]
    candidates: Candidates = NONE
    lock: Lock = field(default_factory=Lock)

    def __len__(self) -> int:
        return self.stop - self.start


class CrowdedError(Exception):
    """So many rows are within the bound of each other that float32 does not tell them apart."""


@dataclass(frozen=True, eq=False)
class MutualSearch:
    """The ``k`` nearest others of every row.

    Attributes
    ----------
    x : (n, d) rows as they came
    scaled : (n, d) float32, the rows divided by one power of two, so that none is longer than 1
    power : that power
    exact : whether float32 products are exact
    """

    x: Matrix
    scaled: npt.NDArray[np.float32]
    power: int
    k: int
    exact: bool = False

    @classmethod
    def of(cls, x: Matrix, k: int, *, exact: bool) -> MutualSearch | None:
        """The search, None where rows are few or so unlike in length that one power does not do for all."""
        if len(x) < BLOCK or k >= len(x) // -(-len(x) // BLOCK):
            return None
        powers = ScaledRows.each(x).exponents
        if powers.min() < powers.max():
            return None
        together = ScaledRows(x, powers[:1])
        return cls(x, together.block(0, len(x), np.float32), int(powers[0]), k, exact)

    def best(self) -> tuple[Index, Floats | None]:
        """Rows (n, k), best first by float64 products, ties to the lower row; the products where float32 is exact.

        Raises
        ------
        CrowdedError
        """
        n = len(self.x)
        bounds = np.linspace(0, n, -(-n // BLOCK) + 1).astype(int)
        sides = [_Side(int(a), int(b), np.full(b - a, -np.inf, dtype=np.float32)) for a, b in pairwise(bounds)]
        pairs = [(a, b) for off in range(1, len(sides)) for a, b in zip(sides, sides[off:], strict=False)]
        for _ in chain(in_threads(self._own, sides), in_threads(lambda p: self._across(*p), pairs)):
            pass
        parts = list(in_threads(self._decide, sides))
        indices = np.concatenate([cols for cols, _ in parts])
        return indices, np.ldexp(np.concatenate([s for _, s in parts]), 2 * self.power) if self.exact else None

    @property
    def _bound(self) -> float:
        return 0.0 if self.exact else 2 * error_bound(self.x.shape[1], np.float32)

    def _own(self, side: _Side) -> None:
        """Products of the rows of a side with each other."""
        rows = self.scaled[side.start : side.stop]
        s = rows @ rows.T
        np.fill_diagonal(s, -np.inf)
        side.floor = _below(kth_bound(s, self.k).astype(np.float64) - self._bound)
        self._take(side, _hits(s, side.floor[:, None], side.start))

    def _across(self, a: _Side, b: _Side) -> None:
        """Products of the rows of two sides."""
        s = self.scaled[a.start : a.stop] @ self.scaled[b.start : b.stop].T
        self._take(a, _hits(s, a.floor[:, None], b.start))
        hits = _hits(s, b.floor, a.start)
        self._take(b, Candidates(hits.col - a.start, hits.row + a.start, hits.score))

    def _take(self, side: _Side, hits: Candidates) -> None:
        with side.lock:
            side.candidates = side.candidates.concat(hits)
            if len(side.candidates.row) > _PENDING * self.k * len(side):
                kth = side.candidates.kth(len(side), self.k) - self._bound
                side.floor = np.maximum(side.floor, _below(kth))
                side.candidates = side.candidates.where(side.candidates.score >= side.floor[side.candidates.row])
                if len(side.candidates.row) > (CROWD + 4 * self.k) * len(side):
                    raise CrowdedError

    def _decide(self, side: _Side) -> tuple[Index, Floats]:
        """The nearest of each row, by float64 products of those that float32 does not put in order, and the scores.

        A product that differs from the next ones by more than the bound is known well enough.
        """
        candidates = side.candidates
        kth = candidates.kth(len(side), self.k) - self._bound
        candidates = candidates.where(candidates.score >= _below(kth)[candidates.row])
        order = np.argsort(candidates.row * len(self.x) + candidates.col)  # by row, and ties go to the lower column
        row, col = candidates.row[order], candidates.col[order]
        place = places(row)
        scores = np.full((len(side), int(place.max()) + 1), -np.inf)
        cols = np.zeros(scores.shape, dtype=np.intp)
        scores[row, place], cols[row, place] = candidates.score[order], col
        cols, scores = _descending(cols, scores)
        if not self.exact:
            row, place = np.nonzero(_close(scores, self._bound))
            products = pair_scores(self.x, self.x, row + side.start, cols[row, place])
            scores[row, place] = np.ldexp(products, -2 * self.power)
            by_column = np.argsort(cols, axis=1)  # so that ties go to the lower column again
            cols = np.take_along_axis(cols, by_column, axis=1)
            cols, scores = _descending(cols, np.take_along_axis(scores, by_column, axis=1))
        return cols[:, : self.k], scores[:, : self.k]


def _descending(cols: Index, scores: Floats) -> tuple[Index, Floats]:
    """Both (m, w) by score, highest first, ties as they stand."""
    best = np.argsort(-scores, axis=1, kind="stable")
    return np.asarray(np.take_along_axis(cols, best, axis=1)), np.asarray(np.take_along_axis(scores, best, axis=1))


def _close(scores: Floats, bound: float) -> npt.NDArray[np.bool_]:
    """Which of the descending ``scores`` (m, w) are within ``bound`` of the one before or after; -inf is none."""
    gaps = np.full((len(scores), scores.shape[1] - 1), np.inf)
    np.subtract(scores[:, :-1], scores[:, 1:], out=gaps, where=scores[:, 1:] > -np.inf)
    close = np.zeros(scores.shape, dtype=bool)
    close[:, :-1] = gaps <= bound
    close[:, 1:] |= close[:, :-1].copy()
    return close


def _below(floor: Floats) -> npt.NDArray[np.float32]:
    """The next float32 below ``floor``: no product that reaches it in float64 is under that."""
    return np.nextafter(floor.astype(np.float32), np.float32(-np.inf))


def _hits(s: npt.NDArray[np.float32], floor: npt.NDArray[np.float32], first: int) -> Candidates:
    """Entries of ``s`` that reach ``floor``; columns number from ``first`` on."""
    hits = np.flatnonzero(s >= floor)
    row, col = np.divmod(hits, s.shape[1])
    score = s.ravel()[hits].astype(np.float64)
    return Candidates(row, col + first, score).where(score > -np.inf)
