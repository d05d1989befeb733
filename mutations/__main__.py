"""Apply every mutation in a copy of the tree, run the tests that must fail, and print what was caught.

    python -m mutations [--jobs N] [WORD ...]     (words: mutations whose name or file holds one of them)

The named tests must pass on the copy as it is; then each must fail for its mutation, by a failed test and not by an
error of import. Exit status 1 where a mutation survives, does not apply, or the tests fail without it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from mutations.entries import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", "out", "dist", "build", "site"
)
SECONDS = 600
_TESTS_FAILED = 1  # exit status of pytest; 2 to 5 are errors of import, of usage, or no test at all


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutations that ``arguments`` name, all where they name none."""
    parser = argparse.ArgumentParser(prog="python -m mutations", description="Break the statistics; tests must notice.")
    parser.add_argument(
        "words", nargs="*", help="mutations whose name or file holds one of these words; all by default"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="copies of the tree to work in")
    options = parser.parse_args(arguments)
    chosen = [m for m in MUTATIONS if not options.words or any(w in m.name or w in m.file for w in options.words)]
    if not chosen:
        parser.error(f"no mutation holds {' or '.join(options.words)}; python -m mutations runs all")
    with tempfile.TemporaryDirectory(prefix="embedscope-mutations-") as folder:
        trees = [shutil.copytree(ROOT, Path(folder) / str(i), ignore=LEFT_OUT) for i in range(max(1, options.jobs))]
        return _run(chosen, trees)


def _run(chosen: Sequence[Mutation], trees: Sequence[Path]) -> int:
    named = sorted({test for m in chosen for test in m.tests})
    print(f"{len(named)} tests on the tree as it is ...", flush=True)
    status, output = run_tests(trees[0], named)
    if status:
        print(output)
        print("These tests must pass before a mutation can tell anything.")
        return 1
    idle: SimpleQueue[Path] = SimpleQueue()
    for tree in trees:
        idle.put(tree)

    def try_mutation(mutation: Mutation) -> bool:
        tree, start = idle.get(), time.monotonic()
        try:
            outcome = outcome_of(tree, mutation)
        finally:
            idle.put(tree)
        print(f"{outcome:<40}  {time.monotonic() - start:4.0f} s  {mutation.file:<36}  {mutation.name}", flush=True)
        return outcome == "caught"

    with ThreadPoolExecutor(len(trees)) as pool:
        caught = list(pool.map(try_mutation, chosen))
    print(f"{sum(caught)} of {len(caught)} mutations caught")
    return 0 if all(caught) else 1


def outcome_of(tree: Path, mutation: Mutation) -> str:
    """``caught``, or what is wrong; ``tree`` is as it was afterwards."""
    file = tree / mutation.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutation.old) != 1:
        return f"STALE: old text occurs {text.count(mutation.old)} times"
    file.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        status, output = run_tests(tree, mutation.tests)
    finally:
        file.write_text(text, encoding="utf-8")
    if status == 0:
        return "SURVIVED"
    if status != _TESTS_FAILED:
        print(output)
        return f"BROKEN: pytest ended with {status}"
    failed = [line.split()[1] for line in output.splitlines() if line.startswith("FAILED ")]
    missed = [test for test in mutation.tests if not any(_is_of(line, test) for line in failed)]
    return f"SURVIVED {', '.join(t.rpartition('::')[2] for t in missed)}" if missed else "caught"


def _is_of(failed: str, test: str) -> bool:
    return failed == test or failed.startswith((f"{test}[", f"{test}::"))


def run_tests(tree: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Exit status and output of pytest in ``tree``, with its own source; no bytecode, which could be stale."""
    paths = os.pathsep.join(filter(None, (str(tree / "src"), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "CI": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-rf",
        "--no-header",
        "--tb=line",
        "-p",
        "no:cacheprovider",
        "-m",
        "not soak",
        *tests,
    ]
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    raise SystemExit(main())
