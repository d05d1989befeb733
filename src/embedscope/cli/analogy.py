"""``embedscope analogy``: one question, and what plain similarity would have said."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedscope.cli import _common as common


def analogy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A model, or a file of word vectors: gensim:FILE.")],
    question: Annotated[
        list[str], typer.Argument(metavar="SUM...", help="Such as: king - man + woman, with blanks around the signs.")
    ],
    candidates: Annotated[
        Path | None, typer.Option("--candidates", metavar="FILE", help="Words to choose from, one a line.")
    ] = None,
    images: Annotated[
        str | None,
        typer.Option("--images", metavar="FOLDER|emoji", help="Ask pictures: a concept is the mean over its pictures."),
    ] = None,
    contexts: Annotated[
        str | None,
        typer.Option(
            "--contexts",
            metavar="DATASET|FILE",
            help="Sentences, as lee_sentences: a word's vector is the mean of its states in those that hold it.",
        ),
    ] = None,
    context_limit: Annotated[
        int, typer.Option("--context-limit", min=1, help="With --contexts: sentences a word, chosen by --seed.")
    ] = 50,
    names: Annotated[
        Path | None, typer.Option("--names", help="For files of vectors: a text file, one name a row.")
    ] = None,
    poolings: Annotated[str | None, typer.Option("--pooling", help="plain, bos_eos or eos; pooled by default.")] = None,
    layers: Annotated[
        str | None, typer.Option("--layer", help="A layer number or a space; the last by default.")
    ] = None,
    rows: Annotated[str, typer.Option("--rows", help="unit, raw or centered.")] = "unit",
    top: Annotated[int, typer.Option("--top", min=1, help="How many neighbours to show.")] = 10,
    device: common.DeviceOption = "auto",
    dtype: common.DtypeOption = "float32",
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Answer king - man + woman, with and without the question's own words, beside plain similarity."""
    from embedscope.analogies.query import analogy as answer
    from embedscope.analogies.query import load_images, read_candidates
    from embedscope.sources.options import ModelOptions
    from embedscope.sources.word_contexts import Contexts

    result = answer(
        source,
        " ".join(question),
        candidates=read_candidates(candidates) if candidates else None,
        images=load_images(images, data) if images else None,
        rows=rows,
        top=top,
        options=ModelOptions(layers=layers, pooling=poolings, device=device, dtype=dtype, data=data, seed=seed),
        names=names,
        contexts=Contexts(contexts, context_limit, data) if contexts else None,
        progress=common.progress(quiet),
        command=common.command_line(),
    )
    if not common.emit_json(result, json) and not quiet:
        from embedscope.report import print_document

        print_document(result, common.console())
