"""Names that stand for a space of every model: ``last`` and ``final``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

LAST_LAYERS = ("final", "last")


def space_name(name: str, spaces: Iterable[str]) -> str:
    """The space of ``spaces`` that ``name`` means, ``name`` itself where it means no other.

    ``last`` is the state after the last block; ``final`` the last state of all, after the final norm where the model
    has one. A model without layers has one vector per text, which is both.

    >>> space_name("final", ["layer00", "layer01", "pooled"]), space_name("last", ["layer00", "layer01", "final"])
    ('layer01', 'layer01')
    >>> space_name("final", ["layer00", "layer01", "final"]), space_name("final", ["vectors"])
    ('final', 'vectors')
    """
    names = list(spaces)
    if name in names or name not in LAST_LAYERS:
        return name
    layers = [n for n in names if n.startswith("layer")]
    if name == "last" and not layers and "final" in names:
        return "final"
    own = layers or names
    return own[-1] if own else name


class Spaces(dict[str, T]):
    """Values by the name of their space; ``final`` and ``last`` find the space that they mean."""

    def __missing__(self, name: str) -> T:
        space = space_name(name, self)
        if space in self:
            return self[space]
        raise KeyError(name)
