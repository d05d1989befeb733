"""``embedscope apply``: vectors through a saved repair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _common as common


def apply(
    repair: Annotated[Path, typer.Argument(metavar="REPAIR", help="File that `embedscope repair` wrote.")],
    source: Annotated[
        str, typer.Argument(metavar="IN", help="X.npy, X.npz::key, X.parquet::column, a folder or a glob of shards.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="One file: X.npy, X.parquet or X.safetensors.")],
    kind: Annotated[
        str | None, typer.Option("--kind", help="What these vectors are, such as query, document, image or text.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="Model that made them, by name or weights sha256; another one is refused."),
    ] = None,
    quiet: common.QuietOption = False,
) -> None:
    """Write the vectors of IN, repaired, to OUT: block by block, at any size, all or nothing.

    A Parquet file keeps its other columns (ids) in a Parquet file.
    """
    from embedscope.repairs.apply import apply_repair, reindexing
    from embedscope.transforms.repair import SINGLE, Repair

    done = apply_repair(repair, source, out, kind=kind, model=model, progress=common.progress(quiet))
    if quiet:
        return
    made = Repair.load(repair)
    screen = common.console()
    kinds_of = done.kind if done.kind == SINGLE else f"{done.kind} vectors"
    rate = done.rows / max(done.seconds, 1e-9)
    screen.print(
        f"{done.path}: {done.rows:,} {kinds_of}, {done.dim_out} wide, {done.n_bytes:,} bytes, "
        f"in {done.seconds:.1f} s ({rate:,.0f} a second)",
        soft_wrap=True,
        markup=False,
    )
    for line in reindexing(made, done.kind, done.rows):
        screen.print(f"· {line}", soft_wrap=True, markup=False)
    for other in made.kinds:
        if other != done.kind:
            screen.print(f"  embedscope apply {repair} IN OUT --kind {other}", soft_wrap=True, markup=False)
