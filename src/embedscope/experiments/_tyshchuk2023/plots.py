"""Histograms of cosines, clouds in the plane of two singular vectors, singular value curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Figure, Points, Scatter, Series

BINS = 30
NARROW = 1e-3
"""Range of cosines below which a histogram is widened by as much on either side."""
LONGEST = 128
"""Singular values that a curve shows."""
SHOWN = 600
"""Points per group that a figure shows; more would hide one another."""


def cosine_histogram(name: str, title: str, matching: Floats, others: Floats, caption: str) -> Figure:
    """Densities of the cosines of matching and of random pairs (Figures 9 to 11)."""
    low, high = min(matching.min(), others.min()), max(matching.max(), others.max())
    spare = NARROW if high - low < NARROW else 0.0  # equal cosines have no range to divide
    edges = np.linspace(low - spare, high + spare, BINS + 1)
    middle = tuple(float(round(v, 6)) for v in (edges[:-1] + edges[1:]) / 2)
    densities = [
        tuple(float(round(v, 6)) for v in np.histogram(values, edges, density=True)[0]) for values in (matching, others)
    ]
    series = (
        Series("matching pairs", middle, densities[0]),
        Series("random pairs", middle, densities[1]),
    )
    return Figure(f"cosines-{name}", title, "cosine", "density", series, caption, section="Cosines of pairs")


def plane_of(rows: Floats) -> tuple[Floats, Floats]:
    """First two right singular vectors (d, 2) of the uncentred ``rows`` (n, d), and all singular values.

    From the eigenvectors of X'X, d by d, which is exact enough for a figure. The sign of a vector is such that the
    mean of the rows has positive coordinates.
    """
    squares, vectors = np.linalg.eigh(rows.T @ rows)
    values = np.sqrt(np.maximum(squares[::-1], 0.0))[: min(rows.shape)]
    plane = vectors[:, ::-1][:, :2]
    signs = np.where(rows.mean(axis=0) @ plane < 0, -1.0, 1.0)
    return np.asarray(plane * signs), np.asarray(values)


def cloud(name: str, title: str, groups: Mapping[str, Floats], caption: str, section: str) -> Scatter:
    """Rows of all groups on the first two right singular vectors of them together, with the origin drawn.

    At most ``SHOWN`` rows of a group are drawn, evenly spaced; all take part in the decomposition.
    """
    plane, _ = plane_of(np.concatenate(list(groups.values())))
    points = []
    for label, rows in groups.items():
        shown = rows[:: max(1, -(-len(rows) // SHOWN))] @ plane
        points.append(Points(label, _coordinates(shown[:, 0]), _coordinates(shown[:, 1])))
    return Scatter(
        f"svd-{name}",
        title,
        "first singular vector",
        "second singular vector",
        tuple(points),
        caption=caption,
        section=section,
    )


def singular_values(title: str, groups: Mapping[str, Floats], baselines: Sequence[str] = ()) -> Figure:
    """Singular values of each group over their sum, largest first; flat is isotropic, a peak in front is a cone."""
    series = []
    for label, rows in groups.items():
        values = np.sqrt(np.maximum(np.linalg.eigvalsh(rows.T @ rows)[::-1], 0.0))[: min(rows.shape)]
        kept = np.unique(np.round(np.geomspace(1, min(len(values), LONGEST), 60)).astype(int))
        share = values / values.sum()
        series.append(
            Series(
                label,
                tuple(float(k) for k in kept),
                tuple(float(share[k - 1]) for k in kept),
                kind="baseline" if label in baselines else "measured",
            )
        )
    return Figure(
        f"singular-{title.lower().replace(' ', '-')}",
        title,
        "number of the singular value",
        "share of the sum of singular values",
        tuple(series),
        "Singular values of the uncentred unit rows. A first value far above the rest indicates a cone.",
        section="Singular values",
    )


def map_scatter(
    name: str,
    title: str,
    positions: Floats,
    kinds: Mapping[str, slice],
    thumbnails_of: Mapping[str, Sequence[str]],
    names: Mapping[str, Sequence[str]],
    caption: str,
) -> Scatter:
    """A map (t-SNE, UMAP) with thumbnails as marks; the axes have no meaning, so no origin is drawn."""
    points = [
        Points(
            kind,
            _coordinates(positions[part, 0]),
            _coordinates(positions[part, 1]),
            tuple(names.get(kind, ())),
            tuple(thumbnails_of.get(kind, ())),
        )
        for kind, part in kinds.items()
    ]
    return Scatter(name, title, "", "", tuple(points), caption=caption, section="Maps", origin=False)


def _coordinates(values: Floats) -> tuple[float, ...]:
    return tuple(float(f"{v:.5g}") for v in values)
