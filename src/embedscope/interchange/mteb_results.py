"""Scores as the result files of mteb: one JSON a task below a folder for each model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from embedscope.core.atomic import atomic_folder, make_folder
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.interchange.scores import KNOWN, TaskScores, file_name, task_scores

FORMAT = "2.0.0"
"""Version of mteb whose format is written where mteb is not installed."""


def write_mteb(result: Result, folder: str | Path) -> list[Path]:
    """Write ``results/MODEL/REVISION/TASK.json`` and ``model_meta.json`` into the new folder ``folder``.

    ``mteb.ResultCache(folder)`` loads them. Layers are models of their own (``minilm layer03``). The revision is the
    beginning of the sha256 of the weights, where it is known.

    Raises
    ------
    InputError
        if the result holds no scores, or there is something in ``folder``.
    """
    scores = task_scores(result)
    written = []
    with atomic_folder(folder) as place:
        for one in scores:
            revision = _revision(one.main.source, result.provenance)
            model = f"embedscope__{file_name(one.model)}"
            target = place / "results" / model / revision
            make_folder(target)
            name = task_name(one.task)
            _write(target / f"{name}.json", task_result(one, result.provenance))
            _write(target / "model_meta.json", _meta(one, revision))
            written.append(Path(folder) / "results" / model / revision / f"{name}.json")
    return written


def task_name(task: str) -> str:
    """The task as mteb calls it, where both score the same; else our own name."""
    return KNOWN[task][0] if task in KNOWN else file_name(task)


def task_result(one: TaskScores, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """One task as mteb's ``TaskResult``; a standard error or an interval stands beside its score."""
    scores: dict[str, Any] = {"main_score": one.main.value, "hf_subset": "default", "languages": _languages(one.task)}
    for name, record in one.records.items():
        key = _key(name, one)
        scores[key] = record.value
        scores |= _bars(key, record)
    data = provenance.get("data", {}).get(one.task, {})
    sums = data.get("sha256") if isinstance(data, Mapping) else None
    revision = next(iter(sums.values()))[:16] if isinstance(sums, Mapping) and sums else "own data"
    return {
        "dataset_revision": revision,
        "task_name": task_name(one.task),
        "mteb_version": _mteb_version(),
        "scores": {"test": [scores]},
        "evaluation_time": None,
        "kg_co2_emissions": None,
    }


def _key(name: str, one: TaskScores) -> str:
    """Name of a score: ``spearman`` and ``pearson`` of pairs, ``ndcg_at_10`` of retrieval, as mteb has them."""
    if name == one.task and one.task in KNOWN:
        return "spearman"
    if name == f"{one.task}.pearson":
        return "pearson"
    return name.replace("@", "_at_")


def _bars(key: str, record: Record) -> dict[str, float]:
    bars = {"stderr": record.stderr, "ci_low": record.ci_low, "ci_high": record.ci_high}
    return {f"{key}_{name}": value for name, value in bars.items() if value is not None}


def _languages(task: str) -> list[str]:
    """English for test sets that are; else that it is not known, since mteb passes over scores without a language."""
    return ["eng-Latn"] if task in KNOWN else ["und-Zyyy"]


def _revision(source: str, provenance: Mapping[str, Any]) -> str:
    facts = provenance.get("models", {}).get(source, {})
    weights = facts.get("weights_sha256") if isinstance(facts, Mapping) else None
    return str(weights)[:16] if weights else "no_revision_available"


def _meta(one: TaskScores, revision: str) -> dict[str, Any]:
    """Facts of the model in mteb's fields, null where they are not known."""
    unknown = (
        "loader", "release_date", "languages", "n_parameters", "memory_usage_mb", "max_tokens", "license",
        "open_weights", "public_training_code", "public_training_data", "similarity_fn_name", "use_instructions",
        "training_datasets",
    )  # fmt: skip
    name = f"embedscope/{file_name(one.model)}"
    return {"name": name, "revision": revision, "embed_dim": one.main.dim, "framework": [], **dict.fromkeys(unknown)}


def _mteb_version() -> str:
    try:
        return version("mteb")
    except PackageNotFoundError:
        return FORMAT


def _write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", encoding="utf-8")
