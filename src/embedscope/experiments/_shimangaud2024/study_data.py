"""Data of the study: sets of questions over concepts that have a name, images, or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.document import Skipped
from embedscope.core.errors import DataUnavailableError
from embedscope.core.ids import combine, hash_texts
from embedscope.core.images import Image
from embedscope.core.tables import Data, Index, Matches
from embedscope.experiments._shimangaud2024.numbers import FIFTY, OWN_QUESTIONS, SEMEVAL, TABLE_4, format_question
from embedscope.experiments.experiment import Options
from embedscope.tasks.analogy_questions import Questions, questions_of

QUESTION_FILE = "questions.txt"
FAMILIES = 60
"""Families of skin tones at smoke scale."""


@dataclass(frozen=True, eq=False)
class QuestionSet:
    """Questions over concepts; every concept is a candidate.

    Attributes
    ----------
    name : the ``task`` of its records, "emoji"
    concepts : (n,) their names, which are what a text encoder reads
    images, owner : images, and the row of the concept that each shows (p,); empty where there are none
    layers : whether every layer of a text encoder is measured
    fifty : whether it takes the place of the study's fifty questions (Tables 1 and 2)
    by_relation : whether its relations are reported one by one
    subset : the part of the data that it is, None for all
    """

    name: str
    title: str
    concepts: tuple[str, ...]
    questions: Questions
    images: tuple[Image, ...] = ()
    owner: Index = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    layers: bool = False
    fifty: bool = False
    by_relation: bool = True
    subset: str | None = None


@dataclass
class StudyData:
    """All sets, the rated pairs of SemEval-2012, facts of the data, what was skipped, the study's three questions."""

    sets: list[QuestionSet]
    semeval: Data | None
    data: dict[str, Any]
    skipped: list[Skipped] = field(default_factory=list)
    single: QuestionSet = field(default_factory=lambda: single_set(None))

    @property
    def encoded(self) -> list[QuestionSet]:
        """Every set that a model encodes."""
        return [*self.sets, self.single]


def load_study_data(options: Options, finder: Any) -> StudyData:
    """The emoji and SemEval-2012, at full scale Google's and BATS too, and the folder of the user."""
    study_data = StudyData([], None, {})
    own = user_set(options.data) if options.data is not None else None
    if own is not None:
        study_data.sets.append(own)
        study_data.data[OWN_QUESTIONS] = {"version": "as in the folder", "licence": "that of the images"}
    makers: dict[str, Callable[[Data], list[QuestionSet]]] = {
        "emoji": lambda data: emoji_sets(data, options.scale, options.seed),
        "semeval2012": lambda data: semeval_sets(data, options.seed),
    }
    if options.scale == "full":
        makers |= {"google_analogies": _whole, "bats": _whole}
    for name, make in makers.items():
        try:
            data = _load(name, finder, study_data.data)
        except DataUnavailableError as error:
            study_data.skipped.append(Skipped(f"questions of {name}", str(error)))
            continue
        study_data.sets += make(data)
        if name == "semeval2012":
            study_data.semeval = data
    study_data.single = single_set(own)
    if options.scale != "full":
        study_data.skipped.append(
            Skipped("google_analogies, bats, most families of skin tones", "part of --scale full")
        )
    return study_data


def _load(name: str, finder: Any, facts: dict[str, Any]) -> Data:
    from embedscope.datasets import DATASETS

    entry = DATASETS.get(name)
    data = entry.load(finder)
    about = {"version": entry.version, "licence": entry.licence, "citation": entry.citation}
    facts[name] = about | {"sha256": dict(data.checksums)}
    return data


def emoji_sets(data: Data, scale: str, seed: int) -> list[QuestionSet]:
    """Man and woman, sign and person, left and right; skin tones; fifty questions of the former."""
    names, people = data.tables["names"], data.tables["people"]
    drawn = {name: _drawings(data, name) for name in ("drawings", "people_drawings")}
    whole = QuestionSet("emoji", "Emoji", names.texts, questions_of(data, "analogies"), *drawn["drawings"], layers=True)
    tones = QuestionSet(
        "emoji.skin_tones",
        "Emoji, skin tones",
        people.texts,
        questions_of(data, "skin_tones"),
        *drawn["people_drawings"],
    )
    families = tuple(dict.fromkeys(people.clusters))
    if scale != "full" and len(families) > FAMILIES:
        chosen = set(families[:FAMILIES])
        rows = np.array([i for i, family in enumerate(people.clusters) if family in chosen])
        tones = replace(within(tones, rows), subset=f"the first {FAMILIES} of {len(families)} families")
    return [whole, tones, fifty(whole, seed)]


