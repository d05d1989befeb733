"""``embedscope calibrate``: what a score means, and where to cut."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line

EXAMPLES = (
    "embedscope calibrate documents.npy",
    "embedscope calibrate documents.npy --queries queries.npy --qrels qrels.tsv --recall 0.9",
)

PROMISE = "Promise"

REFUSED = 1
"""Exit code where a threshold was asked for and cannot be certified."""


def calibrate(
    source: Annotated[
        str | None,
        typer.Argument(metavar="SOURCE", help="A file of vectors, or a model; with --queries the documents."),
    ] = None,
    texts: opt.Texts = None,
    images: opt.Images = None,
    layers: opt.Layers = None,
    pooling: opt.Pooling = None,
    device: opt.Device = "auto",
    dtype: opt.DtypeOption = "float32",
    trust_remote_code: opt.TrustRemoteCode = False,
    query_prompt: opt.QueryPrompt = None,
    document_prompt: opt.DocumentPrompt = None,
    no_cache: opt.NoCache = False,
    yes: opt.Yes = False,
    data: opt.Data = None,
    pair: opt.Pair = None,
    pair_ids: opt.PairIds = None,
    pairs: opt.Pairs = None,
    queries: opt.Queries = None,
    corpus: opt.Corpus = None,
    qrels: opt.Qrels = None,
    query_ids: opt.QueryIds = None,
    corpus_ids: opt.CorpusIds = None,
    allow_missing: opt.AllowMissing = False,
    labels: opt.Labels = None,
    judged: Annotated[
        Path | None,
        typer.Option(
            "--judged",
            metavar="FILE",
            help="Judged pairs: two row numbers and 1 for a match or 0 for none, per line.",
            rich_help_panel=opt.SUPERVISION,
        ),
    ] = None,
    groups: opt.Groups = None,
    precision: Annotated[
        float | None,
        typer.Option(
            "--precision",
            metavar="RATE",
            help="Share of the pairs above the threshold that must match.",
            rich_help_panel=PROMISE,
        ),
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option(
            "--recall",
            metavar="RATE",
            help="Share of the matches that must be above the threshold.",
            rich_help_panel=PROMISE,
        ),
    ] = None,
    max_false_merge: Annotated[
        float | None,
        typer.Option(
            "--max-false-merge",
            metavar="RATE",
            help="Share of the pairs above the threshold that may be false; with --dedup 0.01.",
            rich_help_panel=PROMISE,
        ),
    ] = None,
    confidence: Annotated[
        float,
        typer.Option("--confidence", metavar="RATE", help="With which each promise is kept.", rich_help_panel=PROMISE),
    ] = 0.95,
    dedup: Annotated[
        bool,
        typer.Option("--dedup", help="Look for duplicates among the nearest pairs of SOURCE.", rich_help_panel=PROMISE),
    ] = False,
    label_pairs: Annotated[
        Path | None,
        typer.Option(
            "--label-pairs",
            metavar="FILE.csv",
            help="With --dedup: write 100 pairs to judge by hand; run again to read them back.",
            rich_help_panel=opt.SUPERVISION,
        ),
    ] = None,
    k: Annotated[
        int,
        typer.Option("--k", metavar="N", min=1, help="Rows that a search returns.", rich_help_panel=PROMISE),
    ] = 10,
    max_eval_rows: Annotated[
        int,
        typer.Option("--max-eval-rows", metavar="N", help="Rows that search.", rich_help_panel=PROMISE),
    ] = 10_000,
    out: Annotated[
        Path,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE.safetensors",
            help="Where to write the calibration.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = Path("scores.safetensors"),
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="REPAIR.safetensors",
            help="A repair whose repaired vectors these are: store probability and thresholds in its file too.",
            rich_help_panel=opt.OUTPUT,
        ),
    ] = None,
    engine: opt.Engine = "local",
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    explain: opt.Explain = False,
    seed: opt.Seed = 0,
) -> None:
    """Say what a cosine means: its percentile among unrelated pairs; with labels its probability, and where to cut.

    Thresholds keep the promised rate with the stated confidence, or are refused with the number of labels it takes.
    Exit code: 0 the calibration was written, 1 it was, without a threshold that was asked for, 2 or more an error.
    """
    from embedscope.calibration.calibrate import calibrate as calibrated
    from embedscope.execution.current import running_on
    from embedscope.transforms.repair import Repair

    repair = None if into is None else Repair.load(into)
    output = Output(json, format_, report, quiet, explain)
    calibration, result = running_on(engine)(calibrated)(
        source,
        pair=pair,
        pair_ids=pair_ids,
        pairs=pairs,
        queries=queries,
        corpus=tuple(corpus or ()),
        qrels=qrels,
        query_ids=query_ids,
        corpus_ids=tuple(corpus_ids or ()),
        allow_missing=allow_missing,
        labels=labels,
        judged=judged,
        groups=groups,
        texts=texts,
        images=images,
        layers=layers,
        pooling=pooling,
        precision=precision,
        recall=recall,
        max_false_merge=max_false_merge,
        confidence=confidence,
        dedup=dedup,
        label_pairs=label_pairs,
        k=k,
        max_eval_rows=max_eval_rows,
        seed=seed,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
        | opt.drop_unset(query_prompt=query_prompt, document_prompt=document_prompt, yes=yes or None),
        data=data,
        cache=not no_cache,
        out=str(out),
        progress=output.progress(),
        command=command_line(),
    )
    calibration.save(out)
    if repair is not None and into is not None:
        calibration.into(repair).save(into)
    lines = [f"{out}: apply it with ScoreCalibration.load, or `embedscope export {out} --to numpy` (or sql)"]
    if into is not None:
        lines.append(f"{into}: holds the probability and the thresholds too: Repair.load, then probability and decide")
    if label_pairs is not None:
        lines.append(f"pairs to judge: {label_pairs}")
    output.give(result, lines=tuple(lines))
    if any(t.cosine is None for t in calibration.thresholds):
        raise typer.Exit(REFUSED)
