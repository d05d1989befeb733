"""Maps of vectors as scikit-learn estimators, fitted from rows or from moments alone, saved without pickle.

A chain is written as text: ``center,abtt:1,whiten:128``. scikit-learn is imported when the first transform is.

>>> import numpy as np
>>> from embedscope.transforms import parse_chain
>>> parse_chain("center").fit_transform(np.array([[1.0, 2.0], [3.0, 4.0]]))
array([[-1., -1.],
       [ 1.,  1.]])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from embedscope.core.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from embedscope.transforms._chain import Chain
    from embedscope.transforms.affine import Affine

_PACKAGES = ("align", "calibration", "codes", "repair", "scorers")
"""Modules that are imported when they are first named."""

__all__ = ["TRANSFORMS", "Chain", "load", "parse_chain"]

TRANSFORMS: Registry[type[Affine]] = Registry("transform", "embedscope.transforms")
"""Name -> class of a transform."""


def parse_chain(text: str) -> Chain:
    """The unfitted chain that ``text`` describes: names with their numbers, separated by commas.

    Raises
    ------
    UnknownNameError, InputError
        if a name or its number is not right.

    >>> parse_chain("center, abtt:1,whiten:128").text
    'center,abtt:1,whiten:128'
    """
    from embedscope.transforms import _chain

    return _chain.parse(text)


def load(path: str | Path) -> Chain:
    """The fitted chain that ``Chain.save`` or the ``save`` of a transform wrote to ``path``."""
    from embedscope.transforms import _chain

    return _chain.load(path)


def __getattr__(name: str) -> Any:
    if name == "Chain":
        from embedscope.transforms._chain import Chain

        return Chain
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join((*__all__, *_PACKAGES))}")
