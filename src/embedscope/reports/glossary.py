"""Words of the field that a report explains where they stand."""

from __future__ import annotations

import re
from functools import cache

from embedscope.reports.terms import HEADS, TERMS, VERDICTS


@cache
def definitions() -> dict[str, str]:
    """Every term with its definition: metrics and tasks by their ids, verdicts, and words of the field."""
    from embedscope.metrics import METRICS
    from embedscope.metrics.pairs import PAIR_METRICS

    entries = {}
    for registry in (METRICS, PAIR_METRICS):
        for name in registry:
            entries[name] = f"{registry.get(name).summary}."
    return _tasks() | VERDICTS | entries | TERMS


@cache
def _tasks() -> dict[str, str]:
    """What every task measures, by its id."""
    from embedscope.tasks import TASKS

    measures = {name: str(TASKS.get(name).about.get("measure", "")) for name in TASKS}
    return {name: f"{measure[0].upper()}{measure[1:]}." for name, measure in measures.items() if measure}


@cache
def pattern() -> re.Pattern[str]:
    """What finds a term in a text, the longest first; not within a longer word, the name of a file or a call.

    A name of a number may have parts of its own after it: ``same_modality_share.image``. One that is a word of the
    language is a term in front of its number alone; verdicts and tasks are terms where they stand alone.
    """
    alone = (_tasks().keys() | VERDICTS.keys()) - TERMS.keys() | _ALONE
    words = sorted(definitions().keys() - alone - _WORDS, key=len, reverse=True)
    names, others = [w for w in words if _is_name(w)], [w for w in words if not _is_name(w)]
    name = rf"(?:{'|'.join(map(re.escape, names))})(?:\.(?!(?:{_ENDINGS})\b)[a-z]\w*)*"
    plain = rf"(?:{'|'.join(sorted(_WORDS))})(?= [-\N{{MINUS SIGN}}]?\d)"
    return re.compile(rf"(?<![\w@:.\-/])(?:{name}|{plain}|{'|'.join(map(re.escape, others))})(?![\w@:\-/]|\.\w)")


def term_of(text: str) -> str | None:
    """The term that ``text`` is all of, with parts of its own after it or without; None where it is none.

    >>> term_of("recall@1.image_to_text"), term_of("rg65.pearson"), term_of("rg65.npy"), term_of("deviates")
    ('recall@1', 'rg65', None, 'deviates')
    """
    if text in definitions():
        return text
    if pattern().fullmatch(text):
        return entry_of(text)
    base, _, ending = text.rpartition(".")
    if re.fullmatch(_ENDINGS, ending):
        return None
    while base and (base not in definitions() or base in VERDICTS):
        base = base.rpartition(".")[0]
    return base or None


def help_of(head: str) -> str:
    """What stands below the head of a table; empty where its words say it.

    >>> help_of("R@5 text to image"), help_of("published top")
    ('The share of queries whose match is among the first 5.', 'The number in the paper.')
    """
    if head.startswith("published"):
        return HEADS["published"]
    if recall := re.match(r"R@(\d+) ", head):
        return f"The share of queries whose match is among the first {recall[1]}."
    term = term_of(head)
    return HEADS.get(head) or (definitions()[term] if term is not None else "")


def entry_of(name: str) -> str:
    """The term whose definition stands for ``name``, which is a term or one with parts of its own after it.

    >>> entry_of("recall@1.image_to_text"), entry_of("two_populations.gap")
    ('recall@1', 'two_populations.gap')
    """
    while name not in definitions():
        name = name.rpartition(".")[0]
    return name


_WORDS = frozenset({"alignment", "uniformity", "spearman", "pearson"})
"""Metrics whose ids are words: of an alignment that was fitted the definition of the metric says nothing."""

_ALONE = frozenset({"margin", "migrate", "threshold", "weighted"})
"""Names of numbers that are words of the language in sentences, whatever stands after them."""

_ENDINGS = "py|npy|npz|csv|tsv|jsonl?|txt|parquet|html|png|pdf|safetensors"


def _is_name(word: str) -> bool:
    return word not in TERMS or "_" in word or "@" in word
