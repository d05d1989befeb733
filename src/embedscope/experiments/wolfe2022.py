"""Do contrastively trained language models have better geometry?

R. Wolfe, A. Caliskan, "Contrastive Visual Semantic Pretraining Magnifies the Semantics of Natural Language
Representations", ACL 2022 (wolfe2022). Run it with

    embedscope reproduce wolfe2022 --models smollm2,minilm --out out
    embedscope reproduce wolfe2022 --models gpt2,hf:openai/clip-vit-base-patch32#text --scale full --data DIR --out out

Expected with the paper's models: RG-65 best layer .88 for CLIP and .44 for GPT-2; self-similarity below .25 in every
layer of CLIP and above .55 in every layer of GPT-2 (Table 1, Figure 1). The claims are in ``_wolfe2022.numbers``.
"""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Document, Skipped
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.experiments._wolfe2022.claims import check_claims
from embedscope.experiments._wolfe2022.figures import figures
from embedscope.experiments._wolfe2022.findings import findings
from embedscope.experiments._wolfe2022.lookup import shared_tasks
from embedscope.experiments._wolfe2022.numbers import CLAIMS, PUBLISHED_MODELS
from embedscope.experiments._wolfe2022.run import (
    SCALES,
    ModelRun,
    StudyData,
    load_study_data,
    measure_model,
    within_context,
)
from embedscope.experiments._wolfe2022.tables import tables
from embedscope.experiments.experiment import Experiment, Options
from embedscope.stats.bootstrap import N_DRAWS

IDS = ("wolfe2022",)

TITLE = "Does contrastive training give a language model better geometry?"
QUESTION = (
    "Layer by layer, are the vectors of a contrastively trained text encoder more isotropic, and do they encode more "
    "word and sentence meaning, than those of a model trained to predict the next token?"
)

BASELINE_PARTS = (
    Skipped("pooling plain of the random initialisations", "they are read in BOS+EOS and EOS alone, to save time"),
)


def run(options: Options) -> Result:
    """Carry out the study on ``options.models`` and their random initialisations."""
    from embedscope.datasets import Finder
    from embedscope.evaluation.scoring import data_facts

    if options.scale not in SCALES:
        raise InputError(f"unknown scale '{options.scale}', wanted one of {', '.join(SCALES)}")
    scale = SCALES[options.scale]
    provenance = Provenance(options.command, options.seed)
    with provenance.phase("data"):
        study_data = load_study_data(options, scale, Finder(options.data, download=options.download))
        study_data = within_context(study_data, options.models, options.seed, options.published)
    for skipped in study_data.skipped:
        options.progress.note(f"{skipped.what}: {skipped.why}")
    runs: list[ModelRun] = []
    for uri in options.models:
        trained = measure_model(uri, options, scale, study_data, provenance)
        runs += [trained, measure_model(f"random:{uri}", options, scale, study_data, provenance, trained.role)]
    provenance.data = data_facts(study_data.jobs)
    provenance.settings = {
        "scale": options.scale,
        "taken": scale.description,
        "transform": options.transform,
        "first_position": options.first_position,
        "corpus": study_data.corpus,
        "dtype": options.dtype,
        "bootstrap_draws": N_DRAWS,
        "jackknife_groups": 16,
    }
    with provenance.phase("document"):
        document = _document(runs, study_data, options)
    records = [r for m in runs for r in [*m.geometry, *(s.record() for s in m.scored)]]
    return Result(tuple(records), provenance.as_dict(), document)


def _document(runs: Sequence[ModelRun], study_data: StudyData, options: Options) -> Document:
    tasks = shared_tasks(runs)
    checked = check_claims(runs, options.scale == "full")
    skipped = [*study_data.skipped, *BASELINE_PARTS, *(s for m in runs for s in _undefined_scores(m))]
    return Document(
        TITLE,
        QUESTION,
        findings(runs, tasks, checked, options.first_position),
        tables(runs, tasks, checked),
        figures(runs, tasks),
        tuple(skipped),
        (
            "R. Wolfe, A. Caliskan. Contrastive Visual Semantic Pretraining Magnifies the Semantics of Natural "
            "Language Representations. ACL 2022. arXiv 2203.07511",
            *dict.fromkeys(
                f"{m.name}: {m.facts.get('licence') or 'licence not stated'}" for m in runs if not m.baseline
            ),
        ),
    )


def _undefined_scores(run: ModelRun) -> list[Skipped]:
    """One line for each place where scores are undefined, with the first reason that a task gave."""
    places: dict[tuple[str, str | None], list[str]] = {}
    reasons: dict[tuple[str, str | None], str] = {}
    for s in run.scored:
        if s.score.value is None and s.score.note:
            places.setdefault((s.space, s.pooling), []).append(s.metric)
            reasons.setdefault((s.space, s.pooling), s.score.note)
    return [
        Skipped(
            f"{run.label}, {space}, {pooling or 'pooled'}: no score of {', '.join(metrics)}", reasons[space, pooling]
        )
        for (space, pooling), metrics in places.items()
    ]


ENTRIES = {
    "wolfe2022": Experiment(
        id="wolfe2022",
        title="Contrastive against next-token language models, layer by layer",
        citation="wolfe2022",
        question=QUESTION,
        claims=CLAIMS,
        run=run,
        models=("smollm2", "minilm"),
        full_models=("e5",),
        published_models=PUBLISHED_MODELS,
        datasets=(
            "rg65",
            "wordsim353",
            "simlex999",
            "simverb3500",
            "bellezza",
            "vader",
            "stsb",
            "lee",
            "lee_sentences",
            *("sts12", "sts13", "sts14", "sts15", "sts16", "sts_sentences"),
        ),
        libraries={"torch": "hf", "transformers": "hf"},
        reads=("transform", "first_position"),
    )
}
