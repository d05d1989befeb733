"""How many candidates score at least as high as the answer of each question, counted tile by tile."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.tables import Index
from embedscope.tasks._analogy_answers import QuestionVectors
from embedscope.tasks._analogy_methods import Tile

TIE = 1e-12
_BLOCK = 64  # questions at once: their values stay in the processor's cache


class Count:
    """The count of one kind of questions, whose best ``answer`` (m,) has the ``score`` (m,)."""

    def __init__(self, vectors: QuestionVectors, answer: Index, score: Floats, uncertain: float) -> None:
        self.vectors, self.answer, self.score = vectors, answer, score
        self.above = np.zeros(len(answer), dtype=np.intp)
        self.ties = np.zeros(len(answer), dtype=np.intp)
        self._open = np.flatnonzero(answer >= 0)
        self._places = vectors.places[self._open]
        self._bars = vectors.bars(self._open, score[self._open], uncertain)
        self._near: list[tuple[Index, Index]] = []

    def blocks(self) -> list[slice]:
        """The questions in parts that may be counted side by side."""
        return [slice(lo, lo + _BLOCK) for lo in range(0, len(self._open), _BLOCK)]

    def add(self, tile: Tile, first: int, block: slice) -> None:
        """Take in a tile, whose candidates start at row ``first``, for a block of questions."""
        questions, words, bars = self._open[block], self._places[block], self._bars[block]
        values = np.empty((len(words), tile.products.shape[1]), dtype=np.float32)
        off = self.vectors.method.values(tile, words, bars, values, np.empty_like(values))
        banned = self.vectors.banned_rows(questions)
        row, column = np.nonzero((banned >= first) & (banned < first + values.shape[1]))
        values[row, banned[row, column] - first] = -np.inf
        above = values > bars.bar + off
        self.above[questions] += row_counts(above)
        near = np.not_equal(above, values >= bars.bar - off, out=above)
        row, column = true_places(near)
        if len(row):
            self._near.append((questions[row], column + first))

    def look_again(self) -> None:
        """Score what was too near the bar in float64."""
        if not self._near:
            return
        questions, candidates = (np.concatenate(part) for part in zip(*self._near, strict=True))
        self._near = []
        ahead = self.vectors.scores(questions, candidates) - self.score[questions]
        self.above += np.bincount(questions[ahead > TIE], minlength=len(self.above))
        self.ties += np.bincount(questions[np.abs(ahead) <= TIE], minlength=len(self.ties))


def row_counts(flags: npt.NDArray[np.bool_]) -> Index:
    """Number of true entries (m,) in each row of ``flags`` (m, t); bytes are added eight at a time.

    >>> row_counts(np.arange(40).reshape(2, 20) % 3 == 0).tolist()
    [7, 7]
    """
    m, t = flags.shape
    whole = t // 8 * 8
    out = flags[:, whole:].sum(axis=1, dtype=np.intp)
    lanes = np.ascontiguousarray(flags[:, :whole]).view(np.uint64)
    for lo in range(0, lanes.shape[1], 255):  # 255 ones fill a byte
        sums = lanes[:, lo : lo + 255].sum(axis=1, dtype=np.uint64)
        out = out + sums.view(np.uint8).reshape(m, 8).sum(axis=1, dtype=np.intp)
    return np.asarray(out, dtype=np.intp)


def true_places(flags: npt.NDArray[np.bool_]) -> tuple[Index, Index]:
    """Row and column of each true entry of ``flags`` (m, t), of which there are few.

    >>> [v.tolist() for v in true_places(np.eye(3, 9, k=2, dtype=bool))]
    [[0, 1, 2], [2, 3, 4]]
    """
    if flags.shape[1] % 8:
        row, column = np.nonzero(flags)
        return row, column
    eights = flags.reshape(-1, 8)
    places = np.flatnonzero(eights.view(np.uint64)[:, 0])
    which, place = np.nonzero(eights[places])
    at = places[which] * 8 + place
    return at // flags.shape[1], at % flags.shape[1]
