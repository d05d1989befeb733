"""``embedscope compare``: are these the same vectors, and which model fits these texts."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line

EXAMPLES = (
    "embedscope compare images.npy texts.npy",
    "embedscope compare minilm e5 --texts documents.txt",
)


def compare(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="A B | MODEL...", help="Two files of vectors with the same rows, or models (--texts, --images)."
        ),
    ],
    texts: opt.Texts = None,
    images: opt.Images = None,
    layers: opt.Layers = None,
    pooling: opt.Pooling = None,
    max_rows: opt.MaxRows = None,
    device: opt.Device = "auto",
    dtype: opt.DtypeOption = "float32",
    trust_remote_code: opt.TrustRemoteCode = False,
    no_cache: opt.NoCache = False,
    yes: opt.Yes = False,
    data: opt.Data = None,
    pair_ids: opt.PairIds = None,
    engine: opt.Engine = "local",
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    explain: opt.Explain = False,
    seed: opt.Seed = 0,
) -> None:
    """Say how two spaces over the same rows are related, or score models on texts or images without labels.

    Exit code: 0, or 1 where 0.1 % of the rows and more differ between two runtimes of one model or do not match, 2 or
    more an error.
    """
    from embedscope.comparison import compare as compared
    from embedscope.execution.current import running_on

    out = Output(json, format_, report, quiet, explain)
    model: dict[str, Any] = opt.drop_unset(layers=layers, pooling=pooling, max_rows=max_rows)
    if texts is not None or images is not None:
        model |= {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code, "data": data}
        model |= {"cache": not no_cache} | opt.drop_unset(yes=yes or None)
    comparison = running_on(engine)(compared)(
        *sources,
        texts=texts,
        images=images,
        ids=pair_ids,
        seed=seed,
        progress=out.progress(),
        command=command_line(),
        **model,
    )
    out.give(comparison.result)
    if (
        comparison.relation is not None
        and comparison.relation.name in ("precision", "partly")
        and not comparison.parity
    ):
        raise typer.Exit(1)
