"""Candidates as text: ``first:128+int8``, ``pca:64+binary+rescore``: what is cut, how rows are stored and searched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.extras import require
from embedscope.transforms.codes import CODES, check_code

AUTO = "auto"
NONE = "float32"
RESCORE = "rescore"
OVERSAMPLED = 4
"""Results that a search by bits gives to be scored again, as a multiple of those that are wanted."""

CUTS = ("first", "pca")
OF_FAISS = ("pq", "rabitq")
NO_FAISS = 'pq and rabitq were not tried, for FAISS is not installed: pip install "embedscope[faiss]"'
_LEAST = 16
UNKNOWN = 1 << 30
"""Dimensions of rows that were not read yet."""


@dataclass(frozen=True)
class Plan:
    """A candidate.

    Attributes
    ----------
    text : as ``--candidates`` takes it
    cut : ``first:K``, ``pca:K`` or empty for all dimensions
    code : text of the code, ``float32`` for rows as they are
    rescore : whether the best by bits are scored again, by the query and the bits
    """

    text: str
    cut: str = ""
    code: str = NONE
    rescore: bool = False

    @property
    def dimensions(self) -> int | None:
        """Dimensions that are kept; None for all."""
        return int(self.cut.partition(":")[2]) if self.cut else None


def parse_plan(text: str) -> Plan:
    """The candidate that ``text`` describes.

    Raises
    ------
    InputError, UnknownNameError

    >>> parse_plan("pca:64+binary+rescore")
    Plan(text='pca:64+binary+rescore', cut='pca:64', code='binary', rescore=True)
    """
    cut, code, rescore = "", "", False
    for step in (part.strip() for part in text.split("+")):
        name, _, number = step.partition(":")
        if name in CUTS and not cut and not code:
            if not number.isdecimal() or int(number) < 1:
                raise InputError(f"'{step}' needs the number of dimensions that are kept, as in {name}:128")
            cut = step
        elif name in CODES and not code:
            check_code(step)
            code = step
        elif step == RESCORE and code == "binary":
            rescore = True
        elif name in (*CUTS, *CODES, RESCORE):
            raise InputError(f"'{text}' is not understood; write a cut, then a code: first:128+int8, binary+rescore")
        else:
            raise UnknownNameError.among("step of a compression", name, [*CUTS, *CODES, RESCORE])
    return Plan(text, cut, code or NONE, rescore)


def expand_plans(candidates: str | Iterable[str], dim: int, trained: Sequence[int]) -> tuple[list[Plan], list[str]]:
    """Candidates in order and once, and notes; ``auto`` stands for :func:`default_plans`.

    Parameters
    ----------
    dim : dimensions of the rows
    trained : sizes that a Matryoshka model was trained for, empty where nothing says so

    Raises
    ------
    InputError, UnknownNameError, MissingExtraError
        before any work begins: where a name is wrong, more dimensions are kept than there are, or FAISS is missing.
    """
    texts = candidates.split(",") if isinstance(candidates, str) else list(candidates)
    notes: list[str] = []
    plans: dict[str, Plan] = {}
    for text in (t.strip() for t in texts):
        if not text:
            raise InputError("--candidates holds an empty candidate; write it as auto or int8,first:128+int8")
        if text == AUTO:
            plans |= {p.text: p for p in default_plans(dim, trained)}
            notes += [] if _has_faiss() else [NO_FAISS]
            continue
        plan = parse_plan(text)
        if plan.code.partition(":")[0] in OF_FAISS:
            require("faiss", "faiss", f"the candidate {text}")
        if (plan.dimensions or 0) > dim:
            raise InputError(f"{text} keeps {plan.dimensions} dimensions, and the rows have {dim}")
        _check_parts(plan, dim)
        plans[text] = plan
    smaller = [p for p in plans.values() if p != Plan(NONE)]
    if not smaller:
        raise InputError("--candidates names nothing smaller than float32; write auto, or int8,first:128+int8")
    return smaller, notes


def _check_parts(plan: Plan, dim: int) -> None:
    """Refuse a product quantiser whose parts cannot be of equal size, with numbers of parts that can."""
    name, _, number = plan.code.partition(":")
    kept = plan.dimensions or dim
    if name != "pq" or kept >= UNKNOWN or kept % int(number) == 0:
        return
    fits = [m for m in range(1, kept + 1) if kept % m == 0]
    near = sorted(sorted(fits, key=lambda m: abs(m - int(number)))[:3])
    raise InputError(
        f"{plan.text} cuts {kept} dimensions into {number} equal parts, and {number} does not divide {kept}; write "
        f"pq:{' or pq:'.join(map(str, near))}"
    )


def default_plans(dim: int, trained: Sequence[int]) -> list[Plan]:
    """What is tried: all dimensions, leading ones and principal components, each in every code.

    >>> [p.text for p in default_plans(32, ())][:4]
    ['float16', 'int8', 'binary', 'binary+rescore']
    """
    halves = [k for k in (dim // 2, dim // 4) if k >= _LEAST]
    leading = sorted((k for k in trained if k < dim), reverse=True) or halves
    cuts = ["", *(f"first:{k}" for k in leading), *(f"pca:{k}" for k in halves)]
    texts = [
        "+".join(part for part in (cut, code) if part) or NONE
        for cut in cuts
        for code in ("", "float16", "int8", "binary", "binary+rescore")
    ]
    if _has_faiss():
        texts += [f"pq:{dim // p}" for p in (4, 8, 16) if dim % p == 0 and dim // p >= 4]
        texts += ["rabitq", *(f"pca:{k}+rabitq" for k in halves)]
    return [parse_plan(text) for text in texts if text != NONE]


def _has_faiss() -> bool:
    return find_spec("faiss") is not None
