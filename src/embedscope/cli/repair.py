"""``embedscope repair``: fix a space only where it helps, with proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line

EXAMPLES = (
    "embedscope repair documents.npy --queries queries.npy --qrels qrels.tsv",
    "embedscope repair --pair images.npy texts.npy -o pair.safetensors",
)

KEPT = 1
"""Exit code where the original is kept and no repair is written."""


def repair(
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
    modalities: opt.Modalities = None,
    queries: opt.Queries = None,
    corpus: opt.Corpus = None,
    qrels: opt.Qrels = None,
    query_ids: opt.QueryIds = None,
    corpus_ids: opt.CorpusIds = None,
    corpus_modality: opt.CorpusModality = None,
    allow_missing: opt.AllowMissing = False,
    labels: opt.Labels = None,
    scores: opt.Scores = None,
    groups: opt.Groups = None,
    candidates: opt.Candidates = "auto",
    objective: opt.Objective = None,
    normalize: opt.Normalize = True,
    force: opt.Force = False,
    rows_out: opt.RowsOut = None,
    max_eval_rows: opt.MaxEvalRows = 10_000,
    positive_rate: Annotated[
        float,
        typer.Option(
            "--positive-rate",
            metavar="RATE",
            help="Share of matching pairs that the score calibration assumes.",
            rich_help_panel=opt.CHANGE,
        ),
    ] = 0.5,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="FILE.safetensors", help="Where to write the repair.", rich_help_panel=opt.OUTPUT
        ),
    ] = Path("repair.safetensors"),
    engine: opt.Engine = "local",
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    explain: opt.Explain = False,
    seed: opt.Seed = 0,
) -> None:
    """Fit repairs on one part of the data, select one on another, and write it if a third part certifies that it helps.

    A repair is judged on queries, pairs, labels or scores; geometry alone is not evidence.
    Exit code: 0 a repair was written, 1 the original is kept (the output says why), 2 or more an error.
    """
    from embedscope.execution.current import running_on
    from embedscope.repairs.repair import is_written
    from embedscope.repairs.repair import repair as repaired

    output = Output(json, format_, report, quiet, explain)
    best, result = running_on(engine)(repaired)(
        source,
        pair=pair,
        pair_ids=pair_ids,
        pairs=pairs,
        queries=queries,
        corpus=tuple(corpus or ()),
        qrels=qrels,
        query_ids=query_ids,
        corpus_ids=tuple(corpus_ids or ()),
        corpus_modality=corpus_modality,
        allow_missing=allow_missing,
        groups=groups,
        labels=labels,
        scores=scores,
        texts=texts,
        images=images,
        layers=layers,
        pooling=pooling,
        modalities=opt.sides(modalities) or (),
        candidates=candidates,
        objective=objective,
        normalize=normalize,
        max_eval_rows=max_eval_rows,
        positive_rate=positive_rate,
        force=force,
        rows_out=rows_out,
        seed=seed,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
        | opt.drop_unset(query_prompt=query_prompt, document_prompt=document_prompt, yes=yes or None),
        data=data,
        cache=not no_cache,
        progress=output.progress(),
        command=command_line(),
    )
    written = is_written(best)
    if written:
        best.save(out)
    output.give(result, lines=(f"repair: {out}",) if written else ())
    if not written:
        raise typer.Exit(KEPT)
