"""How much of a row's length its few largest coordinates hold."""

from __future__ import annotations

from embedscope.core.errors import InputError
from embedscope.metrics.metric import Metric, UndefinedError, at_least
from embedscope.stats import Shares, TopShare

IDS = ("top5_share", "top8_share", "top5_share:published", "top8_share:published")


def top_share(k: int, variant: str | None = None) -> Metric:
    """Make the metric ``top{k}_share``: mean share of a row's length in its ``k`` largest coordinates.

    ``variant`` "published" takes the largest by signed value and the ratio of mean lengths, as wolfe2022's code does.

    >>> round(top_share(1)([[3.0, 4.0], [-4.0, 3.0]]), 12), top_share(1, "published")([[3.0, 4.0], [-4.0, 3.0]])
    (0.8, 0.7)
    """
    if k < 1 or variant not in (None, "published"):
        raise InputError(
            f"top_share wants k >= 1 and variant None or 'published', got k={k}, variant={variant!r}; "
            "for example top_share(5, 'published')"
        )
    share = Metric(
        id=f"top{k}_share",
        needs=Shares(k),
        function=mean_of_ratios,
        rows="raw",
        invariant=frozenset({"scale", "row_scale"}),
        bounds=(0.0, 1.0),
        ideal=None,
        units="share of length",
        cite="wolfe2022",
        omits="zero rows",
        summary=f"Mean share of a row's length in its {k} largest coordinates, by absolute value",
    )
    if variant is None:
        return share
    return share.as_variant(
        "published",
        f"Mean length of the {k} largest coordinates by signed value / mean length of the rows",
        needs=Shares(k, signed=True),
        function=ratio_of_means,
        invariant=frozenset({"scale"}),
    )


def mean_of_ratios(share: TopShare) -> float:
    """Mean over rows of |k largest coordinates by absolute value| / |x_i|.

    Rows (n, d), zero rows left out; between sqrt(k / d) and 1. Depends on the basis. Source: wolfe2022.

    Raises
    ------
    UndefinedError
        without a non-zero row, or with fewer than k coordinates.
    """
    _check(share)
    return share.share


def ratio_of_means(share: TopShare) -> float:
    """Mean length of the k largest coordinates by signed value, divided by the mean length of the rows.

    What the public code of wolfe2022 computes. With one large negative coordinate it is far below the share by absolute
    value (.30 against .92). Zero rows are left out.

    Raises
    ------
    UndefinedError
        without a non-zero row, or with fewer than k coordinates.
    """
    _check(share)
    return share.part / share.length


def _check(share: TopShare) -> None:
    at_least(1, share, "non-zero rows")
    if share.k > share.dim:
        raise UndefinedError(f"undefined: needs at least {share.k} coordinates, got {share.dim}")


ENTRIES = {
    "top5_share": top_share(5),
    "top8_share": top_share(8),
    "top5_share:published": top_share(5, "published"),
    "top8_share:published": top_share(8, "published"),
}
