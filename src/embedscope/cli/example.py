"""``embedscope example``: small files of vectors to try the other verbs on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import console

EXAMPLES = ("embedscope example", "embedscope example data/example --quiet")

_WHAT = {
    "documents.npy": "400 documents, 64 dimensions, with three planted faults",
    "queries.npy": "200 queries about them, with the same faults",
    "qrels.tsv": "which document answers which query",
    "images.npy": "300 images, 32 dimensions",
    "texts.npy": "their 300 texts, row by row, across a modality gap",
    "old.npy": "500 rows by an old model, 32 dimensions",
    "new.npy": "the same rows by a new model, 48 dimensions",
}


def example(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write to.")] = Path("example"),
    quiet: opt.Quiet = False,
) -> None:
    """Write small files of vectors with planted faults to DIR, to try the other verbs on."""
    from embedscope.datasets import example_files

    paths = example_files(folder)
    if quiet:
        return
    out = console()
    width = max(len(str(paths[name])) for name in _WHAT)
    for name, what in _WHAT.items():
        out.say(f"{paths[name]!s:<{width}}  {what}")
    out.print(f"next: embedscope diagnose {paths['documents.npy']}", soft_wrap=True, markup=False)
