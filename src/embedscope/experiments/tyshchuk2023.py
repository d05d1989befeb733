"""Are the image and text clouds of CLIP isotropic, and what does each repair do to them?

K. Tyshchuk et al., "On Isotropy of Multimodal Embeddings", Information 14(7):392, 2023 (tyshchuk2023). Run it with

    embedscope reproduce tyshchuk2023 --out out
    embedscope reproduce tyshchuk2023 --models hf:openai/clip-vit-base-patch32 --scale full --data DIR --out out
    embedscope reproduce tyshchuk2023 --models images.npy+texts.npy --out out

where DIR holds COCO 2014 (photos and captions), CIFAR-100 and Multi30k. Expected with CLIP ViT-B/32: I1 .84 and I2 .03
by walking rows (Table 1), loss .4097 on test pairs (Table 2), zero-shot .6309 on CIFAR-100 (Table 3). The claims stand
in ``_tyshchuk2023.numbers``.
"""

from __future__ import annotations

from embedscope.core.document import Document
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.experiments._experiment import Experiment, Options
from embedscope.experiments._tyshchuk2023.claims import checked_claims, table_of_claims
from embedscope.experiments._tyshchuk2023.findings import findings
from embedscope.experiments._tyshchuk2023.numbers import CLAIMS, PUBLISHED_MODELS
from embedscope.experiments._tyshchuk2023.run import (
    SCALES,
    Findings,
    cones,
    file_vectors,
    material,
    pixel_baseline,
    study,
    study_texts,
)
from embedscope.experiments._tyshchuk2023.tables import tables
from embedscope.experiments._tyshchuk2023.vectors import is_text_only, measured_texts, measured_vectors
from embedscope.stats.bootstrap import N_DRAWS

IDS = ("tyshchuk2023",)

TITLE = "Are image and text vectors isotropic, and can they be aligned?"
QUESTION = (
    "Images and texts of a two-tower model lie in two narrow cones apart from each other. What do centring, whitening, "
    "rotations and regressions do to the cones, to the gap, and to what the vectors are for?"
)


def run(options: Options) -> Result:
    """Carry out the study on ``options.models``, their random initialisations and raw pixels."""
    from embedscope.datasets import Finder
    from embedscope.readers import is_vectors

    if options.scale not in SCALES:
        raise InputError(f"unknown scale '{options.scale}', wanted one of {', '.join(SCALES)}")
    provenance = Provenance(options.command, options.seed)
    found = Findings()
    files = [m for m in options.models if all(is_vectors(part) for part in m.split("+"))]
    for source in files:
        study_data, vectors = file_vectors(source)
        found.skipped += study_data.skipped
        study(vectors, study_data, options, provenance, found)
    models = [m for m in options.models if m not in files]
    if models:
        with provenance.phase("data"):
            study_data = material(options, Finder(options.data, download=options.download))
        found.skipped += study_data.skipped
        for skipped in study_data.skipped:
            options.progress.note(f"{skipped.what}: {skipped.why}")
        provenance.data = study_data.data
        for source in (m for m in models if is_text_only(m, options)):
            texts = measured_texts(source, study_data, options, provenance)
            study_texts(texts, study_data, options, provenance, found)
        for source in (m for m in models if not is_text_only(m, options)):
            study(measured_vectors(source, study_data, options, provenance), study_data, options, provenance, found)
            cones(source, study_data, options, provenance, found)
            pixel_baseline(source, study_data, options, provenance, found)
    provenance.settings = {
        "scale": options.scale,
        "taken": SCALES[options.scale],
        "prompt": options.prompt,
        "dtype": options.dtype,
        "bootstrap_draws": N_DRAWS,
        "jackknife_groups": 16,
    }
    return Result(tuple(found.records), provenance.as_dict(), _document(found, provenance, options.seed))


def _document(found: Findings, provenance: Provenance, seed: int) -> Document:
    checked = checked_claims(found.models, found.records)
    licences = [f"{name}: {facts['licence']}" for name, facts in provenance.data.items()]
    return Document(
        TITLE,
        QUESTION,
        findings(found.models, found.records, checked, found.kept, seed),
        (*tables(found.models, found.records), table_of_claims(checked)),
        tuple(f for f in found.figures if f.series),
        tuple(dict.fromkeys(found.skipped)),
        (
            "K. Tyshchuk, P. Karpikova, A. Spiridonov, A. Prutianova, A. Razzhigaev, A. Panchenko. On Isotropy of "
            "Multimodal Embeddings. Information 14(7):392, 2023. https://doi.org/10.3390/info14070392",
            *licences,
        ),
        tuple(found.scatters),
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
    )
}
