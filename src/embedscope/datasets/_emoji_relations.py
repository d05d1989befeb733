"""Relations between emoji: who differs from whom in one thing only, as pairs and as analogy questions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from embedscope.core.tables import Index, Quadruples
from embedscope.datasets._emoji_join import UNGROUPED, Emoji

_PERSON, _JOINER, _RIGHT = "1f9d1", "200d", "27a1"
_GROUP_OF_PEOPLE = re.compile(r"(family|kiss|couple)\b")

Couple = tuple[str, str]
"""Two codes (or names) of one relation."""


def man_woman(emoji: Emoji) -> list[Couple]:
    """Emoji of people whose names differ in "man" and "woman" alone (or "men", "women"); 85 pairs.

    Families, kisses and couples are left out: there the change of one word changes one of several people.
    """
    names = emoji.names["en"]
    by_name = {names[key]: key for key in emoji.concepts}
    pairs = []
    for name, key in by_name.items():
        other = re.sub(r"\bmen\b", "women", re.sub(r"\bman\b", "woman", name))
        people = emoji.groups.get(key, (UNGROUPED, ""))[0] == "People & Body"
        if other != name and other in by_name and people and not _GROUP_OF_PEOPLE.match(name):
            pairs.append((key, by_name[other]))
    return pairs


def compositions(emoji: Emoji) -> list[tuple[str, str]]:
    """(sign, person joined with that sign): rocket, astronaut; 28, in 24 of which the sign is itself a concept.

    The sign may be a tool, a place, a style of hair, a child.
    """
    rows = []
    for key in emoji.concepts:
        person, *others = key.split("-")
        signs = set(others) - {_JOINER}
        if person == _PERSON and len(signs) == 1 and len(others) > 1 and others[0] == _JOINER:
            rows.append((signs.pop(), key))
    return rows


def facing_right(emoji: Emoji) -> list[Couple]:
    """(emoji, the same one facing right); 18 pairs."""
    known = set(emoji.concepts)
    ending = f"-{_JOINER}-{_RIGHT}"
    return [(key.removesuffix(ending), key) for key in emoji.concepts if key.endswith(ending) and key[:-10] in known]


def questions(table: str, sections: Mapping[str, Iterable[Sequence[Couple]]], rows: Mapping[str, int]) -> Quadruples:
    """Analogy questions a : b :: c : d over ``table``; each section holds (a, b), (c, d) as couples of codes."""
    named_questions = [
        (name, [rows[key] for couple in question for key in couple])
        for name, asked in sections.items()
        for question in asked
    ]
    return Quadruples(
        table,
        np.array([q for _, q in named_questions], dtype=np.intp).reshape(-1, 4),
        tuple(name for name, _ in named_questions),
    )


def every_two(couples: Sequence[Couple]) -> list[tuple[Couple, Couple]]:
    """Every ordered two of the ``couples``, n (n - 1) questions.

    >>> every_two([("man", "woman"), ("king", "queen")])
    [(('man', 'woman'), ('king', 'queen')), (('king', 'queen'), ('man', 'woman'))]
    """
    return [(first, second) for first in couples for second in couples if first != second]


def each_with_next(couples: Sequence[Couple]) -> list[tuple[Couple, Couple]]:
    """Each of the ``couples`` after the one before it, the first after the last: n questions."""
    return [(couples[i - 1], couples[i]) for i in range(len(couples))]


def class_labels(names: Sequence[str], order: Sequence[str]) -> Index:
    """Numbers of the classes ``names`` (n,) in ``order``."""
    number = {name: i for i, name in enumerate(order)}
    return np.array([number[name] for name in names], dtype=np.intp)
