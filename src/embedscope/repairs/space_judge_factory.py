"""Judges of one space: rows of an array, of a file of vectors, or of texts that a model encodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from embedscope.certification.fitting import FitContext
from embedscope.certification.judges.base import Judge, SplitOptions
from embedscope.certification.judges.geometry import GeometryJudge
from embedscope.certification.judges.labels import LabelJudge, known_half
from embedscope.certification.judges.scored_pairs import ScoredJudge, pair_clusters
from embedscope.certification.judges.space import SpaceJudge
from embedscope.certification.space_rows import ALL, Matrix, SpaceParts, is_file, space_blocks, space_parts
from embedscope.core.arrays import Hashes
from embedscope.core.errors import InputError
from embedscope.core.fingerprints import file_facts
from embedscope.core.ids import hash_rows, hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.repairs.origins import file_origins, labels_of, model_origin, name_of
from embedscope.repairs.request import RecordContext
from embedscope.repairs.row_files import read_rows
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import Texts, encode, scored_set, texts_of
from embedscope.transforms.repair import SINGLE, Origin

if TYPE_CHECKING:
    from embedscope.repairs.request import Request

_BLOCK = 8192


@dataclass(frozen=True, eq=False)
class Space:
    """Rows of one space in blocks, read once.

    Attributes
    ----------
    name, space : as records call them
    blocks : rows, in their order
    origins : where they come from
    texts : what was encoded, None for vectors
    """

    name: str
    space: str
    blocks: Iterator[Matrix]
    origins: Mapping[str, Origin]
    texts: Texts | None = None

    @property
    def clusters(self) -> Hashes | None:
        """Hash of what each row belongs to, None where each stands for itself."""
        return None if self.texts is None else hash_texts(self.texts.clusters)

    @property
    def titles(self) -> Sequence[str]:
        """The texts, empty for vectors."""
        return () if self.texts is None else self.texts.texts

    def made(self, parts: SpaceParts, setup: SplitOptions) -> FitContext:
        """How fits are made."""
        what = "rows" if self.texts is None else f"rows of {self.texts.name}"
        return FitContext(setup.normalize, f"{parts.moments[ALL].n:,} {what}, one half of all", self.origins)


def space_judge(
    request: Request,
    setup: SplitOptions,
    probe: bool,
    provenance: Provenance,
    progress: Progress,
    encoder: ModelOptions,
) -> tuple[Judge, RecordContext]:
    """The judge of classes, of scored pairs, or of nothing but vectors."""
    if request.modalities:
        raise InputError("kinds are for pairs; one space has one kind")
    scored, named = request.similarity_scores, request.texts
    found = None if scored is None else scored_set(scored, encoder.data)
    if found is not None:
        if named is not None:
            raise InputError(f"--scores {scored} brings its own texts; leave out --texts {named}")
        named, scored = found
    space = opened_space(request.source, named, encoder, provenance, progress)
    judge: SpaceJudge
    if request.labels is not None:
        judge = _labelled(space, labels_of(request.labels, provenance), setup, probe)
    elif scored is not None:
        if isinstance(scored, str | Path):
            provenance.data[str(scored)] = file_facts(Path(scored)) if Path(scored).is_file() else {}
        judge = _scored(space, read_rows(scored, 3, None, "scored pairs"), setup)
    else:
        parts = _parts(space, setup, space.clusters)
        judge = GeometryJudge(parts, space.made(parts, setup), setup.seed)
    return cast(Judge, judge), RecordContext(space.name, space.space, judge.parts.dim, judge.made.fitted_on)


def opened_space(
    source: Any, named_texts: Any, encoder: ModelOptions, provenance: Provenance, progress: Progress
) -> Space:
    """Vectors of an array or a file as they are, or of ``named_texts`` in one space of a model.

    Raises
    ------
    InputError
        if a model comes without texts, or vectors with them.
    """
    named = isinstance(source, str | Path)
    vectors = not named or is_file(source)
    if vectors and (named_texts is not None or encoder.layers or encoder.pooling):
        raise InputError(f"{name_of(source, 'the array')} holds vectors already: leave out texts, layers, pooling")
    if vectors:
        origins = file_origins({SINGLE: source}, provenance)
        return Space(name_of(source, "array"), SINGLE, space_blocks(source), origins)
    if named_texts is None:
        raise InputError(
            f"'{source}' is no file of vectors (.npy, .npz::key, .safetensors::name, .parquet::column); if it is a "
            "model, name texts with --texts DATASET or --texts FILE (one text a line), or --queries, --corpus and --qrels"
        )
    texts = texts_of(named_texts, encoder.data, provenance)
    space, (x,) = encode(str(source), [texts], encoder, provenance, progress)
    blocks = (x[lo : lo + _BLOCK] for lo in range(0, len(x), _BLOCK))
    return Space(str(source), space, blocks, {SINGLE: model_origin(str(source), provenance)}, texts)


def _parts(space: Space, setup: SplitOptions, clusters: Hashes | None, groups: Any = None) -> SpaceParts:
    return space_parts(
        space.blocks,
        normalize=setup.normalize,
        max_eval_rows=setup.max_eval_rows,
        seed=setup.seed,
        clusters=clusters,
        groups=groups,
    )


def _labelled(space: Space, labels: Sequence[str], setup: SplitOptions, probe: bool) -> LabelJudge:
    clusters = space.clusters
    if clusters is not None and len(clusters) != len(labels):
        raise InputError(f"there are {len(labels)} labels for {len(clusters)} texts of {space.name}; wanted one a text")
    names, found = np.unique(labels, return_inverse=True)
    label, known = found.astype(np.intp), known_half(len(names), setup.seed)
    clusters = hash_rows(0, len(label)) if clusters is None else clusters
    parts = _parts(space, setup, clusters, {"known": known[label]})
    return LabelJudge(parts, space.made(parts, setup), setup.seed, label, known, probe, titles=space.titles)


def _scored(space: Space, rows: np.ndarray[Any, Any], setup: SplitOptions) -> ScoredJudge:
    """The rows are held once, as their number must be known before they are put into parts."""
    held = list(space.blocks)
    left, right, n = rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp), sum(len(b) for b in held)
    if max(left.max(), right.max()) >= n:
        raise InputError(f"scored pairs name row {max(left.max(), right.max())}, the source has {n} rows, from 0")
    first = _first(space, n)
    clusters, note = pair_clusters(n, first[left], first[right])
    whole = Space(space.name, space.space, iter(held), space.origins, space.texts)
    parts = _parts(whole, setup, clusters[first])
    gold, more = np.ascontiguousarray(rows[:, 2]), (note,) if note else ()
    made = space.made(parts, setup)
    return ScoredJudge(parts, made, setup.seed, left, right, gold, more=more, titles=space.titles)


def _first(space: Space, n: int) -> Index:
    """For each of ``n`` rows the first one with the same text: what is equal is one thing to all parts."""
    if space.texts is None:
        return np.arange(n)
    _, first, place = np.unique(hash_texts(space.texts.texts), return_index=True, return_inverse=True)
    return np.asarray(first[place], dtype=np.intp)
