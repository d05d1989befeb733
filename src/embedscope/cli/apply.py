"""``embedscope apply``: vectors through a saved repair."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import console, progress

EXAMPLES = (
    "embedscope apply repair.safetensors documents.npy new.npy --kind document",
    "embedscope apply repair.safetensors queries.npy new-queries.npy --kind query",
)


def apply(
    repair: Annotated[Path, typer.Argument(metavar="REPAIR", help="File that `embedscope repair` wrote.")],
    source: Annotated[
        str, typer.Argument(metavar="IN", help="X.npy, X.npz::key, X.parquet::column, a folder or a glob of shards.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="X.npy, X.parquet, X.safetensors, or a folder.")],
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="NAME", help="Role of these vectors: query, document, image or text."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="NAME|SHA256",
            help="Model that made them; refused where the repair was fitted on another one.",
        ),
    ] = None,
    engine: opt.Engine = "local",
    quiet: opt.Quiet = False,
) -> None:
    """Write the repaired vectors of IN to OUT, block by block, whatever their number; OUT is complete or absent.

    From Parquet to Parquet, other columns (ids) are kept. OUT without a suffix is a folder: each shard becomes a file
    of its own, and the same command goes on where a run was cut off.
    """
    from embedscope.execution.current import running_on
    from embedscope.repairs.apply import apply_repair, reindexing
    from embedscope.transforms.repair import SINGLE, Repair

    done = running_on(engine)(apply_repair)(repair, source, out, kind=kind, model=model, progress=progress(quiet))
    if quiet:
        return
    made = Repair.load(repair)
    screen = console()
    vectors = done.kind if done.kind == SINGLE else f"{done.kind} vectors"
    dimensions = "1 dimension" if done.dim_out == 1 else f"{done.dim_out:,} dimensions"
    rate = done.rows / max(done.seconds, 1e-9)
    screen.print(
        f"{done.path}: {done.rows:,} {vectors}, {dimensions}, {done.n_bytes:,} bytes, "
        f"in {done.seconds:.1f} s ({rate:,.0f} per second)",
        soft_wrap=True,
        markup=False,
    )
    for line in reindexing(made, done.kind, done.rows):
        screen.print(f"· {line}", soft_wrap=True, markup=False)
    for other in made.kinds:
        if other != done.kind:
            screen.print(f"  embedscope apply {repair} IN OUT --kind {other}", soft_wrap=True, markup=False)
