"""Queries, documents and judgements of the user, read for a judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from embedscope.core.errors import InputError
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.datasets._qrels import read_qrels
from embedscope.pipeline.collections import both_sides, one_place, read_collection
from embedscope.pipeline.reading import file_facts
from embedscope.pipeline.repairs.fitting import Made
from embedscope.pipeline.repairs.judge import Judge, Setup
from embedscope.pipeline.repairs.origins import model_origin
from embedscope.pipeline.repairs.query_judge import DOCUMENT, QUERY, Asked, query_judge
from embedscope.pipeline.repairs.telling import Told
from embedscope.pipeline.retrieval import _corpus, judged_rows
from embedscope.pipeline.texts import Encoder

if TYPE_CHECKING:
    from embedscope.pipeline.repairs.sources import Given


def queries(
    given: Given,
    setup: Setup,
    mixed: bool,
    provenance: Provenance,
    progress: Progress,
    encoder: Encoder,
) -> tuple[Judge, Told]:
    """The judge of queries and judgements; the source is a model, or the file of documents."""
    if given.queries is None or given.qrels is None:
        raise InputError("judgements need --queries and --qrels, both of them")
    source = str(given.source) if given.corpus and given.source is not None else None
    documents = given.corpus or (str(given.source),)
    asked = read_collection(str(given.queries), None, provenance)
    pool = _corpus(documents, (), None, provenance)
    provenance.data[str(given.qrels)] = file_facts(Path(given.qrels)) if Path(given.qrels).is_file() else {}
    judged = judged_rows(read_qrels(given.qrels), asked, pool)
    options = {"device": "auto", "dtype": "float32"} | dict(encoder.options)
    where = (encoder.layers, encoder.setting)
    place = one_place(list(both_sides(asked, pool, source, where, encoder.cache, options, provenance, progress)))
    kinds = pool.kinds if len(set(pool.kinds)) > 1 else ()
    origin = None if source is None else model_origin(source, provenance)
    names = [QUERY, *(dict.fromkeys(kinds) if kinds else [DOCUMENT])]
    made = Made(
        setup.unit,
        f"{len(pool):,} documents and one half of the queries",
        {} if origin is None else dict.fromkeys(names, origin),
    )
    material = Asked(
        place.queries, place.corpus, asked.ids, pool.ids, kinds, (judged.query, judged.document, judged.grade)
    )
    judge = query_judge(material, made, setup.seed, setup.held_out, mixed, judged.notes)
    return judge, Told(place.source, place.space, int(place.corpus.shape[1]), made.fitted_on)
