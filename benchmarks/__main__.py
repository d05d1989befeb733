"""Run benchmarks: `python -m benchmarks` all, into `results.json` and BENCHMARKS.md; with names these, and only print.

Options: `--keep` puts those that are named into the results too; `--page` writes the page and runs nothing.
EMBEDSCOPE_BENCH_SCALE=0.01 takes a hundredth of the rows, to see that everything runs; nothing is kept then.
A benchmark whose data or peers are not here says so; one that fails is named at the end.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import _page
from benchmarks._rows import SCALE

SPEED = (
    "alignment",
    "analogies",
    "diagnose",
    "engines",
    "evidence",
    "extraction",
    "frontier",
    "measure",
    "neighbours",
    "peers",
    "precision",
    "quickstart",
    "scale",
    "startup",
)
"""What `make bench` runs. The others simulate or need data of their own, and their numbers stand in the docs."""

HERE = Path(__file__).resolve().parent


def machine() -> str:
    """Day, processor and versions of this run."""
    from embedscope.core.provenance import hardware, versions

    facts, v = hardware(), versions()
    libraries = ", ".join(f"{n} {v[n]}" for n in ("numpy", "torch", "transformers", "sentence-transformers") if n in v)
    day = datetime.now(UTC).date().isoformat()
    cores = f"{os.cpu_count()} cores of load {os.getloadavg()[0]:.0f}" if hasattr(os, "getloadavg") else "cores"
    return f"{day}, {facts['processor']}, {cores}, Python {platform.python_version()}, {libraries}."


def main() -> int:
    """Run what is asked for; 1 where a benchmark failed."""
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    names = [word for word in sys.argv[1:] if not word.startswith("--")]
    if "--page" in options:
        _page.write()
        return 0
    kept = SCALE == 1 and (not names or "--keep" in options)
    failed = []
    for name in names or SPEED:
        print(f"## {name}\n", flush=True)
        command = [sys.executable, "-m", "benchmarks._section", name]
        run = subprocess.run(command, check=False, capture_output=True, text=True, cwd=HERE.parent)
        print(run.stdout, flush=True)
        if run.returncode:
            failed.append(name)
            sys.stderr.write(run.stderr)
        elif kept:
            _page.keep(name, machine(), run.stdout)
    if kept:
        _page.write()
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
