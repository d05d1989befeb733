"""What was likely meant by an id that there is not: the same number written otherwise, or what ids look like."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

_NUMBERED = re.compile(r"(\D*)(\d+)(.*)", re.DOTALL)


def near_id(wanted: str, known: Sequence[str]) -> str:
    """A hint on ``wanted``, which is none of the ids ``known``.

    An id with a number is not taken for one with another number: ``q7`` is not ``q197``.

    >>> near_id("Q7", ["q1", "q007"]), near_id("q7", ["q100", "q197", "q101"])
    ("did you mean 'q007'?", "ids that begin with 'q' are numbered from q100 to q197")
    >>> near_id("apples", ["apple", "pear"]), near_id("7", ["apple", "pear"])
    ("did you mean 'apple'?", "ids look like 'apple'")
    """
    plain = {_plain(name): name for name in reversed(known)}
    if _plain(wanted) in plain:
        return f"did you mean '{plain[_plain(wanted)]}'?"
    number = _NUMBERED.fullmatch(wanted)
    if number is not None:
        alike = [
            (int(m[2]), m[0]) for m in map(_NUMBERED.fullmatch, known) if m and (m[1], m[3]) == (number[1], number[3])
        ]
        if alike:
            begin = f"ids that begin with '{number[1]}' are" if number[1] else "ids are"
            return f"{begin} numbered from {min(alike)[1]} to {max(alike)[1]}"
    begins = [name for name in known if name and wanted.startswith(name)]
    near = [max(begins, key=len)] if begins else []
    if number is None and not near:
        near = difflib.get_close_matches(wanted, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"ids look like '{known[0]}'"


def _plain(name: str) -> str:
    """``name`` in lower case, without spaces around it and zeros in front of its number."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", name.strip().lower())
