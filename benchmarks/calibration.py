"""Do calibrated scores mean the same in every model, and do thresholds keep what they promise?

    python -m benchmarks.calibration --data DIR           # prints the tables; DIR holds captions/ and clip500/
    python -m benchmarks.calibration --data DIR --write   # also into docs/calibrate.md
    ... --keep FILE --only emoji,minilm                   # sets or models by name; FILE keeps what other runs finished

Real sets: captions of Multi30k (English, German), of laps_coco (one caption searches among the four others of its image
and those of all other images), CLIP vectors of 500 images and captions, and names of emoji (English, German); each with
MiniLM and E5 where there are texts. The error is that on held-out units: four folds, each checked by the curve that two
others fitted and one chose, so that every unit is checked once (a single quarter of 500 units has an ECE of .02 by
sampling alone). For each promise the units of a set are
drawn with replacement 1,000 times: the whole set is then the population, so whether a threshold keeps its promise is
known exactly, and at most 5 % of the draws may break it.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedscope.calibration.calibrate import recall_grid
from embedscope.calibration.curve import CalibrationError, Chosen, calibration_error, choose_curve
from embedscope.calibration.guarantees import Judged, certify_false_share, certify_recall, false_share
from embedscope.calibration.hand_labels import HandLabel, Merges, look
from embedscope.calibration.reading import CalibrationRequest, Given, part_numbers_of, read_given
from embedscope.calibration.unrelated import sample_unrelated
from embedscope.certification.split import assign_parts
from embedscope.core.ids import hash_rows
from embedscope.core.progress import Silent
from embedscope.core.provenance import Provenance
from embedscope.datasets import DATASETS, Finder
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import Texts, encode

MODELS = ("minilm", "e5")
DRAWN = 500
"""Units of a draw."""

IMAGES = 1000
"""Images of laps_coco that are taken."""

PAGE = Path(__file__).parents[1] / "docs" / "calibrate.md"
MARKS = "<!-- calibration: made by python -m benchmarks.calibration -->", "<!-- end of calibration -->"

Texts_ = list[str]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Two sides of texts with ids that say what matches, and groups of the first side."""

    left: Texts_
    right: Texts_
    left_ids: Texts_
    right_ids: Texts_


def _lines(path: Path) -> Texts_:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")
    return text.splitlines()


def multi30k(data: Path) -> Pairs:
    folder = data / "captions/multi30k/task1/raw"
    splits = ("test_2016_flickr", "test_2017_flickr", "val")
    en, de = ([line for s in splits for line in _lines(folder / f"{s}.{language}.gz")] for language in ("en", "de"))
    ids = [str(i) for i in range(len(en))]
    return Pairs(de, en, ids, ids)


def laps_coco(data: Path) -> Pairs:
    folder = data / "captions/laps_coco"
    captions, ids = _lines(folder / "dev_caps.txt"), _lines(folder / "dev_ids.txt")
    images = list(dict.fromkeys(ids))[:IMAGES]
    rows: dict[str, Texts_] = {image: [] for image in images}
    for image, caption in zip(ids, captions, strict=True):
        if image in rows:
            rows[image].append(caption)
    left = [rows[image][0] for image in images]
    right = [(caption, image) for image in images for caption in rows[image][1:]]
    return Pairs(left, [c for c, _ in right], images, [i for _, i in right])


def emoji(data: Path) -> Pairs:
    found = DATASETS.get("emoji").load(Finder(download=False))
    names, german, relation = found.tables["names"], found.tables["names_de"], found.relations["names_de"]
    english = [names.texts[i] for i in relation.right]  # type: ignore[union-attr]
    return Pairs(
        [german.texts[i] for i in relation.left],  # type: ignore[union-attr]
        english,
        [german.texts[i] for i in relation.left],  # type: ignore[union-attr]
        [german.texts[i] for i in relation.left],  # type: ignore[union-attr]
    )


CAPTIONS = ("multi30k de-en", "laps_coco")
"""Sets whose images are the units, and declared: splits of several years stand one after the other in a file."""

SETS = {"emoji de-en": emoji, "multi30k de-en": multi30k, "laps_coco": laps_coco}


def given_of(request: CalibrationRequest) -> Given:
    return read_given(request, ModelOptions(), False, Provenance("", 0), Silent())


