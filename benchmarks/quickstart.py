"""`embedscope quickstart`, whole command, from a warm install: what a person waits for first.

EMBEDSCOPE_BENCH_SCALE below 1 takes the one smaller model, to see that the row runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from benchmarks._rows import FOLDER, SCALE, MissingError, header, rows


def quickstart(models: str) -> None:
    """One run in a process of its own, with an empty cache."""
    command = [sys.executable, "-m", "embedscope", "quickstart", "--models", models, "--quiet"]
    command += ["--data", str(FOLDER)] if FOLDER.exists() else []
    with tempfile.TemporaryDirectory() as folder:
        command += ["--out", f"{folder}/out"]
        environment = {**os.environ, "EMBEDSCOPE_CACHE": f"{folder}/cache"}
        wall, before = time.perf_counter(), os.times()
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=folder)
        wall, after = time.perf_counter() - wall, os.times()
    if done.returncode:
        raise MissingError(f"the command ended with {done.returncode}: {' '.join(done.stderr.split())[-200:]}")
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"| `quickstart` with {models} | {wall:.0f} | {spent:.0f} | 75 |", flush=True)


def main() -> None:
    header("what", "wall, s", "processor, s", "target, s")
    models = "minilm,smollm2" if SCALE == 1 else "minilm"
    rows("`quickstart`", 4, lambda: quickstart(models))


if __name__ == "__main__":
    main()
