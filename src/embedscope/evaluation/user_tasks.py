"""A user's own data as tasks: ``similarity:FILE``, ``sts:FILE``, ``labels:FILE``, ``zeroshot:FOLDER``, ..."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.fingerprints import file_facts
from embedscope.core.tables import Classes, Data, Pairs, Quadruples, Relation, Task, TextTable
from embedscope.datasets.tables import read_text
from embedscope.datasets.text import lines
from embedscope.evaluation.user_files import Found, Wanted, read_columns
from embedscope.evaluation.user_images import class_retrieval, image_probe, zero_shot_images
from embedscope.tasks.analogy import AnalogyTask
from embedscope.tasks.class_tasks import ProbeTask
from embedscope.tasks.pairs import PairTask

_LEFT = Wanted("first texts", ("word1", "sentence1", "text1", "word 1", "word_1", "sentence_1", "left", "a", "query"))
_RIGHT = Wanted(
    "second texts", ("word2", "sentence2", "text2", "word 2", "word_2", "sentence_2", "right", "b", "document")
)
_SCORE = Wanted(
    "scores",
    ("score", "similarity", "gold", "similarity_score", "human (mean)", "rating", "label", "relatedness", "simlex999"),
)
_TEXT = Wanted("texts", ("text", "sentence", "word", "content", "document", "query"))
_LABEL = Wanted("labels", ("label", "class", "category", "target", "intent", "label_text"))

Made = tuple[Task, Data, str]
"""A task, its data, and which columns were read."""


def is_user_task(name: str) -> bool:
    """Whether ``name`` is a file as a task, such as ``sts:pairs.csv``.

    Raises
    ------
    UnknownNameError
        if it names a file that is there, after a kind that there is not.

    >>> is_user_task("sts:pairs.csv"), is_user_task("stsb"), is_user_task("stsb:published")
    (True, False, False)
    """
    kind, colon, place = name.partition(":")
    if colon and kind not in _KINDS and Path(place).is_file():
        raise UnknownNameError.among("kind of task", kind, _KINDS)
    return kind in _KINDS and bool(colon)


def user_task(name: str) -> Made:
    """The task that ``KIND:FILE`` names, with its data.

    - ``similarity``: two words and a score; Spearman correlation with how near the model puts them
    - ``sts``: two sentences and a score; Spearman and Pearson correlation
    - ``analogy``: four words per line, ``: NAME`` lines for sections, as questions-words.txt
    - ``labels``: a text and its class; accuracy of a linear probe on a quarter of the texts that is held out; or a
      folder of images by class, ``FOLDER/class/*.jpg``
    - ``zeroshot``: such a folder; accuracy of the class whose prompt lies nearest
    - ``retrieval``: such a folder; how well the images of a class are found by its prompt

    Raises
    ------
    InputError
        if the file cannot be read as such, or holds too little to score.
    """
    kind, _, place = name.partition(":")
    if not place:
        raise InputError(f"task {name} names no file; wanted {kind}:FILE")
    path = Path(place).expanduser()
    return _KINDS[kind](path)


def user_task_facts(data: Data) -> dict[str, Any]:
    """Facts of the file behind ``data``, for the provenance."""
    return {"version": "", "licence": "your own file", "citation": "", "sha256": dict(data.checksums)}


def _pairs(path: Path, kind: str, unit: str, pearson: bool) -> Made:
    columns = read_columns(path, (_LEFT, _RIGHT, _SCORE))
    index: dict[str, int] = {}
    left, right, gold = [], [], []
    for number, (a, b, score) in enumerate(columns.rows, 1):
        left.append(index.setdefault(str(a), len(index)))
        right.append(index.setdefault(str(b), len(index)))
        gold.append(_number(score, number, path))
    if len(gold) < 2:
        raise InputError(f"{path} has {len(gold)} scored pair(s); a correlation needs two at least")
    pairs = Pairs("texts", np.array(left, np.intp), np.array(right, np.intp), np.array(gold))
    task = PairTask(_id(kind, path), str(path), "texts", "pairs", _about(kind, unit), pearson=pearson)
    return task, _data(path, index, unit, {"pairs": pairs}), _describe(columns, len(gold), "pairs")


def _similarity(path: Path) -> Made:
    return _pairs(path, "similarity", "word", False)


def _sts(path: Path) -> Made:
    return _pairs(path, "sts", "sentence", True)


def _analogy(path: Path) -> Made:
    if not path.exists():
        raise InputError(f"there is no file {path}; wanted four words per line, as in questions-words.txt")
    index: dict[str, int] = {}
    rows, sections, section = [], [], path.stem
    for number, line in enumerate(lines(read_text(path)), 1):
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        words = [w.strip() for w in re.split(r"[\t,]", line)] if re.search(r"[\t,]", line) else line.split()
        if not line.strip() or line.startswith("#"):
            continue
        if len(words) != 4 or not all(words):
            raise InputError(
                f"line {number} of {path} has {len(words)} words; wanted four, a b c d: a is to b as c is to d"
            )
        rows.append([index.setdefault(word, len(index)) for word in words])
        sections.append(section)
    if not rows:
        raise InputError(f"{path} has no questions; wanted four words per line, as in questions-words.txt")
    questions = Quadruples("words", np.array(rows, dtype=np.intp), tuple(sections))
    task = AnalogyTask(_id("analogy", path), str(path), "questions", _about("analogy", "word"))
    data = _data(path, index, "word", {"questions": questions}, "words")
    return task, data, f"{len(rows):,} questions of {path.name}"


def _zeroshot(path: Path) -> Made:
    return zero_shot_images(path, _id("zeroshot", path), _about("zeroshot", "image and text"))


def _retrieval(path: Path) -> Made:
    return class_retrieval(path, _id("retrieval", path), _about("retrieval", "image and text"))


def _labels(path: Path) -> Made:
    if path.is_dir():
        return image_probe(path, _id("labels", path), _about("labels", "image"))
    columns = read_columns(path, (_TEXT, _LABEL))
    classes: dict[str, str] = {}
    for number, (text, label) in enumerate(columns.rows, 1):
        if classes.setdefault(str(text), str(label)) != str(label):
            raise InputError(f"row {number} of {path} gives a text another label than a row before; keep one of them")
    names = tuple(sorted(set(classes.values())))
    if len(names) < 2 or len(classes) < 8:
        raise InputError(
            f"{path} has {len(classes)} different texts of {len(names)} class(es); a probe needs eight of two at least"
        )
    if len(names) == len(classes):
        raise InputError(
            f"the {len(names):,} labels of {path} all differ, so no two texts share a class; wanted the class of each "
            "text, not its id"
        )
    number_of = {name: i for i, name in enumerate(names)}
    label = np.array([number_of[value] for value in classes.values()], dtype=np.intp)
    index = {text: i for i, text in enumerate(classes)}
    task = ProbeTask(_id("labels", path), str(path), "labels", "labels", ("texts",), _about("labels", "sentence"))
    data = _data(path, index, "sentence", {"labels": Classes("texts", label, names)})
    return task, data, _describe(columns, len(index), "texts")


_KINDS: Mapping[str, Callable[[Path], Made]] = {
    "similarity": _similarity,
    "sts": _sts,
    "analogy": _analogy,
    "labels": _labels,
    "zeroshot": _zeroshot,
    "retrieval": _retrieval,
}


def _data(
    path: Path, index: Mapping[str, int], unit: str, relations: Mapping[str, Relation], table: str = "texts"
) -> Data:
    return Data(str(path), {table: TextTable(tuple(index), unit)}, relations, {path.name: file_facts(path)["sha256"]})


def _id(kind: str, path: Path) -> str:
    """Name of the task in records: its kind and the file, without what separates parts of names there.

    >>> _id("sts", Path("my.pairs v2.csv"))
    'sts-my_pairs_v2'
    """
    return f"{kind}-{re.sub(r'[^0-9A-Za-z_-]+', '_', path.stem)}"


def _about(kind: str, unit: str) -> dict[str, Any]:
    return {"kind": kind, "unit": unit, "measure": f"your own file of {kind}", "cite": "", "default": False}


def _describe(columns: Found, count: int, what: str) -> str:
    return f"{count:,} {what}: {columns.said}"


def _number(value: Any, row: int, path: Path) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"row {row} of {path} has the score '{str(value)[:40]}', which is no number")
    return number
