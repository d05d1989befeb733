"""Static embeddings as model2vec saves them: a tokenizer and one vector a token, averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.extras import require
from embedscope.encoders._checksums import sha256_of
from embedscope.encoders._roles import OWN, Overrides, Role
from embedscope.encoders._saved_settings import read_json

_LONGEST = 512
_NAMES = ("embeddings", "embedding.weight")


class StaticModel:
    """The mean of the vectors of a text's tokens; a model of kind ``Lookup``.

    As in model2vec: token id i has the row ``mapping[i]`` of the vectors, times ``weights[i]`` where the file has them;
    unknown tokens are left out; texts are cut at ``max_length`` tokens (and first at as many times the median length of
    a token, in characters). A text without a known token is a row of zeros, and vectors are L2-normalised where
    ``config.json`` says ``normalize``.

    Parameters
    ----------
    tokenizer : a ``tokenizers.Tokenizer``
    vectors : (t, d)
    weights, mapping : (number of token ids,), or None
    """

    def __init__(
        self,
        tokenizer: Any,
        vectors: npt.NDArray[Any],
        facts: Mapping[str, Any],
        overrides: Overrides,
        *,
        weights: npt.NDArray[Any] | None = None,
        mapping: npt.NDArray[Any] | None = None,
        normalize: bool = False,
        max_length: int | None = _LONGEST,
    ) -> None:
        self._tokenizer, self._vectors, self._overrides = tokenizer, vectors, overrides
        self._weights, self._mapping, self._normalize = weights, mapping, normalize
        vocabulary = tokenizer.get_vocab()
        self._unknown = _unknown_id(tokenizer, vocabulary)
        self._characters = None if max_length is None else max_length * int(np.median([len(t) for t in vocabulary]))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        if max_length is not None:
            tokenizer.enable_truncation(max_length)
        self.score = overrides.score or "cosine"
        prompts = {f"{role} prompt": prompt for role, prompt in overrides.prompts.items()}
        self.reading: Mapping[str, Any] = prompts | ({"score": overrides.score} if overrides.score else {})
        self.spaces: Mapping[str, str] = {"pooled": "mean of the vectors of a text's tokens; no layers"}
        self.facts: Mapping[str, Any] = {**facts, **self.reading}

    def role_pooling(self, role: Role | None) -> str | None:
        """The pooling for texts of ``role``; None where there is no prompt for it."""
        return role if role is not None and self._overrides.prompts.get(role) else None

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) float32 rows aligned with ``texts``."""
        if space not in self.spaces or pooling not in OWN:
            raise InputError(f"static embeddings have the space 'pooled', got {space!r} and {pooling!r}")
        prompt = self._overrides.prompts.get(pooling, "") if pooling else ""
        cut = [(prompt + text)[: self._characters] for text in texts]
        out = np.zeros((len(texts), self._vectors.shape[1]), dtype=np.float32)
        for row, encoding in enumerate(self._tokenizer.encode_batch(cut, add_special_tokens=False) if cut else []):
            ids = np.array([i for i in encoding.ids if i != self._unknown], dtype=np.intp)
            if len(ids):
                x = self._vectors[ids if self._mapping is None else self._mapping[ids]]
                out[row] = (x if self._weights is None else x * self._weights[ids][:, None]).mean(axis=0)
        if self._normalize:
            norms = np.linalg.norm(out, axis=1, keepdims=True)
            np.divide(out, norms, out=out, where=norms > 0)
        return out


def open_static(folder: Path, overrides: Overrides) -> StaticModel:
    """Static embeddings of ``folder``: ``model.safetensors``, ``tokenizer.json`` and, of model2vec, ``config.json``.

    Raises
    ------
    InputError
        if the file holds other tensors, or not one vector a token.
    """
    tokenizers = require("tokenizers", "hf", "static embeddings")
    weights_file, tokenizer_file = folder / "model.safetensors", folder / "tokenizer.json"
    for file in (weights_file, tokenizer_file):
        if not file.is_file():
            raise DataUnavailableError(f"{folder} has no {file.name}; copy the model's folder again")
    tensors = _tensors(weights_file)
    name = next((n for n in _NAMES if n in tensors), None)
    if name is None or not set(tensors) <= {name, "weights", "mapping"}:
        raise InputError(
            f"{weights_file} holds {', '.join(list(tensors)[:12])}; static embeddings have {' or '.join(_NAMES)}, "
            "weights and mapping. Is config.json of the model missing?"
        )
    config = read_json(folder / "config.json") or {}
    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_file))
    vectors, weights, mapping = tensors[name], tensors.get("weights"), tensors.get("mapping")
    _check(folder, tokenizer.get_vocab_size(), vectors, weights, mapping)
    normalize, max_length = bool(config.get("normalize", False)), config.get("max_length", _LONGEST)
    facts = {
        "kind": "static embeddings",
        "tokens": int(tokenizer.get_vocab_size()),
        "dim": int(vectors.shape[1]),
        "normalize": normalize,
        "max_length": max_length,
        "weights_sha256": sha256_of(weights_file),
        "tokenizer_sha256": sha256_of(tokenizer_file),
    }
    how: dict[str, Any] = {"weights": weights, "mapping": mapping, "normalize": normalize, "max_length": max_length}
    return StaticModel(tokenizer, vectors, facts, overrides, **how)


def _tensors(file: Path) -> dict[str, npt.NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(file))
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file} could not be read as safetensors ({error}); copy the model's folder again") from error


def _check(folder: Path, tokens: int, vectors: Any, weights: Any, mapping: Any) -> None:
    rows = len(vectors) if mapping is None else len(mapping)
    if vectors.ndim != 2 or rows < tokens:
        raise InputError(
            f"{folder} has vectors for {rows} tokens and a tokenizer of {tokens}; they do not belong together"
        )
    if mapping is not None and (mapping.min() < 0 or mapping.max() >= len(vectors)):
        raise InputError(f"{folder} maps tokens to rows {mapping.min()} to {mapping.max()} of {len(vectors)} vectors")
    if weights is not None and len(weights) < tokens:
        raise InputError(f"{folder} has weights of {len(weights)} tokens and a tokenizer of {tokens}")


def _unknown_id(tokenizer: Any, vocabulary: Mapping[str, int]) -> int | None:
    """Id of the token for what the tokenizer does not know, which stands for nothing."""
    import json

    model = json.loads(tokenizer.to_str()).get("model", {})
    if model.get("unk_id") is not None:
        return int(model["unk_id"])
    token = model.get("unk_token")
    return vocabulary.get(token) if token else None
