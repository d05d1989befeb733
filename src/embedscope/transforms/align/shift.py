"""Close the gap between two sides by moving them, nothing else."""

from __future__ import annotations

from typing import Self

from embedscope.core.errors import InputError
from embedscope.stats.cross import CrossGaussian
from embedscope.transforms.align._aligner import Aligner, no_words
from embedscope.transforms.align.sides import Side

IDS = ("center", "shift")

MEANS = ("own", "joint")


class CenterSides(Aligner):
    """Subtract from each side its own mean, or from both the mean of the two means (li2025).

    Only ``own`` closes the gap between the means; ``joint`` moves both alike and leaves it.

    Parameters
    ----------
    mean : ``own`` or ``joint``, which needs the same number of dimensions
    renormalise : divide the rows that come out by their norms

    >>> CenterSides().fit([[1.0], [3.0]], [[0.0, 1.0], [0.0, 5.0]]).transform_right([[1.0, 1.0]]).tolist()
    [[1.0, -2.0]]
    """

    name = "center"
    usage = "center or center:joint"
    min_pairs = 1

    def __init__(self, mean: str = "own", renormalise: bool = False) -> None:
        self.mean = mean
        self.renormalise = renormalise

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``center`` or ``center:joint``."""
        if words not in {(), ("own",), ("joint",)}:
            raise InputError(f"'center:{':'.join(words)}' is not understood; write {cls.usage}")
        return cls(*words)

    @property
    def text(self) -> str:
        """``center`` or ``center:joint``."""
        return "center" if self.mean == "own" else f"center:{self.mean}"

    def _solve(self, cross: CrossGaussian) -> tuple[Side, Side]:
        if self.mean not in MEANS:
            raise InputError(f"center knows the means {', '.join(MEANS)}, got {self.mean!r}")
        x, y = cross.mean_x, cross.mean_y
        if self.mean == "joint":
            x = y = cross.pool("joint").mean
        return Side(len(x), x), Side(len(y), y)


class ModalityShift(Aligner):
    """Move the left side by the difference of the means: x -> x - mean_x + mean_y; the right side stays (liang2022).

    The right index is left as it is, so nothing of it must be encoded again.

    Parameters
    ----------
    renormalise : divide the rows that come out by their norms

    >>> ModalityShift().fit([[1.0], [3.0]], [[10.0], [20.0]]).transform([[1.0]]).tolist()
    [[14.0]]
    """

    name = "shift"
    usage = "shift"
    min_pairs = 1

    def __init__(self, renormalise: bool = False) -> None:
        self.renormalise = renormalise

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """``shift`` takes nothing."""
        no_words("shift", words)
        return cls()

    @property
    def text(self) -> str:
        """``shift``."""
        return "shift"

    def _solve(self, cross: CrossGaussian) -> tuple[Side, Side]:
        dx, dy = cross.widths
        if dx != dy:
            raise InputError(
                f"shift needs sides of equal dimensions, got {dx} and {dy}; use center, which gives each side "
                "its own mean"
            )
        return Side(dx, cross.mean_x - cross.mean_y), Side(dy)


ENTRIES = {"center": CenterSides, "shift": ModalityShift}
