"""Static vectors of words: the mean of their contextual vectors over the sentences that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
    uses = occurrences(distinct, list(dict.fromkeys(sentences)), limit)
    sums: dict[str, npt.NDArray[np.float64]] = {}
    counts = np.zeros(len(distinct), dtype=np.int64)
    for targets, states in word_states(encoder, uses, setting, progress, batch_tokens):
        for space, x in states.items():
            total = sums.setdefault(space, np.zeros((len(distinct), x.shape[1])))
            np.add.at(total, targets, x)
        np.add.at(counts, targets, 1)
    kept = counts > 0
    means = {s: (total[kept] / counts[kept, None]).astype(np.float32) for s, total in sums.items()}
    found = tuple(w for w, k in zip(distinct, kept, strict=True) if k)
    contexts = dict(zip(distinct, counts.tolist(), strict=True))
    if len(found) < len(distinct):
        progress.note(f"{len(distinct) - len(found)} of {len(distinct)} words have no context and no static vector")
    return StaticVectors(f"static:{limit}", found, contexts, means)


def word_states(
    encoder: TextEncoder,
    uses: Mapping[str, Sequence[tuple[int, int, int]]],
    setting: str,
    progress: Progress,
    batch_tokens: int = BATCH_TOKENS,
) -> Iterator[tuple[list[int], Mapping[str, npt.NDArray[np.float32]]]]:
    """The words of ``uses`` (of :func:`occurrences`) forward pass by forward pass: their numbers (m,) and states.

    Yields
    ------
    (words, {space: (m, d)}), a state being the mean over the word's subtokens; words that were cut off are left out
    """
    texts = list(uses)
    framed = encoder.frame(texts, encoder.framing(setting))
    progress.start(f"words in context {encoder.info.uri}", len(texts), "sentences")
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
            yield targets, encoder.read([framed.ids[i] for i in batch], Picks(rows, cols, owners))[0]
        progress.advance(len(batch))


def occurrences(words: Sequence[str], sentences: Sequence[str], limit: int) -> dict[str, list[tuple[int, int, int]]]:
    """Sentence -> (word, first character, last + 1) of the first ``limit`` sentences of each word, by its first use.

    Case does not count. A word of several parts is found where blanks alone stand between them.

    >>> occurrences(["ice cream", "Cat"], ["the cat", "Ice Cream for a cat"], 1)
    {'the cat': [(1, 4, 7)], 'Ice Cream for a cat': [(0, 0, 9)]}
    """
    place: dict[str, list[tuple[int, list[str]]]] = {}
    for i, word in enumerate(words):
        parts = _WORD.findall(word.casefold())
        if " ".join(parts) == word.casefold() and parts:
            place.setdefault(parts[0], []).append((i, parts))
    left = [limit] * len(words)
    uses: dict[str, list[tuple[int, int, int]]] = {}
    for sentence in sentences:
        seen: set[int] = set()
        found = list(_WORD.finditer(sentence))
        plain = [match.group().casefold() for match in found]
        for k, part in enumerate(plain):
            for i, parts in place.get(part, []):
                if i not in seen and left[i] and plain[k : k + len(parts)] == parts:
                    first, last = found[k].start(), found[k + len(parts) - 1].end()
                    if sentence[first:last].casefold().split() == parts:
                        seen.add(i)
                        left[i] -= 1
                        uses.setdefault(sentence, []).append((i, first, last))
    return uses
