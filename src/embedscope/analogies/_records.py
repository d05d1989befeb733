"""Scores of analogies in one space, and the records they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from embedscope.analogies._spaces import AnalogySpace
from embedscope.core.arrays import Floats
from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.stats.score_records import score_record
from embedscope.tasks._analogy_angles import Closeness, closeness
from embedscope.tasks._analogy_outcome import CONTROLS, Outcome, gain, outcome, top_scores
from embedscope.tasks._analogy_questions import Questions, questions_of
from embedscope.tasks._analogy_rows import CandidateRows
from embedscope.tasks.parallelism import Parallelism, parallelism, relation_pairs


@dataclass(frozen=True)
class Plan:
    """What is asked, and how.

    Attributes
    ----------
    relation : name of the questions, None for the data set's main ones
    methods : "3cosadd", "3cosmul", "pairdirection"
    exclude : whether a, b, c are no candidates; both by default
    rows : "unit", "raw", "centered"
    ks : top-k hits
    reverse : ask b : a :: d : c
    by_relation : records for every relation as well
    """

    relation: str | None = None
    methods: tuple[str, ...] = ("3cosadd",)
    exclude: tuple[bool, ...] = (True, False)
    rows: tuple[str, ...] = ("unit",)
    ks: tuple[int, ...] = (1, 5)
    reverse: bool = False
    by_relation: bool = True
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The plan as JSON types."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


def measure_id(dataset: str, method: str, exclude: bool, rows: str, k: int) -> str:
    """Id of a measure: the data set's name for 3CosAdd on unit rows, a, b, c excluded, top 1.

    >>> measure_id("bats", "3cosadd", True, "unit", 1), measure_id("bats", "3cosmul", False, "raw", 5)
    ('bats', 'bats.3cosmul.all.raw.top5')
    """
    if (method, exclude, rows, k) == ("3cosadd", True, "unit", 1):
        return dataset
    return f"{dataset}.{method}.{'exclude' if exclude else 'all'}.{rows}.top{k}"


@dataclass(frozen=True, eq=False)
class SpaceScores:
    """All that was found in one space.

    Attributes
    ----------
    outcomes : by (method, exclude, rows)
    near, parallel, lengths : by rows; ``lengths`` (m,) are |b - a| / |c|
    scores : by measure, its controls included
    """

    space: AnalogySpace
    questions: Questions
    outcomes: Mapping[tuple[str, bool, str], Outcome]
    near: Mapping[str, Closeness]
    parallel: Mapping[str, Parallelism]
    lengths: Mapping[str, Floats]
    scores: Mapping[str, Score]


def space_scores(space: AnalogySpace, plan: Plan) -> SpaceScores:
    """Ask all that ``plan`` says in one space."""
    questions = questions_of(space.data, plan.relation or "questions", reverse=plan.reverse)
    outcomes: dict[Any, Any] = {}
    scores: dict[str, Score] = {}
    near, parallel, lengths = {}, {}, {}
    for kind in plan.rows:
        rows = CandidateRows.of(space.x, kind)
        near[kind] = closeness(rows, questions)
        used, place = np.unique(np.concatenate([questions.words.ravel(), questions.answers[:, 0]]), return_inverse=True)
        pairs, section = relation_pairs(questions)
        vectors = rows.take(used)
        parallel[kind] = parallelism(vectors, np.searchsorted(used, pairs), section, questions.sections)
        a, b, c = np.asarray(place, dtype=np.intp)[: questions.words.size].reshape(-1, 3).T
        lengths[kind] = _lengths(vectors[b] - vectors[a]) / _lengths(vectors[c])
        for method in plan.methods:
            for exclude in plan.exclude:
                found = outcome(rows, questions, method=method, exclude=exclude, seed=plan.seed)
                outcomes[method, exclude, kind] = found
                for k in plan.ks:
                    scores |= top_scores(found, measure_id(space.data.name, method, exclude, kind, k), k, plan.seed)
    return SpaceScores(space, questions, outcomes, near, parallel, lengths, scores)


def _lengths(x: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", x, x)))


def space_records(found: SpaceScores, plan: Plan) -> Iterator[Record]:
    """The records of one space: scores, scores of each relation, islands, angles, parallelism."""
    for metric, score in found.scores.items():
        yield _record(found, metric, score)
    for (method, exclude, kind), one in found.outcomes.items():
        yield from _islands(found, one, f"{_task(found)}.{method}.{'exclude' if exclude else 'all'}.{kind}", kind)
        if plan.by_relation and len(found.questions.sections) > 1:
            name = measure_id(_task(found), method, exclude, kind, plan.ks[0])
            for i, section in enumerate(found.questions.sections):
                some = top_scores(one, name, plan.ks[0], plan.seed, found.questions.section == i)
                for metric, score in some.items():
                    yield _record(found, metric, Score(score.value, score.n, score.draws), subset=section)
    for kind in plan.rows:
        yield from _closenesses(found, kind)
        for name, score in found.parallel[kind].scores(plan.seed).items():
            note = f"{int(found.parallel[kind].pairs.sum()):,} pairs; pairs that share a word are not compared"
            what = Score(score.value, score.n, score.draws, None, "; ".join(filter(None, [score.note, note])))
            yield _record(found, f"{_task(found)}.parallelism.{name}", what, rows=kind)


def beyond(found: SpaceScores, below: Mapping[str, Sequence[SpaceScores]], plan: Plan) -> Iterator[Record]:
    """Gains over controls and baselines together; a baseline is asked in the same pooling and space where it has it."""
    for metric in (m for m in found.scores if f"{m}.gain" in found.scores):
        controls = [(c, found.scores[f"{metric}.{c}"]) for c in CONTROLS]
        for name, spaces in below.items():
            place = (found.space.pooling, found.space.space)
            same = next((s for s in spaces if (s.space.pooling, s.space.space) == place), spaces[0])
            controls.append((name, same.scores[metric]))
        if len(controls) > len(CONTROLS):
            yield _record(found, f"{metric}.gain_over_baselines", gain(found.scores[metric], controls))


def _task(found: SpaceScores) -> str:
    return found.space.data.name


def _record(
    found: SpaceScores, metric: str, score: Score, *, subset: str | None = None, rows: str | None = None
) -> Record:
    kind = next((k for k in ("raw", "centered") if f".{k}." in metric), "unit")
    return score_record(
        score,
        note=found.space.note,
        source=found.space.source,
        pooling=found.space.pooling,
        space=found.space.space,
        task=_task(found),
        metric=metric,
        dim=int(found.space.x.shape[1]),
        rows=rows or kind,
        subset=subset,
    )


def _islands(found: SpaceScores, one: Outcome, name: str, kind: str) -> Iterator[Record]:
    """Rank of d under the offset against its rank under similarity to c alone."""
    offset, alone = one.ranks["offset"].rank, one.ranks["c"].rank
    both = (offset > 0) & (alone > 0)
    n = int(both.sum())
    moved = np.sign(alone[both] - offset[both])
    long = found.lengths[kind][one.asked]
    values: dict[str, tuple[float | None, str]] = {
        "rank.offset": (_median(offset[both]), "median rank of d by b - a + c"),
        "rank.c": (_median(alone[both]), "median rank of d by similarity to c alone"),
        "rank.nearer": (
            float((moved > 0).mean()) if n else None,
            "share of questions where the offset brings d nearer",
        ),
        "rank.farther": (float((moved < 0).mean()) if n else None, "share of questions where it takes d farther"),
        "offset_length": (_median(long), "median |b - a| / |c|"),
    }
    for what, (value, note) in values.items():
        yield _record(found, f"{name}.{what}", Score(value, n, None, None, note), rows=kind)


def _median(x: Any) -> float | None:
    known = np.asarray(x, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else None


def _closenesses(found: SpaceScores, kind: str) -> Iterator[Record]:
    near = found.near[kind]
    for what, items, unit in (("angle", near.angle, "degrees"), ("spearman", near.spearman, "over coordinates")):
        known = items[np.isfinite(items)]
        for name, of in (("min", np.min), ("max", np.max), ("mean", np.mean)):
            value = float(of(known)) if len(known) else None
            score = Score(value, len(known), None, None, f"b - a + c against d, {unit}")
            yield _record(found, f"{_task(found)}.{what}.{name}", score, rows=kind)
