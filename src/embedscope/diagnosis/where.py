"""A source as a command takes it, so that what is suggested runs as it is printed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

_READ = ("texts", "images")


def source_argument(source: Any, pair: Any = None, pair_ids: Any = None, read: Mapping[str, Any] | None = None) -> str:
    """``x.npy``, ``minilm --texts FILE`` or ``--pair A B``; ``SOURCE`` or ``--pair A B`` for what has no name.

    Parameters
    ----------
    source, pair, pair_ids : as of ``diagnose``
    read : options of models, of which texts and images are named

    >>> source_argument("my vectors.npy"), source_argument(None, ("a.npy", "b.npy"), ("a.txt", "b.txt"))
    ("'my vectors.npy'", '--pair a.npy b.npy --pair-ids a.txt b.txt')
    >>> source_argument("clip", read={"images": "photos"})
    'clip --images photos'
    """
    sides = pair if pair is not None else source if isinstance(source, list | tuple) else [source]
    words = [shlex.quote(str(s)) for s in sides if _named(s)]
    if pair_ids is not None and len(words) == 2 and all(map(_named, pair_ids)):
        words += ["--pair-ids", *(shlex.quote(str(s)) for s in pair_ids)]
    for name in _READ:
        value = (read or {}).get(name)
        words += [f"--{name}", shlex.quote(str(value))] if _named(value) else []
    what = " ".join(words) or ("A B" if pair is not None else "SOURCE")
    return f"--pair {what}" if pair is not None else what


def is_named(argument: str) -> bool:
    """Whether a command can take ``argument``: it names files or a model.

    >>> is_named("x.npy"), is_named("SOURCE")
    (True, False)
    """
    return argument not in {"SOURCE", "--pair A B"}


def _named(value: Any) -> bool:
    return isinstance(value, str) or hasattr(value, "__fspath__")
