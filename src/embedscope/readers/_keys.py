"""Which of several arrays in a file is meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from embedscope.core.errors import InputError, UnknownNameError

_SHOWN = 12


def chosen_key(path: str, kind: str, key: str | None, present: Sequence[str]) -> str:
    """``key`` if it is ``present``, the only one if none is asked for; otherwise an error that lists them."""
    if not present:
        raise InputError(f"{path} holds no {kind} of vectors; pass a file that does")
    listed = ", ".join(present[:_SHOWN]) + (f" and {len(present) - _SHOWN} more" if len(present) > _SHOWN else "")
    if key is None:
        if len(present) == 1:
            return present[0]
        raise InputError(f"{path} holds {len(present)} {kind}s: {listed}; say which: {path}::{present[0]}")
    if key in present:
        return key
    near = difflib.get_close_matches(key, present, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise UnknownNameError(f"{path} has no {kind} '{key}'; {hint}it holds {listed}")
