"""What can be measured: arrays, files of vectors, and models read over texts; each opened as a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from embedscope.execution.current import engine_for, named_engine
from embedscope.execution.shards import ShardRunner
from embedscope.readers import (
    ArrayStream,
    describe_stream,
    facts_of,
    file_of,
    find_vectors,
    hint,
    is_vectors,
    state_of,
)
from embedscope.sources.grouped_stream import GroupedStream, group_hashes
from embedscope.sources.options import ModelOptions, RunOptions, Source, check_options
from embedscope.sources.vector_files import vector_file_facts

if TYPE_CHECKING:
    from embedscope.core.tables import TextTable
    from embedscope.sources.images import Images


def array_source(
    x: Array | Mapping[str, Array], ids: Hashes | None = None, groups: Any = None, name: str = "array"
) -> Source:
    """An (n, d) array as a source, or several arrays over the same rows by the name of their space."""
    spaces = x if isinstance(x, Mapping) else {"vectors": x}
    if len(spaces) > 1 and all(len(getattr(v, "shape", ())) == 1 for v in spaces.values()):
        raise InputError(
            f"{name} is a dict of {len(spaces):,} vectors, and a dict names spaces (n, d) here; pass the vectors as "
            "one array, np.stack(list(vectors.values()))"
        )
    clusters = None if groups is None or not spaces else group_hashes(groups, len(next(iter(spaces.values()))))
    stream = ArrayStream(spaces, ids, clusters)
    return Source(name, stream, engine_for(tuple(stream.dims.values()), in_memory=True))


def open_sources(
    names: Sequence[str], *, seed: int, progress: Progress, provenance: Provenance, **options: Any
) -> Iterator[Source]:
    """Open the sources ``names`` one after the other, so that one model is in memory at a time.

    All names are checked before the first is opened; the engine is closed with the iterator.

    Parameters
    ----------
    options : fields of :class:`ModelOptions` and :class:`RunOptions`

    Raises
    ------
    InputError
        if a name is neither a file of vectors nor a model, a model comes without texts, or an option is unknown or
        has no effect on any of the sources.
    """
    check_options(options, ModelOptions, RunOptions)
    run_names = [f.name for f in fields(RunOptions)]
    run = RunOptions(**{k: v for k, v in options.items() if k in run_names and v is not None})
    model = ModelOptions(seed=seed, **{k: v for k, v in options.items() if k not in run_names})
    files = {name: is_file(name) for name in names}
    models = [name for name, vectors in files.items() if not vectors]
    if models:
        _check_material(models, model)
    _check_effect(names, models, model, run)
    table, texts_name = _texts(model, provenance)
    pictures = _images(model, provenance)
    with closing(Engines(run.engine)) as engines:
        for name, vectors in files.items():
            if vectors:
                source = _vector_source(name, run, engines, progress, provenance)
                with facts_beside(name, partial(vector_file_facts, name, source.stream), provenance):
                    yield source
            elif pictures is not None:
                from embedscope.sources.images import image_source

                yield image_source(name, pictures, model, progress, provenance)
            else:
                yield from _model_sources(name, table, texts_name, model, engines, progress, provenance)


def _check_effect(names: Sequence[str], models: Sequence[str], model: ModelOptions, run: RunOptions) -> None:
    """Raise ``InputError`` for an option that has no effect on the sources ``names``, of which some are ``models``."""
    if model.selecting and not models:
        option = model.selecting[0].replace("_", "-")
        raise InputError(f"--{option} is for models and {names[0]} holds vectors already; leave out --{option}")
    if model.first_position != "keep" and not models:
        raise InputError(
            f"--first-position is for tokens of a model and {names[0]} holds vectors already; leave it out"
        )
    if models and run.groups is not None:
        raise InputError(f"--groups is for vectors and {models[0]} is a model, whose texts say what belongs together")
    if run.groups is not None and (len(names) > 1 or run.skip_bad_shards or run.checkpoint is not None):
        raise InputError(
            "--groups has one group per row of one source: leave out the others, --checkpoint, --skip-bad-shards"
        )
    if len(models) == len(names) and run.skip_bad_shards:
        raise InputError(f"--skip-bad-shards is for files and {models[0]} is a model; leave out --skip-bad-shards")
    if models and run.checkpoint is not None:
        raise InputError(f"--checkpoint is for files of vectors and {models[0]} is a model; leave out --checkpoint")


def _texts(model: ModelOptions, provenance: Provenance) -> tuple[TextTable | None, str]:
    """The texts that models read, and their name; files of vectors need none of what reads them."""
    if model.texts is None:
        return None, ""
    from embedscope.sources.texts import read_texts

    return read_texts(model.texts, model.data, provenance)


def _images(model: ModelOptions, provenance: Provenance) -> Images | None:
    """The images that models read, or a sample of them."""
    if model.images is None:
        return None
    from embedscope.sources.images import images_of

    return images_of(model.images, provenance).sample(model.max_rows, model.seed)


def _check_material(models: Sequence[str], model: ModelOptions) -> None:
    """Raise ``InputError`` unless there are either texts or images for the models, or they have words of their own."""
    if model.texts is not None and model.images is not None:
        raise InputError("a model reads --texts or --images, one at a time; leave one of them out")
    if model.texts is None and model.images is None:
        from embedscope.encoders import MODELS, has_vocabulary, near_alias

        uri = next((name for name in models if not has_vocabulary(name)), None)
        if uri is None:
            return
        near = "" if uri in MODELS else near_alias(uri)
        raise InputError(
            f"{uri} is no file of vectors{near or ', and'} {'A' if near else 'a'}s a model it needs texts: add "
            "--texts DATASET (`embedscope list datasets`), --texts FILE with one text per line, or --images FOLDER"
        )


class Engines:
    """The engine of a source: the one the user named, here or for the run, or threads of this process."""

    def __init__(self, engine: str) -> None:
        self._own = open_engine(engine)
        self._named = self._own or named_engine()

    def local(self, dims: Iterable[int]) -> Engine:
        """The engine for spaces of ``dims`` dimensions."""
        return self._named or local_engine(dims)

    @property
    def remote(self) -> Engine | None:
        """The engine whose workers are other processes; None where this process does the work."""
        return None if self._named is None or isinstance(self._named, Local) else self._named

    def close(self) -> None:
        """Close the connection to a cluster; that of the whole run stays open."""
        close = getattr(self._own, "close", None)
        if close is not None:
            close()


def _model_sources(
    uri: str,
    table: TextTable | None,
    texts_name: str,
    options: ModelOptions,
    engines: Engines,
    progress: Progress,
    provenance: Provenance,
) -> Iterator[Source]:
    """The sources of one model; on a cluster its workers open the model and run the forward passes."""
    from embedscope.sources.text_models import model_sources

    if engines.remote is None:
        yield from model_sources(uri, table, texts_name, options, progress, provenance)
        return
    from embedscope.sources.worker_models import WorkerModel

    worker = WorkerModel(engines.remote, uri, options)
    for source in model_sources(uri, table, texts_name, options, progress, provenance, worker.encoding):
        yield worker.token_source(source)


def _vector_source(name: str, run: RunOptions, engines: Engines, progress: Progress, provenance: Provenance) -> Source:
    """Files of vectors as a source; their layout, and files that cannot be opened, are noted."""
    files = find_vectors(name, skip_bad=run.skip_bad_shards)
    stream = files.stream
    if run.groups is not None:
        stream = GroupedStream.of(stream, run.groups, name)
    empty = f"; {files.empty} without rows" if files.empty else ""
    progress.note(f"{name}: {files.layout}, {describe_stream(stream)}{empty}")
    for reason in files.missing:
        progress.note(f"skipped: {reason}")
    provenance.data[name] = {"contents": describe_stream(stream), "layout": files.layout}
    checkpoint = None
    if run.checkpoint is not None:
        identity = [state_of(file) for file in facts_of(stream).files]
        checkpoint = Checkpoint(run.checkpoint, identity, progress)
    engine = engines.local(stream.dims.values())
    return Source(name, stream, ShardRunner(engine, run.skip_bad_shards, checkpoint, unopened=tuple(files.missing)))


def is_file(name: str) -> bool:
    """Whether ``name`` is files of vectors; False for a model, ``InputError`` where it is neither."""
    from embedscope.encoders import MODELS, is_model

    if name not in MODELS and is_vectors(name):
        return True
    if is_model(name):
        return False
    place = file_of(name)
    if place.exists() or (place.suffix and ":" not in name):
        raise InputError(hint(str(place)))
    known = ".npy, .npz::key, .safetensors::name, .parquet::column, .arrow, .index, a folder or a glob of these"
    raise InputError(
        f"'{name}' is neither a file of vectors ({known}) nor a model (`embedscope list models`, hf:NAME, st:NAME)"
    )
