"""Whether a folder is a saved model: folders are sources of vectors otherwise."""

from __future__ import annotations

from pathlib import Path

_SETTINGS = ("modules.json", "config.json")
"""What sentence-transformers and transformers write beside the weights."""


def is_model_folder(path: str | Path) -> bool:
    """Whether ``path`` is a folder that sentence-transformers or transformers saved a model in.

    >>> is_model_folder("vectors.npy")
    False
    """
    try:
        return any((Path(path) / name).is_file() for name in _SETTINGS)
    except (OSError, ValueError):
        return False
