"""What the cosines of a space mean: percentiles without labels; probabilities and certified thresholds with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.calibration.curve import Chosen, choose_curve
from embedscope.calibration.guarantees import certify_false_share, certify_recall
from embedscope.calibration.hand_labels import Looked, Merges, look, read_labels, write_labels
from embedscope.calibration.reading import CalibrationRequest, Given, part_numbers_of, read_given
from embedscope.calibration.scores import ScoreCalibration
from embedscope.calibration.sides import Sides
from embedscope.calibration.summary import Findings, document_of, records_of
from embedscope.calibration.unrelated import Unrelated, sample_unrelated
from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.result import Result
from embedscope.core.wording import count
from embedscope.sources.options import ModelOptions
from embedscope.sources.texts import TextSource
from embedscope.transforms.calibration import Threshold

FALSE_MERGES = 0.01
"""Share of false merges that ``dedup`` allows where none is named."""

GRID = 4000
"""Thresholds that are tried for a recall, evenly from the lowest cosine that there can be to 1."""


@dataclass(frozen=True)
class Promises:
    """Rates that a threshold must keep, each by itself, with ``confidence``."""

    precision: float | None = None
    recall: float | None = None
    max_false_merge: float | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not 0 < value < 1:
                raise InputError(f"{name} is a share between 0 and 1, got {value:g}; 0.95 is usual")

    @property
    def named(self) -> bool:
        """Whether any rate is named."""
        return any(v is not None for v in (self.precision, self.recall, self.max_false_merge))


def calibrate(  # noqa: PLR0913
    source: Any = None,
    *,
    pair: tuple[Any, Any] | None = None,
    pair_ids: tuple[Any, Any] | None = None,
    pairs: Any = None,
    queries: Any = None,
    corpus: Sequence[Any] = (),
    qrels: Any = None,
    query_ids: Any = None,
    corpus_ids: Sequence[Any] = (),
    allow_missing: bool = False,
    labels: Any = None,
    judged: Any = None,
    groups: Any = None,
    texts: TextSource | None = None,
    images: str | Path | None = None,
    layers: str | None = None,
    pooling: str | None = None,
    precision: float | None = None,
    recall: float | None = None,
    max_false_merge: float | None = None,
    confidence: float = 0.95,
    dedup: bool = False,
    label_pairs: str | Path | None = None,
    k: int = 10,
    max_eval_rows: int = 10_000,
    seed: int = 0,
    model: Mapping[str, Any] | None = None,
    data: str | Path | None = None,
    cache: bool = True,
    out: str = "",
    progress: Progress | None = None,
    command: str = "",
) -> tuple[ScoreCalibration, Result]:
    """What cosines of a space mean: the distribution of unrelated pairs; with labels probabilities and thresholds.

    Parameters
    ----------
    source : (n, d) array, vectors in files, or a model with ``texts``, ``images`` or ``corpus``; with ``queries`` the
        documents
    pair, pair_ids, pairs : two sides, as of ``repair``; rows of A search among those of B
    queries, corpus, qrels, query_ids, corpus_ids, allow_missing : as of ``retrieval``
    labels : label of each row of ``source``; rows of one label match (duplicates of one thing, captions of an image)
    judged : (p, 3) of two row numbers and 1 for a match or 0 for none, or a file with three columns
    groups : what each row belongs to, as of ``repair``
    precision : share of the pairs at or above the threshold that must match
    recall : share of the matches that must be at or above it
    max_false_merge : share of the pairs at or above it that may be false
    confidence : with which each promise holds
    dedup : duplicates are looked for among the nearest pairs of one space
    label_pairs : CSV file of pairs that are judged by hand: written, then read back
    k : rows that a search returns; nearest rows among which duplicates are looked for
    max_eval_rows : rows that search, whole units chosen by their hash
    out : file that the caller writes the calibration to, for the command in the headline; empty for none

    Returns
    -------
    (calibration, result)

    Raises
    ------
    InputError, UnknownNameError
        if the inputs do not go together, or a promise has no labels to rest on.
    """
    from embedscope.encoders import source_name

    source = source_name(source)
    progress = progress or Silent()
    provenance = Provenance(command, seed)
    promises = Promises(precision, recall, max_false_merge, confidence)
    if k < 1:
        raise InputError(f"k is the number of rows that a search returns, at least 1; got {k}")
    if label_pairs is not None and not dedup:
        raise InputError("--label-pairs is for duplicates: add --dedup")
    if label_pairs is not None and (labels is not None or judged is not None):
        raise InputError("--label-pairs asks for labels by hand, and there are labels already; leave one of them out")
    request = CalibrationRequest(
        source, pair, pair_ids, pairs, queries, tuple(corpus), qrels, query_ids, tuple(corpus_ids), allow_missing,
        labels, judged, groups, texts, images, k, max_eval_rows, seed,
    )  # fmt: skip
    encoder = ModelOptions.of(
        {**(model or {}), "layers": layers, "pooling": pooling, "cache": cache, "data": data, "seed": seed}
    )
    provenance.settings = vars(promises) | {"dedup": dedup, "k": k, "max_eval_rows": max_eval_rows}
    with provenance.phase("data"):
        given = read_given(request, encoder, dedup, provenance, progress)
        given = replace(given, notes=(*given.notes, *_zero_notes(given.sides)))
    if promises.named and given.judged is None and label_pairs is None:
        raise InputError(
            "a threshold with a promise needs labels: --pair A B, --queries with --qrels, --labels, --judged, or "
            "--dedup "
            "with --label-pairs FILE"
        )
    if dedup and not promises.named:
        promises = Promises(max_false_merge=FALSE_MERGES, confidence=confidence)
    with provenance.phase("unrelated pairs"):
        unrelated, sampled = sample_unrelated(given.sides, seed)
    with provenance.phase("labels"):
        chosen, thresholds, conformal = _judgements(given, promises, unrelated, seed)
        looked = None
        if label_pairs is not None:
            looked = _by_hand(given, label_pairs, promises, seed)
            thresholds = (*thresholds, looked.threshold)
    about = _about(given, chosen, conformal)
    curve = chosen.curve if isinstance(chosen, Chosen) else None
    calibration = ScoreCalibration(unrelated, curve, thresholds, about)
    with provenance.phase("intervals"):
        findings = Findings(given, calibration, sampled, chosen, looked, conformal, dedup, confidence, seed)
        records = records_of(findings)
    provenance.settings |= {"evidence": given.evidence.facts()}
    return calibration, Result(tuple(records), provenance.as_dict(), document_of(findings, records, out, command))


def _zero_notes(sides: Sides) -> list[str]:
    """That rows of zeros are in no pair of unrelated rows, where there are any."""
    rows = [sides.x] if sides.same else [sides.x, sides.right]
    zero = sum(len(x) - int(x.any(axis=1).sum()) for x in rows)
    return [f"{count(zero, 'row')} of zeros left out of the unrelated pairs: zeros have no cosine"] if zero else []


def _judgements(
    given: Given, promises: Promises, unrelated: Unrelated, seed: int
) -> tuple[Chosen | str | None, tuple[Threshold, ...], float | None]:
    """The curve, or why there is none; certified thresholds; the threshold of conformal risk control."""
    if given.judged is None or given.matches is None:
        return None, (), None
    parts = part_numbers_of(given.judged, seed)
    chosen = choose_curve(given.judged, parts)
    thresholds: list[Threshold] = []
    conformal = None
    for name, target in (("precision", promises.precision), ("max_false_merge", promises.max_false_merge)):
        if target is not None:
            thresholds.append(
                certify_false_share(given.judged, parts == 0, name, target, confidence=promises.confidence, seed=seed)
            )
    if promises.recall is not None:
        grid = recall_grid(unrelated)
        one, conformal = certify_recall(
            *given.matches, promises.recall, confidence=promises.confidence, grid=grid, seed=seed
        )
        thresholds.append(one)
    return chosen, tuple(thresholds), conformal


def recall_grid(unrelated: Unrelated) -> Floats:
    """Thresholds (k,), rising, that depend on no label: from far below the mean of unrelated pairs to 1."""
    low = max(-1.0, unrelated.moments.mean - 8 * unrelated.moments.sd)
    return np.linspace(low, 1.0, GRID + 1)


def _by_hand(given: Given, path: str | Path, promises: Promises, seed: int) -> Looked:
    assert given.candidates is not None
    if promises.max_false_merge is None:
        raise InputError("--label-pairs certifies a share of false merges: name it with --max-false-merge")
    merges = Merges.of(*given.candidates)
    looked = look(merges, read_labels(path, merges), promises.max_false_merge, promises.confidence, seed)
    if looked.new:
        write_labels(path, looked.labels, merges, given.sides)
    return looked


def _about(given: Given, chosen: Chosen | str | None, conformal: float | None) -> dict[str, Any]:
    try:
        installed = version("embedscope")
    except PackageNotFoundError:
        installed = "unknown"
    about: dict[str, Any] = {
        "source": given.source,
        "space": given.space,
        "version": installed,
        "notes": list(given.notes),
    }
    if given.judged is not None:
        about["population"] = given.population
    if isinstance(chosen, str):
        about["no_probability"] = chosen
    if isinstance(chosen, Chosen):
        about["calibration_error"] = chosen.error.value
    if conformal is not None:
        about["conformal_recall_threshold"] = conformal
    return about
