"""``embedscope evaluate``: what a source is good for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from embedscope.cli import _common as common
from embedscope.core.errors import InputError


def evaluate(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SOURCE...", help="Models, or files of vectors with --names; none with --queries VECTORS."
        ),
    ] = None,
    tasks: Annotated[
        str | None, typer.Option("--tasks", help="Ids separated by commas (`embedscope list tasks`).")
    ] = None,
    queries: Annotated[
        str | None, typer.Option("--queries", metavar="FILE", help="Vectors of queries, or queries.jsonl of BEIR.")
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option("--corpus", metavar="[KIND=]FILE", help="The same of documents; once a kind for a mixed index."),
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option("--qrels", metavar="FILE", help="Relevance judgements in the format of TREC or BEIR.")
    ] = None,
    query_ids: Annotated[
        Path | None, typer.Option("--query-ids", metavar="FILE", help="One id a row; STEM.ids.txt by default.")
    ] = None,
    corpus_ids: Annotated[
        list[Path] | None, typer.Option("--corpus-ids", metavar="FILE", help="The same of documents, once a --corpus.")
    ] = None,
    kinds: Annotated[
        Path | None, typer.Option("--kinds", metavar="FILE", help="Kind of each document (text, image), one a row.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out judgements of ids that are not there.")
    ] = False,
    score: Annotated[
        str | None,
        typer.Option("--score", help="cosine, dot, euclidean or manhattan; of a saved model its own by default."),
    ] = None,
    query_prompt: Annotated[
        str | None,
        typer.Option("--query-prompt", help="Put before every query in place of the model's own."),
    ] = None,
    document_prompt: Annotated[str | None, typer.Option("--document-prompt", help="The same for documents.")] = None,
    poolings: Annotated[
        str | None,
        typer.Option("--pooling", help="plain, bos_eos, eos, pooled, static:N, contexts:N; all that fit by default."),
    ] = None,
    contexts: Annotated[
        str | None,
        typer.Option("--contexts", metavar="DATASET|FILE", help="Sentences for contexts:N, N of them a word."),
    ] = None,
    layers: Annotated[str, typer.Option("--layers", help="all, or a list such as 0,4,final,pooled.")] = "all",
    transform: Annotated[str | None, typer.Option("--transform", help="Such as center,abtt:1,whiten:128.")] = None,
    names: Annotated[
        Path | None, typer.Option("--names", help="For files of vectors: a text file, one name a row.")
    ] = None,
    items: Annotated[
        Path | None, typer.Option("--items", metavar="FILE.csv", help="Write the value of every scored item.")
    ] = None,
    device: common.DeviceOption = "auto",
    dtype: common.DtypeOption = "float32",
    trust_remote_code: common.RemoteCodeOption = False,
    yes: common.YesOption = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Do not keep extracted vectors.")] = False,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Score SOURCE on tasks, or your own queries and documents against your own judgements, with intervals."""
    model: dict[str, Any] = {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code, "yes": yes}
    roles = {"query_prompt": query_prompt, "document_prompt": document_prompt, "score": score}
    named = {name: value for name, value in roles.items() if value is not None}
    shared: dict[str, Any] = {
        "transform": transform,
        "seed": seed,
        "cache": not no_cache,
        "progress": common.progress(quiet),
        "command": common.command_line(),
    }
    if queries or corpus or qrels:
        from embedscope.evaluation.retrieval import named_retrieval

        result = named_retrieval(
            sources or [],
            queries,
            corpus or [],
            qrels,
            tasks=tasks,
            query_ids=query_ids,
            corpus_ids=corpus_ids or [],
            corpus_modality=kinds,
            layers=None if layers == "all" else layers,
            pooling=poolings,
            allow_missing=allow_missing,
            model=model | named,
            **shared,
        )
    elif named:
        raise InputError(
            f"--{next(iter(named)).replace('_', '-')} is for --queries, --corpus and --qrels; leave it out"
        )
    else:
        from embedscope.evaluation.evaluate import evaluate as evaluated

        result = evaluated(
            sources or [],
            tasks=common.split(tasks) or [],
            pooling=poolings,
            layers=layers,
            names=names,
            contexts=contexts,
            items=items,
            data=data,
            **model,
            **shared,
        )
    if not common.emit_json(result, json) and not quiet:
        from embedscope.report import print_records

        print_records(result.records, common.console())
