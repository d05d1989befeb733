"""Which spaces of a model: ``all``, or a list of layer numbers and names."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from embedscope.core.errors import InputError
from embedscope.encoders import LAST_LAYERS, space_name
from embedscope.readers import join_first

FINAL = "final"
POOLED = "pooled"


def select_spaces(layers: str | None, spaces: Sequence[str]) -> tuple[str, ...]:
    """Names of ``spaces`` that ``layers`` selects: ``all``, or a list such as ``0,-1,final,last,pooled``.

    ``final`` and ``last`` are spaces of every model, see :func:`embedscope.encoders.space_name`; a negative number
    counts from the last layer.

    Raises
    ------
    InputError
        if the list is empty, or names a layer that the model does not have.

    >>> select_spaces("0,-1,final", ["layer00", "layer01", "layer02", "final"])
    ('layer00', 'layer02', 'final')
    """
    if layers is None or layers == "all":
        return tuple(spaces)
    parts = [part.strip() for part in layers.split(",") if part.strip()]
    if not parts:
        raise InputError("no layers named, wanted 'all' or a list such as 0,4,final,pooled")
    return tuple(dict.fromkeys(_select(part, spaces) for part in parts))


def _select(part: str, spaces: Sequence[str]) -> str:
    if part.lstrip("-").isdigit():
        layers = [s for s in spaces if s.startswith("layer")]
        number = int(part)
        if -len(layers) <= number < len(layers):
            return layers[number]
        raise InputError(f"layer {number} does not exist; this model has layers 0 to {len(layers) - 1}")
    name = space_name(part, spaces)
    if name in spaces:
        return name
    near = difflib.get_close_matches(part, dict.fromkeys([*spaces, *LAST_LAYERS]), n=1)
    hint = f", did you mean '{near[0]}'?" if near else ";"
    raise InputError(f"unknown layer '{part}'{hint} this source has {join_first(spaces)}")
