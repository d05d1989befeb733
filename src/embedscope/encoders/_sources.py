"""From a URI to files on this machine: the folder of a model, its checksums, its origin."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.encoders._checksums import check_sha256, sha256_of, sha256_of_all
from embedscope.encoders._gguf import converted_head, converted_weights
from embedscope.encoders._uris import ModelUri
from embedscope.encoders.aliases import ALIASES

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
    weights : folder of the weights, None for a fresh initialisation
    weights_sha256, tokenizer_sha256 : checksums; None where there is no such file
    weights_format : safetensors, gguf or "bin (weights_only)"
    scaled : whether the modules of a sentence-transformers model end by scaling to unit length
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


def find_source(uri: ModelUri) -> Source:
    """Find or fetch the files of a model; an alias's weights are checked before anything reads them."""
    if uri.scheme == "alias":
        alias = ALIASES[uri.name]
        folder = alias.find()
        if not uri.random:
            check_sha256(folder / alias.weights, alias.sha256, f"model '{alias.name}'", f"reinstall: {alias.install}")
        facts: dict[str, Any] = {"kind": alias.kind, "licence": alias.licence, "revision": alias.package}
        return _in_folder(uri, folder, alias.weights if alias.gguf else None, facts)
    path = Path(uri.name).expanduser()
    if path.is_dir():
        return _in_folder(uri, path, uri.gguf, {})
    if path.exists():
        raise InputError(f"{uri.name} is a file; pass its folder (hf:FOLDER, or hf:FOLDER?gguf=FILE)")
    name = f"sentence-transformers/{uri.name}" if uri.scheme == "st" and "/" not in uri.name else uri.name
    folder, revision = _from_hub(name, uri)
    return _in_folder(uri, folder, uri.gguf, {"revision": revision})


def _in_folder(uri: ModelUri, folder: Path, gguf: str | None, facts: dict[str, Any]) -> Source:
    if gguf is not None:
        file = folder / gguf
        if not file.is_file():
            found = ", ".join(p.name for p in folder.glob("*.gguf")) or "none"
            raise DataUnavailableError(f"{folder} has no file {gguf}; GGUF files there: {found}")
        digest = sha256_of(file)
        head = converted_head(file, digest)
        weights = None if uri.random else converted_weights(file, digest, head)
        return Source(uri, head, weights, digest, sha256_of(head / "tokenizer.json"), "gguf", **facts)
    folder, modules = _two_tower_module(folder)
    if "Normalize" in modules:
        facts = facts | {"scaled": True}
    if not (folder / "config.json").is_file():
        hint = "?gguf=FILE names a GGUF file in it" if list(folder.glob("*.gguf")) else "pass the folder of a model"
        raise DataUnavailableError(f"{folder} has no config.json; {hint}")
    files, form = _weight_files(folder)
    if not files and not uri.random:
        raise DataUnavailableError(f"{folder} has no model.safetensors; convert the model to safetensors first")
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


def modules_of(file: Path) -> list[dict[str, Any]]:
    """What ``modules.json`` lists; ``InputError`` where it is not a list of modules with types."""
    try:
        modules = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read ({error}); get the model again") from error
    if not isinstance(modules, list) or not all(
        isinstance(m, dict) and isinstance(m.get("type"), str) for m in modules
    ):
        raise InputError(f"{file} is not a list of modules with their types; get the model again")
    return modules


def _two_tower_module(folder: Path) -> tuple[Path, list[str]]:
    """The folder that holds the model: of a sentence-transformers CLIPModel its module's own; and all its modules."""
    file = folder / "modules.json"
    if not file.is_file():
        return folder, []
    modules = modules_of(file)
    names = [m["type"].rpartition(".")[2] for m in modules]
    if names and names[0] == "CLIPModel":
        return module_folder(folder, modules[0]), names
    return folder, names


def module_folder(folder: Path, module: Mapping[str, Any]) -> Path:
    """Where a module of ``modules.json`` lies; ``InputError`` where its path leaves the ``folder`` of the model."""
    path = str(module.get("path", ""))
    inside = Path(os.path.normpath(folder / path))
    if Path(path).is_absolute() or not inside.is_relative_to(Path(os.path.normpath(folder))):
        raise InputError(
            f"{folder / 'modules.json'} names the folder '{path}', which is not inside the model's; get it again"
        )
    return inside


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
            f"connect once, or copy its folder here and pass hf:FOLDER, or use {' or '.join(ALIASES)}"
        ) from error
    return folder, folder.name


def _complete(folder: Path, uri: ModelUri) -> bool:
    if uri.gguf:
        return (folder / uri.gguf).is_file()
    folder, _ = _two_tower_module(folder)
    return (folder / "config.json").is_file() and (uri.random or bool(_weight_files(folder)[0]))
