"""Units of evidence: what was drawn independently, and so is resampled, split and left out as a whole.

A unit is a row, or a set of rows that stand or fall together. Units are *declared* (chunks of a document, captions of
an image), or found: *equal* rows and texts are one unit; rows that depend on their neighbours in *file order* form
blocks (``embedscope.stats.file_order``); *near-duplicates* are joined where the rows are held. Units that overlap are
joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Array, Hashes, to_numpy, unit_rows
from embedscope.core.errors import InputError
from embedscope.core.ids import mix, row_numbers
from embedscope.core.tables import Index
from embedscope.core.wording import count
from embedscope.stats.equal_rows import equal_rows, equal_texts
from embedscope.stats.file_order import INDEPENDENT, LEAST_UNITS, FileOrder, file_order
from embedscope.stats.row_sets import by_distance, nearest_others

DECLARED, EQUAL_ROWS, EQUAL_TEXTS, FILE_ORDER, NEAR_COPIES, CLUSTERS = (
    "declared",
    "equal rows",
    "equal texts",
    "file order",
    "near-duplicates",
    "tight clusters",
)

NEIGHBOURS = 12
"""Neighbours among which the jump from copies to other rows is looked for."""

JUMP = 0.5
"""A neighbour and all nearer ones are copies where the next one is more than twice as far."""

_COUNTED = 4096


@dataclass(frozen=True)
class Units:
    """How many units of evidence some rows hold, and how they were found.

    Attributes
    ----------
    rows : rows
    units : units; an estimate (within 2 %) where ``exact`` is False
    largest : rows of the largest unit, as far as units were counted one by one
    ways : in which rows were joined: declared, equal rows, equal texts, file order, near-duplicates
    order : dependence on the order of the file
    """

    rows: int
    units: int
    largest: int = 1
    ways: tuple[str, ...] = ()
    order: FileOrder = INDEPENDENT
    exact: bool = True

    @property
    def problem(self) -> str | None:
        """Why no interval can be given, with what to do; None where one can."""
        if self.units < LEAST_UNITS:
            all_rows = "1 row is" if self.rows == 1 else f"{self.rows:,} rows are"
            return (
                f"no interval: {all_rows} {count(self.units, 'independent unit')}, at least {LEAST_UNITS} are "
                "needed; add rows, or declare with --groups which rows belong together"
            )
        if 2 * self.largest > self.rows:
            return (
                f"no interval: one unit holds {self.largest:,} of {self.rows:,} rows; remove duplicates, or declare "
                "with --groups which rows belong together"
            )
        return None

    @property
    def note(self) -> str | None:
        """What joins rows into units, in words; None where every row is a unit by itself and nobody declared that."""
        if self.units == self.rows and not self.order.dependent:
            alone = DECLARED in self.ways and self.exact and self.rows > 1
            return (
                f"the {self.rows:,} rows are declared to be of {self.rows:,} groups, so none is joined"
                if alone
                else None
            )
        about = "" if self.exact else "about "
        how = f" ({', '.join(self.ways)})" if self.ways else ""
        said = f"{count(self.rows, 'row')} in {about}{count(self.units, 'unit')}{how}"
        return f"{said}; {self.order}" if self.order.dependent else said

    def facts(self) -> dict[str, Any]:
        """The same for the provenance of a result, as JSON types."""
        out: dict[str, Any] = {"rows": self.rows, "units": self.units, "exact": self.exact}
        if self.ways:
            out["joined_by"] = list(self.ways)
        if self.order.neighbouring is not None:
            out |= {
                "block_rows": self.order.block,
                "neighbouring_cosine": self.order.neighbouring,
                "random_cosine": self.order.random,
                "fades": self.order.fades,
            }
        return out


@dataclass(frozen=True)
class Grouping:
    """How rows that stream past are given to units: declared ones, else blocks of the file, else equal rows."""

    order: FileOrder = INDEPENDENT

    def clusters(
        self, x: Array, ids: Hashes, declared: Hashes, named: Hashes | None = None, norms: Array | None = None
    ) -> Hashes:
        """Hash (n,) of the unit of each row ``x`` (n, d).

        Parameters
        ----------
        declared : (n,) what rows were declared to belong to; the ids where nothing is declared
        named : (n,) units of equal rows by the names of the rows, see :func:`named_units`; by their values where None
        norms : (n,) lengths of the rows where they are known
        """
        if ids is not declared and not np.array_equal(ids, declared):
            return declared
        if self.order.block > 1:
            rows = row_numbers(ids)
            if in_file_order(rows):
                return mix(rows // np.uint64(self.order.block))
        return equal_rows(x, ids, None if norms is None else to_numpy(norms)) if named is None else named

    @property
    def leaves_out(self) -> bool:
        """Whether pairs of rows inside a block are left out of statistics of pairs.

        Not in a sorted file: there blocks are cut out of topics, and pairs of one topic are pairs of the population.
        """
        return self.order.block > 1 and self.order.fades

    def units_of(self, count: UnitCount, declared: bool) -> Units:
        """The units that were counted."""
        if declared:
            return count.units((DECLARED,))
        if self.order.block > 1:
            return replace(count.units((FILE_ORDER,)), order=self.order)
        units = replace(count.units(()), order=self.order)
        return replace(units, ways=(EQUAL_ROWS,)) if units.largest > 1 else units


def in_file_order(rows: npt.NDArray[np.uint64]) -> bool:
    """Whether ``rows`` (n,) are numbers of rows that follow each other in a file."""
    return bool(len(rows) and (rows == rows[0] + np.arange(len(rows), dtype=np.uint64)).all())


@dataclass(frozen=True, eq=False)
class NearRows:
    """The 12 nearest others of every row that is not zero, at unit length.

    Attributes
    ----------
    rows : (m,) their numbers
    indices, distances : (m, k) places in ``rows``, and distances, ascending
    unit : (m, d) the rows at unit length
    searched : whether groups of more than 12 copies are looked for too, in O(m^2 d)
    """

    rows: Index
    indices: Index
    distances: npt.NDArray[np.float64]
    unit: Array
    searched: bool = True

    @classmethod
    def of(cls, x: Array, known: Index | None = None) -> NearRows:
        """Of rows ``x`` (n, d), in O(n^2 d); in O(n d) where ``known`` are the places (n, 12) of the nearest others.

        ``known`` is for rows of which none is zero.
        """
        unit, kept = unit_rows(to_numpy(x))
        k = min(NEIGHBOURS, len(unit) - 1)
        none = np.zeros((len(unit), 0), dtype=np.intp)
        if k < 2:
            nearest = none, np.zeros(none.shape)
        else:
            nearest = nearest_others(unit, k) if known is None else by_distance(unit, known[:, :k])
        return cls(np.flatnonzero(kept), *nearest, unit)

    def copies(self) -> tuple[Index, Index]:
        """Pairs of rows (p,), (p,) that are near-duplicates, see :func:`near_copies`."""
        left, right = self._copies
        return self.rows[left], self.rows[right]

    @cached_property
    def _copies(self) -> tuple[Index, Index]:
        """The same by their places in ``rows``."""
        m, k = self.indices.shape
        if k < 2:
            none = np.zeros(0, dtype=np.intp)
            return none, none
        d = self.distances
        ratio = np.divide(d[:, :-1], d[:, 1:], out=np.ones((m, k - 1)), where=d[:, 1:] > 0)
        last = ratio.argmin(axis=1)
        jumps = ratio[np.arange(m), last] < JUMP
        copies = (np.arange(k) <= last[:, None]) & jumps[:, None]
        left, place = np.nonzero(copies)
        many, others = self._large_groups()
        return np.concatenate([left, many]), np.concatenate([self.indices[left, place], others])

    def _large_groups(self) -> tuple[Index, Index]:
        """Links (p,), (p,) of rows in groups of more than 12 near-duplicates.

        The 12 nearest of such a row are all copies. Its distances to all rows are sorted where the 12th is less than
        half as far as the n/8-th, of a sample, and the jump is looked for between these two.
        """
        m, k = self.indices.shape
        most = int(_CLUSTER_MOST * m)
        none = np.zeros(0, dtype=np.intp)
        lefts, rights = [none], [none]
        candidates = self._crowded_rows(most) if self.searched and most > k else none
        for start in range(0, len(candidates), _BAND):
            here = candidates[start : start + _BAND]
            near = 1.0 - np.asarray(self.unit[here] @ self.unit.T, dtype=np.float64)
            near[np.arange(len(here)), here] = -1.0  # itself first
            order = np.argsort(near, axis=1)[:, 1 : most + 1]
            d = np.sqrt(2 * np.maximum(np.take_along_axis(near, order, axis=1), 0))
            jump = d[:, k - 1 : -1] < JUMP * d[:, k:]
            last = k - 1 + jump.argmax(axis=1)
            row, place = np.nonzero((np.arange(most) <= last[:, None]) & jump.any(axis=1)[:, None])
            lefts.append(here[row])
            rights.append(order[row, place])
        return np.concatenate(lefts), np.concatenate(rights)

    def _crowded_rows(self, most: int) -> Index:
        """Rows whose 12th nearest is less than half as far as the ``most``-th, by a sample of 512 rows, and a bit."""
        m = len(self.rows)
        sample = self.unit[np.unique(np.linspace(0, m - 1, min(m, _BAND)).astype(np.intp))]
        place = min(len(sample) - 1, 1 + round(_SLACK * most / m * len(sample)))
        limit = np.concatenate(
            [
                np.partition(1.0 - np.asarray(self.unit[lo : lo + _BAND] @ sample.T), place, axis=1)[:, place]
                for lo in range(0, m, _BAND)
            ]
        )
        return np.flatnonzero(self.distances[:, -1] < JUMP * np.sqrt(2 * np.maximum(limit, 0)))

    def tight_clusters(self) -> tuple[Index, Index]:
        """Links (p,), (p,) of rows in one tight cluster, none where the rows do not fall into such clusters.

        A component of the graph of mutual neighbours among the k nearest, k = 3, 5, 8, 12, with more than k rows is a
        cluster where 95 % of the neighbours of its rows are its own. Clusters are joined where they hold half of the
        rows and more, there are 16 of them and more, and none holds more than an eighth of the rows. Chunks of one
        document do this, whatever their order; so do many topics far apart, for which the units are too large and the
        intervals too wide. A component that is two or more groups of near-duplicates, or smaller clusters, is none.
        """
        m, most = self.indices.shape
        none = np.zeros(0, dtype=np.intp)
        joined = join(m, links=[self._copies])
        for k in (k for k in _CLUSTER_NEIGHBOURS if k <= most):
            near = self.indices[:, :k]
            label = _settle(mutual_components(near), near)
            sizes = np.bincount(label)
            own = np.bincount(label, (label[near] == label[:, None]).mean(axis=1)) / np.maximum(sizes, 1)
            closed = (sizes > k) & (sizes <= _CLUSTER_MOST * m) & (own >= _TIGHT)
            closed &= ~_hold_several(joined, label, sizes)
            joined = join(m, [joined, np.where(closed[label], label, len(sizes) + np.arange(m))])
        sizes = np.bincount(joined)
        many = sizes > _CLUSTER_NEIGHBOURS[0]
        if many.sum() < LEAST_UNITS or sizes.max() > _CLUSTER_MOST * m or sizes[many].sum() < _CLUSTERED * m:
            return none, none
        _, first = np.unique(joined, return_index=True)
        return self.rows[first[joined]], self.rows


_CLUSTER_NEIGHBOURS, _CLUSTER_MOST, _TIGHT = (3, 5, 8, 12), 0.125, 0.95
_CLUSTERED, _MAJORITY, _MOSTLY = 0.5, 2 / 3, 0.9
_BAND, _SLACK = 512, 1.2


def mutual_components(near: Index) -> Index:
    """Number (m,) of the component of each row in the graph of mutual neighbours among those ``near`` (m, k)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    m, k = near.shape
    graph = coo_array((np.ones(m * k, dtype=np.int8), (np.repeat(np.arange(m), k), near.ravel())), (m, m)).tocsr()
    return np.asarray(connected_components(graph.minimum(graph.T), directed=False)[1])


