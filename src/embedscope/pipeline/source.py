"""What can be measured: arrays, files of vectors, and models read over texts; each opened as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embedscope.core.arrays import Array, Hashes
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.engine import local_engine
from embedscope.pipeline.reading import Reading, Source, file_facts, model_sources, texts_named
from embedscope.readers import ArrayStream, file_of, is_vectors, open_vectors


def arrays(
    x: Array | Mapping[str, Array], ids: Hashes | None = None, clusters: Hashes | None = None, name: str = "array"
) -> Source:
    """An (n, d) array, or several by the name of their space."""
    stream = ArrayStream(x if isinstance(x, Mapping) else {"vectors": x}, ids, clusters)
    return Source(name, stream, local_engine(stream.dims.values()))


def opened(
    sources: Sequence[str], *, seed: int, progress: Progress, provenance: Provenance, **options: Any
) -> Iterator[Source]:
    """Open ``sources`` one after the other, so that one model is held at a time; all are recognised first.

    Parameters
    ----------
    options : of :class:`Reading`

    Raises
    ------
    InputError
        if one is neither a file of vectors nor a model, or a model comes without texts.
    """
    reading = Reading(seed=seed, **options)
    files = {source: _is_file(source) for source in sources}
    models = [source for source, is_file in files.items() if not is_file]
    if models and reading.on is None:
        raise InputError(
            f"{models[0]} is a model and needs texts to be read on: add --on DATASET (`embedscope list datasets`) "
            "or --on FILE with one text a line"
        )
    if reading.named and not models:
        option = reading.named[0]
        raise InputError(f"--{option} is for models; {sources[0]} holds vectors already: leave out --{option}")
    table, name = texts_named(reading.on, reading.data, provenance) if models else (None, "")
    for source, is_file in files.items():
        if is_file:
            stream = open_vectors(source)
            with provenance.phase(f"checksum {source}"):
                provenance.data[source] = file_facts(file_of(source))
            yield Source(source, stream, local_engine(stream.dims.values()))
        elif table is not None:
            yield from model_sources(source, table, name, reading, seed, progress, provenance)


def _is_file(source: str) -> bool:
    if is_vectors(source):
        return True
    from embedscope.encoders import is_model

    if is_model(source):
        return False
    known = ".npy, .npz::key, .safetensors::name, .parquet::column"
    raise InputError(
        f"'{source}' is neither a file of vectors ({known}) nor a model (`embedscope list models`, hf:NAME, st:NAME)"
    )
