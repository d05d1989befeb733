"""Captions as tables: distinct texts, and which row belongs to which image or to which row of another language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.images import ImageTable
from embedscope.core.tables import Matches, Relation, TextTable
from embedscope.datasets.text import distinct


@dataclass
class Captions:
    """Tables of captions and the relations between them, filled one file after the other."""

    tables: dict[str, TextTable] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)
    images: dict[str, ImageTable] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=dict)
    photos: dict[str, list[str]] = field(default_factory=dict)

    def add(self, table: str, texts: Sequence[str], photos: Sequence[str]) -> None:
        """Add captions ``texts`` of ``photos``, line by line; a row's cluster is the first photo that it describes."""
        if len(texts) != len(photos):
            raise InputError(f"table {table}: {len(texts)} captions for {len(photos)} images; get its files again")
        index = distinct(texts)
        first: dict[str, str] = {}
        for text, photo in zip(texts, photos, strict=True):
            first.setdefault(text, photo)
        self.tables[table] = TextTable(tuple(index), "sentence", tuple(first.values()))
        self.rows[table], self.photos[table] = [index[text] for text in texts], list(photos)

    def translate(self, table: str, of: str) -> None:
        """Relation ``table``: its lines with the lines of ``of``."""
        self.relations[table] = matches(table, of, zip(self.rows[table], self.rows[of], strict=True))

    def share_images(self, table: str, of: str) -> None:
        """Relation ``table``: every caption with every caption of the same image in ``of``."""
        there: dict[str, list[int]] = {}
        for row, photo in zip(self.rows[of], self.photos[of], strict=True):
            there.setdefault(photo, []).append(row)
        pairs = zip(self.rows[table], self.photos[table], strict=True)
        self.relations[table] = matches(table, of, ((i, j) for i, photo in pairs for j in there.get(photo, ())))

    def show(self, images: str, captions: str, shown: ImageTable) -> None:
        """Images ``images``, whose clusters are photos, and the relation ``images`` from captions to them."""
        row = {photo: i for i, photo in enumerate(shown.clusters)}
        self.images[images] = shown
        pairs = zip(self.rows[captions], self.photos[captions], strict=True)
        self.relations[images] = matches(captions, images, ((i, row[photo]) for i, photo in pairs))


def matches(left: str, right: str, pairs: Iterable[tuple[int, int]]) -> Matches:
    """Matches without repetitions, in order of first appearance.

    >>> matches("a", "b", [(0, 2), (1, 0), (0, 2)]).left.tolist()
    [0, 1]
    """
    both = np.array(list(dict.fromkeys(pairs)), dtype=np.intp).reshape(-1, 2)
    return Matches(left, right, both[:, 0], both[:, 1])
