"""``measure --pair``: two modalities in one space, or two spaces over the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import Array, Rows
from embedscope.core.document import Document, Skipped
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.ids import combine, hash_rows
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.geometry._pair_scores import PAIR_SCORES, SCALE
from embedscope.geometry._pair_units import PairUnits
from embedscope.geometry.measure import measure_stream
from embedscope.geometry.pair_charts import pair_document
from embedscope.geometry.sketches import Sketchbook
from embedscope.metrics import METRICS
from embedscope.metrics.pairs import PAIR_METRICS, Paired
from embedscope.readers import ArrayStream
from embedscope.sources.grouped_stream import group_hashes
from embedscope.sources.paired_vectors import id_hashes, partner_rows, read_side
from embedscope.sources.row_order import check_row_order
from embedscope.stats.score_records import score_record

RECALLS = ("recall@1", "recall@5", "recall@10")

Source = Array | str | Path
IdSource = str | Path | npt.ArrayLike


def measure_pair(  # noqa: PLR0913
    a: Source,
    b: Source,
    *,
    ids: tuple[IdSource, IdSource] | None = None,
    groups: IdSource | None = None,
    metrics: Sequence[str] | None = None,
    rows: Rows | None = None,
    names: tuple[str, str] = ("image", "text"),
    scale: float = SCALE,
    seed: int = 0,
    progress: Progress | None = None,
    command: str = "",
    labels: tuple[str, str] | None = None,
    provenance: Provenance | None = None,
) -> Result:
    """Metrics of matched rows, retrieval in both directions, and the metrics of either side on its own.

    Parameters
    ----------
    a, b : (n, d) and (m, e): arrays, ``FILE`` or ``FILE::KEY``; both are loaded into memory. Sides with different
        dimensions are compared by ``linear_cka``, ``procrustes_distance`` and ``knn_overlap``, and have no cosines
        between them
    ids : one id per row of either side (a text file, ``FILE::COLUMN`` or an array); rows with equal ids match,
        so an image may have several captions. Rows match by position where None
    groups : what each row of ``a`` belongs to (the document of a chunk), and with it the matching row of ``b``: a file,
        a column of ``a`` or an array. With ``ids`` each id must stand once on either side
    metrics : ids of metrics of two spaces or of one (``modality_gap``, ``recall``, ``isoscore``); all where None
    rows : ``raw`` or ``unit``, for the metrics of one space
    names : of the two sides, which are the spaces of their own records; records of both have ``image|text``
    scale : inverse temperature of the contrastive loss; 100 is CLIP's
    labels : what records call the two sides, where they were read already
    provenance : of the run that read them; a new one where None

    Raises
    ------
    InputError, UnknownNameError

    >>> import numpy as np
    >>> measure_pair(np.eye(3), np.eye(3), metrics=["paired_cosine"]).value(metric="paired_cosine")
    1.0
    """
    progress = progress or Silent()
    provenance = provenance or Provenance(command, seed)
    called = labels or tuple(str(s) if isinstance(s, str | Path) else n for s, n in zip((a, b), names, strict=True))
    pair_metrics, pair_scores, one_space = _select(metrics)
    label = "|".join(called)
    progress.start(f"{label}: reading", None, "files")
    x, y = read_side(a, provenance), read_side(b, provenance)
    progress.close()
    hashes = None if ids is None else (id_hashes(ids[0], len(x), names[0]), id_hashes(ids[1], len(y), names[1]))
    if hashes is None:
        check_row_order(a, b)
    declared = None if groups is None else group_hashes(groups, len(x), str(a) if isinstance(a, str | Path) else "A")
    declared_sides = None if declared is None else (declared, declared)
    if declared is not None and hashes is not None:  # in the order of the first side rows match by position
        partner, hashes = partner_rows(hashes, names), None
        declared_sides = declared, declared[np.argsort(partner)]
        paired = Paired.of(x, y[partner], None, names)
    else:
        paired = Paired.of(x, y, hashes, names)
    evidence = PairUnits.of(paired, declared) if hashes is None else None
    if evidence is not None:
        paired = evidence.apply(paired)
    if not len(paired.matches[0]):
        raise InputError("the two sides have no id in common; check that ids are spelled the same way in both")
    provenance.settings = {"metrics": metrics and list(metrics), "rows": rows, "scale": scale, "pair": list(names)}
    records = list(_pair_records(paired, label, pair_metrics, pair_scores, scale, seed, progress, provenance, evidence))
    if evidence is not None:
        records = [evidence.annotate(record) for record in records]
    cutoffs = tuple(f"{name}." for name in metrics or () if name.startswith("recall@"))
    if cutoffs and "recall" not in (metrics or ()):
        records = [r for r in records if not r.metric.startswith("recall@") or r.metric.startswith(cutoffs)]
    book = Sketchbook()
    if one_space is None or one_space:
        own_ids = (paired.x_ids, paired.y_ids) if declared_sides is None else declared_sides
        for name, matrix, own, source in zip(names, (x, y), own_ids, called, strict=True):
            records += measure_stream(
                ArrayStream({name: matrix}, combine(hash_rows(0, len(matrix)), 0), own),
                source=source,
                metrics=one_space,
                rows=rows,
                seed=seed,
                progress=progress,
                provenance=provenance,
                sketches=book,
            )
    document = pair_document(Document("Two spaces", skipped=_unmatched_rows(paired)), paired, records, book)
    return Result(tuple(records), provenance.as_dict(), document)


def _select(metrics: Sequence[str] | None) -> tuple[list[str], list[str], list[str] | None]:
    """Names of metrics of two spaces, of scores, and of metrics of one space (None for the defaults)."""
    if metrics is None:
        return list(PAIR_METRICS), list(PAIR_SCORES), None
    named = ["recall" if name in RECALLS else name for name in dict.fromkeys(metrics)]
    known = [*PAIR_METRICS, *PAIR_SCORES, *METRICS, *RECALLS]
    for name in named:
        if name not in known:
            raise UnknownNameError.for_name("metric", name, known)
    if not named:
        raise InputError(f"no metrics named; metrics of two spaces are {', '.join([*PAIR_METRICS, *PAIR_SCORES])}")
    selected = list(dict.fromkeys(named))
    return tuple([n for n in selected if n in group] for group in (PAIR_METRICS, PAIR_SCORES, METRICS))  # type: ignore[return-value]


def _pair_records(
    paired: Paired,
    label: str,
    metrics: Sequence[str],
    scores: Sequence[str],
    scale: float,
    seed: int,
    progress: Progress,
    provenance: Provenance,
    evidence: PairUnits | None,
) -> Iterator[Record]:
    common: dict[str, Any] = {"source": label, "space": "|".join(paired.names), "dim": int(paired.x.shape[1])}
    comparable = paired.x.shape[1] == paired.y.shape[1]
    dims = f"{paired.x.shape[1]} and {paired.y.shape[1]}"
    why = f"undefined: the sides have {dims} dimensions, so there are no cosines between them"
    progress.start(f"{label}: both sides", len(metrics) + len(scores), "metrics")
    for name in metrics:
        metric = PAIR_METRICS.get(name)
        with provenance.phase(f"{name} {label}"):
            if metric.joint and not comparable:
                yield Record(**common, metric=name, value=None, rows=metric.rows, note=why)
            else:
                for m in metric.measure(paired):
                    yield Record(
                        **common,
                        metric=m.metric,
                        value=m.value,
                        stderr=m.stderr,
                        ci_low=m.ci_low,
                        ci_high=m.ci_high,
                        n=m.n,
                        rows=m.rows,
                        exact=m.exact,
                        note=m.note,
                    )
        progress.advance(1)
    for name in scores:
        with provenance.phase(f"{name} {label}"):
            if not comparable:
                yield Record(**common, metric=name, value=None, rows="unit", note=why)
            else:
                for key, score in PAIR_SCORES[name](paired, scale, seed).items():
                    regrouped = score if evidence is None else evidence.regroup(score, seed)
                    yield score_record(regrouped, metric=key, rows="unit", **common)
        progress.advance(1)
    progress.close()


def _unmatched_rows(paired: Paired) -> tuple[Skipped, ...]:
    """Rows of either side without a match: they are candidates in retrieval, but in no pair."""
    skipped = []
    for name, rows, total in zip(paired.names, paired.matches, (len(paired.x), len(paired.y)), strict=True):
        missing = total - len(set(rows.tolist()))
        if missing:
            what = f"{missing:,} of {total:,} {name} rows have no match"
            skipped.append(Skipped(what, "they are in no pair, but are candidates in retrieval"))
    return tuple(skipped)
