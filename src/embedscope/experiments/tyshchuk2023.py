"""Are the image and text clouds of CLIP isotropic, and what does each repair do to them?

K. Tyshchuk et al., "On Isotropy of Multimodal Embeddings", Information 14(7):392, 2023 (tyshchuk2023). Run it with

    embedscope reproduce tyshchuk2023 --out out
    embedscope reproduce tyshchuk2023 --models hf:openai/clip-vit-base-patch32 --scale full --data DIR --out out
    embedscope reproduce tyshchuk2023 --models images.npy+texts.npy --out out

where DIR holds COCO 2014 (photos and captions), CIFAR-100 and Multi30k. Expected with CLIP ViT-B/32: I1 .84 and I2 .03
by walking rows (Table 1), loss .4097 on test pairs (Table 2), zero-shot .6309 on CIFAR-100 (Table 3). The claims are
in ``_tyshchuk2023.numbers``.
"""

from __future__ import annotations

from embedscope.core.document import Document
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.experiments._tyshchuk2023.claims import check_claims, table_of_claims
from embedscope.experiments._tyshchuk2023.findings import findings, headline, recall_charts
from embedscope.experiments._tyshchuk2023.numbers import CLAIMS, PUBLISHED_MODELS
from embedscope.experiments._tyshchuk2023.run import (
    SCALES,
    StudyResults,
    file_vectors,
    load_study_data,
    measure_model,
    measure_pixels,
    measure_random_towers,
    measure_text_model,
)
from embedscope.experiments._tyshchuk2023.tables import tables
from embedscope.experiments._tyshchuk2023.vectors import encode_study_data, encode_study_texts, is_text_only
from embedscope.experiments.experiment import Experiment, Options
from embedscope.stats.bootstrap import N_DRAWS

IDS = ("tyshchuk2023",)

TITLE = "Are image and text vectors isotropic, and can they be aligned?"
QUESTION = (
    "Do images and texts of a two-tower model form two narrow, separate cones, and what do centring, whitening, "
    "rotations and regressions do to the cones, to the gap between them, and to retrieval and classification?"
)


def run(options: Options) -> Result:
    """Carry out the study on ``options.models``, their random initialisations and raw pixels."""
    from embedscope.datasets import Finder
    from embedscope.readers import is_vectors

    if options.scale not in SCALES:
        raise InputError(f"unknown scale '{options.scale}', wanted one of {', '.join(SCALES)}")
    provenance = Provenance(options.command, options.seed)
    results = StudyResults()
    files = [m for m in options.models if all(is_vectors(part) for part in m.split("+"))]
    for source in files:
        study_data, vectors = file_vectors(source)
        results.skipped += study_data.skipped
        measure_model(vectors, study_data, options, provenance, results)
    models = [m for m in options.models if m not in files]
    if models:
        with provenance.phase("data"):
            study_data = load_study_data(options, Finder(options.data, download=options.download))
        results.skipped += study_data.skipped
        for skipped in study_data.skipped:
            options.progress.note(f"{skipped.what}: {skipped.why}")
        provenance.data = study_data.data
        for source in (m for m in models if is_text_only(m, options)):
            texts = encode_study_texts(source, study_data, options, provenance)
            measure_text_model(texts, study_data, options, provenance, results)
        for source in (m for m in models if not is_text_only(m, options)):
            measure_model(
                encode_study_data(source, study_data, options, provenance), study_data, options, provenance, results
            )
            measure_random_towers(source, study_data, options, provenance, results)
            measure_pixels(source, study_data, options, provenance, results)
    provenance.settings = {
        "scale": options.scale,
        "taken": SCALES[options.scale],
        "prompt": options.prompt,
        "dtype": options.dtype,
        "bootstrap_draws": N_DRAWS,
        "jackknife_groups": 16,
    }
    return Result(tuple(results.records), provenance.as_dict(), _document(results, provenance, options.seed))


def _document(results: StudyResults, provenance: Provenance, seed: int) -> Document:
    checked = check_claims(results.models, results.records)
    licences = [f"{name}: {facts['licence']}" for name, facts in provenance.data.items()]
    charts = recall_charts(results.models, results.kept)
    return Document(
        TITLE,
        QUESTION,
        findings(results.models, results.records, checked, results.kept, seed),
        (*tables(results.models, results.records), table_of_claims(checked)),
        tuple(f for f in results.figures if f.series),
        tuple(dict.fromkeys(results.skipped)),
        (
            "K. Tyshchuk, P. Karpikova, A. Spiridonov, A. Prutianova, A. Razzhigaev, A. Panchenko. On Isotropy of "
            "Multimodal Embeddings. Information 14(7):392, 2023. https://doi.org/10.3390/info14070392",
            *licences,
        ),
        tuple(results.scatters),
        headline=headline(results.models, results.records, results.kept, charts, results.scatters, seed),
        dots=(*charts, *results.dots),
    )


ENTRIES = {
    "tyshchuk2023": Experiment(
        id="tyshchuk2023",
        title="Isotropy and alignment of image and text",
        citation="tyshchuk2023",
        question=QUESTION,
        claims=CLAIMS,
        run=run,
        models=("efficientnet-lite0+minilm",),
        published_models=PUBLISHED_MODELS,
        datasets=("emoji", "coco", "multi30k", "cifar100", "caltech101"),
        libraries={"torch": "hf", "transformers": "hf", "umap": "maps"},
        reads=("prompt",),
    )
}
