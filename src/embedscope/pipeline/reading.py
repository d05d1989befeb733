"""Models read over texts: their tokens in context, or the texts as words and sentences, as streams."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import TextTable
from embedscope.engine import Engine, Local
from embedscope.pipeline.layers import chosen_spaces
from embedscope.pipeline.sequential import SequentialStream
from embedscope.readers import ArrayStream

if TYPE_CHECKING:
    from embedscope.encoders import Lookup, TextEncoder
    from embedscope.pipeline.extract import Encoding

UNITS = ("token", "word", "sentence")
SAMPLE = 10_000
"""Tokens that are measured where no number is named."""

_END_BYTES = 32 << 20


@dataclass(frozen=True)
class Source:
    """A stream with its name, who works on it, and what its records say (``setting``, ``task``, ``subset``...)."""

    name: str
    stream: Stream
    engine: Engine
    labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """How models are read.

    Attributes
    ----------
    on : texts: a data set, ``DATASET::TABLE``, a file with one text a line, or the texts themselves
    unit : ``token`` (of the texts, in context), ``word`` or ``sentence`` (each text is one); by the texts where None
    sample : tokens (or words, sentences) chosen by hash with ``seed``; 0 takes all
    layers : ``all`` or a list such as ``0,4,final,pooled``
    setting : ``plain``, ``bos_eos`` or ``eos``; where None, tokens are read in the tokenizer's own framing, words and
        sentences ``plain`` and as the model pools them
    first_position : of tokens: ``keep``, ``drop`` or ``bos``
    data : folder with data files
    device, dtype, trust_remote_code : of the model
    cache : keep vectors of words and sentences on disk
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
    cache: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in UNITS:
            raise InputError(f"unit must be one of {', '.join(UNITS)}, got '{self.unit}'")
        if self.sample is not None and self.sample < 0:
            raise InputError(f"sample must be a number of tokens, or 0 for all, got {self.sample}")

    @property
    def named(self) -> list[str]:
        """Options for models alone that were given."""
        return [name for name in ("on", "unit", "sample", "layers", "setting") if getattr(self, name) is not None]


