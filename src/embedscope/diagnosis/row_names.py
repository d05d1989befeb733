"""What a row is called where a finding names it: its number, and its text where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Hashes
from embedscope.core.errors import InputError
from embedscope.core.ids import combine, hash_texts, row_numbers
from embedscope.core.images import Image
from embedscope.core.provenance import Provenance
from embedscope.core.thumbnails import thumbnails
from embedscope.readers import find_vectors, is_vectors, texts_of
from embedscope.sources.images import images_in
from embedscope.sources.retrieval_data import read_lines
from embedscope.sources.texts import read_texts

Texts = str | Path | Sequence[str] | None

_POSITIONS = 1024
"""Positions of tokens that are recognised by their hashes."""

_SHOWN = 80


@dataclass(frozen=True, eq=False)
class RowNames:
    """Numbers and texts of the rows of one source.

    Attributes
    ----------
    texts : of a model, the texts it read, known by their hashes; of vectors, the text of each row; None where unknown
    of_model : whether rows are known by their texts
    are_texts : False where they are names of images, whose lengths say nothing
    images : the images of the rows, in the order of ``texts``; None where rows are no images
    """

    texts: Sequence[str] | None
    of_model: bool
    are_texts: bool = True
    shown: int = field(default=_SHOWN)
    images: Sequence[Image] | None = None

    @classmethod
    def of(cls, name: str, source: Any, model: Mapping[str, Any], texts: Texts) -> RowNames:
        """Of the source ``name`` of a diagnosis; ``texts`` are those of its rows, or a file with one per line."""
        if model.get("texts") is not None:
            table, _ = read_texts(model["texts"], model.get("data"), Provenance())
            return cls(table.texts, True)
        if model.get("images") is not None:
            images = tuple(images_in(model["images"]))
            return cls(tuple(image.name for image in images), True, are_texts=False, images=images)
        if isinstance(texts, str | Path):
            texts = read_lines(texts)
        elif isinstance(texts, Mapping):
            raise InputError("row_texts is a mapping; wanted a list, the text of each row in the order of the rows")
        if texts is None and isinstance(name, str) and is_vectors(name) and not isinstance(source, Mapping):
            known_texts = texts_of(find_vectors(name).stream) if _readable(name) else None
            texts = None if known_texts is None else known_texts.values()
        return cls(texts, False)

    def check(self, n: int) -> None:
        """Raise ``InputError`` where there is not one text for each of ``n`` rows."""
        if self.texts is not None and not self.of_model and len(self.texts) != n:
            raise InputError(f"--names has {len(self.texts):,} lines and the source {n:,} rows; give one line per row")

    @cached_property
    def _by_hash(self) -> dict[int, int]:
        return {int(h): i for i, h in enumerate(hash_texts(self.texts or ()))}

    def name_rows(self, ids: Hashes) -> list[tuple[str, str]]:
        """Number and text of each row; of a token the position and its sentence."""
        if not self.of_model:
            numbers = row_numbers(ids)
            return [(str(int(i)), self._text(int(i))) for i in numbers]
        unknown = [int(h) for h in ids if int(h) not in self._by_hash]
        tokens = self._tokens(set(unknown)) if unknown else {}
        out = []
        for h in map(int, ids):
            if h in self._by_hash:
                out.append((str(self._by_hash[h]), self._text(self._by_hash[h])))
            elif h in tokens:
                sentence, position = tokens[h]
                out.append((f"{sentence}:{position}", self._text(sentence)))
            else:
                out.append((f"{h:016x}", ""))
        return out

    def thumbnail(self, row: str) -> str:
        """A small PNG of the row that :meth:`named` calls ``row``, as base64; empty where it is no known image."""
        known = self.images is not None and row.isdecimal() and int(row) < len(self.images)
        return thumbnails([self.images[int(row)]])[0] if known and self.images is not None else ""

    def lengths(self, ids: Hashes) -> npt.NDArray[np.int64]:
        """Characters of the text of each row, -1 where it is not known."""
        if self.texts is None or not self.are_texts:
            return np.full(len(ids), -1)
        if self.of_model:
            places = [self._by_hash.get(int(h), -1) for h in ids]
        else:
            places = [int(i) if i < len(self.texts) else -1 for i in row_numbers(ids)]
        return np.array([len(self.texts[i]) if i >= 0 else -1 for i in places], dtype=np.int64)

    def _tokens(self, wanted: set[int]) -> dict[int, tuple[int, int]]:
        """Sentence and position of the tokens with these hashes."""
        places: dict[int, tuple[int, int]] = {}
        own = np.arange(-1, _POSITIONS, dtype=np.int64).astype(np.uint64)
        for i, h in enumerate(hash_texts(self.texts or ())):
            hashes = combine(np.full(len(own), h, dtype=np.uint64), own)
            for j in np.flatnonzero(np.isin(hashes, np.fromiter(wanted, dtype=np.uint64))):
                places[int(hashes[j])] = (i, int(j) - 1)
        return places

    def _text(self, i: int) -> str:
        if self.texts is None or not 0 <= i < len(self.texts):
            return ""
        text = " ".join(self.texts[i].split())
        return text if len(text) <= self.shown else text[: self.shown - 1] + "…"


def _readable(name: str) -> bool:
    return not name.startswith("-")
