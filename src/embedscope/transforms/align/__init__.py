"""Maps of two spaces into one, fitted from pairs: each side gets one affine map.

An alignment is written as text: ``procrustes``, ``wprocrustes:128``, ``center,procrustes,unit``. Most are fitted from
cross moments alone, so one pass over the pairs serves all. scikit-learn is imported when the first one is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedscope.core.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from embedscope.transforms.align._aligner import Aligner
    from embedscope.transforms.align._alignment import Alignment

ALIGNMENTS: Registry[type[Aligner]] = Registry("alignment", "embedscope.transforms.align")
"""Name -> class of an alignment."""

_PLACES = {
    "Alignment": "_alignment",
    "Side": "sides",
    "Procrustes": "procrustes",
    "LeastSquares": "lstsq",
    "WhitenedProcrustes": "canonical",
    "CCA": "canonical",
    "ContrastiveHeads": "heads",
    "ModalityShift": "shift",
    "CenterSides": "shift",
    "JointPCA": "joint",
    "JointWhiten": "joint",
    "JointRemoveTop": "joint",
}

__all__ = ["ALIGNMENTS", *_PLACES, "load_alignment", "parse_alignment"]  # noqa: PLE0604


def parse_alignment(text: str) -> Alignment:
    """The unfitted alignment that ``text`` describes: names with their numbers, separated by commas.

    ``unit`` as the last word renormalises the rows that come out; ``none`` leaves both sides as they are.

    Raises
    ------
    UnknownNameError, InputError
        if a name or its number is not right.

    >>> parse_alignment("center, wprocrustes:128,unit").text
    'center,wprocrustes:128,unit'
    """
    from embedscope.transforms.align import _alignment

    return _alignment.parse(text)


def load_alignment(path: str | Path) -> Alignment:
    """The fitted alignment that ``Alignment.save`` wrote to ``path``."""
    from embedscope.transforms.align import _alignment

    return _alignment.load(path)


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        import importlib

        return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
