"""Two populations in one index: rows that never mix, and whether one model can have made them both.

The graph of mutual neighbours among the 10 nearest falls into components where sets of rows never mix. That alone does
not tell two models from two modalities of one model. Covariances do: the rows of one model vary along the same
directions whatever they are of, and the directions of two models have nothing to do with each other. With covariances
S, T of two sets and their traceless parts S' = S - (tr S / d) I, the likeness of the sets is the cosine

    <S', T'> / (|S'| |T'|),  <S', T'> = tr ST - tr S tr T / d,

estimated without bias from pairs of different rows. Where one set is turned at random its expectation is 0 and its
standard deviation sqrt(2 / ((d - 1)(d + 2))), whatever the spectra.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.stats.equal_rows import equal_rows
from embedscope.stats.neighbours import Neighbours
from embedscope.stats.row_sets import K, RowSet
from embedscope.stats.units import NearRows, join, mutual_components

SEED = 5
"""Rows of a component of mutual neighbours that is a set of its own; smaller ones go with their neighbours."""

FEWEST = 8
"""Rows of the smallest set that is named."""

UNALIKE = 0.03
"""Likeness of covariances below which one model did not make both sets: see ``benchmarks.populations``."""

SURELY = 0.10
"""What the upper end of the likeness must stay under."""

SHAPED = 2.0
"""Least ratio of d / participation ratio: rows that vary evenly in all directions have no directions to compare."""

_COMPARED = 2000
_STEPS = 30


@dataclass(frozen=True, eq=False)
class Split:
    """Two sets of rows that never mix.

    Attributes
    ----------
    smaller : (n,) True for rows of the smaller set
    likeness : cosine of the traceless covariances of the two sets, about 0 for two models and 1 for one population
    stderr : its standard error, over the rows of the smaller set
    chance : standard deviation of the likeness of unrelated spaces of so many dimensions
    own : share of the 10 nearest of the rows of the smaller set that are of that set, from chance (0) to all (1)
    gap : distance between the means of the two sets
    one_model : whether one model is known to have made all rows
    """

    smaller: npt.NDArray[np.bool_]
    likeness: float
    stderr: float
    chance: float
    own: float
    gap: float
    one_model: bool = False

    @property
    def two_models(self) -> bool:
        """Whether the sets vary along directions that have nothing to do with each other."""
        return not self.one_model and are_unrelated(self.likeness, self.stderr, self.chance)


def are_unrelated(likeness: float, stderr: float, chance: float) -> bool:
    """Whether a likeness is what covariances of two models have: small, surely below 0.1, no more than chance.

    >>> are_unrelated(0.01, 0.01, 0.004), are_unrelated(0.026, 0.004, 0.002), are_unrelated(0.2, 0.01, 0.004)
    (True, False, False)
    """
    error = float(np.hypot(stderr, chance))
    if likeness < -SURELY:  # no pair of covariances gives that: rows too few, or units that are not known
        return False
    return likeness < _unalike(chance) and likeness + 2 * stderr < SURELY and likeness < _BY_CHANCE * error


def _unalike(chance: float) -> float:
    """``UNALIKE``, or more in few dimensions, where chance alone gives more."""
    return max(UNALIKE, _FEW_DIMENSIONS * chance)


_FEW_DIMENSIONS = 2.5
_BY_CHANCE = 3.5
"""Standard errors that a likeness of two models may lie above 0."""


@dataclass(frozen=True, eq=False)
class _Set:
    """Rows around the mean of their component; of many a sample."""

    x: Floats
    shape: float

    @classmethod
    def of(cls, parts: list[Floats]) -> _Set:
        x, part = np.concatenate(parts), np.repeat(np.arange(len(parts)), [len(p) for p in parts])
        if len(x) > _COMPARED:
            chosen = np.random.default_rng(len(x)).choice(len(x), _COMPARED, replace=False)
            x, part = x[chosen], part[chosen]
        return cls(x, _shape(x, part))


def populations(rows: RowSet, *, one_model: bool = False) -> Split | None:
    """The two sets that rows (n, d) of unit length fall into, None where they are one population.

    Two models are looked for first, in sets that never mix; else two kinds of input to one model (modalities,
    languages, prompts), which lie on either side of an empty stretch along one direction. Two models are not looked for
    with ``one_model``, where one is known to have made all rows: in its inner layers the states of one token, as the
    bracket that ends many names, vary along directions of their own.

    >>> rng = np.random.default_rng(0)
    >>> scales = np.arange(1, 65) ** -0.7
    >>> turn = np.linalg.qr(rng.normal(size=(64, 64)))[0]
    >>> x = rng.normal(size=(300, 64)) * scales + 0.3
    >>> y = rng.normal(size=(100, 64)) * scales @ turn - 0.3
    >>> both = np.concatenate([x, y])
    >>> unit = both / np.linalg.norm(both, axis=1, keepdims=True)
    >>> found = populations(RowSet(unit))
    >>> found.two_models, int(found.smaller.sum()), populations(RowSet(unit[:300]))
    (True, 100, None)
    """
    x, back = _distinct(rows)
    if len(x) < 2 * FEWEST + K:
        return None
    neighbours = (rows if len(x) == len(rows.x) else RowSet(x)).nearest(K, len(x))
    unit = _clusters(x, neighbours)
    if unit is not None:
        x, back = x[np.unique(unit, return_index=True)[1]], unit[back]
        if len(x) < 2 * FEWEST + K:
            return None
        neighbours = RowSet(x).nearest(K, len(x))
    split = None if one_model else _two_models(x, neighbours.indices)
    split = split or _two_kinds(x, neighbours.indices)
    return None if split is None else replace(_of_all(split, back), one_model=one_model)


def _clusters(x: Floats, nearest: Neighbours) -> Index | None:
    """Unit (n,) of each row where most rows are near-duplicates or lie in tight clusters, None where they do not.

    Of chunks of documents one row each is looked at: a few documents far from others vary along the lines between
    them, and the lines of other documents have nothing to do with these.
    """
    distances = np.sqrt(np.maximum(2 - 2 * nearest.scores, 0.0))
    near = NearRows(np.arange(len(x)), nearest.indices, distances, x, searched=False)
    unit = join(len(x), links=[near.copies(), near.tight_clusters()])
    sizes = np.bincount(unit)
    return unit if sizes[sizes > 1].sum() >= _CLUSTERED * len(x) else None


_CLUSTERED = 0.5


def _two_models(x: Floats, nearest: Index) -> Split | None:
    """Rows that the model of the largest set did not make."""
    component = mutual_components(nearest)
    sizes = np.bincount(component)
    seeds = [int(c) for c in np.argsort(-sizes, kind="stable") if sizes[c] >= SEED]
    if len(seeds) < 2:
        return None
    if sizes.max() < _FEW:  # only small components: none of them says along which directions a model varies
        return None
    varied = _drop_constant(x)
    centred = {c: _around_mean(varied, component == c) for c in seeds}
    sets = _models(seeds, centred)
    label = _spread(component, nearest, {c: i for i, members in enumerate(sets) for c in members})
    return _largest_stranger(label, x, nearest, centred, sets)


def _drop_constant(x: Floats) -> Floats:
    """The coordinates of ``x`` (n, d) that are not constant: padding is no dimension."""
    varies = x.std(axis=0) > _STILL
    return x if varies.all() else np.asarray(x[:, varies])


def _around_mean(x: Floats, members: npt.NDArray[np.bool_]) -> Floats:
    """At most 2,000 of the ``members`` (n,) of ``x`` (n, d) around the mean of all of them, in float64."""
    rows = np.flatnonzero(members)
    mean = x[rows].mean(axis=0, dtype=np.float64)
    if len(rows) > _COMPARED:
        rows = np.sort(np.random.default_rng(len(rows)).choice(rows, _COMPARED, replace=False))
    return np.asarray(x[rows] - mean, dtype=np.float64)


_STILL = 1e-9


def _distinct(rows: RowSet) -> tuple[Floats, Index]:
    """Distinct rows, and for every row the place of its distinct one."""
    labels = join(len(rows.x), [equal_rows(rows.x)])
    _, first, back = np.unique(labels, return_index=True, return_inverse=True)
    if len(first) == len(rows.x):
        back = np.arange(len(first))
    return rows.x if len(first) == len(rows.x) else rows.x[first], back


def _models(seeds: list[int], centred: dict[int, Floats]) -> list[list[int]]:
    """Components by the model that can have made them: each joins the set it is most alike, else begins one."""
    sets: list[list[int]] = []
    limit = _unalike(_chance(next(iter(centred.values())).shape[1]))
    for c in seeds:
        mine = _Set.of([centred[c]])
        likes = [_likeness(_Set.of([centred[m] for m in members]), mine)[0] for members in sets]
        best = int(np.argmax(likes)) if likes else -1
        if likes and likes[best] >= limit:
            sets[best].append(c)
        else:
            sets.append([c])
    return sets


def _spread(component: Index, nearest: Index, known: dict[int, int]) -> Index:
    """Label (n,) of every row: of its component, else the one that most of its neighbours have."""
    top = max(known.values()) + 1
    table = np.full(component.max() + 1, -1)
    table[list(known)] = list(known.values())
    label = table[component]
    for _ in range(_STEPS):
        open_rows = np.flatnonzero(label < 0)
        if not len(open_rows):
            break
        votes = label[nearest[open_rows]]
        counts = np.stack([(votes == i).sum(axis=1) for i in range(top)], axis=1)
        decided = counts.max(axis=1) > 0
        label[open_rows[decided]] = counts[decided].argmax(axis=1)
        if not decided.any():
            break
    return np.where(label < 0, 0, label)


def _largest_stranger(
    label: Index, x: Floats, nearest: Index, centred: dict[int, Floats], sets: list[list[int]]
) -> Split | None:
    """The rows that the model of the largest set did not make."""
    sizes = np.bincount(label, minlength=len(sets))
    large = int(sizes.argmax())
    most = _Set.of([centred[c] for c in sets[large]])
    if most.shape * most.x.shape[1] < SHAPED:
        return None
    strangers = []
    for i, members in enumerate(sets):
        if i == large or not sizes[i]:
            continue
        likeness, stderr = _likeness(most, _Set.of([centred[c] for c in members]))
        if are_unrelated(likeness, stderr, _chance(most.x.shape[1])):
            strangers.append(i)
    if not strangers or sizes[strangers].max() < FEWEST:
        return None
    other = _Set.of([centred[c] for i in strangers for c in sets[i]])
    split = _split(np.isin(label, strangers), x, nearest, *_likeness(most, other), most.x.shape[1])
    return split if split.two_models and not _alike_beneath(most, other) else None


def _alike_beneath(a: _Set, b: _Set) -> bool:
    """Whether two sets are alike once the leading directions of both are gone, as those of one model are.

    A few tokens with huge states give some rows of one model leading directions of their own; beneath these the rows
    vary as all others do (likeness of 0.04 and more). Of two models nothing is alike at any depth. Not asked of fewer
    than 40 rows, whose directions are not known well enough.
    """
    from scipy.linalg import eigh

    d = a.x.shape[1]
    if min(len(a.x), len(b.x)) < _LEADING_ROWS or d <= 2 * _LEADING:
        return False
    leading = [eigh(s.x.T @ s.x, subset_by_index=[d - _LEADING, d - 1])[1] for s in (a, b)]
    beneath = np.linalg.qr(np.concatenate(leading, axis=1), mode="complete")[0][:, 2 * _LEADING :]
    likeness, stderr = _likeness(*(_Set.of([s.x @ beneath]) for s in (a, b)))
    return likeness - 1.5 * stderr > _BENEATH


_LEADING, _LEADING_ROWS = 4, 40
_BENEATH = 0.015


def _chance(d: int) -> float:
    """Standard deviation of the likeness of unrelated spaces of ``d`` dimensions."""
    return float(np.sqrt(2 / ((d - 1) * (d + 2))))


def _split(members: npt.NDArray[np.bool_], x: Floats, nearest: Index, likeness: float, stderr: float, d: int) -> Split:
    smaller = members if 2 * members.sum() <= len(members) else ~members
    chance = (smaller.sum() - 1) / (len(smaller) - 1)
    within = float(smaller[nearest[smaller]].mean())
    gap = float(np.linalg.norm(x[smaller].mean(axis=0) - x[~smaller].mean(axis=0)))
    own = (within - chance) / (1 - chance)
    return Split(smaller, likeness, stderr, _chance(d), float(own), gap)


def _of_all(split: Split, back: Index) -> Split:
    """The split of all rows, duplicates too."""
    smaller = split.smaller[back]
    if 2 * smaller.sum() > len(smaller):
        smaller = ~smaller
    return Split(smaller, split.likeness, split.stderr, split.chance, split.own, split.gap)


def _shape(x: Floats, part: Index) -> float:
    """tr S^2 / (tr S)^2 of rows ``x`` (n, d) around the means of their ``part`` (n,); 0 where they are few.

    Without bias: pairs of rows of two parts are independent, and within a part the estimate is that of himeno2014.
    """
    n = len(x)
    if n < _FEW:
        return 0.0
    products = (x @ x.T) ** 2
    total, pairs = 0.0, 0
    sizes = np.bincount(part)
    for c in np.flatnonzero(sizes):
        rows, m = np.flatnonzero(part == c), int(sizes[c])
        total += float(products[rows].sum() - products[np.ix_(rows, rows)].sum())
        pairs += m * (n - m)
        if m >= _MOMENTS:
            total += m * (m - 1) * _trace_of_square(products[np.ix_(rows, rows)], x[rows])
            pairs += m * (m - 1)
    spread = float((x**2).sum()) / n
    return total / pairs / spread**2 if spread > 0 and pairs else 0.0


def _trace_of_square(products: Floats, x: Floats) -> float:
    """Unbiased estimate of tr C^2 from ``x`` (m, d), rows less their mean, and their squared ``products`` (m, m)."""
    m = len(x)
    square, trace = float(products.sum()) / (m - 1) ** 2, float((x**2).sum()) / (m - 1)
    quartic = float(np.diag(products).sum()) / (m - 1)
    inner = (m - 1) * (m - 2) * square + trace**2 - m * quartic
    return (m - 1) / (m * (m - 2) * (m - 3)) * inner


_MOMENTS = 4
_FEW = 30
"""Rows from which the shape of a covariance is taken from themselves; of fewer, from the larger set."""


def _likeness(a: _Set, b: _Set) -> tuple[float, float]:
    """Cosine of the traceless covariances of two sets and its standard error over the rows of the smaller one."""
    large, small = (a, b) if len(a.x) >= len(b.x) else (b, a)
    d = large.x.shape[1]
    spreads = [float((s.x**2).sum()) / len(s.x) for s in (large, small)]
    if min(spreads) <= 0 or len(small.x) < 2:
        return 0.0, np.inf
    own = large.shape - 1 / d
    other = own if len(small.x) < _FEW else small.shape - 1 / d
    if min(own, other) * d < SHAPED - 1:  # too few rows, or even in all directions: nothing to compare
        return 0.0, np.inf
    each = ((small.x @ large.x.T) ** 2).mean(axis=1) / spreads[0] - (small.x**2).sum(axis=1) / d
    scale = spreads[1] * np.sqrt(own * other)
    return float(each.mean() / scale), float(each.std(ddof=1) / np.sqrt(len(each)) / scale)


DIRECTIONS = 50
"""Principal directions among which a direction with two peaks is looked for, at most one for 20 rows."""

PEAKS = 1.22
"""Kurtosis along that direction below which there are two peaks: 1 for two points, 3 for a normal distribution."""

EMPTY = 0.01
"""Largest share of the rows in the middle quarter between two peaks."""

LEAST_ROWS = 200
"""Distinct rows from which two peaks are looked for."""

MOSTLY = 0.6
"""Least share of the rows in the two largest components: any halves of many topics far apart have two peaks."""

_STARTS, _DESCENTS, _STEP = 12, 60, 0.3


def _two_kinds(x: Floats, nearest: Index) -> Split | None:
    """Rows on either side of an empty stretch, along the direction of least kurtosis (friedman1974).

    Sets of a fifth of the rows and more; a smaller one does not make the kurtosis small.
    """
    sizes = np.sort(np.bincount(mutual_components(nearest)))
    if len(x) < LEAST_ROWS or sizes[-2:].sum() < MOSTLY * len(x):
        return None
    varied = _drop_constant(x)
    mean = varied.mean(axis=0, dtype=np.float64)
    chosen = varied[np.random.default_rng(len(x)).permutation(len(x))[: 2 * _COMPARED]] - mean
    values, vectors = np.linalg.eigh(chosen.T @ chosen / len(chosen))
    kept = np.argsort(-values)[: min(DIRECTIONS, len(chosen) // 20, varied.shape[1])]
    kept = kept[values[kept] > _STILL**2]
    axes = vectors[:, kept] / np.sqrt(values[kept])
    direction = _find_two_peaks(chosen @ axes)
    if direction is None:
        return None
    y = varied @ (axes @ direction)
    y -= y.mean()
    middle, half = _between(y)
    if (np.abs(y - middle) < half / 4).mean() > EMPTY:
        return None
    sets = [_Set.of([_around_mean(varied, side)]) for side in (y > middle, y <= middle)]
    return _split(y > middle, x, nearest, *_likeness(*sets), varied.shape[1])


def _find_two_peaks(z: Floats) -> Floats | None:
    """The direction (r,) of least kurtosis of whitened rows ``z`` (n, r), None where it has no two peaks."""
    r = z.shape[1]
    rng = np.random.default_rng(r)
    best: Floats | None = None
    least = PEAKS
    for start in range(_STARTS):
        w: Floats = np.eye(r)[start] if start < min(r, _STARTS // 2) else rng.normal(size=(r,))
        w = w / np.linalg.norm(w)
        for _ in range(_DESCENTS):
            y = z @ w
            slope = z.T @ (y * y * y) / len(z) - 3 * w
            new = w - _STEP * (slope - (slope @ w) * w)
            new /= np.linalg.norm(new)
            done = abs(new @ w) > 1 - 1e-9
            w = new
            if done:
                break
        kurtosis = float(np.square(np.square(z @ w)).mean())
        if kurtosis < least:
            best, least = w, kurtosis
    return best


def _between(y: Floats) -> tuple[float, float]:
    """The middle between the means of the values on either side of it, and half their distance."""
    middle = float(y.mean())
    for _ in range(_STEPS):
        high, low = float(y[y > middle].mean()), float(y[y <= middle].mean())
        if (high + low) / 2 == middle:
            break
        middle = (high + low) / 2
    return middle, (high - low) / 2
