"""``compare``: two spaces over the same rows, or several models on the same texts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.comparison.charts import (
    command_for,
    models_headline,
    relation_charts,
    relation_headline,
    stability_chart,
)
from embedscope.comparison.label_free import findings, label_free, table
from embedscope.comparison.relation import ALIKE, PARITY, PARITY_SHARE, Name, Relation, relation_of
from embedscope.core.arrays import Array
from embedscope.core.document import Action, Column, Document, Finding, Histogram, Row, Skipped, Status, Table
from embedscope.core.errors import InputError
from embedscope.core.progress import Progress, Silent
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.short_repr import short_repr
from embedscope.core.wording import count, percent
from embedscope.metrics.pairs import Paired
from embedscope.readers import is_vectors
from embedscope.sources.options import ModelOptions
from embedscope.sources.paired_vectors import id_hashes, ids_in, read_side
from embedscope.sources.row_order import check_row_order
from embedscope.sources.texts import encode, material_of

QUESTION = "Are these the same vectors, and what can be kept where they are not?"

SHOWN = 10

SENTENCES: dict[Name, tuple[str, str]] = {
    "same": ("The two spaces are the same.", "Nothing needs to be done: one can take the place of the other."),
    "partly": (
        "Part of the rows do not match: some are the same on both sides, others are no nearer to their match than to "
        "other rows.",
        "Check that all rows of both files are in the same order and hold the same texts, or give --pair-ids.",
    ),
    "precision": (
        "One model in another precision or runtime.",
        "Rows of both can stand in one index; look at the rows with the lowest cosines first.",
    ),
    "rotated": (
        "The same space, rotated: all cosines within a space are equal, those between the two mean nothing.",
        "Never mix them in one index. One rotation maps one onto the other exactly.",
    ),
    "prompt": (
        "One model with another prompt or version.",
        "Do not mix them in one index: embed both sides with the prompts the model was trained with, or embed again.",
    ),
    "modality": (
        "One model on another modality (images and their texts), or another layer: rows match, and each side varies "
        "along directions of its own.",
        "In one index each modality finds itself first: see embedscope diagnose --pair A B for the gap, and what a "
        "repair does about it; of layers, take one.",
    ),
    "truncated": (
        "One space is the first coordinates of the other.",
        "Truncate the longer one and L2-normalise; rows of both then stand in one index.",
    ),
    "model": (
        "Two different models.",
        "Never mix them in one index: embed everything again, or learn a map on matching rows and have what it "
        "keeps judged on held-out ones.",
    ),
    "unrelated": (
        "The rows do not match: neighbours in one space are no neighbours in the other.",
        "Check that both files are in the same order, or give --pair-ids.",
    ),
}
"""What a relation means, and what to do."""


@short_repr
@dataclass(frozen=True)
class Comparison:
    """A result, and the relation of the two spaces (None where models were compared on texts alone)."""

    result: Result
    relation: Relation | None = None

    def _repr_html_(self) -> str:
        """The result, as a notebook shows it."""
        return self.result._repr_html_()

    @property
    def parity(self) -> bool:
        """Whether less than 0.1 % of the rows have a cosine below .99 with their match."""
        r = self.relation
        return r is not None and r.cosines is not None and len(r.below_parity) < _said_from(r)


def compare(
    *sources: Any,
    texts: Any = None,
    images: str | Path | None = None,
    ids: tuple[Any, Any] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    command: str = "",
    **model: Any,
) -> Comparison:
    """How two spaces over the same rows are related; of models also scores of each on their rows without labels.

    Parameters
    ----------
    sources : two arrays, ``{id: vector}`` or files of vectors; or models, with ``texts`` or ``images``
    texts : what models read: a data set, a file with one text per line, or a list
    images : folder of images that models of images read
    ids : one id per row of either side; rows match by position where None
    model : for models, as of ``measure`` (``layers``, ``device``, ...)

    Raises
    ------
    InputError
        if two sources are neither both vectors nor all models, or rows do not match.

    >>> x = np.random.default_rng(0).normal(size=(100, 8))
    >>> compare(x, 2 * x).relation.name
    'same'
    """
    progress = progress or Silent()
    if texts is not None or images is not None:
        return _of_models([str(s) for s in sources], texts, images, ids, seed, progress, command, model)
    if model:
        raise InputError(f"{next(iter(model))} is an option of models; add --texts or --images, or leave it out")
    if len(sources) != 2:
        raise InputError(f"compare takes two files of vectors, or models with --texts or --images; got {len(sources)}")
    for source in sources:
        named = str(source)
        if isinstance(source, str | Path) and not is_vectors(named):
            raise InputError(f"{named} is no file of vectors; to compare models add --texts FILE or --images FOLDER")
    provenance = Provenance(command, seed)
    provenance.settings = {"compare": [_label(s, i) for i, s in enumerate(sources)]}
    if all(isinstance(s, Mapping) for s in sources):
        if ids is not None:
            raise InputError("the keys of {id: vector} are the ids of the rows; leave out --pair-ids")
        ids = (list(sources[0]), list(sources[1]))
        sources = tuple(np.stack([np.asarray(v) for v in s.values()]) if s else np.empty((0, 0)) for s in sources)
    x, y = (read_side(s, provenance, side) for s, side in zip(sources, "AB", strict=True))
    names: Sequence[str] | None = None
    skipped: tuple[Skipped, ...] = ()
    if ids is None:
        check_row_order(*sources)
    else:
        names, skipped, x, y = _match_rows(x, y, ids)
    labels = [_label(s, i) for i, s in enumerate(sources)]
    relation = relation_of(x, y)
    records = _records(relation, labels)
    files, charts = _files(sources, ids), relation_charts(relation)
    said = _findings(relation, None, names, files)
    document = Document(
        f"{labels[0]} against {labels[1]}",
        QUESTION,
        tuple(said),
        (_numbers(records),),
        headline=relation_headline(relation, said, SENTENCES[relation.name][1], files, charts),
        histograms=charts.histograms,
        dots=charts.dots,
        skipped=skipped,
    )
    return Comparison(Result(tuple(records), provenance.as_dict(), document), relation)


def _files(sources: Sequence[Any], ids: tuple[Any, Any] | None) -> str:
    """``--old A --new B`` as ``migrate`` takes them; empty where a side is no file, or has its ids in another one."""
    if ids is not None or not all(isinstance(s, str | Path) for s in sources):
        return ""
    a, b = (shlex.quote(str(s)) for s in sources)
    return f"--old {a} --new {b}"


def _models_argument(uris: Sequence[str], texts: Any, images: Any) -> str:
    """Two models and what they read, as ``migrate`` takes them; empty where the texts are in memory."""
    option, value = ("--texts", texts) if images is None else ("--images", images)
    if not isinstance(value, str | Path):
        return ""
    old, new, what = (shlex.quote(str(s)) for s in (*uris, value))
    return f"--old {old} --new {new} {option} {what}"


def _label(source: Any, i: int) -> str:
    return str(source) if isinstance(source, str | Path) else "AB"[i]


def _match_rows(
    x: npt.NDArray[Any], y: npt.NDArray[Any], ids: tuple[Any, Any]
) -> tuple[list[str], tuple[Skipped, ...], Array, Array]:
    """Ids of the rows that both sides have, what is left out, and these rows of either side."""
    hashes = id_hashes(ids[0], len(x), "A"), id_hashes(ids[1], len(y), "B")
    for name, own in zip("AB", hashes, strict=True):
        if repeated := len(own) - len(np.unique(own)):
            raise InputError(
                f"{repeated:,} of the {len(own):,} ids of {name} stand more than once, so which row matches is not "
                "known; give each row an id of its own, or compare rows by position without --pair-ids"
            )
    left, right = Paired.of(np.zeros((len(x), 1)) + 1, np.zeros((len(y), 1)) + 1, hashes).matches
    if not len(left):
        raise InputError("the two sides have no id in common; check that ids are spelled the same way in both")
    skipped = [
        Skipped(f"{count(lacking, 'row')} of {name}", "whose ids the other side does not have")
        for name, side in zip("AB", (x, y), strict=True)
        if (lacking := len(side) - len(left))
    ]
    names = ids_in(ids[0])
    return [names[i] for i in left], tuple(skipped), x[left], y[right]


def _of_models(
    uris: Sequence[str],
    texts: Any,
    images: str | Path | None,
    ids: Any,
    seed: int,
    progress: Progress,
    command: str,
    model: dict[str, Any],
) -> Comparison:
    if ids is not None:
        raise InputError("--pair-ids is for files of vectors; models read the same rows")
    if not uris:
        raise InputError("compare takes models with --texts or --images, as in: compare minilm e5 --texts FILE")
    records, provenance = label_free(uris, texts, images, seed=seed, progress=progress, command=command, **model)
    said, tables, relation = findings(records), [table(records)], None
    stability = stability_chart(records)
    dots = () if stability is None else (stability,)
    headline = models_headline(records, said, dots)
    histograms: tuple[Histogram, ...] = ()
    if len(uris) == 2:
        options = ModelOptions(seed=seed, **{k: v for k, v in model.items() if k not in ("layers", "max_rows")})
        asking = Provenance(command, seed)
        material = material_of(texts, images, options.data, asking)
        assert material is not None
        rows = material.sample(model.get("max_rows"), seed)
        sides = [np.asarray(encode(uri, (rows,), options, asking, progress)[1][0]) for uri in uris]
        relation = relation_of(*sides)
        across = _records(relation, uris)
        records += across
        files = _models_argument(uris, texts, images)
        said = [*_findings(relation, rows.titles, None, files), *said]
        tables.append(_numbers(across))
        charts = relation_charts(relation)
        headline = relation_headline(relation, said, SENTENCES[relation.name][1], files, charts)
        dots, histograms = (*charts.dots, *dots), charts.histograms
    what = "texts" if images is None else "images"
    question = QUESTION if relation is not None else f"Which model or layer fits these {what}, as far as one can tell?"
    document = Document(
        f"{', '.join(uris)} on the same {what}",
        question,
        tuple(said),
        tuple(tables),
        headline=headline,
        histograms=histograms,
        dots=dots,
    )
    return Comparison(Result(tuple(records), provenance, document), relation)


def _records(r: Relation, labels: Sequence[str]) -> list[Record]:
    common: dict[str, Any] = {"source": "|".join(labels), "space": "a|b", "n": r.n, "rows": "unit"}
    values: dict[str, float | None] = {
        "centred_cosine": r.centred,
        "common_difference": r.common,
        "covariance_likeness": r.likeness,
        "cosine_matrix_difference": r.turned,
        "aligned_cosine": r.aligned,
        "rotation_degrees": r.angle,
        "rank_agreement": r.rank_agreement,
    }
    out = [Record(metric=name, value=value, **common) for name, value in values.items() if value is not None]
    t = 1.96 * r.overlap_stderr
    out.append(
        Record(
            metric="knn_overlap",
            value=r.overlap,
            stderr=r.overlap_stderr,
            ci_low=max(r.overlap - t, 0.0),
            ci_high=min(r.overlap + t, 1.0),
            note=f"chance {r.overlap_chance:.4f}",
            **common,
        )
    )
    if r.cosines is None:
        return out
    known = r.cosines[np.isfinite(r.cosines)]
    quantiles = {
        "mean": known.mean(),
        "median": np.median(known),
        "q001": np.quantile(known, 0.001),
        "min": known.min(),
    }
    first = [Record(metric=f"matching_cosine.{name}", value=float(v), **common) for name, v in quantiles.items()]
    return [*first, Record(metric="below_parity", value=len(r.below_parity) / len(known), **common), *out]


def _numbers(records: Sequence[Record]) -> Table:
    columns = (Column("number"), Column("value", 4), Column("meaning"))
    return Table("relation", "The numbers", columns, tuple((r.metric, r.value, MEANING[r.metric]) for r in records))


_STATUS: dict[Name, Status] = {"same": "ok", "precision": "ok", "partly": "warning"}

_NO_PARITY: dict[Name, str] = {
    "precision": "embed these rows again with one runtime, or look for texts that one of them cuts",
    "partly": "check the order of the rows in both files, or give --pair-ids",
}
"""What to do about rows that miss parity."""

MEANING = {
    "matching_cosine.mean": "of matching rows as they are",
    "matching_cosine.median": "of matching rows as they are",
    "matching_cosine.q001": "0.1 % of the rows have less",
    "matching_cosine.min": "of matching rows as they are",
    "below_parity": f"share of rows with a cosine below {PARITY}",
    "centred_cosine": "mean cosine of matching rows around the mean of each space; 0 for two models",
    "common_difference": "share of the difference that is one vector for all rows; 0 for rounding",
    "covariance_likeness": f"cosine of the two covariances; below {ALIKE} for two modalities, above for two prompts",
    "cosine_matrix_difference": "relative difference of the cosines of all pairs; 0 for a rotation",
    "aligned_cosine": "held-out rows after the best rotation, fitted on the other half",
    "rotation_degrees": "mean angle by which that rotation turns rows",
    "rank_agreement": "Spearman correlation of the cosines of all pairs",
    "knn_overlap": "share of the 10 nearest in common",
}


def _said_from(r: Relation) -> float:
    """Rows below parity from which it is said: one in a thousand, and at least one."""
    return max(PARITY_SHARE * r.n, 1)


def _findings(r: Relation, texts: Sequence[str] | None, names: Sequence[str] | None, files: str) -> list[Finding]:
    sentence, advice = SENTENCES[r.name]
    known = None if r.cosines is None else r.cosines[np.isfinite(r.cosines)]
    evidence = [] if known is None else [f"matching rows have a median cosine of {np.median(known):.4f}"]
    evidence += [
        f"{percent(r.overlap, 1)} of the 10 nearest are in common (chance {percent(r.overlap_chance, 1)})",
        f"rank agreement of all cosines {r.rank_agreement:.3f}",
        f"held-out cosine {r.aligned:.3f} after the best rotation",
    ]
    command = command_for(r.name, files or "--old A --new B")
    out = [
        Finding(
            sentence,
            _STATUS.get(r.name, "info"),
            evidence="; ".join(evidence),
            actions=tuple(action for action in (Action(advice.rstrip(".")), Action(command=command)) if str(action)),
        )
    ]
    low = r.below_parity
    if known is not None and r.cosines is not None and r.name in ("precision", "partly") and len(low) >= _said_from(r):
        all_rows = count(len(known), "row")
        has, their = ("has", "its") if len(low) == 1 else ("have", "their")
        empty = set(r.half_empty.tolist())
        rows = tuple(
            Row(
                str(i) if names is None else names[i],
                "" if texts is None else texts[i][:80],
                "zero on one side" if i in empty else f"cosine {r.cosines[i]:.4f}",
            )
            for i in low[:SHOWN].tolist()
        )
        out.append(
            Finding(
                f"No parity: {len(low):,} of {all_rows} {has} a cosine below {PARITY} with {their} match.",
                "warning",
                evidence=f"{percent(len(low) / len(known), 2)}; said from {percent(PARITY_SHARE, 1)}",
                harm="These rows are found by other queries than before.",
                actions=(Action(_NO_PARITY[r.name]),),
                rows=rows,
                n_rows=len(low),
            )
        )
    return out
