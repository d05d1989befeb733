"""The measurements of the study: every model, its untrained network and raw pixels on every set of questions."""

from __future__ import annotations

from dataclasses import dataclass, field

from embedscope.core.document import Figure, Scatter, Skipped
from embedscope.core.errors import DataUnavailableError, InputError, MissingExtraError
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.experiments._shimangaud2024.figures import angle_figure, islands
from embedscope.experiments._shimangaud2024.ideal_words import factorisation_records
from embedscope.experiments._shimangaud2024.numbers import TABLE_4, format_question
from embedscope.experiments._shimangaud2024.offsets import offset_planes
from embedscope.experiments._shimangaud2024.relations import layer_records, parallelism_records, typicality_records
from embedscope.experiments._shimangaud2024.scores import Answers, answers, headline, place_of, score_records
from embedscope.experiments._shimangaud2024.study_data import QuestionSet, StudyData
from embedscope.experiments._shimangaud2024.vectors import IMAGE, Model, label_of, open_vectors
from embedscope.experiments.experiment import Options
from embedscope.tasks.analogy_angles import closeness
from embedscope.tasks.analogy_rows import CandidateRows

SCALES = {
    "smoke": "emoji with the first 60 families of skin tones, SemEval-2012",
    "full": "emoji, SemEval-2012, Google analogies, BATS 3.0",
}
PIXELS = "pixels:32"


@dataclass
class StudyResults:
    """What is gathered on the way; ``controls`` are raw pixels, opened once for all models of images."""

    models: list[Model] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    scatters: list[Scatter] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    answered: dict[tuple[str, str], Answers] = field(default_factory=dict)


def measure_model(
    source: str, study_data: StudyData, options: Options, provenance: Provenance, results: StudyResults
) -> None:
    """Everything that is measured on one model, its controls first."""
    model = open_vectors(source, study_data, options, provenance)
    results.models.append(model)
    controls = _controls(model, study_data, options, provenance, results)
    sets = [question_set for question_set in study_data.sets if model.reads(question_set)]
    if not sets:
        results.skipped.append(Skipped(model.label, "it reads images, and no set of questions has any"))
    options.progress.start(f"asking {model.label}", len(sets), "sets of questions")
    for question_set in sets:
        with provenance.phase(f"questions {source}"):
            own = _answers_of(model, question_set, options.seed, results)
            others = [_answers_of(control, question_set, options.seed, results) for control in controls]
            results.records += headline(own, others, options.seed)
        if question_set.layers:
            with provenance.phase(f"relations {source}"):
                _relations([model, *controls], question_set, options.seed, results)
            with provenance.phase(f"figures {source}"):
                _figures(own, options, results)
        options.progress.advance(1)
    options.progress.close()
    _typicality([model, *controls], study_data, options.seed, results)
    results.records += single_angles(model, study_data.single)


def _answers_of(model: Model, question_set: QuestionSet, seed: int, results: StudyResults) -> Answers:
    key = (model.source, question_set.name)
    if key not in results.answered:
        results.answered[key] = answers(model, question_set, seed)
        results.records += score_records(results.answered[key], seed)
        if model.concepts is not None:
            shown = model.concepts(question_set)
            note = f"{shown.count.min()} to {shown.count.max()} images per concept"
            place = place_of(model, question_set, model.main, model.rows(question_set, model.main).shape[1])
            results.records.append(
                place.record("concept.spread", Score(shown.cosine, len(question_set.images), note=note))
            )
    return results.answered[key]


def _controls(
    model: Model, study_data: StudyData, options: Options, provenance: Provenance, results: StudyResults
) -> list[Model]:
    wanted = [] if model.source.startswith(("pixels:", "random:")) else [f"random:{model.source}"]
    if model.modality == IMAGE and not model.source.startswith("pixels:"):
        wanted.append(PIXELS)
    controls = []
    for uri in wanted:
        known = next((m for m in results.models if m.source == uri), None)
        if known is None:
            try:
                known = open_vectors(uri, study_data, options, provenance, of=model.source)
            except (InputError, DataUnavailableError) as error:
                results.skipped.append(Skipped(f"control {label_of(uri)}", str(error)))
                continue
            results.models.append(known)
        controls.append(known)
    return controls


def _relations(models: list[Model], question_set: QuestionSet, seed: int, results: StudyResults) -> None:
    for model in models:
        if not any(r.source == model.source and r.task == question_set.name and _parallel(r) for r in results.records):
            results.records += parallelism_records(model, question_set, seed)
            results.records += factorisation_records(model, question_set, seed)
        if not model.baseline:
            results.records += layer_records(model, question_set, seed)


def _parallel(record: Record) -> bool:
    return record.metric.startswith("parallelism.")


def _figures(own: Answers, options: Options, results: StudyResults) -> None:
    results.figures += angle_figure(own)
    results.scatters += islands(own, options.seed)
    try:
        results.scatters += offset_planes(own, options.seed)
    except MissingExtraError as error:
        results.skipped.append(Skipped("thumbnails of concepts", str(error)))


def _typicality(models: list[Model], study_data: StudyData, seed: int, results: StudyResults) -> None:
    question_set = next((s for s in study_data.sets if s.name == "semeval2012.per_category"), None)
    if study_data.semeval is None or question_set is None:
        return
    for model in models:
        if model.modality != IMAGE:
            results.records += typicality_records(model, study_data.semeval, question_set, seed)


def single_angles(model: Model, single: QuestionSet) -> list[Record]:
    """The three angles of Table 4; for images only where the folder has the words."""
    if not model.reads(single):
        return []
    x = model.rows(single, model.main)
    angles = closeness(CandidateRows.of(x, "raw"), single.questions).angle
    place = place_of(model, single, model.main, x.shape[1])
    return [
        place.record(f"angle: {format_question(words)}", Score(float(angle), 1), rows="raw")
        for words, angle in zip(TABLE_4, angles, strict=True)
        if angle == angle  # noqa: PLR0124 - nan where a word has no vector
    ]
