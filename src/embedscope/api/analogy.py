"""``embedscope.analogy``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from embedscope.analogies.query import analogy as answer
from embedscope.analogies.query import load_images, read_candidates
from embedscope.api._inputs import comma, progress_of, refuse, source_of, vectors_of
from embedscope.api._keywords import public
from embedscope.core.arrays import as_matrix, to_numpy
from embedscope.core.choices import Dtype, SumRows
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.result import Result
from embedscope.sources.labelled_vectors import NamedVectors, read_names
from embedscope.sources.options import ModelOptions
from embedscope.sources.word_contexts import DEFAULT_CONTEXTS, Contexts


@public
def analogy(  # noqa: PLR0913
    source: Any,
    question: str | Sequence[str],
    *,
    words: str | Path | Sequence[str] | None = None,
    images: str | None = None,
    rows: SumRows = "unit",
    top: int = 10,
    layers: str | int | None = None,
    pooling: str | None = None,
    contexts: str | Path | None = None,
    context_limit: int = DEFAULT_CONTEXTS,
    names: str | Path | Sequence[str] | None = None,
    device: str = "auto",
    dtype: Dtype = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    yes: bool = False,
    data: str | Path | None = None,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Result:
    """The words nearest to a sum such as ``king - man + woman``, next to what plain similarity says.

    Parameters
    ----------
    source : a model, as of :func:`embedscope.evaluate`, a file of word vectors (``gensim:FILE``), {word: vector},
        or vectors with ``names``
    question : words with ``+`` and ``-`` between them, spaces around the signs; or a list of words and signs
    words : words to choose from: a list, or a file with one per line
    images : ``emoji`` or a folder ``concept/*.jpg``: a concept is the mean over its images
    rows : how rows enter the sum
    top : how many neighbours
    layers, pooling : of a model; its own vector of a text by default
    contexts, context_limit : sentences over which a word's states are averaged, and how many per word
    names : for vectors, held or in a file: the word of each row
    device, dtype, trust_remote_code, cache, yes, data : as of ``measure``
    seed : of the choice of sentences
    progress : True shows bars on standard error

    Examples
    --------
    >>> vectors = {"king": [1.0, 1.0], "man": [1.0, 0.0], "woman": [0.1, 0.2], "queen": [0.1, 1.2]}
    >>> analogy(vectors, "king - man + woman", top=1)[0].subset
    'queen'
    """
    if contexts is None:
        refuse("is for contexts", context_limit=None if context_limit == DEFAULT_CONTEXTS else context_limit)
    chosen, held = _words_of(source, names)
    folder = Path(data) if data is not None else None
    return answer(
        chosen,
        question if isinstance(question, str) else " ".join(question),
        candidates=read_candidates(words) if isinstance(words, str | Path) else words,
        vectors=held,
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
            yes=yes,
            data=data,
            seed=seed,
        ),
        names=None if held is not None else names,
        contexts=Contexts(contexts, context_limit, folder) if contexts else None,
        progress=progress_of(progress),
    )


def _words_of(source: Any, names: str | Path | Sequence[str] | None) -> tuple[str, NamedVectors | None]:
    """The name of the source, and word vectors that the caller holds."""
    if isinstance(source, Mapping):
        if names is not None:
            raise InputError("a dict of words has its own names; leave out names")
        words, rows = [str(word) for word in source], vectors_of(list(source.values()), "vectors of words")
        return "vectors", NamedVectors("vectors", as_matrix(rows, "vectors of words"), words)
    chosen = source_of(source)
    if isinstance(chosen, str | Path):
        return str(chosen), None
    if isinstance(chosen, list):
        raise InputError(f"analogy takes one source, got {len(chosen)}; ask them one by one")
    if names is None and hasattr(source, "index") and hasattr(source, "to_numpy"):
        names = [str(word) for word in source.index]
    if names is None:
        raise InputError(
            "these vectors have no words; pass names=[...] with one word per row, or a dict of word to vector"
        )
    return "vectors", NamedVectors("vectors", to_numpy(as_matrix(chosen, "source")), read_names(names))
