"""BENCHMARKS.md from what was measured (`results.json`) and what was written by hand (`notes.md`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS, NOTES, PAGE = HERE / "results.json", HERE / "notes.md", HERE.parent / "BENCHMARKS.md"
INTRO = """# Benchmarks

Measured by `make bench`; each ratio is taken in one run on one machine, so it holds where absolute times do not.
Targets are those the project set itself; one that is missed says so. Made from `benchmarks/results.json` by
`python -m benchmarks --page`.
"""


def read() -> dict[str, Any]:
    """What was measured so far: ``{name: {"machine", "text"}}``."""
    return dict(json.loads(RESULTS.read_text(encoding="utf-8"))) if RESULTS.exists() else {}


def keep(name: str, machine: str, text: str) -> None:
    """Put what a benchmark printed into the results."""
    found = read() | {name: {"machine": machine, "text": text.strip().splitlines()}}
    RESULTS.write_text(json.dumps(dict(sorted(found.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def page(found: dict[str, Any]) -> str:
    """The page of ``found``.

    >>> "measured" in page({"startup": {"machine": "m", "text": ["| measured |"]}})
    True
    """
    parts = [INTRO]
    for name, section in sorted(found.items()):
        text = "\n".join(section["text"])
        parts.append(f"## {name}\n\n`python -m benchmarks.{name}` on {section['machine']}\n\n{text}\n")
    return "\n".join([*parts, NOTES.read_text(encoding="utf-8")])


def write() -> None:
    """Write BENCHMARKS.md."""
    PAGE.write_text(page(read()), encoding="utf-8")
