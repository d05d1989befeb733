"""What is particular to the text towers of CLIP and SigLIP: where the vector is read, and how texts are padded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embedscope.core.errors import InputError
from embedscope.encoders._activation import check_activation
from embedscope.encoders._framing import special_ids
from embedscope.encoders._pooling import Pooling, simple_pooling, transformer_config
from embedscope.encoders._saved_settings import SavedSettings
from embedscope.encoders.loading import TEXT_TOWERS, Loaded
from embedscope.encoders.sources import Source

_ARGMAX_EOS = 2
"""With this ``eos_token_id`` transformers reads CLIP's vector at the largest id of a text (configurations of 2021)."""


BY_LIBRARY = "by sentence-transformers"
"""Why a sentence vector is not computed here."""


@dataclass(frozen=True)
class TextTower:
    """How a text tower reads its vector; ``fixed_length`` is the length that every text is padded to, if any."""

    kind: str
    eos: int | None
    fixed_length: int | None
    policies: Mapping[str, Any]

    @property
    def padding(self) -> str:
        """What is done with padding, in words."""
        if self.fixed_length is None:
            return "right; masked where a state could see it"
        return f"right, to {self.fixed_length} tokens, seen by the model as it was in training"

    def check(self, ids: Sequence[Sequence[int]]) -> None:
        """Raise ``InputError`` for a text whose last token is not EOS: its vector would be another position's."""
        for row, text in enumerate(ids):
            if not len(text) or text[-1] != self.eos:
                raise InputError(
                    f"text {row} does not end with EOS (token {self.eos}), where this tower reads its vector; cut the "
                    "text and keep EOS, as tokenize(texts, None) does"
                )


def tower_of(loaded: Loaded, source: Source) -> TextTower | None:
    """The text tower of what was loaded, None for a model of texts alone.

    Raises
    ------
    InputError
        where the tokenizer has no EOS, or another than the configuration reads (transformers would silently take
        position 0), or the activation is not the one of the weights.
    """
    kind = TEXT_TOWERS.get(str(loaded.config.model_type))
    if kind is None:
        return None
    _, eos = special_ids(loaded.tokenizer)
    if eos is None:
        raise InputError(f"{source.uri.uri}: the tokenizer has no EOS, where a text tower reads its vector; add one")
    if kind == "siglip":
        if loaded.tokenizer.pad_token_id is None:
            raise InputError(f"{source.uri.uri}: the tokenizer has no padding token, which SigLIP's texts end with")
        return TextTower(kind, eos, int(loaded.config.max_position_embeddings), {})
    stated = loaded.config.eos_token_id
    if stated not in (eos, _ARGMAX_EOS):
        raise InputError(
            f"{source.uri.uri}: EOS is {eos} in the tokenizer and {stated} in config.json, so transformers would read "
            f"position 0 of every text; write the tokenizer's eos_token_id into config.json"
        )
    activation = str(loaded.config.hidden_act)
    note = check_activation(source, [activation])
    return TextTower(kind, eos, None, {"activation": activation} | ({"activation note": note} if note else {}))


def pooling_of(loaded: Loaded, source: Source) -> tuple[Pooling | None, str]:
    """Where the sentence vector of a model is read by us, or None with the reason."""
    kind = TEXT_TOWERS.get(str(loaded.config.model_type))
    if kind is None:
        if source.saved is None:
            return None, "the model defines no sentence vector"
        pooling = simple_pooling(source.saved)
        return pooling, str(pooling.mode) if pooling else BY_LIBRARY
    if source.saved is not None and source.saved.kinds not in (("CLIPModel",), ("CLIPModel", "Normalize")):
        return None, BY_LIBRARY
    if loaded.projection is None:
        return None, "the weights hold no text projection"
    where = "EOS" if kind == "clip" else "the last position"
    return Pooling(kind, normalise=source.scaled), f"state of {where}, projected"


def saved_length(saved: SavedSettings | None) -> int | None:
    """Tokens at which a sentence-transformers folder says that texts are cut; None where it does not say."""
    length = transformer_config(saved.transformer_folder).get("max_seq_length") if saved else None
    return None if length is None else int(length)


def pad_ids(
    ids: Sequence[Sequence[int]], pad: int | None, device: str, *, masked: bool, fixed: int | None
) -> tuple[Any, Any]:
    """Ids (n, length) padded on the right; the mask is None where padding is not seen, or is to be seen (``fixed``)."""
    import torch

    longest = fixed or max(map(len, ids))
    pad = 0 if pad is None else pad
    batch = torch.tensor([[*i, *[pad] * (longest - len(i))] for i in ids], device=device)
    if fixed is not None or not masked or all(len(i) == longest for i in ids):
        return batch, None
    lengths = torch.tensor([len(i) for i in ids], device=device)
    return batch, (torch.arange(longest, device=device)[None, :] < lengths[:, None]).long()
