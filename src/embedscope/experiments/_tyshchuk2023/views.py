"""Alignments fitted once on the pairs, and what both sides look like through them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Skipped
from embedscope.core.errors import InputError
from embedscope.core.threads import in_threads
from embedscope.experiments._tyshchuk2023.vectors import unit

SHALLOW = ("center", "whiten:128", "procrustes", "wprocrustes:128", "lstsq:0.1", "lstsq", "cca:256")
HEADS = ("heads:5", "heads", "heads:100")


@dataclass(frozen=True, eq=False)
class View:
    """Both sides through an alignment (None: as they are); ``seconds`` is the time of the fit."""

    name: str | None
    alignment: Any
    seconds: float = 0.0

    def raw(self, texts: Floats, images: Floats) -> tuple[Floats, Floats]:
        """Texts and images mapped, with equal dimensions: the smaller side is padded with zeros."""
        if self.alignment is not None:
            texts, images = self.alignment.transform(texts), self.alignment.transform_right(images)
        dim = max(texts.shape[1], images.shape[1])
        return pad_columns(texts, dim), pad_columns(images, dim)

    def __call__(self, texts: Floats, images: Floats) -> tuple[Floats, Floats]:
        """Texts and images mapped and renormalised."""
        left, right = self.raw(texts, images)
        return unit(left), unit(right)

    @property
    def scale(self) -> float | None:
        """Factor on cosines that the alignment was trained with, None where it has none."""
        facts: list[dict[str, Any]] = list(self.alignment.facts.values()) if self.alignment is not None else []
        scale = facts[-1].get("scale") if facts else None
        return float(scale) if scale is not None else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the fit."""
        return () if self.alignment is None else tuple(self.alignment.notes_)


@dataclass(frozen=True, eq=False)
class Pairing:
    """Unit rows of the pairs to fit on; their cross moments are taken once and serve every alignment."""

    texts: Floats
    images: Floats
    seed: int = 0

    @cached_property
    def cross(self) -> Any:
        """Cross moments of the pairs, one pass."""
        from embedscope.stats.cross import cross_gaussian

        return cross_gaussian(self.texts, self.images)

    @cached_property
    def _views(self) -> dict[str | None, View]:
        return {None: View(None, None)}

    def view(self, name: str | None) -> View:
        """The view through the alignment ``name``, fitted once; raises ``InputError`` where it cannot be."""
        if name not in self._views:
            self._views[name] = self._fit(name)
        return self._views[name]

    def _fit(self, name: str | None) -> View:
        from embedscope.transforms.align import parse_alignment

        assert name is not None
        alignment = parse_alignment(name)
        begin = time.perf_counter()
        if alignment.fits_from_moments:
            fitted = alignment.fit_cross(self.cross)
        else:
            for step in alignment.steps:
                if "seed" in step.get_params():
                    step.set_params(seed=self.seed)
            fitted = alignment.fit(self.texts, self.images)
        return View(name, fitted, time.perf_counter() - begin)


def views(pairing: Pairing, names: Sequence[str | None]) -> tuple[list[View], list[Skipped]]:
    """Views through all ``names``; an alignment that cannot be fitted is left out with the reason."""

    def view(name: str | None) -> View | Skipped:
        try:
            return pairing.view(name)
        except InputError as error:
            return Skipped(f"alignment {name}", str(error))

    _ = pairing.cross
    results = list(in_threads(view, names))
    return [v for v in results if isinstance(v, View)], [v for v in results if isinstance(v, Skipped)]


def pad_columns(rows: Floats, dim: int) -> Floats:
    """``rows`` with columns of zeros up to ``dim`` dimensions."""
    return np.pad(rows, ((0, 0), (0, dim - rows.shape[1]))) if rows.shape[1] < dim else rows
