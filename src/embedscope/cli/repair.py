"""``embedscope repair``: fix a space only where it helps, with proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedscope.cli import _common as common

if TYPE_CHECKING:
    from embedscope.core.result import Result

KEPT = 1
"""Exit code where the original is kept and no repair is written."""


def repair(
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="File of vectors, or a model; with --queries the documents."),
    ] = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE.safetensors", help="Where to write a repair that helps.")
    ] = Path("repair.safetensors"),
    pair: Annotated[
        tuple[str, str] | None, typer.Option("--pair", metavar="A B", help="Two files of vectors in place of SOURCE.")
    ] = None,
    pair_ids: Annotated[
        tuple[str, str] | None,
        typer.Option("--pair-ids", metavar="A_IDS B_IDS", help="What the rows of each side belong to, one id a line."),
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option("--pairs", metavar="FILE", help="Rows of A and B that match: two numbers a line.")
    ] = None,
    modalities: Annotated[
        str | None, typer.Option("--modalities", metavar="A,B", help="Names of the two sides.")
    ] = None,
    queries: Annotated[
        str | None, typer.Option("--queries", metavar="FILE", help="Vectors of queries, or queries.jsonl of BEIR.")
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option("--corpus", metavar="[KIND=]FILE", help="Documents; once a kind for a mixed index."),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option("--qrels", metavar="FILE", help="Relevance judgements in the format of TREC or BEIR.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="FILE", help="Class of each row of SOURCE, or of A beside --pair, one a line."
        ),
    ] = None,
    scores: Annotated[
        str | None,
        typer.Option(
            "--scores",
            metavar="FILE|DATASET",
            help="Two rows of SOURCE and a human score a line; or stsb::dev, for models.",
        ),
    ] = None,
    texts: Annotated[
        str | None,
        typer.Option("--texts", metavar="DATASET|FILE", help="For models: texts of --labels or --scores, one a row."),
    ] = None,
    layers: Annotated[
        str | None, typer.Option("--layers", help="For models: one space, such as pooled, final or 12.")
    ] = None,
    pooling: Annotated[str | None, typer.Option("--pooling", help="For models: plain, bos_eos or eos.")] = None,
    candidates: Annotated[
        str, typer.Option("--candidates", metavar="LIST|auto", help="Such as auto,center+abtt:1,whiten:64,csls:10.")
    ] = "auto",
    objective: Annotated[
        str | None,
        typer.Option("--objective", help="pairs or mixed (one index of all kinds); for --labels zeroshot or probe."),
    ] = None,
    rows: Annotated[str, typer.Option("--rows", help="Fit on rows of length 1 (unit), or as they are (raw).")] = "unit",
    max_eval_rows: Annotated[
        int, typer.Option("--max-eval-rows", help="Rows a side kept in memory to select and to certify.")
    ] = 10_000,
    positive_rate: Annotated[
        float, typer.Option("--positive-rate", help="Share of matches that the score calibration speaks of.")
    ] = 0.5,
    force: Annotated[bool, typer.Option("--force", help="Write the best candidate though nothing certifies it.")] = (
        False
    ),
    report: Annotated[
        Path | None, typer.Option("--report", metavar="DIR|FILE.html", help="Write a report, or all forms of it.")
    ] = None,
    device: common.DeviceOption = "auto",
    dtype: common.DtypeOption = "float32",
    trust_remote_code: common.RemoteCodeOption = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Do not keep extracted vectors.")] = False,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Fit repairs on one part of the data, choose one on another, and write it if a third part certifies that it helps.

    Exit code 0: a repair was written; 1: the original is kept, and the output says why.
    """
    from embedscope.core.errors import InputError
    from embedscope.repairs.repair import is_written
    from embedscope.repairs.repair import repair as repaired

    if rows not in ("unit", "raw"):
        raise InputError(f"--rows must be unit or raw, got '{rows}'")
    found, result = repaired(
        source,
        pair=pair,
        pair_ids=pair_ids,
        pairs=pairs,
        queries=queries,
        corpus=tuple(corpus or ()),
        qrels=qrels,
        labels=labels,
        scores=scores,
        texts=texts,
        layers=layers,
        pooling=pooling,
        modalities=tuple(common.split(modalities) or ()),
        candidates=candidates,
        objective=objective,
        normalize=rows == "unit",
        max_eval_rows=max_eval_rows,
        positive_rate=positive_rate,
        force=force,
        seed=seed,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code},
        data=data,
        cache=not no_cache,
        progress=common.progress(quiet),
        command=common.command_line(),
    )
    written = is_written(found)
    if written:
        found.save(out)
    _tell(result, report, json, quiet, f"repair: {out}" if written else None)
    if not written:
        raise typer.Exit(KEPT)


def _tell(result: Result, report: Path | None, json: str | None, quiet: bool, written: str | None) -> None:
    """Write the report where asked, and print the verdict, the tables and where the repair is."""
    from embedscope.reports import print_document, write_html

    if report is not None and report.suffix.lower() != ".html":
        report.mkdir(parents=True, exist_ok=True)
        common.deliver(result, report, json, quiet)
    else:
        if report is not None:
            write_html(result, report)
        if not common.emit_json(result, json) and not quiet:
            print_document(result, common.console())
    if written is not None and not quiet and json != "-":
        common.console().print(written, soft_wrap=True)
