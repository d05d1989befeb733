"""The judge for what the user gives: pairs, judgements, classes, scored pairs, or nothing but vectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.certification.evidence import Evidence, Known, Survey, declared_units, find_evidence
from embedscope.certification.fitting import FitContext
from embedscope.certification.judges.base import Judge, SplitOptions
from embedscope.certification.judges.labels import seen_half
from embedscope.certification.judges.pair_classes import PairClasses
from embedscope.certification.judges.pairs import PairJudge
from embedscope.certification.judges.queries import DOCUMENT, QUERY, JudgedQueries, query_judge
from embedscope.certification.origins import file_origins, labels_of, model_origin, name_of
from embedscope.certification.pair_rows import (
    PairParts,
    by_matches,
    by_position,
    check_labels,
    matching_rows,
    paired_stream,
)
from embedscope.certification.row_files import read_rows
from embedscope.certification.surveys import survey_spaces
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.ids import hash_rows
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.readers import file_of
from embedscope.repairs.request import OBJECTIVES, RecordContext, Request
from embedscope.repairs.space_judge_factory import space_judge
from embedscope.sources.grouped_stream import read_groups
from embedscope.sources.options import ModelOptions
from embedscope.sources.paired_stream import LEFT, RIGHT, PairedStream, whole_pair
from embedscope.sources.paired_vectors import id_hashes, read_side
from embedscope.sources.retrieval_data import (
    cosine_notes,
    judged_rows,
    judgements_of,
    read_collection,
    read_corpus,
    retrieval_spaces,
)
from embedscope.sources.row_order import check_row_order
from embedscope.sources.single_space import single_space


def judge_of(
    request: Request,
    options: SplitOptions,
    objective: str | None,
    provenance: Provenance,
    progress: Progress,
    encoder: ModelOptions,
) -> tuple[Judge, RecordContext]:
    """The judge for ``request``, with its data read, and what its records say of the source."""
    way = request.way
    objectives = OBJECTIVES.get(way, ())
    weight = weight_of(objective) if way == "pair" else None
    if objective is not None and objective not in objectives and weight is None:
        wanted = f"wanted {' or '.join(objectives)}" if objectives else "leave it out, there is only one"
        raise InputError(f"--objective {objective} does not go with this input; {wanted}")
    goal = objective or (objectives[0] if objectives else "")
    if way == "pair":
        return _pairs(request, options, goal == "mixed" if weight is None else weight, provenance)
    if way == "qrels":
        return _queries(request, options, goal == "mixed", provenance, progress, encoder)
    return space_judge(request, options, goal == "probe", provenance, progress, encoder)


def weight_of(objective: str | None) -> float | None:
    """The weight that an objective between 0 and 1 is; None where it is a name.

    >>> weight_of("0.7"), weight_of("mixed")
    (0.7, None)
    """
    try:
        weight = float(objective or "")
    except ValueError:
        return None
    if not 0 <= weight <= 1:
        raise InputError(f"--objective {objective} is a weight of the mixed index from 0 (pure retrieval) to 1")
    return weight


def _pairs(
    request: Request, options: SplitOptions, goal: bool | float, provenance: Provenance
) -> tuple[Judge, RecordContext]:
    """The judge of pairs; ``goal`` is whether the mixed index decides, or its weight."""
    mixed, weight = (goal, None) if isinstance(goal, bool) else (False, goal)
    a, b = request.pair or (None, None)
    names = request.modalities or ("image", "text")
    if len(names) != 2 or names[0] == names[1]:
        raise InputError(f"a pair has two modalities, got {', '.join(names) or 'none'}; name them as image,text")
    classes = None if request.labels is None else _classes(request.labels, options, provenance)
    groups = None if request.groups is None else read_groups(request.groups, _first(request))
    parts, evidence = _pair_parts(request, options, classes, groups, provenance)
    sources = file_origins(dict(zip(names, (a, b), strict=True)), provenance)
    context = FitContext(options.normalize, f"{parts.cross.n:,} pairs, one half of all", sources)
    judge = PairJudge(parts, evidence, (names[0], names[1]), context, mixed, options.seed, classes, weight)
    label = "|".join(name_of(s, n) for s, n in zip((a, b), names, strict=True))
    return judge, RecordContext(label, "|".join(names), parts.cross.widths[0], context.fitted_on)


def _classes(labels: Any, options: SplitOptions, provenance: Provenance) -> PairClasses:
    names, numbers = np.unique(labels_of(labels, provenance), return_inverse=True)
    if len(names) < 2:
        raise InputError(f"labels of pairs need at least two classes, got {len(names)}; leave them out")
    return PairClasses(numbers.astype(np.intp), seen_half(len(names), options.seed))


def _pair_parts(
    request: Request, options: SplitOptions, classes: PairClasses | None, groups: Any, provenance: Provenance
) -> tuple[PairParts, Evidence]:
    a, b = request.pair or (None, None)
    how: dict[str, Any] = {
        "normalize": options.normalize,
        "max_eval_rows": options.max_eval_rows,
        "seed": options.seed,
        "limit_fit": options.max_eval_rows // 2,
        "seen": None if classes is None else classes.rows,
    }
    if request.pair_ids is None and request.pairs is None:
        return _by_position(_open_pair(a, b, provenance), classes, groups, how)
    x, y = read_side(a, provenance, "A"), read_side(b, provenance, "B")
    names: tuple[Any, Any] | None = None
    if request.pairs is not None:
        if request.pair_ids is not None:
            raise InputError("--pairs and --pair-ids both say which rows belong together; give one of them")
        rows = read_rows(request.pairs, 2, (len(x), len(y)), "pairs")
        left, right = rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp)
    else:
        assert request.pair_ids is not None
        names = id_hashes(request.pair_ids[0], len(x), "left"), id_hashes(request.pair_ids[1], len(y), "right")
        left, right = matching_rows(*names)
        if not len(left):
            raise InputError("no id of one side is an id of the other; check that they are spelled alike")
    n, total = len(x), len(x) + len(y)
    known = Known(
        hash_rows(0, total) if names is None else np.concatenate(names),
        [(left, n + right)],
        None if groups is None else declared_units(groups, n, total, "rows of the first side"),
        classes=None if classes is None else classes.label,
        named="matches" if names is None else "ids",
    )
    if classes is not None:
        check_labels(classes.rows, n)
    evidence = find_evidence([Survey.of(x), Survey.of(y)], known)
    clusters = evidence.clusters[:n], evidence.clusters[n:]
    return by_matches((x, y), (left, right), clusters, **how), evidence


def _open_pair(a: Any, b: Any, provenance: Provenance) -> PairedStream:
    """Two sides whose rows match by position."""
    check_row_order(a, b)
    stream = paired_stream(a, b)
    if stream is not None:
        for name in (str(a), str(b)):
            provenance.data[name] = file_facts(file_of(name)) if file_of(name).is_file() else {}
        return stream
    x, y = read_side(a, provenance, "A"), read_side(b, provenance, "B")
    if len(x) != len(y):
        raise InputError(
            f"the two sides have {len(x):,} and {len(y):,} rows, and rows match by position; say which belong together "
            "with --pair-ids or --pairs"
        )
    return whole_pair(x, y)


def _by_position(
    stream: PairedStream, classes: PairClasses | None, groups: Any, how: dict[str, Any]
) -> tuple[PairParts, Evidence]:
    survey = survey_spaces(stream, (LEFT, RIGHT))
    n = survey.n
    if classes is not None:
        check_labels(classes.rows, n)
    declared = None if groups is None else np.tile(declared_units(groups, n, n, "pairs"), 2)
    label = None if classes is None else classes.label
    known = Known(np.tile(hash_rows(0, n), 2), declared=declared, by_position=True, classes=label)
    evidence = find_evidence(survey.surveys, known)
    return by_position(stream, survey.sizes, evidence.clusters[:n], **how), evidence


def _first(request: Request) -> str:
    """What the groups are of: the first side of a pair, or the queries."""
    source = request.queries if request.pair is None else request.pair[0]
    return str(source) if isinstance(source, str | Path) else "the source"


def _path_as_text(source: Any) -> Any:
    return str(source) if isinstance(source, Path) else source


def _queries(
    request: Request,
    options: SplitOptions,
    mixed: bool,
    provenance: Provenance,
    progress: Progress,
    encoder: ModelOptions,
) -> tuple[Judge, RecordContext]:
    """The judge of queries and judgements; the source is a model, or the file of documents."""
    if request.queries is None or request.qrels is None:
        raise InputError("relevance judgements need both --queries and --qrels")
    source = str(request.source) if request.corpus and request.source is not None else None
    documents = request.corpus or (
        request.source if isinstance(request.source, Mapping) else _path_as_text(request.source),
    )
    queries = read_collection(request.queries, request.query_ids, provenance, "queries")
    pool = read_corpus(documents, request.corpus_ids, request.corpus_modality, provenance)
    judgements = judgements_of(request.qrels, provenance)
    judged = judged_rows(judgements, queries, pool, allow_missing=request.allow_missing)
    place = single_space(list(retrieval_spaces(queries, pool, source, encoder, provenance, progress)))
    kinds = pool.modalities if len(set(pool.modalities)) > 1 else ()
    origin = None if source is None else model_origin(source, provenance)
    names = [QUERY, *(dict.fromkeys(kinds) if kinds else [DOCUMENT])]
    context = FitContext(
        options.normalize,
        f"{len(pool):,} documents and one half of the queries",
        {} if origin is None else dict.fromkeys(names, origin),
    )
    data = JudgedQueries(
        place.queries, place.corpus, queries.ids, pool.ids, kinds, (judged.query, judged.document, judged.grade)
    )
    groups = None if request.groups is None else read_groups(request.groups, _first(request))
    notes = (*judged.notes, *cosine_notes(place.score))
    judge = query_judge(data, context, options, mixed, notes, groups)
    return judge, RecordContext(place.source, place.space, int(place.corpus.shape[1]), context.fitted_on)
