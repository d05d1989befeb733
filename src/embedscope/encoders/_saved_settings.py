"""What a sentence-transformers folder says of itself: modules, prompts, ``truncate_dim``, the score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, get_args

from embedscope.core.choices import Score
from embedscope.core.errors import InputError
from embedscope.encoders._checksums import sha256_of
from embedscope.encoders._roles import Overrides, Role

_DOCUMENTS = ("document", "passage", "corpus")
_DENSE, _PAIRS = "SentenceTransformer", "CrossEncoder"
_SPARSE = ("SpladePooling", "SparseAutoEncoder", "SparseStaticEmbedding", "MLMTransformer")
_TRANSFORMERS = ("Transformer", "CLIPModel")


@dataclass(frozen=True)
class SavedSettings:
    """Settings of the folder ``root`` of a sentence-transformers model.

    Attributes
    ----------
    kinds, paths : class and folder of every module, in order; a class of another package with its name
    prompts : name -> text put before an input
    default_prompt : name of the prompt of texts that are neither queries nor documents
    truncate_dim : leading dimensions that are kept; None keeps all
    score : cosine, dot, euclidean or manhattan
    scores_pairs : whether it was saved as a CrossEncoder, which scores pairs of texts
    """

    root: Path
    kinds: tuple[str, ...]
    paths: tuple[str, ...]
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    truncate_dim: int | None = None
    score: str = "cosine"
    scores_pairs: bool = False

    @property
    def has_transformer(self) -> bool:
        """Whether the first module is a transformer, whose layers can be read."""
        return bool(self.kinds) and self.kinds[0] in _TRANSFORMERS

    @property
    def transformer_folder(self) -> Path:
        """Folder of the first module."""
        return self.root / self.paths[0]

    @property
    def routed(self) -> bool:
        """Whether some module may treat queries and documents differently."""
        return any(kind in ("Router", "Asym") for kind in self.kinds)

    @cached_property
    def digest(self) -> str:
        """One sha256 over the files of all modules and settings, but for the weights of a first transformer."""
        import hashlib

        files = [self.root / name for name in ("modules.json", "config_sentence_transformers.json")]
        files += sorted(self.transformer_folder.glob("sentence_*_config.json"))
        for kind, path in zip(self.kinds, self.paths, strict=True):
            folder = self.root / path
            if path not in ("", ".") and kind not in _TRANSFORMERS:
                files += sorted(p for p in folder.rglob("*") if p.is_file())
            elif kind not in _TRANSFORMERS:
                files += sorted(p for p in folder.glob("*") if p.is_file() and p.suffix in (".json", ".safetensors"))
        lines = [
            f"{sha256_of(f)}  {f.relative_to(self.root).as_posix()}\n" for f in dict.fromkeys(files) if f.is_file()
        ]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def prompt(self, role: Role | None, overrides: Overrides) -> str:
        """Text put before an input of ``role``, as ``encode``, ``encode_query`` and ``encode_document`` choose it.

        ``encode_query`` and ``encode_document`` never use the default prompt.
        """
        if role is None:
            return self.prompts.get(self.default_prompt, "") if self.default_prompt else ""
        if role in overrides.prompts:
            return overrides.prompts[role]
        names = ("query",) if role == "query" else _DOCUMENTS
        # The library has "query" and "document" in every model, empty where the folder names none.
        return next((self.prompts.get(n, "") for n in names if n in self.prompts or n == role), "")


def read_settings(folder: Path) -> SavedSettings | None:
    """Settings of a sentence-transformers folder; None for a folder without ``modules.json``.

    Raises
    ------
    InputError
        if a file is not what the library writes, or a module lies outside the folder.
    """
    file = folder / "modules.json"
    if not file.is_file():
        return None
    modules = modules_of(file)
    if not modules:
        raise InputError(f"{file} lists no modules; save the model again with SentenceTransformer.save")
    paths = tuple(_inside(str(m.get("path") or ""), file) for m in modules)
    kinds = tuple(_kind(m["type"]) for m in modules)
    _check_routes(folder, kinds, paths)
    config = read_json(folder / "config_sentence_transformers.json") or {}
    prompts = {str(k): v or "" for k, v in (config.get("prompts") or {}).items()}
    default = config.get("default_prompt_name")
    if default is not None and default not in {*prompts, "query", "document"}:
        raise InputError(
            f"{folder} names the default prompt '{default}', and its prompts are {', '.join(prompts) or 'none'}; "
            "correct config_sentence_transformers.json"
        )
    saved_as = str(config.get("model_type") or _DENSE)
    if saved_as not in (_DENSE, _PAIRS) or any(kind in _SPARSE for kind in kinds):
        raise InputError(
            f"{folder} holds a {saved_as if saved_as != _DENSE else 'SparseEncoder'}, which gives no dense vector per "
            "text; wanted a SentenceTransformer"
        )
    score = config.get("similarity_fn_name") or "cosine"
    if score not in get_args(Score):
        raise InputError(f"{folder} compares by '{score}'; wanted one of {', '.join(get_args(Score))}")
    return SavedSettings(folder, kinds, paths, prompts, default, _dimension(config, folder), score, saved_as == _PAIRS)


def _kind(name: str) -> str:
    """Class of a module; with the name of its package where that is not sentence-transformers.

    >>> _kind("sentence_transformers.models.Pooling"), _kind("custom_st.Transformer")
    ('Pooling', 'custom_st.Transformer')
    """
    return name.rpartition(".")[2] if name.startswith("sentence_transformers.") else name


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


def read_json(path: Path) -> Any:
    """A JSON file; None where there is none, ``InputError`` where it is no JSON."""
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}); copy the model's folder again") from error


def _dimension(config: Mapping[str, Any], folder: Path) -> int | None:
    dimension = config.get("truncate_dim")
    if dimension is not None and (not isinstance(dimension, int) or isinstance(dimension, bool) or dimension < 1):
        raise InputError(f"{folder} has truncate_dim {dimension!r}; wanted a positive number of dimensions")
    return dimension


def _check_routes(folder: Path, kinds: tuple[str, ...], paths: tuple[str, ...]) -> None:
    """Raise ``InputError`` where a router names modules outside the folder; routers may hold routers."""
    for kind, path in zip(kinds, paths, strict=True):
        if kind not in ("Router", "Asym"):
            continue
        for name in ("router_config.json", "config.json"):
            config = read_json(folder / path / name)
            types = config.get("types") if isinstance(config, dict) else None
            for key, inner in (types or {}).items():
                _inside(str(key), folder / path / name)
                _check_routes(folder / path, (str(inner).rpartition(".")[2],), (str(key),))


def _inside(path: str, file: Path) -> str:
    """``path`` of a module, as it is; raises ``InputError`` where it leaves the folder of ``file``."""
    parts = PurePosixPath(path.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in path:
        raise InputError(
            f"{file} names a module at '{path}', outside the model's folder (not inside the model's); get it again"
        )
    return path
