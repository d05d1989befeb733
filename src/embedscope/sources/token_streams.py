"""Streams of states: sampled tokens in context, and texts, computed again at every pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from embedscope.core.arrays import Hashes
from embedscope.core.batch import Batch
from embedscope.core.cache import VectorCache
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.progress import Progress, Silent
from embedscope.encoders import Framed, Framing, Picks, TextEncoder
from embedscope.sources.text_vectors import BATCH_TOKENS, Encoding, Pooling, TextVectors, batches_by_length, extract

FirstPosition = Literal["keep", "drop", "bos"]

_SHARD_BATCHES = 8
_BLOCK_ROWS = 1024


@dataclass(frozen=True)
class TokenStream:
    """States of chosen tokens in every layer; a shard is a fixed list of forward passes.

    Attributes
    ----------
    n_candidates : tokens the sample was drawn from
    n_sentences : sentences that hold a chosen token
    notes : what was sampled, dropped or left out, in words
    """

    encoder: TextEncoder
    framed: Framed
    batches: tuple[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]], ...]
    ids: Mapping[int, Hashes]
    clusters: Hashes
    n_candidates: int
    notes: tuple[str, ...]
    progress: Progress

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space."""
        return self.encoder.widths("plain")

    @property
    def n_rows(self) -> int:
        """Number of tokens."""
        return sum(len(ids) for ids in self.ids.values())

    @property
    def n_sentences(self) -> int:
        """Sentences the model is run on."""
        return len(self.ids)

    def shards(self) -> Sequence[TokenShard]:
        """The plan: eight forward passes a shard, in order of length."""
        starts = range(0, len(self.batches), _SHARD_BATCHES)
        return [TokenShard(self, start, min(start + _SHARD_BATCHES, len(self.batches))) for start in starts]


@dataclass(frozen=True)
class TokenShard:
    """The forward passes ``start .. stop - 1`` of a stream."""

    stream: TokenStream
    start: int
    stop: int

    def batches(self) -> Iterator[Batch]:
        """States of one forward pass after another."""
        s = self.stream
        if self.start == 0:
            s.progress.start(f"tokens {s.encoder.info.uri}", s.n_rows, "tokens")
        for sentences, positions in s.batches[self.start : self.stop]:
            rows = [r for r, cols in enumerate(positions) for _ in cols]
            picks = Picks(rows, [c for cols in positions for c in cols])
            states, _ = s.encoder.read([s.framed.ids[i] for i in sentences], picks)
            ids = np.concatenate([s.ids[i] for i in sentences])
            clusters = np.repeat(s.clusters[list(sentences)], [len(cols) for cols in positions])
            yield Batch(ids, clusters, states)
            s.progress.advance(len(ids))


def token_stream(
    encoder: TextEncoder,
    sentences: Sequence[str],
    *,
    sample: int | None,
    seed: int,
    pooling: str = "native",
    first_position: FirstPosition = "keep",
    clusters: Sequence[str] | None = None,
    progress: Progress | None = None,
    batch_tokens: int = BATCH_TOKENS,
) -> TokenStream:
    """Tokens in context: the ``sample`` tokens with the smallest hash of (seed, sentence, position), None for all.

    The same tokens are read in every layer; only sentences that hold one are run. Repeated sentences count once.

    Parameters
    ----------
    pooling : "native" (the tokenizer's own specials), "plain" (none) or "bos_eos"; specials are tokens too
    first_position : "keep" takes all positions; "drop" leaves out position 0; "bos" puts BOS first and leaves it out
    clusters : what each sentence belongs to (its document); the sentence itself where None

    Raises
    ------
    InputError
        for poolings the model does not have, or where no token is left.
    """
    if first_position not in get_args(FirstPosition):
        raise InputError(f"first_position must be keep, drop or bos, got '{first_position}'")
    if clusters is not None and len(clusters) != len(sentences):
        raise InputError(f"clusters must name one a sentence, got {len(clusters)} for {len(sentences)}")
    first_of = {text: i for i, text in reversed(list(enumerate(sentences)))}
    texts = list(dict.fromkeys(sentences))
    groups = hash_texts(texts if clusters is None else [clusters[first_of[t]] for t in texts])
    framed = encoder.frame(texts, _token_framing(encoder, pooling, first_position))
    keep_first = first_position == "keep"
    chosen, hashes, n = _choose(framed, hash_texts(texts), sample, seed, keep_first)
    if not chosen:
        raise InputError("no token is left to measure; pass sentences with text, or first_position='keep'")
    order = list(chosen)
    plan = batches_by_length([len(framed.ids[i]) for i in order], batch_tokens, padded=encoder.causal)
    batches = tuple((tuple(order[k] for k in b), tuple(chosen[order[k]] for k in b)) for b in plan)
    notes = _notes(encoder, sentences, texts, framed, sample, n, pooling, first_position)
    return TokenStream(encoder, framed, batches, hashes, groups, n, notes, progress or Silent())


