"""Which published model a source is: by its name, as the user says, or by the configuration of a local folder."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError


@dataclass(frozen=True)
class Published:
    """A model of a study.

    Attributes
    ----------
    role : what the study calls it ("causal", "clip-text")
    config : entries of its ``config.json``, by dotted name, that tell it from other models of its kind
    suffix : what a URI of a local folder ends in ("#text" for the text tower)
    """

    role: str
    config: Mapping[str, Any] | None = None
    suffix: str = ""


def bare_name(uri: str) -> str:
    """The name of a model without its scheme, revision, tower and options.

    >>> bare_name("hf:openai/clip-vit-base-patch32@main#text")
    'openai/clip-vit-base-patch32'
    """
    return uri.removeprefix("hf:").partition("#")[0].partition("@")[0].partition("?")[0]


def published_name(uri: str, known: Mapping[str, Published], stated: Mapping[str, str]) -> str | None:
    """Name of the published model that ``uri`` is, None for any other.

    A name that the user ``stated`` comes first, then the name of the URI itself, then the configuration of a folder.
    """
    if uri.startswith("random:"):
        return None
    if uri in stated:
        return stated[uri]
    if bare_name(uri) in known:
        return bare_name(uri)
    return recognise_model(uri, known)


def recognise_model(uri: str, known: Mapping[str, Published]) -> str | None:
    """The model of ``known`` whose configuration the local folder ``uri`` has; None where there is none.

    The configuration says which architecture it is, sizes and vocabulary included; weights are not compared, since no
    checksum of them is published.
    """
    path = Path(bare_name(uri)) / "config.json"
    if not path.is_file():
        return None
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    for name, model in known.items():
        if model.config and all(_entry(config, key) == value for key, value in model.config.items()):
            return name
    return None


def _entry(config: Any, dotted: str) -> Any:
    for part in dotted.split("."):
        config = config.get(part) if isinstance(config, dict) else None
    return config


def parse_stated_models(pairs: Sequence[str], known: Mapping[str, Published]) -> dict[str, str]:
    """``NAME=SOURCE`` texts as a mapping from the source to the published name; folders become ``hf:FOLDER``.

    Raises
    ------
    InputError
        if a text is not of that form, or the study has no model of that name.
    """
    stated: dict[str, str] = {}
    for text in pairs:
        name, equals, source = text.partition("=")
        if not equals or not name or not source:
            raise InputError(f"--as takes NAME=SOURCE, such as gpt2=FOLDER, got '{text}'")
        if not known:
            raise InputError(f"--as {text}: the study takes no published models; leave out --as")
        if name not in known:
            near = difflib.get_close_matches(name, list(known), n=1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            raise InputError(f"--as {text}: the study has no model '{name}'; {hint}its models are {', '.join(known)}")
        suffix = known[name].suffix
        uri = f"hf:{source}" if Path(source).is_dir() else source
        stated[uri if not suffix or suffix in uri else f"{uri}{suffix}"] = name
    return stated
