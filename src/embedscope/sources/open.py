"""What can be measured: arrays, files of vectors, and models read over texts; each opened as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from embedscope.core.arrays import Array, Hashes
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import facts_beside
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.execution import Engine, Local, local_engine, open_engine
from embedscope.execution.checkpoint import Checkpoint
from embedscope.execution.shards import ShardRunner
from embedscope.readers import ArrayStream, described, facts_of, file_of, find_vectors, is_vectors, state_of
from embedscope.sources.grouped_stream import GroupedStream, group_hashes
from embedscope.sources.options import Reading, RunOptions, Source
from embedscope.sources.paired_vectors import facts_of_files
from embedscope.sources.text_models import model_sources
from embedscope.sources.texts import texts_named

if TYPE_CHECKING:
    from embedscope.sources.text_vectors import Encoding


def arrays(
    x: Array | Mapping[str, Array], ids: Hashes | None = None, groups: Any = None, name: str = "array"
) -> Source:
    """An (n, d) array, or several by the name of their space."""
    spaces = x if isinstance(x, Mapping) else {"vectors": x}
    clusters = None if groups is None or not spaces else group_hashes(groups, len(next(iter(spaces.values()))))
    stream = ArrayStream(spaces, ids, clusters)
    return Source(name, stream, local_engine(stream.dims.values()))


def opened(
    sources: Sequence[str], *, seed: int, progress: Progress, provenance: Provenance, **options: Any
) -> Iterator[Source]:
    """Open ``sources`` one after the other, so that one model is held at a time; all are recognised first.

    What was found in each is noted before it is read. The engine ends with the iterator.

    Parameters
    ----------
    options : of :class:`Reading` and :class:`RunOptions`

    Raises
    ------
    InputError
        if one is neither vectors nor a model, or a model comes without texts.
    """
    names = [f.name for f in fields(RunOptions)]
    running = RunOptions(**{k: v for k, v in options.items() if k in names and v is not None})
    reading = Reading(seed=seed, **{k: v for k, v in options.items() if k not in names})
    files = {source: _is_file(source) for source in sources}
    models = [source for source, is_file in files.items() if not is_file]
    if models and reading.texts is None:
        raise InputError(
            f"{models[0]} is a model and needs texts to be read on: add --texts DATASET (`embedscope list datasets`) "
            "or --texts FILE with one text a line"
        )
    if reading.named and not models:
        option = reading.named[0].replace("_", "-")
        raise InputError(f"--{option} is for models; {sources[0]} holds vectors already: leave out --{option}")
    if models and running.groups is not None:
        raise InputError(f"--groups is for vectors; {models[0]} is a model, whose texts say what belongs together")
    if running.groups is not None and (len(sources) > 1 or running.skip_bad_shards or running.checkpoint is not None):
        raise InputError(
            "--groups has one group per row of one source: leave out the others, --checkpoint, --skip-bad-shards"
        )
    if models and running.checkpoint is not None:
        raise InputError(f"--checkpoint is for vectors in files; {models[0]} is a model: leave out --checkpoint")
    table, name = texts_named(reading.texts, reading.data, provenance) if models else (None, "")
    with closing(Engines(running)) as engines:
        for source, is_file in files.items():
            if is_file:
                found = _vectors(source, running, engines, progress, provenance)
                with facts_beside(source, partial(facts_of_files, source, found.stream), provenance):
                    yield found
            elif table is not None:
                by = engines.texts(source, reading)
                for read in model_sources(source, table, name, reading, seed, progress, provenance, by):
                    yield engines.elsewhere(read, source, reading)


class Engines:
    """The engine of a run, or one for each source where threads of this process do the work."""

    def __init__(self, running: RunOptions) -> None:
        self._chosen = open_engine(running.engine)

    def of(self, dims: Iterable[int]) -> Engine:
        """Who works on spaces ``dims`` wide."""
        return self._chosen or local_engine(dims)

    def elsewhere(self, source: Source, uri: str, reading: Reading) -> Source:
        """``source``, a model read over texts, with the model opened by the workers where there are any."""
        if self._chosen is None or isinstance(self._chosen, Local):
            return source
        from embedscope.sources.worker_models import on_workers

        return on_workers(source, self._chosen, uri, reading)

    def texts(self, uri: str, reading: Reading) -> Callable[[str], Encoding] | None:
        """Who runs the model ``uri`` over words and sentences: the workers where there are any, else None."""
        if self._chosen is None or isinstance(self._chosen, Local):
            return None
        from embedscope.sources.worker_models import texts_on

        return texts_on(self._chosen, uri, reading)

    def close(self) -> None:
        """Let go of a cluster."""
        close = getattr(self._chosen, "close", None)
        if close is not None:
            close()


def _vectors(source: str, running: RunOptions, engines: Engines, progress: Progress, provenance: Provenance) -> Source:
    """Files of vectors as a source, with what was found noted."""
    found = find_vectors(source, skip_bad=running.skip_bad_shards)
    stream = found.stream
    if running.groups is not None:
        stream = GroupedStream.of(stream, running.groups, source)
    empty = f"; {found.empty} without rows" if found.empty else ""
    progress.note(f"{source}: {found.layout}, {described(stream)}{empty}")
    for why in found.missing:
        progress.note(f"not read: {why}")
    provenance.data[source] = {"found": described(stream), "layout": found.layout}
    checkpoint = None
    if running.checkpoint is not None:
        identity = [state_of(file) for file in facts_of(stream).files]
        checkpoint = Checkpoint(running.checkpoint, identity, progress)
    engine = engines.of(stream.dims.values())
    return Source(
        source, stream, ShardRunner(engine, running.skip_bad_shards, checkpoint, unopened=tuple(found.missing))
    )


def _is_file(source: str) -> bool:
    if is_vectors(source):
        return True
    from embedscope.encoders import MODELS, is_model

    if source not in MODELS and file_of(source).is_dir():
        return True
    if is_model(source):
        return False
    known = ".npy, .npz::key, .safetensors::name, .parquet::column, .arrow, .index, a folder or a glob of these"
    raise InputError(
        f"'{source}' is neither a file of vectors ({known}) nor a model (`embedscope list models`, hf:NAME, st:NAME)"
    )
