"""The modality gap of four trained models and of their random twins (Figure 1 of Liang et al. 2022), on real vectors.

W. Liang, Y. Zhang, Y. Kwon, S. Yeung, J. Zou, "Mind the Gap: Understanding the Modality Gap in Multi-modal Contrastive
Representation Learning", NeurIPS 2022 (liang2022). Run it with

    embedscope reproduce liang2022 --data DIR --out out

The vectors are those that the authors published: 500, 100, 500 and 99 pairs. The figure states no numbers, so there are
no claims to compare; CLIP's vectors of class names show the text side alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Cell, Column, Document, Dot, DotRow, Dots, Finding, Headline, Mark, Skipped, Table
from embedscope.core.errors import DataUnavailableError
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.wording import percent
from embedscope.experiments._liang2022.files import COMPARED, PAIRS, VectorFiles, files_here, read_names, read_pair
from embedscope.experiments._liang2022.measures import CENTRED, comparison_records, name_records, pair_records
from embedscope.experiments._lookup import pick, span, value
from embedscope.experiments._tested import Estimate, independent_difference, of_record, sentence
from embedscope.experiments.experiment import Experiment, Options

IDS = ("liang2022",)

TITLE = "The gap between modalities, trained and random"
QUESTION = (
    "Do images and texts, videos and texts, proteins and texts lie in two separate regions of one space, is that so "
    "before any training, and what is left of it once both means are removed?"
)
SEPARABLE = "modality_separability.logistic"
GAP = "modality_gap.unbiased"
NEARLY_ALL = 0.95
FEW = 200


def run(options: Options) -> Result:
    """Measure every pair of clouds that is here, and the class names."""
    from embedscope.datasets import Finder

    provenance = Provenance(options.command, options.seed)
    finder = Finder(options.data, download=False)
    with provenance.phase("data"):
        paths = files_here(finder)
    skipped: list[Skipped] = []
    records: list[Record] = []
    sources: dict[str, int] = {}
    for model in options.models:
        trained, random, *sides = PAIRS[model]
        for name, file in ((model, trained), (f"{model} (random)", random)):
            if file not in paths:
                skipped.append(Skipped(name, f"the file {file} is not here; {VectorFiles().hint}"))
                continue
            with provenance.phase(f"pairs {name}"):
                x, y = read_pair(paths[file])
                sources[name] = len(x)
                records += pair_records(name, x, y, (sides[0], sides[1]), options.seed)
            provenance.data[file] = {"sha256": finder.sha256(paths[file]), "licence": "MIT"}
    with provenance.phase("class names"):
        named = read_names(paths)
        for label, x in named.items():
            records += name_records(label, x, options.seed)
        for one, other in COMPARED:
            if one in named and other in named:
                records += comparison_records(named, one, other)
    if not records:
        raise DataUnavailableError(f"none of the vectors of liang2022 are here; {VectorFiles().hint}")
    provenance.settings = {"pairs": sources, "names": {label: len(x) for label, x in named.items()}}
    charts = tuple(c for c in (_gap_chart(records), _plane_chart(records, sources)) if c is not None)
    document = Document(
        TITLE,
        QUESTION,
        (*_findings(records, sources), *_name_findings(records)),
        tuple(t for t in _tables(records, sources, list(named)) if t.rows),
        (),
        tuple(skipped),
        (
            "W. Liang, Y. Zhang, Y. Kwon, S. Yeung, J. Zou. Mind the Gap: Understanding the Modality Gap in Multi-"
            "modal Contrastive Representation Learning. NeurIPS 2022 (vectors MIT)",
            "Class names: facebookresearch/Detic and hanoonaR/object-centric-ovd (Apache-2.0), VLPart (MIT)",
        ),
        headline=_headline(records, sources, charts),
        dots=charts,
    )
    return Result(tuple(records), provenance.as_dict(), document)


def _findings(records: Sequence[Record], sources: dict[str, int]) -> list[Finding]:
    sentences: list[Finding] = []
    for name in PAIRS:
        one, other = (pick(records, source=s, metric=GAP) for s in (name, f"{name} (random)"))
        delta = independent_difference(one, other)
        if delta.value is not None and one is not None and other is not None:
            status = delta.above()
            text = sentence(
                status,
                f"The gap of {name} is wider after training than in its random twin.",
                f"The gap of {name} is narrower after training than in its random twin.",
                f"Whether training widens the gap of {name} is undecided.",
            )
            evidence = (
                f"gap without its sampling part {one.value:.3f} against {other.value:.3f}, difference "
                f"{delta.text(signed=True)}"
            )
            sentences.append(Finding(text, status, evidence, "Figure 1"))
    for name, n in sources.items():
        parted = _all_right(of_record(pick(records, source=name, metric=SEPARABLE, transform=None)), n)
        rest = of_record(pick(records, source=name, metric=SEPARABLE, transform=CENTRED))
        few = f"{n} pairs are few: intervals are wide." if n < FEW else ""
        status = parted.above(NEARLY_ALL)
        text = sentence(
            status,
            f"{name}: a fitted plane tells nearly all pairs apart that it has not seen.",
            f"{name}: a fitted plane does not tell nearly all pairs apart.",
            f"{name}: whether a fitted plane tells nearly all pairs apart is undecided.",
        )
        sentences.append(
            Finding(text, status, f"held-out accuracy {parted.text()}, {n} pairs", "Figure 1", few, minor=True)
        )
        status = rest.above(0.5)
        text = sentence(
            status,
            f"{name}: with both means removed, the modalities can still be told apart: they differ in more than place.",
            f"{name}: with both means removed, a fitted plane no longer tells the modalities apart.",
            f"{name}: with both means removed, a fitted plane is not shown to tell the modalities apart.",
        )
        sentences.append(Finding(text, status, f"held-out accuracy {rest.text()}", "", few, minor=True))
    return sentences


def _headline(records: Sequence[Record], sources: dict[str, int], charts: Sequence[Dots]) -> Headline | None:
    """How many of the spaces fall apart into two regions, and what training does to the gap; None without pairs."""
    if not sources:
        return None
    apart = sum(
        _all_right(of_record(pick(records, source=name, metric=SEPARABLE, transform=None)), n).above(NEARLY_ALL)
        == "agrees"
        for name, n in sources.items()
    )
    rest = [of_record(pick(records, source=name, metric=SEPARABLE, transform=CENTRED)).above(0.5) for name in sources]
    text = f"The two modalities lie in separate regions in {apart} of {len(sources)} spaces, trained or random."
    twins = [
        independent_difference(*(pick(records, source=s, metric=GAP) for s in (name, f"{name} (random)")))
        for name in PAIRS
    ]
    known = [delta.above() for delta in twins if delta.value is not None]
    if known:
        text += f" Training makes the gap narrower in {known.count('deviates')} of {len(known)} models, "
        text += f"wider in {known.count('agrees')}."
    evidence = f"with both means removed they can still be told apart in {rest.count('agrees')} of {len(sources)}"
    return Headline(text, "info", evidence, charts=tuple(chart.id for chart in charts))


def _gap_chart(records: Sequence[Record]) -> Dots | None:
    """The gap of every model beside that of its random twin; None where no vectors are here."""
    rows = []
    for name in PAIRS:
        twins = [pick(records, source=s, metric=GAP) for s in (name, f"{name} (random)")]
        dots = tuple(Dot(i, r.value, r.ci_low, r.ci_high) for i, r in enumerate(twins) if r and r.value is not None)
        if dots:
            note = " against ".join(f"{dot.value:.3f}" for dot in dots)
            rows.append(DotRow(name, dots, note))
    if not rows:
        return None
    caption = "Distance of the two means without its sampling part; bars: 95 % intervals."
    title = "The gap after training and before"
    return Dots("gaps", title, "distance of the means", tuple(rows), ("trained", "random"), caption=caption)


def _plane_chart(records: Sequence[Record], sources: dict[str, int]) -> Dots | None:
    """How well a fitted plane tells the modalities apart, as they are and with both means removed."""
    rows = []
    for name, n in sources.items():
        whole = _all_right(of_record(pick(records, source=name, metric=SEPARABLE, transform=None)), n)
        rest = of_record(pick(records, source=name, metric=SEPARABLE, transform=CENTRED))
        dots = tuple(Dot(i, e.value, e.low, e.high) for i, e in enumerate((whole, rest)) if e.value is not None)
        if dots:
            rows.append(DotRow(name, dots))
    if not rows:
        return None
    caption = "Share of pairs that the plane has not seen and tells apart; bars: 95 % intervals."
    return Dots(
        "planes",
        "Do the modalities lie apart, and why?",
        "held-out accuracy of a fitted plane",
        tuple(rows),
        ("as they are", "both means removed"),
        marks=(Mark(0.5, "chance"),),
        caption=caption,
    )


def _all_right(accuracy: Estimate, n: int) -> Estimate:
    """The exact binomial bound where every one of ``n`` pairs is right: a bootstrap of them has no width.

    >>> _all_right(Estimate(1.0, 1.0, 1.0), 100).text()
    '1.000 (0.964 to 1.000)'
    """
    return Estimate(1.0, 0.025 ** (1 / n), 1.0) if accuracy.value == 1.0 else accuracy


def _name_findings(records: Sequence[Record]) -> list[Finding]:
    """A second prompt is another place for the same names."""
    sentences = []
    for one, other in COMPARED:
        label = f"{one} against {other}"
        same, different = (value(records, source=label, metric=m) for m in ("paired_cosine", "unpaired_cosine"))
        overlap = value(records, source=label, metric="knn_overlap")
        if overlap is not None:
            cosines = (
                "" if same is None else f"; cosine of a name with itself {same:.3f}, with other names {different:.3f}"
            )
            text = f"CLIP's names: {one} and {other} share {percent(overlap, 0)} of nearest neighbours."
            sentences.append(Finding(text, "info", f"shared nearest neighbours {overlap:.3f}{cosines}", minor=True))
    return sentences


def _tables(records: Sequence[Record], sources: dict[str, int], names: Sequence[str]) -> tuple[Table, ...]:
    return _gap_table(records, sources), _names_table(records, names), _compared_table(records)


def _gap_table(records: Sequence[Record], sources: dict[str, int]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, n in sources.items():
        gap = pick(records, source=name, metric="modality_gap")
        parted = pick(records, source=name, metric=SEPARABLE, transform=None)
        centred = pick(records, source=name, metric=SEPARABLE, transform=CENTRED)
        own = [
            value(records, source=name, metric=metric, transform=transform)
            for metric, transform in (
                ("relative_modality_gap", None),
                ("relative_modality_gap", CENTRED),
                ("paired_cosine", None),
                ("unpaired_cosine", None),
            )
        ]
        cells = [r.value if r else None for r in (parted, centred)]
        rows.append((name, n, gap.value if gap else None, span(gap), *own[:2], *cells, *own[2:]))
    columns = (
        Column("model"),
        Column("pairs"),
        Column("gap", 3, "distance of the two means, unit rows"),
        Column("95 % interval"),
        Column("relative", 3, "mean distance of pairs, of that and the mean distance within a modality; .5 is no gap"),
        Column("relative, centred", 3),
        Column("separable", 3, "held-out accuracy of logistic regression"),
        Column("separable, centred", 3, "each side less the mean of the training pairs"),
        Column("pairs' cosine", 3),
        Column("others' cosine", 3),
    )
    return Table("gap", "The gap (Figure 1)", columns, tuple(rows), "Vectors of the authors; unit rows.")


def _names_table(records: Sequence[Record], labels: Sequence[str]) -> Table:
    metrics = ("self_similarity", "top5_share", "i1", "i2")
    rows: list[tuple[Cell, ...]] = [
        (label, _rows(records, label), *(value(records, source=label, metric=m, variant=None) for m in metrics))
        for label in labels
    ]
    columns = (Column("names"), Column("n"), *(Column(m, 3) for m in metrics))
    return Table("names", "CLIP's vectors of class names", columns, tuple(rows), "Unit rows.")


def _rows(records: Sequence[Record], label: str) -> int | None:
    record = pick(records, source=label, metric="self_similarity")
    return record.n if record else None


def _compared_table(records: Sequence[Record]) -> Table:
    metrics = ("paired_cosine", "unpaired_cosine", "linear_cka", "knn_overlap")
    rows: list[tuple[Cell, ...]] = []
    for one, other in COMPARED:
        label = f"{one} against {other}"
        if pick(records, source=label) is not None:
            rows.append((label, *(value(records, source=label, metric=m) for m in metrics)))
    columns = (
        Column("the same names"),
        Column("cosine of a name with itself", 3),
        Column("with other names", 3),
        Column("linear CKA", 3),
        Column("shared nearest neighbours", 3),
    )
    return Table("compared", "Two prompts, two towers", columns, tuple(rows))


ENTRIES = {
    "liang2022": Experiment(
        id="liang2022",
        title="The modality gap, trained and random",
        citation="liang2022",
        question=QUESTION,
        claims=(),
        run=run,
        models=tuple(PAIRS),
        own_models_alone=True,
        file_sets=(VectorFiles(),),
    )
}
