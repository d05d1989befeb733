"""What one space over some rows is to another over the same rows: the same, turned, rounded or foreign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, unit_rows
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_order, hash_rows
from embedscope.core.short_repr import short_repr
from embedscope.stats.row_sets import K, nearest_others
from embedscope.tasks.means import check_apart

Name = Literal["same", "partly", "precision", "rotated", "prompt", "modality", "truncated", "model", "unrelated"]
RELATIONS: tuple[Name, ...] = (
    "same", "partly", "precision", "rotated", "prompt", "modality", "truncated", "model", "unrelated",
)  # fmt: skip

SAME = 1e-9
"""Largest 1 - cosine of matching rows of one space: float32 leaves 1e-14, float16 4e-8."""

PARITY = 0.99
"""Cosine of matching rows that two runtimes of one model should reach."""

PARITY_SHARE = 0.001
"""Share of rows below ``PARITY`` from which it is said."""

NEAR = 0.97
"""Median cosine of matching rows from which another precision is possible."""

COMMON = 0.3
"""Share of the difference that is one vector for all rows: rounding has none, a prompt has one."""

TURNED = 0.02
"""Largest relative difference of the two matrices of cosines of a space and its rotation."""

CENTRED = 0.3
"""Least cosine of matching rows around the means of both spaces, as they are, for one model; 0 for two."""

ALIKE = 0.5
"""Least likeness of the covariances of two prompts; images and texts of CLIP have .26, of ConVIRT .46, prompts .90."""

MOST = 2000
"""Rows taken for matrices of cosines, and for neighbours."""

_FEWEST = 12

STRANGERS = 0.05
"""Share of rows that are no nearer to their match than to others, from which part of the rows do not match."""

_KEPT = 0.1
"""Share of rows that must be the same in both spaces for the others to be called strangers."""


@short_repr
@dataclass(frozen=True, eq=False)
class Relation:
    """How two spaces over the same rows are related, with the numbers that say so.

    Attributes
    ----------
    name : ``same``, ``partly`` (some rows are the same, others do not match), ``precision`` (one model, other precision
        or runtime), ``rotated``, ``prompt`` (one model, other prompt or version), ``modality`` (one model, other
        modality or layer), ``truncated`` (the first coordinates), ``model`` (another model), ``unrelated`` (rows do not
        match)
    cosines : (n,) of matching rows as they are, 0 where one of them is zero, nan where both are; None where the
        dimensions differ
    half_empty : (k,) rows that are zero on one side only
    strangers : share of rows that one in twenty other rows, or more, is nearer to than their match; of as many
        dimensions and of at most 2,000 rows, else 0
    centred : mean cosine of matching rows around the mean of each space
    common : share of the mean squared difference of matching rows that is one vector for all
    likeness : cosine of the traceless covariances of the two spaces; None where the dimensions differ
    turned : relative difference of the two matrices of cosines, 0 for a rotation
    aligned : mean cosine of held-out matching rows after the best rotation of centred rows, fitted on the other half
    angle : mean angle in degrees by which that rotation turns rows; None where the dimensions differ
    shared : (m,) share of the 10 nearest that both spaces have, of each row of a sample of at most 2,000
    overlap : mean of ``shared``, with its chance ``overlap_chance``
    rank_agreement : Spearman correlation of the cosines of pairs of rows
    """

    name: Name
    n: int
    dims: tuple[int, int]
    cosines: Floats | None
    half_empty: npt.NDArray[np.intp]
    strangers: float
    centred: float | None
    common: float | None
    likeness: float | None
    turned: float
    aligned: float
    angle: float | None
    shared: Floats
    overlap: float
    overlap_stderr: float
    overlap_chance: float
    rank_agreement: float

    @property
    def below_parity(self) -> npt.NDArray[np.intp]:
        """Rows with a cosine below .99, the lowest first."""
        if self.cosines is None:
            return np.zeros(0, dtype=np.intp)
        low = np.flatnonzero(self.cosines < PARITY)
        return np.asarray(low[np.argsort(self.cosines[low], kind="stable")])


def relation_of(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Relation:
    """The relation of rows (n, d) to the same rows (n, e) in another space.

    Rows that are zero in either space are left out.

    Raises
    ------
    InputError
        if the numbers of rows differ, or fewer than 12 are non-zero in both.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(400, 16)) * np.arange(1, 17) ** -0.5
    >>> turn = np.linalg.qr(rng.normal(size=(16, 16)))[0]
    >>> relation_of(x, 3 * x).name, relation_of(x, x @ turn).name, relation_of(x, x[::-1]).name
    ('same', 'rotated', 'unrelated')
    """
    if len(x) != len(y):
        raise InputError(
            f"both sides must hold the same rows; got {len(x):,} and {len(y):,} (give --pair-ids where they differ)"
        )
    present = [(np.asarray(side) != 0).any(axis=1) for side in (x, y)]
    filled = present[0] & present[1]
    if filled.sum() < _FEWEST:
        raise InputError(
            f"comparing takes at least {_FEWEST} rows that are not zero on either side, got {filled.sum()}"
        )
    u, v = (np.asarray(unit_rows(np.asarray(s, dtype=np.float64)[filled])[0]) for s in (x, y))
    check_apart(u, "A")
    check_apart(v, "B")
    sample = np.sort(hash_order(hash_rows(0, len(u)), 0)[:MOST])
    a, b = u[sample], v[sample]
    same_width = u.shape[1] == v.shape[1]
    cosines = np.full(len(filled), np.nan) if same_width else None
    centred = common = likeness = None
    strangers = kept = 0.0
    if same_width and cosines is not None:
        cosines[present[0] ^ present[1]] = 0.0
        cosines[filled] = np.clip(np.einsum("ij,ij->i", u, v), -1, 1)
        centred, common = _centred_cosine(u, v)
        likeness = _likeness(a, b)
        strangers, kept = _strangers(a, b)
    turned, agreement = _cosine_matrices(a, b)
    aligned, angle = _procrustes(a, b)
    near = [np.sort(nearest_others(s, K)[0], axis=1) for s in (a, b)]
    shared = np.array([len(np.intersect1d(p, q)) for p, q in zip(*near, strict=True)]) / K
    relation = Relation(
        "model", int(filled.sum()), (x.shape[1], y.shape[1]), cosines,
        np.flatnonzero(present[0] ^ present[1]), strangers, centred, common, likeness, turned, aligned, angle, shared,
        float(shared.mean()), float(shared.std(ddof=1) / np.sqrt(len(shared))), K / (len(a) - 1), agreement,
    )  # fmt: skip
    object.__setattr__(relation, "name", _name(relation, u, v, kept))
    return relation


def _name(r: Relation, u: Floats, v: Floats, kept: float) -> Name:
    """The first relation whose numbers hold; ``kept`` is the share of rows that are the same on both sides."""
    median = -1.0
    least = -1.0
    if r.cosines is not None:
        known = r.cosines[np.isfinite(r.cosines)]
        median, least = float(np.median(known)), float(known.min())
    one_basis = (r.centred or 0.0) >= CENTRED
    agree = r.overlap > r.overlap_chance + 4 * max(r.overlap_stderr, 1e-3)
    names: tuple[tuple[Name, bool], ...] = (
        ("same", least >= 1 - SAME),
        ("partly", r.strangers >= STRANGERS and kept >= _KEPT),
        ("precision", median >= NEAR and (r.common or 0.0) < COMMON and one_basis),
        ("truncated", r.dims[0] != r.dims[1] and _is_truncation(u, v)),
        ("rotated", r.turned <= TURNED),
        ("prompt", one_basis and agree and (r.likeness or 0.0) >= ALIKE),
        ("modality", one_basis and agree),
        ("model", agree),
    )
    return next((name for name, holds in names if holds), "unrelated")


def _strangers(a: Floats, b: Floats) -> tuple[float, float]:
    """Share of rows with one in twenty others nearer than their match, and of rows with a match above parity.

    Of the latter fewer than one in a hundred others may be nearer: in a narrow cone all cosines are high.
    """
    cosines = a @ b.T
    own = np.diagonal(cosines)
    nearer = (cosines > own[:, None]).mean(axis=1)
    return float((nearer >= STRANGERS).mean()), float(((own >= PARITY) & (nearer <= STRANGERS / 5)).mean())


def _centred_cosine(u: Floats, v: Floats) -> tuple[float, float]:
    """Mean cosine of matching rows around their means, and the share of the difference that all rows have in common."""
    a, b = (unit_rows(s - s.mean(axis=0))[0] for s in (u, v))
    difference = u - v
    square = float((difference**2).sum(axis=1).mean())
    mean = difference.mean(axis=0)
    n = min(len(a), len(b))
    cosine = float(np.einsum("ij,ij->i", a, b).mean()) if len(a) == len(b) else float("nan")
    unbiased = max(float(mean @ mean) - square / n, 0.0)
    return cosine, unbiased / square if square > 0 else 0.0


def _likeness(u: Floats, v: Floats) -> float:
    """Cosine of the traceless covariances of two sets of rows; 0 where one of them varies alike in all directions."""
    parts = []
    for side in (u, v):
        centred = side - side.mean(axis=0)
        covariance = centred.T @ centred / len(centred)
        parts.append(covariance - np.eye(len(covariance)) * (np.trace(covariance) / len(covariance)))
    scale = float(np.linalg.norm(parts[0]) * np.linalg.norm(parts[1]))
    return float((parts[0] * parts[1]).sum()) / scale if scale > 0 else 0.0


def _cosine_matrices(a: Floats, b: Floats) -> tuple[float, float]:
    """Relative difference of the cosines of all pairs in two spaces, and their rank correlation."""
    from scipy.stats import rankdata

    upper = np.triu_indices(len(a), 1)
    ca, cb = (a @ a.T)[upper], (b @ b.T)[upper]
    spread = max(float(np.linalg.norm(ca - ca.mean())), 1e-300)
    if len(ca) > _PAIRS:
        step = len(ca) // _PAIRS + 1
        ranks = [rankdata(c[::step]) for c in (ca, cb)]
    else:
        ranks = [rankdata(c) for c in (ca, cb)]
    rank = float(np.corrcoef(*ranks)[0, 1]) if min(r.std() for r in ranks) > 0 else 0.0
    return float(np.linalg.norm(ca - cb)) / spread, rank


_PAIRS = 200_000


def _procrustes(a: Floats, b: Floats) -> tuple[float, float | None]:
    """Mean cosine of held-out rows after the best rotation of one centred space onto the other, and its angle."""
    half = hash_order(hash_rows(0, len(a)), 2)
    fit, held = half[: len(a) // 2], half[len(a) // 2 :]
    x, y = a - a[fit].mean(axis=0), b - b[fit].mean(axis=0)
    left, _, right = np.linalg.svd(x[fit].T @ y[fit], full_matrices=False)
    turn = left @ right
    moved, target = unit_rows(x[held] @ turn)[0], unit_rows(y[held])[0]
    if len(moved) != len(target):
        return 0.0, None
    angle = None
    if a.shape[1] == b.shape[1]:
        before = np.clip(np.einsum("ij,ij->i", unit_rows(x[held])[0], moved), -1, 1)
        angle = float(np.degrees(np.arccos(before)).mean())
    return float(np.einsum("ij,ij->i", moved, target).mean()), angle


def _is_truncation(u: Floats, v: Floats) -> bool:
    """Whether one space is the first coordinates of the other, at unit length."""
    long, short = (u, v) if u.shape[1] > v.shape[1] else (v, u)
    first, _ = unit_rows(long[:, : short.shape[1]])
    return bool(len(first) == len(short) and np.einsum("ij,ij->i", first, short).min() >= PARITY)
