"""Candidates as text: what is tried by itself, and what the user names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from embedscope.certification.fitting import own_means
from embedscope.certification.trade import APART, distance_of, share_of, trade_candidates
from embedscope.core.errors import InputError
from embedscope.transforms import TRANSFORMS, parse_chain
from embedscope.transforms.align import ALIGNMENTS, parse_alignment
from embedscope.transforms.scorers import SCORERS, parse_scorer

AUTO = "auto"
NONE = "none"
RIDGES = (0.01, 0.1, 1.0)


def expand_candidates(candidates: str | Iterable[str], auto: Iterable[str], pair: bool) -> list[str]:
    """Texts of all candidates, in order and once; ``auto`` stands for those of the judge.

    In a list separated by commas ``+`` joins the steps of one candidate: ``center+abtt:1,whiten:64``. ``@`` adds a
    scorer: ``center@csls:10``; a scorer alone scores vectors as they are.

    Raises
    ------
    InputError, UnknownNameError

    >>> expand_candidates("auto,center+abtt:1", ["center"], pair=False)
    ['center', 'center+abtt:1']
    """
    named, auto = (candidates.split(",") if isinstance(candidates, str) else list(candidates)), list(auto)
    texts: list[str] = []
    for text in (part.strip().replace(",", "+") for part in named):
        if not text:
            raise InputError("--candidates holds an empty candidate; write it as auto or center,abtt:1,whiten:64")
        texts += auto if text == AUTO else [text]
    for text in texts:
        _check(text, pair)
    return [text for text in dict.fromkeys(texts) if text != NONE]


def parse_candidate(text: str) -> tuple[str, str | None, bool]:
    """Chain (``none`` for nothing), scorer or None, and whether the scorer sees the queries it is to answer.

    >>> parse_candidate("center+abtt:1@csls:10:transductive")
    ('center,abtt:1', 'csls:10', True)
    """
    chain, at, scorer = text.partition("@")
    if not at and chain.partition(":")[0] in SCORERS:
        chain, scorer = NONE, chain
    plain = scorer.removesuffix(":transductive")
    return chain if chain.startswith("own:") else chain.replace("+", ","), plain or None, plain != scorer


def one_space(dim: int) -> list[str]:
    """What is tried on one space, or on queries and documents of one model: simplest first."""
    return [
        "center",
        "standardize",
        "drop:1",
        "abtt:1",
        "abtt:2",
        *(f"whiten:{k}:ledoit-wolf" for k in _widths(dim, (1, 2, 4))),
    ]


def pairs(dims: tuple[int, int], n: int, traded: bool = False) -> list[str]:
    """What is tried on two sides of ``dims`` dimensions with ``n`` pairs to fit, simplest first.

    ``traded``: pure retrieval is weighed against one mixed index, so ways between are tried too.
    """
    narrow = min(dims)
    ks = _widths(narrow, (1, 2, 4))
    maps = ["procrustes", "procrustes:center"]
    maps += [f"wprocrustes:{k}:ledoit-wolf" for k in ks[1:]]
    maps += [f"lstsq:{ridge:g}" for ridge in RIDGES] + [f"cca:{k}" for k in ks if k <= n - 1]
    if dims[0] != dims[1]:
        return maps
    maps += trade_candidates() if traded else []
    return ["center", "shift", "abtt:1", *(f"whiten:{k}:ledoit-wolf" for k in ks[:2]), *maps]


def _widths(dim: int, parts: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(max(2, dim // p) for p in parts if dim >= 2))


def _check(text: str, pair: bool) -> None:
    """Raise where a name or what stands after it is not right, whatever the data."""
    chain, scorer, _ = parse_candidate(text)
    if scorer is not None:
        parse_scorer(scorer)
    if pair and chain.partition(":")[0] == APART:
        distance_of(chain)
        return
    if pair:
        chain = share_of(chain)[0]
    if chain == NONE:
        return
    steps = {step.strip().partition(":")[0] for step in chain.split(",")}
    if pair or steps & set(ALIGNMENTS) - set(TRANSFORMS):
        parse_alignment(chain)
    else:
        parse_chain(own_means(chain)[0])
