"""One analogy, king - man + woman, beside what plain similarity answers."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.analogies.spaces import MAX_WORDS, AnalogySpace, analogy_spaces, default_candidates, held_space
from embedscope.core.arrays import Floats
from embedscope.core.document import Column, Document, Dot, DotRow, Dots, Finding, Table
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.regular import check_ends
from embedscope.core.result import Result
from embedscope.core.tables import Data, Index, TextTable
from embedscope.sources.labelled_vectors import NamedVectors
from embedscope.sources.options import ModelOptions
from embedscope.sources.word_contexts import Contexts
from embedscope.stats.neighbours import top_k
from embedscope.tasks.analogy_rows import CandidateRows
from embedscope.tasks.cosines import unit


@dataclass(frozen=True)
class WordSum:
    """Words to add and to subtract, in the order written.

    >>> WordSum.parse("king - man + woman")
    WordSum(plus=('king', 'woman'), minus=('man',))
    """

    plus: tuple[str, ...]
    minus: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> WordSum:
        """Words separated by + and - with spaces on both sides; a word may contain spaces and hyphens.

        Raises
        ------
        InputError
            if a word is missing, or nothing is added.
        """
        signed: list[tuple[str, str]] = []
        for part in text.split():
            if part in _SIGNS:
                signed.append((_SIGNS[part], ""))
            else:
                sign, word = signed.pop() if signed else ("+", "")
                signed.append((sign, f"{word} {part}".strip()))
        if not any(sign == "+" for sign, _ in signed) or any(not word for _, word in signed):
            raise InputError(f"'{text}' is not a sum of words; write king - man + woman, with spaces around the signs")
        return cls(tuple(w for s, w in signed if s == "+"), tuple(w for s, w in signed if s == "-"))

    @property
    def words(self) -> tuple[str, ...]:
        """All words, the added ones first."""
        return (*self.plus, *self.minus)

    def __str__(self) -> str:
        return " + ".join(self.plus) + "".join(f" - {word}" for word in self.minus)


def analogy(  # noqa: PLR0913
    source: Any,
    question: str,
    *,
    candidates: Sequence[str] | None = None,
    vectors: NamedVectors | None = None,
    images: Data | None = None,
    rows: str = "unit",
    top: int = 10,
    options: ModelOptions | None = None,
    names: str | Path | Sequence[str] | None = None,
    contexts: Contexts | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """The candidates nearest to a sum of words by cosine, with and without the words of the question.

    Each comes with its rank by plain similarity to every added word: a candidate that is first there too was found
    without the relation.

    Parameters
    ----------
    source : a model of texts, by name or as an object; a file of word vectors, whose first words are candidates; or
        with ``images`` a model of images
    question : such as ``king - man + woman``
    candidates : words to choose from; None for those of the file or of ``vectors``, for a model for those of
        :func:`embedscope.analogies.spaces.default_candidates`
    vectors : word vectors that are held, in place of ``source``
    images : a data set with images of words: a concept is the mean over its images
    rows : ``unit``, ``raw`` or ``centered``
    top : number of neighbours
    options : how the model is read; its first space answers
    names, contexts : as of :func:`embedscope.analogies.spaces.analogy_spaces`

    Returns
    -------
    Result with one record ``analogy.cosine`` per neighbour, and a document with two tables

    Raises
    ------
    InputError
        if the question cannot be parsed, or a word has no vector.
    """
    from embedscope.encoders import source_name

    source = str(source_name(source))
    progress, options = progress or Silent(), options or ModelOptions()
    word_sum, provenance = WordSum.parse(question), Provenance(command, options.seed)
    if images is not None and candidates is not None:
        raise InputError("with images the concepts that they show are the words to choose from; leave out words")
    if vectors is not None and (images is not None or contexts is not None):
        raise InputError(f"word vectors are held already; leave out {'contexts' if images is None else 'images'}")
    if vectors is not None and candidates is None:
        candidates = vectors.names
    data, table = _question_data(word_sum, candidates, images)
    with provenance.phase("vectors"):
        space = next(
            iter([held_space(vectors, source, data, table, options)])
            if vectors is not None
            else analogy_spaces(
                source,
                data,
                table,
                options,
                provenance,
                progress,
                names=names,
                contexts=contexts,
                max_words=MAX_WORDS if candidates is None and images is None else 0,
            )
        )
    provenance.settings = {"question": str(word_sum), "rows": rows, "top": top, "space": space.space}
    words = space.data.tables[table].texts
    with provenance.phase("search"):
        neighbours = _Neighbours.of(space, words, word_sum, rows, top)
    document = neighbours.document(source)
    if space.any_word and images is None:
        known = default_candidates(options.data) if candidates is None else tuple(candidates)
        document = replace(document, findings=(*_misspelt(word_sum, known), *document.findings))
    return Result(tuple(neighbours.records(source, rows)), provenance.as_dict(), document)


def _misspelt(word_sum: WordSum, known: Sequence[str]) -> list[Finding]:
    """A warning for each word that is none of the ``known`` ones and nearly one of them: a model reads any letters."""
    return [
        Finding(f"Unknown word '{word}': {hint}the model reads any letters, and this is no candidate.", "warning")
        for word in word_sum.words
        if word not in known and (hint := _suggest(word, known))
    ]


def _suggest(word: str, known: Sequence[str]) -> str:
    """``did you mean 'woman'? `` where a known word is that near, or what is to be done where signs are in it."""
    if re.search(r"\w\s*[+:]|\w-\w.*[-+]", word):
        return "write king - man + woman, with spaces around the signs; "
    lower = next((k for k in known if k != word and k.lower() == word.lower()), None)
    near = [lower] if lower else difflib.get_close_matches(word, [k for k in known if k != word], n=1, cutoff=_NEAR)
    return f"did you mean '{near[0]}'? " if near else ""


_NEAR = 0.85
_SIGNS = {"+": "+", "-": "-", "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"}


def load_images(name: str, data: Path | None = None) -> Data:
    """A data set with images by its name (``emoji``), or a folder with ``CONCEPT/*.jpg``."""
    from embedscope.datasets import DATASETS, Finder, image_folder

    return DATASETS.get(name).load(Finder(data)) if name in DATASETS else image_folder(name)


def read_candidates(path: str | Path) -> tuple[str, ...]:
    """Distinct candidates from a text file with one per line; raises ``InputError`` where there is none."""
    check_ends(path)
    try:
        read = Path(path).read_text(encoding="utf-8-sig").split("\n")
        lines = tuple(dict.fromkeys(line.strip() for line in read))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read candidates from {path} ({error}); wanted UTF-8 text, one word per line"
        ) from error
    words = tuple(line for line in lines if line)
    if not words:
        raise InputError(f"{path} has no words; wanted UTF-8 text, one word per line")
    return words


def _question_data(word_sum: WordSum, candidates: Sequence[str] | None, images: Data | None) -> tuple[Data, str]:
    if images is not None:
        table = "names" if "names" in images.tables else "classes"
        if unknown := [word for word in word_sum.words if word not in images.tables[table].texts]:
            raise UnknownNameError.for_name("concept", unknown[0], images.tables[table].texts)
        return images, table
    words = tuple(dict.fromkeys([*(candidates or ()), *word_sum.words]))
    return Data("question", {"words": TextTable(words, "word")}, {}), "words"


@dataclass(frozen=True)
class _Neighbours:
    """Nearest candidates (name, cosine, rank by each added word), the words of the question excluded or included.

    ``moments`` are the mean and the standard deviation of the cosine of the sum with all candidates but its own words:
    what a cosine with this sum means, as `calibrate` says it of a query.
    """

    space: AnalogySpace
    word_sum: WordSum
    n: int
    moments: tuple[float, float]
    lists: dict[str, list[tuple[str, float, tuple[int, ...]]]]

    @classmethod
    def of(cls, space: AnalogySpace, names: Sequence[str], word_sum: WordSum, rows: str, top: int) -> _Neighbours:
        row_of = {name: i for i, name in reversed(list(enumerate(names)))}
        candidates = CandidateRows.of(space.x, rows)
        index = np.array([row_of[word] for word in word_sum.words], dtype=np.intp)
        vectors = candidates.take(index)
        if missing := [w for w, v in zip(word_sum.words, vectors, strict=True) if not np.isfinite(v).all()]:
            hint = _suggest(missing[0], [n for n, known in zip(names, candidates.known(), strict=True) if known])
            raise InputError(
                f"{space.source} has no vector of {', '.join(missing)}; {hint}words are looked up as they are spelled"
            )
        signs = np.array([1.0] * len(word_sum.plus) + [-1.0] * len(word_sum.minus))
        queries = unit(np.vstack([signs @ vectors, vectors[: len(word_sum.plus)]]))
        if not np.isfinite(queries[0]).all():
            raise InputError(f"{word_sum} is the zero vector, which has no neighbours")
        known = np.flatnonzero(candidates.known())
        u = candidates.take(known)
        index_of = _Index(unit(u) if rows == "raw" else u, known)
        lists = {}
        for title, excluded in (("excluded", index), ("included", index[:0])):
            nearest, cosines = index_of.nearest(queries[0], top, excluded)
            ranks = [index_of.ranks(q, nearest, index) for q in queries[1:]]
            lists[title] = [
                (names[i], float(c), tuple(int(r[j]) for r in ranks))
                for j, (i, c) in enumerate(zip(nearest, cosines, strict=True))
            ]
        return cls(space, word_sum, len(known), index_of.moments(queries[0], index), lists)

    def records(self, source: str, rows: str) -> list[Record]:
        """One record per neighbour: its cosine, with its ranks in the note."""
        records = []
        for title, members in self.lists.items():
            for rank, (name, cosine, near) in enumerate(members, 1):
                control = ", ".join(f"rank {r} for {w}" for w, r in zip(self.word_sum.plus, near, strict=True))
                note = f"rank {rank} with the words of the question {title}; by plain similarity alone, {control}"
                fields = {"pooling": self.space.pooling, "space": self.space.space, "dim": self.space.x.shape[1]}
                record = Record(source, "analogy.cosine", cosine, n=self.n, rows=rows, subset=name, note=note, **fields)
                records.append(record)
        return records

    def document(self, source: str) -> Document:
        """The two tables, and the rank of the first answer by plain similarity."""
        title = str(self.word_sum)
        nothing = ("nothing", 0.0, (0,) * len(self.word_sum.plus))
        first, cosine, near = self.lists["excluded"][0] if self.lists["excluded"] else nothing
        word, rank = min(zip(self.word_sum.plus, near, strict=True), key=lambda pair: pair[1])
        control = (
            f"it is also the nearest neighbour of {word} alone: the offset adds nothing here"
            if rank == 1 and len(self.word_sum.words) > 1
            else f"it has rank {rank:,} by similarity to {word} alone"
        )
        evidence = f"cosine {cosine:.4f}, the highest of {self.n:,} candidates" if self.lists["excluded"] else ""
        mean, sd = self.moments
        if evidence and sd > 0:
            evidence += (
                f", {(cosine - mean) / sd:.1f} standard deviations above their mean cosine with this sum "
                f"({mean:.3f}, standard deviation {sd:.3f})"
            )
        finding = f"{first} comes first; {control}."
        columns = (
            Column("rank"),
            Column("candidate"),
            Column("cosine", 4),
            *(
                Column(f"rank by {w}", help="rank by similarity to this word alone, words of the question excluded")
                for w in self.word_sum.plus
            ),
        )
        tables = tuple(
            Table(
                f"words-{name}",
                f"Words of the question {name}",
                columns,
                tuple((i, n, c, *(r or None for r in ranks)) for i, (n, c, ranks) in enumerate(members, 1)),
                f"{self.n:,} candidates; rank by WORD: rank by similarity to that word alone",
            )
            for name, members in self.lists.items()
        )
        subtitle = ", ".join(filter(None, [source, self.space.pooling, self.space.space, self.space.note]))
        return Document(title, subtitle, (Finding(finding, "info", evidence),), tables, dots=self._charts())

    def _charts(self) -> tuple[Dots, ...]:
        """Each list as dots: the cosine of each candidate, and its ranks by the words of the question alone."""
        charts = []
        for name, members in self.lists.items():
            rows = tuple(
                DotRow(
                    candidate,
                    (Dot(0, cosine),),
                    ", ".join(f"{w} {r:,}" for w, r in zip(self.word_sum.plus, near, strict=True) if r),
                    strong=i == 0,
                )
                for i, (candidate, cosine, near) in enumerate(members)
            )
            caption = f"{self.n:,} candidates. At the right: rank by similarity to that word alone."
            title = f"Nearest candidates, words of the question {name}"
            charts.append(Dots(f"nearest-{name}", title, "cosine", rows, caption=caption))
        return tuple(chart for chart in charts if chart.rows)


@dataclass(frozen=True, eq=False)
class _Index:
    """L2-normalised candidates ``u`` (n, d), which are rows ``known`` (n,) of a larger table."""

    u: Floats
    known: Index

    def nearest(self, query: Floats, k: int, excluded: Index) -> tuple[Index, Floats]:
        """Rows and cosines of the ``k`` nearest neighbours of ``query`` (d,) that are not ``excluded``."""
        hits = top_k(query[None, :], self.u, min(len(self.u), k + len(set(excluded.tolist()))))
        rows = self.known[hits.indices[0]]
        allowed = ~np.isin(rows, excluded)
        return rows[allowed][:k], hits.scores[0][allowed][:k]

    def moments(self, query: Floats, excluded: Index) -> tuple[float, float]:
        """Mean and standard deviation of the cosines of ``query`` (d,) with rows not ``excluded``; (0, 0) of none."""
        cosines = (self.u @ query)[~np.isin(self.known, excluded)]
        return (float(cosines.mean()), float(cosines.std())) if len(cosines) else (0.0, 0.0)

    def ranks(self, query: Floats, rows: Index, excluded: Index) -> Index:
        """Ranks of ``rows`` by cosine to ``query`` (d,) among the rows not ``excluded``; 0 for excluded ones."""
        cosines = np.einsum("ij,j->i", self.u, query)
        cosines[np.isin(self.known, excluded)] = -np.inf
        own = cosines[np.searchsorted(self.known, rows)]
        ranks = 1 + (cosines[None, :] > own[:, None]).sum(axis=1)
        return np.where(np.isfinite(own), ranks, 0)
