"""What charts of a space show, taken from the statistics that its metrics read: small, and in the same pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embedscope.core.accumulate import Need
from embedscope.core.arrays import Floats, unit_rows
from embedscope.core.tables import Index
from embedscope.stats import Gaussian, Moments, RowSample, SampledRows, UnitSum, UnitSums
from embedscope.stats.neighbourhood import Neighbourhood, NeighbourRows
from embedscope.stats.neighbours import top_k
from embedscope.stats.row_sets import K

FEW = 4
"""Spaces of a source up to which each is drawn; of more, the curves over layers are."""

DRAWN = 2000
"""Rows whose cosines are drawn; they are a sample by hash."""

WIDEST = 1024
"""Dimensions up to which a spectrum is drawn: it costs their cube."""

_BINS = 48
_SHIFTS = 10


@dataclass(frozen=True, eq=False)
class Cosines:
    """Shares of cosines by bin: of rows that have nothing to do with each other, and of rows with their nearest.

    Attributes
    ----------
    edges : (b + 1,)
    unrelated, nearest : (b,) shares; ``matching`` those of pairs, where there are any
    means : mean of each, by name
    n : rows that were drawn
    among : rows that the nearest was looked for in
    """

    edges: Floats
    unrelated: Floats
    nearest: Floats
    means: Mapping[str, float]
    n: int
    among: int


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Share (d,) of the variance in each direction, largest first."""

    shares: Floats


@dataclass(frozen=True, eq=False)
class CoordinateParts:
    """Part (d,) of the mean cosine that each coordinate makes."""

    parts: Floats


@dataclass(frozen=True, eq=False)
class Occurrences:
    """How often each row held (n,) is among the nearest of others."""

    counts: Index


@dataclass(frozen=True, eq=False)
class Duplicates:
    """How many of the rows held have the same vector as each of them (n,), itself included."""

    sizes: Index


@dataclass(frozen=True)
class Sketch:
    """What is taken from one statistic: its need, and a function of the frozen result."""

    id: str
    needs: Need[Any]
    draw: Callable[[Any], Any]


@dataclass(frozen=True)
class Page:
    """Where the sketches of one source are drawn, space by space."""

    sketches: tuple[Sketch, ...]
    spaces: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[Need[Any], ...]:
        """Statistics that are drawn; those of metrics are shared with them."""
        return tuple(s.needs for s in self.sketches)

    def draw(self, space: str, need: Need[Any], statistic: Any) -> None:
        """Draw what this statistic of ``space`` gives."""
        for sketch in self.sketches:
            if sketch.needs == need and (drawn := sketch.draw(statistic)) is not None:
                kept = self.spaces.setdefault(space, {})
                kept |= drawn if isinstance(drawn, dict) else {sketch.id: drawn}


