"""Judges of one space: rows of an array, of a file of vectors, or of texts that a model encodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from embedscope.certification.evidence import (
    Evidence,
    Known,
    declared_units,
    find_evidence,
    first_links,
    first_of,
)
from embedscope.certification.fitting import FitContext
from embedscope.certification.judges.base import Judge, SplitOptions
from embedscope.certification.judges.geometry import GeometryJudge
from embedscope.certification.judges.labels import LabelJudge, seen_half
from embedscope.certification.judges.scored_pairs import ScoredJudge, pair_clusters
from embedscope.certification.judges.space import SpaceJudge
from embedscope.certification.space_rows import ALL, Matrix, SpaceParts, is_file, space_parts, space_stream
from embedscope.certification.surveys import Surveyed, surveyed
from embedscope.core.arrays import Hashes
from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.ids import hash_rows, hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.repairs.origins import file_origins, labels_of, model_origin, name_of
from embedscope.repairs.request import RecordContext, Request
from embedscope.repairs.row_files import read_rows
from embedscope.sources.grouped_stream import read_groups
from embedscope.sources.images import Images
from embedscope.sources.options import ModelOptions
from embedscope.sources.row_blocks import row_blocks
from embedscope.sources.texts import Texts, encode, material_of, scored_set
from embedscope.stats._equal import equal_texts
from embedscope.stats.units import EQUAL_TEXTS
from embedscope.transforms.repair import SINGLE, Origin


@dataclass(frozen=True, eq=False)
class Space:
    """Rows of one space in blocks.

    Attributes
    ----------
    name, space : as records call them
    stream : the rows
    origins : where they come from
    encoded : what a model encoded, None for vectors
    """

    name: str
    space: str
    stream: Stream
    origins: Mapping[str, Origin]
    encoded: Texts | Images | None = None

    @cached_property
    def survey(self) -> Surveyed:
        """What the first pass over the rows finds."""
        return surveyed(self.stream, list(self.stream.dims))

    def blocks(self) -> Iterator[Matrix]:
        """The rows, in their order."""
        (space,) = self.stream.dims
        return row_blocks(self.stream, space)

    @property
    def titles(self) -> Sequence[str]:
        """What the rows are called: their texts, or the names of images; empty for vectors."""
        return () if self.encoded is None else self.encoded.titles

    def context(self, parts: SpaceParts, options: SplitOptions) -> FitContext:
        """How fits are made."""
        what = "rows" if self.encoded is None else f"rows of {self.encoded.name}"
        return FitContext(options.normalize, f"{parts.moments[ALL].n:,} {what}, one half of all", self.origins)


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
        judge = _labelled(space, labels, options, probe, groups)
    elif scored is not None:
        if isinstance(scored, str | Path):
            provenance.data[str(scored)] = file_facts(Path(scored)) if Path(scored).is_file() else {}
        judge = _scored(space, read_rows(scored, 3, None, "scored pairs"), options, groups)
    else:
        evidence = space_evidence(space, groups)
        parts = _parts(space, options, evidence.clusters)
        judge = GeometryJudge(parts, evidence, space.context(parts, options), options.seed)
    return cast(Judge, judge), RecordContext(space.name, space.space, judge.parts.dim, judge.context.fitted_on)


def open_space(
    source: Any, texts: Any, images: Any, encoder: ModelOptions, provenance: Provenance, progress: Progress
) -> Space:
    """Vectors of an array or a file as they are, or of ``texts`` or ``images`` in one space of a model.

    Raises
    ------
    InputError
        if a model comes without texts and images, or vectors with them.
    """
    named = isinstance(source, str | Path)
    vectors = not named or is_file(source)
    if vectors and (texts is not None or images is not None or encoder.layers or encoder.pooling):
        raise InputError(
            f"{name_of(source, 'the array')} holds vectors: leave out --texts, --images, --layers and --pooling"
        )
    if vectors:
        origins = file_origins({SINGLE: source}, provenance)
        return Space(name_of(source, "array"), SINGLE, space_stream(source), origins)
    encoded = material_of(texts, images, encoder.data, provenance)
    if encoded is None:
        raise InputError(
            f"'{source}' is not a file of vectors (.npy, .npz::key, .safetensors::name, .parquet::column); if it is a "
            "model, name texts with --texts DATASET or --texts FILE (one text per line), images with --images FOLDER, "
            "or give --queries, --corpus and --qrels"
        )
    space, (x,) = encode(str(source), [encoded], encoder, provenance, progress)
    return Space(str(source), space, space_stream(x), {SINGLE: model_origin(str(source), provenance)}, encoded)


def space_evidence(space: Space, groups: Any, *, classes: Index | None = None, by_text: bool = True) -> Evidence:
    """Units of the rows; ``by_text`` keeps texts of one document together."""
    (survey,) = space.survey.surveys
    n, encoded = survey.n, space.encoded
    if classes is not None and len(classes) != n:
        raise InputError(f"there are {len(classes):,} labels for {n:,} rows of {space.name}; wanted one per row")
    base = hash_rows(0, n) if encoded is None or not by_text else hash_texts(encoded.clusters)
    declared = None if groups is None else declared_units(groups, n, n, "rows")
    equal = () if encoded is None else [first_links(equal_texts(encoded.keys))]
    named = "equal images" if isinstance(encoded, Images) else EQUAL_TEXTS
    return find_evidence([survey], Known(base, equal, declared, classes=classes, named=named))


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


def _labelled(space: Space, labels: Sequence[str], options: SplitOptions, probe: bool, groups: Any) -> LabelJudge:
    names, numbers = np.unique(labels, return_inverse=True)
    label, seen = numbers.astype(np.intp), seen_half(len(names), options.seed)
    evidence = space_evidence(space, groups, classes=label)
    parts = _parts(space, options, evidence.clusters, {"seen": seen[label]})
    context = space.context(parts, options)
    return LabelJudge(parts, evidence, context, options.seed, label, seen, probe, titles=space.titles)


def _scored(space: Space, rows: np.ndarray[Any, Any], options: SplitOptions, groups: Any) -> ScoredJudge:
    """Rows of one unit, and units that stand in one pair, go to one part."""
    evidence = space_evidence(space, groups, by_text=False)
    left, right, n = rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp), len(evidence.clusters)
    if max(left.max(), right.max()) >= n:
        raise InputError(f"scored pairs name row {max(left.max(), right.max())}, the source has {n} rows, from 0")
    first = first_of(evidence.clusters)
    clusters, note = pair_clusters(n, first[left], first[right])
    parts = _parts(space, options, clusters[first])
    gold, more = np.ascontiguousarray(rows[:, 2]), (note,) if note else ()
    context = space.context(parts, options)
    return ScoredJudge(parts, evidence, context, options.seed, left, right, gold, more=more, titles=space.titles)