def inputs(data: Path, wanted: Callable[[str, str], bool]) -> Iterator[tuple[str, str, Given]]:
    """Name of the set, of the model, and what was read, where it is wanted."""
    x, y = np.load(data / "clip500" / "features_clip.npy")
    if wanted("clip500", "CLIP ViT-B/32"):
        yield "clip500", "CLIP ViT-B/32", given_of(CalibrationRequest(pair=(y, x)))
    for model in MODELS:
        for name, load in SETS.items():
            if not wanted(name, model):
                continue
            pairs = load(data)
            sides = [Texts(name, tuple(t), tuple(t)) for t in (pairs.left, pairs.right)]
            _, vectors = encode(model, sides, ModelOptions(), Provenance("", 0), Silent())
            ids = np.array(pairs.left_ids), np.array(pairs.right_ids)
            groups = ids[0] if name in CAPTIONS else None
            request = CalibrationRequest(pair=(vectors[0], vectors[1]), pair_ids=ids, groups=groups)
            yield name, model, given_of(request)


def error_row(name: str, model: str, given: Given) -> list[str]:
    assert given.judged is not None
    unrelated, _ = sample_unrelated(given.sides, 0)
    chosen = choose_curve(given.judged, part_numbers_of(given.judged, 0))
    checked = cross_validate(given.judged)
    head = [name, model, f"{unrelated.moments.mean:.3f} ± {unrelated.moments.sd:.3f}"]
    if not isinstance(chosen, Chosen) or isinstance(checked, str):
        return [*head, "", "", "", str(checked)]
    e = checked
    cut = certify_false_share(given.judged, part_numbers_of(given.judged, 0) == 0, "precision", 0.95, confidence=0.95)
    kept = "refused" if cut.cosine is None else f"{cut.cosine:.3f} ({cut.recall:.0%} of matches)"
    half = _cosine_of(chosen, 0.5)
    return [
        *head,
        chosen.name,
        f"{e.ece:.3f} ({e.noise:.3f})",
        f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]",
        half,
        kept,
    ]


def cross_validate(judged: Judged, seed: int = 0) -> CalibrationError | str:
    """The error in four folds of units, each held out once; a sentence where a fold holds too few pairs."""
    units, number = np.unique(judged.unit, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(units)) % 4)[number]
    p = np.empty(len(fold))
    for i in range(4):
        found = choose_curve(judged, np.select([fold == i, fold == (i + 1) % 4], [2, 1], 0))
        if isinstance(found, str):
            return found
        p[fold == i] = found.curve.probability(judged.cosines[fold == i])
    return calibration_error(p, judged.match, judged.unit)


def _cosine_of(chosen: Chosen, probability: float) -> str:
    grid = np.linspace(-1, 1, 20_001)
    above = np.flatnonzero(chosen.curve.probability(grid) >= probability)
    return f"{grid[above[0]]:.3f}" if len(above) else "none"


def resample(given: Given, runs: int, seed: int = 0) -> dict[str, tuple[int, int, int, float]]:
    """For each promise: runs with a threshold, runs that break it, runs, mean share that is kept (recall)."""
    judged, matches = given.judged, given.matches
    assert judged is not None and matches is not None
    rng = np.random.default_rng(seed)
    unrelated, _ = sample_unrelated(given.sides, 0)
    grid = recall_grid(unrelated)
    rows = _by_unit(judged.unit)
    match_rows = _by_unit(matches[1])
    out: dict[str, list[float]] = {
        "precision 0.95": [],
        "false merges 0.02": [],
        "recall 0.9": [],
        "mean recall 0.9": [],
    }
    goals = {"precision 0.95": ("precision", 0.95, 0.05), "false merges 0.02": ("max_false_merge", 0.02, 0.02)}
    order = np.argsort(matches[0])
    sizes = np.bincount(matches[1])
    sums = np.concatenate([[0.0], np.cumsum(1 / sizes[matches[1][order]])]) / len(sizes)
    for run in range(runs):
        drawn = rng.integers(0, len(rows), size=DRAWN)
        sample, unit = _take(rows, drawn)
        some = Judged(judged.cosines[sample], judged.match[sample], unit)
        fits = assign_parts(hash_rows(0, DRAWN)[unit], run) == 0
        for name, (promise, target, alpha) in goals.items():
            found = certify_false_share(some, fits, promise, target, confidence=0.95, seed=run)
            if found.cosine is not None:
                out[name].append(false_share(judged, found.cosine) - alpha)
        sample, unit = _take(match_rows, rng.integers(0, len(match_rows), size=DRAWN))
        found, conformal = certify_recall(matches[0][sample], unit, 0.9, confidence=0.95, grid=grid, seed=run)
        for name, cut in (("recall 0.9", found.cosine), ("mean recall 0.9", conformal)):
            if cut is not None:
                out[name].append(float(sums[np.searchsorted(matches[0][order], cut)]) - 0.1)
    return {
        name: (len(v), sum(x > 1e-12 for x in v), runs, float(np.mean(v)) if v else float("nan"))
        for name, v in out.items()
    }


