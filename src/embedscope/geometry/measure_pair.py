"""``measure --pair``: two modalities in one space, or two spaces over the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

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
from embedscope.geometry.measure import measure_stream
from embedscope.metrics import METRICS
from embedscope.metrics.pairs import PAIR_METRICS, Paired
from embedscope.readers import ArrayStream
from embedscope.sources.paired_vectors import id_hashes, side
from embedscope.stats.score_records import score_record

RECALLS = ("recall@1", "recall@5", "recall@10")

Source = Array | str | Path
IdSource = str | Path | npt.ArrayLike


def measure_pair(  # noqa: PLR0913
    a: Source,
    b: Source,
    *,
    ids: tuple[IdSource, IdSource] | None = None,
    metrics: Sequence[str] | None = None,
    rows: Rows | None = None,
    names: tuple[str, str] = ("image", "text"),
    scale: float = SCALE,
    seed: int = 0,
    progress: Progress | None = None,
    command: str = "",
) -> Result:
    """Every two-sided metric of matched rows, retrieval both ways, and each side's own metrics.

    Parameters
    ----------
    a, b : (n, d) and (m, d): arrays, ``FILE`` or ``FILE::KEY``; held in memory. Sides of different width are compared
        (``linear_cka``, ``procrustes_distance``, ``knn_overlap``) but have no cosines across
    ids : what the rows of either side belong to, one id a row (a text file, ``FILE.parquet::COLUMN`` or an array); rows
        of equal id match, so an image may have several captions. By position where None
    metrics : ids of either kind (``modality_gap``, ``recall``, ``isoscore``); everything where None
    rows : of each side's own metrics, ``raw`` or ``unit``
    names : of the two sides, the spaces of the records; what takes both has ``image|text``
    scale : inverse temperature of the contrastive loss; 100 is CLIP's

    Raises
    ------
    InputError, UnknownNameError

    >>> import numpy as np
    >>> measure_pair(np.eye(3), np.eye(3), metrics=["paired_cosine"]).value(metric="paired_cosine")
    1.0
    """
    progress = progress or Silent()
    provenance = Provenance(command, seed)
    two, scored, one = _chosen(metrics)
    label = "|".join(str(s) if isinstance(s, str | Path) else n for s, n in zip((a, b), names, strict=True))
    progress.start(f"{label}: reading", None, "files")
    x, y = side(a, provenance), side(b, provenance)
    progress.close()
    hashes = None if ids is None else (id_hashes(ids[0], len(x), names[0]), id_hashes(ids[1], len(y), names[1]))
    paired = Paired.of(x, y, hashes, names)
    if not len(paired.matches[0]):
        raise InputError("no row of one side has the id of a row of the other; check that the ids are spelled alike")
    provenance.settings = {"metrics": metrics and list(metrics), "rows": rows, "scale": scale, "pair": list(names)}
    records = list(_across(paired, label, two, scored, scale, seed, progress, provenance))
    cutoffs = tuple(f"{name}." for name in metrics or () if name.startswith("recall@"))
    if cutoffs and "recall" not in (metrics or ()):
        records = [r for r in records if not r.metric.startswith("recall@") or r.metric.startswith(cutoffs)]
    if one is None or one:
        for name, matrix, own, source in ((names[0], x, paired.x_ids, a), (names[1], y, paired.y_ids, b)):
            records += measure_stream(
                ArrayStream({name: matrix}, combine(hash_rows(0, len(matrix)), 0), own),
                source=str(source) if isinstance(source, str | Path) else name,
                metrics=one,
                rows=rows,
                seed=seed,
                progress=progress,
                provenance=provenance,
            )
    return Result(tuple(records), provenance.as_dict(), Document("Two spaces", skipped=_lonely(paired)))


def _chosen(metrics: Sequence[str] | None) -> tuple[list[str], list[str], list[str] | None]:
    """Names of two-sided metrics, of scores, and of each side's own metrics (None for their defaults)."""
    if metrics is None:
        return list(PAIR_METRICS), list(PAIR_SCORES), None
    asked = ["recall" if name in RECALLS else name for name in dict.fromkeys(metrics)]
    known = [*PAIR_METRICS, *PAIR_SCORES, *METRICS, *RECALLS]
    for name in asked:
        if name not in known:
            raise UnknownNameError.for_name("metric", name, known)
    if not asked:
        raise InputError(f"no metrics named; those of two spaces are {', '.join([*PAIR_METRICS, *PAIR_SCORES])}")
    two, scored = [n for n in asked if n in PAIR_METRICS], [n for n in asked if n in PAIR_SCORES]
    return two, list(dict.fromkeys(scored)), [n for n in asked if n in METRICS]


def _across(
    paired: Paired,
    label: str,
    two: Sequence[str],
    scored: Sequence[str],
    scale: float,
    seed: int,
    progress: Progress,
    provenance: Provenance,
) -> Iterator[Record]:
    common: dict[str, Any] = {"source": label, "space": "|".join(paired.names), "dim": int(paired.x.shape[1])}
    alike = paired.x.shape[1] == paired.y.shape[1]
    why = f"undefined: the sides are {paired.x.shape[1]} and {paired.y.shape[1]} wide, so no cosine goes across"
    progress.start(f"{label}: both sides", len(two) + len(scored), "metrics")
    for name in two:
        metric = PAIR_METRICS.get(name)
        with provenance.phase(f"{name} {label}"):
            if metric.joint and not alike:
                yield Record(**common, metric=name, value=None, rows=metric.rows, note=why)
            else:
                for m in metric.measured(paired):
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
    for name in scored:
        with provenance.phase(f"{name} {label}"):
            if not alike:
                yield Record(**common, metric=name, value=None, rows="unit", note=why)
            else:
                for key, score in PAIR_SCORES[name](paired, scale, seed).items():
                    yield score_record(score, metric=key, rows="unit", **common)
        progress.advance(1)
    progress.close()


def _lonely(paired: Paired) -> tuple[Skipped, ...]:
    """Rows of either side that match nothing: they are in the index of retrieval, and in no pair."""
    found = []
    for name, rows, total in zip(paired.names, paired.matches, (len(paired.x), len(paired.y)), strict=True):
        missing = total - len(set(rows.tolist()))
        if missing:
            found.append(Skipped(f"{missing:,} of {total:,} {name} rows match nothing", "in no pair, but in the index"))
    return tuple(found)
