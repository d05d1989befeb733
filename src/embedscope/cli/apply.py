"""``embedscope apply``: vectors through a saved repair."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import console, progress
from embedscope.cli._signals import Stopped

EXAMPLES = (
    "embedscope apply repair.safetensors documents.npy new.npy --kind document",
    "embedscope apply repair.safetensors queries.npy new-queries.npy --kind query",
)


def apply(
    repair: Annotated[
        Path, typer.Argument(metavar="REPAIR", help="File that `embedscope repair` or `embedscope migrate` wrote.")
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="X.npy, X.npz::key, X.parquet::column, a folder or a glob of shards, or a vector store: "
            "lancedb:FOLDER/TABLE::column.",
        ),
    ],
    out: Annotated[
        str | None,
        typer.Argument(
            metavar="OUT",
            help="X.npy, X.parquet, X.safetensors, a folder, or a new table or collection of a vector store.",
        ),
    ] = None,
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
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place",
            help="Replace the vectors of the store IN; a journal keeps the old ones. A run that was killed goes on.",
        ),
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Put the vectors that --in-place replaced back, and remove the journal.")
    ] = False,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal",
            metavar="FOLDER",
            help="Where the old vectors are kept; by default beside the folder of the store.",
        ),
    ] = None,
    engine: opt.Engine = "local",
    quiet: opt.Quiet = False,
) -> None:
    """Write the repaired vectors of IN to OUT, block by block, whatever their number; OUT is complete or absent.

    From Parquet to Parquet, other columns (ids) are kept. OUT without a suffix is a folder: each shard becomes a file
    of its own, and the same command goes on where a run was cut off. With --in-place the vectors of a store are
    replaced by id.
    """
    from embedscope.execution.current import running_on
    from embedscope.repairs.apply import apply_repair, check_outputs, reindexing
    from embedscope.transforms.repair import SINGLE, Repair

    check_outputs(source, out, in_place=in_place, rollback=rollback, journal=journal)
    if in_place or rollback:
        _change_store(repair, source, rollback=rollback, kind=kind, model=model, journal=journal, quiet=quiet)
        return
    done = running_on(engine)(apply_repair)(repair, source, str(out), kind=kind, model=model, progress=progress(quiet))
    if quiet:
        return
    applied = Repair.load(repair)
    screen = console()
    vectors = done.kind if done.kind == SINGLE else f"{done.kind} vectors"
    rate = done.rows / max(done.seconds, 1e-9)
    size = f"{done.n_bytes:,} bytes, " if done.n_bytes is not None else ""
    screen.say(
        f"{done.path}: {done.rows:,} {vectors}, {_dimensions(done.dim_out)}, {size}"
        f"in {done.seconds:.1f} s ({rate:,.0f} per second)"
    )
    for line in reindexing(applied, done.kind, done.rows, stored=done.n_bytes is None):
        screen.say(f"· {line}")
    for other in applied.kinds:
        if other != done.kind and not applied.kinds[other].is_identity:
            screen.say(f"  embedscope apply {repair} IN OUT --kind {other}")


def _change_store(
    repair: Path,
    source: str,
    *,
    rollback: bool,
    kind: str | None,
    model: str | None,
    journal: Path | None,
    quiet: bool,
) -> None:
    """Replace the vectors of a store, or put the old ones back, and say what was done."""
    import shlex

    from embedscope.repairs.apply import reindexing
    from embedscope.repairs.in_place import roll_back, write_in_place
    from embedscope.transforms.repair import SINGLE, Repair

    try:
        if rollback:
            done = roll_back(repair, source, kind=kind, journal=journal, progress=progress(quiet))
        else:
            done = write_in_place(repair, source, kind=kind, model=model, journal=journal, progress=progress(quiet))
    except (Stopped, KeyboardInterrupt) as stopped:
        typer.echo(
            f"embedscope: stopped; {source} may be half-written: the same command goes on, and "
            "--rollback puts the old vectors back",
            err=True,
        )
        raise typer.Exit(128 + int(getattr(stopped, "number", signal.SIGINT))) from None
    if quiet:
        return
    screen = console()
    vectors = done.kind if done.kind == SINGLE else f"{done.kind} vectors"
    what = "are back as they were" if rollback else "replaced"
    if done.already:
        what = "had been replaced before, and nothing was written"
    again = f" ({done.resumed:,} of them by an earlier run)" if done.resumed and not done.already else ""
    rate = done.rows / max(done.seconds, 1e-9)
    lines = [
        f"{done.address}: {done.rows:,} {vectors} {what}{again}, {_dimensions(done.dim)}, read back and verified, "
        f"in {done.seconds:.1f} s ({rate:,.0f} per second)"
    ]
    lines += [f"· {note}" for note in done.notes]
    if not rollback:
        lines += [f"· {line}" for line in reindexing(Repair.load(repair), done.kind, done.rows, stored=True)]
        named = "" if journal is None else f" --journal {shlex.quote(str(journal))}"
        where = _short(done.journal)
        lines += [
            f"· the old vectors are in {where}: delete that folder when the new ones have proved themselves",
            f"  embedscope apply {shlex.quote(str(repair))} {shlex.quote(source)} --rollback{named}",
        ]
    for line in lines:
        screen.say(line)


def _short(path: Path) -> Path:
    """A path as seen from the folder of the process, where it lies in it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _dimensions(dim: int) -> str:
    return "1 dimension" if dim == 1 else f"{dim:,} dimensions"
