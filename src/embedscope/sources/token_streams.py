"""Streams of a model's states: a sample of tokens in context, and whole texts; computed again in every pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np

from embedscope.core.arrays import Hashes
from embedscope.core.batch import Batch
from embedscope.core.choices import FirstPosition
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_sample, hash_texts
from embedscope.core.progress import Progress, Silent
from embedscope.encoders import Framed, Framing, Picks, TextEncoder
from embedscope.sources.text_vectors import BATCH_TOKENS, Pooling, TextVectors, batches_by_length
from embedscope.stats.equal_rows import named_units

_SHARD_BATCHES = 8
_BLOCK_ROWS = 1024


@dataclass(frozen=True)
class TokenStream:
    """States of selected tokens in every layer; a shard is a fixed list of forward passes.

    Attributes
    ----------
    n_candidates : tokens from which the sample was drawn
    notes : what was sampled, dropped or cut, in words
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
        """Dimensions of every space."""
        return self.encoder.widths("plain")

    @property
    def n_rows(self) -> int:
        """Number of tokens."""
        return sum(len(ids) for ids in self.ids.values())

    def shards(self) -> Sequence[TokenShard]:
        """Shards of eight forward passes, in order of the length of their sentences."""
        starts = range(0, len(self.batches), _SHARD_BATCHES)
        return [TokenShard(self, start, min(start + _SHARD_BATCHES, len(self.batches))) for start in starts]


@dataclass(frozen=True)
class TokenShard:
    """The forward passes ``first .. end - 1`` of a stream; a ``start`` would be the number of a row in a file."""

    stream: TokenStream
    first: int
    end: int

    def batches(self) -> Iterator[Batch]:
        """States of one forward pass after another."""
        s = self.stream
        if self.first == 0:
            s.progress.start(f"tokens {s.encoder.info.uri}", s.n_rows, "tokens")
        for sentences, positions in s.batches[self.first : self.end]:
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
    """Tokens in context: a hash sample of ``sample`` tokens of the distinct ``sentences``, all of them where None.

    The same tokens are read in every layer, and the model reads only sentences with a selected token.

    Parameters
    ----------
    seed : of the sample; a token is identified by its sentence and position
    pooling : "native" (the tokenizer's own special tokens), "plain" (none) or "bos_eos"; special tokens are sampled too
    first_position : "keep" samples from all positions; "drop" excludes position 0; "bos" puts BOS there and excludes it
    clusters : the document of each sentence; the sentence itself where None

    Raises
    ------
    InputError
        for a pooling that the model does not have, or where no token is left.
    """
    if first_position not in get_args(FirstPosition):
        raise InputError(f"first_position must be keep, drop or bos, got '{first_position}'")
    if clusters is not None and len(clusters) != len(sentences):
        raise InputError(f"clusters must have one entry per sentence, got {len(clusters)} for {len(sentences)}")
    first_of = {text: i for i, text in reversed(list(enumerate(sentences)))}
    texts = list(dict.fromkeys(sentences))
    groups = hash_texts(texts if clusters is None else [clusters[first_of[t]] for t in texts])
    framed = encoder.frame(texts, _token_framing(encoder, pooling, first_position))
    keep_first = first_position == "keep"
    selected, hashes, n = _select_tokens(framed, hash_texts(texts), sample, seed, keep_first)
    if not selected:
        raise InputError("no token is left to measure; pass sentences with text, or first_position='keep'")
    order = list(selected)
    plan = batches_by_length([len(framed.ids[i]) for i in order], batch_tokens, padded=encoder.causal)
    batches = tuple((tuple(order[k] for k in b), tuple(selected[order[k]] for k in b)) for b in plan)
    notes = _notes(encoder, sentences, texts, framed, sample, n, pooling, first_position)
    return TokenStream(encoder, framed, batches, hashes, groups, n, notes, progress or Silent())


def _token_framing(encoder: TextEncoder, pooling: str, first_position: FirstPosition) -> Framing:
    framing = encoder.framing(pooling)
    if first_position != "bos" or framing.prefix:
        return framing
    if "bos_eos" not in encoder.poolings:
        raise InputError(f"{encoder.info.uri} has no BOS token; use first_position keep or drop")
    return Framing(encoder.framing("bos_eos").prefix, framing.suffix, framing.max_length)


def _select_tokens(
    framed: Framed, sentence_hashes: Hashes, sample: int | None, seed: int, keep_first: bool
) -> tuple[dict[int, tuple[int, ...]], dict[int, Hashes], int]:
    """Positions and identity hashes of the sampled tokens by sentence, and the number of tokens sampled from."""
    start = 0 if keep_first else 1
    counts = [max(len(ids) - start, 0) for ids in framed.ids]
    if not sum(counts):
        return {}, {}, 0
    sentence = np.repeat(np.arange(len(counts)), counts)
    position = np.concatenate([np.arange(start, start + c) for c in counts])
    own = (position - len(framed.framing.prefix)).astype(np.int64).astype(np.uint64)
    ids = combine(sentence_hashes[sentence], own)
    rows = hash_sample(ids, sample, seed)
    selected: dict[int, tuple[int, ...]] = {}
    hashes: dict[int, Hashes] = {}
    for i in np.unique(sentence[rows]):
        own_rows = rows[sentence[rows] == i]
        selected[int(i)] = tuple(int(p) for p in position[own_rows])
        hashes[int(i)] = ids[own_rows]
    return selected, hashes, len(ids)


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
        notes.append(f"{len(sentences) - len(texts)} duplicate sentences dropped")
    if any(framed.truncated):
        notes.append(f"{encoder.info.uri}: {sum(framed.truncated)} sentences cut at {encoder.info.max_length} tokens")
    return tuple(notes)


@dataclass(frozen=True)
class TextStream:
    """Vectors of distinct texts in ``spaces`` of one pooling, in blocks read from the cache."""

    vectors: TextVectors
    pooling: Pooling
    spaces: tuple[str, ...]

    @cached_property
    def ids(self) -> Hashes:
        """Hash (n,) of every text."""
        return hash_texts(self.vectors.texts)

    @cached_property
    def units(self) -> Mapping[str, Hashes]:
        """Units of equal rows of every space, named by their texts: last bits of a network decide no group."""
        texts = self.vectors.texts
        return {name: named_units(self.vectors.matrix(self.pooling, name, texts), self.ids) for name in self.dims}

    @property
    def dims(self) -> Mapping[str, int]:
        """Dimensions of every space."""
        widths = self.vectors.encoder.widths(self.pooling)
        return {space: widths[space] for space in self.spaces}

    @property
    def n_rows(self) -> int:
        """Number of distinct texts."""
        return len(self.vectors.texts)

    def shards(self) -> Sequence[TextShard]:
        """Shards of 1,024 texts."""
        return [TextShard(self, start) for start in range(0, self.n_rows, _BLOCK_ROWS)]


@dataclass(frozen=True)
class TextShard:
    """Up to 1,024 texts of a stream."""

    stream: TextStream
    start: int

    def batches(self) -> Iterator[Batch]:
        """One batch."""
        s = self.stream
        part = slice(self.start, self.start + _BLOCK_ROWS)
        texts, ids = s.vectors.texts[part], s.ids[part]
        spaces: dict[str, Any] = {name: s.vectors.matrix(s.pooling, name, texts) for name in s.dims}
        yield Batch(ids, ids, spaces, {name: units[part] for name, units in s.units.items()})
