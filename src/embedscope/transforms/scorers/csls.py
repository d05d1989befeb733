"""Cross-domain similarity local scaling."""

from __future__ import annotations

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.transforms.scorers.scorer import Near, largest

IDS = ("csls",)


class CSLS(Near):
    """2 s(q, c) - r(q) - r(c), r the mean score of the k nearest: of q in the corpus, of c in the bank (lample2018).

    >>> scores = [[0.9, 0.8]]
    >>> CSLS(1).fit([[1.0, 0.0], [0.0, 1.0]], [[0.5, 1.0]]).adjust(scores).round(9).tolist()
    [[0.4, -0.3]]
    """

    name = "csls"
    usage = "csls or csls:K"
    default = 10

    def _of_bank(self, scores: Floats) -> Floats:
        return np.asarray(largest(scores, self.k).mean(axis=1))

    def _adjust(self, scores: Floats) -> Floats:
        return np.asarray(2 * scores - largest(scores, self.k).mean(axis=1)[:, None] - self.corpus_)


ENTRIES = {"csls": CSLS}
