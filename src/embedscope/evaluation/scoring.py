"""Scores of tasks in every space of a source, with bootstrap intervals that are paired across spaces and models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embedscope.core.atomic import write_text
from embedscope.core.document import Skipped
from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.images import Image
from embedscope.core.printable import csv_text
from embedscope.core.progress import Progress, Silent
from embedscope.core.records import Record
from embedscope.core.tables import Data, Score, Task
from embedscope.evaluation.user_tasks import is_user_task, user_task, user_task_facts
from embedscope.sources.layer_selection import POOLED
from embedscope.sources.models import SpaceName
from embedscope.stats.score_records import score_record


class Vectors(Protocol):
    """Vectors of texts, one space at a time; those of images have ``image_matrix`` as well."""

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``; a text without a vector is a row of nan."""


@dataclass(frozen=True)
class Job:
    """A task with its loaded data; ``subset`` describes the part that is scored, None for all of it."""

    task: Task
    data: Data
    subset: str | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """Distinct texts of all text tables of the task."""
        tables = [self.data.tables[name] for name in self.task.tables if name not in self.data.images]
        return tuple(dict.fromkeys(t for table in tables for t in table.texts))

    @property
    def images(self) -> tuple[Image, ...]:
        """Distinct images of all image tables of the task."""
        tables = [self.data.images[name] for name in self.task.tables if name in self.data.images]
        return tuple({image.key: image for table in tables for image in table.images}.values())

    @property
    def unit(self) -> str:
        """What a row of its first table is: word, sentence, image..."""
        name = self.task.tables[0]
        return (self.data.images[name] if name in self.data.images else self.data.tables[name]).unit


@dataclass(frozen=True)
class TaskScore:
    """A score of a task in one space of a source."""

    source: str
    pooling: str | None
    space: str
    job: Job
    metric: str
    score: Score
    dim: int
    transform: str | None = None
    fitted_on: str | None = None
    note: str | None = None

    def record(self) -> Record:
        """The score as a record with its bootstrap interval; the metric ``ID:VARIANT`` is a variant of ``ID``."""
        metric, _, variant = self.metric.partition(":")
        return score_record(
            self.score,
            source=self.source,
            pooling=self.pooling,
            space=self.space,
            task=self.job.task.id.partition(":")[0],
            metric=metric,
            variant=variant or None,
            dim=self.dim,
            rows="unit",
            exact=self.job.subset is None,
            transform=self.transform,
            fitted_on=self.fitted_on,
            subset=self.job.subset,
            note=self.note,
        )


def load_jobs(names: Sequence[str], finder: Any, progress: Progress | None = None) -> tuple[list[Job], list[Skipped]]:
    """Tasks by name, or files as tasks (``sts:FILE``), with their data; those without data are skipped with the reason.

    Raises
    ------
    DataUnavailableError
        if all of the data are unavailable.
    """
    from embedscope.datasets import DATASETS
    from embedscope.tasks import TASKS

    own = {name: user_task(name) for name in names if is_user_task(name)}
    tasks = [own[name][0] if name in own else TASKS.get(name) for name in names]
    loaded: dict[str, Data] = {}
    for name, (task, _, said) in own.items():
        (progress or Silent()).note(f"{name}: {said}")
        if task.id in (other.id for other in tasks if other is not task):
            raise InputError(f"two tasks are called {task.id}; rename one of the files")
    jobs: list[Job] = []
    skipped: list[Skipped] = []
    for name, task in zip(names, tasks, strict=True):
        if name in own:
            jobs.append(Job(task, own[name][1]))
            continue
        try:
            if task.dataset not in loaded:
                loaded[task.dataset] = DATASETS.get(task.dataset).load(finder)
        except DataUnavailableError as error:
            skipped.append(Skipped(f"task {task.id}", str(error)))
        else:
            jobs.append(Job(task, loaded[task.dataset]))
    if tasks and not jobs:
        raise DataUnavailableError("; ".join(s.why for s in skipped))
    return jobs, skipped


