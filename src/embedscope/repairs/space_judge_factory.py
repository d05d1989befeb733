"""Judges of one space: rows of an array, of a file of vectors, or of texts that a model encodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from embedscope.certification.evidence import (
    first_of,
)
from embedscope.certification.judges.base import Judge, SplitOptions
from embedscope.certification.judges.geometry import GeometryJudge
from embedscope.certification.judges.labels import LabelJudge, seen_half
from embedscope.certification.judges.scored_pairs import ScoredJudge, pair_clusters
from embedscope.certification.judges.space import SpaceJudge
from embedscope.certification.origins import labels_of
from embedscope.certification.row_files import read_rows
from embedscope.certification.space_rows import SpaceParts, space_parts
from embedscope.certification.spaces import Space, open_space, space_evidence
from embedscope.core.arrays import Hashes
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.repairs.request import RecordContext, Request
from embedscope.sources.grouped_stream import read_groups
from embedscope.sources.images import Images
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import scored_set


def space_judge(
    request: Request,
    options: SplitOptions,
    probe: bool,
    provenance: Provenance,
    progress: Progress,
    encoder: ModelOptions,
) -> tuple[Judge, RecordContext]:
    """The judge of classes, of scored pairs, or of nothing but vectors."""
    if request.modalities:
        raise InputError("--modalities name the two sides of --pair; leave them out for one space")
    scored, named = request.similarity_scores, request.texts
    data_set = None if scored is None else scored_set(scored, encoder.data)
    if data_set is not None:
        for option, value in (("--texts", named), ("--images", request.images)):
            if value is not None:
                raise InputError(f"--scores {scored} brings its own texts; leave out {option} {value}")
        named, scored = data_set
    space = open_space(request.source, named, request.images, encoder, provenance, progress)
    groups = None if request.groups is None else read_groups(request.groups, space.name)
    judge: SpaceJudge
    labels = None if request.labels is None else labels_of(request.labels, provenance)
    if labels is None and scored is None and isinstance(space.encoded, Images):
        labels = space.encoded.classes
        if labels is not None:
            progress.note(f"{space.name}: judged on the folders of the images as labels ({len(set(labels)):,} classes)")
    if labels is not None:
        judge = _label_judge(space, labels, options, probe, groups)
    elif scored is not None:
        if isinstance(scored, str | Path):
            provenance.data[str(scored)] = file_facts(Path(scored)) if Path(scored).is_file() else {}
        judge = _score_judge(space, read_rows(scored, 3, None, "scored pairs"), options, groups)
    else:
        evidence = space_evidence(space, groups)
        parts = _parts(space, options, evidence.clusters)
        judge = GeometryJudge(parts, evidence, space.context(parts, options), options.seed, more=space.notes)
    return cast(Judge, judge), RecordContext(space.name, space.space, judge.parts.dim, judge.context.fitted_on)


def _parts(space: Space, options: SplitOptions, clusters: Hashes, masks: Any = None) -> SpaceParts:
    return space_parts(
        space.stream,
        space.survey.sizes,
        clusters,
        normalize=options.normalize,
        max_eval_rows=options.max_eval_rows,
        seed=options.seed,
        masks=masks,
    )


def _label_judge(space: Space, labels: Sequence[str], options: SplitOptions, probe: bool, groups: Any) -> LabelJudge:
    names, numbers = np.unique(labels, return_inverse=True)
    label, seen = numbers.astype(np.intp), seen_half(len(names), options.seed)
    evidence = space_evidence(space, groups, classes=label)
    parts = _parts(space, options, evidence.clusters, {"seen": seen[label]})
    context = space.context(parts, options)
    more = space.notes
    return LabelJudge(parts, evidence, context, options.seed, label, seen, probe, more=more, titles=space.titles)


def _score_judge(space: Space, rows: np.ndarray[Any, Any], options: SplitOptions, groups: Any) -> ScoredJudge:
    """Rows of one unit, and units that stand in one pair, go to one part."""
    evidence = space_evidence(space, groups, by_text=False)
    left, right, n = rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp), len(evidence.clusters)
    if max(left.max(), right.max()) >= n:
        raise InputError(f"scored pairs name row {max(left.max(), right.max())}, the source has {n} rows, from 0")
    first = first_of(evidence.clusters)
    clusters, note = pair_clusters(n, first[left], first[right])
    parts = _parts(space, options, clusters[first])
    gold, more = np.ascontiguousarray(rows[:, 2]), (*space.notes, *([note] if note else []))
    context = space.context(parts, options)
    return ScoredJudge(parts, evidence, context, options.seed, left, right, gold, more=more, titles=space.titles)
