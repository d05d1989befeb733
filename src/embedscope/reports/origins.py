"""Provenance as the page shows it: facts, tables of models and data, wall time per phase."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_KNOWN = ("command", "started", "seed", "versions", "hardware", "models", "data", "settings", "shards", "wall_seconds")


@dataclass(frozen=True)
class Origins:
    """Where a result comes from.

    ``facts`` are short pairs, ``lists`` titled groups of pairs, ``grids`` titled cards (name, pairs), ``phases``
    (name, text, share of the longest).
    """

    facts: tuple[tuple[str, str], ...]
    lists: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    grids: tuple[tuple[str, tuple[tuple[str, tuple[tuple[str, str], ...]], ...]], ...]
    phases: tuple[tuple[str, str, float], ...]
    total: str
    version: str

    def __bool__(self) -> bool:
        return bool(self.facts or self.lists or self.grids or self.phases)


def origins_of(provenance: Mapping[str, Any]) -> Origins:
    """Lay out ``provenance``; fields it does not know are shown too."""
    facts = [
        (k, format_value(provenance[k])) for k in ("command", "started", "seed") if provenance.get(k) not in (None, "")
    ]
    facts = [(k, v.replace("T", " ").replace("+00:00", " UTC") if k == "started" else v) for k, v in facts]
    named = (("Settings", "settings"), ("Versions", "versions"), ("Hardware", "hardware"), ("Shards", "shards"))
    lists = [(title, pairs) for title, key in named if (pairs := _pairs(provenance.get(key)))]
    other = _pairs({k: v for k, v in provenance.items() if k not in _KNOWN})
    if other:
        lists.append(("Other", other))
    grids = [
        (title, cards)
        for title, key in (("Models", "models"), ("Data", "data"))
        if (cards := _cards(provenance.get(key)))
    ]
    seconds = provenance.get("wall_seconds") or {}
    longest = max(seconds.values(), default=0.0) or 1.0
    phases = tuple((name, duration(s), s / longest) for name, s in seconds.items())
    version = str((provenance.get("versions") or {}).get("embedscope", ""))
    total = duration(sum(seconds.values())) if seconds else ""
    return Origins(tuple(facts), tuple(lists), tuple(grids), phases, total, version)


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(0.25), duration(42.0), duration(257.4)
    ('0.25 s', '42 s', '4 min 17 s')
    """
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def format_value(value: object) -> str:
    """A value of the provenance as text: no empty ones, numbers in the digits that a reader needs.

    >>> format_value(None), format_value(()), format_value(True), format_value(["a", 1]), format_value({"k": 2 / 3})
    ('none', 'none', 'yes', 'a, 1', 'k: 0.6667')
    """
    if value is None or value in ("", [], (), {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _format_number(value)
    if isinstance(value, list | tuple) and _is_flat(value):
        return ", ".join(format_value(v) for v in value)
    if isinstance(value, Mapping) and _is_flat(value.values()):
        return ", ".join(f"{k}: {format_value(v)}" for k, v in value.items())
    return value if isinstance(value, str) else json.dumps(_round_within(value), ensure_ascii=False)


def _format_number(value: float) -> str:
    """``value`` with four digits, or to the unit where it is large; the exact one is in the result."""
    return f"{value:.4g}" if abs(value) < 10_000 or not math.isfinite(value) else f"{value:,.0f}"


def _round_within(value: object) -> object:
    """``value`` with the numbers within it in four digits."""
    if isinstance(value, Mapping):
        return {str(k): _round_within(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_round_within(v) for v in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _is_flat(values: Iterable[object]) -> bool:
    return all(not isinstance(v, list | tuple | Mapping) for v in values)


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    """Names and values as text; what a mapping of lists or of sentences holds stands on lines of its own.

    >>> _pairs({"kind": "text", "policies": {"padding": "right; masked", "native": [1, 1]}})
    (('kind', 'text'), ('padding', 'right; masked'), ('native', '1, 1'))
    """
    if not isinstance(value, Mapping):
        return ()
    pairs: list[tuple[str, str]] = []
    for name, v in value.items():
        if isinstance(v, Mapping) and (not _is_flat(v.values()) or any(" " in str(x) for x in v.values())):
            pairs += _pairs(v)
        else:
            pairs.append((str(name).replace("_", " "), format_value(v)))
    return tuple(pairs)


def _cards(value: object) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Named mappings, each with its facts; fields that are not known are left out."""
    if not isinstance(value, Mapping):
        return ()
    entries = {str(name): v if isinstance(v, Mapping) else {"value": v} for name, v in value.items()}
    return tuple((name, _pairs({k: f for k, f in facts.items() if f is not None})) for name, facts in entries.items())
