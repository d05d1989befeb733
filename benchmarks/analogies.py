"""Analogies against gensim's evaluate_word_analogies and against the bare blocked product, on vectors made for it.

300,000 words x 300, the 19,544 Google questions. gensim takes questions one by one and is timed on every 20th;
`python -m benchmarks.analogies --all` times it on all. Accuracy is compared question by question.
"""

from __future__ import annotations

import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

from benchmarks._rows import MissingError, peer, scale

N, DIM = scale(300_000, 30_000), 300
EVERY = 20
BLOCK = 8192


def make() -> tuple[list[str], np.ndarray, np.ndarray, list[str]]:
    """Words, vectors with relations in them, questions as rows, their sections."""
    from embedscope.datasets import DATASETS, Finder

    data = DATASETS.get("google_analogies").load(Finder())
    asked = data.relations["questions"]
    known = data.tables["words"].texts
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N, DIM), dtype=np.float32)
    place = rng.choice(N, len(known), replace=False)
    names = [f"filler{i}" for i in range(N)]
    for word, i in zip(known, place, strict=True):
        names[i] = word
    rows = place[asked.rows]
    sections = np.array(asked.section)
    for section in dict.fromkeys(asked.section):
        pairs = np.unique(rows[sections == section][:, :2], axis=0)
        x[pairs[:, 1]] = 0.55 * x[pairs[:, 0]] + 0.6 * x[pairs[:, 1]] + rng.standard_normal(DIM, dtype=np.float32) * 0.7
    return names, x, rows, list(asked.section)


def bare(x: np.ndarray, rows: np.ndarray) -> float:
    """Seconds of the product of all offsets with all words, block by block, nothing kept."""
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    begin = time.perf_counter()
    y = u[rows[:, 1]] - u[rows[:, 0]] + u[rows[:, 2]]
    out = np.empty((1024, BLOCK), dtype=np.float32)
    for lo in range(0, len(y), 1024):
        for at in range(0, len(u), BLOCK):
            left, right = y[lo : lo + 1024], u[at : at + BLOCK]
            np.matmul(left, right.T, out=out[: len(left), : len(right)])
    return time.perf_counter() - begin


def theirs(names: list[str], x: np.ndarray, rows: np.ndarray, sections: list[str]) -> tuple[float, list[list[str]]]:
    """Seconds of gensim, and the questions it gets right."""
    vectors = peer("gensim.models", "gensim").KeyedVectors(DIM)
    vectors.add_vectors(names, x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "questions.txt"
        lines = []
        for i, (row, section) in enumerate(zip(rows, sections, strict=True)):
            lines += [f": {section}"] if i == 0 or section != sections[i - 1] else []
            lines.append(" ".join(names[j] for j in row))
        path.write_text("\n".join(lines) + "\n")
        vectors.fill_norms()
        begin = time.perf_counter()
        _, found = vectors.evaluate_word_analogies(str(path), restrict_vocab=N, case_insensitive=False)
        seconds = time.perf_counter() - begin
    return seconds, [list(q) for q in found[-1]["correct"]]


def main() -> None:
    from embedscope.tasks.analogy_outcome import outcome
    from embedscope.tasks.analogy_questions import Questions
    from embedscope.tasks.analogy_ranks import Asked, analogy_ranks
    from embedscope.tasks.analogy_rows import CandidateRows

    names, x, rows, sections = make()
    product = bare(x, rows)
    begin = time.perf_counter()
    found = analogy_ranks(CandidateRows.of(x, "unit"), [Asked("3cosadd", rows[:, :3], rows[:, 3:])])[0]
    ours = time.perf_counter() - begin
    number = {s: i for i, s in enumerate(dict.fromkeys(sections))}
    lists, section = np.arange(len(rows)), np.array([number[s] for s in sections])
    questions = Questions("words", rows[:, :3], rows[:, 3:], lists, section, tuple(number))
    begin = time.perf_counter()
    outcome(CandidateRows.of(x, "unit"), questions)
    controlled = time.perf_counter() - begin
    some = np.arange(0, len(rows), 1 if "--all" in sys.argv else EVERY)
    tracemalloc.start()
    analogy_ranks(CandidateRows.of(x, "unit"), [Asked("3cosadd", rows[::EVERY, :3], rows[::EVERY, 3:])])
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    print(f"19,544 questions, {N:,} words x {DIM}, accuracy {found.hits(1).mean():.4f}\n")
    print("| what | seconds | ratio | target |")
    print("|---|---|---|---|")
    print(f"| bare blocked product of all offsets with all words | {product:.1f} | 1 | |")
    print(f"| ranks of all answers | {ours:.1f} | {ours / product:.2f} of the product | 1.5 |")
    print(f"| the same with its seven controls | {controlled:.1f} | {controlled / product:.2f} of the product | |")
    try:
        seconds, right = theirs(names, x, rows[some], [sections[i] for i in some])
    except MissingError as why:
        print(f"| gensim evaluate_word_analogies | not run: {why} | | |\n\nMemory: {peak:.0f} MiB beyond x.")
        return
    gensim = seconds * len(rows) / len(some)
    mine = [[names[j] for j in rows[i]] for i in some if found.rank[i] == 1]
    timed = "all questions" if len(some) == len(rows) else f"{len(some):,} questions, scaled up"
    print(f"| gensim evaluate_word_analogies, {timed} | {gensim:.1f} | {gensim / ours:.0f}x slower | 10x |")
    same = "the same" if right == mine else "DIFFERENT"
    print(
        f"\nQuestions that gensim got right: {len(right):,} of {len(some):,}; ours: {same}. "
        f"Memory: {peak:.0f} MiB beyond x."
    )


if __name__ == "__main__":
    main()
