"""Units of evidence of data that are split: found before anything is fitted, so that no part knows another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, Hashes, unit_rows
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows
from embedscope.core.tables import Index
from embedscope.stats.equal_rows import equal_rows
from embedscope.stats.file_order import INDEPENDENT, FileOrder, drift_lag, file_order
from embedscope.stats.units import (
    CLUSTERS,
    DECLARED,
    EQUAL_ROWS,
    FILE_ORDER,
    NEAR_COPIES,
    NearRows,
    Units,
    join,
)

SEARCHED = 12_000
"""Rows of a side up to which near-duplicates are looked for among all of them, in O(n^2 d)."""

MOST_BLOCKS = 64
"""Blocks that a file sorted by topic is cut into; whether its topics are a sample, its order cannot tell."""

RUNS = 16
"""Runs of rows by which the order of a file is judged that is too large to be held."""

_RUN = 512

Matrix = npt.NDArray[Any]


class Survey:
    """The first pass over the rows of one side: hashes of equal rows, and the rows themselves while they are few.

    Surveys of parts that follow each other merge into the survey of the whole.

    Parameters
    ----------
    keep : rows up to which all are kept
    runs : runs of rows that follow each other that are kept, one from the beginning of each block

    Attributes
    ----------
    n : rows seen
    nearest : the 12 nearest others (m, 12) of each of the m distinct rows, by their places among these, where they are
        known; searched for where None
    """

    def __init__(self, keep: int = SEARCHED, runs: int = RUNS) -> None:
        self.n = 0
        self.nearest: Index | None = None
        self._keep, self._most = keep, runs
        self._hashes: list[Hashes] = []
        self._rows: list[Matrix] | None = []
        self._runs: list[tuple[int, Matrix]] = []

    @classmethod
    def of(cls, x: Matrix) -> Survey:
        """The survey of a whole matrix (n, d)."""
        return cls().add(x)

    def add(self, x: Matrix, ids: Hashes | None = None) -> Survey:
        """Take in the next rows ``x`` (m, d), known by ``ids`` (m,), hashes of their numbers where None."""
        self._hashes.append(equal_rows(x, hash_rows(self.n, self.n + len(x)) if ids is None else ids))
        if len(self._runs) < self._most:
            self._runs.append((self.n, x[:_RUN].copy()))
        self.n += len(x)
        if self._rows is not None:
            self._rows = [*self._rows, x] if self.n <= self._keep else None
        return self

    def merge(self, other: Survey) -> Survey:
        """Take in the survey of the rows that come next."""
        self._hashes += other._hashes
        self._runs += [(self.n + at, run) for at, run in other._runs][: self._most - len(self._runs)]
        self.n += other.n
        if self._rows is not None:
            few = other._rows is not None and self.n <= self._keep
            self._rows = [*self._rows, *(other._rows or [])] if few else None
        return self

    @property
    def equal(self) -> Hashes:
        """Hash (n,) of every row; equal rows have equal hashes."""
        return np.concatenate(self._hashes) if self._hashes else np.empty(0, dtype=np.uint64)

    @property
    def rows(self) -> Matrix | None:
        """All rows (n, d), None where they are too many to be held."""
        return None if self._rows is None or not self._rows else np.concatenate(self._rows)

    @property
    def runs(self) -> list[tuple[int, Matrix]]:
        """Runs of rows that follow each other, each with the number of its first row."""
        return self._runs


@dataclass(frozen=True, eq=False)
class Evidence:
    """Units of the rows of all sides, one side after the other.

    Attributes
    ----------
    clusters : (n,) hash of the unit of each row
    units : how many there are and how they were found
    searched : whether near-duplicates were looked for among all rows
    """

    clusters: Hashes
    units: Units
    searched: bool = True

    @property
    def declared(self) -> bool:
        """Whether units were declared."""
        return DECLARED in self.units.ways

    @property
    def notes(self) -> list[str]:
        """What is to be said of the units."""
        note = self.units.note
        said = [] if note is None else [f"units of evidence: {note}"]
        return (
            said if self.searched else [*said, "near-duplicates were not looked for among all rows, which are too many"]
        )

    def facts(self) -> dict[str, Any]:
        """The units for the provenance of a result."""
        return {**self.units.facts(), "near_copies_searched": self.searched}


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of rows before their vectors are looked at.

    Attributes
    ----------
    base : (n,) hashes; rows of equal hash belong together (the id of an image, a text), and it decides the part
    named : what rows of one base, or linked ones, have in common, in words
    links : rows that belong together, as two arrays (p,)
    declared : (n,) what each row was declared to belong to, of any kind; None without a declaration
    by_position : whether row i of the first side stands where row i of the second does
    classes : (m,) class of each row of the first side: rows of one class may lie together in a file without being
        one unit
    """

    base: Hashes
    links: Sequence[tuple[Index, Index]] = ()
    declared: npt.NDArray[Any] | None = None
    by_position: bool = False
    classes: Index | None = None
    named: str = "ids"


