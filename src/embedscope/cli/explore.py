"""``embedscope explore``: look at a space."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import console, progress
from embedscope.core.choices import MapKind

EXAMPLES = (
    "embedscope explore documents.npy",
    "embedscope explore documents.npy --projector projector",
)


def explore(
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", help="Vectors, or models with --texts or --images; of one dimension."),
    ] = None,
    texts: opt.Texts = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            metavar="FOLDER",
            help="Images: what a model encodes, or that of each row in the order of their paths.",
            rich_help_panel=opt.MODEL,
        ),
    ] = None,
    labels: opt.Labels = None,
    repair: Annotated[
        Path | None, typer.Option("--repair", metavar="FILE", help="Show the space after this repair too.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="NAME", help="Role of the vectors in the repair, where it has several."),
    ] = None,
    map_: Annotated[MapKind, typer.Option("--map", help="Principal components, or UMAP (extra maps).")] = "pca",
    max_rows: Annotated[
        int | None,
        typer.Option(
            "--max-rows", metavar="N", min=0, help="Rows drawn, a sample by hash; 0 draws all. Default: 100,000"
        ),
    ] = None,
    query_model: Annotated[
        str | None,
        typer.Option(
            "--query-model",
            metavar="MODEL",
            help="Model that made the vectors of a file: it embeds what is typed into the page.",
            rich_help_panel=opt.MODEL,
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="DIR", help="Write the page as static files and end.", rich_help_panel=opt.OUTPUT
        ),
    ] = None,
    projector: Annotated[
        Path | None,
        typer.Option(
            "--projector",
            metavar="DIR",
            help="Write files for the TensorBoard Embedding Projector and end.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="Of the page; 0 takes a free one.")
    ] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    ids_column: opt.IdsColumn = None,
    text_column: opt.TextColumn = None,
    layers: opt.Layers = None,
    pooling: opt.Pooling = None,
    device: opt.Device = "auto",
    dtype: opt.DtypeOption = "float32",
    trust_remote_code: opt.TrustRemoteCode = False,
    yes: opt.Yes = False,
    no_cache: opt.NoCache = False,
    data: opt.Data = None,
    quiet: opt.Quiet = False,
    seed: opt.Seed = 0,
) -> None:
    """Look at SOURCE on a local page: a map, neighbours, search, columns, and findings that select their rows.

    Nothing leaves this machine. --export DIR writes a folder to send to somebody.
    """
    from embedscope.explorer.explore import explore as explored
    from embedscope.explorer.projector import write_projector
    from embedscope.explorer.serving import export as exported
    from embedscope.explorer.serving import serve

    if repair is None:
        opt.refuse("is the role of the vectors in --repair FILE, which is not given", kind=kind)
    _check_outputs(export, projector)
    shown_progress = progress(quiet)
    model: dict[str, Any] = opt.drop_unset(layers=layers, pooling=pooling)
    shown = explored(
        opt.with_columns(sources or [], ids_column, text_column),
        texts=texts,
        images=images,
        labels=labels,
        repair=repair,
        kind=kind,
        map_kind=map_,
        max_rows=max_rows,
        query_model=query_model,
        progress=shown_progress,
        device=device,
        dtype=dtype,
        trust_remote_code=trust_remote_code,
        cache=not no_cache,
        data=data,
        seed=seed,
        yes=yes,
        **model,
    )
    screen = console()

    def say(line: str, command: str) -> None:
        if not quiet:
            screen.say(line)
            screen.say(f"  {command}")

    if projector is not None:
        write_projector(shown, projector, shown_progress)
        say(
            f"{projector}: {len(shown.rows):,} rows for the Projector",
            f"tensorboard --logdir {shlex.quote(str(projector))}",
        )
    if export is not None:
        exported(shown, export, shown_progress)
        how = f"python -m http.server -d {shlex.quote(str(export))}"
        say(f"{export}: {len(shown.rows):,} rows; to look at http://localhost:8000:", how)
    if projector is not None or export is not None:
        return

    def open_page(address: str) -> None:
        screen.say(f"{address}  ({len(shown.rows):,} rows; Ctrl-C ends it)")
        if browser:
            import webbrowser

            webbrowser.open(address)

    serve(shown, port, shown_progress, open_page)


def _check_outputs(export: Path | None, projector: Path | None) -> None:
    """Refuse, before any work, folders that are there already and a page without its extra."""
    from embedscope.core.atomic import check_new_folder
    from embedscope.explorer.serving import check_atlas

    for folder in filter(None, (export, projector)):
        check_new_folder(folder)
    if projector is None or export is not None:
        check_atlas()