def score_tasks(
    vectors: Vectors,
    jobs: Sequence[Job],
    spaces: Sequence[SpaceName],
    *,
    source: str,
    transform: str | None = None,
    seed: int = 0,
    note: str | None = None,
    compared: str = "cosine",
    progress: Progress | None = None,
) -> list[TaskScore]:
    """Scores of every job in every space.

    Parameters
    ----------
    transform : chain, fitted in each space on the texts of all jobs of one unit
    source, note : for the records
    compared : how the model compares its own text vectors (``pooled``), which tasks of pairs then do as well

    Returns
    -------
    one score per job, space and measure, main measures first; a space where the transform cannot be fitted has a score
    of None with the reason
    """
    progress = progress or Silent()
    chain = parse_transform(transform)
    progress.start(f"scoring {source}", len(jobs) * len(spaces), "scores")
    scores: list[TaskScore] = []
    for pooling, space in spaces:
        for unit_jobs in _by_unit(jobs):
            try:
                fitted, fitted_on = _fit_transform(vectors, unit_jobs, pooling, space, chain)
            except _UnfitError as error:
                undefined = Score(None, 0, note=str(error))
                scores += [
                    TaskScore(source, pooling, space, job, job.task.id, undefined, error.dim, transform)
                    for job in unit_jobs
                ]
                progress.advance(len(unit_jobs))
                continue
            for job in unit_jobs:
                tables = {name: _rows(vectors, fitted, job, name, space) for name in job.task.tables}
                dim = next(iter(tables.values())).shape[1]  # of the left side where there are two
                blank = TaskScore(source, pooling, space, job, "", Score(None, 0), dim, transform, fitted_on, note)
                task = job.task
                if compared != "cosine" and space == POOLED and hasattr(task, "compared"):
                    task = replace(task, compared=compared)  # type: ignore[type-var]
                    blank = replace(blank, note="; ".join(filter(None, (note, f"compared by {compared}, as saved"))))
                elif compared != "cosine" and space == POOLED:
                    own = f"the model compares by {compared}, which this task does not"
                    blank = replace(blank, note="; ".join(filter(None, (note, own))))
                measures = task.score(tables, job.data, seed)
                scores += [replace(blank, metric=metric, score=score) for metric, score in measures.items()]
                progress.advance(1)
    progress.close()
    return scores


def _rows(vectors: Any, fitted: Any, job: Job, name: str, space: str) -> npt.NDArray[Any]:
    if name not in job.data.images:
        return np.asarray(fitted(job.data.tables[name].texts))
    if not hasattr(vectors, "image_matrix"):
        raise InputError(
            f"task {job.task.id} has images and this source reads texts only; name a pair such as IMAGE+TEXT"
        )
    return np.asarray(vectors.image_matrix(space, job.data.images[name].images))


def parse_transform(transform: str | None) -> Any:
    """The unfitted chain that ``transform`` describes; None for None."""
    if transform is None:
        return None
    from embedscope.transforms import parse_chain

    return parse_chain(transform)


class _UnfitError(InputError):
    """A transform cannot be fitted in a space of ``dim`` dimensions (equal rows, or too few)."""

    def __init__(self, reason: str, dim: int) -> None:
        super().__init__(reason)
        self.dim = dim


def _by_unit(jobs: Sequence[Job]) -> list[list[Job]]:
    units: dict[str, list[Job]] = {}
    for job in jobs:
        units.setdefault(job.unit, []).append(job)
    return list(units.values())


def _fit_transform(
    vectors: Vectors, jobs: Sequence[Job], pooling: str | None, space: str, chain: Any
) -> tuple[Any, str | None]:
    """A function from texts to (transformed) vectors, and a description of the rows the transform was fitted on."""

    def raw(texts: Sequence[str]) -> npt.NDArray[Any]:
        return vectors.matrix(pooling, space, texts)

    if chain is None:
        return raw, None
    if any(job.images for job in jobs):
        raise InputError(
            "--transform is for texts only: one fit on images and texts would mix the modalities; fit one for each "
            "with `embedscope repair`"
        )
    texts = list(dict.fromkeys(t for job in jobs for t in job.texts))
    x = raw(texts)
    x = x[np.isfinite(x).all(axis=1)]
    try:
        chain.fit(x)
    except InputError as error:
        raise _UnfitError(f"undefined: the transform cannot be fitted here: {error}", x.shape[1]) from error

    def transform(texts: Sequence[str]) -> npt.NDArray[Any]:
        rows = raw(texts)
        known = np.isfinite(rows).all(axis=1)
        out = chain.transform(np.where(known[:, None], rows, 0.0))
        return np.where(known[:, None], out, np.nan)

    return transform, f"the {len(x)} distinct {jobs[0].unit}s of {', '.join(job.task.id for job in jobs)}"


def data_facts(jobs: Sequence[Job]) -> dict[str, dict[str, Any]]:
    """Checksums, licences and citations of the data of ``jobs``, for the provenance."""
    from embedscope.datasets import DATASETS

    facts: dict[str, dict[str, Any]] = {}
    for job in jobs:
        if job.task.dataset not in DATASETS:
            facts[job.task.dataset] = user_task_facts(job.data)
            continue
        entry = DATASETS.get(job.task.dataset)
        facts[job.task.dataset] = {
            "version": entry.version,
            "licence": entry.licence,
            "citation": entry.citation,
            "sha256": dict(job.data.checksums),
        }
    return facts


def texts_of(jobs: Sequence[Job]) -> list[str]:
    """Distinct texts of all jobs, in order of first appearance."""
    return list(dict.fromkeys(t for job in jobs for t in job.texts))


def write_items(scores: Sequence[TaskScore], path: str | Path) -> None:
    """Write the contribution of each item to each score as CSV, one line per item; empty where an item was excluded."""
    columns = ("source", "pooling", "space", "task", "metric", "item", "value")
    rows = (
        dict(zip(columns, (s.source, s.pooling, s.space, s.job.task.id, s.metric, i, value), strict=True))
        for s in scores
        for i, value in enumerate([] if s.score.items is None else s.score.items.tolist())
    )
    lines = (row | {"value": row["value"] if np.isfinite(row["value"]) else ""} for row in rows)
    write_text(path, csv_text(columns, lines))
