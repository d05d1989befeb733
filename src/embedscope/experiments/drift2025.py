"""Does a bridge keep what a full re-embedding finds?

H. Vejendla, "Drift-Adapter: A Practical Approach to Near Zero-Downtime Embedding Model Upgrades in Vector Databases",
EMNLP 2025 (vejendla2025), claims 95 to 99 % of the recall; other public figures are .871, .671 and, for vectors
compared as they are, .125. This measures what is kept on spaces that install here, by number of pairs, in both
directions:

    embedscope reproduce drift2025 --out out
    embedscope reproduce drift2025 --scale full --data DIR --out out
"""

from __future__ import annotations

from embedscope.core.document import Document, Finding, Skipped
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.experiments._drift2025.findings import findings, headline, kept_charts
from embedscope.experiments._drift2025.run import measure, records_of
from embedscope.experiments._drift2025.spaces import CORPUS, LARGE_CORPUS, NAME_FILES, SCALES, name_pairs, text_pairs
from embedscope.experiments._drift2025.tables import CLAIMS, figures, tables
from embedscope.experiments.experiment import Experiment, Options
from embedscope.migration.maps import has_torch
from embedscope.stats.bootstrap import N_DRAWS

IDS = ("drift2025",)

TITLE = "Does a bridge between two models keep what a full re-embedding finds?"
QUESTION = (
    "A map between the spaces of an old and a new model, fitted on some pairs: how many of the ten nearest rows, and "
    "how much of nDCG@10, does it keep, by the number of pairs, whether queries or documents are mapped?"
)


def run(options: Options) -> Result:
    """Carry out the study on every ordered pair of ``options.models``, and on class names where they are."""
    from embedscope.datasets import Finder

    if options.scale not in SCALES:
        raise InputError(f"unknown scale '{options.scale}', wanted one of {', '.join(SCALES)}")
    scale = SCALES[options.scale]
    provenance = Provenance(options.command, options.seed)
    with provenance.phase("vectors"):
        pairs, skipped = text_pairs(options, scale, provenance)
        names, more = name_pairs(Finder(options.data, options.download))
    measured = []
    with provenance.phase("retention"):
        for pair in [*pairs, *names]:
            measured += measure(pair, scale.pairs, options.seed, options.progress)
    if not measured:
        raise InputError(
            "drift2025 needs two models of texts that open here, or the class names of CLIP; got none: "
            + "; ".join(s.why for s in [*skipped, *more])[:200]
        )
    left = [*skipped, *more] + ([] if has_torch() else [Skipped("residual MLP", "torch is not installed")])
    provenance.settings = {"scale": options.scale, "pairs": list(scale.pairs), "bootstrap_draws": N_DRAWS}
    said: list[Finding] = findings(measured)
    charts = kept_charts(measured)
    document = Document(
        TITLE,
        QUESTION,
        tuple(said),
        tables(measured),
        figures(measured),
        tuple(left),
        ("vejendla2025",),
        headline=headline(measured, charts),
        dots=charts,
    )
    return Result(tuple(records_of(measured)), provenance.as_dict(), document)


ENTRIES = {
    "drift2025": Experiment(
        "drift2025",
        "Drift-Adapter: what a bridge between two models keeps",
        "vejendla2025",
        QUESTION,
        CLAIMS,
        run,
        ("minilm", "e5", "smollm2"),
        datasets=(CORPUS,),
        full_datasets=(LARGE_CORPUS,),
        file_sets=(NAME_FILES,),
    )
}
