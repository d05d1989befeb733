"""Parallelism of a relation's offsets in every layer, and SemEval-2012's own measure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Floats
from embedscope.core.records import Record
from embedscope.core.tables import Data, Pairs, Score
from embedscope.experiments._shimangaud2024.scores import MAIN, place_of, prepare_rows
from embedscope.experiments._shimangaud2024.study_data import QuestionSet
from embedscope.experiments._shimangaud2024.vectors import Model
from embedscope.stats.correlation import DECIMALS, spearman
from embedscope.tasks.analogy_outcome import outcome, top_scores
from embedscope.tasks.analogy_rows import CandidateRows
from embedscope.tasks.cosines import pair_cosines
from embedscope.tasks.means import mean_score
from embedscope.tasks.parallelism import parallelism, relation_pairs

FEW = 10
"""Relations below which an interval over relations would say nothing."""


def parallelism_records(model: Model, question_set: QuestionSet, seed: int) -> Iterator[Record]:
    """Mean cosine of offsets within and between relations, unit rows, in every space; by relation in the main one."""
    pairs, section = relation_pairs(question_set.questions)
    for space in model.spaces:
        x = model.rows(question_set, space)
        result = parallelism(
            CandidateRows.of(x, "unit").take(slice(None)), pairs, section, question_set.questions.sections
        )
        place = place_of(model, question_set, space, x.shape[1])
        few = int(np.isfinite(result.within).sum()) < FEW
        for name, score in result.scores(seed).items():
            shown = Score(score.value, score.n, note="too few relations for an interval") if few else score
            yield place.record(f"parallelism.{name}", shown, rows="unit")
        if space != model.main or model.baseline:
            continue
        for i, name in enumerate(question_set.questions.sections):
            if np.isfinite(result.within[i]):
                for part, values in (("within", result.within), ("between", result.between)):
                    score = _plain(values[i], int(result.pairs[i]))
                    yield place.record(f"parallelism.{part}", score, rows="unit", subset=name or "all")


def _plain(value: float, n: int) -> Score:
    return Score(float(value) if np.isfinite(value) else None, n)


def layer_records(model: Model, question_set: QuestionSet, seed: int) -> Iterator[Record]:
    """Top-1 of the main way and its gain over the controls of the model itself, in every layer."""
    method, words, rows = MAIN.split(".")
    for space in model.spaces:
        if space == model.main:
            continue
        x = model.rows(question_set, space)
        if not _varies(x):
            continue
        result = outcome(
            prepare_rows(x, rows), question_set.questions, method=method, exclude=words == "exclude", seed=seed
        )
        place = place_of(model, question_set, space, x.shape[1])
        for name, score in top_scores(result, f"{MAIN}.top1", 1, seed).items():
            if not name.endswith(".mrr"):
                yield place.record(name, score, rows=rows)


def _varies(x: Floats) -> bool:
    known = x[np.isfinite(x).all(axis=1)]
    return len(known) > 1 and bool(np.ptp(known, axis=0).any())


def typicality_records(model: Model, data: Data, question_set: QuestionSet, seed: int) -> Iterator[Record]:
    """Spearman and MaxDiff of SemEval-2012, mean over relations and by relation, with a control.

    Control: the cosine of the two words of a pair, which knows nothing of the relation.
    """
    from embedscope.tasks.relations import ENTRIES

    (task,) = ENTRIES.values()
    rated = data.relations["rated"]
    assert isinstance(rated, Pairs)
    x = model.rows(question_set, model.main)
    place = place_of(model, question_set, model.main, x.shape[1])
    scores = task.score({"words": x}, data, seed)
    for name, score in scores.items():
        yield place.record(name.replace(task.id, "typicality"), score, rows="unit")
    items = scores[task.id].items
    assert items is not None
    names = list(dict.fromkeys(rated.subset))
    cosine = _by_cosine(x, rated, np.isfinite(items), seed)
    yield place.record("typicality.cosine", cosine, rows="unit")
    assert cosine.items is not None
    yield place.record("typicality.gain", mean_score(items - cosine.items, seed), rows="unit")
    for name, value in zip(names, items, strict=True) if not model.baseline else ():
        if np.isfinite(value):
            yield place.record("typicality", Score(float(value), 1), rows="unit", subset=name)


def _by_cosine(x: Floats, rated: Pairs, tested: npt.NDArray[np.bool_], seed: int) -> Score:
    """Mean over the tested relations of the correlation of a pair's own cosine with its rating."""
    cosines, section = np.round(pair_cosines(x, rated.left, rated.right), DECIMALS), np.array(rated.subset)
    values = np.full(len(tested), np.nan)
    for i, name in enumerate(dict.fromkeys(rated.subset)):
        here = (section == name) & np.isfinite(cosines)
        ranked = spearman(cosines[here], rated.gold[here]) if tested[i] and here.sum() > 1 else None
        values[i] = np.nan if ranked is None else ranked
    return mean_score(values, seed)