def _hold_several(clusters: Index, label: Index, sizes: Index) -> npt.NDArray[np.bool_]:
    """Whether components (c,) of ``sizes`` are two or more of the ``clusters`` known before, by 90 %."""
    known = np.flatnonzero(np.bincount(clusters)[clusters] > 1)
    pairs = np.unique(np.stack([label[known], clusters[known]]), axis=1)
    several = np.bincount(pairs[0], minlength=len(sizes)) > 1
    covered = np.bincount(label[known], minlength=len(sizes)) >= _MOSTLY * sizes
    return np.asarray(several & covered)


def _settle(label: Index, near: Index) -> Index:
    """``label`` (m,) where a single row joins the component of more than k rows that has two thirds of its nearest."""
    k = near.shape[1]
    sizes = np.bincount(label)
    alone = np.flatnonzero(sizes[label] == 1)
    around = np.sort(label[near[alone]], axis=1)
    middle = around[:, k // 2]
    joins = ((around == middle[:, None]).mean(axis=1) >= _MAJORITY) & (sizes[middle] > k)
    out = label.copy()
    out[alone[joins]] = middle[joins]
    return out


def near_copies(x: Array) -> tuple[Index, Index]:
    """Pairs of rows (p,), (p,) of ``x`` (n, d) that are near-duplicates of each other.

    With the distances d_1 <= d_2 <= ... of a row at unit length to its 12 nearest others, the row and its j nearest are
    copies where d_j / d_(j+1) is smallest and below 1/2. Independent rows in many dimensions have no such jump. Larger
    groups are those whose rows have all 12 among themselves, and every other row more than twice as far. Zero rows are
    passed over; O(n^2 d).

    >>> near_copies(np.eye(20))[0].tolist()
    []
    """
    return NearRows.of(x).copies()


def join(n: int, labels: Sequence[npt.NDArray[Any]] = (), links: Sequence[tuple[Index, Index]] = ()) -> Index:
    """Number (n,) of the unit of each of ``n`` rows: rows of equal label are joined, and so are linked rows.

    Parameters
    ----------
    labels : each (n,), of any kind; equal values belong together
    links : each two arrays (p,) of rows that belong together

    >>> join(5, [np.array([0, 0, 1, 2, 3])], [(np.array([1]), np.array([4]))]).tolist()
    [0, 0, 1, 2, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    lefts, rights = [np.arange(n)], [np.arange(n)]
    for label in labels:
        if len(label) != n:
            raise InputError(f"a label names one unit for each row; got {len(label)} for {n} rows")
        _, first, place = np.unique(label, return_index=True, return_inverse=True)
        lefts.append(np.arange(n))
        rights.append(first[place])
    for left, right in links:
        lefts.append(np.asarray(left))
        rights.append(np.asarray(right))
    left, right = np.concatenate(lefts), np.concatenate(rights)
    graph = coo_array((np.ones(len(left), dtype=np.int8), (left, right)), shape=(n, n))
    components = connected_components(graph.tocsr(), directed=False)[1]
    _, first, place = np.unique(components, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[place], dtype=np.intp)


def find_units(
    x: Array | None = None,
    *,
    texts: Sequence[str] | None = None,
    groups: npt.NDArray[Any] | None = None,
    in_order: bool = True,
    near: bool = True,
) -> tuple[Index, Units]:
    """Units of rows that are held: number (n,) of the unit of each row, and what was found.

    Parameters
    ----------
    x : (n, d) vectors; equal rows, file order and near-duplicates are found in them
    texts : (n,) texts of the rows; equal ones are one unit
    groups : (n,) declared units, of any kind; then the file order is not looked at
    in_order : whether the rows are in the order of their file
    near : whether near-duplicates are looked for, in O(n^2 d)

    >>> rng = np.random.default_rng(0)
    >>> labels, units = find_units(np.repeat(rng.normal(size=(40, 32)), 3, axis=0)[rng.permutation(120)])
    >>> units.units, units.ways
    (40, ('equal rows',))
    """
    sizes = {len(part) for part in (x, texts, groups) if part is not None}
    if len(sizes) != 1:
        raise InputError(
            f"vectors, texts and groups describe the same rows; got {sorted(sizes)} rows, wanted one number"
        )
    n, order = sizes.pop(), INDEPENDENT
    labels: list[npt.NDArray[Any]] = []
    links: list[tuple[Index, Index]] = []
    joined_by: list[str] = []

    def add(name: str, label: npt.NDArray[Any]) -> None:
        labels.append(label)
        if name == DECLARED or len(np.unique(label)) < n:
            joined_by.append(name)

    if groups is not None:
        add(DECLARED, np.asarray(groups))
    if texts is not None:
        add(EQUAL_TEXTS, equal_texts(texts))
    if x is not None:
        add(EQUAL_ROWS, equal_rows(x))
        if in_order and groups is None:
            order = file_order([x], n)
            add(FILE_ORDER, np.arange(n) // order.block)
        if near:
            links, ways = _near_links(n, x, labels, known=groups is not None or order.dependent)
            joined_by += ways
    units = join(n, labels, links)
    sizes_ = np.bincount(units)
    return units, Units(n, len(sizes_), int(sizes_.max()), tuple(joined_by), order)


def _near_links(
    n: int, x: Array, labels: Sequence[npt.NDArray[Any]], *, known: bool
) -> tuple[list[tuple[Index, Index]], list[str]]:
    """Links of near-duplicates, and of tight clusters where no other units are ``known``; and which join units."""
    lists = NearRows.of(x)
    links: list[tuple[Index, Index]] = []
    ways = []
    for name, more in ((NEAR_COPIES, lists.copies()), *(() if known else ((CLUSTERS, lists.tight_clusters()),))):
        before = len(np.unique(join(n, labels, links)))
        links.append(more)
        if len(np.unique(join(n, labels, links))) < before:
            ways.append(name)
    return links, ways


@dataclass
class UnitCount:
    """Distinct units of rows that stream past: exact up to 4,096, beyond that from the smallest hashes [beyer2007].

    Attributes
    ----------
    rows : rows seen
    keys, sizes : hashes (k,) of the units with the smallest ones, ascending, and their rows
    """

    rows: int = 0
    keys: Hashes = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    sizes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def update(self, clusters: Hashes) -> Self:
        """Take in rows of these units (n,)."""
        keys = mix(clusters)
        keys, sizes = np.unique(keys[self._can_count(keys)], return_counts=True)
        self._add(len(clusters), keys, sizes.astype(np.int64))
        return self

    def merge(self, other: UnitCount) -> Self:
        """Take in ``other``, which stays untouched."""
        counted = self._can_count(other.keys)
        self._add(other.rows, other.keys[counted], other.sizes[counted])
        return self

    def units(self, ways: tuple[str, ...]) -> Units:
        """What was counted."""
        k = len(self.keys)
        largest = int(self.sizes.max(initial=0))
        if k < _COUNTED:
            return Units(self.rows, k, largest, ways)
        estimate = round((k - 1) * 2.0**64 / float(self.keys[-1]))
        if largest == 1:  # not one of 4,096 units has a second row
            estimate = self.rows
        return Units(self.rows, min(estimate, self.rows), largest, ways, exact=largest == 1)

    def _can_count(self, keys: Hashes) -> npt.NDArray[np.bool_]:
        """Which of ``keys`` (n,) can be among the smallest."""
        return keys <= (self.keys[-1] if len(self.keys) == _COUNTED else np.iinfo(np.uint64).max)

    def _add(self, rows: int, keys: Hashes, sizes: npt.NDArray[np.int64]) -> None:
        self.rows += rows
        both = np.concatenate([self.keys, keys])
        self.keys, place = np.unique(both, return_inverse=True)
        counts = np.bincount(place, weights=np.concatenate([self.sizes, sizes]), minlength=len(self.keys))
        self.keys, self.sizes = self.keys[:_COUNTED], counts[:_COUNTED].astype(np.int64)
