"""How much of the ten best a candidate keeps, predicted from the error of its scores near the top.

s is the exact score of one of a query's nearest documents and s' the compressed one. A line through them has a slope b
and residuals of standard deviation r, so the error in units of exact scores is t = r / b. If errors are normal and
independent, a document of the score s is found with the probability Phi((s - c) / t), where c lets ten be found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from embedscope.compression.candidates import Plan
from embedscope.compression.fitting import Fitted
from embedscope.compression.search import K, Truth
from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.transforms.codes import Rows32

QUERIES = 200
_TOP = 300
_STEPS = 30
_DENSE = 100
_FAR = 8.0


NOT_OFFERED = (
    "no prediction for leading dimensions, bits, product quantisers and fewer than half of the components: their "
    "errors are not independent, and it was off by more than .01"
)


def is_offered(plan: Plan, dim: int) -> bool:
    """Whether the prediction was within .01 of what was measured on every real space that was tried.

    >>> is_offered(Plan("pca:64+int8", "pca:64", "int8"), 128), is_offered(Plan("binary", "", "binary"), 128)
    (True, False)
    """
    whole = not plan.cut or (plan.cut.startswith("pca") and 2 * (plan.dimensions or 0) >= dim)
    return whole and plan.code.partition(":")[0] in ("float32", "float16", "int8")


@dataclass(frozen=True, eq=False)
class Predictor:
    """Nearest documents of a few queries, taken once for all candidates.

    Attributes
    ----------
    nearest : (m, t) documents, the nearest first
    scores : (m, t) their exact scores
    """

    nearest: Index
    scores: Floats

    @classmethod
    def of(cls, truth: Truth) -> Predictor:
        """From the first queries of ``truth``."""
        from embedscope.stats.neighbours import top_k

        own = None if truth.own is None else truth.own[:QUERIES]
        k = min(_TOP, len(truth.documents) - (own is not None))
        best = top_k(truth.queries[:QUERIES], truth.documents, k, exclude=own, distinct=truth.distinct)
        return cls(best.indices, best.scores)

    def recall(self, fitted: Fitted, queries: npt.NDArray[np.floating], stored: Rows32) -> float:
        """Share of the ten best that ``fitted`` is expected to find.

        Parameters
        ----------
        queries : (m, d) as they were given
        stored : (n, k) documents as ``fitted`` reads them back
        """
        mapped = fitted.queries(queries[: len(self.nearest)])
        if fitted.plan.code == "binary" and not fitted.plan.rescore:
            mapped = np.where(mapped > 0, np.float32(1), np.float32(-1))
        if len(stored) <= _DENSE * self.nearest.shape[1]:  # all products are faster than to gather the nearest rows
            given = np.take_along_axis(mapped @ stored.T, self.nearest, axis=1).astype(np.float64)
        else:
            given = np.einsum("ij,ikj->ik", mapped, stored[self.nearest]).astype(np.float64)
        return float(_expected_overlap(self.scores, _error(self.scores, given)).mean())


def _error(exact: Floats, given: Floats) -> Floats:
    """Standard deviation (m,) of the compressed scores about a line in the exact ones, in units of exact scores."""
    x, y = (s - s.mean(axis=1, keepdims=True) for s in (exact, given))
    spread = (x * x).sum(axis=1)
    slope = np.divide((x * y).sum(axis=1), spread, out=np.ones(len(x)), where=spread > 0)
    left = y - slope[:, None] * x
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(slope > 0, np.sqrt((left * left).mean(axis=1)) / np.abs(slope), np.inf))


def _expected_overlap(scores: Floats, error: Floats) -> Floats:
    """Expected share (m,) of the ten highest ``scores`` (m, t) among the ten found, by bisection for c.

    c is above the twenty-first score, for there twenty-one have a probability of a half or more. Scores that lie
    ``_FAR`` errors below that in every row are left out.

    >>> _expected_overlap(np.array([[1.0] * 10 + [0.0] * 10]), np.array([1e-6])).round(6).tolist()
    [1.0]
    """
    k = min(K, scores.shape[1])
    t = np.clip(error, 1e-9, 1e3)[:, None]
    low, high = scores[:, 2 * k : 2 * k + 1], scores[:, :1] + 10 * t
    if low.shape[1]:
        scores = scores[:, : int((scores > low - _FAR * t).sum(axis=1).max())]
    else:
        low = scores[:, -1:] - 10 * t
    for _ in range(_STEPS):
        middle = (low + high) / 2
        over = ndtr((scores - middle) / t).sum(axis=1, keepdims=True) > k
        low, high = np.where(over, middle, low), np.where(over, high, middle)
    return np.asarray(ndtr((scores[:, :k] - (low + high) / 2) / t).mean(axis=1))
