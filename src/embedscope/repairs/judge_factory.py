"""What the user gives, as a judge: pairs, judgements, classes, scored pairs, or nothing but vectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from embedscope.certification.fitting import FitContext
from embedscope.certification.judges.base import Judge, SplitOptions
from embedscope.certification.judges.queries import DOCUMENT, QUERY, Asked, query_judge
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.datasets._qrels import read_qrels
from embedscope.repairs.origins import model_origin
from embedscope.repairs.request import RecordContext
from embedscope.sources.options import ModelOptions
from embedscope.sources.retrieval_data import (
    judged_rows,
    read_collection,
    read_corpus,
    retrieval_spaces,
    single_retrieval_space,
)

if TYPE_CHECKING:
    from embedscope.repairs.request import Request

from typing import Any

import numpy as np

from embedscope.certification.judges._pair_classes import PairClasses
from embedscope.certification.judges.labels import known_half
from embedscope.certification.judges.pairs import PairJudge
from embedscope.certification.pair_rows import PairParts, by_matches, by_position, pair_blocks
from embedscope.core.tables import Index
from embedscope.readers import file_of
from embedscope.repairs.origins import file_origins, labels_of, name_of
from embedscope.repairs.request import OBJECTIVES, Request
from embedscope.repairs.row_files import read_rows
from embedscope.sources.paired_vectors import id_hashes, read_side


def judge_of(
    request: Request,
    setup: SplitOptions,
    objective: str | None,
    provenance: Provenance,
    progress: Progress,
    encoder: ModelOptions,
) -> tuple[Judge, RecordContext]:
    """The judge of what is request, with its data read, and what records say of it."""
    way = request.way
    known = OBJECTIVES.get(way, ())
    if objective is not None and objective not in known:
        wanted = f"wanted {' or '.join(known)}" if known else "leave it out, there is only one"
        raise InputError(f"objective '{objective}' does not go with what is request; {wanted}")
    goal = objective or (known[0] if known else "")
    if way == "pair":
        return _pairs(request, setup, goal == "mixed", provenance)
    if way == "qrels":
        return queries(request, setup, goal == "mixed", provenance, progress, encoder)
    from embedscope.repairs.space_judge_factory import space_judge

    return space_judge(request, setup, goal == "probe", provenance, progress, encoder)


def _pairs(request: Request, setup: SplitOptions, mixed: bool, provenance: Provenance) -> tuple[Judge, RecordContext]:
    a, b = request.pair or (None, None)
    names = request.modalities or ("image", "text")
    if len(names) != 2 or names[0] == names[1]:
        raise InputError(f"a pair has two kinds, got {', '.join(names) or 'none'}; name them as image,text")
    classes = None if request.labels is None else _classes(request.labels, setup, provenance)
    parts = _pair_parts(request, setup, classes, provenance)
    sources = file_origins(dict(zip(names, (a, b), strict=True)), provenance)
    made = FitContext(setup.normalize, f"{parts.cross.n:,} pairs, one half of all", sources)
    judge = PairJudge(parts, (names[0], names[1]), made, mixed, setup.seed, classes)
    label = "|".join(name_of(s, n) for s, n in zip((a, b), names, strict=True))
    return judge, RecordContext(label, "|".join(names), parts.cross.widths[0], made.fitted_on)


def _classes(labels: Any, setup: SplitOptions, provenance: Provenance) -> PairClasses:
    names, found = np.unique(labels_of(labels, provenance), return_inverse=True)
    if len(names) < 2:
        raise InputError(f"labels of pairs need at least two classes, got {len(names)}; leave them out")
    return PairClasses(found.astype(np.intp), known_half(len(names), setup.seed))


def _pair_parts(
    request: Request, setup: SplitOptions, classes: PairClasses | None, provenance: Provenance
) -> PairParts:
    a, b = request.pair or (None, None)
    how: dict[str, Any] = {"normalize": setup.normalize, "max_eval_rows": setup.max_eval_rows, "seed": setup.seed}
    how |= {"limit_fit": setup.max_eval_rows // 2, "known": None if classes is None else classes.rows}
    blocks = pair_blocks(a, b) if request.pair_ids is None and request.pairs is None else None
    if blocks is not None:
        for name in (str(a), str(b)):
            provenance.data[name] = file_facts(file_of(name)) if file_of(name).is_file() else {}
        return by_position(blocks, **how)
    x, y = read_side(a, provenance), read_side(b, provenance)
    if request.pairs is not None:
        if request.pair_ids is not None:
            raise InputError("--pairs and --pair-ids both say which rows belong together; leave one out")
        rows = read_rows(request.pairs, 2, (len(x), len(y)), "pairs")
        left, right = rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp)
        return by_matches(x, y, left, right, **how)
    if request.pair_ids is None:
        if len(x) != len(y):
            raise InputError(f"the sides have {len(x)} and {len(y)} rows; say which belong together with --pair-ids")
        return by_position(iter([(x, y)]), **how)
    hx, hy = id_hashes(request.pair_ids[0], len(x), "left"), id_hashes(request.pair_ids[1], len(y), "right")
    left, right = _same(hx, hy)
    if not len(left):
        raise InputError("no row of one side has the id of a row of the other; check that the ids are spelled alike")
    return by_matches(x, y, left, right, **how, names=(hx, hy))


def _same(a: Any, b: Any) -> tuple[Index, Index]:
    """Rows of equal hash, as pairs."""
    order = np.argsort(b, kind="stable")
    first, last = np.searchsorted(b[order], a, "left"), np.searchsorted(b[order], a, "right")
    counts = last - first
    left = np.repeat(np.arange(len(a)), counts)
    offsets = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
    return left, order[np.repeat(first, counts) + offsets]


def queries(
    request: Request,
    setup: SplitOptions,
    mixed: bool,
    provenance: Provenance,
    progress: Progress,
    encoder: ModelOptions,
) -> tuple[Judge, RecordContext]:
    """The judge of queries and judgements; the source is a model, or the file of documents."""
    if request.queries is None or request.qrels is None:
        raise InputError("judgements need --queries and --qrels, both of them")
    source = str(request.source) if request.corpus and request.source is not None else None
    documents = request.corpus or (str(request.source),)
    asked = read_collection(str(request.queries), None, provenance)
    pool = read_corpus(documents, (), None, provenance)
    provenance.data[str(request.qrels)] = file_facts(Path(request.qrels)) if Path(request.qrels).is_file() else {}
    judged = judged_rows(read_qrels(request.qrels), asked, pool)
    place = single_retrieval_space(list(retrieval_spaces(asked, pool, source, encoder, provenance, progress)))
    kinds = pool.modalities if len(set(pool.modalities)) > 1 else ()
    origin = None if source is None else model_origin(source, provenance)
    names = [QUERY, *(dict.fromkeys(kinds) if kinds else [DOCUMENT])]
    made = FitContext(
        setup.normalize,
        f"{len(pool):,} documents and one half of the queries",
        {} if origin is None else dict.fromkeys(names, origin),
    )
    material = Asked(
        place.queries, place.corpus, asked.ids, pool.ids, kinds, (judged.query, judged.document, judged.grade)
    )
    judge = query_judge(material, made, setup.seed, setup.max_eval_rows, mixed, judged.notes)
    return judge, RecordContext(place.source, place.space, int(place.corpus.shape[1]), made.fitted_on)
