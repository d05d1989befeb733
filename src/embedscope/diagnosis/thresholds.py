"""Thresholds of one's own: a TOML file with a section for each rule."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.regular import check_ends
from embedscope.diagnosis.pair_rules import PAIR_RULES, QUERY_RULES
from embedscope.diagnosis.rule import LEVELS, Rule, Severity
from embedscope.diagnosis.space_rules import RULES
from embedscope.readers import join_first

Thresholds = Mapping[str, Mapping[Severity, float | None]]

ALL_RULES: tuple[Rule, ...] = (*RULES, *PAIR_RULES, *QUERY_RULES)
"""Every rule, of one space, of a pair and of queries."""


def thresholds_of(path: str | Path | Mapping[str, Any]) -> Thresholds:
    """Thresholds by rule and severity from a TOML file, or a mapping like it; ``false`` takes a level away.

    A section is a rule's id, a key a severity::

        [cosine_floor]
        warning = 0.5
        serious = false

    Raises
    ------
    InputError
        if the file cannot be read, a rule or a severity is unknown (the nearest one is offered), a value is neither a
        number nor false, or the levels are not in order.
    """
    rules = {rule.id: rule for rule in ALL_RULES}
    data = _read(path) if isinstance(path, str | Path) else path
    name_of = path if isinstance(path, str | Path) else "thresholds"
    for name in data:
        if name not in rules:
            raise InputError(f"{name_of}: unknown rule '{name}'; {near_or_all(name, rules)}")
    return {name: _levels(rules[name], section, name_of) for name, section in data.items()}


def _read(path: str | Path) -> dict[str, Any]:
    check_ends(path)
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"cannot read thresholds from {path} ({error}); wanted TOML, one section per rule") from error


def _levels(rule: Rule, section: Any, path: str | Path) -> Mapping[Severity, float | None]:
    if not isinstance(section, Mapping):
        raise InputError(f"{path}: {rule.id} must be a section, [{rule.id}] with {' or '.join(LEVELS)} = NUMBER")
    levels: dict[Severity, float | None] = {}
    for level, given in section.items():
        value = False if given is None else given  # None from Python is false in a file
        if level not in LEVELS:
            raise InputError(f"{path}: [{rule.id}] has no severity '{level}'; {near_or_all(level, LEVELS)}")
        if value is not False and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InputError(f"{path}: [{rule.id}] {level} must be a number, or false for none, got {value!r}")
        if value is not False and not math.isfinite(value):
            raise InputError(
                f"{path}: [{rule.id}] {level} is {value}, which nothing exceeds; give a number, or false for none"
            )
        levels[level] = None if value is False else float(value)
    own = {**rule.levels, **levels}
    ordered = [v for level in LEVELS if (v := own.get(level)) is not None]
    if ordered != sorted(ordered, reverse=rule.worse == "below"):
        way = "rise" if rule.worse == "above" else "fall"
        listed = ", ".join(f"{level} {own[level]:g}" for level in LEVELS if own.get(level) is not None)
        raise InputError(f"{path}: thresholds of [{rule.id}] must {way} from info to serious, got {listed}")
    return levels


def near_or_all(name: str, known: Iterable[str]) -> str:
    """The known name that is near ``name``, and those there are, at most twelve of them.

    >>> near_or_all("isoscor", ["isoscore", "i1"])
    "did you mean 'isoscore'? known: isoscore, i1"
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return (f"did you mean '{near[0]}'? " if near else "") + f"known: {join_first(names)}"


def tolerances(texts: Iterable[str]) -> dict[str, float]:
    """Tolerances by metric from ``METRIC=VALUE``.

    >>> tolerances(["isoscore=0.01"])
    {'isoscore': 0.01}
    """
    allowed = {}
    for text in texts:
        metric, equals, value = text.partition("=")
        try:
            allowed[metric.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not 0 <= allowed[metric.strip()] < math.inf:
            raise InputError(f"--tolerance takes METRIC=VALUE with a value of 0 or more, got '{text}'")
    return allowed