def texts_named(
    on: str | Path | Sequence[str] | None, folder: str | Path | None, provenance: Provenance
) -> tuple[TextTable, str]:
    """The texts that ``on`` names (see :class:`Reading`), and their name; ``folder`` has data files."""
    from embedscope.datasets import DATASETS, Finder

    if not isinstance(on, str | Path):
        texts = tuple(on or ())
        if not texts or not all(isinstance(t, str) for t in texts):
            raise InputError("on must be a data set, a file with one text a line, or a list of texts that is not empty")
        return _table(texts), f"{len(texts):,} texts"
    name, _, part = str(on).partition("::")
    if name in DATASETS:
        entry = DATASETS.get(name)
        data = entry.load(Finder(Path(folder) if folder else None))
        provenance.data[name] = {"licence": entry.licence, "citation": entry.citation, "sha256": dict(data.checksums)}
        if part and part not in data.tables:
            raise InputError(f"{name} has no table '{part}'; it has {', '.join(data.tables)}, the first by default")
        chosen = part or next(iter(data.tables))
        return data.tables[chosen], f"{name}::{chosen}" if len(data.tables) > 1 else name
    if not Path(on).exists():
        near = difflib.get_close_matches(name, list(DATASETS), n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(
            f"--on {on} is neither a data set nor a file; {hint}`embedscope list datasets` shows the data sets"
        )
    try:
        texts = tuple(line for line in Path(on).read_text(encoding="utf-8").split("\n") if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read texts from {on} ({error}); wanted UTF-8 text, one text a line") from error
    if not texts:
        raise InputError(f"{on} holds no texts; wanted UTF-8 text, one text a line")
    provenance.data[str(on)] = file_facts(Path(on))
    return _table(texts), str(on)


def _table(texts: tuple[str, ...]) -> TextTable:
    """Distinct ``texts`` as sentences."""
    return TextTable(tuple(dict.fromkeys(texts)), "sentence")


def file_facts(path: Path, *, whole: bool = False) -> dict[str, Any]:
    """Size and checksum of a file, for the provenance; of a large file, where not ``whole``, of its two ends alone.

    Reading all of a large file once more for the checksum would take as long as measuring it.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if whole or size <= 2 * _END_BYTES:
            return {"bytes": size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
        ends = hashlib.sha256(file.read(_END_BYTES))
        file.seek(size - _END_BYTES)
        ends.update(file.read(_END_BYTES))
    return {"bytes": size, f"sha256_of_first_and_last_{_END_BYTES >> 20}_MiB": ends.hexdigest()}


@contextmanager
def facts_beside(name: str, facts: Callable[[], dict[str, Any]], provenance: Provenance) -> Iterator[None]:
    """Add ``facts`` of a source to the provenance, taken on a thread beside the work that is done meanwhile."""
    with ThreadPoolExecutor(1) as beside:
        taken = beside.submit(facts)
        yield
        with provenance.phase(f"checksum {name}"):
            provenance.data[name] = taken.result() | provenance.data.get(name, {})


def model_sources(
    uri: str,
    table: TextTable,
    name: str,
    reading: Reading,
    seed: int,
    progress: Progress,
    provenance: Provenance,
    encoding: Callable[[str], Encoding] | None = None,
) -> Iterator[Source]:
    """The tokens of the texts in context; or the texts themselves, in every layer and as the model pools them.

    ``encoding``, told the device, runs the forward passes over whole texts; this process does where it is None.
    """
    from embedscope.encoders import TextEncoder, open_model

    progress.start(f"loading {uri}", None, "models")
    with provenance.phase(f"load {uri}"):
        encoder = open_model(
            uri, device=reading.device, dtype=reading.dtype, trust_remote_code=reading.trust_remote_code, seed=seed
        )
    progress.advance(1)
    progress.close()
    if not isinstance(encoder, TextEncoder):
        provenance.models[uri] = dict(encoder.facts)
        yield _looked_up(encoder, uri, table, name, reading)
        return
    provenance.models[uri] = encoder.info.as_dict()
    unit = reading.unit or ("word" if table.unit == "word" else "token")
    if unit == "token" and reading.setting == "eos":
        raise InputError("setting eos reads one position of each text, not tokens; add --unit sentence or --unit word")
    if unit == "token":
        yield _tokens(encoder, table, name, reading, seed, progress)
        return
    pooled = ["pooled"] if encoder.has_pooled and reading.setting is None else []
    spaces = chosen_spaces(reading.layers, (*encoder.spaces, *pooled))
    settings = {
        reading.setting or "plain": [s for s in spaces if s != "pooled"],
        None: [s for s in spaces if s in pooled],
    }
    for setting, kept in settings.items():
        if kept:
            with provenance.phase(f"vectors {uri}"):
                source = _whole_texts(encoder, table, name, unit, setting, kept, reading, progress, encoding)
            yield source


def _looked_up(model: Lookup, uri: str, table: TextTable, name: str, reading: Reading) -> Source:
    """The texts that a model without layers knows; those it does not know are counted and left out."""
    spaces = chosen_spaces(reading.layers, tuple(model.spaces))
    x = {space: model.matrix(None, space, table.texts) for space in spaces}
    known = np.logical_and.reduce([np.isfinite(v).all(axis=1) for v in x.values()])
    if not known.any():
        raise InputError(f"{uri} knows none of the {len(table):,} texts of {name}; measure it on other texts")
    ids = hash_texts(table.texts)[known]
    stream = ArrayStream({space: v[known] for space, v in x.items()}, ids)
    subset = f"{int(known.sum()):,} of {len(table):,} {table.unit}s of {name} have a vector"
    return Source(uri, stream, Local(), {"task": name, "label": f"{uri} on {name}", "subset": subset})


def _tokens(
    encoder: TextEncoder, table: TextTable, name: str, reading: Reading, seed: int, progress: Progress
) -> Source:
    from embedscope.pipeline.tokens import token_stream

    sample = SAMPLE if reading.sample is None else reading.sample
    stream = token_stream(
        encoder,
        table.texts,
        sample=sample or None,
        seed=seed,
        setting=reading.setting or "native",
        first_position=reading.first_position,  # type: ignore[arg-type]
        clusters=table.clusters or None,
    )
    for note in stream.notes:
        progress.note(note)
    uri, taken, every = encoder.info.uri, stream.n_rows, stream.n_candidates
    labels = {
        "task": name,
        "setting": reading.setting or "native",
        "subset": f"{taken:,} of {every:,} tokens" if taken < every else f"all {every:,} tokens",
        "exact": taken == every,
        "label": f"{uri}, tokens of {name}",
    }
    spaces = chosen_spaces(reading.layers, tuple(stream.dims))
    return Source(uri, SequentialStream(stream, spaces), Local(), labels)


def _sampled(table: TextTable, sample: int | None, seed: int) -> TextTable:
    """The ``sample`` texts with the smallest hash of (seed, text), in their order; all where there are no more."""
    if not sample or sample >= len(table):
        return table
    kept = np.sort(np.argsort(combine(hash_texts(table.texts), seed), kind="stable")[:sample])
    clusters = tuple(table.clusters[i] for i in kept) if table.clusters else ()
    return replace(table, texts=tuple(table.texts[i] for i in kept), clusters=clusters)


def _whole_texts(
    encoder: TextEncoder,
    table: TextTable,
    name: str,
    unit: str,
    setting: str | None,
    spaces: Sequence[str],
    reading: Reading,
    progress: Progress,
    encoding: Callable[[str], Encoding] | None,
) -> Source:
    from embedscope.core.cache import VectorCache
    from embedscope.pipeline.tokens import text_stream

    cache = VectorCache() if reading.cache else None
    kept = _sampled(table, reading.sample, reading.seed)
    by = None if encoding is None else encoding(encoder.device)
    stream = text_stream(encoder, kept.texts, setting=setting, unit=unit, cache=cache, progress=progress, encoding=by)
    label = f"{encoder.info.uri}, {unit}s of {name}"
    labels: dict[str, Any] = {"task": name, "setting": setting, "label": label}
    labels |= {"exact": len(kept) == len(table)}
    labels["subset"] = (
        f"{len(kept):,} of {len(table):,} {unit}s" if len(kept) < len(table) else f"{len(kept):,} {unit}s"
    )
    return Source(encoder.info.uri, SequentialStream(stream, tuple(spaces)), Local(), labels)
