"""A repair as one SQL expression for PostgreSQL with pgvector: vectors are mapped where they are stored."""

from __future__ import annotations

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.atomic import write_text
from embedscope.core.errors import InputError
from embedscope.exports.export import Export, Order
from embedscope.transforms.repair import KindMap, Repair

IDS = ("pgvector",)

COLUMN = "embedding"
"""Name of the column of vectors in the expression; replace it by your own."""

_DIGITS = 9
_LARGEST = 16_000
"""Dimensions that the type ``vector`` of pgvector can have."""


def sql_expression(repair: Repair, kind: str | None = None, column: str = COLUMN) -> str:
    """The expression that maps ``column``, a pgvector ``vector``, as the map of ``kind`` does; pgvector 0.7 or newer.

    Coordinate j is the inner product with column j of the matrix plus a constant, so one sub-select over the columns of
    the matrix gives the whole vector; numbers have nine digits.

    Raises
    ------
    InputError
        if the repair has a residual MLP, which one such expression does not hold.

    >>> print(sql_expression(Repair.centre_kinds({"text": [1.0, 0.0]})))
    l2_normalize((l2_normalize(embedding) - '[1,0]'::vector))
    """
    kind_map = repair.kind(kind)
    if kind_map.hidden is not None:
        raise InputError(
            "this repair has a residual MLP, which one SQL expression does not hold; write the vectors with apply, or "
            "migrate with affine candidates alone (--candidates procrustes,ridge)"
        )
    if max(kind_map.dim_in, kind_map.dim_out) > _LARGEST:
        raise InputError(f"pgvector holds at most {_LARGEST:,} dimensions, the repair has {kind_map.dim_out:,}")
    given = f"l2_normalize({column})" if kind_map.normalise_before else column
    mapped = _affine_sql(kind_map, given)
    return f"l2_normalize({mapped})" if kind_map.normalise_after else mapped


def _affine_sql(kind_map: KindMap, given: str) -> str:
    """The affine part of a map of the expression ``given``."""
    if kind_map.matrix is not None:
        columns = zip(kind_map.matrix.T, kind_map.bias, strict=True)
        rows = ",\n".join(f"  ({i},{_vector(w)}::vector,{b:.{_DIGITS}g}::float8)" for i, (w, b) in enumerate(columns))
        return (
            f"(SELECT array_agg(b - ({given} <#> w) ORDER BY i) FROM (VALUES\n{rows}\n) AS m(i, w, b))"
            f"::vector({kind_map.dim_out})"
        )
    moved = given if kind_map.mean is None else f"({given} - {_vector(kind_map.mean)}::vector)"
    return moved if kind_map.shift is None else f"({moved} + {_vector(kind_map.shift)}::vector)"


def _vector(values: Floats) -> str:
    return "'[" + ",".join(f"{v:.{_DIGITS}g}" for v in np.asarray(values)) + "]'"


def _write(order: Order) -> list[str]:
    expression = sql_expression(order.repair, order.kind)
    kind = order.repair.kind(order.kind)
    write_text(order.out, expression + "\n")
    return [
        f"write {kind.dim_out} dimensions to a column of their own, one statement per block of rows: ALTER TABLE t ADD "
        f"migrated vector({kind.dim_out}); UPDATE t SET migrated = EXPRESSION WHERE id BETWEEN 1 AND 10000",
        f"the expression reads the column {COLUMN}: replace the name by that of your column",
    ]


ENTRIES = {"pgvector": Export("one SQL expression for PostgreSQL with pgvector", _write)}
