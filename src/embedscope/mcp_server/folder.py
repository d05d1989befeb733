"""The one folder that the tools write in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from embedscope.core.errors import InputError

KEPT = ".embedscope"
"""Folder below the root for the cache of vectors and for temporary files."""


@dataclass(frozen=True)
class Root:
    """The folder that the server was started in; relative paths start there, outputs stay there.

    >>> import tempfile
    >>> root = Root(Path(tempfile.mkdtemp()))
    >>> root.output("runs/baseline.json").name
    'baseline.json'
    >>> root.output("../elsewhere.json")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    embedscope.core.errors.InputError: ../elsewhere.json is outside the folder of this server (...); name a file in it
    """

    path: Path

    def output(self, name: str) -> Path:
        """``name`` as a path to write to.

        Raises
        ------
        InputError
            if it is not below the root, links followed, or is what the server keeps for itself.
        """
        root = Path(os.path.realpath(self.path))
        real = Path(os.path.realpath(root / Path(name).expanduser()))
        if real == root or root not in real.parents:
            raise InputError(f"{name} is outside the folder of this server ({root}); name a file in it")
        if KEPT in real.relative_to(root).parts[:1]:
            raise InputError(f"{name} is where the server keeps its cache; name another file")
        return real

    def settle(self) -> None:
        """Make this process work in the root: cache and temporary files below it, nothing downloaded."""
        import tempfile

        root = Path(os.path.realpath(self.path))
        kept = root / KEPT
        for name in ("cache", "tmp"):
            (kept / name).mkdir(parents=True, exist_ok=True)
        os.environ["EMBEDSCOPE_CACHE"] = str(kept / "cache")
        os.environ["TMPDIR"] = tempfile.tempdir = str(kept / "tmp")
        os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        os.chdir(root)