def find_evidence(sides: Sequence[Survey], known: Known) -> Evidence:
    """Units of the rows of ``sides``: declared, equal, near-duplicates, and blocks where the order of the file matters.

    File order is looked at among the first rows of units that are known so far, and not at all where units were
    declared. A unit is called by the smallest row in it, so that rows without a fellow fall into the parts that their
    own number gives.
    """
    n, offsets = sum(side.n for side in sides), np.cumsum([0, *(side.n for side in sides)]).tolist()
    if len(known.base) != n:
        raise InputError(f"there are {len(known.base)} labels or ids for {n} rows; wanted one per row, in their order")
    ways: list[str] = []
    labels: list[npt.NDArray[Any]] = [known.base]
    links = list(known.links)
    if known.declared is not None:
        labels.append(known.declared)
        ways.append(DECLARED)
    units = join(n, labels, links)
    rows = n // len(sides) if known.by_position else n
    matched = n if known.by_position or known.declared is not None else len(np.unique(units))
    ways += [known.named] * (matched < rows)
    equal = [(start + first_of(s.equal), start + np.arange(s.n)) for s, start in zip(sides, offsets, strict=False)]
    units, joined = _join_linked(units, equal)
    ways += [EQUAL_ROWS] * joined
    searched, near = all(side.rows is not None for side in sides), []
    if searched:
        near = [_Near.of(side, start) for side, start in zip(sides, offsets, strict=False)]
        units, joined = _join_linked(units, [one.expand_links(one.lists.copies()) for one in near])
        ways += [NEAR_COPIES] * joined
    order = INDEPENDENT
    if known.declared is None:
        order, blocks = _blocks(sides, offsets, units, known)
        units, joined = _join_linked(units, blocks)
        ways += [FILE_ORDER] * joined
    if searched and known.declared is None and not order.dependent:
        units, joined = _join_linked(units, [one.expand_links(_clusters(one.lists, known)) for one in near])
        ways += [CLUSTERS] * joined
    sizes = np.bincount(units[:rows])
    first = first_of(units)
    clusters = known.base[first]
    return Evidence(clusters, Units(rows, len(sizes), int(sizes.max()), tuple(ways), order), searched)


def _join_linked(units: Index, links: Sequence[tuple[Index, Index]]) -> tuple[Index, bool]:
    """``units`` with those of linked rows as one, and whether any were joined."""
    more = join(len(units), [units], links)
    return more, bool(more.max(initial=0) < units.max(initial=0))


def first_of(labels: npt.NDArray[Any]) -> Index:
    """For each row the first one with its label, (n,).

    >>> first_of(np.array([4, 2, 4])).tolist()
    [0, 1, 0]
    """
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(first[place], dtype=np.intp)


def first_links(labels: npt.NDArray[Any]) -> tuple[Index, Index]:
    """Links of each row with the first one of its label."""
    return first_of(labels), np.arange(len(labels))


@dataclass(frozen=True, eq=False)
class _Near:
    """The nearest rows among the distinct rows of a side, and the numbers that these have among all rows."""

    lists: NearRows
    numbers: Index

    @classmethod
    def of(cls, side: Survey, start: int) -> _Near:
        assert side.rows is not None
        distinct = np.unique(first_of(side.equal))
        return cls(NearRows.of(side.rows[distinct], side.nearest), start + distinct)

    def expand_links(self, links: tuple[Index, Index]) -> tuple[Index, Index]:
        """``links`` between distinct rows, by the numbers of all rows."""
        return self.numbers[links[0]], self.numbers[links[1]]


def _clusters(near: NearRows, known: Known) -> tuple[Index, Index]:
    """Links within tight clusters, unless these are the classes: then they are what is to be told apart."""
    left, right = near.tight_clusters()
    classes = 0 if known.classes is None else len(np.unique(known.classes))
    if len(np.unique(left)) < _CLUSTERS_A_CLASS * classes:
        none = np.zeros(0, dtype=np.intp)
        return none, none
    return left, right


_CLUSTERS_A_CLASS = 4


