"""Repair on real spaces of both kinds: what was decided, and what the decision was worth on data it never saw.

`python -m benchmarks.evidence [--data DIR] [ROW...]` prints a table; `all` takes every row, no row the light ones.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks._evidence import FOLDER, Case, data, mean_states, pair_effect, pictures, pooled, scored_effect
from benchmarks._rows import rows
from embedscope.repairs.repair import repair
from embedscope.stats.bootstrap import Difference

HEADS = ("row", "decided on", "candidate", "certified: before, after, gain", "decision", "hidden test: gain", "agrees")


def clip(objective: str) -> Case:
    """CLIP ViT-B/16, COCO: rows 0 to 349 decide, 350 to 499 are hidden."""
    folder = FOLDER[0]
    if folder is None or not (folder / "clip500").is_dir():
        raise FileNotFoundError("clip500/features_clip.npy; name its folder with --data")
    x, y = np.load(folder / "clip500" / "features_clip.npy")
    main = "mixed_ndcg@10" if objective == "mixed" else "recall@1"
    same = np.arange(150)
    effect = pair_effect(x[350:], y[350:], same, same, main)
    return Case({"pair": (x[:350], y[:350]), "objective": objective}, effect, "150 other pairs")


def sts(vectors: Callable[[str, list[str]], np.ndarray], model: str) -> Case:
    """STS-B: development pairs decide, test pairs are hidden."""
    found = data("stsb")
    dev, test = (vectors(model, list(found.tables[part].texts)) for part in ("dev", "test"))
    gold, hidden = found.relations["dev"], found.relations["test"]
    rows = np.stack([gold.left, gold.right, gold.gold], axis=1)
    effect = scored_effect(test, hidden.left, hidden.right, hidden.gold)
    return Case({"source": dev, "scored": rows}, effect, "STS-B test")


def lee(vectors: Callable[[str, list[str]], np.ndarray], model: str) -> Case:
    """Lee: 50 documents, all pairs of them; too few for a hidden test."""
    found = data("lee")
    relation = found.relations["pairs"]
    x = vectors(model, list(found.tables[relation.table].texts))
    return Case({"source": x, "scored": np.stack([relation.left, relation.right, relation.gold], axis=1)}, None, "none")


def captions(
    vectors: Callable[[str, list[str]], np.ndarray], model: str, language: str, objective: str, *, heavy: bool = False
) -> Case:
    """Multi30k: captions of one set decide, those of test 2016 are hidden."""
    found = data("multi30k")
    part = "train" if heavy else "val"
    sides = []
    for name in (part, "test_2016"):
        relation = found.relations[f"{name}_{language}"]
        tables = (found.tables[relation.left_table], found.tables[relation.right_table])
        left, right = (relation.left[:8000], relation.right[:8000]) if name == part else (relation.left, relation.right)
        kept = [np.unique(side) for side in (left, right)]
        x, y = (vectors(model, [t.texts[i] for i in k]) for t, k in zip(tables, kept, strict=True))
        sides.append((x, y, np.searchsorted(kept[0], left), np.searchsorted(kept[1], right)))
    (x, y, left, right), hidden = sides
    main = "mixed_ndcg@10" if objective == "mixed" else "recall@1"
    given = {"pair": (x, y), "pairs": np.stack([left, right], axis=1), "modalities": ("en", language)}
    return Case(given | {"objective": objective}, pair_effect(*hidden, main), "Multi30k test 2016")


def emoji(objective: str, *, classes: bool = False) -> Case:
    """Drawings by EfficientNet-Lite0, names by MiniLM: two models, no shared space; a quarter of concepts is hidden.

    With ``classes`` the subgroups of the emoji are given too, so that some of them are kept from the fit altogether.
    """
    found = data("emoji")
    relation = found.relations["drawings"]
    x = pictures("efficientnet-lite0", found.images[relation.left_table].images, "features")
    y = pooled("minilm", list(found.tables[relation.right_table].texts))
    hidden = np.random.default_rng(0).permutation(len(y))[: len(y) // 4]
    sides = []
    for mine in (~np.isin(relation.right, hidden), np.isin(relation.right, hidden)):
        a, left = np.unique(relation.left[mine], return_inverse=True)
        b, right = np.unique(relation.right[mine], return_inverse=True)
        sides.append((x[a], y[b], left, right))
    (a, b, left, right), other = sides
    main = "mixed_ndcg@10" if objective == "mixed" else "recall@1"
    given: dict[str, object] = {"pair": (a, b), "pairs": np.stack([left, right], axis=1), "objective": objective}
    if classes:
        groups = found.relations["drawing_subgroups"]
        shown = np.unique(relation.left[~np.isin(relation.right, hidden)])
        given["labels"] = [groups.names[groups.label[i]] for i in shown]
    return Case(given, pair_effect(*other, main), f"{len(hidden)} other concepts")


ROWS: dict[str, Callable[[], Case]] = {
    "clip500 pairs": lambda: clip("pairs"),
    "clip500 mixed": lambda: clip("mixed"),
    "minilm pooled, Lee": lambda: lee(pooled, "minilm"),
    "minilm pooled, STS-B": lambda: sts(pooled, "minilm"),
    "smollm2 mean states, Lee": lambda: lee(mean_states, "smollm2"),
    "smollm2 mean states, STS-B": lambda: sts(mean_states, "smollm2"),
    "minilm, Multi30k en-de": lambda: captions(pooled, "minilm", "de", "pairs"),
    "minilm, Multi30k en-de mixed": lambda: captions(pooled, "minilm", "de", "mixed"),
    "minilm, Multi30k en-fr train": lambda: captions(pooled, "minilm", "fr", "pairs", heavy=True),
    "smollm2 mean states, Multi30k en-de": lambda: captions(mean_states, "smollm2", "de", "pairs"),
    "emoji pairs": lambda: emoji("pairs"),
    "emoji pairs with their subgroups": lambda: emoji("pairs", classes=True),
    "emoji mixed": lambda: emoji("mixed"),
}
LIGHT = ("clip500 pairs", "clip500 mixed", "minilm pooled, Lee", "minilm pooled, STS-B")


def describe(name: str, case: Case) -> tuple[str, ...]:
    """Cells of one row: the repair is made even where it is not used, so that the hidden test can judge the refusal."""
    found, result = repair(**case.given, force=True)
    decision = str(found.header.decision)
    used = decision.startswith("Use")
    main = next(c.title for c in result.document.tables[0].columns[1:2]) if result.document else ""
    return (
        name,
        main,
        found.header.candidate if found.header.scorer is None else found.header.scorer.text,
        *(_certify(result, main)),
        "used" if used else "kept",
        *_test_hidden(case, found, used),
    )


def _certify(result: object, main: str) -> tuple[str]:
    records = [r for r in result if r.subset == "certify"]  # type: ignore[attr-defined]
    gains = [r for r in records if r.metric == f"{main}.difference"]
    if not gains:
        return ("none chosen",)
    before, after = (r.value for r in records if r.metric == main)
    new = [f"{r.value:.3f}" for r in records if r.metric == f"{main}.unseen" and r.value is not None]
    said = f"; on new classes {', '.join(new)}" if new else ""
    return (f"{before:.3f}, {after:.3f}, {_bars(gains[0].value, gains[0].ci_low, gains[0].ci_high)}{said}",)


def _test_hidden(case: Case, found: object, used: bool) -> tuple[str, str]:
    if case.effect is None:
        return "none", ""
    gain: Difference = case.effect(found)  # type: ignore[arg-type]
    said = f"{_bars(gain.value, gain.low, gain.high)} ({case.hidden})"
    if gain.low is None or gain.high is None or gain.low <= 0 <= gain.high:
        return said, "undecided"
    return said, "yes" if (gain.low > 0) == used else "no"


def _bars(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None else f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


def main(words: list[str]) -> None:
    if words[:1] == ["--data"]:
        FOLDER[0], words = Path(words[1]), words[2:]
    names = list(ROWS) if words == ["all"] else words or LIGHT
    print("| " + " | ".join(HEADS) + " |")
    print("|" + "---|" * len(HEADS))
    for name in names:
        rows(name, len(HEADS), partial(row, name))


def row(name: str) -> None:
    """Print the row of one decision."""
    print("| " + " | ".join(describe(name, ROWS[name]())) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
