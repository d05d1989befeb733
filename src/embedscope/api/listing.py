"""What there is by name: models, data sets, tasks, metrics, studies, transforms, and formats for export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedscope.core.errors import UnknownNameError

if TYPE_CHECKING:
    from embedscope.core.registry import Registry

Rows = list[dict[str, Any]]


def list_models() -> Rows:
    """Models and types of model: name, licence, whether they are installed, and the command that installs them.

    >>> {"minilm", "smollm2"} <= {row["name"] for row in list_models()}
    True
    """
    return _models(None)


def list_datasets(data: str | Path | None = None) -> Rows:
    """Data sets: name, rows, licence, and whether their files are here or in the folder ``data``.

    >>> [row["title"] for row in list_datasets() if row["name"] == "rg65"]
    ['RG-65']
    """
    return _datasets(Path(data) if data is not None else None)


def list_tasks() -> Rows:
    """Tasks: name, data set, what is measured, citation.

    >>> "rg65" in {row["name"] for row in list_tasks()}
    True
    """
    return _tasks(None)


def list_metrics() -> Rows:
    """Metrics of a space and of a pair: name, what they measure, units, range, ideal, invariances, citation.

    >>> [row["range"] for row in list_metrics() if row["name"] == "isoscore"]
    [[0.0, 1.0]]
    """
    return _metrics(None)


def list_experiments() -> Rows:
    """Published studies: name, question, models, number of claims.

    >>> [row["name"] for row in list_experiments()]
    ['drift2025', 'liang2022', 'objectives2026', 'shimangaud2024', 'tyshchuk2023', 'wolfe2022']
    """
    return _experiments(None)


def list_transforms() -> Rows:
    """Transforms: name, how they are written in a chain, what they do.

    >>> [row["name"] for row in list_transforms()]
    ['abtt', 'center', 'drop', 'pca', 'standardize', 'whiten']
    """
    return _transforms(None)


def list_kind(kind: str, data: Path | None = None) -> Rows:
    """The list of ``kind``; raises ``UnknownNameError`` for another one."""
    if kind not in KINDS:
        raise UnknownNameError(f"there is no list of '{kind}'; wanted one of {', '.join(KINDS)}")
    return KINDS[kind](data)


def _models(data: Path | None) -> Rows:
    from embedscope.encoders import MODELS

    aliases = [(name, MODELS.get(name)) for name in MODELS]
    return [
        {
            "name": name,
            "what": f"{a.title}: {a.description}",
            "licence": a.licence,
            "present": a.path() is not None,
            "install": a.install,
        }
        for name, a in aliases
    ]


def _datasets(data: Path | None) -> Rows:
    from embedscope.datasets import DATASETS, Finder

    finder = Finder(data)
    return [
        {
            "name": name,
            "rows": (d := DATASETS.get(name)).about,
            "licence": d.licence,
            "present": finder.present(d),
            "title": d.title,
            "homepage": d.homepage,
        }
        for name in DATASETS
    ]


def _tasks(data: Path | None) -> Rows:
    from embedscope.tasks import TASKS

    tasks = [TASKS.get(name) for name in TASKS]
    return [
        {
            "name": t.id,
            "kind": t.about["kind"],
            "unit": t.about["unit"],
            "measure": t.about["measure"],
            "dataset": t.dataset,
            "cite": t.about["cite"],
        }
        for t in tasks
    ]


def _metrics(data: Path | None) -> Rows:
    from embedscope.metrics import DEFAULTS, METRICS
    from embedscope.metrics.pairs import PAIR_METRICS

    pairs = [
        {
            "name": name,
            "default": "--pair",
            "rows": (p := PAIR_METRICS.get(name)).rows,
            "what": p.summary,
            "units": p.units,
            "range": list(p.bounds),
            "ideal": p.ideal,
            "invariant": sorted(p.invariant),
            "cite": p.cite,
        }
        for name in PAIR_METRICS
    ]
    own = [
        {
            "name": name,
            "default": name in DEFAULTS,
            "rows": (m := METRICS.get(name)).rows,
            "what": m.summary,
            "units": m.units,
            "range": list(m.bounds),
            "ideal": m.ideal,
            "invariant": sorted(m.invariant),
            "cite": m.cite,
        }
        for name in METRICS
    ]
    return own + pairs


def _experiments(data: Path | None) -> Rows:
    from embedscope.experiments import EXPERIMENTS

    return [
        {
            "name": name,
            "question": (e := EXPERIMENTS.get(name)).question,
            "models": ", ".join(e.models),
            "claims": len(e.claims),
        }
        for name in EXPERIMENTS
    ]


def _transforms(data: Path | None) -> Rows:
    from embedscope.transforms import TRANSFORMS

    return _write_options(TRANSFORMS)


def _alignments(data: Path | None) -> Rows:
    from embedscope.transforms.align import ALIGNMENTS

    return _write_options(ALIGNMENTS)


def _scorers(data: Path | None) -> Rows:
    from embedscope.transforms.scorers import SCORERS

    return _write_options(SCORERS)


def _exports(data: Path | None) -> Rows:
    from importlib.util import find_spec

    from embedscope.exports import EXPORTS

    return [
        {
            "name": name,
            "what": (e := EXPORTS.get(name)).title,
            "needs": ", ".join(e.packages) or "nothing more",
            "present": all(find_spec(package) is not None for package in e.packages),
            "model": e.needs_model,
        }
        for name in EXPORTS
    ]


def _write_options(registry: Registry[Any]) -> Rows:
    entries = [(name, registry.get(name)) for name in registry]
    return [
        {"name": name, "write": t.usage, "what": (t.__doc__ or "").strip().partition("\n")[0]} for name, t in entries
    ]


KINDS: dict[str, Callable[[Path | None], Rows]] = {
    "models": _models,
    "datasets": _datasets,
    "tasks": _tasks,
    "metrics": _metrics,
    "experiments": _experiments,
    "transforms": _transforms,
    "alignments": _alignments,
    "scorers": _scorers,
    "exports": _exports,
}
