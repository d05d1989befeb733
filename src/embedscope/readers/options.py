"""What a user writes after the name of a file: ``FILE?bits&ids=COLUMN&text=COLUMN::KEY``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_OPTION = r"(?:bits|(?:ids|text)=[^?&:]+)"
_OPTIONS = re.compile(rf"\?({_OPTION}(?:&{_OPTION})*)$")


@dataclass(frozen=True)
class Named:
    """A source taken apart.

    Attributes
    ----------
    place : the file, folder, glob or address
    key : which of several arrays or columns
    bits : whether bytes are packed bits
    ids, texts : columns that hold the ids and the texts
    """

    place: str
    key: str | None = None
    bits: bool = False
    ids: str | None = None
    texts: str | None = None


def parse_source(source: str) -> Named:
    """The parts of ``source``; the options may stand before the key or after it.

    >>> parse_source("codes.npz?bits::docs")
    Named(place='codes.npz', key='docs', bits=True, ids=None, texts=None)
    >>> parse_source("t.csv?ids=sku").ids
    'sku'
    """
    if "::" in source and _is_there(source):
        return Named(source)
    place, _, key = source.partition("::")
    options: list[str] = []
    for part in (place, key):
        if match := _OPTIONS.search(part):
            options += match[1].split("&")
    place, key = _OPTIONS.sub("", place), _OPTIONS.sub("", key)
    named = dict(option.partition("=")[::2] for option in options)
    return Named(place, key or None, "bits" in named, named.get("ids"), named.get("text"))


def _is_there(source: str) -> bool:
    """Whether ``source`` as a whole is a file: ``::`` may be part of a name."""
    try:
        return Path(source).exists()
    except (OSError, ValueError):
        return False
