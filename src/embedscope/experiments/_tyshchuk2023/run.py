"""The measurements of the study: material, vectors of every model, then everything that is measured on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from embedscope.core.document import Figure, Scatter, Series, Skipped
from embedscope.core.errors import DataUnavailableError, EmbedscopeError, InputError, MissingExtraError
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.experiments._experiment import Options
from embedscope.experiments._tyshchuk2023.classes import class_halves, class_records, per_class
from embedscope.experiments._tyshchuk2023.geometry import (
    clouds,
    cone_clouds,
    histograms,
    isotropy_records,
    maps,
    spread_figure,
)
from embedscope.experiments._tyshchuk2023.languages import language_map, language_records
from embedscope.experiments._tyshchuk2023.material import (
    ClassSet,
    Material,
    Parallel,
    emoji_classes,
    emoji_languages,
    emoji_pairs,
    thinned,
)
from embedscope.experiments._tyshchuk2023.numbers import PROMPTS, published_role
from embedscope.experiments._tyshchuk2023.pairs import KeptScores, pair_records
from embedscope.experiments._tyshchuk2023.photos import (
    caption_languages,
    cifar_classes,
    coco_pairs,
    halves,
    rows_of_file,
    russian_captions,
    wikicaps_languages,
)
from embedscope.experiments._tyshchuk2023.vectors import Vectors, is_text_only, label_of, measured_vectors, unit
from embedscope.experiments._tyshchuk2023.views import HEADS, SHALLOW, Pairing, View, views

if TYPE_CHECKING:
    from embedscope.tasks.probe import SeenUnseen

LANGUAGES = {"smoke": ("de", "fr", "ru", "ja"), "full": None}
SCALES = {
    "smoke": "all emoji, or 2,000 photos of COCO and 5,000 of either part of CIFAR-100",
    "full": "everything that is at hand",
}
LIMITS: dict[str, tuple[int | None, int | None]] = {"smoke": (2000, 5000), "full": (None, None)}
CONE = 500
"""Pairs that show the cone of a model with its biases at zero."""

NO_IMAGES = "a model of texts alone has no image side; its text side is measured as in Table 1"
PICTURED = (None, "center", "procrustes", "lstsq", "cca:256", "heads")


@dataclass
class Findings:
    """What is gathered on the way."""

    models: list[Vectors] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    scatters: list[Scatter] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    kept: dict[str, KeptScores] = field(default_factory=dict)


def material(options: Options, finder: Any) -> Material:
    """COCO, CIFAR-100 and Multi30k where the data folder holds the photos, else the emoji."""
    from embedscope.datasets import DATASETS

    skipped: list[Skipped] = []
    facts: dict[str, Any] = {}

    def load(name: str) -> Any:
        entry = DATASETS.get(name)
        data = entry.load(finder)
        about = {"version": entry.version, "licence": entry.licence, "citation": entry.citation}
        facts[name] = about | {"sha256": dict(data.checksums)}
        return data

    photos = _photos(options, load, skipped)
    if photos is not None:
        return _published_texts(Material(*photos, facts, skipped), options)
    data = load("emoji")
    pairs = emoji_pairs(data, options.seed)
    codes = LANGUAGES[options.scale] or tuple(n[6:] for n in data.tables if n.startswith("names_"))
    classes, languages = emoji_classes(data, pairs, options.prompt), emoji_languages(data, codes)
    return _published_texts(Material(pairs, classes, languages, facts, skipped), options)


def _photos(options: Options, load: Callable[[str], Any], skipped: list[Skipped]) -> tuple[Any, Any, Any] | None:
    n_pairs, n_images = LIMITS[options.scale]
    try:
        pairs = coco_pairs(load("coco"), options.seed, n_pairs)
        if not all(is_text_only(source, options) for source in options.models):
            pairs.images[0].pixels()
    except EmbedscopeError as error:
        skipped.append(Skipped("COCO photos and captions, CIFAR-100", f"the emoji stand in for them: {error}"))
        return None
    prompt = options.prompt or PROMPTS.get(
        published_role(options.models[0], options.published) or "clip", PROMPTS["clip"]
    )
    classes: ClassSet | None = None
    languages: tuple[Parallel, ...] = ()
    try:
        classes = cifar_classes(load("cifar100"), prompt, options.seed, n_images)
    except DataUnavailableError as error:
        skipped.append(Skipped("CIFAR-100: zero-shot, seen and unseen classes, probe", str(error)))
    try:
        languages = caption_languages(load("multi30k"))
    except DataUnavailableError as error:
        skipped.append(Skipped("captions in other languages", str(error)))
    return pairs, classes, languages


def _published_texts(study_data: Material, options: Options) -> Material:
    """The study data with captions of WikiCaps in place of others of the same language, and those of ruCOCO."""
    captions, russian = wikicaps_languages(options.data), russian_captions(options.data)
    new = {p.language for p in captions}
    study_data.languages = (*captions, *(p for p in study_data.languages if p.language not in new))
    study_data.russian = russian
    about = {"version": "as it lies in the folder", "licence": "that of the captions"}
    study_data.data |= {name: about for name, there in (("wikicaps", captions), ("rucoco", russian)) if there}
    return study_data


def file_vectors(source: str) -> tuple[Material, Vectors]:
    """Pairs of vectors from two files (``A+B``): only what needs no pictures and no texts is measured."""
    image_file, _, text_file = source.partition("+")
    images, texts = rows_of_file(image_file), rows_of_file(text_file)
    if len(images) != len(texts):
        raise InputError(f"{source}: {len(images)} images and {len(texts)} texts; rows of both files must match")
    pairs = halves("files", (), (), len(texts))
    why = "vectors from files have no pictures, texts, classes or languages"
    study_data = Material(pairs, None, (), {}, [Skipped(f"{source}: items 7 to 12", why)])
    return study_data, Vectors(source, source, False, None, None, texts, images)


def study(vectors: Vectors, study_data: Material, options: Options, provenance: Provenance, found: Findings) -> None:
    """Everything that is measured on one model; pictures are drawn of models that are no baselines."""
    seed = options.seed
    fit_images, fit_texts = study_data.pairs.fit
    pairing = Pairing(unit(vectors.texts[fit_texts]), unit(vectors.images[fit_images]), seed)
    with provenance.phase(f"alignments {vectors.source}"):
        names = (None, *SHALLOW, *HEADS) if not vectors.baseline else (None, "procrustes", "cca:256")
        seen, skipped = views(pairing, names)
    found.skipped += skipped
    found.models.append(vectors)
    kept = found.kept.setdefault(vectors.source, KeptScores())
    options.progress.start(f"measuring {vectors.label}", len(seen), "alignments")
    with provenance.phase(f"pairs {vectors.source}"):
        for view in seen:
            found.records += pair_records(vectors, study_data.pairs, view, seed, kept)
            options.progress.advance(1)
    options.progress.close()
    with provenance.phase(f"isotropy {vectors.source}"):
        found.records += isotropy_records(vectors, study_data.pairs.name)
        if vectors.russian is not None:
            found.records += isotropy_records(vectors, "rucoco", {"text": unit(vectors.russian)})
    if study_data.classes is not None and not vectors.baseline:
        options.progress.start(f"classes {vectors.label}", None, "transforms")
        with provenance.phase(f"classes {vectors.source}"):
            sides = class_halves(vectors, study_data.classes, seed, found.skipped.append)
            for name, halves_of in sides.items():
                for part, score in (("seen", halves_of.seen), ("unseen", halves_of.unseen)):
                    kept.add(f"zeroshot.{part}", None, name, score, np.arange(score.n))
            found.records += class_records(vectors, pairing, study_data.classes, sides, seed, found.skipped.append)
            found.figures.append(class_figure(sides))
        options.progress.close()
    for parallel in study_data.languages if not vectors.baseline else ():
        found.records += language_records(vectors, parallel, seed, kept)
    if not vectors.baseline:
        with provenance.phase(f"pictures {vectors.source}"):
            _pictures(vectors, study_data, [v for v in seen if v.name in PICTURED], options, found)
            scales = {v.name: v.scale for v in seen if v.name is not None and v.scale is not None}
            found.figures.append(gap_by_temperature(vectors, found.records, scales))


def study_texts(
    vectors: Vectors, study_data: Material, options: Options, provenance: Provenance, found: Findings
) -> None:
    """What a model of texts alone can be measured on: isotropy of its text side, and other languages."""
    found.models.append(vectors)
    found.skipped.append(Skipped(f"{vectors.label}: alignments, loss, retrieval, classes, maps", NO_IMAGES))
    kept = found.kept.setdefault(vectors.source, KeptScores())
    with provenance.phase(f"isotropy {vectors.source}"):
        found.records += isotropy_records(vectors, study_data.pairs.name)
    for parallel in study_data.languages:
        found.records += language_records(vectors, parallel, options.seed, kept)
    found.figures.append(spread_figure([("text", vectors.texts)]))
    if study_data.languages:
        try:
            found.scatters.append(language_map(vectors, study_data.languages, options.seed))
        except MissingExtraError as error:
            found.skipped.append(Skipped("maps (t-SNE, UMAP)", str(error)))


def _pictures(vectors: Vectors, study_data: Material, seen: Sequence[View], options: Options, found: Findings) -> None:
    found.figures += histograms(vectors, study_data.pairs, seen)
    drawn, planes = clouds(vectors, study_data.pairs, [v for v in seen if v.name in (None, "procrustes", "lstsq")])
    found.figures += [*drawn, spread_figure([("text", vectors.texts), ("image", vectors.images)])]
    found.scatters += planes
    procrustes = next((v for v in seen if v.name == "procrustes"), None)
    try:
        if procrustes is not None and study_data.pairs.images:
            found.scatters += maps(vectors, study_data.pairs, procrustes, options.seed)
        if study_data.languages:
            found.scatters.append(language_map(vectors, study_data.languages, options.seed))
    except MissingExtraError as error:
        found.skipped.append(Skipped("maps (t-SNE, UMAP)", str(error)))


def gap_by_temperature(vectors: Vectors, records: Sequence[Record], scales: Mapping[str, float]) -> Figure:
    """Gap after contrastive heads, over the factor on cosines that each alignment in ``scales`` ended with."""
    points = sorted(
        (scale, r.value, r.ci_low, r.ci_high)
        for r in records
        if r.source == vectors.source and r.metric == "modality_gap" and r.value is not None
        if (scale := scales.get(r.transform or "")) is not None
    )
    series = [
        Series(
            vectors.label,
            tuple(p[0] for p in points),
            tuple(p[1] for p in points),
            tuple(p[2] for p in points),
            tuple(p[3] for p in points),
        )
    ]
    return Figure(
        "gap-temperature",
        "Modality gap against temperature",
        "factor on cosines (1 / temperature)",
        "modality gap",
        tuple(series if points else ()),
        "Linear heads trained with symmetric InfoNCE, at fixed temperatures and at a learned one; test pairs.",
        section="Temperature",
    )


def class_figure(sides: Mapping[str | None, SeenUnseen]) -> Figure:
    """Accuracy of every class, sorted, with and without an alignment fitted on the seen half."""
    series = []
    for name in (None, "procrustes"):
        for part, values in zip(("seen", "unseen"), per_class(sides[name]) if name in sides else (), strict=False):
            ordered = sorted(values, reverse=True)
            x = tuple(float(i + 1) for i in range(len(ordered)))
            label = f"{name or 'as they are'}, {part} classes"
            series.append(Series(label, x, tuple(ordered)))
    return Figure(
        "classes",
        "Accuracy by class, seen and unseen (Table 4)",
        "class, best first",
        "accuracy",
        tuple(series),
        "Procrustes fitted on images of the seen classes, and the vectors as they are.",
        (0.0, 1.0),
        "Classes",
    )


def cones(source: str, study_data: Material, options: Options, provenance: Provenance, found: Findings) -> None:
    """The same architecture freshly initialised, with and without biases: is the cone there before training?"""
    query = "&bias=0" if "?" in source else "?bias=0"
    image, plus, text = source.partition("+")
    without = f"random:{image}{query}" + (f"{plus}{text}{query}" if plus else "")
    for uri in (f"random:{source}", without):
        try:
            seen = study_data if uri != without else thinned(study_data, CONE)
            vectors = measured_vectors(uri, seen, options, provenance, baseline=True)
        except InputError as error:
            found.skipped.append(Skipped(f"cone at initialisation, {label_of(uri)}", str(error)))
            continue
        found.scatters += cone_clouds(vectors, seen.pairs)
        if uri == without:
            found.models.append(vectors)
            found.skipped.append(Skipped(vectors.label, f"isotropy of the first {CONE} pairs to fit on, nothing else"))
            found.records += isotropy_records(vectors, seen.pairs.name)
        else:
            study(vectors, study_data, options, provenance, found)


def pixel_baseline(
    source: str, study_data: Material, options: Options, provenance: Provenance, found: Findings
) -> None:
    """Raw pixels in place of the image model, beside the same texts."""
    _, plus, text = source.partition("+")
    if plus and not source.startswith("pixels:"):
        vectors = measured_vectors(f"pixels:16+{text}", study_data, options, provenance, baseline=True)
        study(vectors, study_data, options, provenance, found)
