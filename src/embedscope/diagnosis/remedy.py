"""What to try against a finding, as data: the command and what is said of it are made from it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from embedscope.core.document import Action
from embedscope.core.short_repr import short_repr
from embedscope.diagnosis._readings import Numbers
from embedscope.diagnosis.centred import is_centred

JUDGED = "add --labels, --scores, or --queries and --qrels: a repair is judged on these, geometry alone is not evidence"
"""What a repair of one space needs besides the vectors."""

_CENTRING = "center"
_QRELS = "qrels.tsv"
_CENTRED = "these rows are centred already"


@short_repr
@dataclass(frozen=True)
class Remedy:
    """What to try: advice in words, a repair, or both.

    Attributes
    ----------
    before : what to do before the repair, or on its own where there are no candidates
    instead : what does as well as the repair
    candidates : of the repair, the smallest first
    objective : what the repair is for, where that is not the default
    retrieval : whether the repair is of queries and documents, judged by relevance judgements
    remark : on the repair, as a clause
    also : what to do whether or not there is a repair

    >>> from embedscope.diagnosis.where import Where
    >>> cone = Numbers({}, "x.npy", "", Where(("x.npy",)))
    >>> Remedy(instead="compute cosines in float32", candidates=("center",)).command(cone)
    'embedscope repair x.npy --candidates center -o repair.safetensors'
    """

    before: str = ""
    instead: str = ""
    candidates: tuple[str, ...] = ()
    objective: str = ""
    retrieval: bool = False
    remark: str = ""
    also: str = ""

    def command(self, numbers: Numbers) -> str:
        """The repair as a command; empty where there is none, or where centring is all of it and was done."""
        candidates = self._useful_candidates(numbers)
        if not candidates:
            return ""
        if self.retrieval:
            source = f"{numbers.where.as_corpus()} --queries {shlex.quote(numbers.source)} --qrels {_QRELS}"
        else:
            source = str(numbers.where)
        objective = f" --objective {self.objective}" if self.objective else ""
        return f"embedscope repair {source}{objective} --candidates {','.join(candidates)} -o repair.safetensors"

    def runs(self, numbers: Numbers) -> bool:
        """Whether the command runs as printed and at once: on files, with what judges it, as the pairs of a pair do."""
        where = numbers.where
        return bool(self.command(numbers)) and where.is_pair and where.is_named and not (self.retrieval or self.before)

    def actions(self, numbers: Numbers) -> tuple[Action, ...]:
        """What to try, and what would judge it where nothing does yet."""
        command = self.command(numbers)
        if command:
            instead = f"{self.instead}, or " if self.instead else ""
            judged_by = f"with relevance judgements in {_QRELS}: " if self.retrieval else ""
            repair = Action(f"{instead}{judged_by}", command, f", {self.remark}" if self.remark else "")
        elif self.candidates:
            centred = f"{self.instead} ({_CENTRED})" if self.instead else f"{_CENTRED}, which is the repair for this"
            repair = Action(centred)
        else:
            repair = Action(self.instead)
        needs = JUDGED if command and not (self.retrieval or numbers.where.is_pair) else ""
        return tuple(a for a in (Action(self.before), repair, Action(self.also), Action(needs)) if str(a))

    def _useful_candidates(self, numbers: Numbers) -> tuple[str, ...]:
        """The candidates without that of centring, where the rows are centred."""
        if _CENTRING not in self.candidates or not is_centred(numbers):
            return self.candidates
        return tuple(c for c in self.candidates if c != _CENTRING)
