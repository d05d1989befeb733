"""Optional libraries, imported where they are used and named when they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from embedscope.core.errors import MissingExtraError


def require(module: str, extra: str, what: str) -> ModuleType:
    """Import ``module``; ``MissingExtraError`` for ``extra`` where it is missing (``what`` names the feature)."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] == module.partition(".")[0]:
            raise MissingExtraError.for_extra(extra, what) from error
        raise
