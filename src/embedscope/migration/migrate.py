"""Change the model of an index: stay, bridge, re-embed, or pilot more pairs, with proof on held-out rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.certification.judges.base import SplitOptions
from embedscope.certification.split import HELD_OUT
from embedscope.core.choices import DirectionChoice
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.migration.costs import Costs
from embedscope.migration.decision import Decision, decide
from embedscope.migration.maps import NONE, has_torch
from embedscope.migration.retention import DIRECTIONS, Direction, RetentionJudge, retention_judge
from embedscope.migration.rows import Request, read_rows
from embedscope.migration.summary import document_of, records_of
from embedscope.migration.trials import Trial, measure
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import TextSource
from embedscope.transforms.align import Side
from embedscope.transforms.repair import Header, KindMap, Repair

OLD, NEW = "old", "new"
RETAIN = 0.95
PARTS = 4
"""Rows that are taken of large files, as a multiple of those that select and certify: half of them fit."""


def migrate(  # noqa: PLR0913
    old: Any,
    new: Any,
    *,
    texts: TextSource | None = None,
    images: str | Path | None = None,
    old_queries: Any = None,
    new_queries: Any = None,
    queries: TextSource | None = None,
    qrels: Any = None,
    allow_missing: bool = False,
    groups: Any = None,
    retain: float = RETAIN,
    direction: DirectionChoice = "auto",
    candidates: str | Iterable[str] = "auto",
    max_eval_rows: int = HELD_OUT,
    index_rows: int | None = None,
    tokens_per_row: float | None = None,
    price_per_million_tokens: float | None = None,
    force: bool = False,
    seed: int = 0,
    layers: str | None = None,
    pooling: str | None = None,
    model: Mapping[str, Any] | None = None,
    data: str | Path | None = None,
    cache: bool = True,
    out: str = "",
    progress: Progress | None = None,
    command: str = "",
) -> tuple[Repair | None, Result]:
    """Whether an index of one model can serve another: a bridge between them, or None, and all that was measured.

    Parameters
    ----------
    old, new : the same rows by both models: vectors in files or arrays, matched by id or else by position, or models
        of ``texts`` or ``images``
    old_queries, new_queries : queries by both models, matched likewise
    queries : texts of queries, where NEW is a model
    qrels, allow_missing : judgements of queries and rows, by id
    groups : what each row of OLD belongs to: rows of one group stay in one part, and are relevant to each other
    retain : share of the full re-embedding that a bridge must keep, of nDCG@10 with judgements, else of the top ten
    direction : ``queries`` (into the old index), ``documents`` (into the new space), or the better one
    candidates : maps to try, ``auto`` for all
    max_eval_rows : rows kept in memory to select and to certify, half for each; of files with more than four times as
        many, so many are taken by their hash
    index_rows : rows of the whole index, which verdict and costs are about
    tokens_per_row, price_per_million_tokens : what re-embedding costs
    force : give the best bridge even where nothing certifies it
    out : file that the caller writes the bridge to, for the command in the headline; empty for none

    Returns
    -------
    (repair, result): a repair of the kinds ``old`` and ``new``; None where no bridge is certified

    Raises
    ------
    InputError, UnknownNameError
        if the inputs do not go together, or hold too few rows to decide.
    """
    if not 0.5 <= retain < 1:
        raise InputError(f"--retain is a share from 0.5 to below 1, got {retain:g}; 0.95 keeps 95 %")
    if direction not in ("auto", *DIRECTIONS):
        raise InputError(f"--direction is auto, queries or documents, got '{direction}'")
    for name, number in (("tokens-per-row", tokens_per_row), ("price-per-million-tokens", price_per_million_tokens)):
        if number is not None and not 0 <= number < np.inf:
            raise InputError(f"--{name} is a number of 0 or more, got {number:g}")
    progress = progress or Silent()
    provenance = Provenance(command, seed)
    encoder = ModelOptions.of(
        {**(model or {}), "layers": layers, "pooling": pooling, "cache": cache, "data": data, "seed": seed}
    )
    request = Request(old, new, texts, old_queries, new_queries, queries, qrels, groups, allow_missing, images)
    options = SplitOptions(seed, max_eval_rows)
    with provenance.phase("data"):
        counts = price_per_million_tokens is not None and tokens_per_row is None
        most = PARTS * options.max_eval_rows
        rows = read_rows(request, encoder, provenance, progress, count_tokens=counts, most=most, seed=seed)
        judge = retention_judge(rows, options.max_eval_rows, seed)
    ways: tuple[Direction, ...] = DIRECTIONS if direction == "auto" else (direction,)
    size = rows.index_rows if index_rows is None else index_rows
    if size < len(rows.old):
        raise InputError(
            f"--index-rows is the size of the whole index, of which OLD is a sample: at least {len(rows.old):,} rows, "
            f"got {size:,}"
        )
    tokens = rows.tokens if tokens_per_row is None else round(tokens_per_row * rows.index_rows)
    tokens = None if tokens is None else round(tokens * size / rows.index_rows)
    costs = Costs(size, rows.dims, tokens, price_per_million_tokens)
    with provenance.phase("candidates"):
        decision = decide(measure(judge, candidates, ways, size, progress), retain)
    provenance.settings = {
        "retain": retain,
        "direction": direction,
        "candidates": candidates if isinstance(candidates, str) else list(candidates),
        "max_eval_rows": max_eval_rows,
        "sizes": {"fit": len(judge.fit)} | {part: len(view.q_new) for part, view in judge.views.items()},
        "evidence": judge.evidence.facts(),
        "verdict": decision.verdict,
        "accepted": decision.verdict == "bridge",
        "mlp": "tried" if has_torch() else "left out: torch is not installed",
    }
    records = records_of(decision, judge, retain, costs)
    forced = force and decision.chosen is not None and decision.verdict != "bridge"
    document = document_of(decision, judge, retain, costs, out, forced=forced)
    provenance.settings["forced"] = forced
    result = Result(tuple(records), provenance.as_dict(), document)
    if decision.chosen is None or (decision.verdict != "bridge" and not forced):
        return None, result
    return _bridge(decision, judge, forced=forced, result=result), result


def _bridge(decision: Decision, judge: RetentionJudge, *, forced: bool, result: Result) -> Repair:
    """The chosen map as a repair; the side whose vectors stay has the identity."""
    assert decision.chosen is not None
    trial = decision.chosen.trial
    insisted = " It was written because --force asks for it." if forced else ""
    evidence = tuple(r for r in result.records if r.subset == "certify" and r.transform == trial.text)
    header = Header(
        candidate=trial.text,
        n=len(judge.pairs(trial.direction)),
        fitted_on=f"{len(judge.fit):,} rows of both models, one half of all",
        decision=f"{decision.verdict.capitalize()}: {decision.reason}.{insisted}",
        evidence=evidence,
        notes=judge.notes,
    )
    return Repair(_kinds(trial, judge), header)


def _kinds(trial: Trial, judge: RetentionJudge) -> dict[str, KindMap]:
    assert trial.fitted is not None
    origins, dims = judge.rows.origins, dict(zip((OLD, NEW), judge.rows.dims, strict=True))
    moved = OLD if trial.direction == "documents" else NEW
    kinds = {}
    for name in (OLD, NEW):
        kind_map = trial.fitted if name == moved and trial.text != NONE else KindMap(Side(dims[name]))
        kinds[name] = KindMap(
            kind_map.side, kind_map.normalise_before, kind_map.normalise_after, origins.get(name), kind_map.hidden
        )
    return kinds
