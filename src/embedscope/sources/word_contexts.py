"""Vectors of words in context: means of their states over the sentences that contain them.

``static:N`` takes all contexts in the first N sentences of a corpus; ``contexts:N`` a seeded sample of N sentences per
word. Both name their corpus.
"""

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
from embedscope.core.ids import hash_order, hash_texts
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.encoders import Picks, TextEncoder
from embedscope.sources.concept_means import Concepts
from embedscope.sources.labelled_vectors import look_up
from embedscope.sources.options import ModelOptions
from embedscope.sources.text_vectors import BATCH_TOKENS, batches_by_length
from embedscope.sources.texts import read_texts

_WORD = re.compile(r"\w+(?:[-'\u2019]\w+)*")

DEFAULT_CONTEXTS = 50
"""Sentences per word where no number is given."""

CONTEXT_POOLINGS = ("static:", "contexts:")
"""Prefixes of the poolings that read a word in sentences instead of alone."""


@dataclass(frozen=True)
class StaticVectors:
    """Static vectors by space, for words with at least one context.

    Attributes
    ----------
    words : (n,) words with a context
    contexts : word -> number of sentences its vector averages; 0 for words without a context
    vectors : space -> (n, d)
    """

    words: tuple[str, ...]
    contexts: Mapping[str, int]
    vectors: Mapping[str, npt.NDArray[np.float32]]

    @property
    def missing(self) -> tuple[str, ...]:
        """Words without a context; they have no vector."""
        return tuple(w for w, n in self.contexts.items() if n == 0)


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
    """Static vectors after Bommasani et al. (bommasani2020): mean over a word's subtokens, then over its contexts.

    Parameters
    ----------
    limit : contexts per word at most: its first distinct sentences, compared without case; only its first occurrence in
        a sentence counts
    pooling : framing of the sentences, as in ``token_stream``

    Raises
    ------
    InputError
        if ``limit`` is below 1.
    """
    if limit < 1:
        raise InputError(f"limit must be at least 1 sentence per word, got {limit}")
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
    used = counts > 0
    means = {s: (total[used] / counts[used, None]).astype(np.float32) for s, total in sums.items()}
    known = tuple(w for w, u in zip(distinct, used, strict=True) if u)
    contexts = dict(zip(distinct, counts.tolist(), strict=True))
    if len(known) < len(distinct):
        progress.note(f"{len(distinct) - len(known)} of {len(distinct)} words have no context and no static vector")
    return StaticVectors(known, contexts, means)


