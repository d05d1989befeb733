"""A repair inside other libraries: an ONNX graph, a FAISS chain, modules of sentence-transformers, ten lines of NumPy.

Each is a file of this package that gives an :class:`Export` by name.
"""

from __future__ import annotations

import difflib

from embedscope.core.errors import UnknownNameError
from embedscope.core.registry import Registry
from embedscope.exports.export import Export, Order

__all__ = ["EXPORTS", "Export", "Order", "find_export"]

EXPORTS: Registry[Export] = Registry("export", "embedscope.exports")
"""Name -> export."""


def find_export(name: str) -> Export:
    """The export called ``name``.

    >>> find_export("onx")
    Traceback (most recent call last):
    embedscope.core.errors.UnknownNameError: unknown export 'onx'; did you mean 'onnx'? there are faiss, numpy, onnx, \
pgvector, sentence-transformers
    """
    known = sorted(EXPORTS)
    if name in known:
        return EXPORTS.get(name)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise UnknownNameError(f"unknown export '{name}'; {hint}there are {', '.join(known)}")
