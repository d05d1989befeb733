"""``embedscope evaluate``: what a source is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line

EXAMPLES = (
    "embedscope evaluate minilm --tasks rg65,simlex999 --layers final,pooled",
    "embedscope evaluate --queries queries.npy --corpus documents.npy --qrels qrels.tsv",
)


def evaluate(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...",
            help="Models, or files of vectors with --names; one model, or none for vectors, with --queries.",
        ),
    ] = None,
    tasks: Annotated[
        str | None, typer.Option("--tasks", metavar="LIST", help="Names; `embedscope list tasks` shows them.")
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            metavar="KIND:FILE",
            help="Your own file: similarity, sts (two texts, a score), analogy (four words), labels (text, class).",
        ),
    ] = None,
    transform: Annotated[
        str | None, typer.Option("--transform", metavar="CHAIN", help="Such as center,abtt:1,whiten:128.")
    ] = None,
    items: Annotated[
        Path | None,
        typer.Option(
            "--items", metavar="FILE.csv", help="Write the value of every scored item.", rich_help_panel=opt.OUTPUT
        ),
    ] = None,
    layers: opt.Layers = None,
    pooling: opt.Pooling = None,
    contexts: opt.Contexts = None,
    names: opt.Names = None,
    ids_column: opt.IdsColumn = None,
    text_column: opt.TextColumn = None,
    device: opt.Device = "auto",
    dtype: opt.DtypeOption = "float32",
    trust_remote_code: opt.TrustRemoteCode = False,
    query_prompt: opt.QueryPrompt = None,
    document_prompt: opt.DocumentPrompt = None,
    yes: opt.Yes = False,
    no_cache: opt.NoCache = False,
    data: opt.Data = None,
    queries: opt.Queries = None,
    corpus: opt.Corpus = None,
    qrels: opt.Qrels = None,
    query_ids: opt.QueryIds = None,
    corpus_ids: opt.CorpusIds = None,
    corpus_modality: opt.CorpusModality = None,
    score: opt.ScoreOption = None,
    ignore_identical_ids: opt.IgnoreIdenticalIds = False,
    allow_missing: opt.AllowMissing = False,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="QUERY",
            help="Why the query with this id ranks its relevant documents where it does; all tables are shown anyway.",
            rich_help_panel=opt.RETRIEVAL,
        ),
    ] = None,
    repair: Annotated[
        Path | None,
        typer.Option(
            "--repair",
            metavar="FILE",
            help="With --explain: a repair whose effect on this query is shown.",
            rich_help_panel=opt.RETRIEVAL,
        ),
    ] = None,
    groups: opt.Groups = None,
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    seed: opt.Seed = 0,
) -> None:
    """Score SOURCE on tasks, or on your own queries, documents and relevance judgements, with intervals.

    --pooling also takes static:N and contexts:N: the mean of a word's states over N sentences (of --contexts).
    --groups says what each query belongs to, one per line of a file, or a column of the queries.
    """
    from embedscope.core.errors import InputError

    out = Output(json, format_, report, quiet, explain=True)
    model: dict[str, Any] = {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code, "yes": yes}
    shared: dict[str, Any] = {
        "transform": transform,
        "seed": seed,
        "cache": not no_cache,
        "progress": out.progress(),
        "command": command_line(),
    }
    if queries is None and not corpus and qrels is None:
        opt.refuse(
            "is for retrieval with --queries, --corpus and --qrels",
            query_ids=query_ids,
            corpus_ids=corpus_ids,
            corpus_modality=corpus_modality,
            ignore_identical_ids=ignore_identical_ids,
            allow_missing=allow_missing,
            explain=explain,
            repair=repair,
            groups=groups,
            score=score,
            query_prompt=query_prompt,
            document_prompt=document_prompt,
        )
        from embedscope.evaluation.evaluate import evaluate as evaluated

        result = evaluated(
            opt.with_columns(sources or [], ids_column, text_column),
            tasks=[*(opt.split(tasks) or []), *(task or [])],
            pooling=pooling,
            layers=layers or "all",
            names=names,
            contexts=contexts,
            items=items,
            data=data,
            **model,
            **shared,
        )
        out.give(result, records=True)
        return
    if queries is None or not corpus or qrels is None:
        named = {"--queries": queries, "--corpus": corpus, "--qrels": qrels}
        missing = " and ".join(name for name, value in named.items() if not value)
        raise InputError(f"retrieval needs --queries, --corpus and --qrels; {missing} is missing")
    if len(sources or ()) > 1:
        raise InputError(f"retrieval takes one model, got {', '.join(sources or ())}; run them one after the other")
    opt.refuse(
        "is for tasks, and --queries is retrieval", tasks=tasks, task=task, names=names, contexts=contexts, items=items
    )
    queries, *corpus = opt.with_columns([queries, *corpus], ids_column, text_column)
    asked: dict[str, Any] = {
        "source": sources[0] if sources else None,
        "query_ids": query_ids,
        "corpus_ids": corpus_ids or [],
        "corpus_modality": corpus_modality,
        "layers": layers,
        "pooling": pooling,
        "ignore_identical_ids": ignore_identical_ids,
        "allow_missing": allow_missing,
        "model": model | opt.drop_unset(query_prompt=query_prompt, document_prompt=document_prompt),
    }
    if explain is not None:
        opt.refuse("is for scores of all queries, and --explain ranks one by cosine", score=score, groups=groups)
        from embedscope.evaluation.explanation import explain as explained

        out.give(explained(queries, corpus, qrels, explain, repair=repair, **asked, **shared))
        return
    opt.refuse("is for --explain QUERY", repair=repair)
    from embedscope.evaluation.retrieval import retrieval

    result = retrieval(
        queries,
        corpus,
        qrels,
        score=score,
        groups=groups,
        **asked,
        **shared,
    )
    out.give(result, records=True)
