"""The measurements of the study: its data, the vectors of every model, and what is measured on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embedscope.core.document import Dots, Figure, Scatter, Series, Skipped
from embedscope.core.errors import DataUnavailableError, EmbedscopeError, InputError, MissingExtraError
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.experiments._tyshchuk2023.classes import class_chart, class_halves, class_records
from embedscope.experiments._tyshchuk2023.geometry import (
    clouds,
    cone_clouds,
    histograms,
    isotropy_records,
    maps,
    spread_figure,
)
from embedscope.experiments._tyshchuk2023.languages import language_map, language_records
from embedscope.experiments._tyshchuk2023.numbers import PROMPTS, published_role
from embedscope.experiments._tyshchuk2023.pairs import KeptScores, pair_records
from embedscope.experiments._tyshchuk2023.photos import (
    caption_languages,
    cifar_classes,
    coco_pairs,
    file_pairs,
    rows_of_file,
    russian_captions,
    wikicaps_languages,
)
from embedscope.experiments._tyshchuk2023.study_data import (
    ClassSet,
    Parallel,
    StudyData,
    emoji_classes,
    emoji_languages,
    emoji_pairs,
    first_pairs,
)
from embedscope.experiments._tyshchuk2023.vectors import Vectors, encode_study_data, is_text_only, label_of, unit
from embedscope.experiments._tyshchuk2023.views import HEADS, SHALLOW, Pairing, View, views
from embedscope.experiments.experiment import Options

LANGUAGES = {"smoke": ("de", "fr", "ru", "ja"), "full": None}
SCALES = {
    "smoke": "all emoji, or 2,000 photos of COCO and 5,000 of either part of CIFAR-100",
    "full": "everything that is available",
}
LIMITS: dict[str, tuple[int | None, int | None]] = {"smoke": (2000, 5000), "full": (None, None)}
CONE = 500
"""Pairs that show the cone of a model with its biases at zero."""

NO_IMAGES = "a model of texts alone has no image side; its text side is measured as in Table 1"
DRAWN = (None, "center", "procrustes", "lstsq", "cca:256", "heads")


@dataclass
class StudyResults:
    """Everything that the study measures and draws."""

    models: list[Vectors] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    scatters: list[Scatter] = field(default_factory=list)
    dots: list[Dots] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    kept: dict[str, KeptScores] = field(default_factory=dict)


def load_study_data(options: Options, finder: Any) -> StudyData:
    """COCO, CIFAR-100 and Multi30k where the data folder has the photos, else the emoji."""
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
        return _published_texts(StudyData(*photos, facts, skipped), options)
    data = load("emoji")
    pairs = emoji_pairs(data, options.seed)
    codes = LANGUAGES[options.scale] or tuple(n[6:] for n in data.tables if n.startswith("names_"))
    classes, languages = emoji_classes(data, pairs, options.prompt), emoji_languages(data, codes)
    return _published_texts(StudyData(pairs, classes, languages, facts, skipped), options)


def _photos(options: Options, load: Callable[[str], Any], skipped: list[Skipped]) -> tuple[Any, Any, Any] | None:
    n_pairs, n_images = LIMITS[options.scale]
    try:
        pairs = coco_pairs(load("coco"), options.seed, n_pairs)
        if not all(is_text_only(source, options) for source in options.models):
            pairs.images[0].pixels()
    except EmbedscopeError as error:
        skipped.append(Skipped("COCO photos and captions, CIFAR-100", f"replaced by the emoji: {error}"))
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


def _published_texts(study_data: StudyData, options: Options) -> StudyData:
    """The study data with captions of WikiCaps in place of others of the same language, and those of ruCOCO."""
    captions, russian = wikicaps_languages(options.data), russian_captions(options.data)
    new = {p.language for p in captions}
    study_data.languages = (*captions, *(p for p in study_data.languages if p.language not in new))
    study_data.russian = russian
    about = {"version": "as in the folder", "licence": "that of the captions"}
    study_data.data |= {name: about for name, there in (("wikicaps", captions), ("rucoco", russian)) if there}
    return study_data


def file_vectors(source: str) -> tuple[StudyData, Vectors]:
    """Pairs of vectors from two files (``A+B``): only what needs neither images nor texts is measured."""
    image_file, _, text_file = source.partition("+")
    images, texts = rows_of_file(image_file), rows_of_file(text_file)
    pairs = file_pairs(source, images, texts)
    why = "vectors from files have no images, texts, classes or languages"
    study_data = StudyData(pairs, None, (), {}, [Skipped(f"{source}: items 7 to 12", why)])
    return study_data, Vectors(source, source, False, None, None, texts, images)


def measure_model(
    vectors: Vectors, study_data: StudyData, options: Options, provenance: Provenance, results: StudyResults
) -> None:
    """Everything that is measured on one model; figures are drawn for models that are not baselines."""
    seed = options.seed
    fit_images, fit_texts = study_data.pairs.fit
    pairing = Pairing(unit(vectors.texts[fit_texts]), unit(vectors.images[fit_images]), seed)
    with provenance.phase(f"alignments {vectors.source}"):
        names = (None, *SHALLOW, *HEADS) if not vectors.baseline else (None, "procrustes", "cca:256")
        seen, skipped = views(pairing, names)
    results.skipped += skipped
    results.models.append(vectors)
    kept = results.kept.setdefault(vectors.source, KeptScores())
    options.progress.start(f"measuring {vectors.label}", len(seen), "alignments")
    with provenance.phase(f"pairs {vectors.source}"):
        for view in seen:
            results.records += pair_records(vectors, study_data.pairs, view, seed, kept)
            options.progress.advance(1)
    options.progress.close()
    with provenance.phase(f"isotropy {vectors.source}"):
        results.records += isotropy_records(vectors, study_data.pairs.name)
        if vectors.russian is not None:
            results.records += isotropy_records(vectors, "rucoco", {"text": unit(vectors.russian)})
    if study_data.classes is not None and not vectors.baseline:
        options.progress.start(f"classes {vectors.label}", None, "transforms")
        with provenance.phase(f"classes {vectors.source}"):
            sides = class_halves(vectors, study_data.classes, seed, results.skipped.append)
            for name, halves_of in sides.items():
                for part, score in (("seen", halves_of.seen), ("unseen", halves_of.unseen)):
                    kept.add(f"zeroshot.{part}", None, name, score, np.arange(score.n))
            results.records += class_records(vectors, pairing, study_data.classes, sides, seed, results.skipped.append)
            chart = class_chart(vectors.label, sides, study_data.classes.names)
            results.dots += [] if chart is None else [chart]
        options.progress.close()
    for parallel in study_data.languages if not vectors.baseline else ():
        results.records += language_records(vectors, parallel, seed, kept)
    if not vectors.baseline:
        with provenance.phase(f"figures {vectors.source}"):
            _figures(vectors, study_data, [v for v in seen if v.name in DRAWN], options, results)
            scales = {v.name: v.scale for v in seen if v.name is not None and v.scale is not None}
            results.figures.append(gap_by_temperature(vectors, results.records, scales))


def measure_text_model(
    vectors: Vectors, study_data: StudyData, options: Options, provenance: Provenance, results: StudyResults
) -> None:
    """What a model of texts alone can be measured on: isotropy of its text side, and other languages."""
    results.models.append(vectors)
    results.skipped.append(Skipped(f"{vectors.label}: alignments, loss, retrieval, classes, maps", NO_IMAGES))
    kept = results.kept.setdefault(vectors.source, KeptScores())
    with provenance.phase(f"isotropy {vectors.source}"):
        results.records += isotropy_records(vectors, study_data.pairs.name)
    for parallel in study_data.languages:
        results.records += language_records(vectors, parallel, options.seed, kept)
    results.figures.append(spread_figure(vectors.label, [("text", vectors.texts)]))
    if study_data.languages:
        try:
            results.scatters.append(language_map(vectors, study_data.languages, options.seed))
        except MissingExtraError as error:
            results.skipped.append(Skipped("maps (t-SNE, UMAP)", str(error)))


def _figures(
    vectors: Vectors, study_data: StudyData, seen: Sequence[View], options: Options, results: StudyResults
) -> None:
    results.figures += histograms(vectors, study_data.pairs, seen)
    joint = [v for v in seen if v.name in (None, "procrustes", "lstsq")]
    drawn, planes = clouds(vectors, study_data.pairs, joint, results.skipped.append)
    results.figures += [*drawn, spread_figure(vectors.label, [("text", vectors.texts), ("image", vectors.images)])]
    results.scatters += planes
    procrustes = next((v for v in seen if v.name == "procrustes"), None)
    try:
        if procrustes is not None and study_data.pairs.images:
            results.scatters += maps(vectors, study_data.pairs, procrustes, options.seed)
        if study_data.languages:
            results.scatters.append(language_map(vectors, study_data.languages, options.seed))
    except MissingExtraError as error:
        results.skipped.append(Skipped("maps (t-SNE, UMAP)", str(error)))


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
        f"{vectors.label}: modality gap against temperature",
        "factor on cosines (1 / temperature)",
        "modality gap",
        tuple(series if points else ()),
        "Linear heads trained with symmetric InfoNCE, at fixed temperatures and at a learned one; test pairs.",
        section="Temperature",
    )


def measure_random_towers(
    source: str, study_data: StudyData, options: Options, provenance: Provenance, results: StudyResults
) -> None:
    """The same architecture randomly initialised, with and without biases: is there a cone before training?"""
    query = "&bias=0" if "?" in source else "?bias=0"
    image, plus, text = source.partition("+")
    without = f"random:{image}{query}" + (f"{plus}{text}{query}" if plus else "")
    for uri in (f"random:{source}", without):
        try:
            seen = study_data if uri != without else first_pairs(study_data, CONE)
            vectors = encode_study_data(uri, seen, options, provenance, baseline=True)
        except InputError as error:
            results.skipped.append(Skipped(f"cone at initialisation, {label_of(uri)}", str(error)))
            continue
        results.scatters += cone_clouds(vectors, seen.pairs)
        if uri == without:
            results.models.append(vectors)
            results.skipped.append(
                Skipped(vectors.label, f"isotropy of the first {CONE} pairs to fit on, nothing else")
            )
            results.records += isotropy_records(vectors, seen.pairs.name)
        else:
            measure_model(vectors, study_data, options, provenance, results)


def measure_pixels(
    source: str, study_data: StudyData, options: Options, provenance: Provenance, results: StudyResults
) -> None:
    """Raw pixels in place of the image model, with the same texts."""
    _, plus, text = source.partition("+")
    if plus and not source.startswith("pixels:"):
        vectors = encode_study_data(f"pixels:16+{text}", study_data, options, provenance, baseline=True)
        measure_model(vectors, study_data, options, provenance, results)
