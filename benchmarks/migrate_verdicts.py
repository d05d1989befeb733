"""Verdicts of ``migrate`` on real pairs of models against what the full re-embedding shows on rows it never saw.

    python -m benchmarks.migrate_verdicts FOLDER --data DIR                       # prints; DIR is the evaluation data
    python -m benchmarks.migrate_verdicts FOLDER --data DIR --write               # also into docs/migrate.md
    python -m benchmarks.migrate_verdicts FOLDER --data DIR --set second          # texts and models of a second set
    ... --models minilm,e5,smollm2,l3=onnx:FOLDER?pooling=mean&normalize=1        # as many models as there are here

FOLDER keeps the vectors, one file a corpus and model: COCO captions (one an image), sentences of STS, captions of
Flickr (Multi30k), class names of LVIS by three text towers of CLIP, and captions with the four others of their image as
what is relevant. Of each ordered pair of models the tool sees a sample of its own (1,000 rows; 600 names; 1,200
captions of 240 images). The truth is
measured on blocks of as many other rows, which it never sees: what the vectors as they are keep, what the chosen map
keeps, and what the same candidate keeps that all of the sample (twice the pairs) fits. A verdict agrees where

- stay: vectors as they are keep at least what is wanted on the rest, or the old model alone does (with judgements);
- bridge: the chosen map does;
- pilot more pairs: the chosen map is within 0.02 of what is wanted, or the map of twice the pairs closes at least a
  third of what is lacking;
- re-embed: none of stay and bridge holds.

The second set was measured once, after the tool was finished: other captions of Flickr by a layer inside a model and by
E5 with either prompt, captions in German, words, a model against its random twin, and five captions an image of Flickr.

A bridge that keeps less than is wanted is a false bridge. The interval is that of what the chosen map keeps on any
rows, of which the rest is another sample with an error of its own: of 2,000 rows half of that of the 500 that certify,
so that an exact interval of 95 % holds it in 92 of 100. It covers where the rest lies within both errors. What the
same map is said to keep among all of the rest at once, six times as many rows as were searched, is compared too.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.progress import Silent
from embedscope.core.provenance import Provenance
from embedscope.migration.decision import decide
from embedscope.migration.maps import MapPairs, fit_map
from embedscope.migration.overlap import overlap_score
from embedscope.migration.retention import DIRECTIONS, retention_judge
from embedscope.migration.rows import Request, read_rows
from embedscope.migration.trials import measure
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import Texts, encode
from embedscope.stats.neighbours import top_k
from embedscope.stats.score_records import score_bars
from embedscope.transforms.repair import KindMap

RETAIN = (0.7, 0.8, 0.9, 0.95)
CLOSE = 0.02
K = 10
PAGE = Path(__file__).parents[1] / "docs" / "migrate.md"
MARKS = {
    "first": ("<!-- verdicts: made by python -m benchmarks.migrate_verdicts -->", "<!-- end of verdicts -->"),
    "second": (
        "<!-- other verdicts: made by python -m benchmarks.migrate_verdicts --set second -->",
        "<!-- end of other verdicts -->",
    ),
}
HEAD = (
    "corpus", "old", "new", "candidate, direction", "kept (95 %)", "on the rest", "as they are", "twice the pairs",
)  # fmt: skip
SHORT = {"stay": "stay", "bridge": "bridge", "re-embed": "re-embed", "pilot more pairs": "pilot"}
NAMES = {
    "ViT-B/32": "detic/lvis_v1_clip_a+cname.npy",
    "ViT-B/32 photo": "object_centric_ovd/lvis_v1_clip_a+photo+cname.npy",
    "RN50": "vlpart/lvis_v1_clip_RN50_a+cname.npy",
}


@dataclass(frozen=True)
class Corpus:
    """Rows of which the first ``sample`` are shown to the tool; ``fellows`` in a row are relevant to each other.

    ``models`` are those that are compared, all that are given where it is empty.
    """

    name: str
    folder: str
    sample: int
    fellows: int = 1
    models: tuple[str, ...] = ()


CORPORA = (
    Corpus("captions", "captions", 1000),
    Corpus("STS", "sts", 1000),
    Corpus("Flickr", "flickr", 1000),
    Corpus("LVIS names", "names", 600),
    Corpus("captions, nDCG@10", "images", 1200, 5),
)
OTHERS = (
    Corpus("Flickr, other captions", "en2", 1000, models=("minilm", "minilm-eos5", "e5q", "e5p")),
    Corpus("Flickr, nDCG@10", "five", 1200, 5, ("minilm", "e5", "l3")),
    Corpus("German captions", "de", 1000, models=("minilm", "e5", "l3", "int8")),
    Corpus("words", "words", 1000, models=("minilm", "e5", "l3", "int8")),
    Corpus("words, random twin", "words", 1000, models=("minilm", "random")),
)
SETS = {"first": CORPORA, "second": OTHERS}
VARIANTS = {
    "smollm2": ("smollm2", ModelOptions(pooling="plain", layers="final")),
    "minilm-eos5": ("minilm", ModelOptions(pooling="bos_eos", layers="5")),
    "e5q": ("e5", ModelOptions(document_prompt="query: ")),
    "e5p": ("e5", ModelOptions(document_prompt="passage: ")),
    "random": ("random:minilm", ModelOptions(pooling="pooled")),
}
"""Spaces that are more than the name of a model."""


@dataclass(frozen=True)
class Truth:
    """What is kept on rows that the tool never saw: by the map, by vectors as they are, by the old model, and more.

    ``error`` is the standard error of ``rest``, of the draw of its rows.
    """

    rest: float
    swap: float | None
    stays: float | None
    more: float
    error: float

    def agrees(self, verdict: str, retain: float) -> bool:
        """Whether the rest shows what the verdict says."""
        stays = max(v for v in (self.swap, self.stays, -1.0) if v is not None)
        if verdict == "stay":
            return stays >= retain
        if verdict == "bridge":
            return self.rest >= retain
        if verdict == "pilot more pairs":
            lacking = retain - self.rest
            return abs(lacking) <= CLOSE or (lacking > 0 and self.more - self.rest >= lacking / 3)
        return self.rest < retain and stays < retain


@dataclass(frozen=True)
class Case:
    """What was measured of one ordered pair of models, and its verdicts."""

    corpus: Corpus
    old: str
    new: str
    candidate: str
    kept: tuple[float, float, float]
    truth: Truth
    verdicts: Mapping[float, str]
    far: tuple[float, float, float, float, float] | None = None

    @property
    def covers_far(self) -> bool:
        """Whether what all of the rest at once shows lies within both errors: value, ends, truth and its error."""
        assert self.far is not None
        value, low, high, truth, error = self.far
        return bool(abs(truth - value) <= np.hypot(high - value if truth > value else value - low, 1.96 * error))

    @property
    def covers(self) -> bool:
        """Whether the rest lies within the error of the interval and its own."""
        value, low, high = self.kept
        half = high - value if self.truth.rest > value else value - low
        return abs(self.truth.rest - value) <= np.hypot(half, 1.96 * self.truth.error)

    @property
    def holds(self) -> bool:
        """Whether the interval holds what the map keeps on the rest."""
        return self.kept[1] <= self.truth.rest <= self.kept[2]

    def row(self) -> list[str]:
        """The case as a row of the table."""
        t, (value, low, high) = self.truth, self.kept
        same = [f"{v:.3f}{mark}" for v, mark in ((t.swap, ""), (t.stays, " (old alone)")) if v is not None]
        said = [
            SHORT[verdict] + ("" if t.agrees(verdict, retain) else " **(no)**")
            for retain, verdict in self.verdicts.items()
        ]
        head = [self.corpus.name, self.old, self.new, self.candidate]
        mine, rest = f"{value:.3f} ({low:.3f} to {high:.3f})", f"{t.rest:.3f} ± {1.96 * t.error:.3f}"
        return [*head, mine, rest, ", ".join(same), f"{t.more:.3f}", *said]


def unit(x: Any) -> Floats:
    x64 = np.asarray(x, dtype=np.float64)
    return np.asarray(x64 / np.linalg.norm(x64, axis=1, keepdims=True))


def gains(queries: Floats, rows: Floats, fellows: int) -> Floats:
    """Sum of nDCG@10 (g,) over each ``fellows`` rows, relevant to each other, computed in the plainest way."""
    own = np.arange(len(rows))
    near = top_k(queries, rows, K, exclude=own).indices
    found = (near // fellows == own[:, None] // fellows) / np.log2(2.0 + np.arange(K))
    return np.asarray(found.sum(axis=1).reshape(-1, fellows).sum(axis=1) / _ideal(fellows))


def _ideal(fellows: int) -> float:
    return float((1 / np.log2(2.0 + np.arange(fellows - 1))).sum())


def share(a: Floats, b: Floats) -> tuple[float, float]:
    """``sum(a) / sum(b)`` over groups, and its variance."""
    value = float(a.sum() / b.sum())
    left = a - value * b
    return value, float((left @ left) / b.sum() ** 2)


def measure_kept(old: Floats, new: Floats, fitted: KindMap, direction: str, fellows: int) -> tuple[float, float]:
    """What a map keeps among these rows, and its variance: the ten nearest in common, or with fellows nDCG@10 over that
    of ``new``."""
    own = np.arange(len(old))
    queries, pool = (fitted.apply(new), old) if direction == "queries" else (new, fitted.apply(old))
    if fellows > 1:
        return share(gains(np.asarray(queries), np.asarray(pool), fellows), gains(new, new, fellows))
    truth = top_k(new, new, K + 1, exclude=own).indices
    near = top_k(np.asarray(queries), np.asarray(pool), K + 1, exclude=own).indices
    score = overlap_score(near, truth, K, own, own, own, 0)
    assert score.value is not None and score.draws is not None
    return score.value, float(np.var(score.draws))


def cases(corpus: Corpus, spaces: Mapping[str, Floats], retains: Sequence[float], candidates: str) -> Iterator[Case]:
    """Every ordered pair of models."""
    n, fellows = corpus.sample, corpus.fellows
    for number, (a, b) in enumerate(permutations(spaces, 2)):
        size = min(len(spaces[a]), len(spaces[b]))
        start = fellows * (number * 331 % (size // fellows))  # each pair has a sample of its own
        old, new = (np.roll(spaces[name][:size], -start, axis=0) for name in (a, b))
        groups = None if fellows == 1 else np.arange(n) // fellows
        request = Request(old[:n], new[:n], groups=groups)
        rows = read_rows(request, ModelOptions(), Provenance(), Silent(), count_tokens=False)
        judge = retention_judge(rows, 10_000, 0)
        measured = measure(judge, candidates, DIRECTIONS, n, Silent())
        found = {retain: decide(measured, retain) for retain in retains}
        direction = measured.chosen
        assert direction is not None
        test = measured.best[direction]
        fitted, text = test.trial.fitted, test.trial.text
        assert fitted is not None and test.value is not None and test.low is not None and test.high is not None
        both = (rows.old, rows.new) if direction == "documents" else (rows.new, rows.old)
        more = fit_map(text, MapPairs(*both))
        same = None
        if old.shape[1] == new.shape[1]:
            same = fit_map("none", MapPairs(rows.new[:2], rows.old[:2]))
        blocks = [slice(lo, lo + n) for lo in range(n, size - n + 1, n)]

        def rest(fit: KindMap | None, way: str, blocks=blocks, old=old, new=new) -> tuple[float, float] | None:  # type: ignore[no-untyped-def]
            if fit is None:
                return None
            value, variance = np.mean([measure_kept(old[s], new[s], fit, way, fellows) for s in blocks], axis=0)
            return float(value), float(np.sqrt(variance / len(blocks)))

        alone = None
        if fellows > 1:
            alone = float(
                np.mean([share(gains(old[s], old[s], fellows), gains(new[s], new[s], fellows))[0] for s in blocks])
            )
        mine, grown, swap = rest(fitted, direction), rest(more, direction), rest(same, "queries")
        assert mine is not None and grown is not None
        truth = Truth(mine[0], None if swap is None else swap[0], alone, grown[0], mine[1])
        verdicts = {retain: decision.verdict for retain, decision in found.items()}
        far = None
        if fellows == 1 and len(blocks) > 1:
            score = judge.at_index(direction, fitted, test.kept, size - n)
            _, low, high = score_bars(score)
            value, variance = measure_kept(old[n:], new[n:], fitted, direction, 1)
            far = (float(score.value or 0.0), float(low or 0.0), float(high or 0.0), value, float(np.sqrt(variance)))
        yield Case(corpus, a, b, f"{text}, {direction}", (test.value, test.low, test.high), truth, verdicts, far)


def texts_of_corpus(corpus: Corpus, data: Path) -> list[str]:
    """The texts of a corpus, in random order."""
    if corpus.folder == "sts":
        from embedscope.experiments._drift2025.spaces import _shuffle
        from embedscope.sources.texts import texts_of

        return list(_shuffle(texts_of("sts_sentences", data, Provenance()), 6000).texts)
    if corpus.folder in ("flickr", "en2", "de"):
        lines = _flickr(data, "de" if corpus.folder == "de" else "en")
        order = np.random.default_rng(11 if corpus.folder == "de" else 5).permutation(len(lines))
        return [
            lines[i] for i in order[{"flickr": slice(5000), "en2": slice(5000, 9000), "de": slice(4000)}[corpus.folder]]
        ]
    if corpus.folder == "words":
        return _words(data)
    if corpus.folder == "five":
        sides = [_gz(path) for path in sorted((data / "captions/multi30k/task2/raw").glob("val.*.en.gz"))]
        return [side[i].strip() for i in np.random.default_rng(2).permutation(len(sides[0]))[:800] for side in sides]
    lines = [t.strip() for t in (data / "captions/laps_coco/testall_caps.txt").read_text(encoding="utf-8").splitlines()]
    images = np.random.default_rng(0).permutation(len(lines) // 5)
    if corpus.folder == "captions":
        return [lines[5 * i] for i in images[:3000]]
    return [lines[5 * i + j] for i in images[3000:3800] for j in range(5)]


def _gz(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def _flickr(data: Path, language: str) -> list[str]:
    """Distinct captions of the training part of Multi30k."""
    paths = sorted((data / "captions/multi30k/task1/raw").glob(f"train*.{language}.gz"))
    return list(dict.fromkeys(t.strip() for path in paths for t in _gz(path) if t.strip()))


def _words(data: Path) -> list[str]:
    """4,000 words of the analogies of BATS and Google, in random order."""
    words: set[str] = set()
    for folder, separator in (("bats_conceptnet5", r"[\t/ ]"), ("google", r"\s+")):
        for path in sorted((data / "analogy" / folder).rglob("*")):
            if path.is_file():
                lines = path.read_text(encoding="utf-8", errors="ignore").splitlines()
                words.update(w for line in lines if not line.startswith(":") for w in re.split(separator, line))
    plain = (w.strip() for w in words)
    kept = sorted({w.lower().replace("_", " ") for w in plain if re.fullmatch(r"[A-Za-z_'-]{2,}", w)})
    return [kept[i] for i in np.random.default_rng(3).permutation(len(kept))[:4000]]


def read(corpus: Corpus, folder: Path, data: Path, models: Mapping[str, str]) -> dict[str, Floats]:
    """The vectors of a corpus by every model, made where they are not in ``folder`` yet."""
    if corpus.folder == "names":
        order = np.random.default_rng(0).permutation(1203)
        return {k: unit(np.load(data / "clip_class_names" / f))[order] for k, f in NAMES.items()}
    found, place = {}, folder / corpus.folder
    place.mkdir(parents=True, exist_ok=True)
    texts: tuple[str, ...] = ()
    for name, uri in models.items():
        path = place / f"{name}.npy"
        if not path.exists():
            texts = texts or tuple(texts_of_corpus(corpus, data))
            some = texts[:3000] if uri == "smollm2" else texts
            model, options = VARIANTS.get(uri, (uri, ModelOptions()))
            role = ("document",) if options.document_prompt else ()
            _, (x,) = encode(model, [Texts(corpus.name, some, some)], options, Provenance(), Silent(), role)
            np.save(path, np.asarray(x, dtype=np.float32))
        found[name] = unit(np.load(path))
    return found


def report(found: Sequence[Case], retains: Sequence[float]) -> str:
    """The table, and how many verdicts agree."""
    heads = [*HEAD, *(f"verdict at {r:g}" for r in retains)]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += [f"| {' | '.join(case.row())} |" for case in found]
    sums = ["| wanted | agree | undecided (pilot) | false bridges |", "|---|---|---|---|"]
    for r in retains:
        agree = sum(c.truth.agrees(c.verdicts[r], r) for c in found)
        pilots = sum(c.verdicts[r] == "pilot more pairs" for c in found)
        false = sum(c.verdicts[r] == "bridge" and c.truth.rest < r for c in found)
        sums.append(f"| {r:g} | {agree} of {len(found)} | {pilots} | {false} |")
    n, covers, holds = len(found), sum(c.covers for c in found), sum(c.holds for c in found)
    said = f"The interval covers in {covers} of {n}, with the error of the rest; it holds the rest itself in {holds}."
    if far := [c for c in found if c.far is not None]:
        said += f" Among six times as many rows it covers in {sum(c.covers_far for c in far)} of {len(far)}."
    return "\n".join([*sums, "", said, "", *lines])


def main() -> None:
    """Print the table and how many verdicts agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", default="minilm,e5")
    parser.add_argument("--set", choices=SETS, default="first")
    parser.add_argument("--corpora", default=",".join(c.folder for c in (*CORPORA, *OTHERS)))
    parser.add_argument("--retain", default=",".join(map(str, RETAIN)))
    parser.add_argument("--candidates", default="auto")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    named = (word.partition("=") for word in given.models.split(","))
    models = {k: uri or k for k, _, uri in named}
    retains = [float(v) for v in given.retain.split(",")]
    found: list[Case] = []
    for corpus in SETS[given.set]:
        if corpus.folder not in given.corpora.split(","):
            continue
        some = {k: v for k, v in models.items() if corpus.fellows == 1 or v != "smollm2"}
        if corpus.models:
            some = {k: models.get(k, k) for k in corpus.models if k in models or k in VARIANTS}
        for case in cases(corpus, read(corpus, given.folder, given.data, some), retains, given.candidates):
            found.append(case)
            print(json.dumps(case.row()), flush=True)
    text = report(found, retains)
    print(text)
    if given.write:
        page = PAGE.read_text(encoding="utf-8")
        start, end = MARKS[given.set]
        before, rest = page.split(start)
        PAGE.write_text(f"{before}{start}\n\n{text}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
