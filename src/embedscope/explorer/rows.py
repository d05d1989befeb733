"""The rows that are looked at: vectors with the texts, images, ids and columns that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.arrays import as_matrix, to_numpy
from embedscope.core.batch import Stream
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_rows, hash_sample
from embedscope.core.images import Image
from embedscope.core.progress import Progress
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Index
from embedscope.explorer.typed_queries import QueryEncoder, image_query_encoder, space_label, text_query_encoder
from embedscope.readers import describe_stream, find_vectors, ids_of, other_columns, texts_of
from embedscope.sources.images import FolderImage, images_in
from embedscope.sources.models import (
    encode_texts,
    extract_images,
    image_vector,
    open_image_model,
)
from embedscope.sources.open import is_file
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import texts_of as named_texts

Matrix = npt.NDArray[Any]

MAX_ROWS = 100_000
"""Rows that are drawn where no number is given; of more a sample is drawn by hash, and said."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows with what is known of them; every sequence has one entry a row.

    Attributes
    ----------
    spaces : name -> (n, d) vectors; the first one decides neighbours and findings
    ids : the file's own, else the number of the row
    sources : name of the source
    texts, images : None where there are none
    columns : other columns of the file, and ``class`` and ``kind`` where known
    total : rows that there were before the sample
    query_encoder : the model that typed queries are embedded with; None where it is not known
    """

    spaces: Mapping[str, Matrix]
    ids: tuple[str, ...]
    sources: tuple[str, ...]
    texts: tuple[str, ...] | None = None
    images: tuple[Image | None, ...] | None = None
    columns: Mapping[str, tuple[Any, ...]] | None = None
    total: int = 0
    query_encoder: QueryEncoder | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def x(self) -> Matrix:
        """Vectors (n, d) of the first space."""
        return next(iter(self.spaces.values()))

    @property
    def space(self) -> str:
        """Name of the first space."""
        return next(iter(self.spaces))

    def first(self, space: str) -> Rows:
        """The same rows, with ``space`` before the others."""
        return replace(self, spaces={space: self.spaces[space], **self.spaces})


def open_rows(
    names: Sequence[str],
    *,
    texts: Any,
    images: str | Path | None,
    labels: str | Path | Sequence[str] | None,
    max_rows: int | None,
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress,
) -> Rows:
    """Rows of all sources ``names`` one after the other.

    Parameters
    ----------
    texts : of a model what it encodes; of vectors the text of each row, one per line
    images : folder of images, flat or ``class/*.jpg``: what a model encodes, or in the order of their paths the image
        of each row of vectors
    labels : class of each row of one source, one per line
    max_rows : rows of each source; None is 100,000 over all sources, 0 takes all

    Raises
    ------
    InputError
        if sources of different dimensions are named, or texts, images or labels are not as many as rows.
    """
    if not names:
        raise InputError("nothing to explore: name a SOURCE, such as vectors.npy, or a model with --texts")
    if labels is not None and len(names) > 1:
        raise InputError("--labels has one class per row of one SOURCE; leave it out, or explore one source")
    if all(map(is_file, names)):
        options.refuse_for_vectors(names[0])
    most = MAX_ROWS // len(names) if max_rows is None else max_rows
    pictures = None if images is None else images_in(images)
    parts = []
    for name in names:
        if is_file(name):
            part = _of_file(name, texts, pictures, labels, most, options, provenance, progress)
        else:
            part = _of_model(name, texts, pictures, labels, most, options, provenance, progress)
        if len(part) < part.total:
            progress.note(f"{name}: {len(part):,} of {part.total:,} rows are drawn, a sample by hash; --max-rows N")
        parts.append(part)
    return parts[0] if len(parts) == 1 else _concat(parts, names)


def held_rows(
    x: Matrix,
    texts: Sequence[str] | None,
    labels: Sequence[str] | None,
    columns: Mapping[str, Sequence[Any]] | None,
    max_rows: int | None,
    seed: int,
) -> Rows:
    """Rows of vectors (n, d) that the caller holds, with their texts, labels and other columns, each of n values.

    Raises
    ------
    InputError
        if ``x`` is not a finite matrix, or something is not as long as it.
    """
    rows = to_numpy(as_matrix(x, "vectors"))
    if not np.isfinite(rows).all():
        raise InputError(f"vectors have {int((~np.isfinite(rows).all(axis=1)).sum()):,} rows that are not finite")
    total = len(rows)
    chosen = hash_sample(hash_rows(0, total), MAX_ROWS if max_rows is None else max_rows, seed)
    named = {**(columns or {}), **({} if labels is None else {"class": labels})}
    for name, values in {**named, **({} if texts is None else {"texts": texts})}.items():
        _check_count(name, len(values), total, "vectors")
    return Rows(
        {"vectors": rows[chosen].astype(np.float32)},
        tuple(map(str, chosen)),
        ("vectors",) * len(chosen),
        None if texts is None else _take(list(texts), chosen),
        None,
        {name: _take(list(values), chosen) for name, values in named.items()},
        total,
    )


def _of_file(
    name: str,
    texts: Any,
    pictures: list[FolderImage] | None,
    labels: Any,
    most: int,
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress,
) -> Rows:
    stream = find_vectors(name).stream
    progress.note(f"{name}: {describe_stream(stream)}")
    total = _count(stream)
    chosen = hash_sample(hash_rows(0, total), most, options.seed)
    progress.start(f"read {name}", len(chosen), "rows")
    spaces = _vectors(stream, chosen, total)
    progress.close()

    def of_rows(values: Iterable[Any]) -> tuple[Any, ...]:
        return _take(values, chosen)

    columns: dict[str, tuple[Any, ...]] = {c: of_rows(strings) for c, strings in other_columns(stream).items()}
    if texts is not None:
        lines = named_texts(texts, options.data, provenance).texts
        _check_count("--texts", len(lines), total, name)
        rows_texts: tuple[str, ...] | None = of_rows(lines)
    else:
        own = texts_of(stream)
        rows_texts = None if own is None else of_rows(own)
    if pictures is not None:
        _check_count("--images", len(pictures), total, name)
    ids = ids_of(stream)
    if labels is not None:
        columns["class"] = of_rows(_labels(labels, total, name))
    elif pictures is not None and "class" not in columns:
        columns |= _folder_classes(of_rows(pictures))
    return Rows(
        spaces,
        tuple(map(str, chosen)) if ids is None else of_rows(ids),
        (name,) * len(chosen),
        rows_texts,
        None if pictures is None else of_rows(pictures),
        columns,
        total,
    )


def _of_model(
    uri: str,
    texts: Any,
    pictures: list[FolderImage] | None,
    labels: Any,
    most: int,
    options: ModelOptions,
    provenance: Provenance,
    progress: Progress,
) -> Rows:
    if texts is None and pictures is None:
        raise InputError(
            f"{uri} is no file, and as a model it needs something to encode: add --texts FILE with one text per line "
            "(or a data set), or --images FOLDER"
        )
    parts = []
    if texts is not None:
        named = named_texts(texts, options.data, provenance)
        chosen = hash_sample(hash_rows(0, len(named.texts)), most, options.seed)
        lines = _take(named.texts, chosen)
        vectors, infos = encode_texts(uri, lines, options, provenance, progress)
        spaces = {space_label(s): (s.pooling, s.space) for s in infos}
        matrices = {key: np.asarray(vectors.matrix(*place, lines), dtype=np.float32) for key, place in spaces.items()}
        parts.append(
            _drop_unknown(
                Rows(
                    matrices,
                    tuple(map(str, chosen)),
                    (uri,) * len(lines),
                    lines,
                    total=len(named.texts),
                    query_encoder=text_query_encoder(uri, options, vectors, infos),
                )
            )
        )
    if pictures is not None:
        chosen = hash_sample(hash_rows(0, len(pictures)), most, options.seed)
        shown = _take(pictures, chosen)
        encoder = open_image_model(uri, options, provenance, progress)
        encoded = extract_images(encoder, shown, options, progress)
        space = image_vector(encoder.spaces)
        names = tuple(image.name for image in shown)
        matrices = {space: encoded.matrix(space)}
        query_encoder = image_query_encoder(uri, encoder, options)
        parts.append(
            Rows(
                matrices, names, (uri,) * len(shown), None, shown, _folder_classes(shown), len(pictures), query_encoder
            )
        )
    rows = parts[0] if len(parts) == 1 else _concat(parts, ("text", "image"), "kind")
    if labels is None:
        return rows
    if len(rows) < rows.total:
        raise InputError("--labels needs every row: raise --max-rows, or leave --labels out")
    return replace(rows, columns={**(rows.columns or {}), "class": tuple(_labels(labels, len(rows), uri))})


def _drop_unknown(rows: Rows) -> Rows:
    """Rows without the texts that the model does not know."""
    keep = np.flatnonzero(np.isfinite(rows.x).all(axis=1))
    if not len(keep):
        raise InputError(
            f"{rows.sources[0]} has a vector for none of the {len(rows):,} texts; are they of its language?"
        )
    return replace(
        rows,
        spaces={name: x[keep] for name, x in rows.spaces.items()},
        ids=_take(rows.ids, keep),
        sources=_take(rows.sources, keep),
        texts=None if rows.texts is None else _take(rows.texts, keep),
    )


def _concat(parts: Sequence[Rows], names: Sequence[str], column: str = "source") -> Rows:
    """Rows of several parts on one map; ``column`` says which part a row is of."""
    dims = {name: part.x.shape[1] for name, part in zip(names, parts, strict=True)}
    if len(set(dims.values())) > 1:
        said = ", ".join(f"{name} has {dim}" for name, dim in dims.items())
        raise InputError(f"one map needs vectors of one dimension: {said}; explore them one after the other")
    known = list(dict.fromkeys(c for part in parts for c in part.columns or {}))
    columns: dict[str, tuple[Any, ...]] = {
        c: tuple(v for part in parts for v in (part.columns or {}).get(c, (None,) * len(part))) for c in known
    }
    columns[column] = tuple(name for name, part in zip(names, parts, strict=True) for _ in range(len(part)))

    def together(values: Sequence[Sequence[Any] | None], empty: Any) -> tuple[Any, ...] | None:
        if all(v is None for v in values):
            return None
        return tuple(e for part, v in zip(parts, values, strict=True) for e in (v or (empty,) * len(part)))

    first = next(iter(parts[0].spaces))
    return Rows(
        {first: np.concatenate([part.x for part in parts])},
        tuple(i for part in parts for i in part.ids),
        tuple(s for part in parts for s in part.sources),
        together([part.texts for part in parts], ""),
        together([part.images for part in parts], None),
        columns,
        sum(part.total for part in parts),
        parts[-1].query_encoder if column == "kind" else None,
    )


def _count(stream: Stream) -> int:
    if stream.n_rows is not None:
        return stream.n_rows
    return sum(len(batch.ids) for shard in stream.shards() for batch in shard.batches())


def _vectors(stream: Stream, chosen: Index, total: int) -> dict[str, Matrix]:
    """The rows number ``chosen`` (ascending) of every space, float32."""
    parts: dict[str, list[Matrix]] = {space: [] for space in stream.dims}
    start = 0
    for shard in stream.shards():
        for batch in shard.batches():
            a, b = np.searchsorted(chosen, (start, start + len(batch.ids)))
            for space, x in batch.spaces.items():
                parts[space].append(to_numpy(x)[chosen[a:b] - start].astype(np.float32))
            start += len(batch.ids)
    if start != total:
        raise InputError(f"{total:,} rows were expected and {start:,} came; write the file again")
    return {space: np.concatenate(blocks) for space, blocks in parts.items()}


def _take(values: Iterable[Any], chosen: Index) -> tuple[Any, ...]:
    """The values number ``chosen`` (ascending), read one after the other."""
    if isinstance(values, Sequence):
        return tuple(values[i] for i in chosen)
    chosen_values, at, stream = [], 0, iter(values)
    for i in chosen.tolist():
        chosen_values.append(next(islice(stream, i - at, None)))
        at = i + 1
    return tuple(chosen_values)


def _labels(labels: Any, total: int, name: str) -> Sequence[str]:
    from embedscope.sources.labelled_vectors import read_names

    names = read_names(labels)
    _check_count("--labels", len(names), total, name)
    return names


def _check_count(option: str, count: int, total: int, name: str) -> None:
    if count != total:
        raise InputError(f"{option} has {count:,} entries and {name} {total:,} rows; wanted one a row, in their order")


def _folder_classes(images: Sequence[FolderImage]) -> dict[str, tuple[str, ...]]:
    """The class of each image where all of them lie in folders of classes."""
    folders = tuple(image.folder for image in images)
    return {"class": folders} if all(folders) else {}
