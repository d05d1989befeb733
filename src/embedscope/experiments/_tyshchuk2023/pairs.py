"""Loss, retrieval and the gap between the modalities, before and after each alignment (items 1, 4, 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.records import Record
from embedscope.core.tables import Index, Score
from embedscope.experiments._tyshchuk2023.study_data import Held, PairSet
from embedscope.experiments._tyshchuk2023.vectors import Vectors, unit
from embedscope.experiments._tyshchuk2023.views import View
from embedscope.stats.score_records import score_record

SPACE = "image|text"
FALLBACK_SCALE = 100.0
"""CLIP's factor on cosines, taken where a model has none of its own."""

GAP = ("modality_gap", "relative_modality_gap", "paired_cosine", "unpaired_cosine")
BATCHES = (16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Place:
    """Where a number is taken: source, transform, what it was fitted on, data set."""

    source: str
    task: str
    transform: str | None = None
    fitted_on: str | None = None
    dim: int | None = None

    def record(
        self, metric: str, score: Score, *, variant: str | None = None, subset: str | None = None, note: str = ""
    ) -> Record:
        """The score as a record with its interval."""
        return score_record(
            score,
            source=self.source,
            metric=metric,
            space=SPACE,
            task=self.task,
            variant=variant,
            dim=self.dim,
            rows="unit",
            transform=self.transform,
            fitted_on=self.fitted_on,
            subset=subset,
            note=note or None,
        )


@dataclass(frozen=True, eq=False)
class Sides:
    """Unit rows of texts and of images."""

    texts: Floats
    images: Floats


def one_to_one(held: Held) -> tuple[Index, Index]:
    """Rows (of texts, of images) of pairs in which each text occurs once, with its first image, and each image once."""
    _, first = np.unique(held.right, return_index=True)
    first = first[np.sort(np.unique(held.left[first], return_index=True)[1])]
    return held.texts[held.right[first]], held.images[held.left[first]]


def fitting_sample(pairs: PairSet, n: int, seed: int) -> tuple[Index, Index]:
    """At most ``n`` pairs of the fitting part with distinct texts, as (rows of texts, rows of images)."""
    images, texts = pairs.fit
    order = np.random.default_rng(seed).permutation(len(texts))
    _, first = np.unique(texts[order], return_index=True)
    chosen = order[np.sort(first)][:n]
    return texts[chosen], images[chosen]


@dataclass(eq=False)
class KeptScores:
    """Scores by (metric, part) and then by alignment, with the unit that each item belongs to: what tests compare."""

    scores: dict[tuple[str, str | None], dict[str | None, Score]] = field(default_factory=dict)
    units: dict[tuple[str, str | None], Index] = field(default_factory=dict)

    def add(self, metric: str, part: str | None, alignment: str | None, score: Score, units: Index) -> None:
        """Keep the ``score`` of a metric on a part; ``units`` (n,) number what the items were drawn with."""
        self.scores.setdefault((metric, part), {})[alignment] = score
        self.units[metric, part] = units


def pair_records(vectors: Vectors, pairs: PairSet, view: View, seed: int, kept: KeptScores) -> Iterator[Record]:
    """Everything that one alignment does to pairs: recall, loss, gap, cosines, separability, mixed index.

    Rows that share a concept (drawings of one emoji, captions of one image) are resampled together.
    """
    from embedscope.tasks.retrieval import recall_at

    texts, images = view(unit(vectors.texts), unit(vectors.images))
    place = Place(vectors.source, pairs.name, view.name, "pairs" if view.name else None, texts.shape[1])
    for part, held in pairs.held.items():
        image_rows, text_rows = images[held.images], texts[held.texts]
        for (q, c, matches), way, units in (
            ((image_rows, text_rows, (held.left, held.right)), "image_to_text", held.image_units),
            ((text_rows, image_rows, (held.right, held.left)), "text_to_image", held.text_units),
        ):
            shared = units if len(np.unique(units)) < len(units) else None
            for k, score in recall_at(q, c, matches, [1, 5, 10], seed=seed, groups=shared).items():
                note = "" if shared is None else f"{len(np.unique(units)):,} concepts resampled, not single queries"
                yield place.record(f"recall@{k}.{way}", score, subset=part, note=note)
                if k == 1:
                    kept.add(f"recall@1.{way}", part, view.name, score, units)
    yield from _losses(place, pairs, Sides(texts, images), view, vectors, seed)
    yield from _gap(place, pairs, Sides(texts, images), seed)


def _losses(place: Place, pairs: PairSet, sides: Sides, view: View, vectors: Vectors, seed: int) -> Iterator[Record]:
    from embedscope.tasks.contrastive import contrastive_loss, loss_curve, refit_scale

    scale = view.scale or vectors.scale or FALLBACK_SCALE
    whose = "the alignment's" if view.scale else "the model's" if vectors.scale else "CLIP's, the model has none"
    t, i = one_to_one(pairs.test)
    train_t, train_i = fitting_sample(pairs, len(t), seed)
    parts = {
        "train": (sides.texts[train_t], sides.images[train_i]),
        "test": (sides.texts[t], sides.images[i]),
    }
    refitted = refit_scale(*parts["train"])
    for part, (a, b) in parts.items():
        score = contrastive_loss(a, b, scale, seed=seed)
        yield place.record(f"contrastive_loss.{part}", score, note=f"scale {scale:.4g} ({whose})")
        again = contrastive_loss(a, b, refitted, seed=seed)
        note = f"scale {refitted:.4g}, refitted on the fitting part"
        yield place.record(f"contrastive_loss.{part}", again, variant="refitted", note=note)
    sizes = [size for size in BATCHES if size <= len(t)]
    for part, (a, b) in parts.items():
        for variant, factor in ((None, scale), ("refitted", refitted)):
            for size, score in loss_curve(a, b, factor, sizes, seed=seed).items():
                yield place.record(f"contrastive_loss.{part}", score, variant=variant, subset=f"batch {size}")


def _gap(place: Place, pairs: PairSet, sides: Sides, seed: int) -> Iterator[Record]:
    from embedscope.metrics.pairs import PAIR_METRICS, Paired
    from embedscope.tasks.mixed import same_modality_share
    from embedscope.tasks.separability import modality_separability

    t, i = one_to_one(pairs.test)
    a, b = sides.images[i], sides.texts[t]
    paired = Paired.of(a, b)
    for metric in GAP:
        for m in PAIR_METRICS.get(metric).measure(paired):
            yield replace(
                place.record(m.metric, Score(m.value, m.n, note=m.note)),
                stderr=m.stderr,
                ci_low=m.ci_low,
                ci_high=m.ci_high,
            )
    for name, score in modality_separability(a, b, seed=seed).items():
        yield place.record(f"modality_separability.{name}", score)
    for name, score in same_modality_share(a, b, names=("image", "text"), seed=seed).items():
        yield place.record(f"same_modality_share.{name}", score)


def cosines(sides: Sides, pairs: PairSet) -> tuple[Floats, Floats]:
    """Cosines of matching test pairs, and of all other test texts and images (Figures 9 to 11)."""
    t, i = one_to_one(pairs.test)
    every = sides.texts[t] @ sides.images[i].T
    return np.diag(every).copy(), every[~np.eye(len(t), dtype=bool)]
