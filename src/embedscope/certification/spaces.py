"""Rows of one space that a change is made of: an array, a file of vectors, or texts that a model encodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from embedscope.certification.evidence import Evidence, Known, declared_units, find_evidence, first_links
from embedscope.certification.fitting import FitContext
from embedscope.certification.judges.base import SplitOptions
from embedscope.certification.origins import check_shared, file_origins, model_origin, name_of
from embedscope.certification.space_rows import ALL, Matrix, SpaceParts, is_file, space_stream
from embedscope.certification.surveys import Surveyed, survey_spaces
from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows, hash_texts
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.sources.images import Images
from embedscope.sources.options import ModelOptions
from embedscope.sources.row_blocks import row_blocks
from embedscope.sources.texts import Texts, encode_noted, material_of, own_words
from embedscope.stats.equal_rows import equal_texts
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
    notes : what must be known of how rows are compared
    """

    name: str
    space: str
    stream: Stream
    origins: Mapping[str, Origin]
    encoded: Texts | Images | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def survey(self) -> Surveyed:
        """What the first pass over the rows finds."""
        return survey_spaces(self.stream, list(self.stream.dims))

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
    encoded = encoded or own_words(str(source), encoder, provenance, progress)
    if encoded is None:
        raise InputError(
            f"'{source}' is not a file of vectors (.npy, .npz::key, .safetensors::name, .parquet::column); if it is a "
            "model, name texts with --texts DATASET or --texts FILE (one text per line), images with --images FOLDER, "
            "or give --queries, --corpus and --qrels"
        )
    read = encode_noted(str(source), [encoded], encoder, provenance, progress)
    origins = {SINGLE: model_origin(str(source), provenance)}
    return Space(str(source), read.space, space_stream(read.sides[0]), origins, encoded, read.notes)


def space_evidence(space: Space, groups: Any, *, classes: Index | None = None, by_text: bool = True) -> Evidence:
    """Units of the rows; ``by_text`` keeps texts of one document together."""
    (survey,) = space.survey.surveys
    n, encoded = survey.n, space.encoded
    if classes is not None and len(classes) != n:
        header = " (is the first a header?)" if len(classes) == n + 1 and (classes == classes[0]).sum() == 1 else ""
        raise InputError(
            f"there are {len(classes):,} labels for {n:,} rows of {space.name}{header}; wanted one per row"
        )
    if classes is not None:
        check_shared(classes)
    base = hash_rows(0, n) if encoded is None or not by_text else hash_texts(encoded.clusters)
    declared = None if groups is None else declared_units(groups, n, n, "rows")
    equal = () if encoded is None else [first_links(equal_texts(encoded.keys))]
    named = "equal images" if isinstance(encoded, Images) else EQUAL_TEXTS
    return find_evidence([survey], Known(base, equal, declared, classes=classes, named=named))
