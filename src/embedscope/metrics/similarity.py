"""Mean cosine over all pairs of rows, before and after centring, and what single coordinates add to it."""

from __future__ import annotations

from embedscope.core.wording import count
from embedscope.metrics.metric import UndefinedError, at_least, metric
from embedscope.stats import CenteredUnitSum, UnitSum, UnitSums

IDS = ("self_similarity", "self_similarity_centered", "self_similarity_centered:raw_mean", "rogue_contribution")

PARTS = 3


def _pairs(sums: UnitSums) -> None:
    if sums.pairs <= 0:
        raise UndefinedError(f"undefined: all {sums.n} rows belong to one unit, so there are no pairs of units")


def _inside(sums: UnitSums) -> str | None:
    """How many pairs inside units are left out, and what the value would be with them."""
    left_out = (sums.n * (sums.n - 1) - sums.pairs) / 2
    if left_out < 1 or sums.n < 2:
        return None
    return f"{count(round(left_out), 'pair')} inside units left out; {sums.mean_cosine_of_all:.3f} with them"


@metric(
    UnitSum(),
    rows="unit",
    fixed_rows=True,
    invariant={"rotation", "scale", "row_scale"},
    bounds=(-1.0, 1.0),
    ideal=0.0,
    units="cosine",
    cite="ethayarajh2019",
    warning=_inside,
)
def self_similarity(sums: UnitSums) -> float:
    """Mean cosine over all pairs of different rows.

    (|sum_i u_i|^2 - n) / (n^2 - n) with u_i = x_i / |x_i|: exact, in O(n d), from rows (n, d). Between -1 / (n - 1) and
    1; 0 where directions are spread evenly. Zero rows are left out, and so are pairs inside units of evidence that are
    declared or found in the order of the file: (|sum u|^2 - sum over units |sum of the unit|^2) / (n^2 - sum n_u^2).
    Source: ethayarajh2019.

    Raises
    ------
    UndefinedError
        with fewer than 2 non-zero rows.

    Examples
    --------
    >>> self_similarity([[1.0, 0.0], [0.0, 2.0]])
    0.0
    """
    at_least(2, sums, "non-zero rows")
    _pairs(sums)
    return sums.mean_cosine


@metric(
    CenteredUnitSum("unit"),
    rows="unit",
    fixed_rows=True,
    invariant={"rotation", "scale", "row_scale"},
    bounds=(-1.0, 1.0),
    ideal=0.0,
    units="cosine",
    cite="mu2018",
    omits="rows that are zero or equal to the mean",
)
def self_similarity_centered(sums: UnitSums) -> float:
    """Mean cosine over all pairs after subtracting the mean of the unit rows and renormalising.

    As ``self_similarity`` of u_i - mean(u), in a second pass; rows equal to the mean have no direction and are left
    out. Source: mu2018.

    Raises
    ------
    UndefinedError
        with fewer than 2 rows that differ from the mean.

    Examples
    --------
    >>> round(self_similarity_centered([[1.0, 0.0], [0.0, 1.0]]), 12)
    -1.0
    """
    at_least(2, sums, "rows that differ from the mean")
    _pairs(sums)
    return sums.mean_cosine


centered_by_raw_mean = self_similarity_centered.as_variant(
    "raw_mean",
    "Mean cosine over all pairs after subtracting the mean of the raw rows",
    needs=CenteredUnitSum("raw"),
    rows="raw",
    invariant=frozenset({"rotation", "translation", "scale"}),
)


@metric(
    UnitSum(),
    rows="unit",
    fixed_rows=True,
    invariant={"scale", "row_scale"},
    bounds=(-1.0, 1.0),
    ideal=None,
    units="cosine",
    cite="timkey2021",
    no_interval=frozenset(f"rogue_contribution.top{r}_coordinate" for r in range(1, PARTS + 1)),
    caveat="coordinate held fixed in the error bar",
)
def rogue_contribution(sums: UnitSums) -> dict[str, float]:
    """Largest part of the mean cosine that comes from one coordinate.

    ((sum_i u_ij)^2 - sum_i u_ij^2) / (n^2 - n) for coordinate j of rows (n, d); the d parts sum to ``self_similarity``.
    Also the second and third part, and the places of the three (``.top1_coordinate``, ...). Source: timkey2021.

    Raises
    ------
    UndefinedError
        with fewer than 2 non-zero rows.

    Examples
    --------
    >>> parts = rogue_contribution([[3.0, 4.0], [3.0, -4.0]])
    >>> round(parts["rogue_contribution"], 12), parts["rogue_contribution.top1_coordinate"]
    (0.36, 0.0)
    """
    at_least(2, sums, "non-zero rows")
    _pairs(sums)
    parts = sums.parts
    out: dict[str, float] = {}
    for rank, j in enumerate(sums.largest(PARTS), start=1):
        out["rogue_contribution" if rank == 1 else f"rogue_contribution.top{rank}"] = float(parts[j])
        out[f"rogue_contribution.top{rank}_coordinate"] = float(j)
    return out


ENTRIES = {
    "self_similarity": self_similarity,
    "self_similarity_centered": self_similarity_centered,
    "self_similarity_centered:raw_mean": centered_by_raw_mean,
    "rogue_contribution": rogue_contribution,
}
