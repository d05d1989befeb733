"""Hits with all their controls, closeness of b - a + c and d, and the gain over the best control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.experiments._shimangaud2024.study_data import QuestionSet, relations_of
from embedscope.experiments._shimangaud2024.vectors import Model
from embedscope.stats.best_of import less_best
from embedscope.stats.score_records import score_record
from embedscope.tasks.analogy_angles import Closeness, closeness
from embedscope.tasks.analogy_draws import Ends, mean_scores
from embedscope.tasks.analogy_outcome import CONTROLS, Outcome, outcomes, top_scores
from embedscope.tasks.analogy_ranks import Asked, analogy_ranks
from embedscope.tasks.analogy_rows import KINDS, CandidateRows

TOPS = (1, 5)
MAIN = "3cosadd.exclude.unit"
PUBLISHED = "3cosadd.all.raw"
"""The method of the study: b - a + c on raw vectors, with a, b and c among the candidates."""

WAYS = tuple(f"3cosadd.{words}.{rows}" for rows in KINDS for words in ("exclude", "all"))
FEW = 5
"""Questions below which a relation has no line of its own."""

OTHER_WAYS = ("3cosmul.exclude.unit", "pairdirection.exclude.unit")
CONTROL_WAYS = (MAIN, PUBLISHED)
NAMES = {
    "c": "similarity to c",
    "b": "similarity to b",
    "random": "pairs of other relations",
    "untrained": "the untrained network",
    "pixels": "raw pixels",
}


@dataclass(frozen=True)
class Place:
    """Where a number is taken: source, space, set of questions."""

    source: str
    task: str
    space: str
    dim: int
    subset: str | None = None

    def record(self, metric: str, score: Score, *, rows: str | None = None, subset: str | None = None) -> Record:
        """The score as a record with its interval."""
        return score_record(
            score,
            source=self.source,
            metric=metric,
            space=self.space,
            task=self.task,
            dim=self.dim,
            rows=rows,
            subset=subset or self.subset,
        )


@dataclass(frozen=True, eq=False)
class Answers:
    """What one model answers to one set in its main space, by way of asking; kept for what other models control."""

    model: Model
    question_set: QuestionSet
    outcomes: Mapping[str, Outcome]
    near: Closeness
    before: Floats

    def hits(self, way: str, k: int, control: str = "offset") -> Floats:
        """1, 0 or nan per question (m,)."""
        return self.outcomes[way].hits(control, k)


def place_of(model: Model, question_set: QuestionSet, space: str, dim: int) -> Place:
    """The place of a set in a space."""
    return Place(model.source, question_set.name, space, dim, question_set.subset)


def answers(model: Model, question_set: QuestionSet, seed: int) -> Answers:
    """Ask the set in every way (a control: in the main way and the published one)."""
    x = model.rows(question_set, model.main)
    ways = CONTROL_WAYS if model.baseline else (*WAYS, *(OTHER_WAYS if question_set.layers else ()))
    results: dict[str, Outcome] = {}
    for kind in dict.fromkeys(way.rpartition(".")[2] for way in ways):
        own = [way for way in ways if way.endswith(f".{kind}")]
        parts = [(way.split(".")[0], way.split(".")[1] == "exclude") for way in own]
        results |= zip(own, outcomes(prepare_rows(x, kind), question_set.questions, parts, seed), strict=True)
    raw = CandidateRows.of(x, "raw")
    results = {way: results[way] for way in ways}
    return Answers(
        model, question_set, results, closeness(raw, question_set.questions), angles_from_c(raw, question_set)
    )


def prepare_rows(x: Floats, kind: str) -> CandidateRows:
    """Rows (n, d) read as ``kind`` once and for all, so that they are not scaled again for every question."""
    return CandidateRows.of(CandidateRows.of(x, kind).take(slice(None)), "raw")


def angles_from_c(rows: CandidateRows, question_set: QuestionSet) -> Floats:
    """Angle (m,) between c alone and d: what the offset has to make smaller."""
    words = question_set.questions.words.copy()
    words[:, :2] = words[:, 2:]
    return closeness(rows, replace(question_set.questions, words=words), spearman=False).angle


def score_records(answered: Answers, seed: int) -> Iterator[Record]:
    """Top-1, top-5 and MRR of every way with the controls of the model itself, closeness and islands."""
    model, question_set = answered.model, answered.question_set
    place = place_of(model, question_set, model.main, vector_dim(model, question_set))
    for way, result in answered.outcomes.items():
        rows = way.rpartition(".")[2]
        for k in TOPS:
            for name, score in top_scores(result, f"{way}.top{k}", k, seed).items():
                if k == TOPS[0] or not name.endswith(".mrr"):
                    yield place.record(name.replace(f".top{k}.mrr", ".mrr"), score, rows=rows)
    for k in TOPS:
        for control in ("offset", "random"):
            items = answered.hits(PUBLISHED, k, control)
            more = "" if control == "offset" else f".{control}"
            yield place.record(f"hits.top{k}{more}", _count(items), rows="raw")
    yield from _close(answered, place, seed)
    yield from _islands(answered, place, seed)


def vector_dim(model: Model, question_set: QuestionSet) -> int:
    """Number of dimensions of the vectors."""
    return int(model.rows(question_set, model.main).shape[1])


def _count(items: Floats) -> Score:
    known = np.isfinite(items)
    if not known.any():
        return Score(None, 0, note="undefined: no question has all its vectors, or all are of one relation")
    return Score(float(items[known].sum()), int(known.sum()), note="questions answered; of random pairs the mean draw")


def _close(answered: Answers, place: Place, seed: int) -> Iterator[Record]:
    for name, items in (("angle", answered.near.angle), ("coordinate_spearman", answered.near.spearman)):
        known = items[np.isfinite(items)]
        if not len(known):
            continue
        for part, value in (("min", known.min()), ("max", known.max())):
            yield place.record(f"{name}.{part}", Score(float(value), len(known)), rows="raw")
        yield place.record(f"{name}.mean", mean_over(items, seed, answered.question_set.questions.ends), rows="raw")
    yield place.record(
        "angle.from_c", mean_over(answered.before, seed, answered.question_set.questions.ends), rows="raw"
    )


def _islands(answered: Answers, place: Place, seed: int) -> Iterator[Record]:
    """How often c is nearest to b - a + c, and how often the offset lets d rise above where c alone has it."""
    x = CandidateRows.of(answered.model.rows(answered.question_set, answered.model.main), "raw")
    questions = answered.question_set.questions
    result = answered.outcomes[PUBLISHED]
    words = questions.words[result.asked]
    stays = np.full(len(questions), np.nan)
    if len(words):
        stays[result.asked] = analogy_ranks(x, [Asked("3cosadd", words, words[:, 2:], exclude=False)])[0].hits(1)
    yield place.record("stays_at_c", mean_over(stays, seed, questions.ends), rows="raw")
    main = answered.outcomes[MAIN]
    rises = np.full(len(questions), np.nan)
    rises[main.asked] = main.ranks["offset"].rank < main.ranks["c"].rank
    yield place.record("rises_above_c", mean_over(rises, seed, questions.ends), rows="unit")
    net = np.full(len(questions), np.nan)
    net[main.asked] = np.sign(main.ranks["c"].rank - main.ranks["offset"].rank)
    yield place.record("rises_less_falls", mean_over(net, seed, questions.ends), rows="unit")
    for control in ("offset", *CONTROLS[:2]):
        ranks = main.ranks[control].rank
        ranks = ranks[ranks > 0]
        if len(ranks):
            yield place.record(f"rank.{control}", Score(float(np.median(ranks)), len(ranks)), rows="unit")


def headline(answered: Answers, others: Sequence[Answers], seed: int) -> Iterator[Record]:
    """Gain of the main way over the best of all controls, for the set and for each of its relations.

    ``others`` are the untrained network and the raw pixels on the same questions. The draws take the highest control
    of each draw, so that choosing the best one is paid for.
    """
    place = place_of(
        answered.model, answered.question_set, answered.model.main, vector_dim(answered.model, answered.question_set)
    )
    ends = answered.question_set.questions.ends
    sections = relations_of(answered.question_set.questions) if answered.question_set.by_relation else {}
    for k in TOPS:
        controls = {name: answered.hits(MAIN, k, name) for name in CONTROLS}
        for other in others:
            name = "pixels" if other.model.source.startswith("pixels:") else "untrained"
            controls[name] = other.hits(MAIN, k)
        main = answered.hits(MAIN, k)
        yield place.record(f"headline.top{k}", gain_over(main, controls, seed, ends), rows="unit")
        for number, name in sections.items() if k == TOPS[0] else ():
            here = answered.question_set.questions.section == number
            if here.sum() < FEW:
                continue
            part = np.where(here, main, np.nan)
            yield place.record(f"headline.top{k}", gain_over(part, controls, seed, ends), rows="unit", subset=name)
            yield place.record(f"hit.top{k}", mean_over(part, seed, ends), rows="unit", subset=name)


def mean_over(items: Floats, seed: int, ends: Ends) -> Score:
    """Mean of ``items`` (m,), one per question, nan where left out, with draws of their word pairs."""
    return mean_scores({"": items}, seed, ends)[""]


def gain_over(main: Floats, controls: Mapping[str, Floats], seed: int, ends: Ends) -> Score:
    """Mean of ``main`` (m,) less the highest mean of ``controls``, with paired draws; the note names the highest.

    >>> two = np.array([1.0, 1.0]), {"c": np.array([1.0, 0.0]), "b": np.zeros(2)}
    >>> gain_over(*two, 0, (np.array([0, 1]), np.array([2, 3]))).value
    0.5
    """
    both = np.isfinite(main)
    columns = {"": main} | {name: np.where(both, items, np.nan) for name, items in controls.items()}
    scored = mean_scores(columns, seed, ends)
    own = scored.pop("")
    defined = {name: s for name, s in scored.items() if s.value is not None}
    if own.value is None or own.draws is None or not defined:
        return Score(None, own.n, note="undefined: no question has all its vectors")
    best, score = less_best(own, defined)
    listed = f"hits: {own.value:.3f}; " + ", ".join(f"{NAMES[name]} {s.value:.3f}" for name, s in defined.items())
    return replace(
        score, items=None, note=f"best control: {NAMES[best]}; {listed}", facts={"best_control": NAMES[best]}
    )
