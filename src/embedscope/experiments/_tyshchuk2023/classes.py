"""Zero-shot classification, seen and unseen classes, linear probe (items 7, 8, 9, 12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.document import Dot, DotRow, Dots, Skipped
from embedscope.core.errors import InputError
from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.experiments._tested import of_score
from embedscope.experiments._tyshchuk2023.pairs import Place
from embedscope.experiments._tyshchuk2023.study_data import ClassSet
from embedscope.experiments._tyshchuk2023.vectors import Vectors, unit
from embedscope.experiments._tyshchuk2023.views import Pairing, View

if TYPE_CHECKING:
    from embedscope.tasks.probe import SeenUnseen

MEASURES: tuple[Any, ...] = ("cosine", "dot", "negative_distance")
ON_PAIRS = ("procrustes", "lstsq", "lstsq:0.1", "cca:256", "heads", "pca:450", "whiten:128", "whiten:64", "whiten:32")
ON_TRAIN = ("procrustes", "lstsq", "lstsq:0.1", "cca:64", "whiten:128", "whiten:64", "whiten:32")
ON_TEST = ("pca:450", "whiten:128")
ON_PROMPTS = ("pca:90",)
HALVES = (None, "procrustes", "lstsq", "lstsq:0.1")
PROBES = (None, "whiten:256", "whiten:128", "whiten:64")

Skip = Callable[[Skipped], None]

_SHOWN = 12
"""Classes of either half that a chart names."""


def class_records(
    vectors: Vectors,
    pairing: Pairing,
    classes: ClassSet,
    sides: Mapping[str | None, SeenUnseen],
    seed: int,
    skip: Skip,
) -> Iterator[Record]:
    """Tables 3, 4, 5 and 7 for one model, given the fitted alignments of ``pairing`` and the ``sides`` of the classes.

    What cannot be fitted goes to ``skip``.
    """
    assert vectors.prompts is not None
    assert vectors.class_images is not None
    texts, images = unit(vectors.prompts), unit(vectors.class_images)
    label = classes.label
    conditions: dict[str | None, tuple[tuple[str | None, ...], Callable[[], Pairing]]] = {
        None: ((None,), lambda: Pairing(texts, texts)),
        "pairs": (ON_PAIRS, lambda: pairing),
        "train": (ON_TRAIN, lambda: Pairing(texts[label[classes.train]], images[classes.train], seed)),
        "test": (ON_TEST, lambda: Pairing(images[classes.test], images[classes.test], seed)),
        "prompts": (ON_PROMPTS, lambda: Pairing(texts, texts, seed)),
    }
    for fitted_on, (names, make) in conditions.items():
        alignment = make()
        one_map = fitted_on in ("test", "prompts")
        if one_map and texts.shape[1] != images.shape[1]:
            why = f"one map for both sides needs equal dimensions, got {texts.shape[1]} and {images.shape[1]}"
            skip(Skipped(f"zero-shot of {vectors.label}, {', '.join(map(str, names))} fitted on {fitted_on}", why))
            continue
        for name in names:
            place = Place(vectors.source, classes.name, name, fitted_on)
            try:
                yield from _zero_shot(place, alignment.view(name), texts, images, classes, seed)
            except InputError as error:
                skip(Skipped(f"zero-shot of {vectors.label}, {name} fitted on {fitted_on}", str(error)))
    for name, result in sides.items():
        place = Place(vectors.source, classes.name, name, "seen" if name else None)
        note = "; ".join(resampling_notes(classes))
        yield place.record("zeroshot.seen", result.seen, note=note)
        yield place.record("zeroshot.unseen", result.unseen, note=note)
    yield from _probes(vectors, pairing.images, images, classes, seed, skip)


def _zero_shot(
    place: Place, view: View, texts: Floats, images: Floats, classes: ClassSet, seed: int
) -> Iterator[Record]:
    from embedscope.tasks.zeroshot import zero_shot

    left, right = view.raw(texts, images[classes.test])
    for measure in MEASURES if view.name else MEASURES[:1]:
        result = zero_shot(
            right, left, classes.label[classes.test], measure=measure, seed=seed, groups=classes.test_units
        )
        for k, score in result.top.items():
            metric = "zeroshot" if k == 1 else f"zeroshot.top{k}"
            variant = None if measure == "cosine" else measure
            yield place.record(
                metric, score, variant=variant, note="; ".join([*view.notes, *resampling_notes(classes)])
            )


def resampling_notes(classes: ClassSet) -> list[str]:
    """What the bootstrap draws, for the note of a record; nothing where it draws single images."""
    return [] if classes.concept is None else ["concepts are resampled, each with all of its images"]


def class_halves(vectors: Vectors, classes: ClassSet, seed: int, skip: Skip) -> dict[str | None, SeenUnseen]:
    """Table 4: alignments fitted on the images of half of the classes, judged on both halves."""
    from embedscope.tasks.probe import seen_unseen

    assert vectors.prompts is not None
    assert vectors.class_images is not None
    texts, images = unit(vectors.prompts), unit(vectors.class_images)
    train, test = ((images[rows], classes.label[rows]) for rows in (classes.train, classes.test))
    shared: list[Pairing] = []

    def fit(prompts: Floats, images_seen: Floats, name: str | None) -> tuple[Any, Any]:
        if not shared:  # the same half of the classes every time
            shared.append(Pairing(prompts, images_seen, seed))
        view = shared[0].view(name)
        return (lambda x: view.raw(x, images_seen[:1])[0]), (lambda x: view.raw(prompts[:1], x)[1])

    result = {}
    for name in HALVES:
        try:
            fitted = partial(fit, name=name)
            result[name] = seen_unseen(fitted, train, test, texts, groups=classes.test_units, seed=seed)
        except InputError as error:
            skip(Skipped(f"seen and unseen classes of {vectors.label}, {name}", str(error)))
    return result


def class_chart(model: str, sides: Mapping[str | None, SeenUnseen], names: Sequence[str]) -> Dots | None:
    """Accuracy of ``model`` on classes that an alignment was fitted on and others: of all, and those that change most.

    ``sides`` are the halves by alignment, ``names`` those of all classes. None without vectors as they are.
    """
    if None not in sides:
        return None
    shown: dict[str, SeenUnseen] = {
        name or "as they are": sides[name] for name in (None, "procrustes") if name in sides
    }
    first, last = next(iter(shown.values())), list(shown.values())[-1]
    rows, counted = [], []
    for part in ("seen", "unseen"):
        halves: list[Score] = [getattr(halves_of, part) for halves_of in shown.values()]
        estimates = [of_score(score) for score in halves]
        dots = tuple(Dot(i, e.value, e.low, e.high) for i, e in enumerate(estimates) if e.value is not None)
        ids = [int(c) for c in getattr(first, f"{part}_classes") if first.per_class[int(c)] is not None]
        rows.append(DotRow(f"all {len(ids)} {part} classes", dots, strong=True))
        counted.append((part, ids))
    for part, ids in counted:
        changes = {c: (last.per_class[c] or 0.0) - (first.per_class[c] or 0.0) for c in ids}
        most = sorted(ids, key=lambda c: (-abs(changes[c]), c))[:_SHOWN]
        for c in sorted(most, key=lambda c: (changes[c], c)):
            values = [halves_of.per_class[c] for halves_of in shown.values()]
            dots = tuple(Dot(i, v) for i, v in enumerate(values) if v is not None)
            rows.append(DotRow(names[c], dots, note=part))
    listed = (
        "every class" if all(len(ids) <= _SHOWN for _, ids in counted) else f"the {_SHOWN} classes that change most"
    )
    return Dots(
        "classes",
        f"{model}: accuracy by class, seen and unseen (Table 4)",
        "accuracy of zero-shot classification",
        tuple(rows),
        tuple(shown),
        joined=True,
        caption=f"Alignments are fitted on images of the seen classes. Of either half, all classes together with 95 % "
        f"intervals, and {listed}.",
        section="Classes",
    )


def _probes(
    vectors: Vectors, fitting: Floats, images: Floats, classes: ClassSet, seed: int, skip: Skip
) -> Iterator[Record]:
    from embedscope.tasks.probe import linear_probe
    from embedscope.transforms import parse_chain

    for name in PROBES:
        place = Place(vectors.source, classes.name, name, "pairs" if name else None)
        try:
            mapped = images if name is None else unit(parse_chain(name).fit(fitting).transform(images))
        except InputError as error:
            skip(Skipped(f"linear probe of {vectors.label}, {name}", str(error)))
            continue
        train, test = (np.asarray(mapped[rows]) for rows in (classes.train, classes.test))
        labels = classes.label[classes.train], classes.label[classes.test]
        result = linear_probe(train, labels[0], test, labels[1], seed=seed, groups=classes.test_units)
        yield place.record("probe", result.top[1], note="; ".join(resampling_notes(classes)))
