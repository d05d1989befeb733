"""``embedscope.analogy``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from embedscope.analogies.query import analogy as answer
from embedscope.analogies.query import load_images, read_candidates
from embedscope.api._inputs import comma, progress_of, source_of
from embedscope.api._keywords import public
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.result import Result
from embedscope.sources.options import ModelOptions
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

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> words = ["king", "man", "woman", "queen", "apple"]
    >>> vectors = [[1, 1, 0.0], [0, 1, 0.0], [0, 1, 1.0], [1, 1, 1.0], [-1, 0, 0.0]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/words.npy", vectors)
    ...     result = analogy(f"{folder}/words.npy", "king - man + woman", names=words)
    >>> result[0].subset
    'queen'
    """
    chosen = source_of(source)
    if not isinstance(chosen, str | Path):
        raise InputError("analogy takes a model or a file of word vectors")
    folder = Path(data) if data is not None else None
    return answer(
        str(chosen),
        question,
        candidates=read_candidates(words) if isinstance(words, str | Path) else words,
        images=load_images(images, folder) if images else None,
        rows=rows,
        top=top,
        options=ModelOptions(
            layers=comma(layers if layers is None else [layers]),
            pooling=pooling,
            device=device,
            dtype=dtype,
            trust_remote_code=trust_remote_code,
            cache=cache,
            data=data,
            seed=seed,
        ),
        names=names,
        contexts=Contexts(contexts, context_limit, folder) if contexts else None,
        progress=progress_of(progress),
    )
