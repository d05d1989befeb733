"""Text of strangers made harmless where it is shown or opened: in terminals and spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    r"""``text`` with control characters, marks that turn the direction of writing and stray surrogates as escapes.

    Line ends and tabs stay.

    >>> printable("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _CONTROL.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def json_text(text: str) -> str:
    r"""JSON that a terminal may be shown, and that reads back as ``text`` does.

    >>> json_text('"a\u202eb"') == '"a\\u202eb"'
    True
    """
    return _CONTROL.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    r"""``rows`` as comma-separated text with a header; words that a spreadsheet would run begin with an apostrophe.

    >>> csv_text(["name", "value"], [{"name": "=1+1", "value": -2.5}])
    "name,value\n'=1+1,-2.5\n"
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(row.get(name)) for name in columns} for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
