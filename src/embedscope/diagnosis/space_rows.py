"""The rows of one space that a finding is about, and the numbers that come with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, Hashes, row_norms, to_numpy, unit_rows
from embedscope.core.ids import GROUPS, groups_of, row_numbers
from embedscope.core.short_repr import short_repr
from embedscope.core.tables import Index
from embedscope.core.wording import percent
from embedscope.diagnosis.formats import formats
from embedscope.diagnosis.populations import Split, populations
from embedscope.diagnosis.unrelated import REACHED, UnrelatedPairs
from embedscope.metrics import Measured, Metric
from embedscope.metrics.pairs.metric import jackknife_interval
from embedscope.metrics.storage import ASKED, kept_in_int8, tied_in_float16
from embedscope.stats import GroupedResult
from embedscope.stats.copies import first_alike
from embedscope.stats.neighbourhood import Neighbourhood, NeighbourRows
from embedscope.stats.neighbours import top_k
from embedscope.stats.row_sets import K, RowSet
from embedscope.stats.units import DECLARED, NEIGHBOURS, Units

FAR = 6.0
"""Median absolute deviations by which the nearest neighbour of an outlier is farther than that of the middle row."""


@short_repr
@dataclass(frozen=True, eq=False)
class Listed:
    """Rows that a finding is about, the worst first.

    Attributes
    ----------
    ids : (m,) hashes of the rows
    values : (m,) the number by which they are listed
    why : a sentence part with ``{value}``, or ``{percent}`` of a share
    """

    ids: Hashes
    values: Floats
    why: str

    def __len__(self) -> int:
        return len(self.ids)

    def reason(self, i: int) -> str:
        """Why row ``i`` of the list is in it."""
        value = float(self.values[i])
        return self.why.format(value=value, percent=percent(value))


@short_repr
@dataclass(frozen=True, eq=False)
class SpaceRows:
    """What is known of the rows of one space, after its numbers were taken.

    Attributes
    ----------
    listed : rule -> its rows
    split : two populations, None where there is one
    other_format : how the rows of the rarer format differ
    ids, occurrences : (m,) hashes of the rows held, and how often each is among the 10 nearest of another
    sampled : whether not all rows were held
    """

    listed: Mapping[str, Listed]
    split: Split | None
    other_format: str
    ids: Hashes
    occurrences: Index
    sampled: bool


@dataclass(frozen=True)
class HeldRows(Metric):
    """No metric of the registry: numbers of the rows that are held anyway, which a diagnosis lists.

    ``of_spaces`` collects the rows of every space, in the order in which spaces are measured; ``one_model`` says
    whether one model read them in this run; ``seed`` draws the pairs whose cosines are sampled.
    """

    one_model: bool = False
    seed: int = 0
    of_spaces: list[SpaceRows] = field(default_factory=list, compare=False, hash=False)

    @classmethod
    def new(cls, *, one_model: bool = False, seed: int = 0) -> HeldRows:
        """An empty collection."""
        return cls(
            "held_rows", NeighbourRows("unit"), lambda s: 0.0, "unit", frozenset(), (None, None), None, "", "", "",
            fixed_rows=True, one_model=one_model, seed=seed,
        )  # fmt: skip

    def measure(self, grouped: GroupedResult[Any]) -> tuple[Measured, ...]:
        """``two_populations``, ``two_kinds``, ``two_formats``, and the shares of outliers and of neighbours kept."""
        held = _Held(grouped.full, one_model=self.one_model)
        values, rows = held.measure()
        values += held.meanings(grouped.units, self.seed)
        self.of_spaces.append(rows)
        units = None if grouped.units is None else grouped.units.units
        n, dim, exact = grouped.full.n, grouped.full.dim, not grouped.full.sampled
        note = None if exact else f"on {len(held.u):,} sampled rows"
        return tuple(
            Measured(
                name,
                value,
                stderr,
                low,
                high,
                n,
                dim,
                "unit",
                exact,
                "undefined: one population" if value is None else note,
                units,
            )
            for name, value, stderr, low, high in values
        )


Row = tuple[str, float | None, float | None, float | None, float | None]


class _Held:
    """The rows of one space."""

    def __init__(self, full: Neighbourhood, *, one_model: bool) -> None:
        self.full, self.one_model = full, one_model
        self.rows: RowSet = full.all
        self.u: npt.NDArray[Any] = full.all.x
        self.ids = full.kept.ids[full.places]
        self.numbers = row_numbers(self.ids)
        self.raw = full.kept.x[full.places]
        self.enough = len(self.u) > K and self.rows.others >= K

    def measure(self) -> tuple[list[Row], SpaceRows]:
        """Numbers with their intervals, and rows."""
        split = populations(self.rows, one_model=self.one_model) if self.enough else None
        other, described = formats(self.raw)
        values: list[Row] = []

        def count(name: str, members: npt.NDArray[np.bool_] | None) -> None:
            share = 0.0 if members is None or not len(members) else float(members.mean())
            values.append((name, share, None, None, None))

        models = split is not None and split.two_models
        count("two_populations", split.smaller if split is not None and models else None)
        values += _of_split(split)
        kinds = None if split is None or models else split.own
        values.append(("two_kinds", kinds or 0.0, None, None, None))
        count("two_formats", other)
        outliers, far = self._outliers()
        count("outlier_share", outliers)
        values += [*self._dot(), *self._few_directions()]
        listed = dict(self._list_rows(split, other, outliers, far))
        occurrences = self.rows.occurrences(K) if self.enough else np.zeros(len(self.ids), dtype=np.intp)
        return values, SpaceRows(listed, split, described, self.ids, occurrences, self.full.sampled)

    def _unrelated_pairs(self, units: Units | None, seed: int) -> UnrelatedPairs | None:
        """Pairs of rows that are unrelated, by the same units of evidence as those of ``calibrate``.

        None where no finding speaks of a cosine: rows in a wide cone without duplicates.
        """
        m = len(self.u)
        total = self.u.sum(axis=0, dtype=np.float64)
        copies = 0 if self.rows.first is None else m - len(np.unique(self.rows.first))
        if m < 2 or (float(total @ total) - m <= _SPOKEN_OF * m * (m - 1) and copies <= _COPIED * m):
            return None
        order = np.argsort(self.numbers, kind="stable")
        kept = self.full.kept
        declared = None
        if units is not None and DECLARED in units.ways and kept.units is not None:
            declared = kept.units[self.full.places][order]
        return UnrelatedPairs.of(
            self.u[order], self.raw[order], declared, lambda first: self._nearest(order, first), seed
        )

    def _nearest(self, order: Index, first: Index) -> Index:
        """The 12 nearest others of the rows ``first`` (m,) of those in ``order`` (n,), by their places among these."""
        chosen = order[first]
        members = np.zeros(len(self.u), dtype=bool)
        members[chosen] = True
        held = self.rows if members.all() else self.rows.part(members)
        places = np.cumsum(members)[chosen] - 1  # of the chosen among the members
        place_of = np.empty(len(chosen), dtype=np.intp)
        place_of[places] = np.arange(len(chosen))
        near = held.nearest(NEIGHBOURS, len(chosen)).indices
        return np.asarray(place_of[near[places]])

    def meanings(self, units: Units | None, seed: int) -> list[Row]:
        """What cosines are among the unrelated pairs: their mean and spread, how far the nearest rows stand out."""
        pairs = self._unrelated_pairs(units, seed)
        if pairs is None:
            return []
        rows: list[Row] = [
            ("unrelated_pairs", float(len(pairs.cosines)), None, None, None),
            ("unrelated_cosine", pairs.moments.mean, None, None, None),
            ("unrelated_sd", pairs.moments.sd, None, None, None),
            ("unrelated_reached", pairs.reached_by(REACHED), None, None, None),
        ]
        distinct = self.rows.unequal
        if distinct.n <= K:
            return rows
        near = float(distinct.nearest(K, distinct.n_queries(ASKED)).scores[:, 0].mean())
        share, low, high = pairs.share_above(near)
        return [
            *rows,
            ("nearest_cosine", near, None, None, None),
            ("nearest_cosine.z", pairs.z(near), None, None, None),
            ("nearest_cosine.unrelated_above", share, None, low, high),
        ]

    def _outliers(self) -> tuple[npt.NDArray[np.bool_], Floats]:
        """Rows whose nearest other row is far, by the distances of all."""
        if not self.enough:
            return np.zeros(len(self.u), dtype=bool), np.zeros(len(self.u))
        distance = np.sqrt(np.maximum(2 - 2 * self.rows.nearest(K, len(self.u)).scores[:, K // 2], 0.0))
        middle = float(np.median(distance))
        spread = 1.4826 * float(np.median(np.abs(distance - middle)))
        return distance > middle + FAR * max(spread, 1e-9), distance

    def _dot(self) -> list[Row]:
        """Share of the 10 nearest by cosine that are the 10 nearest by dot product."""
        norms = row_norms(self.raw)
        if not self.enough:
            return []
        if norms.std() <= 1e-3 * norms.mean():
            return [("dot_overlap", 1.0, 0.0, 1.0, 1.0)]
        return [self._kept_share("dot_overlap", self._near, self._nearest_rows(self.raw))]

    def _list_rows(
        self, split: Split | None, other: npt.NDArray[np.bool_], outliers: npt.NDArray[np.bool_], far: Floats
    ) -> Iterator[tuple[str, Listed]]:
        def by(values: Floats, members: npt.NDArray[np.bool_], why: str, *, up: bool = False) -> Listed:
            rows = np.flatnonzero(members)
            rows = rows[np.lexsort((self.numbers[rows], values[rows] if up else -values[rows]))]
            return Listed(self.ids[rows], values[rows], why)

        m = len(self.u)
        total = self.u.sum(axis=0, dtype=np.float64)
        mean = (self.u @ total - 1) / max(m - 1, 1)
        yield "cosine_floor", by(mean, mean > _FLOOR, "mean cosine {value:.3f} with the other rows")
        yield "copies", self._copies()
        yield "zero_rows", self._zero()
        norms = row_norms(self.raw)
        off = np.abs(np.log(norms / np.median(norms))) if m else norms
        order = np.argsort(-off, kind="stable")[: int((off > _NORMS).sum())]
        yield "norms_vary", Listed(self.ids[order], norms[order], "norm {value:.3g}")
        yield "rogue_coordinate", self._coordinate(total, mean, by)
        collapsed = self._collapse(by)
        yield "rank_collapse", collapsed
        yield "few_directions", collapsed
        yield "two_formats", by(np.zeros(m), other, "of the rarer format")
        if split is not None:
            centre = self.u[split.smaller].mean(axis=0) - self.u[~split.smaller].mean(axis=0)
            place = self.u @ (centre / max(float(np.linalg.norm(centre)), 1e-12))
            name = "two_populations" if split.two_models else "two_kinds"
            yield name, by(place, split.smaller, "of the smaller set, {value:.3f} along the line between the sets")
        if not self.enough:
            return
        yield from self._crowds(by, mean)
        yield "outliers", by(far, outliers, f"distance {{value:.3f}} to its {K // 2 + 1}th nearest row")

    def _crowds(self, by: Callable[..., Listed], mean: Floats) -> Iterator[tuple[str, Listed]]:
        n = self.rows.occurrences(K).astype(np.float64)
        top = np.zeros(len(n), dtype=bool)
        top[np.argsort(-n, kind="stable")[:5]] = True
        nearest = self.rows.nearest(K, len(self.u))
        yield "hubs", by(n, top, f"among the {K} nearest of {{value:,.0f}} rows")
        yield "never_found", by(mean, n == 0, "mean cosine {value:.3f} with the other rows", up=True)
        above = nearest.scores[:, 0] - mean
        yield (
            "low_contrast",
            by(above, above < _CONTRAST, "its nearest row is {value:.3f} nearer in cosine than the others", up=True),
        )
        asked = min(ASKED, len(n))
        ties = np.zeros(len(n))
        ties[:asked] = tied_in_float16(self.rows).sum(axis=1)
        yield "half_precision", by(ties, ties >= 2, f"{{value:.0f}} of its {K - 1} neighbouring ranks tie in float16")
        kept = np.full(len(n), float(K))
        kept[:asked] = kept_in_int8(self.rows)
        yield "int8", by(kept, kept < _KEPT, f"{{value:.0f}} of its {K} nearest are kept in int8", up=True)
        norms = row_norms(self.raw)
        long = norms > np.quantile(norms, 0.99)
        yield "dot_differs", by(norms, long, "norm {value:.3g}: ranked first by dot product")

    def _copies(self) -> Listed:
        """Every row but the first of those that are duplicates of each other, with how many there are."""
        order = np.argsort(self.numbers, kind="stable")
        labels = first_alike(self.u[order])
        if labels is None:
            return Listed(self.ids[:0], np.zeros(0), "")
        _, first, place, counts = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
        later = np.ones(len(labels), dtype=bool)
        later[first] = False
        rows = np.flatnonzero(later)
        values = counts[place[rows]].astype(np.float64)
        worst = np.argsort(-values, kind="stable")
        return Listed(self.ids[order[rows[worst]]], values[worst], "one of {value:.0f} equal rows")

    def _zero(self) -> Listed:
        kept = self.full.kept
        ids = kept.ids[~(kept.x != 0).any(axis=1)]
        return Listed(ids[np.argsort(row_numbers(ids), kind="stable")], np.zeros(len(ids)), "all zeros")

    def _coordinate(self, total: Floats, mean: Floats, by: Callable[..., Listed]) -> Listed:
        """Rows of whose mean cosine one coordinate makes most."""
        m = len(self.u)
        if m < 2:
            return Listed(self.ids[:0], np.zeros(0), "")
        j = int(np.argmax(total**2 - (self.u.astype(np.float64) ** 2).sum(axis=0)))
        part = self.u[:, j] * (total[j] - self.u[:, j]) / (m - 1)
        share = np.divide(part, mean, out=np.zeros(m), where=mean > 0)
        return by(share, share > 0.5, f"coordinate {j} makes {{percent}} of its mean cosine")

    @cached_property
    def _leading(self) -> tuple[float, Floats] | None:
        """Participation ratio of the rows at unit length, and their leading principal directions (d, m).

        There are as many as the ratio counts and one in a hundred dimensions at least; None where a twentieth of the
        dimensions or more hold variance.
        """
        m, d = self.u.shape
        if m < K or d < 64:
            return None
        s, _ = self._scatter
        square = float((s**2).sum())
        r = float(np.trace(s)) ** 2 / square if square > 0 else d
        if r >= 0.05 * d:
            return None
        from scipy.linalg import eigh

        top = max(1, round(r), _few(d))
        return r, np.asarray(eigh(s, subset_by_index=[d - top, d - 1])[1][:, ::-1])

    @cached_property
    def _scatter(self) -> tuple[Floats, Floats]:
        """Sum of outer products (d, d) of at most 10,000 rows around their mean (d,)."""
        centred = self.u[:_MOST].astype(np.float64)
        average = centred.mean(axis=0)
        centred -= average
        return centred.T @ centred, average

    def _collapse(self, by: Callable[..., Listed]) -> Listed:
        """Rows that lie in as many directions as the participation ratio counts."""
        if self._leading is None:
            return Listed(self.ids[:0], np.zeros(0), "")
        r, vectors = self._leading
        top = max(1, round(r))
        around = self.u - self._scatter[1]
        share = ((around @ vectors[:, :top]) ** 2).sum(axis=1) / np.maximum((around**2).sum(axis=1), 1e-300)
        return by(share, share > 0.5, f"{{percent}} of it lies in {top} of {self.u.shape[1]} directions")

    def _few_directions(self) -> list[Row]:
        """Share of the 10 nearest that one direction in a hundred decides, where few directions hold variance."""
        if not self.enough or self._leading is None:
            return []
        vectors, average = self._leading[1][:, : _few(self.u.shape[1])], self._scatter[1]
        around = average - vectors @ (vectors.T @ average)
        beside = float(np.linalg.norm(around))  # the rows left lie in these directions and that of what is beside them
        left = np.column_stack([self.u @ vectors, np.full(len(self.u), beside)])
        left, kept = unit_rows(left)
        if not kept.all():
            return []
        return [self._kept_share("leading_overlap", self._near, self._nearest_rows(to_numpy(left)))]

    @cached_property
    def _near(self) -> Index:
        """The 20 nearest of the first 2,000 rows by cosine."""
        return self.rows.nearest(self._listed_rows, ASKED).indices

    @property
    def _listed_rows(self) -> int:
        return min(2 * K, len(self.u) - 1)

    def _nearest_rows(self, x: npt.NDArray[Any]) -> Index:
        """The 20 rows of ``x`` (n, d) with the largest products with each of the first 2,000."""
        queries = x[:ASKED]
        return top_k(queries, x, self._listed_rows, exclude=np.arange(len(queries))).indices

    def _kept_share(self, name: str, before: Index, after: Index) -> Row:
        """Share of the first 10 neighbours of ``before`` (m, k) that are among the first 10 of ``after`` (m, k).

        A row is left out both where it asks and where it is found, since a few rows may be what all others find: hence
        lists of more than 10.
        """
        kept = self.full.kept
        of = groups_of((kept.ids if kept.units is None else kept.units)[self.full.places])
        same = before[:, :, None] == after[:, None, :]

        def without(g: int) -> float:
            rows = of[: len(before)] != g
            first, second = (_first(of[near[rows]] != g) for near in (before, after))
            return float((same[rows] & first[:, :, None] & second[:, None, :]).sum(axis=(1, 2)).mean()) / K

        value = without(-1)
        bars = jackknife_interval(value, without, np.bincount(of, minlength=GROUPS).tolist())
        return name, value, bars.stderr, bars.low, bars.high


def _first(there: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The first 10 of each row (m, k) that are ``there``."""
    return there & (np.cumsum(there, axis=1) <= K)


def _few(d: int) -> int:
    """One direction in a hundred of ``d``, at least one."""
    return -(-d // 100)


_SPOKEN_OF, _COPIED = 0.15, 0.001
"""Mean cosine, and share of duplicates, from which a finding may speak of cosines: below its lowest threshold."""

_FLOOR, _CONTRAST, _NORMS, _KEPT, _MOST = 0.2, 0.05, 0.26, 8, 10_000


def _of_split(split: Split | None) -> list[Row]:
    """The numbers of a split, None of one population."""
    if split is None:
        return [(f"two_populations.{name}", None, None, None, None) for name in ("likeness", "own", "gap", "share")]
    low, high = split.likeness - 1.96 * split.stderr, split.likeness + 1.96 * split.stderr
    return [
        ("two_populations.likeness", split.likeness, None, low, high),
        ("two_populations.own", split.own, None, None, None),
        ("two_populations.gap", split.gap, None, None, None),
        ("two_populations.share", float(split.smaller.mean()), None, None, None),
    ]
