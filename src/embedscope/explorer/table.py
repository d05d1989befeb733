"""The table behind the page: one row a point, one column a fact; and the charts that stand beside the map."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.images import Image
from embedscope.core.progress import Progress
from embedscope.explorer.facts import RowFacts
from embedscope.explorer.findings import HIDDEN, Findings, as_markdown
from embedscope.explorer.rows import Rows

SIDE = 96
"""Pixels of the longer side of a thumbnail."""

NEAREST = 10
"""Rows that a typed query finds."""

_CLASSES = 60
"""Different values up to which a column is coloured and counted as a category."""

Positions = Mapping[str, np.ndarray[Any, Any]]
"""Title of a map -> positions (n, 2)."""


@dataclass(frozen=True, eq=False)
class Exploration:
    """What is shown: rows, their facts and positions, and findings that select rows.

    Attributes
    ----------
    maps : title -> positions (n, 2), the first one drawn first
    after : how often each row is found by others after a repair; None without one
    findings : those that select rows, worst first, and the two populations that there may be
    notes : what was sampled and left out
    others : the same rows in the other spaces, in their order
    """

    rows: Rows
    facts: RowFacts
    maps: Positions
    findings: Findings
    after: np.ndarray[Any, Any] | None = None
    notes: tuple[str, ...] = ()
    others: tuple[Exploration, ...] = ()

    @property
    def pages(self) -> tuple[Exploration, ...]:
        """One for each space, this one first."""
        return (self, *self.others)

    def nearest(self, query: str, k: int = NEAREST) -> list[tuple[int, float]]:
        """The ``k`` rows nearest to a typed ``query`` by cosine in the space of this page, and their cosines.

        Raises
        ------
        InputError
            if the model of the rows is not known, or gives the query no vector of their dimension.
        """
        if self.rows.query_encoder is None:
            raise InputError("the model of these vectors is not known; name it with --query-model to type queries")
        asked, x = self.rows.query_encoder.vector(query, self.rows.space), self.rows.x
        if len(asked) != x.shape[1]:
            raise InputError(
                f"{self.rows.query_encoder.model} gives {len(asked)} dimensions and the rows have {x.shape[1]}; name "
                "the model that made them with --query-model"
            )
        scale = np.linalg.norm(asked) * self.facts.norm
        cosines = np.divide(x @ asked, scale, out=np.full(len(x), -1.0), where=scale > 0)
        first = np.argsort(-cosines, kind="stable")[:k]
        return [(int(i), float(cosines[i])) for i in first]

    def columns(self) -> dict[str, Any]:
        """Columns of the page without texts, images and neighbours, each of n values."""
        rows, facts = self.rows, self.facts
        out: dict[str, Any] = {"id": list(rows.ids)}
        for i, positions in enumerate(self.maps.values()):
            out |= {f"x{i or ''}": positions[:, 0], f"y{i or ''}": positions[:, 1]}
        for name, values in (rows.columns or {}).items():
            out[name if name not in _OWN else f"{name} (of the file)"] = list(values)
        if self.findings.population is not None:
            out["population"] = list(self.findings.population)
        out |= {f"{HIDDEN}{rule}": rows_of for rule, rows_of in self.findings.members.items()}
        out |= {
            "duplicate_group": facts.duplicate_group,
            "hub_count": facts.hub_count,
            "outlier": np.where(facts.outlier, "yes", "no"),
            "outlier_score": facts.outlier_score.round(4),
            "nearest_cosine": 1 - facts.distances[:, 0],
            "cosine_to_mean": facts.cosine_to_mean,
            "norm": facts.norm,
        }
        if self.after is not None:
            out["hub_count_after"] = self.after
        return out

    def frame(self, progress: Progress) -> Any:
        """All columns as the DataFrame that embedding-atlas takes; thumbnails are made here."""
        import pandas

        out = self.columns()
        if self.rows.texts is not None:
            out["text"] = list(self.rows.texts)
        if self.rows.images is not None:
            out["image"] = thumbnails(self.rows.images, progress)
        near = zip(self.facts.neighbours.tolist(), self.facts.distances.tolist(), strict=True)
        out["__neighbors"] = [{"ids": ids, "distances": distances} for ids, distances in near]
        out["__row_index__"] = np.arange(len(self.rows))
        return pandas.DataFrame(out)

    def describe_row(self, row: int) -> dict[str, Any]:
        """Id, text and thumbnail of one row."""
        texts, images = self.rows.texts, self.rows.images
        image = None if images is None else images[row]
        return {
            "id": self.rows.ids[row],
            "text": None if texts is None else texts[row],
            "image": None if image is None else _data_address(image),
        }

    def props(self, asked: dict[str, list[int]] | None = None) -> dict[str, Any]:
        """What embedding-atlas needs to know of the columns, and the charts that it opens with.

        ``asked`` are typed queries and the rows nearest to them, which are offered as selections.
        """
        data: dict[str, Any] = {"id": "__row_index__", "projection": {"x": "x", "y": "y"}, "neighbors": "__neighbors"}
        data |= {"text": "text"} if self.rows.texts is not None else {}
        data |= {"image": "image"} if self.rows.images is not None else {}
        charts = self._charts(data, asked or {})
        layout = {"type": "list", "name": "embedscope", "chartIds": list(charts), "showTable": True, "showCharts": True}
        state = {"charts": charts, "layouts": {"1": layout}, "currentLayout": "1"}
        return {"data": data, "initialState": state}

    def _charts(self, data: Mapping[str, Any], asked: dict[str, list[int]]) -> dict[str, Any]:
        shown = {key: data[key] for key in ("text", "image", "neighbors") if key in data}
        colour = self._colour()
        charts: list[dict[str, Any]] = [
            {
                "type": "embedding",
                "title": title,
                "data": {"x": f"x{i or ''}", "y": f"y{i or ''}", "category": colour, **shown},
            }
            for i, title in enumerate(self.maps)
        ]
        held = self.columns()
        items = [
            {"name": f'nearest to "{query}" ({len(rows):,} rows)', "predicate": f"__row_index__ IN {(*rows, -1)}"}
            for query, rows in reversed(asked.items())
        ]
        items += [
            {"name": f"{s.id}: {s.which} ({s.count(held):,} rows)", "predicate": s.predicate}
            for s in self.findings.selections
            if s.predicate and s.count(held)
        ]
        charts.append({"type": "markdown", "title": "Findings", "content": self._words()})
        charts.append({"type": "predicates", "title": "Select the rows of a finding", "items": items})
        charts.append({"type": "instances", "title": "Rows"})
        for name, values in held.items():
            if name in {"id", "duplicate_group"} or name.startswith(HIDDEN) or name.rstrip("0123456789") in {"x", "y"}:
                continue
            if _is_category(values):
                charts.append({"type": "count-plot", "title": name, "data": {"field": name}})
            elif np.asarray(values).dtype.kind in "if":
                charts.append(_histogram(name))
        return {str(i + 1): chart for i, chart in enumerate(charts)}

    def _colour(self) -> str:
        """The column that the map is coloured by at first: what tells populations apart, else outliers."""
        held = dict(self.rows.columns or {})
        if self.findings.population is not None:
            held["population"] = tuple(self.findings.population)
        for name in ("source", "kind", "population", "class", "label", "language", "lang", "category"):
            if name in held and _is_category(held[name]):
                return name
        return "outlier"

    def _words(self) -> str:
        shown = f"{len(self.rows):,} rows" + (
            f", a sample of {self.rows.total:,}" if len(self.rows) < self.rows.total else ""
        )
        notes = "".join(f"\n- {note}" for note in self.notes)
        return (
            f"{as_markdown(self.findings.selections)}\n\n{shown}, {self.rows.x.shape[1]} dimensions. Neighbours, hubs "
            f"and duplicates are by cosine in all dimensions, not on the map.{notes}"
        )


_OWN = frozenset({
    "id", "x", "y", "text", "image", "duplicate_group", "hub_count", "outlier", "outlier_score", "nearest_cosine",
    "cosine_to_mean", "norm", "hub_count_after", "population",
})  # fmt: skip


def _is_category(values: Sequence[Any]) -> bool:
    held = np.asarray(values)
    return held.dtype.kind not in "f" and held.dtype.kind not in "i" and 1 < len({str(v) for v in values}) <= _CLASSES


def _histogram(name: str) -> dict[str, Any]:
    """Counts of a number, of all rows and of those selected."""
    encoding = {"x": {"field": name}, "y": {"aggregate": "count"}}
    return {
        "title": name,
        "layers": [
            {"mark": "bar", "style": {"fillColor": "$markColorFade"}, "encoding": encoding},
            {"mark": "bar", "filter": "$filter", "encoding": encoding},
        ],
        "selection": {"brush": {"encoding": "x"}},
        "widgets": [{"type": "scale.type", "channel": "x"}],
    }


def thumbnails(images: Sequence[Image | None], progress: Progress) -> list[str | None]:
    """Images as JPEG data addresses of at most 96 pixels a side; None where there is none."""
    progress.start("thumbnails", len(images), "images")
    out: list[str | None] = []
    for image in images:
        out.append(None if image is None else _data_address(image))
        progress.advance(1)
    progress.close()
    return out


def _data_address(image: Image) -> str:
    from embedscope.core.extras import require

    picture = require("PIL.Image", "images", "thumbnails").fromarray(image.pixels())
    picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
