"""``embedscope.explore``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.api._inputs import comma, cost_options, labels_of, progress_of, source_of
from embedscope.api._keywords import public
from embedscope.core.choices import Dtype, MapKind
from embedscope.core.progress import Progress, Silent
from embedscope.explorer.table import Exploration


@dataclass(frozen=True)
class Explored:
    """A space to look at.

    Attributes
    ----------
    exploration : rows, facts, maps and findings
    """

    exploration: Exploration

    @property
    def findings(self) -> dict[str, int]:
        """How many rows each finding selects, by the name of its rule; 0 where it is about the whole space."""
        held = self.exploration.columns()
        return {s.id: s.count(held) for s in self.exploration.findings.selections}

    def serve(self, port: int = 0) -> None:
        """Show the page in a browser until Ctrl-C; 0 takes a free port. Needs the extra ``explore``."""
        import webbrowser

        from embedscope.explorer.serving import check_atlas, serve

        check_atlas()
        serve(self.exploration, port, Silent(), webbrowser.open)

    def export(self, folder: str | Path) -> Path:
        """Write the page as static files into a new folder. Needs the extra ``explore``."""
        from embedscope.explorer.serving import check_atlas, export

        check_atlas()
        return export(self.exploration, folder, Silent())

    def projector(self, folder: str | Path) -> Path:
        """Write files for the TensorBoard Embedding Projector into a new folder."""
        from embedscope.explorer.projector import write_projector

        return write_projector(self.exploration, folder, Silent())


@public
def explore(  # noqa: PLR0913
    source: Any,
    *,
    texts: str | Path | Sequence[str] | None = None,
    images: str | Path | None = None,
    labels: Any = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    repair: Any = None,
    kind: str | None = None,
    map_kind: MapKind = "pca",
    max_rows: int | None = None,
    query_model: str | None = None,
    layers: str | Iterable[str | int] | None = None,
    pooling: str | None = None,
    device: str = "auto",
    dtype: Dtype = "float32",
    trust_remote_code: bool = False,
    cache: bool = True,
    yes: bool = False,
    data: str | Path | None = None,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Explored:
    """A map of a space with facts of every row, and findings that select their rows, to serve or to export.

    Parameters
    ----------
    source : vectors or a model, or several names of one dimension, as of :func:`embedscope.measure`
    texts : of a model what it encodes; of vectors the text of each row
    images : folder of images: what a model encodes, or that of each row of a file, in the order of their paths
    labels : class of each row
    columns : other columns of vectors that you hold, {name: n values}
    repair, kind : a repair, and the role of these vectors in it: adds the space after it
    map_kind : ``pca``, or ``umap`` with umap-learn
    max_rows : rows drawn, a sample by hash; 100,000 where None, 0 for all
    query_model : model that made the vectors of a file, to embed what is typed into the page
    layers, pooling, device, dtype, trust_remote_code, cache, yes, data : for models, as of ``measure``
    seed : of samples and of UMAP
    progress : True shows bars on standard error

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(60, 4))
    >>> x[:3] = x[0]
    >>> explore(x, texts=[f"row {i}" for i in range(60)]).findings["copies"]
    3
    """
    from embedscope.explorer.explore import explore as explored

    model: dict[str, Any] = {"layers": comma(layers), "pooling": pooling, "device": device, "dtype": dtype}
    model |= {"trust_remote_code": trust_remote_code, "cache": cache, "data": data, "seed": seed}
    model |= cost_options(yes)
    return Explored(
        explored(
            source_of(source),
            texts=texts,
            images=images,
            labels=labels_of(labels, "labels"),
            columns=columns,
            repair=getattr(repair, "repair", repair),
            kind=kind,
            map_kind=map_kind,
            max_rows=max_rows,
            query_model=query_model,
            progress=progress_of(progress),
            **{name: value for name, value in model.items() if value is not None},
        )
    )
