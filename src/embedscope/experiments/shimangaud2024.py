"""Does b - a + c land on d, and is it the relation that does it or merely that d is near c?

S. Shimangaud, R. Thaney, "Investigating the Arithmetic of Visual Embeddings", student report, McGill University, 2024
(shimangaud2024). Run it with

    embedscope reproduce shimangaud2024 --out out
    embedscope reproduce shimangaud2024 --models gensim:FILE,hf:openai/clip-vit-base-patch32#image,timm:resnet50 \
        --data DIR --scale full --out out

where DIR holds SemEval-2012, and pictures ``concept/*.jpg`` with ``questions.txt`` if there are any. Expected: CLIP
finds d among the first five for 25 of 50 questions, and for 23 of 50 random pairs (Tables 1 and 2). The claims stand in
``_shimangaud2024.numbers``.
"""

from __future__ import annotations

from embedscope.core.document import Document
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.experiments._experiment import Experiment, Options
from embedscope.experiments._shimangaud2024.claims import checked_claims, table_of_claims
from embedscope.experiments._shimangaud2024.figures import figures
from embedscope.experiments._shimangaud2024.findings import findings
from embedscope.experiments._shimangaud2024.material import Material, material
from embedscope.experiments._shimangaud2024.numbers import CLAIMS, PUBLISHED_MODELS
from embedscope.experiments._shimangaud2024.run import PIXELS, SCALES, Findings, study
from embedscope.experiments._shimangaud2024.scores import MAIN, PUBLISHED
from embedscope.experiments._shimangaud2024.tables import tables
from embedscope.stats.bootstrap import N_DRAWS

IDS = ("shimangaud2024",)

TITLE = "Do embeddings add and subtract?"
QUESTION = (
    "King - man + woman = queen is said of word vectors. Does b - a + c land on d for words, sentences and pictures, "
    "and is it the relation that does it, or is d simply near c?"
)


def run(options: Options) -> Result:
    """Carry out the study on ``options.models``, their random initialisations and raw pixels."""
    from embedscope.datasets import Finder

    if options.scale not in SCALES:
        raise InputError(f"unknown scale '{options.scale}', wanted one of {', '.join(SCALES)}")
    provenance = Provenance(options.command, options.seed)
    with provenance.phase("data"):
        study_data = material(options, Finder(options.data, download=options.download))
    return carried_out(study_data, options, provenance)


def carried_out(study_data: Material, options: Options, provenance: Provenance) -> Result:
    """The study on material that is at hand.

    Raises
    ------
    InputError
        if it holds no questions.
    """
    if not study_data.sets:
        raise InputError(
            "no questions are at hand; install embedscope[images] for the emoji, or name a folder with --data that "
            "holds SemEval-2012 or pictures with questions.txt"
        )
    provenance.data = study_data.data
    found = Findings(skipped=study_data.skipped)
    for skipped in study_data.skipped:
        options.progress.note(f"{skipped.what}: {skipped.why}")
    for source in dict.fromkeys(options.models):
        study(source, study_data, options, provenance, found)
    provenance.settings = {
        "scale": options.scale,
        "taken": SCALES[options.scale],
        "sets": {asked.name: asked.subset or "all" for asked in study_data.sets},
        "questions": {asked.name: len(asked.questions) for asked in study_data.sets},
        "candidates": {asked.name: len(asked.concepts) for asked in study_data.sets},
        "main_way": MAIN,
        "published_way": PUBLISHED,
        "pixels": PIXELS,
        "dtype": options.dtype,
        "bootstrap_draws": N_DRAWS,
    }
    return Result(tuple(found.records), provenance.as_dict(), _document(found, provenance))


def _document(found: Findings, provenance: Provenance) -> Document:
    checked = checked_claims(found.models, found.records)
    licences = [f"{name}: {facts['licence']}" for name, facts in provenance.data.items()]
    return Document(
        TITLE,
        QUESTION,
        findings(found.models, found.records, checked),
        (*tables(found.models, found.records), table_of_claims(checked)),
        tuple(figures(found.models, found.records, found.figures)),
        tuple(dict.fromkeys(found.skipped)),
        (
            "S. Shimangaud, R. Thaney. Investigating the Arithmetic of Visual Embeddings: Comparisons between Model "
            "Families and Extraction Techniques. Student report, McGill University, 2024.",
            *licences,
        ),
        tuple(found.scatters),
    )


ENTRIES = {
    "shimangaud2024": Experiment(
        id="shimangaud2024",
        title="Arithmetic of embeddings",
        citation="shimangaud2024",
        question=QUESTION,
        claims=CLAIMS,
        run=run,
        published_models=PUBLISHED_MODELS,
        models=("minilm", "efficientnet-lite0"),
    )
}