def _by_unit(unit: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(unit, kind="stable")
    return np.split(order, np.cumsum(np.bincount(unit))[:-1])


def _take(rows: list[np.ndarray], drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([rows[i] for i in drawn]), np.repeat(np.arange(len(drawn)), [len(rows[i]) for i in drawn])


def by_hand(runs: int, target: float = 0.05, batches: int = 12, seed: int = 0) -> tuple[int, int, int]:
    """Runs of the loop of hand labels with a judge that knows: certified, of these broken, mean labels.

    20,000 nearest pairs whose chance to match rises with the cosine: about a third match.
    """
    certified, broken, labels_used = 0, 0, 0
    for run in range(runs):
        rng = np.random.default_rng([seed, run])
        cosines = np.sort(rng.beta(6, 2, size=20_000))[::-1]
        truth = rng.uniform(size=len(cosines)) < 1 / (1 + np.exp(-25 * (cosines - rng.uniform(0.75, 0.92))))
        rows = np.arange(len(cosines))
        merges = Merges(rows, rows + len(rows), cosines)
        labels: list[HandLabel] = []
        for _ in range(batches):
            looked = look(merges, labels, target, 0.95, run)
            if looked.threshold.cosine is not None or not looked.new:
                break
            labels = [
                HandLabel(x.round, x.draws, x.row_a, x.row_b, x.threshold, bool(truth[x.row_a])) for x in looked.labels
            ]
        cut = looked.threshold.cosine
        if cut is not None:
            certified += 1
            broken += bool((~truth[cosines >= cut]).mean() > target)
            labels_used += len(labels)
    return certified, broken, round(labels_used / max(certified, 1))


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


@dataclass
class Finished:
    """Rows of sets that are finished, in this run or in one that kept them in ``file``."""

    file: Path | None
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        lines = (
            [] if self.file is None or not self.file.exists() else self.file.read_text(encoding="utf-8").splitlines()
        )
        self.parts: list[dict[str, list[list[str]]]] = [json.loads(line) for line in lines]
        self.known = {(row[0], row[1]) for row in self.rows("kept")}

    def wants(self, name: str, model: str) -> bool:
        """Whether a set and model are asked for, and not finished."""
        return (name, model) not in self.known and all(any(w in part for part in (name, model)) for w in self.words)

    def add(self, errors: list[list[str]], kept: list[list[str]]) -> None:
        """Print and keep the rows of a set."""
        self.parts.append({"errors": errors, "kept": kept})
        for row in (*errors, *kept):
            print(" | ".join(row), flush=True)
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self.parts[-1]) + "\n")

    def rows(self, name: str) -> list[list[str]]:
        """All rows of a table."""
        return [row for part in self.parts for row in part[name]]


def promises(name: str, model: str, given: Given, runs: int) -> list[list[str]]:
    """Rows of what each promise kept."""
    kept = []
    for promise, (n, broken, of, loss) in resample(given, runs).items():
        share = f"mean recall {0.9 - loss:.4f}" if promise.startswith("mean") else f"{broken / of:.1%}"
        kept.append([name, model, promise, f"{n / of:.0%}", share])
    return kept


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args(argv)
    finished = Finished(chosen.keep, tuple(word for word in chosen.only.split(",") if word))
    for name, model, given in inputs(chosen.data, finished.wants):
        finished.add([error_row(name, model, given)], promises(name, model, given, chosen.runs))
    if finished.wants("simulated", "judged by hand"):
        runs = min(chosen.runs, 400)
        certified, broken, used = by_hand(runs)
        promise = f"false merges 0.05, {used} labels on average"
        row = ["simulated", "judged by hand", promise, f"{certified / runs:.0%}", f"{broken / runs:.1%}"]
        finished.add([], [row])
    heads = ["set", "model", "unrelated cosine", "curve", "ECE (by sampling alone)", "error [95 %]", "p = .5 at"]
    text = "\n\n".join(
        [
            table([*heads, "precision .95 at"], finished.rows("errors")),
            f"{chosen.runs:,} draws of {DRAWN} units of each set; *broken*: draws whose threshold breaks the promise "
            "in the whole set.",
            table(["set", "model", "promise", "certified", "broken"], finished.rows("kept")),
        ]
    )
    if chosen.write:
        page = PAGE.read_text(encoding="utf-8")
        start, rest = page.split(MARKS[0])
        PAGE.write_text(f"{start}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{rest.split(MARKS[1])[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
