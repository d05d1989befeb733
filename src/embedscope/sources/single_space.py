"""What reads one space of a model takes no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from embedscope.core.errors import InputError


class HasSpace(Protocol):
    """Something that was read in one space of a model."""

    @property
    def space(self) -> str:
        """Name of the space."""


Spaced = TypeVar("Spaced", bound=HasSpace)


def single_space(spaces: Sequence[Spaced]) -> Spaced:
    """The only one of ``spaces``; raises ``InputError`` where there are several."""
    if len(spaces) > 1:
        names = ", ".join(one.space for one in spaces)
        raise InputError(f"one space at a time, got {names}; name one with --layers {spaces[-1].space}")
    return spaces[0]
