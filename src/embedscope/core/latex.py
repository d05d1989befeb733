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
_COLUMN, _PAGE = 240.0, 500.0
"""Points that a column of two, and both together, are wide."""

_READABLE = 1.25
"""How much wider than a column a table may be and still be read when it is shrunk to it."""

_LETTER, _BETWEEN = 5.0, 12.0
"""Points of a letter, about, and between two columns."""

_WIDEST = 6.0
"""Points of a letter of a word that may not stand out of its column."""

_LONG = 24
"""Letters from which on a text may be broken into lines."""

_SYMBOLS = {
    "\N{RIGHTWARDS ARROW}": r"\rightarrow",
    "\N{MULTIPLICATION SIGN}": r"\times",
    "\N{MIDDLE DOT}": r"\cdot",
    "\N{LESS-THAN OR EQUAL TO}": r"\leq",
    "\N{GREATER-THAN OR EQUAL TO}": r"\geq",
    "\N{ALMOST EQUAL TO}": r"\approx",
}
"""Signs that LaTeX knows by a name."""

_FIT = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"


def latex_table(table: Table, *, rows: int = ROWS) -> str:
    r"""``table`` as LaTeX environments, no wider than the line and of at most ``rows`` rows each.

    A table that would be hard to read in a column of two spans both (``table*``), and its long texts are broken.
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
    widths = _widths(table)
    wrapped = _wrap_columns(table, widths, numeric)
    lines = _spanning(body, numeric, set(wrapped))
    environment = "table*" if sum(widths) > _READABLE * _COLUMN else "table"
    columns = "".join(
        f"p{{{wrapped[i]:.0f}pt}}" if i in wrapped else "r" if number else "l" for i, number in enumerate(numeric)
    )
    caption = f"{table.title}. {table.caption}".strip() if table.caption else table.title
    more = "" if first == 0 else " (continued)"
    part = "" if first == 0 else f"-{first // rows + 1}"
    return "\n".join(
        [
            rf"\begin{{{environment}}}",
            r"\centering",
            rf"\caption{{{escape_latex(caption)}{more}}}",
            rf"\label{{tab:{label(table.id)}{part}}}",
            _FIT,
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(escape_latex(c.title) for c in table.columns) + r" \\",
            r"\midrule",
            *(line + r" \\" for line in lines),
            r"\bottomrule",
            r"\end{tabular}}",
            rf"\end{{{environment}}}",
            "",
        ]
    )


def _widths(table: Table) -> list[float]:
    """Points that each column takes, about."""
    longest = [
        max(len(c.title), *(len(cell(row[i], c.digits)) for row in table.rows), 1) for i, c in enumerate(table.columns)
    ]
    return [_LETTER * n + _BETWEEN for n in longest]


def _wrap_columns(table: Table, widths: Sequence[float], numeric: Sequence[bool]) -> dict[int, float]:
    """Columns of long texts that are broken into lines where all is wider than the page, with their widths."""
    long = [i for i, w in enumerate(widths) if not numeric[i] and w > _LETTER * _LONG + _BETWEEN]
    over = sum(widths) - _PAGE
    if over <= 0 or not long:
        return {}
    taken = sum(widths[i] for i in long)
    room = max(taken - over, _LETTER * _LONG * len(long))
    word = {
        i: max(len(w) for text in (table.columns[i].title, *(str(row[i]) for row in table.rows)) for w in text.split())
        for i in long
    }
    return {i: max(room * widths[i] / taken, _WIDEST * word[i]) for i in long}


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
    text = escape_latex(cell(value, column.digits))
    return rf"\textbf{{{text}}}" if bold and text else text


def _spanning(body: Sequence[Sequence[str]], numeric: Sequence[bool], wrapped: set[int]) -> list[str]:
    """The rows as text; equal cells of the leading columns of text are written once, over all their rows."""
    cells = [list(row) for row in body]
    leading = next((i for i, number in enumerate(numeric) if number), len(numeric))
    for i in range(min(leading, max(0, len(numeric) - 1))):
        at = 0
        for _, group in groupby(body, key=lambda row: tuple(row[: i + 1])):
            count = len(list(group))
            if count > 1 and cells[at][i]:
                width = "=" if i in wrapped else "*"
                cells[at][i] = rf"\multirow{{{count}}}{{{width}}}{{{cells[at][i]}}}"
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


def escape_latex(text: str) -> str:
    r"""``text`` with the special characters of LaTeX escaped, and hyphens in front of numbers as minus signs.

    >>> escape_latex("a_b & -0.5, layer-3")
    'a\\_b \\& $-$0.5, layer-3'
    """
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {"\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{MINUS SIGN}": "$-$", "<": "$<$", ">": "$>$", "|": r"\textbar{}"}
    special |= {c: f"${name}$" for c, name in _SYMBOLS.items()}
    line = " ".join(printable(text).splitlines()).replace(" -> ", " \N{RIGHTWARDS ARROW} ")
    plain = "".join(special.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in line)
    return _MINUS.sub("$-$", plain)
