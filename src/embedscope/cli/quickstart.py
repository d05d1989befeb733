"""``embedscope quickstart``: the first study on the models that install from PyPI."""

from __future__ import annotations

from pathlib import Path

from embedscope.cli import _common as common
from embedscope.cli.reproduce import ModelsOption, OfflineOption, OutOption, ScaleOption, reproduce


def quickstart(
    models: ModelsOption = None,
    out: OutOption = Path("out"),
    scale: ScaleOption = "smoke",
    offline: OfflineOption = False,
    json: common.JsonOption = None,
    data: common.DataOption = None,
    quiet: common.QuietOption = False,
    seed: common.SeedOption = 0,
) -> None:
    """Start here: contrastive against next-token training on two real models, with a report in a few minutes."""
    reproduce("wolfe2022", models, out, scale, offline=offline, json=json, data=data, quiet=quiet, seed=seed)
