"""Numbers in sentences: differences with enough digits to tell them from zero, shares, counts in good grammar."""

from __future__ import annotations

_MOST = 9


def signed(value: float, digits: int = 3) -> str:
    """``value`` with its sign and as many digits as tell it from zero.

    >>> signed(0.037), signed(-0.00004), signed(0.0)
    ('+0.037', '-0.00004', '+0.000')
    """
    while value and digits < _MOST and round(value, digits) == 0:
        digits += 1
    return f"{value:+.{digits}f}"


def signed_interval(low: float | None, high: float | None) -> str | None:
    """``[+0.010, +0.064]``, None without one.

    >>> signed_interval(-0.0002, 0.0613)
    '[-0.0002, +0.061]'
    """
    return None if low is None or high is None else f"[{signed(low)}, {signed(high)}]"


def percent(share: float) -> str:
    """A share in per cent, with a decimal where it is small.

    >>> percent(0.412), percent(0.0123)
    ('41 %', '1.2 %')
    """
    return f"{100 * share:.{0 if abs(share) >= 0.1 else 1}f} %"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """``n`` things: ``1 pair``, ``1,200 pairs``.

    >>> count(1, "pair"), count(1200, "pair"), count(2, "query", "queries")
    ('1 pair', '1,200 pairs', '2 queries')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
