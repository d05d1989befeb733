"""Texts that a model reads: a data set, a file or a list; and their vectors in one space of a model."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.ids import hash_sample, hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Pairs, TextTable
from embedscope.datasets import DATASETS, Finder, is_text_table, read_text_rows
from embedscope.datasets.tables import read_text
from embedscope.datasets.text import lines
from embedscope.encoders import Role, has_vocabulary
from embedscope.sources.images import Images, encode_images, images_of
from embedscope.sources.options import ModelOptions
from embedscope.sources.retrieval_data import cosine_notes
from embedscope.sources.single_space import single_space

TextSource = str | Path | Sequence[str]


@dataclass(frozen=True)
class Texts:
    """``texts`` (n,), one per row, and the cluster of each (n,): its document, or the text itself."""

    name: str
    texts: tuple[str, ...]
    clusters: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def titles(self) -> tuple[str, ...]:
        """What each row is called."""
        return self.texts

    @property
    def keys(self) -> tuple[str, ...]:
        """Equal where two rows hold the same text."""
        return self.texts

    def sample(self, n: int | None, seed: int) -> Texts:
        """The hash sample of ``n`` texts, in their order; all of them where there are no more, or n is None or 0."""
        if not n or n >= len(self.texts):
            return self
        rows = hash_sample(hash_texts(self.texts), n, seed).tolist()
        texts, clusters = (tuple(column[i] for i in rows) for column in (self.texts, self.clusters))
        return Texts(f"{n:,} of {self.name}", texts, clusters)


def material_of(
    texts: TextSource | None, images: str | Path | None, data: str | Path | None, provenance: Provenance
) -> Texts | Images | None:
    """What a model encodes: texts, or the images of a folder; None where neither is named.

    Raises
    ------
    InputError
        if both are named.
    """
    if images is None:
        return None if texts is None else texts_of(texts, data, provenance)
    if texts is not None:
        raise InputError("a model reads --texts or --images, one at a time; leave one of them out")
    return images_of(images, provenance)


def own_words(uri: str, options: ModelOptions, provenance: Provenance, progress: Progress) -> Texts | None:
    """The words that a file of word vectors has vectors of; None where ``uri`` is no model that lists its texts."""
    from embedscope.sources.models import open_text_model

    if not has_vocabulary(uri):
        return None
    words = tuple(dict.fromkeys(getattr(open_text_model(uri, options, provenance, progress), "vocabulary", ())))
    return Texts(f"the words of {uri}", words, words)


def texts_of(source: TextSource, data: str | Path | None, provenance: Provenance) -> Texts:
    """A data set, ``DATASET::TABLE``, a file with one text per line, a table with a column of texts, or a list.

    Unlike :func:`read_texts`, equal texts are rows of their own, so that labels match line by line.

    Raises
    ------
    InputError
        if a line is empty, or there is no such file or data set.
    """
    if not isinstance(source, str | Path):
        texts = _texts_in_memory(source)
        return Texts(f"{len(texts):,} texts", texts, texts)
    path = Path(source)
    if str(source).partition("::")[0] in DATASETS or not path.is_file():
        table, name = read_texts(source, data, provenance)
        return Texts(name, table.texts, table.clusters or table.texts)
    texts = tuple(text.strip() for text in _rows_of(path))
    if "" in texts:
        raise InputError(f"line {texts.index('') + 1} of {source} is empty; every line is a row, so remove it")
    provenance.data[str(source)] = file_facts(path)
    return Texts(str(source), texts, texts)


def _texts_in_memory(source: Iterable[str] | None) -> tuple[str, ...]:
    """Texts in memory: a list, an array or a column."""
    texts = () if source is None else tuple(source)
    if not texts or not all(isinstance(t, str) for t in texts):
        raise InputError("texts must be a data set, a file with one text per line, or a list of at least one text")
    return tuple(str(text) for text in texts)


def _rows_of(path: Path) -> tuple[str, ...]:
    """The texts of a file: of the column of texts of a table, else one per line, as it stands there."""
    if is_text_table(path):
        return read_text_rows(path)[1]
    return tuple(lines(read_text(path, "UTF-8 text, one text per line")))


def encode(
    uri: str,
    sides: Sequence[Texts | Images],
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress,
    roles: Sequence[Role | None] = (),
) -> tuple[str, list[npt.NDArray[Any]]]:
    """Name of the one space of the model ``uri`` that is read, and the vectors (n, d) of the rows of each side in it.

    See :func:`encode_noted`, which says what must be known of them too.
    """
    encoded = encode_noted(uri, sides, options, provenance, progress, roles)
    return encoded.space, encoded.sides


@dataclass(frozen=True, eq=False)
class Encoded:
    """Vectors (n, d) of each of ``sides`` in one ``space`` of a model, and what must be known of them."""

    space: str
    sides: list[npt.NDArray[Any]]
    notes: tuple[str, ...] = ()


def encode_noted(
    uri: str,
    sides: Sequence[Texts | Images],
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress,
    roles: Sequence[Role | None] = (),
) -> Encoded:
    """The rows of each side in the one space of the model ``uri`` that is read.

    Sides are all texts or all images. ``roles`` says of each side whether its texts are queries or
    documents; where it is empty, they are neither.

    Raises
    ------
    InputError
        if several spaces are named, or a text has no vector.
    """
    from embedscope.sources.models import Side, check_known, encode_sides

    pictures = [side for side in sides if isinstance(side, Images)]
    if pictures:
        space, parts = "", []
        for side in pictures:
            space, x = encode_images(uri, side.images, options, provenance, progress)
            parts.append(x)
        return Encoded(space, parts)
    named: list[Side] = [(roles[i] if roles else None, side.titles) for i, side in enumerate(sides)]
    one = single_space(encode_sides(uri, named, options, provenance, progress))
    notes = cosine_notes(one.score)
    for note in notes:
        progress.note(f"{uri}: {note}")
    parts = [check_known(np.asarray(one.matrix(i)), uri, side.name) for i, side in enumerate(sides)]
    return Encoded(one.space, parts, notes)


def scored_set(scores: Any, data: str | Path | None) -> tuple[str, npt.NDArray[np.float64]] | None:
    """Name of the texts and rows (p, 3) of a data set with human similarity scores; None where ``scores`` names none.

    Parameters
    ----------
    scores : ``DATASET`` or ``DATASET::RELATION``; anything else gives None

    Raises
    ------
    InputError
        if the data set has no such relation.
    """
    name, _, part = str(scores).partition("::")
    if not isinstance(scores, str | Path) or name not in DATASETS:
        return None
    loaded = DATASETS.get(name).load(Finder(Path(data) if data else None))
    known = {key: relation for key, relation in loaded.relations.items() if isinstance(relation, Pairs)}
    relation = known.get(part) if part or not known else next(iter(known.values()))
    if relation is None:
        raise InputError(f"{scores} has no pairs with human scores; {name} has {', '.join(known) or 'none'}")
    return f"{name}::{relation.table}", np.stack([relation.left, relation.right, relation.gold], axis=1)


def read_texts(source: TextSource | None, data: str | Path | None, provenance: Provenance) -> tuple[TextTable, str]:
    """Distinct texts of a data set, ``DATASET::TABLE``, a file with one text per line or a list, and their name.

    Parameters
    ----------
    data : folder with data files

    Raises
    ------
    InputError
        if there is no such data set, table or file, or no text in it.
    """
    if not isinstance(source, str | Path):
        texts = _texts_in_memory(source)
        return TextTable(tuple(dict.fromkeys(texts)), "sentence"), f"{len(texts):,} texts"
    name, _, part = str(source).partition("::")
    if name in DATASETS:
        entry = DATASETS.get(name)
        loaded = entry.load(Finder(Path(data) if data else None))
        provenance.data[name] = {"licence": entry.licence, "citation": entry.citation, "sha256": dict(loaded.checksums)}
        if part and part not in loaded.tables:
            raise InputError(f"{name} has no table '{part}'; it has {', '.join(loaded.tables)}, the first by default")
        table = part or next(iter(loaded.tables))
        return loaded.tables[table], f"{name}::{table}" if len(loaded.tables) > 1 else name
    if not Path(source).exists():
        near = difflib.get_close_matches(name, list(DATASETS), n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(
            f"--texts {source} is neither a data set nor a file; {hint}`embedscope list datasets` shows the data sets"
        )
    texts = tuple(text for text in _rows_of(Path(source)) if text.strip())
    if not texts:
        raise InputError(f"{source} has no texts; wanted UTF-8 text, one text per line")
    provenance.data[str(source)] = file_facts(Path(source))
    return TextTable(tuple(dict.fromkeys(texts)), "sentence"), str(source)
