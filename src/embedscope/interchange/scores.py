"""Scores of a result by model and task, as files of other tools have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from embedscope.core.errors import InputError
from embedscope.core.records import Record
from embedscope.core.result import Result

RETRIEVAL = "retrieval"
"""Name of the task of queries, documents and judgements of one's own."""

_MAIN_OF_RETRIEVAL = ("ndcg@10", "ndcg@100", "map@100", "map")


@dataclass
class TaskScores:
    """All numbers of one model on one task, in one space.

    Attributes
    ----------
    model : source with its space, where that is not the model's own text vector
    main : the record of the main score
    records : by metric, those with a value
    """

    model: str
    task: str
    main: Record
    records: dict[str, Record] = field(default_factory=dict)


def task_scores(result: Result) -> list[TaskScores]:
    """Scores of a result of ``evaluate``, in its order.

    Raises
    ------
    InputError
        if the result holds no scores of tasks or of retrieval.
    """
    groups: dict[tuple[str, str], dict[str, Record]] = {}
    for r in result.records:
        task = r.task or (RETRIEVAL if "@" in r.metric else None)
        if task is None or r.compares or r.value is None:
            continue
        name = r.metric if r.variant is None else f"{r.metric}:{r.variant}"
        groups.setdefault((_model(r), task), {})[name] = r
    scores = []
    for (model, task), records in groups.items():
        wanted = (task, *_MAIN_OF_RETRIEVAL, next(iter(records)))
        main = next(records[name] for name in wanted if name in records)
        scores.append(TaskScores(model, task, main, records))
    if not scores:
        raise InputError(
            "this result holds no scores of tasks or of retrieval; pass one that `embedscope evaluate` saved"
        )
    return scores


def _model(r: Record) -> str:
    place = [p for p in (r.pooling, r.space) if p and p not in {"pooled", "vectors", "query", "document"}]
    changed = [r.transform] if r.transform else []
    return " ".join([r.source, *place, *changed])


def file_name(text: str) -> str:
    """``text`` as the name of a file or folder: letters, digits, dot, dash and underscore.

    >>> file_name("hf:gpt2 layer03")
    'hf_gpt2_layer03'
    """
    return re.sub(r"[^0-9A-Za-z._-]+", "_", text).strip("._") or "model"


KNOWN: Mapping[str, tuple[str, str]] = {
    "stsb": ("STSBenchmark", "mteb/stsbenchmark-sts"),
    "sts12": ("STS12", "mteb/sts12-sts"),
    "sts13": ("STS13", "mteb/sts13-sts"),
    "sts14": ("STS14", "mteb/sts14-sts"),
    "sts15": ("STS15", "mteb/sts15-sts"),
    "sts16": ("STS16", "mteb/sts16-sts"),
}
"""Task -> its name in mteb and its data set on the hub, where both score the same pairs of the same test set."""
