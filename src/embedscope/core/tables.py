"""What data sets hold and tasks score: tables of texts and relations over their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embedscope.core.images import ImageTable

Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class TextTable:
    """Distinct strings of one kind; a row's index is its identity in relations.

    ``unit`` says what a string is ("word", "sentence", "document"), which decides how its vector is read.
    ``clusters`` names what a row belongs to (document of a sentence); empty where rows stand for themselves.
    """

    texts: tuple[str, ...]
    unit: str
    clusters: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Pairs:
    """Scored pairs: rows ``left`` and ``right`` (n,) of one table with gold scores (n,); ``subset`` names parts."""

    table: str
    left: Index
    right: Index
    gold: npt.NDArray[np.float64]
    subset: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labels:
    """One number per row of a table (valence of a word), aligned with the table."""

    table: str
    gold: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Quadruples:
    """Analogy questions a : b :: c : d as rows (n, 4) of one table; ``section`` (n,) names each one's relation."""

    table: str
    rows: Index
    section: tuple[str, ...]


@dataclass(frozen=True)
class Matches:
    """Rows that belong together: ``left`` (p,) of one table with ``right`` (p,) of another, many to many.

    Captions of images, sentences and their translations.
    """

    left_table: str
    right_table: str
    left: Index
    right: Index


@dataclass(frozen=True)
class Classes:
    """The class of every row of a table: ``label`` (n,) numbers ``names``."""

    table: str
    label: Index
    names: tuple[str, ...]


@dataclass(frozen=True)
class Qrels:
    """Relevance judgements: ``grade`` (p,) of rows ``document`` (p,) of ``corpus`` for rows ``query`` (p,).

    ``queries`` and ``corpus`` name the tables.
    """

    queries: str
    corpus: str
    query: Index
    document: Index
    grade: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Choices:
    """Questions that show pairs of one table and ask which is the least and which the most typical (MaxDiff).

    ``left``, ``right`` (q, k) are the words of the k pairs of a question, ``least`` and ``most`` (q, k) how many people
    chose each, ``section`` (q,) names the relation that is asked for.
    """

    table: str
    left: Index
    right: Index
    least: Index
    most: Index
    section: tuple[str, ...]


@dataclass(frozen=True)
class Edits:
    """Changes of images by words: replace ``old`` by ``new`` in ``image`` and find an image of the class ``wanted``.

    ``image`` (q,) are rows of ``images``, ``old`` and ``new`` (q,) rows of ``words``, ``wanted`` (q,) labels of the
    classes of ``images``, ``weight`` (q,) what a query counts, ``section`` (q,) its split.
    """

    images: str
    words: str
    image: Index
    old: Index
    new: Index
    wanted: Index
    weight: npt.NDArray[np.float64]
    section: tuple[str, ...]


SAME_WORD = "same word"
"""The relation, ``Matches`` of one table, of rows that are one word in several spellings."""

Relation = Pairs | Labels | Quadruples | Matches | Classes | Qrels | Choices | Edits


@dataclass(frozen=True)
class Data:
    """A loaded data set: tables of texts and of images, relations over them, and where its bytes came from.

    A name is a table of texts or a table of images, never both.
    """

    name: str
    tables: Mapping[str, TextTable]
    relations: Mapping[str, Relation]
    checksums: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, ImageTable] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """Outcome of a task in one space.

    Attributes
    ----------
    value : the score, None where it is undefined, with the reason in ``note``
    n : scored items
    draws : (n_draws,) bootstrap replicates, nan where a replicate is undefined; the same draws for every space and
        model, so that differences of two scores are paired
    items : what each item contributed (cosine of a pair, effect size of a word), for writing out
    note : ties, items left out, reason of an undefined value
    exact : False where items were sampled; ``note`` says how
    facts : what a program reads of the score (``best_control``), by name; never parsed out of ``note``
    highest : the least upper end of its 95 % interval, where the percentiles of ``draws`` end too low (a difference
        from the best of several)
    """

    value: float | None
    n: int
    draws: npt.NDArray[np.float64] | None = None
    items: npt.NDArray[np.float64] | None = None
    note: str | None = None
    exact: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    highest: float | None = None


class Task(Protocol):
    """Scores vectors against a relation; cannot tell which model or layer they come from, nor whether repaired."""

    @property
    def id(self) -> str:
        """Name of the task and of its main score."""

    @property
    def dataset(self) -> str:
        """Name of the data set it is scored on."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables whose rows it needs as vectors."""

    @property
    def about(self) -> Mapping[str, Any]:
        """Facts for listings: kind, unit, measure, cite, published reference values."""

    def score(self, vectors: Mapping[str, npt.NDArray[Any]], data: Data, seed: int) -> Mapping[str, Score]:
        """Scores by id, the main one first; ``vectors`` maps a table to (n, d) rows aligned with it."""
