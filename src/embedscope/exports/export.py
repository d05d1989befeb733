"""What an export is: a function that writes a repair for another library and says what a user must know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from embedscope.core.errors import InputError
from embedscope.transforms.repair import Repair


@dataclass(frozen=True)
class Order:
    """What is to be written.

    Attributes
    ----------
    repair : the repair
    file : where it is saved
    out : file or folder to write
    kind : kind of vector, None where there is only one or all are written
    model : model that modules are appended to, None for exports that need none
    """

    repair: Repair
    file: Path
    out: Path
    kind: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Export:
    """A way to write a repair.

    Attributes
    ----------
    title : what is written, in words
    write : writes it, gives sentences on its use
    needs_model : whether a model must be named
    packages : what must be installed to write it
    stores_codes : whether it stores rows in the code that ``compress`` chose; else it gives float32
    """

    title: str
    write: Callable[[Order], list[str]]
    needs_model: bool = False
    packages: tuple[str, ...] = ()
    stores_codes: bool = False


def check_model(export: Export, name: str, model: str | None) -> None:
    """Raise ``InputError`` where a model is missing, or named for an export that takes none."""
    if export.needs_model and model is None:
        raise InputError(f"--to {name} appends the repair to a model: add --model MODEL (minilm, st:NAME or a folder)")
    if not export.needs_model and model is not None:
        raise InputError(f"--to {name} takes no model; leave out --model")
