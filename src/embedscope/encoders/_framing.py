"""Texts to token ids: specials put by us, truncation that keeps them, positions that are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from embedscope.core.errors import InputError

Subword = Literal["last", "first", "mean"]


@dataclass(frozen=True)
class Framing:
    """Ids before and after the text's own, and the length at which the text (never these) is cut.

    Attributes
    ----------
    prompt : put before the text, of which it becomes a part
    empty : whether a text without tokens is read too, by the specials alone
    library : how sentence-transformers is to be asked for the vector ("text", "query", "document"); "" for our own pass
    """

    prefix: tuple[int, ...] = ()
    suffix: tuple[int, ...] = ()
    max_length: int = 512
    prompt: str = ""
    empty: bool = field(default=False, compare=False)
    library: str = ""

    @property
    def room(self) -> int:
        """Tokens of text that fit."""
        return self.max_length - len(self.prefix) - len(self.suffix)


@dataclass(frozen=True)
class Framed:
    """Token ids of some texts in one framing; ``truncated`` says which texts were cut.

    ``texts`` are kept where sentence-transformers reads them.
    """

    framing: Framing
    ids: tuple[tuple[int, ...], ...]
    truncated: tuple[bool, ...]
    texts: tuple[str, ...] = ()

    def part(self, indices: Sequence[int]) -> Framed:
        """The texts ``indices`` alone."""
        texts = tuple(self.texts[i] for i in indices) if self.texts else ()
        return Framed(
            self.framing, tuple(self.ids[i] for i in indices), tuple(self.truncated[i] for i in indices), texts
        )

    def span(self, i: int) -> tuple[int, int]:
        """First position of text ``i``'s own tokens and the position after its last."""
        return len(self.framing.prefix), len(self.ids[i]) - len(self.framing.suffix)

    def positions(self, i: int, pooling: str, subword: Subword) -> range:
        """Positions whose states make the vector of text ``i``: of EOS for ``eos``, else of its own subtokens."""
        start, stop = self.span(i)
        if pooling == "eos":
            return range(len(self.ids[i]) - 1, len(self.ids[i]))
        return {"last": range(stop - 1, stop), "first": range(start, start + 1), "mean": range(start, stop)}[subword]


def frame(tokenizer: Any, texts: Sequence[str], framing: Framing) -> Framed:
    """Tokenise ``texts`` without specials, cut each to the room there is, and put the framing around it.

    Raises
    ------
    InputError
        for a text that has no tokens, or a ``max_length`` with no room.
    """
    if framing.room < 1:
        raise InputError(
            f"max_length {framing.max_length} leaves no room for text next to the special tokens; raise it"
        )
    prompted = [framing.prompt + text for text in texts]
    own = tokenizer(prompted, add_special_tokens=False, verbose=False)["input_ids"] if texts else []
    read_empty = framing.empty and (framing.library or framing.prefix or framing.suffix)
    for text, ids in zip(texts, own, strict=True):
        if not ids and not read_empty:
            raise InputError(f"the text {text!r} has no tokens in this model; drop it from the rows")
    framed = tuple((*framing.prefix, *ids[: framing.room], *framing.suffix) for ids in own)
    for ids in framed:
        if framing.suffix and ids[-len(framing.suffix) :] != framing.suffix:
            raise AssertionError("truncation must keep the last specials")
    kept = tuple(texts) if framing.library else ()
    return Framed(framing, framed, tuple(len(ids) > framing.room for ids in own), kept)


def special_ids(tokenizer: Any) -> tuple[int | None, int | None]:
    """BOS and EOS of a tokenizer; [CLS] and [SEP] where it has no others."""
    bos = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.cls_token_id
    eos = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    return bos, eos


def native_specials(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Ids that the tokenizer itself puts before and after a text."""
    own = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a")["input_ids"]
    for start in range(len(full) - len(own) + 1):
        if full[start : start + len(own)] == own:
            return tuple(full[:start]), tuple(full[start + len(own) :])
    raise InputError("this tokenizer changes the text when it adds its specials; such models are not supported")


def length_limit(tokenizer: Any, config: Any, asked: int | None) -> int:
    """Tokens a model can take: the least of the tokenizer's, the position table's and what was ``asked``."""
    limits = [asked] if asked is not None else []
    if tokenizer.model_max_length and tokenizer.model_max_length < 10**7:
        limits.append(int(tokenizer.model_max_length))
    positions = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if positions:
        reserved = config.pad_token_id + 1 if config.model_type in _OFFSET_POSITIONS else 0
        limits.append(int(positions) - reserved)
    return min(limits, default=512)


_OFFSET_POSITIONS = {"roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl", "longformer"}
"""Architectures whose position table starts after the padding index."""
