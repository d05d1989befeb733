"""Numbers in tables and sentences: which columns hold them, how they sort, how they are counted."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LEADING = re.compile(
    r"\s*([-+\N{MINUS SIGN}]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)\s*%?\s*(?:[(\[±,;/].*)?", re.DOTALL
)


_END = r"[-+\N{MINUS SIGN}]?\d[\d.,]*(?:e[-+]?\d+)?"
_SPAN = re.compile(rf"[(\[]?{_END}(?: to |, ){_END}[)\]]?")

HELD = re.compile(r"(?<=\d) (?=%)|(?<=\bp) (?=[=<] )|(?<=\bp [=<]) (?=\d)|(?<=\u00b1) (?=\d)|(?<=\bn) (?=\d)")
"""Spaces at which no line breaks: between a number and its sign."""

_MINUS = re.compile(r"(?<![\w.\-])-(?=\.?\d)")


def typeset(text: str) -> str:
    r"""``text`` with true minus signs in front of its numbers, and true arrows.

    >>> ascii(typeset("mean -0.2, layer-3, a -> b"))
    "'mean \\u22120.2, layer-3, a \\u2192 b'"
    """
    return arrows(_MINUS.sub("\N{MINUS SIGN}", text))


def arrows(text: str) -> str:
    r"""``text`` with true arrows.

    >>> ascii(arrows("old -> new"))
    "'old \\u2192 new'"
    """
    return text.replace(" -> ", " \N{RIGHTWARDS ARROW} ")


def leading_number(value: object) -> float | None:
    """The number a cell starts with, None where it is text.

    >>> leading_number(".88 (8)"), leading_number(0.5), leading_number("layer 3"), leading_number("2 models")
    (0.88, 0.5, None, None)
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    number = _LEADING.fullmatch(str(value))
    return float(number[1].replace("\N{MINUS SIGN}", "-")) if number else None


def is_numeric(cells: Iterable[object]) -> bool:
    """Whether all cells that are not empty start with a number, and there is one.

    >>> is_numeric([".88 (8)", None, 0.5]), is_numeric(["a", 1]), is_numeric([None])
    (True, False, False)
    """
    filled = [c for c in cells if c is not None and c != ""]
    return bool(filled) and all(leading_number(c) is not None for c in filled)


def is_span(value: object) -> bool:
    """Whether a cell is an interval, whose ends belong on one line.

    >>> is_span("-0.1 to 0.25"), is_span("[0.1, 0.2]"), is_span("layer 3 to 5")
    (True, True, False)
    """
    return bool(_SPAN.fullmatch(str(value)))
