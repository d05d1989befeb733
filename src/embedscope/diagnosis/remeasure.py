"""The numbers of a stored result, taken again of another source in the same way."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from embedscope.core.arrays import Array
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.result import Result
from embedscope.core.schema import read_as
from embedscope.diagnosis._collect import numbers
from embedscope.geometry.measure import measure
from embedscope.geometry.measure_pair import IdSource, measure_pair
from embedscope.readers import is_vectors
from embedscope.sources.options import ModelOptions

_OWN = ("data", "device", "trust_remote_code", "cache", "seed")
"""Options of models that are of this machine and this run, never taken from a file."""

_TEXT = str | None
_TYPES: dict[str, Any] = {
    "metrics": list[str],
    "rows": _TEXT,
    "transform": _TEXT,
    "precision": _TEXT,
    "scale": float,
    **{f.name: get_type_hints(ModelOptions).get(f.name, Any) for f in fields(ModelOptions) if f.name not in _OWN},
}
"""What the settings of a baseline may be."""


def remeasure(  # noqa: PLR0913
    baseline: Result,
    source: Array | str | None = None,
    *,
    pair: tuple[Array | str | Path, Array | str | Path] | None = None,
    pair_ids: tuple[IdSource, IdSource] | None = None,
    queries: Array | str | Path | None = None,
    groups: Any = None,
    texts: Any = None,
    images: str | Path | None = None,
    progress: Progress | None = None,
    command: str = "",
    **here: Any,
) -> Result:
    """The metrics of ``baseline``, a result of ``measure`` or ``diagnose``, of ``source`` or ``pair``.

    Metrics, rows, transform, precision, seed and, of models, texts, unit, sample, layers and pooling are those of the
    baseline; ``here`` are options of this machine (``data``, ``device``, ``trust_remote_code``, ``cache``), and
    ``texts`` or ``images`` that are read in place of those of the baseline.

    Raises
    ------
    InputError
        if the baseline is of another verb, or of a pair where one source is given, or the other way round.
    """
    settings, seed = baseline.provenance.get("settings", {}), int(baseline.provenance.get("seed") or 0)
    if "metrics" not in settings or "tasks" in settings:
        raise InputError(
            "the baseline is not a result of measure or diagnose; save one with `embedscope measure --json`"
        )
    settings = {name: value for name, value in settings.items() if value is not None}  # None: the default
    for name, value in settings.items():
        read_as(_TYPES.get(name, Any), value, "the baseline", f"settings.{name}")
    _same_kind(settings, source, pair, pair_ids, queries)
    common: dict[str, Any] = {"seed": seed, "progress": progress, "command": command}
    model = _model(baseline, source, {"texts": texts, "images": images}, here)
    model |= {} if groups is None else {"groups": groups}
    if settings.get("diagnosis"):
        return numbers(source, pair=pair, pair_ids=pair_ids, queries=queries, **common, **model)
    if pair is not None:
        asked = {k: settings[k] for k in ("metrics", "rows") if k in settings}
        return measure_pair(
            pair[0], pair[1], ids=pair_ids, groups=groups, scale=settings.get("scale", 100.0), **asked, **common
        )
    asked = {k: settings[k] for k in ("metrics", "rows", "transform", "precision") if k in settings}
    assert source is not None
    return measure(source, **asked, **common, **model)


def _same_kind(settings: dict[str, Any], source: object, pair: object, pair_ids: object, queries: object) -> None:
    if (source is None) == (pair is None):
        raise InputError("give either a SOURCE or --pair A B")
    if ("pair" in settings) != (pair is not None):
        wanted = (
            "of a pair: pass --pair A B" if "pair" in settings else "of one source: pass a SOURCE instead of --pair"
        )
        raise InputError(f"the baseline is {wanted}")
    if pair is None and pair_ids is not None:
        raise InputError("--pair-ids says which rows of --pair belong together; add --pair A B")
    if queries is not None and not settings.get("diagnosis"):
        raise InputError("the baseline is of `measure`, which takes no queries: leave out --queries")


def _model(baseline: Result, source: object, material: dict[str, Any], here: dict[str, Any]) -> dict[str, Any]:
    """How the model is read, where the source is one; ``material`` that is named replaces that of the baseline."""
    named = {name: value for name, value in material.items() if value is not None}
    if len(named) > 1:
        raise InputError("a model reads --texts or --images, one at a time; leave one of them out")
    if not isinstance(source, str) or is_vectors(source) or not baseline.provenance.get("models"):
        if named:
            raise InputError(f"--{next(iter(named))} is for a model whose baseline was measured; leave it out")
        return {}
    names = [f.name for f in fields(ModelOptions) if f.name not in _OWN]
    kept = {k: v for k, v in baseline.provenance["settings"].items() if k in names and v is not None}
    if named:
        kept = {name: value for name, value in kept.items() if name not in material} | named
    return kept | here
