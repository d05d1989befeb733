"""From sources to what is shown of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.choices import MapKind
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.explorer.facts import row_facts
from embedscope.explorer.findings import findings
from embedscope.explorer.maps import Plane, plane
from embedscope.explorer.rows import Rows, held_rows, open_rows
from embedscope.explorer.table import Exploration
from embedscope.explorer.typed_queries import QueryEncoder, model_query_encoder
from embedscope.sources.labelled_vectors import read_names
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import texts_of
from embedscope.transforms.repair import Repair

_MAPS = 8
"""Spaces up to which all maps are drawn side by side."""

_PAGES = 40
"""Spaces that one can switch between."""


def explore(  # noqa: PLR0913
    sources: Any,
    *,
    texts: Any = None,
    images: str | Path | None = None,
    labels: str | Path | Sequence[str] | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    repair: str | Path | Repair | None = None,
    kind: str | None = None,
    map_kind: MapKind = "pca",
    max_rows: int | None = None,
    query_model: str | None = None,
    progress: Progress | None = None,
    **model: Any,
) -> Exploration:
    """Rows of ``sources`` with a map, facts of each row, and findings that select rows, in each of their spaces.

    Parameters
    ----------
    sources : files of vectors, or models with ``texts`` or ``images``; several of one dimension share the map. Or
        vectors (n, d), with ``columns`` of n values each
    texts, images, labels, max_rows : as of :func:`embedscope.explorer.rows.open_rows`
    repair, kind : a saved repair, and the role of these vectors in it: adds the map and the hubs after it
    map_kind : ``pca``, or ``umap`` with umap-learn
    query_model : model of texts that made the vectors of a file: what is typed in is embedded with it
    model : fields of :class:`ModelOptions`

    Raises
    ------
    InputError, MissingExtraError
    """
    progress = progress or Silent()
    options = ModelOptions.of(model)
    if kind is not None and repair is None:
        raise InputError(f"the kind '{kind}' is the role of the vectors in a repair, and none is given; leave it out")
    loaded_repair = repair if isinstance(repair, Repair) or repair is None else Repair.load(repair)
    if isinstance(sources, str | Path | list | tuple):
        if columns is not None:
            raise InputError("columns are for vectors that you hold; a table brings its own")
        rows = open_rows(
            [str(sources)] if isinstance(sources, str | Path) else [str(source) for source in sources],
            texts=texts,
            images=images,
            labels=labels,
            max_rows=max_rows,
            options=options,
            provenance=Provenance(),
            progress=progress,
        )
    else:
        if images is not None:
            raise InputError("images are for files and models; pass the vectors as a file")
        options.refuse_for_vectors("the array")
        lines = None if texts is None else texts_of(texts, options.data, Provenance()).texts
        classes = None if labels is None else read_names(labels)
        rows = held_rows(sources, lines, classes, columns, max_rows, options.seed)
    if len(rows.spaces) > _PAGES:
        raise InputError(
            f"{len(rows.spaces)} spaces are too many for one page (at most {_PAGES}); name some, as in --layers 0,final"
        )
    if query_model is not None:
        rows = replace(rows, query_encoder=_query_encoder(str(query_model), rows, options, progress))
    planes = {space: plane(x, map_kind, options.seed, progress) for space, x in rows.spaces.items()}
    pages = [_page(rows.first(space), planes, map_kind, options.seed, progress) for space in rows.spaces]
    shown = replace(pages[0], others=tuple(pages[1:]))
    return (
        shown
        if loaded_repair is None
        else _explore_repaired(shown, loaded_repair, kind, map_kind, options.seed, progress)
    )


def _page(rows: Rows, planes: Mapping[str, Plane], map_kind: MapKind, seed: int, progress: Progress) -> Exploration:
    """The page of the first space of ``rows``: its map, beside it those of the others where they are few."""
    facts = row_facts(rows.x, progress)
    shown = list(rows.spaces) if len(planes) <= _MAPS else [rows.space]
    maps = {f"{space} ({map_kind})": planes[space] for space in shown}
    return Exploration(rows, facts, maps, findings(rows.x, facts, seed, progress))


def _explore_repaired(
    shown: Exploration, repair: Repair, kind: str | None, map_kind: MapKind, seed: int, progress: Progress
) -> Exploration:
    """The page with the map and the hubs of its space after a repair."""
    changed = np.asarray(repair.transform(shown.rows.x, kind))
    maps = {**shown.maps, f"after {repair.header.candidate} ({map_kind})": plane(changed, map_kind, seed, progress)}
    note = f"hub_count_after is that after the repair {repair.header.candidate}."
    after = row_facts(changed, progress).hub_count
    return replace(shown, maps=maps, after=after, notes=(*shown.notes, note))


def _query_encoder(uri: str, rows: Rows, options: ModelOptions, progress: Progress) -> QueryEncoder:
    """The model ``uri`` as what typed queries are embedded with; its texts are queries to rows that are documents."""
    if rows.query_encoder is not None:
        raise InputError(
            f"{rows.query_encoder.model} encoded the rows and embeds typed queries; leave out --query-model {uri}"
        )
    query_encoder = model_query_encoder(uri, options, progress)
    dimensions = query_encoder.dimensions(rows.space)
    if dimensions != rows.x.shape[1]:
        raise InputError(
            f"--query-model {uri} gives {dimensions} dimensions, the rows have {rows.x.shape[1]}; name the model that "
            "made them"
        )
    return query_encoder
