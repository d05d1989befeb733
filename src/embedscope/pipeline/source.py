"""What can be measured: arrays, files of vectors, and models read over texts; each opened as a stream."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from embedscope.core.arrays import Array, Hashes
from embedscope.core.batch import Batch, Shard, Stream
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import TextTable
from embedscope.readers import ArrayStream, file_of, is_vectors, open_vectors

UNITS = ("token", "word", "sentence")
SAMPLE = 10_000
"""Tokens that are measured where no number is named."""


@dataclass(frozen=True)
class Source:
    """A stream with its name and what its records say of it (``setting``, ``task``, ``subset``, ``exact``...)."""

    name: str
    stream: Stream
    labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """How models are read.

    Attributes
    ----------
    on : texts: a data set, ``DATASET::TABLE``, a file with one text a line, or the texts themselves
    unit : ``token`` (of the texts, in context), ``word`` or ``sentence`` (each text is one); by the texts where None
    sample : tokens chosen by hash; 0 takes all
    layers : ``all`` or a list such as ``0,4,final,pooled``
    setting : ``plain``, ``bos_eos`` or ``eos`` for words and sentences
    first_position : of tokens: ``keep``, ``drop`` or ``bos``
    data : folder with data files
    device, dtype, trust_remote_code : of the model
    """

    on: str | Path | Sequence[str] | None = None
    unit: str | None = None
    sample: int | None = None
    layers: str | None = None
    setting: str | None = None
    first_position: str = "keep"
    data: str | Path | None = None
    device: str = "auto"
    dtype: str = "float32"
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in UNITS:
            raise InputError(f"unit must be one of {', '.join(UNITS)}, got '{self.unit}'")
        if self.sample is not None and self.sample < 0:
            raise InputError(f"sample must be a number of tokens, or 0 for all, got {self.sample}")

    @property
    def named(self) -> list[str]:
        """Options for models alone that were given."""
        return [name for name in ("on", "unit", "sample", "layers", "setting") if getattr(self, name) is not None]


def arrays(
    x: Array | Mapping[str, Array], ids: Hashes | None = None, clusters: Hashes | None = None, name: str = "array"
) -> Source:
    """An (n, d) array, or several by the name of their space."""
    return Source(name, ArrayStream(x if isinstance(x, Mapping) else {"vectors": x}, ids, clusters))


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
    reading = Reading(**options)
    files = {source: _is_file(source) for source in sources}
    models = [source for source, is_file in files.items() if not is_file]
    if models and reading.on is None:
        raise InputError(
            f"{models[0]} is a model and needs texts to be read on: add --on DATASET (`embedscope list datasets`) "
            "or --on FILE with one text a line"
        )
    if reading.named and len(models) < len(files):
        file = next(source for source, is_file in files.items() if is_file)
        option = reading.named[0]
        raise InputError(f"--{option} is for models; {file} holds vectors already: leave out --{option}")
    table, name = _texts(reading, provenance) if models else (None, "")
    for source, is_file in files.items():
        if is_file:
            stream = open_vectors(source)
            with provenance.phase(f"checksum {source}"):
                provenance.data[source] = _facts(source)
            yield Source(source, stream)
        elif table is not None:
            yield _model(source, table, name, reading, seed, progress, provenance)


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


def _texts(reading: Reading, provenance: Provenance) -> tuple[TextTable, str]:
    """The texts that ``reading.on`` names, and their name."""
    from embedscope.datasets import DATASETS, Finder

    on = reading.on
    if not isinstance(on, str | Path):
        texts = tuple(on or ())
        if not texts or not all(isinstance(t, str) for t in texts):
            raise InputError("on must be a data set, a file with one text a line, or a list of texts that is not empty")
        return _table(texts), f"{len(texts):,} texts"
    name, _, part = str(on).partition("::")
    if name in DATASETS:
        entry = DATASETS.get(name)
        data = entry.load(Finder(Path(reading.data) if reading.data else None))
        provenance.data[name] = {"licence": entry.licence, "citation": entry.citation, "sha256": dict(data.checksums)}
        if part not in data.tables and (part or len(data.tables) > 1):
            raise InputError(
                f"{name} has the tables {', '.join(data.tables)}; name one, as in {name}::{next(iter(data.tables))}"
            )
        return data.tables[part or next(iter(data.tables))], str(on)
    if not Path(on).exists():
        near = difflib.get_close_matches(name, list(DATASETS), n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(
            f"--on {on} is neither a data set nor a file; {hint}`embedscope list datasets` shows the data sets"
        )
    try:
        texts = tuple(line for line in Path(on).read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read texts from {on} ({error}); wanted UTF-8 text, one text a line") from error
    if not texts:
        raise InputError(f"{on} holds no texts; wanted UTF-8 text, one text a line")
    provenance.data[str(on)] = _facts(str(on))
    return _table(texts), str(on)


def _table(texts: tuple[str, ...]) -> TextTable:
    """Distinct ``texts`` as sentences."""
    return TextTable(tuple(dict.fromkeys(texts)), "sentence")


def _facts(source: str) -> dict[str, Any]:
    path = file_of(source)
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _model(
    uri: str,
    table: TextTable,
    name: str,
    reading: Reading,
    seed: int,
    progress: Progress,
    provenance: Provenance,
) -> Source:
    from embedscope.encoders import open_encoder
    from embedscope.pipeline.extract import text_stream, token_stream

    progress.start(f"loading {uri}", None, "models")
    with provenance.phase(f"load {uri}"):
        encoder = open_encoder(
            uri,
            device=reading.device,
            dtype=reading.dtype,
            trust_remote_code=reading.trust_remote_code,
            seed=seed,
        )
    progress.advance(1)
    progress.close()
    provenance.models[uri] = encoder.info.as_dict()
    unit = reading.unit or ("word" if table.unit == "word" else "token")
    labels: dict[str, Any] = {"task": name, "label": f"{uri} on {name}"}
    if unit == "token":
        sample = SAMPLE if reading.sample is None else reading.sample
        stream: Stream = token_stream(
            encoder,
            table.texts,
            sample=sample or None,
            seed=seed,
            setting=reading.setting or "native",
            first_position=reading.first_position,
            clusters=table.clusters or table.texts,
            progress=progress,
        )
        part = f"{sample:,} tokens" if sample else "all tokens"
        labels |= {"subset": f"{part} of {len(table):,} texts of {name}", "exact": not sample}
    else:
        setting = reading.setting or "plain"
        stream = text_stream(encoder, table.texts, setting=setting, unit=unit, clusters=table.clusters or None)
        labels |= {"setting": setting, "subset": f"{len(table):,} {unit}s of {name}"}
    return Source(uri, _selected(stream, reading.layers), labels)


def _selected(stream: Stream, layers: str | None) -> Stream:
    """``stream`` with the spaces that ``layers`` asks for."""
    from embedscope.pipeline.layers import chosen_spaces

    spaces = chosen_spaces(layers, tuple(stream.dims))
    return stream if spaces == tuple(stream.dims) else SelectedStream(stream, spaces)


@dataclass(frozen=True)
class SelectedStream:
    """``stream`` with some of its ``spaces``."""

    stream: Stream
    spaces: tuple[str, ...]

    @property
    def dims(self) -> Mapping[str, int]:
        """Width of every space kept."""
        return {space: self.stream.dims[space] for space in self.spaces}

    @property
    def n_rows(self) -> int | None:
        """Number of rows, None where it is not known."""
        return self.stream.n_rows

    def shards(self) -> Sequence[Shard]:
        """The shards of the stream beneath."""
        return [_SelectedShard(shard, self.spaces) for shard in self.stream.shards()]


@dataclass(frozen=True)
class _SelectedShard:
    shard: Shard
    spaces: tuple[str, ...]

    def batches(self) -> Iterator[Batch]:
        """The batches beneath with the spaces kept."""
        for batch in self.shard.batches():
            yield replace(batch, spaces={space: batch.spaces[space] for space in self.spaces})
