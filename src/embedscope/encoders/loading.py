"""Model and tokenizer objects of a source: safetensors only, no head, no remote code unless asked."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.encoders._forward import fresh
from embedscope.encoders.quiet import quiet
from embedscope.encoders.sources import Source

_DTYPES = ("float32", "bfloat16", "float16")

TEXT_TOWERS = {"clip": "clip", "clip_text_model": "clip", "siglip": "siglip", "siglip_text_model": "siglip"}
"""``model_type`` of configurations that hold the text tower of a model of images and text."""


@dataclass(frozen=True)
class Loaded:
    """What was loaded: the transformer that runs, its projection (two-tower models), tokenizer, configuration.

    ``saved_dtype`` is the precision of the weights that the configuration states, None where it states none.
    """

    model: Any
    projection: Any
    tokenizer: Any
    config: Any
    weights_sha256: str
    saved_dtype: Any = None


def load(source: Source, *, device: str, dtype: str, trust_remote_code: bool, seed: int) -> Loaded:
    """Load (or randomly initialise) the text transformer of ``source`` onto ``device``, in evaluation mode."""
    torch = require("torch", "hf", "a text encoder")
    transformers = require("transformers", "hf", "a text encoder")
    if dtype not in _DTYPES:
        raise InputError(f"dtype must be one of {', '.join(_DTYPES)}, got '{dtype}'")
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code, "local_files_only": True}
    with readable(source):
        config = transformers.AutoConfig.from_pretrained(source.folder, **options)
        saved_dtype = None if source.weights is None else getattr(config, "dtype", None)
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.folder, **options)
        whole, digest = _model(source, config, options, getattr(torch, dtype), seed)
    whole = whole.to(device).eval().requires_grad_(False)
    kind = str(config.model_type)
    model = getattr(whole, "text_model", whole) if kind in TEXT_TOWERS else whole
    projection = model.head if TEXT_TOWERS.get(kind) == "siglip" else getattr(whole, "text_projection", None)
    return Loaded(model, projection, tokenizer, getattr(config, "text_config", None) or config, digest, saved_dtype)


@contextmanager
def readable(source: Source) -> Iterator[None]:
    """Within the block the libraries are silent, and a model that they cannot read is an ``InputError``."""
    with quiet():
        try:
            yield
        except InputError:
            raise
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{source.uri.uri} could not be loaded: {_first_line(error)}") from error


def choose_device(asked: str) -> str:
    """``auto`` is cuda, then mps, then cpu; raises ``InputError`` for a device this machine does not have."""
    torch = require("torch", "hf", "a text encoder")
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return next(name for name, there in here.items() if there)
    if not here.get(asked.partition(":")[0], False):
        raise InputError(
            f"device '{asked}' is unavailable; this machine has {', '.join(n for n, t in here.items() if t)}"
        )
    return asked


def _model(source: Source, config: Any, options: dict[str, Any], dtype: Any, seed: int) -> tuple[Any, str]:
    kind = str(config.model_type)
    if source.weights is None:
        return fresh_model(config, dtype, seed, source, trust_remote_code=options["trust_remote_code"])
    transformers = importlib.import_module("transformers")
    tower = TEXT_TOWERS.get(kind)
    if tower is not None:
        options = {k: v for k, v in options.items() if k != "trust_remote_code"}
    if kind == "clip":  # the text model's own configuration may state another width than the whole model's
        config.text_config.projection_dim = config.projection_dim
        options["config"] = config.text_config
    cls = {"clip": transformers.CLIPTextModelWithProjection, "siglip": transformers.SiglipTextModel}.get(tower or "")
    return load_weights(cls or _class_of(config), source, options, dtype)


def _class_of(config: Any) -> Any:
    """The class that reads texts with ``config``: of T5 and its like the encoder alone, as in sentence-transformers."""
    transformers = importlib.import_module("transformers")
    encoders = (transformers.T5Config, transformers.MT5Config, transformers.UMT5Config)
    return transformers.AutoModelForTextEncoding if isinstance(config, encoders) else transformers.AutoModel


def reads_token_types(loaded: Loaded) -> bool:
    """Whether the token types that the tokenizer gives, all 0, change the states, as in GPT-2; BERT assumes them."""
    import inspect

    torch = importlib.import_module("torch")
    model, name = loaded.model, "token_type_ids"
    if name not in loaded.tokenizer.model_input_names or name not in inspect.signature(model.forward).parameters:
        return False
    with torch.inference_mode():
        ids = torch.tensor([[int(loaded.config.vocab_size * part) for part in (0.17, 0.31)]], device=model.device)
        plain, typed = (model(input_ids=ids, **more).last_hidden_state for more in ({}, {name: torch.zeros_like(ids)}))
    return not torch.equal(plain, typed)


def load_weights(kind: Any, source: Source, options: dict[str, Any], dtype: Any) -> tuple[Any, str]:
    """The weights of ``source`` as a model of ``kind``; a text projection that the file lacks is None."""
    options = options | {"use_safetensors": source.weights_format != "bin (weights_only)", "weights_only": True}
    model, loading = kind.from_pretrained(source.weights, dtype=dtype, output_loading_info=True, **options)
    missing = [k for k in loading["missing_keys"] if "pooler" not in k and "text_projection" not in k]
    if missing:
        raise InputError(f"{source.uri.uri} lacks weights of {len(missing)} parameters, first {sorted(missing)[0]}")
    if any("text_projection" in k for k in loading["missing_keys"]):
        model.text_projection = None
    return model, str(source.weights_sha256)


def fresh_model(config: Any, dtype: Any, seed: int, source: Source, *, trust_remote_code: bool) -> tuple[Any, str]:
    """The same architecture with weights drawn from ``seed``; its name stands in for a weights hash.

    A model of two towers is drawn whole, so that its towers do not share their draws.
    """
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")

    def make() -> Any:
        if config.model_type == "clip_text_model":
            return transformers.CLIPTextModelWithProjection(config).to(dtype)
        if config.model_type == "clip_vision_model":
            return transformers.CLIPVisionModelWithProjection(config).to(dtype)
        return _class_of(config).from_config(config, dtype=dtype, trust_remote_code=trust_remote_code)

    model = fresh(make, seed, zero_bias=source.uri.zero_bias)
    zero = " bias 0" if source.uri.zero_bias else ""
    facts = f"random seed {seed}{zero} torch {torch.__version__} {config.to_json_string()}"
    return model, hashlib.sha256(facts.encode()).hexdigest()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
