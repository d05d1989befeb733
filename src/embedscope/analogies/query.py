"""One question from the terminal: king - man + woman, with what plain similarity would have said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedscope.analogies._spaces import AnalogySpace, SpaceReading, analogy_spaces
from embedscope.core.arrays import Floats
from embedscope.core.document import Column, Document, Finding, Table
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.tables import Data, Index, TextTable
from embedscope.stats.neighbours import top_k
from embedscope.tasks._analogy_rows import CandidateRows
from embedscope.tasks._cosines import unit


@dataclass(frozen=True)
class Sum:
    """Words to add and to take away, in the order written.

    >>> Sum.parse("king - man + woman")
    Sum(plus=('king', 'woman'), minus=('man',))
    """

    plus: tuple[str, ...]
    minus: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Sum:
        """Words split by + and - with blanks on both sides; a word may hold blanks and hyphens.

        Raises
        ------
        InputError
            if a word is missing, or nothing is added.
        """
        signed: list[tuple[str, str]] = []
        for part in text.split():
            if part in ("+", "-"):
                signed.append((part, ""))
            else:
                sign, word = signed.pop() if signed else ("+", "")
                signed.append((sign, f"{word} {part}".strip()))
        if not any(sign == "+" for sign, _ in signed) or any(not word for _, word in signed):
            raise InputError(f"'{text}' is no sum of words; write it as king - man + woman, blanks around the signs")
        return cls(tuple(w for s, w in signed if s == "+"), tuple(w for s, w in signed if s == "-"))

    @property
    def words(self) -> tuple[str, ...]:
        """All words, those added first."""
        return (*self.plus, *self.minus)

    def __str__(self) -> str:
        return " + ".join(self.plus) + "".join(f" - {word}" for word in self.minus)


def ask(
    source: str,
    question: str,
    *,
    candidates: Sequence[str] | None = None,
    images: Data | None = None,
    rows: str = "unit",
    k: int = 10,
    reading: SpaceReading | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """The candidates nearest to a sum of words, by cosine, the words of the sum left out and not.

    Beside each stands its rank by plain similarity to each word that is added: a word that is first there too was found
    without the relation. The first space of ``reading`` is asked.

    Parameters
    ----------
    source : a model of texts, a file of word vectors (its first words are candidates) or, with ``images``, of pictures
    question : such as ``king - man + woman``
    candidates : words to choose from, None for those of ``default_candidates``
    images : a data set with pictures of words: a concept is the mean over its pictures
    rows : "unit", "raw" or "centered"

    Raises
    ------
    InputError
        if the question cannot be read, or a word has no vector.
    """
    progress, reading = progress or Silent(), reading or SpaceReading()
    asked, provenance = Sum.parse(question), Provenance(command, reading.seed)
    data, table = _question_data(asked, candidates, images)
    with provenance.phase("vectors"):
        space = next(analogy_spaces(source, data, table, reading, provenance, progress))
    provenance.settings = {"question": str(asked), "rows": rows, "k": k, "space": space.space}
    names = space.data.tables[table].texts
    with provenance.phase("search"):
        found = _Found.of(space, names, asked, rows, k)
    return Result(tuple(found.records(source, rows)), provenance.as_dict(), found.document(source))


def default_candidates() -> tuple[str, ...]:
    """Words of the Google analogies and of WordSim-353."""
    from embedscope.datasets import DATASETS, Finder

    tables = [DATASETS.get(name).load(Finder()).tables["words"] for name in ("google_analogies", "wordsim353")]
    return tuple(dict.fromkeys(text for table in tables for text in table.texts))


def pictured(name: str, data: Path | None = None) -> Data:
    """A data set with pictures by its name (``emoji``), or a folder ``concept/*.jpg``."""
    from embedscope.datasets import DATASETS, Finder, image_folder

    return DATASETS.get(name).load(Finder(data)) if name in DATASETS else image_folder(name)


def candidates_of(path: str | Path) -> tuple[str, ...]:
    """Candidates from a text file, one a line; raises ``InputError`` where there is none."""
    try:
        found = tuple(dict.fromkeys(line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read candidates from {path} ({error}); wanted UTF-8 text, one word a line") from error
    words = tuple(word for word in found if word)
    if not words:
        raise InputError(f"{path} holds no word; wanted UTF-8 text, one word a line")
    return words


def _question_data(asked: Sum, candidates: Sequence[str] | None, images: Data | None) -> tuple[Data, str]:
    if images is not None:
        table = "names" if "names" in images.tables else "classes"
        if lost := [word for word in asked.words if word not in images.tables[table].texts]:
            raise UnknownNameError.for_name("concept", lost[0], images.tables[table].texts)
        return images, table
    words = default_candidates() if candidates is None else candidates
    return Data("question", {"words": TextTable(tuple(dict.fromkeys([*words, *asked.words])), "word")}, {}), "words"


@dataclass(frozen=True)
class _Found:
    """The nearest candidates: rows (name, cosine, rank near each added word) with the words left out and not."""

    space: AnalogySpace
    asked: Sum
    n: int
    lists: dict[str, list[tuple[str, float, tuple[int, ...]]]]

    @classmethod
    def of(cls, space: AnalogySpace, names: Sequence[str], asked: Sum, rows: str, k: int) -> _Found:
        place = {name: i for i, name in reversed(list(enumerate(names)))}
        candidates = CandidateRows.of(space.x, rows)
        index = np.array([place[word] for word in asked.words], dtype=np.intp)
        vectors = candidates.take(index)
        if lost := [w for w, v in zip(asked.words, vectors, strict=True) if not np.isfinite(v).all()]:
            raise InputError(f"{space.source} has no vector of {', '.join(lost)}; strings are looked up as they are")
        signs = np.array([1.0] * len(asked.plus) + [-1.0] * len(asked.minus))
        queries = unit(np.vstack([signs @ vectors, vectors[: len(asked.plus)]]))
        if not np.isfinite(queries[0]).all():
            raise InputError(f"{asked} is the zero vector, which has no neighbours")
        known = np.flatnonzero(candidates.known())
        u = candidates.take(known)
        near = _Near(unit(u) if rows == "raw" else u, known)
        lists = {}
        for title, banned in (("left out", index), ("not left out", index[:0])):
            chosen, cosines = near.first(queries[0], k, banned)
            ranks = [near.ranks(q, chosen, index) for q in queries[1:]]
            lists[title] = [
                (names[i], float(c), tuple(int(r[j]) for r in ranks))
                for j, (i, c) in enumerate(zip(chosen, cosines, strict=True))
            ]
        return cls(space, asked, len(known), lists)

    def records(self, source: str, rows: str) -> list[Record]:
        """One record a neighbour: its cosine, with rank and control in the note."""
        found = []
        for title, members in self.lists.items():
            for rank, (name, cosine, near) in enumerate(members, 1):
                control = ", ".join(f"{r} near {w}" for w, r in zip(self.asked.plus, near, strict=True))
                note = f"rank {rank} with the words of the question {title}; by plain similarity {control}"
                place = {"pooling": self.space.pooling, "space": self.space.space, "dim": self.space.x.shape[1]}
                record = Record(source, "analogy.cosine", cosine, n=self.n, rows=rows, subset=name, note=note, **place)
                found.append(record)
        return found

    def document(self, source: str) -> Document:
        """The two tables, and what plain similarity says of the first answer."""
        title = str(self.asked)
        first, _, near = self.lists["left out"][0] if self.lists["left out"] else ("nothing", 0.0, (0,))
        word, rank = min(zip(self.asked.plus, near, strict=True), key=lambda pair: pair[1])
        said = (
            f"{first} is also the nearest to {word} alone: the sum adds nothing here"
            if rank == 1
            else f"{first} is only number {rank:,} by similarity to {word} alone"
        )
        columns = (
            Column("rank"),
            Column("candidate"),
            Column("cosine", 4),
            *(
                Column(f"near {w}", help="rank by plain similarity to this word alone, words of the question left out")
                for w in self.asked.plus
            ),
        )
        tables = tuple(
            Table(
                f"words-{name.replace(' ', '-')}",
                f"Words of the question {name}",
                columns,
                tuple((i, n, c, *(r or None for r in ranks)) for i, (n, c, ranks) in enumerate(members, 1)),
                f"{self.n:,} candidates; near WORD: rank by plain similarity to that word alone",
            )
            for name, members in self.lists.items()
        )
        place = ", ".join(filter(None, [source, self.space.pooling, self.space.space, self.space.note]))
        return Document(title, place, (Finding(said),), tables)


@dataclass(frozen=True, eq=False)
class _Near:
    """Candidates ``u`` (n, d) at length 1, which are rows ``known`` (n,) of a larger table."""

    u: Floats
    known: Index

    def first(self, query: Floats, k: int, banned: Index) -> tuple[Index, Floats]:
        """Rows and cosines of the ``k`` nearest to ``query`` (d,), ``banned`` rows left out."""
        found = top_k(query[None, :], self.u, min(len(self.u), k + len(set(banned.tolist()))))
        rows = self.known[found.indices[0]]
        kept = ~np.isin(rows, banned)
        return rows[kept][:k], found.scores[0][kept][:k]

    def ranks(self, query: Floats, chosen: Index, banned: Index) -> Index:
        """Ranks of the rows ``chosen`` by cosine to ``query`` among what is not ``banned``; 0 for those that are."""
        cosines = np.einsum("ij,j->i", self.u, query)
        cosines[np.isin(self.known, banned)] = -np.inf
        own = cosines[np.searchsorted(self.known, chosen)]
        ranks = 1 + (cosines[None, :] > own[:, None]).sum(axis=1)
        return np.where(np.isfinite(own), ranks, 0)
