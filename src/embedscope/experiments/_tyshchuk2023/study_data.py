"""What the study is run on: pairs with a fitting part, classes with their prompts, parallel names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from embedscope.core.document import Skipped
from embedscope.core.ids import combine, hash_texts
from embedscope.core.images import Image
from embedscope.core.tables import Data, Index
from embedscope.stats.units import join

UNSEEN_SHARE, HELD_SHARE = 0.1, 0.2
"""Shares of concepts that no fit has seen, and of concepts with one drawing held out."""


@dataclass(frozen=True)
class Held:
    """A held-out part: ``images`` and ``texts`` are queries and candidates; pair i is (left[i], right[i]) in them.

    ``unit`` (p,) numbers the unit of evidence of each pair, where pairs are known to depend on each other.
    """

    images: Index
    texts: Index
    left: Index
    right: Index
    unit: Index | None = None

    @property
    def image_units(self) -> Index:
        """Number (n_images,) of the concept of each image: images that match one text, and their texts, are one.

        So are pairs of one ``unit``.
        """
        return self._components[: len(self.images)]

    @property
    def text_units(self) -> Index:
        """The same (n_texts,) of each text."""
        return self._components[len(self.images) :]

    @cached_property
    def _components(self) -> Index:
        n, m = len(self.images), len(self.texts)
        links = [(self.left, n + self.right)]
        if self.unit is not None:
            _, first, place = np.unique(self.unit, return_index=True, return_inverse=True)
            links.append((self.left, self.left[first[place]]))
        return join(n + m, links=links)


@dataclass(frozen=True)
class PairSet:
    """Images and texts that belong together; ``fit`` are the rows (of images, of texts) of the pairs to fit on."""

    name: str
    images: tuple[Image, ...]
    texts: tuple[str, ...]
    fit: tuple[Index, Index]
    held: Mapping[str, Held]

    @property
    def test(self) -> Held:
        """The part that no fit has seen: the last."""
        return list(self.held.values())[-1]


@dataclass(frozen=True)
class ClassSet:
    """Images in classes; ``train`` and ``test`` are rows of ``images``, ``label`` (n,) numbers ``names``.

    ``concept`` (n,) numbers the concept of each image where several images show one: they are one unit of evidence.
    """

    name: str
    prompt: str
    names: tuple[str, ...]
    images: tuple[Image, ...]
    label: Index
    train: Index
    test: Index
    concept: Index | None = None

    @property
    def test_units(self) -> Index | None:
        """Number of the concept of each test image, which the bootstrap draws whole; None where each is its own."""
        return None if self.concept is None else np.unique(self.concept[self.test], return_inverse=True)[1]

    @property
    def prompts(self) -> tuple[str, ...]:
        """One prompt per class."""
        return tuple(self.prompt.replace("{class}", name) for name in self.names)


@dataclass(frozen=True)
class Parallel:
    """Texts of one language and the English ones they translate: pair i is (left[i], right[i]); ``data`` names them."""

    language: str
    texts: tuple[str, ...]
    english: tuple[str, ...]
    left: Index
    right: Index
    data: str = "emoji"


@dataclass
class StudyData:
    """All of it, and what was left out."""

    pairs: PairSet
    classes: ClassSet | None
    languages: tuple[Parallel, ...]
    data: dict[str, Any]
    skipped: list[Skipped] = field(default_factory=list)
    russian: tuple[str, ...] = ()
    """Captions of ruCOCO, for the text side of ruCLIP."""


def first_pairs(study_data: StudyData, n: int) -> StudyData:
    """The first ``n`` pairs to fit on and nothing else, for what needs a cloud alone."""
    rows_i, rows_t = (np.unique(rows[:n], return_inverse=True) for rows in study_data.pairs.fit)
    images = tuple(study_data.pairs.images[i] for i in rows_i[0])
    texts = tuple(study_data.pairs.texts[i] for i in rows_t[0])
    pairs = PairSet(study_data.pairs.name, images, texts, (rows_i[1], rows_t[1]), {})
    return StudyData(pairs, None, (), study_data.data)


def order_of(names: Sequence[str], seed: int) -> Index:
    """Row numbers in the order of a seeded hash of their names: a shuffle that does not depend on the order of rows."""
    return np.argsort(combine(hash_texts(names), seed), kind="stable")


def emoji_pairs(data: Data, seed: int) -> PairSet:
    """Drawings of two vendors and English names; a tenth of the concepts is unseen, a fifth has a drawing held out."""
    table, names = data.images["drawings"], data.tables["names"]
    concepts = _grouped_concepts(data)
    n = len(names)
    shuffled = concepts[order_of([names.clusters[i] for i in concepts], seed)]
    n_unseen, n_held = round(UNSEEN_SHARE * len(shuffled)), round(HELD_SHARE * len(shuffled))
    unseen, held, seen = shuffled[:n_unseen], shuffled[n_unseen : n_unseen + n_held], shuffled[n_unseen:]
    vendor = (order_of([names.clusters[i] for i in held], seed + 1) < len(held) // 2).astype(np.intp)
    held_rows = held + vendor * n
    fit = np.setdiff1d(np.concatenate([seen, seen + n]), held_rows)
    every = np.sort(shuffled)
    unseen_rows = np.concatenate([unseen, unseen + n])
    parts = {
        "held-out drawings": Held(held_rows, every, np.arange(len(held)), np.searchsorted(every, held)),
        "unseen concepts": Held(unseen_rows, unseen, np.arange(2 * len(unseen)), np.tile(np.arange(len(unseen)), 2)),
    }
    return PairSet("emoji", table.images, names.texts, (fit, fit % n), parts)


def emoji_classes(data: Data, pairs: PairSet, prompt: str | None) -> ClassSet:
    """Drawings in the subgroups of the emoji: concepts that are unseen in the pairs are the test part."""
    relation: Any = data.relations["drawing_subgroups"]
    concepts = _grouped_concepts(data)
    n = len(data.tables["names"])
    rows = np.concatenate([concepts, concepts + n])
    test = np.sort(pairs.held["unseen concepts"].images)
    names = tuple(name.replace("-", " ").replace("_", " ") for name in relation.names)
    used = np.unique(relation.label[rows])
    number = np.full(len(names), -1)
    number[used] = np.arange(len(used))
    return ClassSet(
        "emoji subgroups",
        prompt or "emoji of {class}",
        tuple(names[i] for i in used),
        pairs.images,
        number[relation.label],
        np.setdiff1d(rows, test),
        test,
        np.arange(len(pairs.images)) % n,
    )


def emoji_languages(data: Data, codes: Sequence[str]) -> tuple[Parallel, ...]:
    """Names in other languages and their English ones."""
    english = data.tables["names"]
    languages = []
    for code in codes:
        relation: Any = data.relations[f"names_{code}"]
        languages.append(
            Parallel(code, data.tables[f"names_{code}"].texts, english.texts, relation.left, relation.right)
        )
    return tuple(languages)


def _grouped_concepts(data: Data) -> Index:
    """Concepts that have a group (rows of ``names``)."""
    relation: Any = data.relations["groups"]
    ungrouped = len(relation.names) - 1
    return np.flatnonzero(relation.label != ungrouped)