def word_states(
    encoder: TextEncoder,
    uses: Mapping[str, Sequence[tuple[int, int, int]]],
    pooling: str,
    progress: Progress,
    batch_tokens: int = BATCH_TOKENS,
) -> Iterator[tuple[list[int], Mapping[str, npt.NDArray[np.float32]]]]:
    """States of words in context, forward pass by forward pass; ``uses`` is the result of :func:`occurrences`.

    Yields
    ------
    indices (m,) of the words, and {space: (m, d)}, the mean state over each word's subtokens; words cut off by the
    maximum length are skipped
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
    """Where words occur: sentence -> (word, first character, last character + 1), for ``limit`` sentences per word.

    Only the first occurrence in a sentence counts, case does not. The parts of a word must be separated by spaces only.

    >>> occurrences(["ice cream", "Cat"], ["the cat", "Ice Cream for a cat"], 1)
    {'the cat': [(1, 4, 7)], 'Ice Cream for a cat': [(0, 0, 9)]}
    """
    starts: dict[str, list[tuple[int, list[str]]]] = {}
    for i, word in enumerate(words):
        parts = _WORD.findall(word.casefold())
        if " ".join(parts) == word.casefold() and parts:
            starts.setdefault(parts[0], []).append((i, parts))
    left = [limit] * len(words)
    uses: dict[str, list[tuple[int, int, int]]] = {}
    for sentence in sentences:
        seen: set[int] = set()
        matches = list(_WORD.finditer(sentence))
        plain = [match.group().casefold() for match in matches]
        for k, part in enumerate(plain):
            for i, parts in starts.get(part, []):
                if i not in seen and left[i] and plain[k : k + len(parts)] == parts:
                    first, last = matches[k].start(), matches[k + len(parts) - 1].end()
                    if sentence[first:last].casefold().split() == parts:
                        seen.add(i)
                        left[i] -= 1
                        uses.setdefault(sentence, []).append((i, first, last))
    return uses


@dataclass(frozen=True)
class Contexts:
    """Sentences in which words are read.

    Parameters
    ----------
    corpus : a data set, ``DATASET::TABLE``, a file with one sentence per line, or the sentences themselves
    limit : sentences per word at most
    data : folder with data files
    """

    corpus: str | Path | Sequence[str]
    limit: int = DEFAULT_CONTEXTS
    data: str | Path | None = None

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise InputError(f"the number of contexts must be at least 1 sentence per word, got {self.limit}")

    @property
    def pooling(self) -> str:
        """Name of the pooling in records, such as ``contexts:50``."""
        return f"contexts:{self.limit}"

    def sentences(self, provenance: Provenance) -> tuple[tuple[str, ...], str]:
        """The sentences and their name; the file or data set is recorded in the provenance."""
        table, name = read_texts(self.corpus, self.data, provenance)
        return table.texts, name


def parse_contexts(pooling: str, corpus: str | Path | Sequence[str] | None, data: str | Path | None) -> Contexts:
    """Contexts of ``static:N`` or ``contexts:N`` in the sentences of ``corpus``.

    Raises
    ------
    InputError
        if N is no positive number, or no corpus is named: a default would depend on the data that is installed.

    >>> parse_contexts("static:500", "lee_sentences", None).limit
    500
    """
    name, _, count = pooling.partition(":")
    if not count.isdigit() or int(count) < 1:
        raise InputError(f"pooling '{pooling}' needs a number of sentences, as in {name}:50")
    if corpus is None:
        raise InputError(
            f"pooling '{pooling}' needs sentences that contain the words: add --contexts with a data set or a file, as "
            f"in --pooling {pooling} --contexts lee_sentences"
        )
    return Contexts(corpus, int(count), data)


class StaticSpace:
    """Static vectors of words over the first N sentences of a corpus; a word without a context is a row of nan.

    Attributes
    ----------
    note : which sentences of which corpus, in words
    """

    def __init__(
        self,
        encoder: TextEncoder,
        words: Sequence[str],
        contexts: Contexts,
        provenance: Provenance,
        progress: Progress,
    ) -> None:
        loaded, corpus = contexts.sentences(provenance)
        sentences = loaded[: contexts.limit]
        self.note = f"static:{contexts.limit}: contexts in {len(sentences):,} sentences of {corpus}"
        if len(sentences) < contexts.limit:
            self.note += f", which has no more than {len(loaded):,}"
        progress.note(self.note)
        self._vectors = static_vectors(encoder, words, sentences, limit=len(sentences), progress=progress)
        self._rows = {w: i for i, w in enumerate(self._vectors.words)}

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``."""
        return look_up(self._vectors.vectors[space], self._rows, texts)


