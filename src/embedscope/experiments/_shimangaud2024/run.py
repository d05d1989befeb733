"""The measurements of the study: every model, its untrained network and raw pixels on every set of questions."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedscope.core.document import Figure, Scatter, Skipped
from embedscope.core.errors import DataUnavailableError, InputError, MissingExtraError
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.experiments._experiment import Options
from embedscope.experiments._shimangaud2024.figures import angle_figure, islands
from embedscope.experiments._shimangaud2024.material import Material, QuestionSet
from embedscope.experiments._shimangaud2024.numbers import TABLE_4, spelled
from embedscope.experiments._shimangaud2024.offsets import offset_planes
from embedscope.experiments._shimangaud2024.relations import layer_records, parallelism_records, typicality_records
from embedscope.experiments._shimangaud2024.scores import Answers, answers, headline, place_of, score_records
from embedscope.experiments._shimangaud2024.vectors import IMAGE, Model, label_of, open_vectors
from embedscope.tasks._analogy_angles import closeness
from embedscope.tasks._analogy_rows import CandidateRows

SCALES = {
    "smoke": "emoji with the first 60 families of skin tones, SemEval-2012",
    "full": "emoji, SemEval-2012, Google analogies, BATS 3.0",
}
PIXELS = "pixels:32"


@dataclass
class Findings:
    """What is gathered on the way; ``controls`` are raw pixels, opened once for all models of images."""

    models: list[Model] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    scatters: list[Scatter] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    given: dict[tuple[str, str], Answers] = field(default_factory=dict)


def study(source: str, study_data: Material, options: Options, provenance: Provenance, found: Findings) -> None:
    """Everything that is measured on one model, its controls first."""
    model = open_vectors(source, study_data, options, provenance)
    found.models.append(model)
    controls = _controls(model, study_data, options, provenance, found)
    sets = [asked for asked in study_data.sets if model.reads(asked)]
    if not sets:
        found.skipped.append(Skipped(model.label, "it reads pictures, and no set of questions has any"))
    options.progress.start(f"asking {model.label}", len(sets), "sets of questions")
    for asked in sets:
        with provenance.phase(f"questions {source}"):
            own = _asked(model, asked, options.seed, found)
            others = [_asked(control, asked, options.seed, found) for control in controls]
            found.records += headline(own, others, options.seed)
        if asked.layers:
            with provenance.phase(f"relations {source}"):
                _relations([model, *controls], asked, options.seed, found)
            with provenance.phase(f"pictures {source}"):
                _pictures(own, options, found)
        options.progress.advance(1)
    options.progress.close()
    _typicality([model, *controls], study_data, options.seed, found)
    found.records += single_angles(model, study_data.single)


def _asked(model: Model, asked: QuestionSet, seed: int, found: Findings) -> Answers:
    key = (model.source, asked.name)
    if key not in found.given:
        found.given[key] = answers(model, asked, seed)
        found.records += score_records(found.given[key], seed)
        if model.concepts is not None:
            shown = model.concepts(asked)
            note = f"{shown.count.min()} to {shown.count.max()} pictures a concept"
            place = place_of(model, asked, model.main, model.rows(asked, model.main).shape[1])
            found.records.append(place.record("concept.spread", Score(shown.cosine, len(asked.images), note=note)))
    return found.given[key]


def _controls(
    model: Model, study_data: Material, options: Options, provenance: Provenance, found: Findings
) -> list[Model]:
    wanted = [] if model.source.startswith(("pixels:", "random:")) else [f"random:{model.source}"]
    if model.modality == IMAGE and not model.source.startswith("pixels:"):
        wanted.append(PIXELS)
    controls = []
    for uri in wanted:
        known = next((m for m in found.models if m.source == uri), None)
        if known is None:
            try:
                known = open_vectors(uri, study_data, options, provenance, of=model.source)
            except (InputError, DataUnavailableError) as error:
                found.skipped.append(Skipped(f"control {label_of(uri)}", str(error)))
                continue
            found.models.append(known)
        controls.append(known)
    return controls


def _relations(models: list[Model], asked: QuestionSet, seed: int, found: Findings) -> None:
    for model in models:
        if not any(r.source == model.source and r.task == asked.name and _parallel(r) for r in found.records):
            found.records += parallelism_records(model, asked, seed)
        if not model.baseline:
            found.records += layer_records(model, asked, seed)


def _parallel(record: Record) -> bool:
    return record.metric.startswith("parallelism.")


def _pictures(own: Answers, options: Options, found: Findings) -> None:
    found.figures += angle_figure(own)
    found.scatters += islands(own, options.seed)
    try:
        found.scatters += offset_planes(own, options.seed)
    except MissingExtraError as error:
        found.skipped.append(Skipped("thumbnails of concepts", str(error)))


def _typicality(models: list[Model], study_data: Material, seed: int, found: Findings) -> None:
    asked = next((s for s in study_data.sets if s.name == "semeval2012.per_category"), None)
    if study_data.semeval is None or asked is None:
        return
    for model in models:
        if model.modality != IMAGE:
            found.records += typicality_records(model, study_data.semeval, asked, seed)


def single_angles(model: Model, single: QuestionSet) -> list[Record]:
    """The three angles of Table 4; for pictures only where the folder has the words."""
    if not model.reads(single):
        return []
    x = model.rows(single, model.main)
    angles = closeness(CandidateRows.of(x, "raw"), single.questions).angle
    place = place_of(model, single, model.main, x.shape[1])
    return [
        place.record(f"angle: {spelled(words)}", Score(float(angle), 1), rows="raw")
        for words, angle in zip(TABLE_4, angles, strict=True)
        if angle == angle  # noqa: PLR0124 - nan where a word has no vector
    ]
