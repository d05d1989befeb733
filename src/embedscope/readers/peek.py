"""Whether a table of text holds vectors, seen from its first lines: such files may hold texts alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.regular import is_regular
from embedscope.readers._column_values import looks_like_vector
from embedscope.readers.paths import Place, source_of

TEXT_TABLES = frozenset({"jsonl", "ndjson", "csv", "tsv"})
_HEAD = 1 << 22
_FRACTION = r"[+-]?\d*\.\d+([eE][+-]?\d+)?"
_WRITTEN = rf"[\[({{]\s*[+-]?[\d.]|{_FRACTION}( +[+-]?[\d.]+([eE][+-]?\d+)?){{2}}"
_WRITTEN_FIRST = rf"[\[({{]\s*{_FRACTION}\)?[, ]|{_FRACTION}( +{_FRACTION}){{2}}"


def may_hold_vectors(place: Place) -> bool:
    """Whether a JSONL, CSV or TSV file has a vector in its first rows, or is broken, as its reader says."""
    try:
        path = source_of(place)
        if not isinstance(path, Path) or not is_regular(path):
            return True
        with place.open("rb") as file:
            head = file.read(_HEAD)
        lines = head.decode("utf-8-sig", errors="replace").strip().splitlines()[:20]
    except (OSError, InputError):
        return True
    if not lines:
        return True
    if place.suffix.lower() in {".jsonl", ".ndjson"}:
        try:
            return _in_object(json.loads(lines[0]))
        except (ValueError, RecursionError):
            return True
    if re.fullmatch(r"sep=.", lines[0].strip()) and len(lines) > 1:
        lines = lines[1:]
    names = re.split(r"[,;\t|]", lines[0])
    numbered = sum(re.search(r"\d[\])]?\"?$", name.strip()) is not None for name in names)
    written = any(re.search(_WRITTEN, line) for line in lines[1:]) or re.search(_WRITTEN_FIRST, lines[0])
    return numbered > 1 or bool(written)


def _in_object(row: Any) -> bool:
    if isinstance(row, list):
        return True
    if not isinstance(row, dict):
        return True
    numbers = [key for key, value in row.items() if _is_number(value) and re.search(r"\d$", key)]
    lists = any(isinstance(v, list) and v and all(map(_is_number, v)) for v in row.values())
    return lists or len(numbers) > 1 or any(map(looks_like_vector, row.values()))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
