"""The one output: each record is one number with its context."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from embedscope.core.short_repr import short_repr


@short_repr
@dataclass(frozen=True)
class Record:
    """One measured number.

    Attributes
    ----------
    source : what was measured (model URI, file)
    pooling : how a vector was read (``plain``, ``bos_eos``, ``eos``), None where there is no choice
    space : named column of vectors (``layer07``, ``final``, ``pooled``; ``image|text`` for two)
    task : task or data set the value was taken on, None for a metric of a plain space
    metric : id of the metric (the task's own id for its main score)
    variant : None for the definition, else the name of the variant (``published``)
    value : the number; None where it is undefined, with the reason in ``note``
    stderr, ci_low, ci_high : standard error and 95 % interval, None where there is none
    n, dim : rows (or scored items) and dimensions
    units : independent units of evidence behind the interval: rows, or sets of dependent rows; None where they were
        not counted
    rows : ``raw`` or ``unit``
    exact : False where rows were sampled or arithmetic was approximate; ``note`` says how
    transform : chain applied to the vectors, None where there is none
    fitted_on : what the transform was fitted on
    subset : part of the data (``year:2014``)
    note : one line on what a reader must know
    facts : values for programs to read (``best_control``), by name; JSON types

    Examples
    --------
    >>> record = Record("x.npy", "isoscore", 0.2, n=100, dim=16)
    >>> record.metric, record.value, record.exact
    ('isoscore', 0.2, True)
    """

    source: str
    metric: str
    value: float | None
    pooling: str | None = None
    space: str | None = None
    task: str | None = None
    variant: str | None = None
    stderr: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int | None = None
    dim: int | None = None
    rows: str | None = None
    exact: bool = True
    transform: str | None = None
    fitted_on: str | None = None
    subset: str | None = None
    units: int | None = None
    note: str | None = None
    facts: Mapping[str, Any] | None = None

    @property
    def compares(self) -> bool:
        """Whether it compares other records: the best of several spaces, or the difference of two sources."""
        return self.metric.endswith((".best", ".difference"))

    def as_dict(self) -> dict[str, Any]:
        """The record as a plain mapping, fields in their order."""
        return asdict(self)

    def flat(self) -> dict[str, Any]:
        """The record as one row of a table: ``facts`` as JSON text, None where there are none."""
        return asdict(self) | {"facts": json.dumps(dict(self.facts)) if self.facts else None}


FIELDS: tuple[str, ...] = tuple(f.name for f in fields(Record))
