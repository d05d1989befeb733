"""Local scaling: distances in units of what is usual around both ends."""

from __future__ import annotations

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.transforms.scorers.scorer import Near, largest

IDS = ("local-scaling",)


class LocalScaling(Near):
    """exp(-D(q, c)^2 / (t(q) t(c))), D^2 = 2 - 2 s, t the distance to the k-th nearest (schnitzer2012).

    For unit rows; t(q) is taken in the corpus, t(c) in the bank. Where a t is 0 the score is 1 at distance 0, else 0.

    >>> LocalScaling(1).fit([[1.0, 0.0]], [[0.0, 1.0]]).adjust([[0.5]]).round(9).tolist()  # exp(-1 / (1 * sqrt(2)))
    [[0.493068691]]
    """

    name = "local-scaling"
    usage = "local-scaling or local-scaling:K"
    default = 10

    def _of_bank(self, scores: Floats) -> Floats:
        return self._reach(scores)

    def _reach(self, scores: Floats) -> Floats:
        return np.sqrt(np.maximum(2 - 2 * largest(scores, self.k)[:, 0], 0))

    def _adjust(self, scores: Floats) -> Floats:
        usual = np.outer(self._reach(scores), self.corpus_)
        distance = np.maximum(2 - 2 * scores, 0)
        ratio = np.divide(distance, usual, out=np.where(distance > 0, np.inf, 0.0), where=usual > 0)
        return np.asarray(np.exp(-ratio))


ENTRIES = {"local-scaling": LocalScaling}
