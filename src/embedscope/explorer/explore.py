"""From sources to what is shown of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.choices import MapKind
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.explorer.facts import row_facts
from embedscope.explorer.findings import findings
from embedscope.explorer.maps import plane
from embedscope.explorer.rows import held_rows, open_rows
from embedscope.explorer.table import Exploration
from embedscope.sources.options import ModelOptions
from embedscope.transforms.repair import Repair

_MAPS = 8
"""Spaces that are drawn side by side."""


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
    progress: Progress | None = None,
    **model: Any,
) -> Exploration:
    """Rows of ``sources`` with a map, facts of each row, and findings that select rows.

    Parameters
    ----------
    sources : files of vectors, or models with ``texts`` or ``images``; several of one dimension share the map. Or
        vectors (n, d), with ``columns`` of n values each
    texts, images, labels, max_rows : as of :func:`embedscope.explorer.rows.open_rows`
    repair, kind : a saved repair, and the role of these vectors in it: adds the map and the hubs after it
    map_kind : ``pca``, or ``umap`` with umap-learn
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
        rows = held_rows(sources, texts, labels, columns, max_rows, options.seed)  # type: ignore[arg-type]
    if len(rows.spaces) > _MAPS:
        raise InputError(
            f"{len(rows.spaces)} spaces are too many for one page (at most {_MAPS}); name some, as in --layers 0,final"
        )
    facts = row_facts(rows.x, progress)
    maps = {f"{space} ({map_kind})": plane(x, map_kind, options.seed, progress) for space, x in rows.spaces.items()}
    after: np.ndarray[Any, Any] | None = None
    notes: tuple[str, ...] = ()
    if loaded_repair is not None:
        changed = np.asarray(loaded_repair.transform(rows.x, kind))
        after = row_facts(changed, progress).hub_count
        maps[f"after {loaded_repair.header.candidate} ({map_kind})"] = plane(changed, map_kind, options.seed, progress)
        notes = (f"hub_count_after is that after the repair {loaded_repair.header.candidate}.",)
    selections = findings(rows.x, facts, options.seed, progress)
    return Exploration(rows, facts, maps, selections, after, notes)
