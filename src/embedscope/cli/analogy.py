"""``embedscope analogy``: one question, next to plain similarity."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _options as opt
from embedscope.cli._output import Output, command_line
from embedscope.core.choices import SumRows

EXAMPLES = (
    "embedscope analogy minilm king - man + woman",
    "embedscope analogy minilm paris - france + italy --top 5",
)


def analogy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A model, or a file of word vectors: gensim:FILE.")],
    question: Annotated[
        list[str], typer.Argument(metavar="SUM...", help="Such as: king - man + woman, with spaces around the signs.")
    ],
    choices: Annotated[
        Path | None, typer.Option("--words", metavar="FILE", help="Words to choose from, one per line.")
    ] = None,
    images: Annotated[
        str | None,
        typer.Option("--images", metavar="FOLDER|emoji", help="Use images: a concept is the mean over its images."),
    ] = None,
    rows: Annotated[SumRows, typer.Option("--rows", help="How rows enter the sum.")] = "unit",
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many neighbours to show.")] = 10,
    layers: opt.Layers = None,
    pooling: opt.Pooling = None,
    contexts: opt.Contexts = None,
    context_limit: Annotated[
        int,
        typer.Option(
            "--context-limit",
            metavar="N",
            min=1,
            help="With --contexts: sentences per word, chosen by --seed.",
            rich_help_panel=opt.MODEL,
        ),
    ] = 50,
    names: opt.Names = None,
    device: opt.Device = "auto",
    dtype: opt.DtypeOption = "float32",
    trust_remote_code: opt.TrustRemoteCode = False,
    no_cache: opt.NoCache = False,
    yes: opt.Yes = False,
    data: opt.Data = None,
    json: opt.Json = None,
    format_: opt.FormatOption = opt.Format.text,
    report: opt.Report = None,
    quiet: opt.Quiet = False,
    seed: opt.Seed = 0,
) -> None:
    """Answer king - man + woman, with and without the words of the question, next to plain similarity."""
    from embedscope.analogies.query import analogy as answer
    from embedscope.analogies.query import load_images, read_candidates
    from embedscope.sources.options import ModelOptions
    from embedscope.sources.word_contexts import DEFAULT_CONTEXTS, Contexts

    if contexts is None:
        opt.refuse("is for --contexts", context_limit=None if context_limit == DEFAULT_CONTEXTS else context_limit)
    out = Output(json, format_, report, quiet)
    result = answer(
        source,
        " ".join(question),
        candidates=read_candidates(choices) if choices else None,
        images=load_images(images, data) if images else None,
        rows=rows,
        top=top,
        options=ModelOptions(
            layers=layers,
            pooling=pooling,
            device=device,
            dtype=dtype,
            trust_remote_code=trust_remote_code,
            cache=not no_cache,
            yes=yes,
            data=data,
            seed=seed,
        ),
        names=names,
        contexts=Contexts(contexts, context_limit, data) if contexts else None,
        progress=out.progress(),
        command=command_line(),
    )
    out.give(result)
