"""GGUF files as ordinary model folders: converted once, kept in the cache folder under their sha256.

Reading a GGUF file takes transformers many seconds; the dequantised copy (float32 safetensors) opens in a second. The
copy's own sha256 is noted beside it and checked at every start.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from embedscope.core.atomic import atomic_folder
from embedscope.core.cache import MODELS, models_folder, named_cache_folder
from embedscope.core.errors import InputError, OutputError
from embedscope.core.extras import require
from embedscope.encoders._checksums import sha256_of_all
from embedscope.encoders.quiet import quiet

_NOTE = "safetensors.sha256"


@dataclass(frozen=True)
class GgufFile:
    """A GGUF ``file`` and its sha256 ``digest``, parsed once for its configuration, its tokenizer and its weights."""

    file: Path
    digest: str
    _parsed: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def head(self) -> Path:
        """Folder with the configuration and the tokenizer."""
        return _write_once(f"{self.digest[:32]}-head", self._write_head, "tokenizer.json")

    def weights(self, head: Path) -> Path:
        """Folder with the dequantised weights (float32)."""
        return convert_once(f"{self.digest[:32]}-weights", lambda folder: self._write_weights(head, folder))

    def _write_head(self, folder: Path) -> None:
        transformers = require("transformers", "hf", "a GGUF model")
        with quiet(bars=True), self._parse_once():
            config = transformers.AutoConfig.from_pretrained(self.file.parent, gguf_file=self.file.name)
            tokenizer = transformers.AutoTokenizer.from_pretrained(self.file.parent, gguf_file=self.file.name)
            config.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

    def _write_weights(self, head: Path, folder: Path) -> None:
        transformers = require("transformers", "hf", "a GGUF model")
        torch = require("torch", "hf", "a GGUF model")
        with quiet(bars=True), self._parse_once():
            config = transformers.AutoConfig.from_pretrained(head)
            model = transformers.AutoModel.from_pretrained(
                self.file.parent, gguf_file=self.file.name, config=config, dtype=torch.float32
            )
        save_file = require("safetensors.torch", "hf", "a GGUF model").save_file
        save_file(
            {k: v.contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors", {"format": "pt"}
        )
        shutil.copy(head / "config.json", folder)

    @contextmanager
    def _parse_once(self) -> Iterator[None]:
        """Within the block transformers, which parses the file for each thing it reads, gets what was parsed before.

        That takes seconds each time, since every token of the vocabulary becomes an array; and so does the table of the
        names of tensors, which it makes anew for every module.

        Two functions of the package gguf are replaced for it, since there is no other way in: transformers takes a GGUF
        file by its name alone, and imports both functions from gguf at each of its calls. What they give is the same.
        The lock keeps two blocks from putting back each other's functions; who else reads a file meanwhile, in another
        thread, passes through to the reader itself.
        """
        gguf: Any = require("gguf", "hf", "a GGUF model")
        with _patching:
            reader, names_of = gguf.GGUFReader, gguf.get_tensor_name_map

            def known(path: Any, *mode: str) -> Any:
                if mode or Path(path) != self.file:
                    return reader(path, *mode)
                if "file" not in self._parsed:
                    self._parsed["file"] = reader(path)
                return self._parsed["file"]

            gguf.GGUFReader, gguf.get_tensor_name_map = known, cache(names_of)
            try:
                yield
            finally:
                gguf.GGUFReader, gguf.get_tensor_name_map = reader, names_of


_patching = Lock()
"""Held while functions of the package gguf are replaced."""


def convert_once(name: str, write: Callable[[Path], None]) -> Path:
    """The folder ``name`` that ``write`` fills with a model; made again where its weights are not those written."""

    def write_with_note(folder: Path) -> None:
        write(folder)
        (folder / _NOTE).write_text(sha256_of_all(sorted(folder.glob("*.safetensors"))) + "\n")

    folder = _write_once(name, write_with_note, _NOTE)
    if sha256_of_all(sorted(folder.glob("*.safetensors"))) != (folder / _NOTE).read_text().strip():
        shutil.rmtree(folder)
        folder = _write_once(name, write_with_note, _NOTE)
    return folder


def _write_once(name: str, write: Callable[[Path], None], last_file: str) -> Path:
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
