"""Emoji of several packages joined by code points: names in many languages, groups, drawings of two vendors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TONES = ("1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff")
"""Code points of the five skin tones, light to dark."""

LANGUAGES = ("ar", "de", "es", "fa", "fr", "id", "it", "ja", "ko", "pt", "ru", "tr", "zh")
UNGROUPED = "ungrouped"
_FULLY_QUALIFIED = 2


def code(hexes: str) -> str:
    """Code points in the one spelling that all packages share: lower case, four digits, no variation selector.

    >>> code("23-FE0F-20E3")
    '0023-20e3'
    """
    return "-".join(part.zfill(4) for part in hexes.lower().split("-") if part != "fe0f")


def code_of(text: str) -> str:
    """Code points of the emoji ``text``.

    >>> code_of("\N{SNOWMAN}")
    '2603'
    """
    return code("-".join(f"{ord(sign):x}" for sign in text))


def toneless(key: str) -> str:
    """``key`` without its skin tones.

    >>> toneless("1f468-1f3fb-200d-1f33e")
    '1f468-200d-1f33e'
    """
    return "-".join(part for part in key.split("-") if part not in TONES)


@dataclass(frozen=True)
class Emoji:
    """Every emoji that both vendors draw.

    ``names`` maps a language to names by code, ``groups`` gives (group, subgroup) by code, ``drawings`` maps a vendor
    to SVG files by code. ``concepts`` are the codes without skin tones, in the order of the English names' file;
    ``families`` are those of them that have all five tones, mapped to the five codes.
    """

    names: Mapping[str, Mapping[str, str]]
    groups: Mapping[str, tuple[str, str]]
    drawings: Mapping[str, Mapping[str, Path]]
    concepts: tuple[str, ...]
    families: Mapping[str, tuple[str, ...]]


def join_emoji(files: Mapping[str, Path], folders: Mapping[str, Path]) -> Emoji:
    """Read ``emoji.json``, ``emoji_xx.json``, ``groups.json`` and the folders of SVG files of each vendor."""
    drawings = {vendor: {code(p.stem): p for p in sorted(folder.glob("*.svg"))} for vendor, folder in folders.items()}
    english = _english(files["emoji.json"])
    drawn = [key for key in english if all(key in svgs for svgs in drawings.values())]
    concepts = tuple(key for key in drawn if toneless(key) == key)
    names = {"en": english} | {language: _names(files[f"emoji_{language}.json"]) for language in LANGUAGES}
    return Emoji(names, _groups(files["groups.json"]), drawings, concepts, _families(drawn, set(concepts)))


def _families(drawn: list[str], concepts: set[str]) -> dict[str, tuple[str, ...]]:
    """Concepts with five variants, each of one tone for everybody in the image."""
    variants: dict[str, dict[str, str]] = {}
    for key in drawn:
        tones = {part for part in key.split("-") if part in TONES}
        if len(tones) == 1 and (base := toneless(key)) in concepts:
            variants.setdefault(base, {})[tones.pop()] = key
    return {base: tuple(members[t] for t in TONES) for base, members in variants.items() if len(members) == len(TONES)}


def _plain(name: str) -> str:
    """``:red_apple:`` as words."""
    return name.strip(":").replace("_", " ")


def _english(path: Path) -> dict[str, str]:
    """Names of the fully qualified emoji; components (a tone, a hair style alone) are none."""
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {
        code_of(sign): _plain(facts["en"]) for sign, facts in entries.items() if facts["status"] == _FULLY_QUALIFIED
    }


def _names(path: Path) -> dict[str, str]:
    return {code_of(sign): _plain(name) for sign, name in json.loads(path.read_text(encoding="utf-8")).items()}


def _groups(path: Path) -> dict[str, tuple[str, str]]:
    entries = json.loads(path.read_text(encoding="utf-8"))
    return {code(entry["unified"]): (entry["category"], entry["subcategory"]) for entry in entries}
