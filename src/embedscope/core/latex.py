r"""Tables as LaTeX that fits a page: booktabs rules, cells that span rows, best values in bold, real minus signs.

A document that takes them needs ``\usepackage{booktabs,multirow,graphicx}``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from embedscope.core.document import Column, Table, cell
from embedscope.core.printable import printable

ROWS = 40
"""Rows that fit a page; longer tables go on in a second one."""

_MINUS = re.compile(r"(?<![\w.])-(?=\.?\d)")
_NUMBER = re.compile(r"[-\N{MINUS SIGN}+]?[\d,]*\.?\d+(e[-+]?\d+)?%?")
_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"


def latex_table(table: Table, *, rows: int = ROWS) -> str:
    r"""``table`` as LaTeX ``table`` environments, no wider than the line and of at most ``rows`` rows each.

    Text that repeats down the leading columns spans its rows; numbers are right-aligned; the best value of a column
    whose ``best`` says which is bold, ties too.

    >>> one = Table("t 1", "A & B", (Column("m"), Column("x", 1)), (("a", -0.25),))
    >>> print(latex_table(one))  # doctest: +ELLIPSIS
    \begin{table}
    \centering
    \caption{A \& B}
    \label{tab:t-1}
    ...
    a & $-$0.2 \\
    ...
    """
    starts = range(0, max(1, len(table.rows)), rows)
    return "\n".join(_part(table, first, rows) for first in starts)


def _part(table: Table, first: int, rows: int) -> str:
    numeric = [_is_numeric([row[i] for row in table.rows]) for i in range(len(table.columns))]
    best = [_best(table, i) for i in range(len(table.columns))]
    shown = table.rows[first : first + rows]
    body = [
        [
            _cell(value, column, bold=value is not None and value == best[i])
            for i, (value, column) in enumerate(zip(row, table.columns, strict=True))
        ]
        for row in shown
    ]
    lines = _spanning(body, numeric)
    caption = f"{table.title}. {table.caption}".strip() if table.caption else table.title
    more = "" if first == 0 else " (continued)"
    part = "" if first == 0 else f"-{first // rows + 1}"
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(caption)}{more}}}",
            rf"\label{{tab:{label(table.id)}{part}}}",
            _FIT,
            rf"\begin{{tabular}}{{{''.join('r' if n else 'l' for n in numeric)}}}",
            r"\toprule",
            " & ".join(escaped(c.title) for c in table.columns) + r" \\",
            r"\midrule",
            *(line + r" \\" for line in lines),
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            "",
        ]
    )


def _is_numeric(values: Sequence[object]) -> bool:
    """Whether a column holds a number, or nothing but numbers that were rounded to text."""
    texts = [v for v in values if isinstance(v, str) and v]
    return any(isinstance(v, int | float) for v in values) or bool(texts and all(map(_NUMBER.fullmatch, texts)))


def _best(table: Table, i: int) -> float | None:
    """The best number of a column, None where nothing says which it is or there is only one."""
    values = [row[i] for row in table.rows if isinstance(row[i], int | float) and not isinstance(row[i], bool)]
    if table.columns[i].best is None or len(values) < 2:
        return None
    numbers = [float(v) for v in values if v is not None]
    return max(numbers) if table.columns[i].best == "high" else min(numbers)


def _cell(value: object, column: Column, *, bold: bool) -> str:
    text = escaped(cell(value, column.digits))
    return rf"\textbf{{{text}}}" if bold and text else text


def _spanning(body: Sequence[Sequence[str]], numeric: Sequence[bool]) -> list[str]:
    """The rows as text; equal cells of the leading columns of text are written once, over all their rows."""
    cells = [list(row) for row in body]
    leading = next((i for i, number in enumerate(numeric) if number), len(numeric))
    for i in range(min(leading, max(0, len(numeric) - 1))):
        at = 0
        for _, group in groupby(body, key=lambda row: tuple(row[: i + 1])):
            count = len(list(group))
            if count > 1 and cells[at][i]:
                cells[at][i] = rf"\multirow{{{count}}}{{*}}{{{cells[at][i]}}}"
                for below in range(at + 1, at + count):
                    cells[below][i] = ""
            at += count
    return [" & ".join(row) for row in cells]


def label(name: str) -> str:
    r"""``name`` as the key of a ``\label``: letters, digits, and hyphens for everything else.

    >>> label("best_value of 50 %")
    'best-value-of-50'
    """
    return re.sub(r"[^A-Za-z0-9.:]+", "-", name).strip("-") or "table"


def escaped(text: str) -> str:
    r"""``text`` with the special characters of LaTeX escaped, and hyphens in front of numbers as minus signs.

    >>> escaped("a_b & -0.5, layer-3")
    'a\\_b \\& $-$0.5, layer-3'
    """
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {"\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{MINUS SIGN}": "$-$", "<": "$<$", ">": "$>$", "|": r"\textbar{}"}
    line = " ".join(printable(text).splitlines())
    plain = "".join(special.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in line)
    return _MINUS.sub("$-$", plain)