def _token_framing(encoder: TextEncoder, pooling: str, first_position: FirstPosition) -> Framing:
    framing = encoder.framing(pooling)
    if first_position != "bos" or framing.prefix:
        return framing
    if "bos_eos" not in encoder.poolings:
        raise InputError(f"{encoder.info.uri} has no BOS token; use first_position keep or drop")
    return Framing(encoder.framing("bos_eos").prefix, framing.suffix, framing.max_length)


def _choose(
    framed: Framed, sentence_hashes: Hashes, sample: int | None, seed: int, keep_first: bool
) -> tuple[dict[int, tuple[int, ...]], dict[int, Hashes], int]:
    """Positions and identity hashes by sentence of the tokens with the smallest hash; number of candidates."""
    start = 0 if keep_first else 1
    counts = [max(len(ids) - start, 0) for ids in framed.ids]
    if not sum(counts):
        return {}, {}, 0
    sentence = np.repeat(np.arange(len(counts)), counts)
    position = np.concatenate([np.arange(start, start + c) for c in counts])
    own = (position - len(framed.framing.prefix)).astype(np.int64).astype(np.uint64)
    ids = combine(sentence_hashes[sentence], own)
    kept = np.arange(len(ids))
    if sample is not None and sample < len(ids):
        kept = np.sort(np.argsort(combine(ids, seed), kind="stable")[:sample])
    chosen: dict[int, tuple[int, ...]] = {}
    hashes: dict[int, Hashes] = {}
    for i in np.unique(sentence[kept]):
        mine = kept[sentence[kept] == i]
        chosen[int(i)] = tuple(int(p) for p in position[mine])
        hashes[int(i)] = ids[mine]
    return chosen, hashes, len(ids)


def _notes(
    encoder: TextEncoder,
    sentences: Sequence[str],
    texts: Sequence[str],
    framed: Framed,
    sample: int | None,
    n: int,
    pooling: str,
    first_position: FirstPosition,
) -> tuple[str, ...]:
    notes = [f"{encoder.info.uri}: tokens in the framing '{pooling}', first position: {first_position}"]
    if sample is not None and sample < n:
        notes.append(f"{encoder.info.uri}: {sample} of {n} tokens sampled")
    if len(texts) < len(sentences):
        notes.append(f"{len(sentences) - len(texts)} repeated sentences left out")
    if any(framed.truncated):
        notes.append(f"{encoder.info.uri}: {sum(framed.truncated)} sentences cut at {encoder.info.max_length} tokens")
    return tuple(notes)


@dataclass(frozen=True)
class TextStream:
    """Vectors of distinct texts in every space of a pooling, in blocks read from the cache."""

    vectors: TextVectors
    pooling: Pooling
    unit: str

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space."""
        return self.vectors.encoder.widths(self.pooling)

    @property
    def n_rows(self) -> int:
        """Number of distinct texts."""
        return len(self.vectors.texts)

    def shards(self) -> Sequence[TextShard]:
        """The plan: 1,024 texts a shard."""
        return [TextShard(self, start) for start in range(0, self.n_rows, _BLOCK_ROWS)]


@dataclass(frozen=True)
class TextShard:
    """1,024 texts of a stream, or what is left."""

    stream: TextStream
    start: int

    def batches(self) -> Iterator[Batch]:
        """One batch."""
        s = self.stream
        texts = s.vectors.texts[self.start : self.start + _BLOCK_ROWS]
        ids = hash_texts(texts)
        spaces: dict[str, Any] = {name: s.vectors.matrix(s.pooling, name, texts) for name in s.dims}
        yield Batch(ids, ids, spaces)


def text_stream(
    encoder: TextEncoder,
    texts: Sequence[str],
    *,
    pooling: Pooling,
    unit: str = "sentence",
    cache: VectorCache | None = None,
    progress: Progress | None = None,
    encoding: Encoding | None = None,
) -> TextStream:
    """Distinct texts (words or sentences, named by ``unit``) as rows, their vectors in every space of ``pooling``.

    ``encoding`` runs the forward passes, ``encoder`` itself where None.
    """
    vectors = extract(encoder, texts, [pooling], cache=cache, progress=progress, encoding=encoding)
    return TextStream(vectors, pooling, unit)
