"""One vector a word: the mean of its states over sentences that hold it, with how many there are and their spread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats, unit_rows
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.encoders import TextEncoder
from embedscope.pipeline.concepts import Concepts
from embedscope.pipeline.reading import texts_named
from embedscope.pipeline.static import occurrences, word_states

CONTEXTS = 50
"""Sentences a word where no number is named."""


@dataclass(frozen=True)
class Contexts:
    """Where words stand in sentences.

    Attributes
    ----------
    of : a data set, ``DATASET::TABLE``, a file with one sentence a line, or the sentences themselves
    limit : greatest number of sentences a word
    data : folder with data files
    """

    of: str | Path | Sequence[str]
    limit: int = CONTEXTS
    data: str | Path | None = None

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise InputError(f"the number of contexts must be at least 1 sentence a word, got {self.limit}")

    @property
    def setting(self) -> str:
        """Name of the setting in records, such as ``contexts:50``."""
        return f"contexts:{self.limit}"

    def sentences(self, provenance: Provenance) -> tuple[tuple[str, ...], str]:
        """The sentences and their name; their file or data set is noted in the provenance."""
        table, name = texts_named(self.of, self.data, provenance)
        return table.texts, name


def context_means(
    encoder: TextEncoder,
    words: Sequence[str],
    sentences: Sequence[str],
    *,
    limit: int = CONTEXTS,
    seed: int = 0,
    spaces: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Concepts]:
    """Mean state (n, d) of each of ``words`` over at most ``limit`` distinct sentences that hold it, in every space.

    x_w = mean over sentences s of (mean over the subtokens of w in s); the sentences of a word are those with the
    smallest hash of (seed, sentence), so their order does not count. Sentences are framed as the tokenizer does, case
    does not count, and the first use of a word in a sentence is taken. A word without a context is a row of nan.

    Parameters
    ----------
    spaces : those to keep; None for all layers

    Raises
    ------
    InputError
        if ``limit`` is below 1, or none of the words occurs.
    """
    if limit < 1:
        raise InputError(f"the number of contexts must be at least 1 sentence a word, got {limit}")
    texts = list(dict.fromkeys(sentences))
    order = np.argsort(combine(hash_texts(texts), seed), kind="stable")
    distinct = tuple(dict.fromkeys(words))
    uses = occurrences(distinct, [texts[i] for i in order], limit)
    sums = {s: _Sums.of(len(distinct), d) for s, d in encoder.widths("native").items() if spaces is None or s in spaces}
    progress = progress or Silent()
    for targets, states in word_states(encoder, uses, "native", progress):
        for space, own in sums.items():
            own.add(targets, states[space])
    progress.close()
    place = {word: i for i, word in enumerate(distinct)}
    rows = np.array([place[word] for word in words], dtype=np.intp)
    found = {space: own.concepts(rows) for space, own in sums.items()}
    if not any(concepts.count.any() for concepts in found.values()):
        raise InputError(f"none of the {len(distinct):,} words occurs in the {len(texts):,} sentences; name others")
    return found


@dataclass(frozen=True, eq=False)
class _Sums:
    """Of each word: the sum (n, d) of its states, the sum of them at length 1, and how many there are (n,)."""

    total: Floats
    directed: Floats
    count: Any

    @classmethod
    def of(cls, n: int, d: int) -> _Sums:
        return cls(np.zeros((n, d)), np.zeros((n, d)), np.zeros(n, dtype=np.intp))

    def add(self, targets: Sequence[int], x: Any) -> None:
        x64 = np.asarray(x, dtype=np.float64)
        np.add.at(self.total, targets, x64)
        unit, kept = unit_rows(x64)
        np.add.at(self.directed, np.asarray(targets)[kept], unit)
        np.add.at(self.count, targets, 1)

    def concepts(self, rows: Any) -> Concepts:
        """Means, counts and spreads of the words ``rows``; a mean that is zero has a spread of 1."""
        some = self.count > 0
        mean = np.divide(self.total, self.count[:, None], out=np.full(self.total.shape, np.nan), where=some[:, None])
        lengths = np.sqrt(np.einsum("ij,ij->i", mean, mean))
        along = np.einsum("ij,ij->i", self.directed, mean)
        cosine = np.divide(along, lengths * self.count, out=np.zeros(len(mean)), where=some & (lengths > 0))
        spread = np.where(some, np.where(self.count == 1, 0.0, 1 - cosine), np.nan)
        return Concepts(mean[rows], self.count[rows], spread[rows], "contexts", "word")


class ContextSpace:
    """Means of words over ``contexts`` in every space, as vectors of texts; a word without a context is a row of nan.

    Attributes
    ----------
    note : over how many contexts, in words
    facts : space -> counts and spreads, of all words and of each
    """

    def __init__(
        self,
        encoder: TextEncoder,
        words: Sequence[str],
        contexts: Contexts,
        spaces: Sequence[str],
        seed: int,
        provenance: Provenance,
        progress: Progress,
    ) -> None:
        if not words:
            raise InputError(f"setting '{contexts.setting}' is for words, and none of the tasks is about words alone")
        found = dict(context_spaces(encoder, words, contexts, spaces, seed, provenance, progress))
        self._x = {space: concepts.x for space, concepts in found.items()}
        self._rows = {word: i for i, word in enumerate(words)}
        self.facts = {space: concepts.facts(words) for space, concepts in found.items()}
        self.note = f"{contexts.setting}: {next(reversed(found.values())).note}"

    def matrix(self, setting: str | None, space: str, texts: Sequence[str]) -> Floats:
        """(n, d) rows aligned with ``texts``."""
        return np.asarray(self._x[space][[self._rows[text] for text in texts]])


def context_spaces(
    encoder: TextEncoder,
    words: Sequence[str],
    contexts: Contexts,
    spaces: Sequence[str],
    seed: int,
    provenance: Provenance,
    progress: Progress,
) -> Iterator[tuple[str, Concepts]]:
    """Means over ``contexts`` space by space, with the name of the sentences in their note."""
    sentences, name = contexts.sentences(provenance)
    found: Mapping[str, Concepts] = context_means(
        encoder, words, sentences, limit=contexts.limit, seed=seed, spaces=spaces, progress=progress
    )
    source = f"at most {contexts.limit} of {len(sentences):,} sentences of {name}"
    first = next(iter(found.values()))
    if lost := int((first.count == 0).sum()):
        progress.note(f"{lost} of {len(words)} words have no context in {name} and no vector")
    for space, concepts in found.items():
        yield space, replace(concepts, source=source)
