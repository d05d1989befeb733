"""Repair a space only where it helps: fit, select, certify, and say what was decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedscope.certification.candidates import AUTO, expand_candidates
from embedscope.certification.decision import Decision, decide, force_candidate
from embedscope.certification.judges.base import NOTHING, Judge, SplitOptions
from embedscope.certification.split import HELD_OUT
from embedscope.core.atomic import write_text
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.repairs.judge_factory import judge_of
from embedscope.repairs.match_probability import POSITIVE_RATE, calibrate_scores
from embedscope.repairs.request import RecordContext, Request
from embedscope.repairs.suggestions import rows_text
from embedscope.repairs.summary import calibration_note, document_of, evidence_of, records_of
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import TextSource
from embedscope.stats.bootstrap import N_DRAWS
from embedscope.transforms.repair import Header, KindMap, Repair, ScorerChoice


def repair(  # noqa: PLR0913
    source: Any = None,
    *,
    pair: tuple[Any, Any] | None = None,
    pair_ids: tuple[Any, Any] | None = None,
    pairs: Any = None,
    queries: Any = None,
    corpus: Sequence[Any] = (),
    qrels: Any = None,
    query_ids: Any = None,
    corpus_ids: Sequence[Any] = (),
    corpus_modality: Any = None,
    allow_missing: bool = False,
    labels: Any = None,
    scores: Any = None,
    groups: Any = None,
    texts: TextSource | None = None,
    images: str | Path | None = None,
    layers: str | None = None,
    pooling: str | None = None,
    modalities: Sequence[str] = (),
    candidates: str | Iterable[str] = AUTO,
    objective: str | None = None,
    normalize: bool = True,
    max_eval_rows: int = HELD_OUT,
    positive_rate: float = POSITIVE_RATE,
    force: bool = False,
    rows_out: str | Path | None = None,
    seed: int = 0,
    model: Mapping[str, Any] | None = None,
    data: str | Path | None = None,
    cache: bool = True,
    progress: Progress | None = None,
    command: str = "",
) -> tuple[Repair, Result]:
    """The repair of a space that held-out data certify, or the identity where none does; with all that was measured.

    Parameters
    ----------
    source : (n, d) array or vectors in files; a model with ``texts``, ``images``, a data set in ``scores``, or
        ``corpus``; with ``queries`` the file of documents
    pair : two sides in place of a source; rows match by position, by ``pair_ids`` or as ``pairs`` says
    pair_ids : what the rows of either side belong to, as in ``measure_pair``
    pairs : (p, 2) row numbers, or a file with two of them per line
    queries, corpus, qrels, query_ids, corpus_ids, corpus_modality, allow_missing : as in ``retrieval``; several
        ``MODALITY=FILE`` make a mixed index
    labels : class of each row, array or text file with one per line; with ``pair`` of each row of the first side
    scores : (p, 3) of two rows and a human score, or a file with three columns; for a model also a data set,
        ``stsb::dev``, which brings its texts
    groups : what each row belongs to (the document of a chunk), array or text file with one per line; with ``pair`` of
        each row of the first side, with ``queries`` of each query. Rows of one group stay in one part and count once
    texts : texts that a model encodes, one per row: a data set, a file with one text per line, or the texts
    images : folder of images that a model encodes, flat or ``class/*.jpg``; folders of classes are the labels where
        none are given
    layers, pooling : of a model, one space; its own sentence vector by default
    modalities : names of the two sides, ``image`` and ``text`` by default
    candidates : candidates separated by commas, ``auto`` for those of the judge
    objective : ``pairs`` or ``mixed`` for pairs and judgements, for pairs also a weight of the mixed index, 0 to 1;
        ``zeroshot`` or ``probe`` for labels
    normalize : fit on, and apply to, L2-normalised rows
    max_eval_rows : rows per side kept in memory to select and to certify, half for each
    positive_rate : share of matches that the score calibration speaks of
    force : give the best candidate even where nothing certifies it
    rows_out : CSV file of every certifying item before and after the chosen candidate; none where nothing is tested
    model : options of ``open_model``: device, dtype, trust_remote_code
    data : folder with data files

    Returns
    -------
    (repair, result): the identity where the original is kept; the result has a document with the verdict first

    Raises
    ------
    InputError, UnknownNameError
        if the inputs do not go together, or hold too few rows to decide.
    """
    from embedscope.encoders import source_name

    source = source_name(source)
    progress = progress or Silent()
    provenance = Provenance(command, seed)
    named = pair is not None
    expand_candidates(candidates, (), pair=named)
    options = SplitOptions(seed, max_eval_rows, normalize)
    request = Request(
        source,
        pair,
        pair_ids,
        pairs,
        queries,
        tuple(corpus),
        qrels,
        labels,
        scores,
        tuple(modalities),
        texts,
        groups,
        query_ids,
        tuple(corpus_ids),
        corpus_modality,
        allow_missing,
        images,
    )
    encoder = ModelOptions.of(
        {**(model or {}), "layers": layers, "pooling": pooling, "cache": cache, "data": data, "seed": seed}
    )
    provenance.settings = {
        "candidates": candidates if isinstance(candidates, str) else list(candidates),
        "objective": objective,
        "normalize": normalize,
        "max_eval_rows": max_eval_rows,
        "positive_rate": positive_rate,
        "bootstrap_draws": N_DRAWS,
    }
    way = request.way
    if named:
        encoder.refuse_for_vectors("--pair A B")
    elif way != "qrels":
        encoder.refuse_prompts()
    with provenance.phase("data"):
        judge, context = judge_of(request, options, objective, provenance, progress, encoder)
    with provenance.phase("candidates"):
        decision = decide(judge, expand_candidates(candidates, judge.auto(), pair=named), progress)
    if rows_out is not None and (text := rows_text(decision)) is not None:
        write_text(rows_out, text)
    return _outcome(judge, decision, context, positive_rate, force, provenance)


def _outcome(
    judge: Judge, decision: Decision, context: RecordContext, positive_rate: float, force: bool, provenance: Provenance
) -> tuple[Repair, Result]:
    """The repair with its header, and the result."""
    use = decision.chosen if decision.repaired else None
    if force and use is None:
        use = force_candidate(judge, decision)
    with provenance.phase("calibration"):
        calibration = calibrate_scores(judge, use or NOTHING, positive_rate)
    records = records_of(decision, context, calibration, None if use is None else use.text)
    against = use is not None and not decision.repaired
    provenance.settings |= {
        "sizes": dict(judge.sizes),
        "evidence": judge.evidence.facts(),
        "decision": decision.reason,
        "accepted": decision.repaired,
    }
    document = document_of(decision, judge, calibration, forced=against, command=provenance.command)
    result = Result(tuple(records), provenance.as_dict(), document)
    repair = _identity(judge) if use is None or use.repair is None else use.repair
    scorer = None if use is None or use.scorer is None else ScorerChoice(use.scorer, use.transductive)
    notes = (*judge.evidence.notes, *judge.notes, *([] if calibration is None else [calibration_note(calibration)]))
    header = {
        "decision": f"{decision.reason} It was written because --force asks for it." if against else decision.reason,
        "evidence": evidence_of(records, judge.objective),
        "notes": (*repair.header.notes, *notes),
        "calibration": None if calibration is None else calibration.calibration,
        "scorer": scorer,
    }
    return repair.with_header(**header), result


def _identity(judge: Judge) -> Repair:
    """A repair that changes nothing, for the kinds of the judge; where their dimensions differ, for the first one."""
    from embedscope.transforms.align import Side

    widths = judge.widths
    if len(set(widths.values())) > 1:
        name, width = next(iter(widths.items()))
        widths = {name: width}
    return Repair({k: KindMap(Side(d), source=judge.context.sources.get(k)) for k, d in widths.items()}, Header())


def is_written(repair: Repair) -> bool:
    """Whether a repair holds anything to apply: a map, or a scorer."""
    return not repair.is_identity or repair.header.scorer is not None
