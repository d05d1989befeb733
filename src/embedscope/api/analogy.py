"""``embedscope.analogy``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from embedscope.analogies.query import ask, candidates_of, pictured
from embedscope.analogies.score import SpaceReading
from embedscope.api._inputs import comma, progress_of, source_of
from embedscope.api._keywords import public
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.result import Result
from embedscope.sources.word_contexts import Contexts


@public
def analogy(  # noqa: PLR0913
    source: Any,
    question: str,
    *,
    words: str | Path | Sequence[str] | None = None,
    images: str | None = None,
    rows: Literal["unit", "raw", "centered"] = "unit",
    top: int = 10,
    layers: str | int | None = None,
    pooling: str | None = None,
    contexts: str | Path | None = None,
    context_limit: int = 50,
    names: str | Path | Sequence[str] | None = None,
    device: str = "auto",
    dtype: str = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    data: str | Path | None = None,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Result:
    """The words nearest to a sum such as ``king - man + woman``, next to what plain similarity says.

    Parameters
    ----------
    source : a model, as of :func:`embedscope.evaluate`, or a file of word vectors (``gensim:FILE``)
    question : words with ``+`` and ``-`` between them, spaces around the signs
    words : words to choose from: a list, or a file with one per line
    images : ``emoji`` or a folder ``concept/*.jpg``: a concept is the mean over its images
    rows : how rows enter the sum
    top : how many neighbours
    layers, pooling : of a model; its own vector of a text by default
    contexts, context_limit : sentences over which a word's states are averaged, and how many per word
    names : for a file of vectors: the word of each row
    device, dtype, trust_remote_code, cache, data : as of ``measure``
    seed : of the choice of sentences
    progress : True shows bars on standard error
    """
    chosen = source_of(source)
    if not isinstance(chosen, str | Path):
        raise InputError("analogy takes a model or a file of word vectors")
    reading = SpaceReading(
        poolings=None if pooling in (None, "pooled") else [pooling],
        layers=comma(layers if layers is None else [layers]),
        names=names,
        cache=cache,
        model={"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code},
        seed=seed,
        contexts=Contexts(contexts, context_limit, Path(data) if data else None) if contexts else None,
    )
    return ask(
        str(chosen),
        question,
        candidates=candidates_of(words) if isinstance(words, str | Path) else words,
        images=pictured(images, Path(data) if data else None) if images else None,
        rows=rows,
        k=top,
        reading=reading,
        progress=progress_of(progress),
    )
