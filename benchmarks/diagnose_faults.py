"""What `diagnose` says of 60 seeded faults and of spaces without one: a confusion matrix.

    EMBEDSCOPE_DATA=... python -m benchmarks.diagnose_faults --vectors DIR

Twelve faults in five real spaces each, 400 rows at most (of prompts all 1,203 names). A fault is named where the
finding it should give is there, a note or worse. Of healthy spaces no finding may be serious.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks._spaces import Spaces, pure
from embedscope.core.errors import InputError
from embedscope.diagnosis import diagnose

ROWS = 400
BASES = ("minilm--coco--plain", "e5--coco--query", "clip500/clip/1", "names/detic/lvis", "minilm--m30k_de--plain")
PAIRS = (
    ("clip500/clip/0", "clip500/clip/1"),
    ("e5--coco--query", "e5--coco--passage"),
    ("e5--m30k_en--query", "e5--m30k_de--query"),
    ("names/detic/lvis", "names/object_centric_ovd/lvis"),
    ("e5--coco--query", "e5--coco--plain"),
)
STRANGERS = (
    ("minilm--coco--plain", "e5--coco--query"),
    ("clip500/clip/1", "names/detic/lvis"),
    ("e5--coco--query", "smollm2--coco--plain"),
    ("clip500/clip/0", "clip500/convirt/0"),
    ("minilm--m30k_de--plain", "random:minilm--coco--plain"),
)
PROMPTS = (
    ("names/detic/lvis", "names/object_centric_ovd/lvis"),
    ("names/object_centric_ovd/lvis", "names/detic/lvis"),
    ("names/detic/lvis", "names/object_centric_ovd/lvis"),
    ("e5--coco--query", "e5--coco--plain"),
    ("e5--coco--passage", "e5--coco--plain"),
)
CUTS = ("minilm--coco--cut", "minilm--coco5--cut", "minilm--m30k_en--cut", "minilm--m30k_de--cut", "minilm--sts--cut")

Floats = np.ndarray[Any, np.dtype[np.float64]]


def rows(x: Floats, rng: np.random.Generator) -> Floats:
    """At most ``ROWS`` of the rows, in random order."""
    return np.asarray(x[rng.permutation(len(x))[:ROWS]])


def change_rows(
    change: Callable[[Floats, np.random.Generator], Floats],
) -> Callable[[Spaces], Iterator[dict[str, Any]]]:
    """The fault ``change`` of the rows of each base space."""

    def make(spaces: Spaces) -> Iterator[dict[str, Any]]:
        for i, base in enumerate(BASES):
            rng = np.random.default_rng([11, i])
            yield {"source": change(rows(spaces[base], rng), rng)}

    return make


def halves(
    names: tuple[tuple[str, str], ...], share: float = 0.5, most: int = ROWS
) -> Callable[[Spaces], Iterator[dict[str, Any]]]:
    """Rows of the first space, a share of them in place of these of the second."""

    def make(spaces: Spaces) -> Iterator[dict[str, Any]]:
        for i, (a, b) in enumerate(names):
            rng = np.random.default_rng([12, i])
            x, y = spaces[a], spaces[b]
            d = min(x.shape[1], y.shape[1])
            n = min(len(x), len(y), most)
            order, k = rng.permutation(min(len(x), len(y)))[:n], round(n * share)
            yield {"source": np.concatenate([y[order[:k], :d], x[order[k:], :d]])[rng.permutation(n)]}

    return make


def pairs(share: float) -> Callable[[Spaces], Iterator[dict[str, Any]]]:
    """Matching rows, a share of them shuffled."""

    def make(spaces: Spaces) -> Iterator[dict[str, Any]]:
        for i, (a, b) in enumerate(PAIRS):
            rng = np.random.default_rng([13, i])
            order = rng.permutation(min(len(spaces[a]), len(spaces[b])))[:ROWS]
            x, y = spaces[a][order], spaces[b][order]
            k = round(share * len(x))
            y[:k] = y[rng.permutation(k)]
            yield {"pair": (x, y)}

    return make


def cut(spaces: Spaces) -> Iterator[dict[str, Any]]:
    """Texts of which three words were embedded."""
    for i, name in enumerate(CUTS):
        rng = np.random.default_rng([14, i])
        yield {"source": rows(spaces[name], rng)}


def zeros(x: Floats, rng: np.random.Generator) -> Floats:
    x[rng.permutation(len(x))[:8]] = 0
    return x


def duplicates(x: Floats, rng: np.random.Generator) -> Floats:
    n = len(x) // 8
    return np.concatenate([x, x[:n]])[rng.permutation(len(x) + n)]


def rogue(x: Floats, rng: np.random.Generator) -> Floats:
    x[:, int(rng.integers(x.shape[1]))] += 3.0
    return x


def constant(x: Floats, rng: np.random.Generator) -> Floats:
    return x + 5 * rng.normal(size=x.shape[1]) / x.shape[1] ** 0.5


def lengths(x: Floats, rng: np.random.Generator) -> Floats:
    return x * np.exp(0.6 * rng.normal(size=(len(x), 1)))


def half_exported(x: Floats, rng: np.random.Generator) -> Floats:
    k = len(x) // 2
    x = np.asarray(x, dtype=np.float32)
    x[:k] = x[:k].astype(np.float16)
    return x[rng.permutation(len(x))]


def overflow(x: Floats, rng: np.random.Generator) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray((x * 2_000_000).astype(np.float16), dtype=np.float32)


FAULTS: tuple[tuple[str, tuple[str, ...], Callable[[Spaces], Iterator[dict[str, Any]]]], ...] = (
    ("a fifth of another model", ("two_populations",), halves(STRANGERS, 0.2)),
    ("prompt or prefix missing on half the rows", ("two_kinds",), halves(PROMPTS, most=1203)),
    ("shuffled ids", ("mismatched_pairs", "pairs_match"), pairs(1.0)),
    ("half of the pairs stale", ("mismatched_pairs",), pairs(0.5)),
    ("texts cut to three words", ("copies",), cut),
    ("float16 overflow", ("refused",), change_rows(overflow)),
    ("zero rows", ("zero_rows",), change_rows(zeros)),
    ("duplicates", ("copies",), change_rows(duplicates)),
    ("rogue coordinate", ("rogue_coordinate",), change_rows(rogue)),
    ("constant added", ("low_contrast", "cosine_floor"), change_rows(constant)),
    ("not normalised, for a dot product", ("norms_vary", "dot_differs"), change_rows(lengths)),
    ("half of the rows from a float16 export", ("two_formats",), change_rows(half_exported)),
)


def find_rules(case: dict[str, Any]) -> dict[str, str]:
    """Rules that speak, with their severity; ``refused`` where the rows are no vectors."""
    try:
        made = diagnose(**case)
    except InputError as error:
        return {"refused": "serious"} if "nan or inf" in str(error) else {"error": str(error)}
    out: dict[str, str] = {}
    for v in made.verdicts:
        if v.severity != "ok":
            out.setdefault(v.rule.id, v.severity)
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--only", default="", help="faults whose name holds this; `healthy` for the spaces without one")
    options = parser.parse_args()
    spaces = Spaces(options.vectors)
    if options.only != "healthy":
        print_seeded(spaces, options.only)
    if options.only in ("", "healthy"):
        healthy(spaces)


def print_seeded(spaces: Spaces, only: str) -> None:
    """Table of the seeded faults."""
    total, named = 0, 0
    print("| fault | should be named | spaces | named | also warned of |\n|---|---|---|---|---|")
    for name, wanted, cases in FAULTS:
        if only not in name:
            continue
        right, seen, others = 0, 0, {}
        for case in cases(spaces):
            said = find_rules(case)
            seen += 1
            right += any(rule in said for rule in wanted)
            for rule, severity in said.items():
                if rule not in wanted and severity in ("warning", "serious"):
                    others[rule] = others.get(rule, 0) + 1
        also = ", ".join(f"{rule} {n}" for rule, n in sorted(others.items(), key=lambda item: -item[1]))
        print(f"| {name} | {' or '.join(wanted)} | {seen} | {right} | {also} |", flush=True)
        total, named = total + seen, named + right
    print(f"\n{named} of {total} faults named.", flush=True)


def healthy(spaces: Spaces) -> None:
    """Table of what is said of spaces without a seeded fault."""
    counts: dict[str, int] = {}
    seen = 0
    for x in pure(spaces).values():
        rng = np.random.default_rng(15)
        seen += 1
        for rule, severity in find_rules({"source": rows(x, rng)}).items():
            if severity == "serious":
                counts[f"{rule}, serious"] = counts.get(f"{rule}, serious", 0) + 1
            elif severity == "warning":
                counts[f"{rule}, warning"] = counts.get(f"{rule}, warning", 0) + 1
    print(f"\n| of {seen} spaces without a seeded fault | spaces |\n|---|---|")
    for rule, n in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"| {rule} | {n} |")
    if not any("serious" in rule for rule in counts):
        print("| anything serious | 0 |")


if __name__ == "__main__":
    main()