def _blocks(
    sides: Sequence[Survey], offsets: Sequence[int], units: Index, known: Known
) -> tuple[FileOrder, list[tuple[Index, Index]]]:
    """Dependence on the order of the files, and rows that fall into one block for it."""
    orders = []
    for i, (side, start) in enumerate(zip(sides, offsets, strict=False)):
        classes = known.classes if i == 0 or known.by_position else None
        orders.append(_order(side, units[start : start + side.n], classes))
    strongest = max(orders, key=lambda order: order.block)
    main = orders.index(strongest)
    places = [_places(units[start : start + side.n]) for side, start in zip(sides, offsets, strict=False)]
    first = offsets[main] + first_of(places[main] // strongest.block)  # of the block of each row of that side
    links = []
    for i, (side, start, order) in enumerate(zip(sides, offsets, orders, strict=False)):
        if order.block == 1:
            continue
        along = None
        if i != main:
            mine, theirs = (units[at : at + one.n] for at, one in ((offsets[main], sides[main]), (start, side)))
            along = _along(mine, theirs, strongest.block)
        if i == main or along is not None:
            links.append((first if along is None else first[along], start + np.arange(side.n)))
        else:
            links.append((start + first_of(places[i] // order.block), start + np.arange(side.n)))
    return strongest, links


def _places(units: Index) -> Index:
    """Place (n,) of the unit of each row of a side among its units, in the order of their first rows."""
    return np.asarray(np.unique(first_of(units), return_inverse=True)[1])


def _along(mine: Index, theirs: Index, block: int) -> Index | None:
    """For each row of a side the row (m,) of the main side whose block it belongs to; None where the orders differ.

    Two files that hold the same units in the same order depend on their order in one way: blocks of their own, of
    another length, would join each other into one. A row whose unit the main side does not have follows the last one
    before it that has. The order is the same where 95 % of neighbouring units lie at most a block apart in the main
    side.

    Parameters
    ----------
    mine, theirs : (n,), (m,) units of the rows of the main side, and of the other
    block : units of a block of the main side
    """
    at = np.full(int(max(mine.max(), theirs.max())) + 1, -1)
    at[mine[::-1]] = np.arange(len(mine))[::-1]
    row = at[theirs]
    shared = np.flatnonzero(row >= 0)
    if not len(shared):
        return None
    place = _places(mine)[row[shared]]
    asked = np.unique(first_of(theirs[shared]))
    if len(asked) < 2 or (np.abs(np.diff(place[asked])) <= block).mean() < _SAME_ORDER:
        return None
    last = np.maximum.accumulate(np.where(row >= 0, np.arange(len(row)), -1))
    return np.asarray(row[np.where(last >= 0, last, shared[0])])


_SAME_ORDER = 0.95


def _order(side: Survey, units: Index, classes: Index | None) -> FileOrder:
    """Dependence on file order among the first rows of the units of one side, within ``classes`` where known."""
    rows = side.rows
    if rows is not None:
        first = np.unique(first_of(units))
        runs, places, n = [rows[first]], first, len(first)
    else:
        runs, places = (
            [run for _, run in side.runs],
            np.concatenate([at + np.arange(len(run)) for at, run in side.runs]),
        )
        n = side.n
    if classes is not None:
        runs = _within_classes(runs, classes[places])
    order = file_order(runs, n)
    if order.dependent and not order.fades:
        order = replace(order, block=max(1, min(4 * order.lag, n // MOST_BLOCKS), 4 * drift_lag(runs, n) - 3))
    return order


def _within_classes(runs: Sequence[Matrix], classes: Index) -> list[Floats]:
    """Unit rows less the mean of their class; rows that are alone in theirs become zero and count for nothing."""
    out, start = [], 0
    every = np.concatenate([np.asarray(run, dtype=np.float64) for run in runs])
    unit, kept = unit_rows(every)
    every = np.zeros_like(every)
    every[kept] = unit
    numbers = np.unique(classes, return_inverse=True)[1]
    sums = np.zeros((int(numbers.max()) + 1, every.shape[1]))
    np.add.at(sums, numbers, every)
    means = sums / np.bincount(numbers)[:, None]
    centred = every - means[numbers]
    centred[np.abs(centred).max(axis=1) < 1e-12] = 0
    for run in runs:
        out.append(centred[start : start + len(run)])
        start += len(run)
    return out


def declared_units(groups: npt.ArrayLike, n: int, total: int, what: str) -> npt.NDArray[Any]:
    """Declared units of the first ``n`` of ``total`` rows, (total,) numbers; every other row is one by itself.

    Raises
    ------
    InputError
        if there is not one value for each of the ``n`` rows.

    >>> declared_units(["a", "b", "a"], 3, 4, "rows").tolist()
    [0, 1, 0, 2]
    """
    values = np.asarray(groups)
    if values.ndim != 1 or len(values) != n:
        raise InputError(f"groups name one unit for each of the {n:,} {what}; got shape {values.shape}")
    numbers = np.unique(values, return_inverse=True)[1]
    return np.concatenate([numbers, numbers.max(initial=-1) + 1 + np.arange(total - n)])
