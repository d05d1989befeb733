"""GGUF files as ordinary model folders: converted once, kept in the cache folder under their sha256.

Reading a GGUF file takes transformers half a minute; the dequantised copy (float32 safetensors) opens in a second. The
copy's own sha256 is noted beside it and checked at every start.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from embedscope.core.atomic import atomic_folder
from embedscope.core.cache import MODELS, models_folder, named_cache_folder
from embedscope.core.errors import InputError, OutputError
from embedscope.core.extras import require
from embedscope.encoders._checksums import sha256_of_all
from embedscope.encoders._quiet import quiet

_NOTE = "safetensors.sha256"


def converted_head(file: Path, digest: str) -> Path:
    """Folder with the configuration and the tokenizer of the GGUF ``file``."""
    return _made_once(f"{digest[:32]}-head", lambda folder: _write_head(file, folder), "tokenizer.json")


def converted_weights(file: Path, digest: str, head: Path) -> Path:
    """Folder with the dequantised weights (float32) of the GGUF ``file``."""
    name = f"{digest[:32]}-weights"
    folder = _made_once(name, lambda f: _write_weights(file, head, f), _NOTE)
    files = sorted(folder.glob("*.safetensors"))
    if not files or sha256_of_all(files) != (folder / _NOTE).read_text().strip():
        shutil.rmtree(folder)
        folder = _made_once(name, lambda f: _write_weights(file, head, f), _NOTE)
    return folder


def converted_once(name: str, write: Callable[[Path], None]) -> Path:
    """The folder ``name`` that ``write`` fills with a model; made again where its weights are not those written."""

    def noted(folder: Path) -> None:
        write(folder)
        (folder / _NOTE).write_text(sha256_of_all(sorted(folder.glob("*.safetensors"))) + "\n")

    folder = _made_once(name, noted, _NOTE)
    if sha256_of_all(sorted(folder.glob("*.safetensors"))) != (folder / _NOTE).read_text().strip():
        shutil.rmtree(folder)
        folder = _made_once(name, noted, _NOTE)
    return folder


def _made_once(name: str, write: Callable[[Path], None], last_file: str) -> Path:
    """The folder ``name`` for this version of transformers; written aside and renamed, so it is whole or absent."""
    version = require("transformers", "hf", "a GGUF model").__version__
    kept = f"{name}-transformers-{version}"
    for folder in (named_cache_folder() / MODELS, models_folder()):
        if (folder / kept / last_file).is_file():
            return folder / kept
    target = models_folder() / kept
    if target.exists():  # an incomplete folder is in the way
        shutil.rmtree(target)
    try:
        with atomic_folder(target) as part:
            write(part)
    except (InputError, OutputError):
        if not (target / last_file).is_file():  # else another process was first
            raise
    return target


def _write_head(file: Path, folder: Path) -> None:
    transformers = require("transformers", "hf", "a GGUF model")
    require("gguf", "hf", "a GGUF model")
    with quiet(bars=True):
        config = transformers.AutoConfig.from_pretrained(file.parent, gguf_file=file.name)
        tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _write_weights(file: Path, head: Path, folder: Path) -> None:
    transformers = require("transformers", "hf", "a GGUF model")
    torch = require("torch", "hf", "a GGUF model")
    with quiet(bars=True):
        config = transformers.AutoConfig.from_pretrained(head)
        model = transformers.AutoModel.from_pretrained(
            file.parent, gguf_file=file.name, config=config, dtype=torch.float32
        )
    save_file = require("safetensors.torch", "hf", "a GGUF model").save_file
    save_file(
        {k: v.contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors", {"format": "pt"}
    )
    shutil.copy(head / "config.json", folder)
    (folder / _NOTE).write_text(sha256_of_all(sorted(folder.glob("*.safetensors"))) + "\n")
