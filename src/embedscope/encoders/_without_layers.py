"""Folders of models that have no layers to read: recognised by their files, opened as one vector per text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedscope.core.errors import InputError
from embedscope.encoders._roles import Overrides
from embedscope.encoders._saved_settings import read_json, read_settings
from embedscope.encoders._sources import locate
from embedscope.encoders._uris import parse_uri

if TYPE_CHECKING:
    from embedscope.encoders._lookup import Lookup


def open_without_layers(uri: str, options: Mapping[str, Any]) -> Lookup | None:
    """The model of ``uri`` where its folder has no transformer to look into; None for any other.

    Raises
    ------
    DataUnavailableError
        where the model is not on this machine and cannot be fetched.
    """
    parsed = parse_uri(uri)
    if parsed.scheme == "alias" or parsed.gguf or parsed.tower:
        return None
    folder, _ = locate(parsed)
    overrides = Overrides(*(options.get(name) for name in ("query_prompt", "document_prompt", "score")))
    saved = read_settings(folder)
    cache = bool(options.get("cache", True))
    if saved is not None and not saved.has_transformer:
        from embedscope.encoders._loading import choose_device
        from embedscope.encoders._sentence_lookup import SentenceLookup
        from embedscope.encoders._sentence_model import SentenceModel

        device, dtype = choose_device(options.get("device", "auto")), options.get("dtype", "float32")
        model = SentenceModel(
            saved,
            overrides,
            device=device,
            dtype=dtype,
            trust_remote_code=bool(options.get("trust_remote_code", False)),
            max_length=options.get("max_length"),
            seed=options.get("seed", 0) if parsed.random else None,
        )
        return SentenceLookup(uri, model, overrides, device=device, dtype=dtype, cache=cache)
    if saved is None and is_static(folder):
        from embedscope.encoders._static_model import open_static

        if parsed.random:
            raise InputError(f"{folder} holds static embeddings; they have no random form, so leave out random:")
        return open_static(folder, overrides)
    return None


def is_static(folder: Path) -> bool:
    """Whether ``folder`` holds static embeddings: of model2vec, or a tokenizer and vectors without a transformer."""
    config = read_json(folder / "config.json")
    if config is not None:
        return isinstance(config, dict) and config.get("model_type") == "model2vec"
    return (folder / "tokenizer.json").is_file() and (folder / "model.safetensors").is_file()
