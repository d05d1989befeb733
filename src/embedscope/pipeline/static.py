"""Static vectors of words: the mean of their contextual vectors over the sentences that hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.encoders import Picks, TextEncoder
from embedscope.pipeline.extract import BATCH_TOKENS, batches_by_length

_WORD = re.compile(r"\w+(?:[-'\u2019]\w+)*")


@dataclass(frozen=True)
class StaticVectors:
    """Static vectors by space, for words with at least one context.

    Attributes
    ----------
    setting : "static:N", N the greatest number of sentences a word
    contexts : word -> number of sentences its vector is a mean of; 0 for words without a context
    """

    setting: str
    words: tuple[str, ...]
    contexts: Mapping[str, int]
    vectors: Mapping[str, npt.NDArray[np.float32]]

    @property
    def missing(self) -> tuple[str, ...]:
        """Words without a context; they have no vector."""
        return tuple(w for w, n in self.contexts.items() if n == 0)

    def matrix(self, setting: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors (n, d) of ``texts`` in one space; an error for words without a context (see ``missing``)."""
        if setting != self.setting or space not in self.vectors:
            raise InputError(
                f"no space '{space}' in setting {setting!r}; it has '{self.setting}', {list(self.vectors)}"
            )
        place = {w: i for i, w in enumerate(self.words)}
        lost = [t for t in texts if t not in place]
        if lost:
            raise InputError(f"{len(lost)} words have no context, first '{lost[0]}'; leave out those in .missing")
        return self.vectors[space][[place[t] for t in texts]]


def static_vectors(
    encoder: TextEncoder,
    words: Sequence[str],
    sentences: Sequence[str],
    *,
    limit: int,
    setting: str = "native",
    progress: Progress | None = None,
    batch_tokens: int = BATCH_TOKENS,
) -> StaticVectors:
    """Static vectors after Bommasani et al. (bommasani2020): mean over a word's subtokens, then over contexts.

    The contexts of a word are its first ``limit`` distinct sentences, compared without regard to case; its first
    occurrence in a sentence counts. ``setting`` frames the sentences as in ``token_stream``.
    """
    if limit < 1:
        raise InputError(f"limit must be at least 1 sentence a word, got {limit}")
    progress = progress or Silent()
    distinct = tuple(dict.fromkeys(words))
    uses = _occurrences(distinct, list(dict.fromkeys(sentences)), limit)
    texts = list(uses)
    framed = encoder.frame(texts, encoder.framing(setting))
    sums: dict[str, npt.NDArray[np.float64]] = {}
    counts = np.zeros(len(distinct), dtype=np.int64)
    progress.start(f"static vectors {encoder.info.uri}", len(texts), "sentences")
    for batch in batches_by_length([len(i) for i in framed.ids], batch_tokens, padded=encoder.causal):
        rows: list[int] = []
        cols: list[int] = []
        owners: list[int] = []
        targets: list[int] = []
        for row, i in enumerate(batch):
            start, stop = framed.span(i)
            offsets = encoder.offsets(texts[i])[: stop - start]
            for word, first, last in uses[texts[i]]:
                own = [start + k for k, (a, b) in enumerate(offsets) if a < last and b > first]
                if own:
                    rows += [row] * len(own)
                    cols += own
                    owners += [len(targets)] * len(own)
                    targets.append(word)
        if targets:
            states, _ = encoder.read([framed.ids[i] for i in batch], Picks(rows, cols, owners))
            for space, x in states.items():
                total = sums.setdefault(space, np.zeros((len(distinct), x.shape[1])))
                np.add.at(total, targets, x)
            np.add.at(counts, targets, 1)
        progress.advance(len(batch))
    kept = counts > 0
    means = {s: (total[kept] / counts[kept, None]).astype(np.float32) for s, total in sums.items()}
    found = tuple(w for w, k in zip(distinct, kept, strict=True) if k)
    contexts = dict(zip(distinct, counts.tolist(), strict=True))
    if len(found) < len(distinct):
        progress.note(f"{len(distinct) - len(found)} of {len(distinct)} words have no context and no static vector")
    return StaticVectors(f"static:{limit}", found, contexts, means)


def _occurrences(words: Sequence[str], sentences: Sequence[str], limit: int) -> dict[str, list[tuple[int, int, int]]]:
    """Sentence -> (word, first character, last + 1) of the first ``limit`` sentences of each word."""
    place: dict[str, list[int]] = {}
    for i, word in enumerate(words):
        place.setdefault(word.casefold(), []).append(i)
    left = [limit] * len(words)
    uses: dict[str, list[tuple[int, int, int]]] = {}
    for sentence in sentences:
        seen: set[int] = set()
        for match in _WORD.finditer(sentence):
            for i in place.get(match.group().casefold(), []):
                if i not in seen and left[i]:
                    seen.add(i)
                    left[i] -= 1
                    uses.setdefault(sentence, []).append((i, *match.span()))
    return uses
