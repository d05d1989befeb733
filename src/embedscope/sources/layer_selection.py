"""Which spaces of a model: ``all`` or a list of layer numbers and names."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from embedscope.core.errors import InputError
from embedscope.encoders import space_name


def chosen_spaces(wanted: str | None, spaces: Sequence[str]) -> tuple[str, ...]:
    """Names out of ``spaces`` that ``wanted`` asks for: ``all``, ``0,4,final,pooled``, ``-1`` for the last layer.

    ``final`` and ``last`` are spaces of every model, see :func:`embedscope.encoders.space_name`.

    >>> chosen_spaces("0,-1,final", ["layer00", "layer01", "layer02", "final"])
    ('layer00', 'layer02', 'final')
    """
    if wanted is None or wanted == "all":
        return tuple(spaces)
    parts = [part.strip() for part in wanted.split(",") if part.strip()]
    if not parts:
        raise InputError("no layers named, wanted 'all' or a list such as 0,4,final,pooled")
    return tuple(dict.fromkeys(_space(part, spaces) for part in parts))


def _space(part: str, spaces: Sequence[str]) -> str:
    layers = [s for s in spaces if s.startswith("layer")]
    if part.lstrip("-").isdigit():
        number = int(part)
        if -len(layers) <= number < len(layers):
            return layers[number]
        raise InputError(f"layer {number} does not exist; this model has layers 0 to {len(layers) - 1}")
    part = space_name(part, spaces)
    if part in spaces:
        return part
    near = difflib.get_close_matches(part, spaces, n=1)
    hint = f", did you mean '{near[0]}'?" if near else ""
    raise InputError(f"unknown space '{part}'{hint} This source has {', '.join(spaces)}")
