"""Duplicates judged by hand: which pairs to look at, and what their labels certify, however often one looks.

Round 0 explores: pairs from every height of the list of nearest pairs, to see where duplicates end. From its labels the
lowest threshold is taken at which few enough false pairs are expected, and each later round draws pairs at random, with
replacement, among all pairs above its threshold. The bets of :func:`guarantees.betting_p` may be looked at after every
batch; round r spends 1 / 2^r of the error that is allowed, so that several rounds together err no more than one.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedscope.calibration.guarantees import betting_p
from embedscope.calibration.sides import Sides
from embedscope.core.arrays import Floats
from embedscope.core.atomic import write_text
from embedscope.core.errors import InputError
from embedscope.core.printable import csv_text
from embedscope.core.regular import check_ends
from embedscope.core.tables import Index
from embedscope.core.wording import join_names
from embedscope.transforms.calibration import Threshold
from embedscope.transforms.calibration_fits import logistic_fit, sigmoid

BATCH = 100
"""Pairs that are written to be judged at a time."""

STRATA = 20
COLUMNS = ("round", "draws", "row_a", "row_b", "cosine", "threshold", "text_a", "text_b", "match")
_NEEDED = tuple(name for name in COLUMNS if not name.startswith("text"))
_YES, _NO = {"1", "yes", "y", "true"}, {"0", "no", "n", "false"}


@dataclass(frozen=True)
class HandLabel:
    """A pair that was drawn to be judged; ``draws``: how often it was drawn; ``match`` is None until it is judged."""

    round: int
    draws: int
    row_a: int
    row_b: int
    threshold: float | None
    match: bool | None


@dataclass(frozen=True, eq=False)
class Merges:
    """Nearest pairs, by falling cosine, among which duplicates are looked for."""

    left: Index
    right: Index
    cosines: Floats

    @classmethod
    def of(cls, left: Index, right: Index, cosines: Floats) -> Merges:
        """Sorted; pairs of equal cosine by their rows."""
        order = np.lexsort((right, left, -cosines))
        return cls(left[order], right[order], cosines[order])

    def above(self, threshold: float) -> int:
        """Pairs at or above ``threshold``."""
        return int((self.cosines >= threshold).sum())


@dataclass(frozen=True)
class Looked:
    """What the labels so far certify, and the pairs to judge next (all that were written, and new ones).

    ``cut``: the cosine at or above which they are drawn, None before there is one.
    """

    threshold: Threshold
    labels: tuple[HandLabel, ...]
    new: int
    note: str
    cut: float | None = None


def read_labels(path: str | Path, merges: Merges) -> list[HandLabel]:
    """The pairs of a file that :func:`write_labels` wrote, in its order; none where it does not exist.

    Raises
    ------
    InputError
        if it is another file, is of other vectors, or a judgement is neither yes nor no.
    """
    file = Path(path)
    if not file.exists():
        return []
    check_ends(file)
    try:
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path} ({error}); wanted the file that --label-pairs wrote") from error
    if missing := [name for name in _NEEDED if rows and name not in rows[0]]:
        raise InputError(
            f"{path} has no column {join_names(missing)}; wanted the file that --label-pairs wrote, with its column "
            "match filled with 1 or 0"
        )
    known = {(int(a), int(b)): i for i, (a, b) in enumerate(zip(merges.left, merges.right, strict=True))}
    labels = []
    for number, row in enumerate(rows, 2):
        try:
            a, b = int(row["row_a"]), int(row["row_b"])
            cosine = float(row["cosine"])
            cut = float(row["threshold"]) if row["threshold"] else None
            label = HandLabel(int(row["round"]), int(row["draws"]), a, b, cut, _judgement(row["match"]))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{path}, line {number}: {error}; fill the column match with 1 or 0 and leave the others as they are"
            ) from error
        place = known.get((a, b))
        if place is None or abs(merges.cosines[place] - cosine) > 1e-4:
            raise InputError(
                f"{path}, line {number}: rows {a} and {b} are no nearest pair with cosine {cosine:.4f} of this source; "
                "the file was written for other vectors or another --k"
            )
        labels.append(label)
    return labels


def _judgement(text: str | None) -> bool | None:
    word = (text or "").strip().lower()
    if not word:
        return None
    if word not in _YES | _NO:
        raise ValueError(f"'{word}' is neither 1 (match) nor 0")
    return word in _YES


def write_labels(path: str | Path, labels: tuple[HandLabel, ...], merges: Merges, sides: Sides) -> None:
    """Write the pairs to judge, with their texts, atomically."""
    known = {(int(a), int(b)): i for i, (a, b) in enumerate(zip(merges.left, merges.right, strict=True))}
    rows = []
    for label in labels:
        first, second = sides.title(label.row_a, label.row_b)
        rows.append(
            {
                "round": label.round,
                "draws": label.draws,
                "row_a": label.row_a,
                "row_b": label.row_b,
                "cosine": f"{merges.cosines[known[label.row_a, label.row_b]]:.6f}",
                "threshold": "" if label.threshold is None else repr(label.threshold),
                "text_a": first,
                "text_b": second,
                "match": "" if label.match is None else int(label.match),
            }
        )
    write_text(path, csv_text(COLUMNS, rows))


def look(merges: Merges, labels: list[HandLabel], target: float, confidence: float, seed: int) -> Looked:
    """What ``labels`` certify of "at most ``target`` of the merges are false", and the next pairs to judge."""
    waiting = [label for label in labels if label.match is None]
    if waiting:
        return _result(
            target,
            confidence,
            labels,
            0,
            f"{len(waiting):,} of {len(labels):,} pairs are not judged yet: fill the column "
            "match with 1 or 0, then run the command again",
        )
    if not labels:
        new = _explore(merges, seed)
        return _result(
            target, confidence, new, len(new), f"{len(new)} pairs are to be judged: fill the column match with 1 or 0"
        )
    last = max(label.round for label in labels)
    for number in range(1, last + 1):
        losses = _losses(labels, number)
        limit = (1 - confidence) / 2**number
        if betting_p(losses, target) <= limit:
            return _certify(labels, number, losses, target, confidence)
    if last:
        losses = _losses(labels, last)
        if losses.mean() < target:
            cut = _cut(labels, last)
            more = _more(losses, target, (1 - confidence) / 2**last)
            new = _draw(merges, cut, last, len(labels), seed, labels)
            return _result(
                target,
                confidence,
                new,
                len(new) - len(labels),
                f"{int(losses.sum())} of {len(losses):,} pairs drawn at or above cosine {cut:.4f} are false; about "
                f"{more:,} "
                f"more are needed to certify a share of false merges of at most {target:g}",
                cut,
            )
    following = _next_cut(merges, labels, target)
    if following is None:
        return _result(
            target,
            confidence,
            labels,
            0,
            f"even the nearest pairs are false more often than {target:g}: no threshold on this cosine can promise it",
        )
    new = _draw(merges, following, last + 1, len(labels), seed, labels)
    more = _more(np.zeros(0), target, (1 - confidence) / 2 ** (last + 1))
    return _result(
        target,
        confidence,
        new,
        len(new) - len(labels),
        f"the labels so far point at cosine {following:.4f}; at least {more:,} pairs at or above it must be judged, "
        f"without an error, to certify a share of false merges of at most {target:g}",
        following,
    )


def _result(
    target: float, confidence: float, labels: list[HandLabel], new: int, why: str, cut: float | None = None
) -> Looked:
    judged = sum(label.match is not None for label in labels)
    method = "betting test, valid after every batch"
    threshold = Threshold("max_false_merge", target, None, confidence, None, judged, method, why)
    return Looked(threshold, tuple(labels), new, why, cut)


def _certify(labels: list[HandLabel], number: int, losses: Floats, target: float, confidence: float) -> Looked:
    cut = _cut(labels, number)
    method = "betting test, valid after every batch"
    threshold = Threshold("max_false_merge", target, cut, confidence, float(losses.mean()), len(losses), method)
    return Looked(threshold, tuple(labels), 0, f"certified by {len(losses):,} pairs drawn at or above cosine {cut:.4f}")


def _losses(labels: list[HandLabel], number: int) -> Floats:
    """1 for each draw of a round that is false."""
    mine = [label for label in labels if label.round == number]
    return np.repeat([0.0 if label.match else 1.0 for label in mine], [label.draws for label in mine])


def _cut(labels: list[HandLabel], number: int) -> float:
    cut = next(label.threshold for label in labels if label.round == number)
    if cut is None:
        raise InputError(f"the file of labels has no threshold for round {number}; leave its columns as they are")
    return cut


def _more(losses: Floats, target: float, limit: float) -> int:
    """About how many more draws certify, if they are false as often as so far."""
    rate, n = (float(losses.mean()), len(losses)) if len(losses) else (0.0, 0)
    low, high = n, max(2 * n, 64)

    def passes(size: int) -> bool:
        false = round(rate * size)
        return betting_p(np.repeat([1.0, 0.0], [false, size - false]), target) <= limit

    while not passes(high) and high < 10**7:
        low, high = high, 2 * high
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high - n


def _explore(merges: Merges, seed: int) -> list[HandLabel]:
    """Pairs of every height: strata of ranks that double in size, an equal number of each."""
    n = len(merges.cosines)
    edges = np.unique(np.round(np.geomspace(1, n + 1, STRATA + 1)).astype(np.intp)) - 1
    rng = np.random.default_rng([seed, n, 0])
    chosen: list[int] = []
    wanted = min(BATCH, n)
    for i, (a, b) in enumerate(pairwise(edges.tolist())):
        share = (wanted - len(chosen)) // (len(edges) - 1 - i)
        chosen += (a + rng.permutation(b - a)[:share]).tolist()
    rng.shuffle(chosen)
    return [HandLabel(0, 1, int(merges.left[i]), int(merges.right[i]), None, None) for i in chosen]


def _next_cut(merges: Merges, labels: list[HandLabel], target: float) -> float | None:
    """The lowest cosine at or above which half of ``target`` is expected to be false, by logistic regression.

    Each label stands for the pairs nearest to it in rank. At least as many pairs lie above as a batch has, where there
    are so many.
    """
    known = {(int(a), int(b)): i for i, (a, b) in enumerate(zip(merges.left, merges.right, strict=True))}
    tried = [label.threshold for label in labels if label.threshold is not None]
    place = np.array([known[label.row_a, label.row_b] for label in labels])
    match = np.array([bool(label.match) for label in labels], dtype=np.float64)
    if not match.any():
        return None
    order = np.argsort(place, kind="stable")
    rank, match = place[order].astype(np.float64), match[order]
    middles = np.concatenate([[0.0], (rank[1:] + rank[:-1]) / 2, [float(len(merges.cosines))]])
    weight = np.maximum(np.diff(middles), 1e-3)
    n1 = match.sum()
    targets = np.where(match > 0, (n1 + 1) / (n1 + 2), 1 / (len(match) - n1 + 2)) if match.all() else match
    clipped = np.clip(targets, 1e-3, 1 - 1e-3)
    x = merges.cosines[place[order]]
    slopes, intercept = logistic_fit(x[None], clipped, weight**0.5)
    false = 1 - sigmoid(slopes[0] * merges.cosines + intercept)
    share = np.cumsum(false) / np.arange(1, len(false) + 1)
    least = min(BATCH, len(share)) - 1
    ends = np.flatnonzero(share[least:] <= target / 2) + least
    cut = float(merges.cosines[ends[-1]]) if len(ends) else float(merges.cosines[least])
    if tried:  # the last threshold had too many false ones: go up
        above = np.flatnonzero(merges.cosines > max(tried))
        if not len(above):
            return None
        cut = max(cut, float(merges.cosines[max(0, int(above[-1]) // 2)]))
    return cut


def _draw(merges: Merges, cut: float, number: int, salt: int, seed: int, before: list[HandLabel]) -> list[HandLabel]:
    """``before`` and a batch of draws, with replacement, among the pairs at or above ``cut``.

    A pair that was judged in the same or another round keeps its judgement.
    """
    rng = np.random.default_rng([seed, number, salt])
    drawn = rng.integers(0, merges.above(cut), size=BATCH)
    judged = {(label.row_a, label.row_b): label.match for label in before}
    out = list(before)
    for i, times in zip(*np.unique(drawn, return_counts=True), strict=True):
        pair = int(merges.left[i]), int(merges.right[i])
        out.append(HandLabel(number, int(times), *pair, cut, judged.get(pair)))
    return out


def sizes_of_merges(merges: Merges, cut: float, n: int) -> npt.NDArray[np.intp]:
    """Sizes of the sets of rows that merging all pairs at or above ``cut`` would make, largest first."""
    from embedscope.certification.split import connected_components

    k = merges.above(cut)
    if not k:
        return np.zeros(0, dtype=np.intp)
    sizes = np.bincount(connected_components(n, merges.left[:k], merges.right[:k]))
    return np.sort(sizes[sizes > 1])[::-1]
