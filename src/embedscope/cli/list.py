"""``embedscope list``: what there is by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embedscope.cli import _common as common

if TYPE_CHECKING:
    from pathlib import Path

    from embedscope.core.registry import Registry

Rows = list[dict[str, Any]]


def show(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="models, datasets, tasks, metrics, experiments, transforms, alignments, scorers or exports.",
        ),
    ],
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """List models, datasets, tasks, metrics, experiments, transforms, alignments, scorers or exports."""
    from embedscope.core.errors import UnknownNameError

    if kind not in KINDS:
        import difflib

        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise UnknownNameError(f"there is no list of '{kind}'; {hint}wanted one of {', '.join(KINDS)}")
    rows = KINDS[kind](data)
    if not _emit(kind, rows, json) and not quiet:
        _print(kind, rows)


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

    return _written(TRANSFORMS)


def _alignments(data: Path | None) -> Rows:
    from embedscope.transforms.align import ALIGNMENTS

    return _written(ALIGNMENTS)


def _scorers(data: Path | None) -> Rows:
    from embedscope.transforms.scorers import SCORERS

    return _written(SCORERS)


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


def _written(registry: Registry[Any]) -> Rows:
    found = [(name, registry.get(name)) for name in registry]
    return [{"name": name, "write": t.usage, "what": (t.__doc__ or "").strip().partition("\n")[0]} for name, t in found]


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

SHOWN = {
    "models": ("name", "present", "licence", "what"),
    "datasets": ("name", "rows", "licence", "present"),
    "tasks": ("name", "dataset", "measure"),
    "metrics": ("name", "default", "rows", "what"),
    "experiments": ("name", "claims", "question"),
    "exports": ("name", "present", "what"),
}


def _emit(kind: str, rows: Rows, target: str | None) -> bool:
    """Write the list as JSON where ``target`` says; True if standard output is taken by it."""
    if target is None:
        return False
    import json
    import sys

    text = json.dumps({kind: rows}, indent=1, ensure_ascii=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
        return True
    from embedscope.core.atomic import write_text

    write_text(target, text)
    return False


def _print(kind: str, rows: Rows) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    columns = SHOWN.get(kind) or tuple(rows[0])
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    common.console().print(table)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
