"""A repair as one SQL expression for PostgreSQL with pgvector: vectors are mapped where they are stored."""

from __future__ import annotations

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.atomic import write_text
from embedscope.core.errors import InputError
from embedscope.exports._export import Export, Order
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
    made = repair.kind(kind)
    if made.hidden is not None:
        raise InputError(
            "this repair has a residual MLP, which one SQL expression does not hold; write the vectors with apply, or "
            "migrate with affine candidates alone (--candidates procrustes,ridge)"
        )
    if max(made.dim_in, made.dim_out) > _LARGEST:
        raise InputError(f"pgvector holds at most {_LARGEST:,} dimensions, the repair has {made.dim_out:,}")
    given = f"l2_normalize({column})" if made.normalise_before else column
    mapped = _mapped(made, given)
    return f"l2_normalize({mapped})" if made.normalise_after else mapped


def _mapped(made: KindMap, given: str) -> str:
    """The affine part of a map of the expression ``given``."""
    if made.matrix is not None:
        columns = zip(made.matrix.T, made.bias, strict=True)
        rows = ",\n".join(f"  ({i},{_vector(w)}::vector,{b:.{_DIGITS}g}::float8)" for i, (w, b) in enumerate(columns))
        return (
            f"(SELECT array_agg(b - ({given} <#> w) ORDER BY i) FROM (VALUES\n{rows}\n) AS m(i, w, b))"
            f"::vector({made.dim_out})"
        )
    moved = given if made.mean is None else f"({given} - {_vector(made.mean)}::vector)"
    return moved if made.shift is None else f"({moved} + {_vector(made.shift)}::vector)"


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
