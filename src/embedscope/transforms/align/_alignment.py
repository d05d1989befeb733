"""Alignments one after the other, fitted from one pass over the pairs, as one affine map per side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from embedscope.core.errors import InputError
from embedscope.stats.cross import CrossGaussian, CrossMoments
from embedscope.transforms._steps import Steps
from embedscope.transforms.align import ALIGNMENTS
from embedscope.transforms.align._aligner import Aligner
from embedscope.transforms.align.sides import PARTS, Side, push_moments
from embedscope.transforms.storage import ALIGNMENT


class Alignment(Steps, Aligner):
    """Alignments in order, each fitted on what the ones before it give; without any, both sides stay as they are.

    All maps are affine, so the cross moments of the raw pairs are enough, unless a step is trained on rows. What comes
    out of the fit is one map per side (one matrix product a batch).

    Parameters
    ----------
    steps : unfitted alignments; their parameters are named by the step, ``set_params(procrustes__center=True)``
    renormalise : divide the rows that come out by their norms

    Attributes
    ----------
    left_, right_ : maps of the sides, all steps in one
    facts_ : numbers that the fits found, by step
    """

    name = "alignment"
    usage = ""
    min_pairs = 1
    facts_: dict[str, Any]

    def __init__(self, steps: Sequence[Aligner] = (), renormalise: bool = False) -> None:
        self.steps = steps
        self.renormalise = renormalise

    @classmethod
    def from_words(cls, words: tuple[str, ...]) -> Self:
        """An alignment without steps."""
        return cls()

    @property
    def text(self) -> str:
        """The alignment as text: ``center,procrustes,unit``."""
        return ",".join([step.text for step in self.steps] + ["unit"] * self.renormalise) or "none"

    @property
    def facts(self) -> dict[str, Any]:
        """Numbers that the fits found (rank, cutoff, scale), by step: ``{"procrustes": {"rank": 250}}``."""
        return self.facts_

    @property
    def fits_from_moments(self) -> bool:
        """Whether ``fit_cross`` suffices."""
        return not any(step.needs_rows for step in self.steps)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit on the pairs of rows of ``X`` (n, dx), left, and ``y`` (n, dy), right."""
        x, right = self._pairs(X, y)
        if self.fits_from_moments:
            return self.fit_cross(CrossMoments().update(x, right).result())
        self._begin(len(x), x.shape[1], right.shape[1])
        for step in self.steps:
            fitted = self._add(clone(step).fit(x, right))
            x, right = fitted.left_.apply(x), fitted.right_.apply(right)
        return self

    def fit_cross(self, cross: CrossGaussian) -> Self:
        """Fit every step from the cross moments of the raw pairs."""
        self._begin(cross.n, *cross.widths)
        for step in self.steps:
            fitted = self._add(clone(step).fit_cross(cross))
            cross = push_moments(cross, fitted.left_, fitted.right_)
        return self

    def save(self, path: str | Path) -> None:
        """Write the fitted alignment: safetensors with a JSON header, atomically."""
        check_is_fitted(self)
        sides = {"left": self.left_, "right": self.right_}
        header = {
            "text": self.text,
            "widths": {name: [side.width, side.width_out] for name, side in sides.items()},
            "steps": [{"alignment": step.name, "parameters": step.get_params()} for step in self.steps],
            "renormalise": self.renormalise,
            "n_pairs": self.n_pairs_,
            "notes": self.notes_,
            "fitted": self.facts,
        }
        parts = {f"{name}.{part}": getattr(side, part) for name, side in sides.items() for part in PARTS}
        ALIGNMENT.write(path, header, {name: array for name, array in parts.items() if array is not None})

    def _begin(self, n: int, dx: int, dy: int) -> None:
        for step in self.steps:
            if step.renormalise:
                raise InputError(
                    f"a step of an alignment cannot renormalise ({step.text}): moments do not survive it; "
                    "renormalise at the end (Alignment(steps, renormalise=True), or the last word 'unit')"
                )
        self._start(n, dx)
        self.facts_ = {}
        self._finish(Side(dx), Side(dy))

    def _add(self, fitted: Aligner) -> Aligner:
        self.facts_[fitted.text] = fitted.facts
        self.notes_ = (*self.notes_, *fitted.notes_)
        self._finish(self.left_.then(fitted.left_), self.right_.then(fitted.right_))
        return fitted

    def _solve(self, cross: CrossGaussian) -> tuple[Side, Side]:
        return Side(cross.widths[0]), Side(cross.widths[1])


def parse(text: str) -> Alignment:
    """The alignment that ``text`` describes; see :func:`embedscope.transforms.align.parse_alignment`."""
    parts = [part.strip() for part in text.split(",")]
    renormalise = parts[-1] == "unit"
    parts = parts[: len(parts) - renormalise]
    if parts in ([], ["none"]):
        return Alignment((), renormalise)
    steps: list[Aligner] = []
    for part in parts:
        name, *words = (word.strip() for word in part.split(":"))
        if not name or name in {"unit", "none"}:
            raise InputError(
                f"'{text}' is not understood; write alignments as center,procrustes, with unit as the last word where "
                "the rows are to be renormalised, or none alone"
            )
        steps.append(ALIGNMENTS.get(name).from_words(tuple(words)))
    return Alignment(tuple(steps), renormalise)


def load(path: str | Path) -> Alignment:
    """Read the fitted alignment in ``path``; raises ``InputError`` where it holds none."""
    header, arrays = ALIGNMENT.read(path)
    with ALIGNMENT.building(path):
        named = {f"{side}.{part}" for side in ("left", "right") for part in PARTS}
        ALIGNMENT.check_nothing_left(path, arrays, named)
        steps = tuple(ALIGNMENTS.get(step["alignment"])(**step["parameters"]) for step in header["steps"])
        alignment = Alignment(steps, header["renormalise"])
        alignment.left_, alignment.right_ = (
            Side(header["widths"][name][0], *(arrays.get(f"{name}.{part}") for part in PARTS))
            for name in ("left", "right")
        )
        alignment.n_features_in_, alignment.n_pairs_ = alignment.left_.width, header["n_pairs"]
        alignment.notes_, alignment.facts_ = tuple(header["notes"]), header["fitted"]
    return alignment
