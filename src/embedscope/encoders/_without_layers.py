"""Models without layers to read: recognised by their files or in trying, opened as one vector per text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedscope.core.errors import InputError
from embedscope.encoders._checksums import sha256_of
from embedscope.encoders._roles import Overrides
from embedscope.encoders._saved_settings import SavedSettings, read_json, read_settings
from embedscope.encoders.sources import find_source, locate
from embedscope.encoders.uris import parse_uri

if TYPE_CHECKING:
    from embedscope.encoders._taps import NoLayersError
    from embedscope.encoders.lookup import Lookup


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
    overrides = _overrides(options)
    saved = read_settings(folder)
    if saved is not None and not saved.has_transformer:
        return _by_library(uri, saved, options)
    if saved is None and is_static(folder):
        from embedscope.encoders._static_model import open_static

        if parsed.random:
            raise InputError(f"{folder} holds static embeddings; they have no random form, so leave out random:")
        return open_static(folder, overrides)
    return None


def open_despite_layers(uri: str, options: Mapping[str, Any], why: NoLayersError) -> Lookup:
    """The sentence vector of a sentence-transformers folder whose transformer has no layers that can be read.

    Raises
    ------
    NoLayersError
        ``why``, where the folder defines no sentence vector, or weights are to be drawn at random.
    """
    parsed = parse_uri(uri)
    saved = None if parsed.scheme == "alias" or parsed.gguf or parsed.random else read_settings(locate(parsed)[0])
    if saved is None:
        raise why
    return _by_library(uri, saved, options, str(why))


def _overrides(options: Mapping[str, Any]) -> Overrides:
    return Overrides(*(options.get(name) for name in ("query_prompt", "document_prompt", "score")))


def _by_library(uri: str, saved: SavedSettings, options: Mapping[str, Any], why: str | None = None) -> Lookup:
    """The sentence vector of ``saved`` by sentence-transformers; ``why`` the layers of a transformer are not read."""
    from embedscope.encoders._sentence_lookup import SentenceLookup
    from embedscope.encoders._sentence_model import SentenceModel
    from embedscope.encoders.loading import choose_device

    overrides, parsed = _overrides(options), parse_uri(uri)
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
    policies = {"dtype": dtype, "device": device}
    if saved.has_transformer:
        source = find_source(parsed)
        policies |= {"weights_sha256": str(source.weights_sha256), "tokenizer_sha256": str(source.tokenizer_sha256)}
        policies["config_sha256"] = str(sha256_of(source.folder / "config.json"))
    return SentenceLookup(uri, model, overrides, policies, cache=bool(options.get("cache", True)), why=why)


def is_static(folder: Path) -> bool:
    """Whether ``folder`` holds static embeddings: of model2vec, or a tokenizer and vectors without a transformer."""
    config = read_json(folder / "config.json")
    if config is not None:
        return isinstance(config, dict) and config.get("model_type") == "model2vec"
    return (folder / "tokenizer.json").is_file() and (folder / "model.safetensors").is_file()
