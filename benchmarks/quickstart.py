"""`embedscope quickstart`, whole command, from a warm install: what a person waits for first.

The control is what nothing can leave out: the study runs a second time and notes the shape of every batch, and each
model then runs through batches of these shapes alone, in bare transformers, without keeping anything.
EMBEDSCOPE_BENCH_SCALE below 1 takes the one smaller model, to see that the rows run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks._rows import FOLDER, SCALE, MissingError, header, rows

TARGET = 75
"""Seconds."""

OUT = "OUT"
"""Stands for a folder in a command."""


def run(command: list[str]) -> tuple[float, float, str]:
    """Seconds of wall clock and of processor of a process with an empty cache, and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "EMBEDSCOPE_CACHE": f"{folder}/cache"}
        command = [part.replace(OUT, f"{folder}/out") for part in command]
        wall, before = time.perf_counter(), os.times()
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    wall, after = time.perf_counter() - wall, os.times()
    if done.returncode:
        raise MissingError(f"the command ended with {done.returncode}: {' '.join(done.stderr.split())[-200:]}")
    return (
        wall,
        after.children_user + after.children_system - before.children_user - before.children_system,
        done.stdout,
    )


def quickstart(models: str) -> None:
    """One run in a process of its own, and its control in another."""
    data = ["--data", str(FOLDER)] if FOLDER.exists() else []
    wall, spent, _ = run(
        [sys.executable, "-m", "embedscope", "quickstart", "--models", models, "-q", *data, "--out", OUT]
    )
    print(f"| `quickstart` with {models} | {wall:.0f} | {spent:.0f} | | {TARGET} |", flush=True)
    *_, said = run([sys.executable, "-m", "benchmarks.quickstart", models])
    passes, tokens, bare_wall, bare = said.split()[-4:]
    what = f"control: its {int(passes):,} batches of {int(tokens):,} tokens through the same models, bare transformers"
    print(f"| {what} | {float(bare_wall):.0f} | {float(bare):.0f} | {wall / float(bare_wall):.2f} | |", flush=True)


def control(models: str) -> None:
    """Batches, tokens, and seconds of wall clock and of processor of the bare passes, as one line."""
    import numpy as np
    import torch

    import embedscope
    from embedscope.encoders._taps import LayerTaps

    shapes: list[tuple[Any, tuple[int, int], bool]] = []
    own = LayerTaps.run

    def note(taps: LayerTaps, ids: Any, mask: Any, *more: Any, **named: Any) -> Any:
        shapes.append((taps.model, tuple(ids.shape), mask is not None))
        return own(taps, ids, mask, *more, **named)

    LayerTaps.run = note  # type: ignore[method-assign]
    data = FOLDER if FOLDER.exists() else None
    embedscope.reproduce("wolfe2022", models=models.split(","), data=data)
    batches = [
        (m, torch.from_numpy(np.random.default_rng(0).integers(5, 1000, shape)), mask) for m, shape, mask in shapes
    ]
    wall, processor = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        for model, ids, mask in batches:
            given = {"input_ids": ids} | ({"attention_mask": torch.ones_like(ids)} if mask else {})
            model(**given, **({"use_cache": False} if getattr(model.config, "use_cache", None) is not None else {}))
    taken = time.perf_counter() - wall, time.process_time() - processor
    print(len(batches), sum(ids.numel() for _, ids, _ in batches), *taken)


def main() -> None:
    if len(sys.argv) > 1:
        control(sys.argv[1])
        return
    header("what", "wall, s", "processor, s", "`quickstart` over it", "target, s")
    models = "minilm,smollm2" if SCALE == 1 else "minilm"
    rows("`quickstart`", 5, lambda: quickstart(models))


if __name__ == "__main__":
    main()
