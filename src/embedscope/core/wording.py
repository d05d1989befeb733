"""Numbers and names in sentences: differences with enough digits to tell them from zero, counts, lists."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MOST = 9


def format_signed(value: float, digits: int = 3) -> str:
    """``value`` with its sign and as many digits as tell it from zero.

    >>> format_signed(0.037), format_signed(-0.00004), format_signed(0.0)
    ('+0.037', '-0.00004', '+0.000')
    """
    while value and digits < _MOST and round(value, digits) == 0:
        digits += 1
    return f"{value:+.{digits}f}"


def format_signed_interval(low: float | None, high: float | None) -> str | None:
    """``[+0.010, +0.064]``, None without one.

    >>> format_signed_interval(-0.0002, 0.0613)
    '[-0.0002, +0.061]'
    """
    return None if low is None or high is None else f"[{format_signed(low)}, {format_signed(high)}]"


def percent(share: float, decimals: int | None = None) -> str:
    """A share in per cent; without ``decimals``, one where it is small.

    >>> percent(0.412), percent(0.0123), percent(0.95, 0), percent(0.412, 1)
    ('41 %', '1.2 %', '95 %', '41.2 %')
    """
    if decimals is None:
        decimals = 0 if abs(share) >= 0.1 else 1
    return f"{100 * share:.{decimals}f} %"


def count(n: int, noun: str) -> str:
    """``n`` things, in the singular or the plural.

    >>> count(1, "pair"), count(1200, "pair"), count(2, "query"), count(0, "day")
    ('1 pair', '1,200 pairs', '2 queries', '0 days')
    """
    if n == 1:
        return f"1 {noun}"
    return f"{n:,} {noun[:-1]}ies" if re.search(r"[^aeiou]y$", noun) else f"{n:,} {noun}s"


def join_names(names: Sequence[str], last: str = "and") -> str:
    """Names as an enumeration, with the word ``last`` before the last one.

    >>> join_names(["a"]), join_names(["a", "b"]), join_names(["a", "b", "c"], "or")
    ('a', 'a and b', 'a, b or c')
    """
    return f"{', '.join(names[:-1])} {last} {names[-1]}" if len(names) > 1 else "".join(names)
