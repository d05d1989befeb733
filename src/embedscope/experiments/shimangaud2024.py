"""Does b - a + c land on d, and is it the relation that does it or merely that d is near c?

S. Shimangaud, R. Thaney, "Investigating the Arithmetic of Visual Embeddings", student report, McGill University, 2024
(shimangaud2024). Run it with

    embedscope reproduce shimangaud2024 --out out
    embedscope reproduce shimangaud2024 --models gensim:FILE,hf:openai/clip-vit-base-patch32#image,timm:resnet50 \
        --data DIR --scale full --out out

where DIR holds SemEval-2012, and optionally images ``concept/*.jpg`` with ``questions.txt``. Expected: CLIP
finds d among the first five for 25 of 50 questions, and for 23 of 50 random pairs (Tables 1 and 2). The claims are in
``_shimangaud2024.numbers``.
"""

from __future__ import annotations

from embedscope.core.document import Document
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.experiments._shimangaud2024.claims import check_claims, table_of_claims
from embedscope.experiments._shimangaud2024.figures import figures
from embedscope.experiments._shimangaud2024.findings import findings
from embedscope.experiments._shimangaud2024.gains import gain_charts, headline
from embedscope.experiments._shimangaud2024.numbers import CLAIMS, PUBLISHED_MODELS
from embedscope.experiments._shimangaud2024.run import PIXELS, SCALES, StudyResults, measure_model
from embedscope.experiments._shimangaud2024.scores import MAIN, PUBLISHED
from embedscope.experiments._shimangaud2024.study_data import StudyData, load_study_data
from embedscope.experiments._shimangaud2024.tables import tables
from embedscope.experiments.experiment import Experiment, Options
from embedscope.stats.bootstrap import N_DRAWS

IDS = ("shimangaud2024",)

TITLE = "Do embeddings add and subtract?"
QUESTION = (
    "For word vectors, king - man + woman is said to equal queen. Is d the nearest neighbour of b - a + c for words, "
    "sentences and images, and is that due to the relation, or is d simply near c?"
)


def run(options: Options) -> Result:
    """Carry out the study on ``options.models``, their random initialisations and raw pixels."""
    from embedscope.datasets import Finder

    if options.scale not in SCALES:
        raise InputError(f"unknown scale '{options.scale}', wanted one of {', '.join(SCALES)}")
    provenance = Provenance(options.command, options.seed)
    with provenance.phase("data"):
        study_data = load_study_data(options, Finder(options.data, download=options.download))
    return run_study(study_data, options, provenance)


def run_study(study_data: StudyData, options: Options, provenance: Provenance) -> Result:
    """The study on loaded data.

    Raises
    ------
    InputError
        if it holds no questions.
    """
    if not study_data.sets:
        raise InputError(
            "there are no questions; install embedscope[images] for the emoji, or name a folder with --data that "
            "holds SemEval-2012 or images with questions.txt"
        )
    provenance.data = study_data.data
    results = StudyResults(skipped=study_data.skipped)
    for skipped in study_data.skipped:
        options.progress.note(f"{skipped.what}: {skipped.why}")
    for source in dict.fromkeys(options.models):
        measure_model(source, study_data, options, provenance, results)
    provenance.settings = {
        "scale": options.scale,
        "contexts": options.contexts,
        "taken": SCALES[options.scale],
        "sets": {question_set.name: question_set.subset or "all" for question_set in study_data.sets},
        "questions": {question_set.name: len(question_set.questions) for question_set in study_data.sets},
        "candidates": {question_set.name: len(question_set.concepts) for question_set in study_data.sets},
        "main_way": MAIN,
        "published_way": PUBLISHED,
        "pixels": PIXELS,
        "dtype": options.dtype,
        "bootstrap_draws": N_DRAWS,
    }
    return Result(tuple(results.records), provenance.as_dict(), _document(results, provenance))


def _document(results: StudyResults, provenance: Provenance) -> Document:
    checked = check_claims(results.models, results.records)
    licences = [f"{name}: {facts['licence']}" for name, facts in provenance.data.items()]
    charts = gain_charts(results.models, results.records)
    return Document(
        TITLE,
        QUESTION,
        findings(results.models, results.records, checked),
        (*tables(results.models, results.records), table_of_claims(checked)),
        tuple(figures(results.models, results.records, results.figures)),
        tuple(dict.fromkeys(results.skipped)),
        (
            "S. Shimangaud, R. Thaney. Investigating the Arithmetic of Visual Embeddings: Comparisons between Model "
            "Families and Extraction Techniques. Student report, McGill University, 2024.",
            *licences,
        ),
        tuple(results.scatters),
        headline=headline(results.models, results.records, charts),
        dots=charts,
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
        reads_contexts=True,
        datasets=("emoji", "semeval2012", "google_analogies", "bats", "caltech101"),
        libraries={"torch": "hf", "transformers": "hf"},
    )
}