def _drawings(data: Data, name: str) -> tuple[tuple[Image, ...], Index]:
    shown: Any = data.relations[name]
    assert isinstance(shown, Matches)
    table = data.images[name].images
    return tuple(table[i] for i in shown.left), shown.right


def semeval_sets(data: Data, seed: int) -> list[QuestionSet]:
    """The 3,217 questions of the study, those within a category, and fifty of the latter."""
    words = data.tables["words"].texts
    own = QuestionSet(
        "semeval2012.per_category",
        "SemEval-2012, within categories",
        words,
        questions_of(data, "per_category"),
        layers=True,
    )
    published = QuestionSet(
        SEMEVAL, "SemEval-2012, as published", words, questions_of(data, "published"), by_relation=False
    )
    return [published, own, fifty(own, seed, "semeval2012")]


def _whole(data: Data) -> list[QuestionSet]:
    return [QuestionSet(data.name, data.name, data.tables["words"].texts, questions_of(data, "questions"))]


def user_set(folder: Path) -> QuestionSet | None:
    """Questions of ``folder/questions.txt`` over ``folder/concept/*.jpg``; None where there is no such file.

    Raises
    ------
    InputError
        if the folder has no images or a question names no concept.
    """
    from embedscope.datasets import image_folder, image_questions

    file = Path(folder) / QUESTION_FILE
    if not file.is_file():
        return None
    data = image_folder(folder)
    label: Any = data.relations["images"]
    listed = Data(data.name, data.tables, {"questions": image_questions(file, data)})
    return QuestionSet(
        OWN_QUESTIONS,
        "Your images",
        data.tables["classes"].texts,
        questions_of(listed, "questions"),
        data.images["images"].images,
        label.label,
        layers=True,
        fifty=True,
    )


def single_set(own: QuestionSet | None) -> QuestionSet:
    """The study's three questions of Table 4; with the images that ``own`` has of their words."""
    words = tuple(word for four in TABLE_4 for word in four)
    rows = np.arange(len(words)).reshape(-1, 4)
    three = np.arange(len(rows))
    questions = Questions(
        "words", rows[:, :3], rows[:, 3:], three, three, tuple(format_question(four) for four in TABLE_4)
    )
    images, owner = [], []
    place = {word: i for i, word in enumerate(words)}
    for image, concept in zip(own.images, own.owner, strict=True) if own is not None else ():
        if own is not None and (word := own.concepts[concept].casefold()) in place:
            images.append(image)
            owner.append(place[word])
    return QuestionSet("single", "Table 4", words, questions, tuple(images), np.array(owner, dtype=np.intp))


def fifty(whole: QuestionSet, seed: int, name: str | None = None) -> QuestionSet:
    """Fifty questions chosen by hash, as evenly over the relations as can be; their words alone are candidates."""
    questions = whole.questions
    as_written = ["|".join(whole.concepts[i] for i in row) for row in questions.words]
    order = np.argsort(combine(hash_texts(as_written), seed), kind="stable")
    turn = np.empty(len(order), dtype=np.intp)
    for section in range(len(questions.sections)):
        own = order[questions.section[order] == section]
        turn[own] = np.arange(len(own))
    chosen = np.sort(order[np.argsort(turn[order], kind="stable")][:FIFTY])
    part = replace(whole, questions=questions[chosen])
    rows = np.unique(np.concatenate([part.questions.words.ravel(), _answers(part.questions).ravel()]))
    return replace(
        within(part, rows[rows >= 0]),
        name=f"{name or whole.name}.fifty",
        title=f"{whole.title}: fifty questions",
        layers=False,
        fifty=True,
        by_relation=False,
        subset=f"{len(chosen)} questions chosen by hash, their words as candidates",
    )


def _answers(questions: Questions) -> Index:
    return questions.answers[questions.lists]


def within(whole: QuestionSet, rows: Index) -> QuestionSet:
    """The set with the concepts ``rows`` alone, and the questions all of whose words are among them."""
    place = np.full(len(whole.concepts) + 1, -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    old = whole.questions
    words, answers = place[old.words], place[old.answers]
    kept = np.asarray((words >= 0).all(axis=1) & (answers[old.lists] >= 0).any(axis=1))
    questions = Questions(old.table, words, answers, old.lists, old.section, old.sections)[kept]
    images, owner = whole.images, whole.owner
    if images:
        shown = np.flatnonzero(place[owner] >= 0)
        images, owner = tuple(images[i] for i in shown), place[owner[shown]]
    return replace(
        whole, concepts=tuple(whole.concepts[i] for i in rows), questions=questions, images=images, owner=owner
    )


def relations_of(questions: Questions) -> Mapping[int, str]:
    """Number and name of every relation that has questions."""
    return {int(i): questions.sections[i] or "all" for i in np.unique(questions.section)}
