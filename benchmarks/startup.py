"""How long the command line takes to start, whole process, against an empty Python."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np


def seconds(command: list[str], runs: int = 7) -> float:
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - begin)
    return median(times[1:])


def main() -> None:
    program = [sys.executable, "-m", "embedscope"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.npy"
        np.save(file, np.random.default_rng(0).normal(size=(1_000, 384)).astype(np.float32))
        found = [
            ("empty Python", seconds([sys.executable, "-c", "pass"]), ""),
            ("`import numpy`", seconds([sys.executable, "-c", "import numpy"]), ""),
            ("`embedscope --help`", seconds([*program, "--help"]), "0.5"),
            ("`embedscope measure` on 1,000 x 384", seconds([*program, "measure", str(file), "--quiet"]), "1.2"),
        ]
    print("| command | median of 6, s | target, s |\n|---|---|---|")
    for name, time_taken, target in found:
        print(f"| {name} | {time_taken:.2f} | {target} |")


if __name__ == "__main__":
    main()
