"""Analogies in every space of some sources, with all their controls: what a hit rate is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedscope.analogies._records import Plan, SpaceScores, beyond, space_records, space_scores
from embedscope.analogies._spaces import AnalogySpace, SpaceReading, analogy_spaces
from embedscope.core.document import Document, Skipped
from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.tables import Data, Quadruples
from embedscope.sources.image_text import names_of

__all__ = ["AnalogySpace", "Plan", "SpaceReading", "analogy_scores", "analogy_spaces"]

PIXELS = "pixels:32"


def analogy_scores(
    sources: str | Sequence[str],
    dataset: str | Data = "google_analogies",
    *,
    plan: Plan | None = None,
    reading: SpaceReading | None = None,
    baselines: bool = True,
    data: str | Path | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Every measure of analogies for every source, joined with every control.

    Records of a measure ``ID`` (see ``Plan``): ``ID`` is the share of hits; ``ID.c``, ``ID.b``, ``ID.random`` are the
    controls, ``ID.gain`` the gain over the best of them, ``ID.mrr`` the mean reciprocal rank. With ``baselines`` comes
    ``ID.gain_over_baselines``, over these controls and over the same questions asked of the fresh initialisation of the
    model and, for pictures, of raw pixels. ``DATASET.angle.*`` and ``DATASET.spearman.*`` compare b - a + c with d;
    ``DATASET.METHOD.WORDS.ROWS.rank.*`` sets the rank of d by the offset against its rank by similarity to c alone;
    ``DATASET.parallelism.*`` compares offsets within and between relations.

    Parameters
    ----------
    sources : models of texts or pictures, files of word vectors (``gensim:FILE``), files of vectors with names
    dataset : name of a data set with questions, or one that was loaded (a user's folder)
    plan : what is asked and how; None for 3CosAdd on unit rows, a, b, c excluded and not, top 1 and top 5
    reading : which spaces of a source are read

    Raises
    ------
    InputError, UnknownNameError, DataUnavailableError, MissingExtraError
    """
    from embedscope.encoders import source_name

    progress, plan, reading = progress or Silent(), plan or Plan(), reading or SpaceReading()
    provenance = Provenance(command, plan.seed)
    with provenance.phase("data"):
        loaded = dataset if isinstance(dataset, Data) else _loaded(dataset, data, provenance)
    relation, table = question_relation(loaded, plan.relation)
    plan = replace(plan, relation=relation)
    skipped: list[Skipped] = []
    records: list[Record] = []
    work = _Work(loaded, table, plan, reading, provenance, progress)
    named = source_name(sources)
    for source in [named] if isinstance(named, str) else named:
        with provenance.phase(source):
            found = list(work.scored(source))
        below: dict[str, list[SpaceScores]] = {}
        for name in baselines_of(source, found[0].space) if baselines else ():
            try:
                with provenance.phase(name):
                    below[name] = list(work.scored(name))
            except EmbedscopeError as error:
                skipped.append(Skipped(f"baseline {name} of {source}", str(error)))
        records += [record for one in found for record in space_records(one, plan)]
        records += [record for rest in below.values() for one in rest for record in space_records(one, plan)]
        records += [record for one in found for record in beyond(one, below, plan)]
    provenance.settings = plan.as_dict()
    document = Document("Analogies", skipped=tuple(skipped)) if skipped else None
    return Result(tuple(records), provenance.as_dict(), document)


@dataclass(frozen=True)
class _Work:
    """What all sources share."""

    data: Data
    table: str
    plan: Plan
    reading: SpaceReading
    provenance: Provenance
    progress: Progress

    def scored(self, source: str) -> Iterator[SpaceScores]:
        """The spaces of ``source``, scored one at a time."""
        spaces = analogy_spaces(source, self.data, self.table, self.reading, self.provenance, self.progress)
        for space in spaces:
            self.progress.start(f"analogies in {space.source} {space.space}", None, "spaces")
            yield space_scores(space, self.plan)
            self.progress.close()


def question_relation(data: Data, wanted: str | None) -> tuple[str, str]:
    """Name and table of the questions of ``data``: ``wanted``, else "questions", "per_category" or the first there are.

    Raises
    ------
    InputError
        if there are none, or none of that name.
    """
    known = {name: r.table for name, r in data.relations.items() if isinstance(r, Quadruples)}
    if not known or (wanted is not None and wanted not in known):
        raise InputError(f"data set {data.name} has no questions {wanted or ''}; it has {', '.join(known) or 'none'}")
    name = wanted or next((n for n in ("questions", "per_category") if n in known), next(iter(known)))
    return name, known[name]


def baselines_of(source: str, space: AnalogySpace) -> tuple[str, ...]:
    """Sources that ``source`` must beat: its fresh initialisation, and raw pixels where it reads pictures."""
    named = names_of(source)
    fresh = () if source.startswith(("random:", "pixels")) or not _initialised(source) else (f"random:{source}",)
    pixels = (PIXELS,) if space.pictured and named is not None and not source.startswith("pixels") else ()
    return (*fresh, *pixels)


def _initialised(source: str) -> bool:
    """Whether ``source`` is a model with weights of its own."""
    from embedscope.encoders import ALIASES, is_model

    scheme = source.partition(":")[0]
    return source in ALIASES or (is_model(source) and (scheme in ("hf", "st") or names_of(source) is not None))


def _loaded(name: str, folder: str | Path | None, provenance: Provenance) -> Data:
    from embedscope.datasets import DATASETS, Finder

    entry = DATASETS.get(name)
    found = entry.load(Finder(Path(folder) if folder else None))
    provenance.data[name] = {
        "version": entry.version,
        "licence": entry.licence,
        "citation": entry.citation,
        "sha256": dict(found.checksums),
    }
    return found
