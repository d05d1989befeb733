"""The command that turns JSON into one row per line, which is read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

_VECTORS_BY_NAME = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*\[\s*-?[0-9]')
_ROWS_IN_FIELD = re.compile(rb'"([A-Za-z_][A-Za-z_0-9]*)"\s*:\s*\[\s*[\[{]')
_PLACE = re.compile(r"([A-Za-z_][A-Za-z_0-9]*(\[\])*\.)*[A-Za-z_][A-Za-z_0-9]*(\[\])*")


def command_for(path: Path, head: bytes) -> str:
    """The command for a JSON file that begins with ``head``; empty where what it holds is not known.

    >>> command_for(Path("x.json"), b'[{"id": 1}]')
    "`jq -c '.[]' x.json > x_rows.jsonl`"
    """
    if head.lstrip()[:1] == b"[":
        return _command(".[]", path)
    if _VECTORS_BY_NAME.match(head):
        return _command("to_entries[] | {id: .key, vector: .value}", path)
    field = _ROWS_IN_FIELD.search(head)
    return _command(f".{field[1].decode()}[]", path) if field else ""


def command_for_place(path: Path, place: str, ids: Sequence[str]) -> str:
    """The command for rows that hold vectors in ``place`` (``data[].embedding``); empty for names that need quotes.

    >>> command_for_place(Path("x.jsonl"), "data[].embedding", ["id"])
    "`jq -c '{id, vector: .data[].embedding}' x.jsonl > x_rows.jsonl`"
    """
    if not _PLACE.fullmatch(place) or not all(_PLACE.fullmatch(name) for name in ids):
        return ""
    return _command(f"{{{''.join(f'{name}, ' for name in ids[:1])}vector: .{place}}}", path)


def _command(program: str, path: Path) -> str:
    return f"`jq -c '{program}' {shlex.quote(str(path))} > {shlex.quote(path.stem)}_rows.jsonl`"
