"""Texts, one a row, that a model encodes into one space."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.ids import combine, hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import TextTable
from embedscope.sources.options import Encoder

if TYPE_CHECKING:
    pass


import numpy.typing as npt

from embedscope.core.tables import Pairs
from embedscope.datasets import DATASETS, Finder, read_beir_texts
from embedscope.encoders import Role
from embedscope.sources.models import Side, encoded_sides
from embedscope.sources.retrieval_data import read_lines

TextSource = str | Path | Sequence[str]


@dataclass(frozen=True)
class Texts:
    """``texts`` (n,), one a row, and what each belongs to: its document, or itself, so equal texts stay together."""

    name: str
    texts: tuple[str, ...]
    clusters: tuple[str, ...]

    def sampled(self, sample: int | None, seed: int) -> Texts:
        """The ``sample`` texts with the smallest hash of (seed, text), in their order; all where there are no more."""
        if not sample or sample >= len(self.texts):
            return self
        kept = np.sort(np.argsort(combine(hash_texts(self.texts), seed), kind="stable")[:sample]).tolist()
        texts, clusters = (tuple(column[i] for i in kept) for column in (self.texts, self.clusters))
        return Texts(f"{sample:,} of {self.name}", texts, clusters)


def texts_of(named: TextSource, data: str | Path | None, provenance: Provenance) -> Texts:
    """A data set, ``DATASET::TABLE``, a file with one text a line (``.jsonl``: of BEIR), or the texts themselves.

    Unlike the texts that ``measure`` reads, equal texts are rows of their own, so that labels match line by line.

    Raises
    ------
    InputError
        if a line is blank, or there is no such file or data set.
    """
    if not isinstance(named, str | Path):
        found = tuple(named)
        return Texts(f"{len(found):,} texts", found, found)
    path = Path(named)
    if str(named).partition("::")[0] in DATASETS or not path.is_file():
        table, name = texts_named(named, data, provenance)
        return Texts(name, table.texts, table.clusters or table.texts)
    found = tuple(read_beir_texts(path).values()) if path.suffix.lower() == ".jsonl" else read_lines(path)
    if "" in found:
        raise InputError(f"{named}, line {found.index('') + 1}, is blank; every line is a row, so take it out")
    provenance.data[str(named)] = file_facts(path)
    return Texts(str(named), found, found)


def encode(
    source: str,
    sides: Sequence[Texts],
    how: Encoder,
    provenance: Provenance,
    progress: Progress,
    roles: Sequence[Role | None] = (),
) -> tuple[str, list[npt.NDArray[Any]]]:
    """The one space of ``source`` that ``how`` names, and the vectors (n, d) of the texts of each side in it.

    ``roles`` says of each side whether it holds queries or documents; none of them does where it is empty.

    Raises
    ------
    InputError
        if several spaces are named, or a text has no vector.
    """
    options = {"device": "auto", "dtype": "float32"} | dict(how.options)
    named: list[Side] = [(roles[i] if roles else None, side.texts) for i, side in enumerate(sides)]
    spaces = encoded_sides(source, named, (how.layers, how.pooling), how.cache, options, provenance, progress)
    if len(spaces) > 1:
        names = ", ".join(one.space for one in spaces)
        raise InputError(f"one space at a time, got {names}; name one with --layers {spaces[-1].space}")
    space = spaces[0].space
    found = [np.asarray(spaces[0].matrix(i)) for i in range(len(sides))]
    for x, side in zip(found, sides, strict=True):
        if unknown := int((~np.isfinite(x).all(axis=1)).sum()):
            raise InputError(f"{source} has no vector for {unknown} of {len(x)} texts of {side.name}; take them out")
    return space, found


def scored_set(scored: Any, data: str | Path | None) -> tuple[str, npt.NDArray[np.float64]] | None:
    """Texts and rows (p, 3) of ``DATASET`` or ``DATASET::RELATION`` with human scores of pairs; None for anything else.

    Raises
    ------
    InputError
        if the data set has no such relation.
    """
    name, _, part = str(scored).partition("::")
    if not isinstance(scored, str | Path) or name not in DATASETS:
        return None
    found = DATASETS.get(name).load(Finder(Path(data) if data else None))
    known = {key: relation for key, relation in found.relations.items() if isinstance(relation, Pairs)}
    relation = known.get(part) if part or not known else next(iter(known.values()))
    if relation is None:
        raise InputError(f"{scored} names no pairs with human scores; {name} has {', '.join(known) or 'none'}")
    return f"{name}::{relation.table}", np.stack([relation.left, relation.right, relation.gold], axis=1)


def texts_named(
    named: str | Path | Sequence[str] | None, folder: str | Path | None, provenance: Provenance
) -> tuple[TextTable, str]:
    """The texts that ``named`` names (see :class:`Reading`), and their name; ``folder`` has data files."""
    from embedscope.datasets import DATASETS, Finder

    if not isinstance(named, str | Path):
        texts = tuple(named or ())
        if not texts or not all(isinstance(t, str) for t in texts):
            raise InputError(
                "texts must be a data set, a file with one text a line, or a list of texts that is not empty"
            )
        return _table(texts), f"{len(texts):,} texts"
    name, _, part = str(named).partition("::")
    if name in DATASETS:
        entry = DATASETS.get(name)
        data = entry.load(Finder(Path(folder) if folder else None))
        provenance.data[name] = {"licence": entry.licence, "citation": entry.citation, "sha256": dict(data.checksums)}
        if part and part not in data.tables:
            raise InputError(f"{name} has no table '{part}'; it has {', '.join(data.tables)}, the first by default")
        chosen = part or next(iter(data.tables))
        return data.tables[chosen], f"{name}::{chosen}" if len(data.tables) > 1 else name
    if not Path(named).exists():
        near = difflib.get_close_matches(name, list(DATASETS), n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InputError(
            f"--texts {named} is neither a data set nor a file; {hint}`embedscope list datasets` shows the data sets"
        )
    try:
        texts = tuple(line for line in Path(named).read_text(encoding="utf-8").split("\n") if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read texts from {named} ({error}); wanted UTF-8 text, one text a line") from error
    if not texts:
        raise InputError(f"{named} holds no texts; wanted UTF-8 text, one text a line")
    provenance.data[str(named)] = file_facts(Path(named))
    return _table(texts), str(named)


def _table(texts: tuple[str, ...]) -> TextTable:
    """Distinct ``texts`` as sentences."""
    return TextTable(tuple(dict.fromkeys(texts)), "sentence")