def context_means(
    encoder: TextEncoder,
    words: Sequence[str],
    sentences: Sequence[str],
    *,
    limit: int = DEFAULT_CONTEXTS,
    seed: int = 0,
    spaces: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> dict[str, Concepts]:
    """Mean state (n, d) of each of ``words`` over at most ``limit`` distinct sentences that contain it, in every space.

    x_w = mean over sentences s of (mean over the subtokens of w in s); the sentences of a word are those with the
    smallest hash of (seed, sentence), whatever their order. Sentences are framed as by the tokenizer, case is ignored,
    and the first occurrence of a word in a sentence is read. A word without a context is a row of nan.

    Parameters
    ----------
    spaces : layers to return; all of them where None

    Raises
    ------
    InputError
        if ``limit`` is below 1, or none of the words occurs.
    """
    if limit < 1:
        raise InputError(f"the number of contexts must be at least 1 sentence per word, got {limit}")
    texts = list(dict.fromkeys(sentences))
    order = hash_order(hash_texts(texts), seed)
    distinct = tuple(dict.fromkeys(words))
    uses = occurrences(distinct, [texts[i] for i in order], limit)
    sums = {s: _Sums.of(len(distinct), d) for s, d in encoder.widths("native").items() if spaces is None or s in spaces}
    progress = progress or Silent()
    for targets, states in word_states(encoder, uses, "native", progress):
        for space, own in sums.items():
            own.add(targets, states[space])
    progress.close()
    index = {word: i for i, word in enumerate(distinct)}
    rows = np.array([index[word] for word in words], dtype=np.intp)
    means = {space: own.concepts(rows) for space, own in sums.items()}
    if not any(concepts.count.any() for concepts in means.values()):
        raise InputError(f"none of the {len(distinct):,} words occurs in the {len(texts):,} sentences; name others")
    return means


@dataclass(frozen=True, eq=False)
class _Sums:
    """Per word: the sum (n, d) of its states, the sum of its L2-normalised states (n, d), and their number (n,)."""

    total: Floats
    directed: Floats
    count: Any

    @classmethod
    def of(cls, n: int, d: int) -> _Sums:
        return cls(np.zeros((n, d)), np.zeros((n, d)), np.zeros(n, dtype=np.intp))

    def add(self, targets: Sequence[int], x: Any) -> None:
        x64 = np.asarray(x, dtype=np.float64)
        np.add.at(self.total, targets, x64)
        unit, nonzero = unit_rows(x64)
        np.add.at(self.directed, np.asarray(targets)[nonzero], unit)
        np.add.at(self.count, targets, 1)

    def concepts(self, rows: Any) -> Concepts:
        """Means, counts and spreads of the words ``rows``; a mean of zero has a spread of 1."""
        some = self.count > 0
        mean = np.divide(self.total, self.count[:, None], out=np.full(self.total.shape, np.nan), where=some[:, None])
        norms = np.sqrt(np.einsum("ij,ij->i", mean, mean))
        along = np.einsum("ij,ij->i", self.directed, mean)
        cosine = np.divide(along, norms * self.count, out=np.zeros(len(mean)), where=some & (norms > 0))
        spread = np.where(some, np.where(self.count == 1, 0.0, 1 - cosine), np.nan)
        return Concepts(mean[rows], self.count[rows], spread[rows], "contexts", "word")


class ContextSpace:
    """Means of words over ``contexts`` in every space, as vectors of texts; a word without a context is a row of nan.

    Attributes
    ----------
    note : number of contexts, in words
    """

    def __init__(
        self,
        encoder: TextEncoder,
        uri: str,
        words: Sequence[str],
        contexts: Contexts,
        spaces: Sequence[str],
        options: ModelOptions,
        provenance: Provenance,
        progress: Progress,
    ) -> None:
        means = dict(context_spaces(encoder, words, contexts, spaces, options.seed, provenance, progress))
        for space, concepts in means.items():
            provenance.data[f"{contexts.pooling}, {uri}, {space}"] = concepts.facts(words)
        self._x = {space: concepts.x for space, concepts in means.items()}
        self._rows = {word: i for i, word in enumerate(words)}
        self.note = f"{contexts.pooling}: {next(reversed(means.values())).note}"

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
    """Means over ``contexts`` space by space; their notes name the corpus."""
    sentences, name = contexts.sentences(provenance)
    means: Mapping[str, Concepts] = context_means(
        encoder, words, sentences, limit=contexts.limit, seed=seed, spaces=spaces, progress=progress
    )
    source = f"at most {contexts.limit} of {len(sentences):,} sentences of {name}"
    first = next(iter(means.values()))
    if missing := int((first.count == 0).sum()):
        progress.note(f"{missing} of {len(words)} words have no context in {name} and no vector")
    for space, concepts in means.items():
        yield space, replace(concepts, source=source)
