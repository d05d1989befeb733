"""Isotropy of both clouds (item 2), and the clouds themselves (items 1, 3, 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Figure, Scatter, Series, Skipped
from embedscope.core.errors import InputError
from embedscope.core.images import Image
from embedscope.core.records import Record
from embedscope.core.thumbnails import thumbnails
from embedscope.experiments._tyshchuk2023.maps import tsne
from embedscope.experiments._tyshchuk2023.pairs import Sides, cosines, one_to_one
from embedscope.experiments._tyshchuk2023.plots import cloud, cosine_histogram, map_scatter, singular_values
from embedscope.experiments._tyshchuk2023.study_data import PairSet
from embedscope.experiments._tyshchuk2023.vectors import Vectors, unit
from embedscope.experiments._tyshchuk2023.views import View

ISOTROPY = ("i1", "i2", "i1:published", "i2:published", "self_similarity", "coordinate_std", "isoscore")
CHANGES = (None, "center", "whiten:128")
CLUSTERS = 10
LOCAL = f"center in {CLUSTERS} clusters"
"""Local isotropy: what is left when each cluster has its own mean taken off."""
DRAWN = 220
"""Images on a t-SNE map; more hide one another."""


def isotropy_records(vectors: Vectors, task: str, sides: Mapping[str, Floats] | None = None) -> Iterator[Record]:
    """I1 and I2 by definition and as published, and other numbers of isotropy, of each side: raw, centred, whitened.

    ``sides`` are unit rows in place of those of the pairs.

    Of a random initialisation also I1 and I2 of the rows as they come out of the model, without normalising: the
    article's row "random weights, biases zero" is impossible on unit rows.
    """
    from embedscope.geometry.measure import measure

    for transform in CHANGES:
        for space, rows in (vectors.sides if sides is None else sides).items():
            try:
                records = measure(
                    {space: rows}, metrics=ISOTROPY, rows="unit", transform=transform, name=vectors.source
                )
            except InputError:
                records = measure({space: rows}, metrics=("i1", "i2"), transform=None, name=vectors.source)
                reason = f"{transform} cannot be fitted here"
                for r in records:
                    yield replace(r, task=task, value=None, stderr=None, ci_low=None, ci_high=None, note=reason)
                continue
            yield from (replace(r, task=task) for r in records)
    for space, rows in (vectors.sides if sides is None else sides).items():
        local = centre_locally(rows, CLUSTERS)
        if local is not None:
            records = measure({space: local}, metrics=("i1", "i2", "self_similarity"), rows="unit", name=vectors.source)
            yield from (replace(r, task=task, transform=LOCAL, fitted_on="the same rows") for r in records)
    if vectors.source.startswith("random:"):
        for space, rows in (("text", vectors.texts), ("image", vectors.images)):
            records = measure({space: rows}, metrics=("i1:published", "i2:published"), rows="raw", name=vectors.source)
            yield from (replace(r, task=task) for r in records)


def centre_locally(rows: Floats, clusters: int, seed: int = 0) -> Floats | None:
    """Rows (n, d) less the mean of their k-means cluster, as Cai et al. 2021 look at isotropy inside clusters.

    None where there are fewer than 20 rows a cluster: a cluster's own mean leaves its rows no freedom then.
    """
    from sklearn.cluster import KMeans

    if len(rows) < 20 * clusters:
        return None
    label = KMeans(clusters, n_init=1, random_state=seed).fit(rows).labels_
    sums = np.zeros((clusters, rows.shape[1]))
    np.add.at(sums, label, rows)
    return np.asarray(rows - (sums / np.maximum(np.bincount(label, minlength=clusters), 1)[:, None])[label])


def spread_figure(model: str, sides: Sequence[tuple[str, Floats]]) -> Figure:
    """Standard deviations of the coordinates of ``model``, largest first: a few large ones are rogue dimensions."""
    series = []
    for label, rows in sides:
        values = np.sort(unit(rows).std(axis=0, ddof=1))[::-1]
        kept = np.unique(np.linspace(0, len(values) - 1, 60).astype(int))
        x = tuple(float(k / max(1, len(values) - 1)) for k in kept)
        series.append(Series(label, x, tuple(float(values[k]) for k in kept)))
    return Figure(
        "coordinate-std",
        f"{model}: standard deviation of the coordinates",
        "rank of the coordinate / number of dimensions",
        "standard deviation of unit rows",
        tuple(series),
        "Standard deviation of each coordinate over unit rows, in decreasing order. A flat line: all coordinates "
        "vary alike.",
        section="Singular values",
    )


def clouds(
    vectors: Vectors, pairs: PairSet, views: Sequence[View], skip: Callable[[Skipped], None]
) -> tuple[list[Figure], list[Scatter]]:
    """Figures 2 to 8, 12 and 13: each side raw, centred, whitened; both sides together before and after alignment.

    A side that cannot be whitened goes to ``skip`` with the reason.
    """
    texts, images = unit(vectors.texts), unit(vectors.images)
    used_t, used_i = texts[np.unique(pairs.fit[1])], images[np.unique(pairs.fit[0])]
    figures, scatters = [], []
    for space, rows in (("text", used_t), ("image", used_i)):
        changed = {"raw": rows, "centred": unit(rows - rows.mean(axis=0))}
        try:
            changed["whitened"] = unit(_whiten(rows))
        except InputError as error:
            skip(Skipped(f"whitened cloud of {vectors.label}, {space}", str(error)))
        scatters += [
            cloud(f"{space}-{how}", f"{vectors.label}: {space}, {how}", {space: x}, _CLOUD, "Clouds")
            for how, x in changed.items()
        ]
        figures.append(singular_values(f"{vectors.label} {space}", changed))
    for view in views:
        t, i = view(used_t, used_i)
        name = view.name or "as they are"
        scatters.append(
            cloud(f"joint-{name}", f"{vectors.label}: both sides, {name}", {"text": t, "image": i}, _JOINT, "Clouds")
        )
    return figures, scatters


def cone_clouds(vectors: Vectors, pairs: PairSet) -> list[Scatter]:
    """Clouds of randomly initialised towers, before any training (Figures 12 and 13)."""
    rows = {
        "text": unit(vectors.texts[np.unique(pairs.fit[1])]),
        "image": unit(vectors.images[np.unique(pairs.fit[0])]),
    }
    return [
        cloud(f"{vectors.source}-{space}", f"{vectors.label}: {space}", {space: x}, _CLOUD, "Clouds")
        for space, x in rows.items()
    ]


def histograms(vectors: Vectors, pairs: PairSet, views: Sequence[View]) -> list[Figure]:
    """Cosines of matching and of random pairs through each view (Figures 9 to 11)."""
    figures = []
    for view in views:
        sides = Sides(*view(unit(vectors.texts), unit(vectors.images)))
        matching, others = cosines(sides, pairs)
        name = view.name or "as they are"
        caption = "Held-out pairs. Well separated: matching pairs are told from random ones. Both right of 0: a cone."
        figures.append(cosine_histogram(name, f"{vectors.label}: {name}", matching, others, caption))
    return figures


def maps(vectors: Vectors, pairs: PairSet, view: View, seed: int) -> list[Scatter]:
    """t-SNE of images drawn as thumbnails (Figure 1), and of both sides after an alignment (Figures A1, A2)."""
    t, i = one_to_one(pairs.test)
    t, i = t[:DRAWN], i[:DRAWN]
    images_shown: list[Image] = [pairs.images[k] for k in i]
    texts, images = unit(vectors.texts[t]), unit(vectors.images[i])
    names = [pairs.texts[k] for k in t]
    drawn = thumbnails(images_shown) if images_shown and pairs.images else ()
    n = len(t)
    scatters = [
        map_scatter(
            "tsne-images",
            f"{vectors.label}: images, t-SNE",
            tsne(images, 5.0, seed),
            {"image": slice(0, n)},
            {"image": drawn},
            {"image": names},
            "t-SNE of image vectors, perplexity 5, Euclidean distance.",
        ),
        map_scatter(
            "tsne-texts",
            f"{vectors.label}: texts, t-SNE",
            tsne(texts, 50.0, seed),
            {"text": slice(0, n)},
            {},
            {"text": names},
            "t-SNE of text vectors, perplexity 50, Euclidean distance; hover over a mark to read its text.",
        ),
    ]
    aligned_texts, aligned_images = view(texts, images)
    both = np.concatenate([aligned_texts, aligned_images])
    scatters.append(
        map_scatter(
            "tsne-aligned-texts",
            f"{vectors.label}: texts after {view.name}",
            tsne(aligned_texts, 50.0, seed),
            {"text": slice(0, n)},
            {},
            {"text": names},
            "t-SNE of text vectors after the alignment, perplexity 50, Euclidean distance (Figure A2).",
        )
    )
    scatters.append(
        map_scatter(
            "tsne-aligned",
            f"{vectors.label}: both sides after {view.name}",
            tsne(both, 5.0, seed),
            {"text": slice(0, n), "image": slice(n, 2 * n)},
            {"image": drawn},
            {"text": names, "image": names},
            "t-SNE of both sides together, perplexity 5. Texts among the images: no modality gap.",
        )
    )
    return scatters


_CLOUD = "Unit rows on their first two right singular vectors. All points on one side of the origin (cross): a cone."
_JOINT = (
    "Both sides on the first two right singular vectors of both together; two separate clouds are the modality gap."
)


def _whiten(rows: Floats) -> Floats:
    from embedscope.transforms import parse_chain

    k = min(128, rows.shape[1], len(rows) - 1)
    return np.asarray(parse_chain(f"whiten:{k}").fit(rows).transform(rows))
