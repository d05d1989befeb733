"""Static vectors of words: the mean of their contextual vectors over the sentences that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats, unit_rows
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.encoders import Picks, TextEncoder
from embedscope.sources.concept_means import Concepts
from embedscope.sources.labelled_vectors import NamedVectors
from embedscope.sources.text_vectors import BATCH_TOKENS, batches_by_length
from embedscope.sources.texts import texts_named

_WORD = re.compile(r"\w+(?:[-'\u2019]\w+)*")


@dataclass(frozen=True)
class StaticVectors:
    """Static vectors by space, for words with at least one context.

    Attributes
    ----------
    pooling : "static:N", N the greatest number of sentences a word
    contexts : word -> number of sentences its vector is a mean of; 0 for words without a context
    """

    pooling: str
    words: tuple[str, ...]
    contexts: Mapping[str, int]
    vectors: Mapping[str, npt.NDArray[np.float32]]

    @property
    def missing(self) -> tuple[str, ...]:
        """Words without a context; they have no vector."""
        return tuple(w for w, n in self.contexts.items() if n == 0)

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors (n, d) of ``texts`` in one space; an error for words without a context (see ``missing``)."""
        if pooling != self.pooling or space not in self.vectors:
            raise InputError(
                f"no space '{space}' in pooling {pooling!r}; it has '{self.pooling}', {list(self.vectors)}"
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
    pooling: str = "native",
    progress: Progress | None = None,
    batch_tokens: int = BATCH_TOKENS,
) -> StaticVectors:
    """Static vectors after Bommasani et al. (bommasani2020): mean over a word's subtokens, then over contexts.

    The contexts of a word are its first ``limit`` distinct sentences, compared without regard to case; its first
    occurrence in a sentence counts. ``pooling`` frames the sentences as in ``token_stream``.
    """
    if limit < 1:
        raise InputError(f"limit must be at least 1 sentence a word, got {limit}")
    progress = progress or Silent()
    distinct = tuple(dict.fromkeys(words))
    uses = occurrences(distinct, list(dict.fromkeys(sentences)), limit)
    sums: dict[str, npt.NDArray[np.float64]] = {}
    counts = np.zeros(len(distinct), dtype=np.int64)
    for targets, states in word_states(encoder, uses, pooling, progress, batch_tokens):
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
    pooling: str,
    progress: Progress,
    batch_tokens: int = BATCH_TOKENS,
) -> Iterator[tuple[list[int], Mapping[str, npt.NDArray[np.float32]]]]:
    """The words of ``uses`` (of :func:`occurrences`) forward pass by forward pass: their numbers (m,) and states.

    Yields
    ------
    (words, {space: (m, d)}), a state being the mean over the word's subtokens; words that were cut off are left out
    """
    texts = list(uses)
    framed = encoder.frame(texts, encoder.framing(pooling))
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


_OF_WORDS = ("static:", "contexts:")
"""Settings in which a word is read in sentences, not alone."""


class StaticSpace:
    """Static vectors of words over the first N sentences of the corpus; a word without a context is a row of nan."""

    def __init__(self, encoder: Any, words: Sequence[str], pooling: str, data: Path | None, progress: Progress) -> None:
        from embedscope.sources.word_contexts import static_vectors

        count = pooling.partition(":")[2]
        if not count.isdigit() or int(count) < 1:
            raise InputError(f"pooling '{pooling}' wants a number of sentences, as in static:10000")
        if not words:
            raise InputError(f"pooling '{pooling}' is for words, and none of the tasks is about words alone")
        self.corpus, loaded, self.facts = _corpus(data)
        sentences = loaded[: int(count)]
        self.note = f"{pooling}: contexts in {len(sentences):,} sentences of {self.corpus}"
        if len(sentences) < int(count):
            self.note += f", which has no more than {len(loaded):,}"
        progress.note(self.note)
        self._found = static_vectors(encoder, words, sentences, limit=len(sentences), progress=progress)
        self._rows = {w: i for i, w in enumerate(self._found.words)}

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``."""
        return NamedVectors.of(self._found.vectors[space], self._rows, texts)


def _corpus(data: Path | None) -> tuple[str, Sequence[str], dict[str, Any]]:
    """Sentences for contexts: those of STS 2012-2016 where they are on this machine, else the Lee corpus."""
    from embedscope.datasets import DATASETS, Finder

    finder = Finder(data)
    name = next((n for n in ("sts_sentences", "lee_sentences") if finder.present(DATASETS.get(n))), "lee_sentences")
    entry = DATASETS.get(name)
    loaded = entry.load(finder)
    facts = {"licence": entry.licence, "citation": entry.citation, "sha256": dict(loaded.checksums)}
    return name, loaded.tables["sentences"].texts, facts


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
    def pooling(self) -> str:
        """Name of the pooling in records, such as ``contexts:50``."""
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
            raise InputError(f"pooling '{contexts.pooling}' is for words, and none of the tasks is about words alone")
        found = dict(context_spaces(encoder, words, contexts, spaces, seed, provenance, progress))
        self._x = {space: concepts.x for space, concepts in found.items()}
        self._rows = {word: i for i, word in enumerate(words)}
        self.facts = {space: concepts.facts(words) for space, concepts in found.items()}
        self.note = f"{contexts.pooling}: {next(reversed(found.values())).note}"

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> Floats:
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
