"""``evaluate``: what a source is good for, as a result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import to_numpy
from embedscope.core.document import Document
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.pipeline.evaluate import Job, Places, Scored, data_facts, loaded_jobs, scores, texts_of
from embedscope.pipeline.layers import chosen_spaces


class NamedVectors:
    """Rows of one space looked up by their text; a text that is not there is a row of nan."""

    def __init__(self, space: str, x: npt.NDArray[Any], names: Sequence[str]) -> None:
        if len(names) != len(x):
            raise InputError(f"{len(names)} names for {len(x)} vectors; wanted one name a row, in the same order")
        self.space = space
        self._x = x
        self._rows = {name: i for i, name in reversed(list(enumerate(names)))}

    def matrix(self, setting: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) float64 rows aligned with ``texts``."""
        out = np.full((len(texts), self._x.shape[1]), np.nan)
        known = [(i, self._rows[t]) for i, t in enumerate(texts) if t in self._rows]
        if known:
            to, of = np.array(known).T
            out[to] = self._x[of]
        return out


def evaluate(  # noqa: PLR0913
    sources: str | Sequence[str],
    *,
    tasks: Sequence[str],
    settings: Sequence[str] | None = None,
    layers: str = "all",
    transform: str | None = None,
    names: str | Path | Sequence[str] | None = None,
    data: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    dtype: str = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Scores of ``tasks`` for every source, setting and layer, with bootstrap intervals.

    Parameters
    ----------
    sources : model URIs, or files of vectors with ``names``
    tasks : ids of tasks (``embedscope list tasks``)
    settings : how a vector is read (``plain``, ``bos_eos``, ``eos``, ``pooled``, ``static:N``); None takes all that fit
    layers : ``all`` or a list such as ``0,4,final,pooled``
    transform : chain such as ``center,abtt:1``, fitted in each space on the texts of the tasks
    names : texts of the rows of a file of vectors: a list, or a file with one a line
    data : folder with data files

    Raises
    ------
    InputError, UnknownNameError, DataUnavailableError, MissingExtraError
    """
    from embedscope.datasets import Finder

    if not tasks:
        raise InputError("no tasks named; `embedscope list tasks` shows them")
    progress = progress or Silent()
    provenance = Provenance(command, seed)
    with provenance.phase("data"):
        jobs, skipped = loaded_jobs(tasks, Finder(Path(data) if data else None))
    for s in skipped:
        progress.note(f"{s.what} is left out: {s.why}")
    found: list[Scored] = []
    for source in [sources] if isinstance(sources, str) else sources:
        with provenance.phase(source):
            opened = _Opened(source, jobs, provenance, progress)
            if opened.is_model:
                vectors, places = opened.model(
                    settings, layers, device=device, dtype=dtype, trust=trust_remote_code, cache=cache, seed=seed
                )
            else:
                vectors, places = opened.file(names)
            found += scores(vectors, jobs, places, source=source, transform=transform, seed=seed, progress=progress)
    provenance.data = data_facts(jobs)
    provenance.settings = {
        "tasks": list(tasks),
        "settings": list(settings) if settings else None,
        "layers": layers,
        "transform": transform,
        "dtype": dtype,
        "bootstrap_draws": 1000,
    }
    document = Document("Evaluation", skipped=tuple(skipped)) if skipped else None
    return Result(tuple(s.record() for s in found), provenance.as_dict(), document)


class _Opened:
    """A source on the way to vectors of the texts that the jobs need."""

    def __init__(self, source: str, jobs: Sequence[Job], provenance: Provenance, progress: Progress) -> None:
        from embedscope.encoders import is_model

        self.source, self.jobs, self.provenance, self.progress = source, jobs, provenance, progress
        self.is_model = is_model(source)

    def model(
        self,
        settings: Sequence[str] | None,
        layers: str,
        *,
        device: str,
        dtype: str,
        trust: bool,
        cache: bool,
        seed: int,
    ) -> tuple[Any, Places]:
        """Vectors out of a model, through the cache."""
        from embedscope.core.cache import VectorCache
        from embedscope.encoders import open_encoder
        from embedscope.pipeline.extract import extract

        self.progress.start(f"loading {self.source}", None, "models")
        encoder = open_encoder(self.source, device=device, dtype=dtype, trust_remote_code=trust, seed=seed)
        self.progress.advance(1)
        self.progress.close()
        self.provenance.models[self.source] = encoder.info.as_dict()
        chosen = _settings(settings, encoder, layers)
        every = (*encoder.spaces, *(["pooled"] if encoder.has_pooled else []))
        spaces = chosen_spaces(layers, every)
        places = Places(
            tuple(s for s in chosen if s is not None),
            tuple(s for s in spaces if s != "pooled" or None in chosen),
        )
        read: list[str | None] = list(dict.fromkeys(setting for setting, _ in places))
        vectors = extract(
            encoder, texts_of(self.jobs), read, cache=VectorCache() if cache else None, progress=self.progress
        )
        return vectors, places

    def file(self, names: str | Path | Sequence[str] | None) -> tuple[Any, Places]:
        """Vectors out of a file, looked up by the names of its rows."""
        from embedscope.readers import open_vectors

        if names is None:
            raise InputError(
                f"{self.source} holds vectors without names; pass a text file with one name a row (--names FILE), "
                "or evaluate a model"
            )
        stream = open_vectors(self.source)
        space = next(iter(stream.dims))
        x = np.concatenate([to_numpy(b.spaces[space]) for shard in stream.shards() for b in shard.batches()])
        if isinstance(names, str | Path):
            try:
                names = Path(names).read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(
                    f"cannot read names from {names} ({error}); wanted UTF-8 text, one name a line"
                ) from error
        return NamedVectors(space, x, names), Places((), (space,), unnamed=True)


def _settings(settings: Sequence[str] | None, encoder: Any, layers: str) -> list[str | None]:
    """The settings to read, None standing for the model's own sentence embedding."""
    known: list[str | None] = list(encoder.settings)
    if settings is None:
        return [*known, *([None] if encoder.has_pooled else [])]
    chosen: list[str | None] = []
    for name in settings:
        if name == "pooled" and encoder.has_pooled:
            chosen.append(None)
        elif name in known or name.startswith("static:"):
            chosen.append(name)
        else:
            have = ", ".join([*map(str, known), *(["pooled"] if encoder.has_pooled else []), "static:N"])
            raise InputError(f"setting '{name}' does not fit this model; it has {have}")
    return chosen
