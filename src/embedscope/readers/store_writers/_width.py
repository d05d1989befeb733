"""A store's column has one width for good: what to do where other vectors are to be written."""

from __future__ import annotations

from embedscope.core.errors import InputError
from embedscope.readers.stores import StorePlace


def check_width(place: StorePlace, held: int | None, dim: int, remedy: str) -> None:
    """Raise ``InputError`` where a column of ``held`` dimensions (None: of any) cannot hold rows of ``dim``."""
    if held is not None and held != dim:
        raise InputError(
            f"{place} keeps {held:,} dimensions for good and the map gives {dim:,}, so it cannot be written in place; "
            f"{remedy}"
        )
