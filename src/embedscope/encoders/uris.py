"""What a model URI says, before anything is looked up."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.model_folders import is_model_folder
from embedscope.encoders.aliases import ALIASES

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?(@[\w./-]+)?(#(text|image))?(\?bias=0)?")
_FILE_ENDINGS = re.compile(
    r"\.(npy|npz|safetensors|parquet|pt|pth|bin|gguf|csv|tsv|txt|vec|json|h5|hdf5|pkl|pickle|gz|zip|arrow|feather)(::|$)",
    re.IGNORECASE,
)

_NEAR = 0.75
_OTHER_NAMES = ("efficientnet-lite0",)


@dataclass(frozen=True)
class ModelUri:
    """A parsed URI: ``scheme`` is alias, hf or st; ``tower`` is "text", "image" or None.

    ``random`` is a random initialisation, ``zero_bias`` one with all biases zero.
    """

    uri: str
    scheme: str
    name: str
    revision: str | None = None
    gguf: str | None = None
    tower: str | None = None
    random: bool = False
    zero_bias: bool = False


def is_model(uri: str) -> bool:
    """Whether ``uri`` names a model (alias, ``hf:``, ``st:``, ``random:``, a saved model's folder or a bare hub name).

    >>> [is_model(u) for u in ("minilm", "hf:gpt2", "openai/clip-vit-base-patch32", "vectors.npy", "x.npz::a")]
    [True, True, True, False, False]
    """
    if uri.removesuffix("?bias=0") in ALIASES or uri.startswith(("hf:", "st:", "random:")):
        return True
    if is_model_folder(uri):
        return True
    return not _FILE_ENDINGS.search(uri) and not Path(uri).exists() and _HUB_NAME.fullmatch(uri) is not None


def near_alias(name: str) -> str:
    """``; did you mean 'minilm'?`` where a model of nearly this name installs from PyPI, else nothing.

    >>> near_alias("minlm"), near_alias("gpt2")
    ("; did you mean 'minilm'?", '')
    """
    near = difflib.get_close_matches(name.lower(), [*ALIASES, *_OTHER_NAMES], n=1, cutoff=_NEAR)
    return f"; did you mean '{near[0]}'?" if near else ""


def check_spelling(uri: ModelUri) -> None:
    """Raise ``UnknownNameError`` for a bare name that is nearly an alias, before the hub is asked for it."""
    bare = uri.uri.removeprefix("random:").partition("?")[0]
    near = near_alias(uri.name)
    if uri.scheme == "hf" and bare == uri.name and "/" not in bare and near:
        raise UnknownNameError(
            f"'{uri.uri}' is not a model that is known here{near} A repository of the hub with this name is hf:{bare}"
        )


def parse_uri(uri: str) -> ModelUri:
    """Take ``uri`` apart; raises ``InputError`` where it is no model URI.

    >>> parse_uri("hf:gpt2@main").revision
    'main'
    >>> parse_uri("random:openai/clip-vit-base-patch32#text").tower
    'text'
    """
    random = uri.startswith("random:")
    rest = uri.removeprefix("random:")
    if not is_model(rest) or rest.startswith("random:"):
        raise InputError(
            f"'{uri}' names no model; use an alias ({', '.join(ALIASES)}), hf:NAME[@REVISION], FOLDER, "
            "hf:FOLDER?gguf=FILE or st:NAME, with random: in front for a random initialisation"
        )
    rest, zero_bias = rest.removesuffix("?bias=0"), rest.endswith("?bias=0")
    if zero_bias and not random:
        raise InputError(f"'{uri}': ?bias=0 is for a random initialisation; write random:{rest}?bias=0")
    if rest in ALIASES:
        return ModelUri(uri, "alias", rest, random=random, zero_bias=zero_bias)
    scheme, name = ("st", rest[3:]) if rest.startswith("st:") else ("hf", rest.removeprefix("hf:"))
    name, _, tower = name.partition("#") if not Path(name).exists() else (name, "", "")
    if tower not in ("", "text", "image"):
        raise InputError(f"'{uri}' asks for the tower '{tower}'; there are '#text' and '#image'")
    name, _, query = (name, "", "") if is_model_folder(name) else name.partition("?")
    if query and not query.startswith("gguf="):
        raise InputError(f"'{uri}' has the option '{query}'; there are ?gguf=FILE and, after random:, ?bias=0")
    revision = None
    if not Path(name).exists() and "@" in name:
        name, _, revision = name.partition("@")
    if not name:
        raise InputError(f"'{uri}' names no model after '{scheme}:'; write hf:NAME or hf:FOLDER")
    gguf = query.removeprefix("gguf=") or None
    return ModelUri(uri, scheme, name, revision, gguf, tower or None, random, zero_bias)
