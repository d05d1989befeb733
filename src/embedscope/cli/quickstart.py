"""``embedscope quickstart``: the first study on the models that install from PyPI."""

from __future__ import annotations

from pathlib import Path

from embedscope.cli import _options as opt
from embedscope.cli.reproduce import ModelsOption, OfflineOption, OutOption, ScaleOption, reproduce

EXAMPLES = (
    "embedscope quickstart",
    "embedscope quickstart --models minilm,smollm2 --out first",
)


def quickstart(
    scale: ScaleOption = "smoke",
    offline: OfflineOption = False,
    models: ModelsOption = None,
    data: opt.Data = None,
    out: OutOption = Path("out"),
    json: opt.Json = None,
    quiet: opt.Quiet = False,
    seed: opt.Seed = 0,
) -> None:
    """Start here: contrastive against next-token training on two real models, with a report in a few minutes."""
    reproduce("wolfe2022", scale, models=models, out=out, offline=offline, json=json, data=data, quiet=quiet, seed=seed)
