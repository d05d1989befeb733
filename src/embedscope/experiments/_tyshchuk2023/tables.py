"""Tables 1 to 7 with our numbers and the published ones."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Cell, Column, Table
from embedscope.core.records import Record
from embedscope.experiments._lookup import pick, span, value
from embedscope.experiments._tyshchuk2023.numbers import (
    PROMPT_CHOICE,
    TABLE_1,
    TABLE_2,
    TABLE_3,
    TABLE_4,
    TABLE_5,
    TABLE_6,
)
from embedscope.experiments._tyshchuk2023.vectors import Vectors

OF_CLIP = "Published values are those of CLIP on COCO and CIFAR-100, not of the model of the row, unless it is CLIP."
PLAIN = "none"


def tables(models: Sequence[Vectors], records: Sequence[Record]) -> list[Table]:
    """All tables that have a number."""
    labels = {m.source: m.label for m in models}
    drafts = [
        _isotropy(labels, records),
        _loss(labels, records),
        _retrieval(labels, records),
        _gap(labels, records),
        _zero_shot(labels, records),
        _halves(labels, records),
        _probe(labels, records),
        _languages(labels, records),
    ]
    return [t for t in drafts if t.rows]


def _of_pairs(record: Record) -> bool:
    """Whether it is the I1 of a side of the pairs, and not of a language."""
    return record.metric == "i1" and record.subset is None


def _isotropy(labels: dict[str, str], records: Sequence[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    keys = dict.fromkeys((r.source, r.task, r.space, r.transform, r.rows) for r in records if _of_pairs(r))
    for source, task, space, transform, scaling in keys:
        where = {"source": source, "task": task, "space": space, "transform": transform, "rows": scaling}
        numbers = [value(records, metric=m, variant=v, **where) for v in (None, "published") for m in ("i1", "i2")]
        published = TABLE_1.get(("clip", transform, str(space)), (None, None))
        spread = value(records, metric="coordinate_std.cv", **where)
        cosine = value(records, metric="self_similarity", **where)
        shown = transform or PLAIN
        rows.append((labels[source], task, space, shown, scaling, *numbers, *published, cosine, spread))
    columns = (
        Column("model"),
        Column("data"),
        Column("space"),
        Column("transform"),
        Column("rows", help="unit: L2-normalised; raw: as the model gives them"),
        Column("I1", 3, "min Z / max Z along +-eigenvectors: the definition"),
        Column("I2", 3, "std Z / mean Z along +-eigenvectors"),
        Column("I1 row-walking", 3, "along the rows of the eigenvector matrix, which gives the article's numbers"),
        Column("I2 row-walking", 3),
        Column("published I1", 3, "Table 1, CLIP"),
        Column("published I2", 3),
        Column("mean cosine", 3),
        Column("CV of coordinate std", 3),
    )
    caption = (
        "I1 of 1 and I2 of 0: isotropic. The published values follow from walking the rows of the matrix whose "
        "columns are the "
        f"eigenvectors, not from the definition. {OF_CLIP}"
    )
    return Table("table1", "Isotropy of both clouds (Table 1)", columns, tuple(rows), caption)


def _loss(labels: dict[str, str], records: Sequence[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for source, transform in _places(records, "contrastive_loss.test"):
        where = {"source": source, "transform": transform, "subset": None}
        numbers = [
            value(records, metric=f"contrastive_loss.{part}", variant=v, **where)
            for v in (None, "refitted")
            for part in ("train", "test")
        ]
        record = pick(records, metric="contrastive_loss.test", variant=None, **where)
        published = TABLE_2.get(transform, (None, None))
        rows.append((labels[source], transform or PLAIN, *numbers, *published, record.n if record else None))
    columns = (
        Column("model"),
        Column("alignment"),
        Column("train", 4, "at the model's temperature, or the one of the alignment"),
        Column("test", 4),
        Column("train, refitted", 4, "at the temperature refitted on the fitting part"),
        Column("test, refitted", 4),
        Column("published train", 4),
        Column("published test", 4),
        Column("batch"),
    )
    caption = (
        "Symmetric InfoNCE in nats, all test pairs in one batch; chance level is log(batch). The article does not "
        "state its "
        f"batch size, on which the loss depends. {OF_CLIP}"
    )
    return Table("table2", "Contrastive loss before and after (Table 2)", columns, tuple(rows), caption)


def _retrieval(labels: dict[str, str], records: Sequence[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    parts = list(dict.fromkeys(r.subset for r in records if r.metric == "recall@1.image_to_text"))
    for source, transform in _places(records, "recall@1.image_to_text"):
        for part in parts:
            where = {"source": source, "transform": transform, "subset": part}
            first = pick(records, metric="recall@1.image_to_text", **where)
            rest = [
                value(records, metric=f"recall@{k}.{way}", **where)
                for k, way in ((5, "image_to_text"), (1, "text_to_image"), (5, "text_to_image"))
            ]
            if first is not None:
                rows.append((labels[source], transform or PLAIN, part, first.value, span(first), *rest, first.n))
    columns = (
        Column("model"),
        Column("alignment"),
        Column("part"),
        Column("R@1 image to text", 3),
        Column("95 % interval"),
        Column("R@5 image to text", 3),
        Column("R@1 text to image", 3),
        Column("R@5 text to image", 3),
        Column("queries"),
    )
    return Table(
        "retrieval",
        "Retrieval on held-out pairs",
        columns,
        tuple(rows),
        "Hit rates by cosine; ties count as misses. Concepts that no fit has seen are the harder test.",
    )


def _gap(labels: dict[str, str], records: Sequence[Record]) -> Table:
    names = (
        "modality_gap",
        "relative_modality_gap",
        "paired_cosine",
        "unpaired_cosine",
        "modality_separability.logistic",
        "modality_separability.linear_svc",
        "same_modality_share.image",
        "same_modality_share.text",
    )
    rows: list[tuple[Cell, ...]] = [
        (
            labels[source],
            transform or PLAIN,
            *(value(records, source=source, transform=transform, metric=n) for n in names),
        )
        for source, transform in _places(records, "modality_gap")
    ]
    titles = (
        "gap",
        "relative gap",
        "matching cosine",
        "other cosine",
        "logistic",
        "linear SVC",
        "own modality, image query",
        "own modality, text query",
    )
    columns = (Column("model"), Column("alignment"), *(Column(t, 3) for t in titles))
    return Table(
        "gap",
        "The gap between the modalities",
        columns,
        tuple(rows),
        "Gap: distance between the mean image and the mean text. Logistic, SVC: held-out accuracy of classifying the "
        "modality (chance level .5; 1.0 in the article). The last two: share of the top 10 of a mixed index that has "
        "the modality of the query.",
    )


def _zero_shot(labels: dict[str, str], records: Sequence[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for r in (r for r in records if r.metric == "zeroshot" and r.variant is None):
        where = {"source": r.source, "transform": r.transform, "fitted_on": r.fitted_on}
        others = [value(records, metric="zeroshot", variant=v, **where) for v in ("dot", "negative_distance")]
        five = value(records, metric="zeroshot.top5", variant=None, **where)
        published = TABLE_3.get((r.transform, r.fitted_on))
        rows.append(
            (labels[r.source], r.transform or PLAIN, r.fitted_on, r.value, span(r), five, *others, published, r.n)
        )
    columns = (
        Column("model"),
        Column("transform"),
        Column("fitted on"),
        Column("accuracy", 3),
        Column("95 % interval"),
        Column("top 5", 3),
        Column("by dot product", 3),
        Column("by distance", 3),
        Column("published", 3),
        Column("images"),
    )
    caption = f"{OF_CLIP} Note that {PROMPT_CHOICE}, and that a transform fitted on the test images has seen them."
    return Table("table3", "Zero-shot classification (Table 3)", columns, tuple(rows), caption)


def _halves(labels: dict[str, str], records: Sequence[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for source, transform in _places(records, "zeroshot.seen"):
        both = [pick(records, source=source, transform=transform, metric=f"zeroshot.{p}") for p in ("seen", "unseen")]
        published = TABLE_4.get(transform, (None, None))
        numbers = [x for r in both for x in (r.value if r else None, span(r))]
        rows.append((labels[source], transform or PLAIN, *numbers, *published))
    columns = (
        Column("model"),
        Column("alignment"),
        Column("seen classes", 3),
        Column("95 % interval"),
        Column("unseen classes", 3),
        Column("95 % interval "),
        Column("published seen", 3),
        Column("published unseen", 3),
    )
    caption = f"Fitted on images of half of the classes, tested on images of both halves. {OF_CLIP}"
    return Table("table4", "Seen and unseen classes (Table 4)", columns, tuple(rows), caption)


def _probe(labels: dict[str, str], records: Sequence[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (labels[r.source], r.transform or PLAIN, r.value, span(r), TABLE_5.get(r.transform), r.n)
        for r in records
        if r.metric == "probe"
    ]
    columns = (
        Column("model"),
        Column("transform"),
        Column("accuracy", 3),
        Column("95 % interval"),
        Column("published", 3),
        Column("images"),
    )
    return Table("table5", "Linear probe of the images (Table 5)", columns, tuple(rows), OF_CLIP)


def _languages(labels: dict[str, str], records: Sequence[Record]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for r in (r for r in records if r.metric == "parallel_distance_ratio"):
        where = {"source": r.source, "subset": r.subset}
        means = [value(records, metric=f"parallel_distance_ratio.{p}", **where) for p in ("pairs", "overall")]
        name = f"recall@1.{r.subset}_to_en"
        recalls = [
            value(records, source=r.source, metric=name, transform=t, subset="unseen names")
            for t in (None, "procrustes")
        ]
        published = TABLE_6.get(str(r.subset), (None, None, None))[2]
        of = {"source": r.source, "task": f"{r.task}.{r.subset}", "variant": None}
        isotropy = [value(records, metric=m, subset=side, **of) for side in (r.subset, "en") for m in ("i1", "i2")]
        cells = (f"{r.subset}-en", r.task, *means, r.value, published, *recalls, *isotropy)
        rows.append((labels[r.source], *cells))
    columns = (
        Column("model"),
        Column("languages"),
        Column("data"),
        Column("mean distance of pairs", 3),
        Column("of all", 3),
        Column("ratio", 3),
        Column("published ratio", 2, "M-BERT-Distil-40 on WikiCaps"),
        Column("R@1 as they are", 3),
        Column("R@1 after Procrustes", 3),
        Column("I1", 3, "of the other language, by definition"),
        Column("I2", 3),
        Column("I1 en", 3),
        Column("I2 en", 3),
    )
    return Table(
        "table6",
        "Other languages (Table 6)",
        columns,
        tuple(rows),
        "Euclidean distances of raw vectors; recall@1 from the other language to English on held-out texts.",
    )


def _places(records: Sequence[Record], metric: str) -> list[tuple[str, str | None]]:
    return list(dict.fromkeys((r.source, r.transform) for r in records if r.metric == metric))
