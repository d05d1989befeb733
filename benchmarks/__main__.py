"""Run every benchmark and write BENCHMARKS.md: `python -m benchmarks`; with names, run these and only print."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
INTRO = """# Benchmarks

Measured by `make bench`; each ratio is taken in one run on one machine, so it holds where absolute times do not.
Targets are those the project set itself; one that is missed says so.
"""


def machine() -> str:
    from embedscope.core.provenance import hardware, versions

    facts, v = hardware(), versions()
    libraries = ", ".join(f"{n} {v[n]}" for n in ("numpy", "torch", "transformers", "sentence-transformers") if n in v)
    day = datetime.now(UTC).date().isoformat()
    return f"{day}, {facts['processor']}, {os.cpu_count()} cores, Python {platform.python_version()}, {libraries}."


def main() -> int:
    every = sorted(p.stem for p in HERE.glob("*.py") if not p.name.startswith("_"))
    names = sys.argv[1:] or every
    parts = [INTRO, machine() + "\n"]
    for name in names:
        run = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], check=False, capture_output=True, text=True, cwd=HERE.parent
        )
        sys.stderr.write(run.stderr if run.returncode else "")
        print(run.stdout, flush=True)
        if run.returncode:
            print(f"benchmark {name} failed", file=sys.stderr)
            return 1
        parts.append(f"## {name}\n\n`python -m benchmarks.{name}`\n\n{run.stdout.strip()}\n")
    if names == every:
        (HERE.parent / "BENCHMARKS.md").write_text("\n".join(parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
