"""SemEval-2012 Task 2: how typical word pairs are of 79 relations (Jurgens et al. 2012), and questions from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.tables import Choices, Index, Pairs, Quadruples, Relation, TextTable
from embedscope.datasets.dataset import Dataset, Loaded, read_file_table
from embedscope.datasets.file import File
from embedscope.datasets.text import distinct, lines

IDS = ("semeval2012",)
WordPair = tuple[str, str]
_RATED = re.compile(r'\s*(-?[\d.]+) "([^":]+):([^":]+)"\s*')
_PAIR = re.compile(r"([^\s:.]+):\s*([^\s:.]+)")
_QUOTED = re.compile(r'"([^"]*)"')
_SHOWN = 4
_PARADIGMS = re.compile(r"word pairs:\s*\n(.*?)\n\s*What relation", re.DOTALL)


def rated_pairs(text: str) -> list[tuple[float, WordPair]]:
    r"""Scores (percent most minus percent least typical, -100 to 100) and pairs, in the order of the file.

    >>> rated_pairs('# by hand\n 50.0 "weapon:spear"')
    [(50.0, ('weapon', 'spear'))]
    """
    pairs = []
    for line in lines(text):
        if line.strip() and not line.startswith("#"):
            row = _RATED.fullmatch(line)
            if row is None:
                raise InputError(
                    f'a line of gold ratings reads {line!r}, wanted: score "word:word"; get the file again'
                )
            pairs.append((float(row[1]), (row[2], row[3])))
    return pairs


def paradigm_pairs(text: str) -> list[WordPair]:
    r"""Example pairs of a file of questions; two pairs on one line are two pairs.

    >>> paradigm_pairs("word pairs:\n\npopular:shy. right:bad\nbelieve: deny\n\nWhat relation")
    [('popular', 'shy'), ('right', 'bad'), ('believe', 'deny')]
    """
    block = _PARADIGMS.search(text)
    if block is None:
        raise InputError("a file of questions has no list of word pairs; get the file again")
    return _PAIR.findall(block[1])


@dataclass
class Question:
    """Four pairs that were shown together, and how often each was chosen as the least and as the most typical."""

    shown: tuple[WordPair, ...]
    least: list[int]
    most: list[int]


def answered_questions(text: str) -> list[Question]:
    r"""Distinct questions of a file of answers, in order of first appearance, with the votes for their pairs.

    A line is one person's answer: four pairs, the least and the most typical of them, the relation that the person saw.
    A choice that was left empty counts for none of the four.

    >>> q = answered_questions('"a:b"\t"c:d"\t"e:f"\t"g:h"\t"c:d"\t"a:b"\t"X is Y"')[0]
    >>> q.least, q.most
    ([0, 1, 0, 0], [1, 0, 0, 0])
    """
    questions: dict[tuple[WordPair, ...], Question] = {}
    for line in lines(text):
        if not line.strip() or line.startswith("#"):
            continue
        cells = _QUOTED.findall(line)
        shown = tuple(_word_pair(cell) for cell in cells[:_SHOWN])
        if len(cells) < _SHOWN + 2:
            raise InputError(f"a line of MaxDiff answers reads {line[:80]!r}, wanted six pairs; get the file again")
        least, most = cells[_SHOWN : _SHOWN + 2]
        question = questions.setdefault(shown, Question(shown, [0] * _SHOWN, [0] * _SHOWN))
        for i, cell in enumerate(cells[:_SHOWN]):
            question.least[i] += cell == least
            question.most[i] += cell == most
    return list(questions.values())


def _word_pair(cell: str) -> WordPair:
    left, colon, right = cell.partition(":")
    if not (left and colon and right):
        raise InputError(f"a pair of MaxDiff answers reads {cell!r}, wanted word:word; get the file again")
    return left, right


def _load(texts: Mapping[str, str]) -> Loaded:
    """Rated and example pairs, three ways to ask questions of them, and the MaxDiff questions where they are here."""
    asked_by_people: list[tuple[str, Question]] = []
    rated: list[tuple[str, float, WordPair]] = []
    examples: list[tuple[str, float, WordPair]] = []
    for line in lines(texts["subcategories-list.txt"]):
        number, letter, kind, name = (cell.strip() for cell in line.split(", ", 3))
        category = f"{number}{letter} {kind}: {name}"
        rated += [(category, *row) for row in rated_pairs(texts[f"GoldRatings-{number}{letter}.txt"])]
        asked = paradigm_pairs(texts[f"Phase1Questions-{number}{letter}.txt"])
        examples += [(category, float(place), pair) for place, pair in enumerate(asked)]
        if (answers := texts.get(f"Phase2Answers-{number}{letter}.txt")) is not None:
            asked_by_people += [(category, question) for question in answered_questions(answers)]
    every = [pair for _, _, pair in [*rated, *examples]] + [pair for _, q in asked_by_people for pair in q.shown]
    index = distinct(word for pair in every for word in pair)
    relations: dict[str, Relation] = {
        "rated": _pairs(rated, index),
        "paradigms": _pairs(examples, index),
        "published": _questions([(rated[0], row) for row in rated[1:]], index),
        "per_category": _questions(_anchor_pairs(rated), index),
        "paradigm": _questions([(_first(examples, row[0]), row) for row in rated], index),
    }
    if asked_by_people:
        relations["maxdiff"] = _choices(asked_by_people, index)
    return {"words": TextTable(tuple(index), "word")}, relations


def _choices(asked: list[tuple[str, Question]], index: Mapping[str, int]) -> Choices:
    words = np.array([[[index[w] for w in pair] for pair in q.shown] for _, q in asked], dtype=np.intp)
    least, most = (
        np.array(votes, dtype=np.intp) for votes in ([q.least for _, q in asked], [q.most for _, q in asked])
    )
    return Choices("words", words[:, :, 0], words[:, :, 1], least, most, tuple(category for category, _ in asked))


def _files() -> tuple[File, ...]:
    """Ratings and examples are required, the answers of the second phase are read where they are at hand."""
    folder = Path(__file__).parent
    answers = read_file_table(folder / "semeval2012_answers.csv")
    return (*read_file_table(folder / "semeval2012_files.csv"), *(replace(file, optional=True) for file in answers))


Row = tuple[str, float, WordPair]


def _anchor_pairs(rated: list[Row]) -> list[tuple[Row, Row]]:
    """The first rated pair of a category, its most typical one, with every later one."""
    return [(first, row) for row in rated if (first := _first(rated, row[0])) is not row]


def _first(rows: list[Row], category: str) -> Row:
    return next(row for row in rows if row[0] == category)


def _pairs(rows: list[Row], index: Mapping[str, int]) -> Pairs:
    left, right = _columns([pair for _, _, pair in rows], index)
    return Pairs("words", left, right, np.array([gold for _, gold, _ in rows]), tuple(row[0] for row in rows))


def _questions(asked: list[tuple[Row, Row]], index: Mapping[str, int]) -> Quadruples:
    anchors, others = (_columns([ask[i][2] for ask in asked], index) for i in (0, 1))
    return Quadruples("words", np.stack([*anchors, *others], axis=1), tuple(row[0] for _, row in asked))


def _columns(pairs: list[WordPair], index: Mapping[str, int]) -> tuple[Index, Index]:
    rows = np.array([(index[left], index[right]) for left, right in pairs], dtype=np.intp)
    return rows[:, 0], rows[:, 1]


ENTRIES = {
    "semeval2012": Dataset(
        name="semeval2012",
        title="SemEval-2012 Task 2",
        version="2012",
        files=_files(),
        licence="CC-BY-SA-3.0",
        citation="jurgens2012",
        homepage="https://sites.google.com/site/semeval2012task2/download",
        about=(
            "3,218 rated pairs of 79 relations; 3,217, 3,139 and 3,218 questions (in three forms); MaxDiff "
            "questions with the answers of people where these are available"
        ),
        loader=_load,
        hint="unpack the complete package and the gold ratings of its page into a folder",
    )
}