@dataclass
class Sketchbook:
    """Sketches of every space that was measured, a page for each source; asked for by whoever draws them.

    ``rows`` asks for a sample of the rows where no metric holds them, for the histogram of cosines.
    """

    rows: bool = True
    pages: list[tuple[str, Page]] = field(default_factory=list)

    def of(self, source: str, needs: Sequence[Need[Any]], dims: Mapping[str, int], memory: int | None) -> Page | None:
        """The page of a source whose metrics have these ``needs``; only from these where ``memory`` is limited."""
        if len(dims) > FEW:
            return None
        sketches = [_OF[type(n)](n) for n in dict.fromkeys(needs) if type(n) in _OF and _plain(n)]
        if max(dims.values(), default=0) > WIDEST:
            sketches = [s for s in sketches if s.id != "spectrum"]
        if self.rows and memory is None and not any(isinstance(n, NeighbourRows) for n in needs):
            sketches.append(Sketch("cosines", RowSample(DRAWN), _cosines_of_sample))
        page = Page(tuple(sketches))
        self.pages.append((source, page))
        return page

    def __iter__(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for source, page in self.pages:
            for space, drawn in page.spaces.items():
                yield source, space, drawn


def _plain(need: Need[Any]) -> bool:
    """Whether a sketch is drawn from it: exact neighbours of unit rows, moments of raw ones."""
    if isinstance(need, NeighbourRows):
        return need.rows == "unit" and need.search == "exact"
    return not isinstance(need, Moments) or need.rows == "raw"


def cosines_of(x: Floats, n: int, nearest: Floats | None = None) -> Cosines | None:
    """Cosines of unit rows ``x`` (m, d), of ``n`` in all: of pairs by chance, and with the ``nearest`` (m,) others."""
    x = x[:DRAWN]
    if len(x) < K + 2:
        return None
    among = n
    if nearest is None:
        nearest, among = top_k(x, x, 1, exclude=np.arange(len(x))).scores[:, 0], len(x)
    steps = range(1, min(_SHIFTS, len(x) - 1) + 1)
    unrelated = np.concatenate([np.einsum("ij,ij->i", x, np.roll(x, s, axis=0)) for s in steps])
    edges = edges_over(unrelated, nearest)
    means = {"unrelated": float(unrelated.mean()), "nearest": float(nearest.mean())}
    return Cosines(edges, shares_in(unrelated, edges), shares_in(nearest, edges), means, len(x), among)


def edges_over(*values: Floats) -> Floats:
    """Edges of about 48 bins, round numbers, that hold all cosines."""
    low = min(float(v.min()) for v in values)
    high = max(float(v.max()) for v in values)
    step = next(s for s in (0.002, 0.005, 0.01, 0.02, 0.025, 0.05) if (high - low) / s <= _BINS or s == 0.05)
    first, last = np.floor(low / step + 1e-9), max(np.ceil(high / step - 1e-9), np.floor(low / step + 1e-9) + 1)
    return np.asarray(np.round(np.arange(first, last + 1) * step, 6))


def shares_in(values: Floats, edges: Floats) -> Floats:
    """Share of ``values`` in each bin; what lies outside counts in the first or the last."""
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    return np.asarray(counts / max(len(values), 1))


def _cosines_of_sample(s: SampledRows) -> Cosines | None:
    unit, _ = unit_rows(s.x)
    return cosines_of(np.asarray(unit, dtype=np.float64), s.n - s.zero_rows)


def _spectrum(g: Gaussian) -> Spectrum | None:
    if g.n < 2:
        return None
    values = np.clip(g.eigenvalues, 0, None)
    total = float(values.sum())
    return Spectrum(values / total) if total > 0 else None


def _parts(sums: UnitSums) -> CoordinateParts | None:
    return CoordinateParts(sums.parts) if sums.n > 1 and sums.pairs > 0 else None


def _neighbours(s: Neighbourhood) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    x = np.asarray(s.all.x, dtype=np.float64)
    if len(x) > K + 1:
        asked = s.scores[:, 0] if s.sampled and len(s.asked) else None
        if asked is None:
            distinct = s.all.distinct
            near = s.all.nearest(K, DRAWN).scores if len(distinct) == len(x) else _nearest(distinct)
            asked = near[:, 0] if len(near) else None
        cosines = cosines_of(x, s.n, asked)
        parts |= {} if cosines is None else {"cosines": cosines}
        parts |= {"occurrences": Occurrences(s.all.occurrences(K))} if s.all.others >= K else {}
    if (first := s.all.first) is not None:
        parts["duplicates"] = Duplicates(np.bincount(first)[first])
    return parts


def _nearest(distinct: Floats) -> Floats:
    asked = distinct[:DRAWN]
    return top_k(asked, distinct, 1, exclude=np.arange(len(asked))).scores if len(distinct) > 1 else np.zeros((0, 1))


_OF: dict[type, Callable[[Any], Sketch]] = {
    Moments: lambda n: Sketch("spectrum", n, _spectrum),
    UnitSum: lambda n: Sketch("coordinates", n, _parts),
    NeighbourRows: lambda n: Sketch("neighbours", n, _neighbours),
}
