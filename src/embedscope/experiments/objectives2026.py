"""Is it the contrast, its temperature, or the images? The same network trained on the same texts with other losses.

Wolfe & Caliskan 2022 compare GPT-2 with CLIP's text tower, which differ in data and size too, and leave open whether
contrast without images has the same effect (their section 6.1). Run it with

    embedscope reproduce objectives2026 --out out
    embedscope reproduce objectives2026 --scale full --data DIR --out out

Networks are trained from scratch; what is trained is kept in the cache and not trained again.
"""

from __future__ import annotations

from embedscope.core.document import Document, Skipped
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.experiments._objectives2026.arms import ARMS, SIZES, setting
from embedscope.experiments._objectives2026.figures import figures
from embedscope.experiments._objectives2026.findings import findings, headline
from embedscope.experiments._objectives2026.numbers import Numbers
from embedscope.experiments._objectives2026.run import networks, select_arms
from embedscope.experiments._objectives2026.tables import tables
from embedscope.experiments.experiment import Experiment, Options

IDS = ("objectives2026",)

TITLE = "Is it the contrast, its temperature, or the images?"
QUESTION = (
    "One GPT-2 architecture, one tokenizer, the same texts, steps and initial weights: what do next-token prediction, "
    "contrast of texts at three temperatures, both together, and contrast with images do to the vectors of every layer?"
)
SOURCES = (
    "R. Wolfe, A. Caliskan. Contrastive Visual Semantic Pretraining Magnifies the Semantics of Natural Language "
    "Representations. ACL 2022. arXiv 2203.07511 (measures, and the question of section 6.1)",
    "D. Elliott et al. Multi30k. 2016; T.-Y. Lin et al. COCO. 2014 (captions)",
    "Emoji names and drawings: see the data set emoji (Twemoji CC BY 4.0, OpenMoji CC BY-SA 4.0)",
)


def run(options: Options) -> Result:
    """Train the arms ``options.models`` with every seed of the scale, measure them, and say what differs."""
    from embedscope.datasets import Finder

    if options.scale not in SIZES:
        raise InputError(f"unknown scale '{options.scale}', wanted one of {', '.join(SIZES)}")
    size = SIZES[options.scale]
    arms = select_arms(options.models)
    provenance = Provenance(options.command, options.seed)
    finder = Finder(options.data, download=options.download)
    trained, skipped = networks(arms, size, options, finder, provenance)
    provenance.settings = {"scale": options.scale, "taken": setting(size), "transform": options.transform}
    numbers = Numbers(trained)
    document = Document(
        TITLE,
        QUESTION,
        findings(numbers),
        tables(numbers),
        figures(numbers),
        (Skipped(f"scale {options.scale}", f"{size.description}: {setting(size)}"), *skipped),
        SOURCES,
        headline=headline(numbers),
    )
    records = tuple(r for network in trained for r in network.records)
    return Result((*records, *numbers.records()), provenance.as_dict(), document)


ENTRIES = {
    "objectives2026": Experiment(
        id="objectives2026",
        title="One network, several training objectives",
        citation="wolfe2022",
        question=QUESTION,
        claims=(),
        run=run,
        models=tuple(ARMS),
        own_models_alone=True,
        datasets=("multi30k", "coco", "emoji", "rg65", "wordsim353", "simlex999", "simverb3500", "bellezza", "stsb"),
        libraries={"torch": "hf", "transformers": "hf", "efficientnet_lite_pytorch": "images"},
    )
}
