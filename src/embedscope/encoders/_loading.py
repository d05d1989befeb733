"""Model and tokenizer objects of a source: safetensors only, no head, no remote code unless asked."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.encoders._quiet import quiet
from embedscope.encoders._sources import Source

_DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Loaded:
    """What was loaded: the transformer that runs, CLIP's projection where it has one, tokenizer, configuration."""

    model: Any
    projection: Any
    tokenizer: Any
    config: Any
    weights_sha256: str


def load(source: Source, *, device: str, dtype: str, trust_remote_code: bool, seed: int) -> Loaded:
    """Load (or freshly initialise) the text transformer of ``source`` onto ``device``, in evaluation mode."""
    torch = require("torch", "hf", "a text encoder")
    transformers = require("transformers", "hf", "a text encoder")
    if dtype not in _DTYPES:
        raise InputError(f"dtype must be one of {', '.join(_DTYPES)}, got '{dtype}'")
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code, "local_files_only": True}
    with quiet():
        try:
            config = transformers.AutoConfig.from_pretrained(source.folder, **options)
            tokenizer = transformers.AutoTokenizer.from_pretrained(source.folder, **options)
            whole, digest = _model(source, config, options, getattr(torch, dtype), seed)
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{source.uri.uri} could not be loaded: {_first_line(error)}") from error
    whole = whole.to(device).eval()
    for parameter in whole.parameters():
        parameter.requires_grad_(False)
    projection = getattr(whole, "text_projection", None)
    model = getattr(whole, "text_model", whole) if _is_clip(config) else whole
    return Loaded(model, projection, tokenizer, getattr(config, "text_config", None) or config, digest)


def choose_device(asked: str) -> str:
    """``auto`` is cuda, then mps, then cpu; raises ``InputError`` for a device this machine does not have."""
    torch = require("torch", "hf", "a text encoder")
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return next(name for name, there in here.items() if there)
    if not here.get(asked.partition(":")[0], False):
        raise InputError(
            f"device '{asked}' is not on this machine; it has {', '.join(n for n, t in here.items() if t)}"
        )
    return asked


def _model(source: Source, config: Any, options: dict[str, Any], dtype: Any, seed: int) -> tuple[Any, str]:
    transformers = importlib.import_module("transformers")
    clip = _is_clip(config)
    kind = transformers.CLIPTextModelWithProjection if clip else transformers.AutoModel
    if source.weights is None:
        return _fresh_model(kind, getattr(config, "text_config", config) if clip else config, options, dtype, seed)
    if clip:
        options = {k: v for k, v in options.items() if k != "trust_remote_code"}
    options = options | {"use_safetensors": source.weights_format != "bin (weights_only)", "weights_only": True}
    model, loading = kind.from_pretrained(source.weights, dtype=dtype, output_loading_info=True, **options)
    missing = [k for k in loading["missing_keys"] if "pooler" not in k and "text_projection" not in k]
    if missing:
        raise InputError(f"{source.uri.uri} lacks weights of {len(missing)} parameters, first {sorted(missing)[0]}")
    if any("text_projection" in k for k in loading["missing_keys"]):
        model.text_projection = None
    return model, str(source.weights_sha256)


def _fresh_model(kind: Any, config: Any, options: dict[str, Any], dtype: Any, seed: int) -> tuple[Any, str]:
    """The same architecture with weights drawn from ``seed``; its name stands in for a weights hash."""
    torch = importlib.import_module("torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if hasattr(kind, "from_config"):
            model = kind.from_config(config, dtype=dtype, trust_remote_code=options["trust_remote_code"])
        else:
            model = kind(config).to(dtype)
    facts = f"random seed {seed} torch {torch.__version__} {config.to_json_string()}"
    return model, hashlib.sha256(facts.encode()).hexdigest()


def _is_clip(config: Any) -> bool:
    return str(config.model_type) in ("clip", "clip_text_model")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
