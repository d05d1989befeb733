"""What the numbers say, in plain words, each with its evidence."""

from __future__ import annotations

from collections.abc import Sequence

from embedscope.core.document import Finding
from embedscope.core.records import Record
from embedscope.experiments._checked import Checked, claims_finding
from embedscope.experiments._lookup import pick, span, value
from embedscope.experiments._tyshchuk2023.vectors import Vectors

ROW_WALKING = (
    "Z is to be taken along eigenvectors, the columns of the matrix that eigh returns. Walking its rows instead takes "
    "directions that have nothing to do with the data; any random orthonormal basis gives nearly the same values. Our "
    "i1 and i2 follow the definition, the variant `published` walks rows; both are in Table 1."
)

WHOSE = "the article's own models and data"
HOW = "Run --models hf:openai/clip-vit-base-patch32 --data DIR, where DIR holds COCO 2014 and CIFAR-100."


def findings(models: Sequence[Vectors], records: Sequence[Record], checked: Sequence[Checked]) -> tuple[Finding, ...]:
    """Findings on the first model first, then the claims that were checked."""
    main = [m for m in models if not m.baseline]
    found: list[Finding | None] = []
    for m in main:
        mine = [r for r in records if r.source == m.source]
        found += [_gap(m, mine), _retrieval(m, mine), _temperature(m, mine), _classes(m, mine), _isotropy(m, mine)]
        found += [_languages(m, mine)]
    found += [_baselines(main, models, records), claims_finding(checked, WHOSE, HOW)]
    return tuple(f for f in found if f is not None)


def _gap(m: Vectors, records: Sequence[Record]) -> Finding | None:
    gap = pick(records, metric="modality_gap", transform=None)
    if gap is None or gap.value is None:
        return None
    parted = value(records, metric="modality_separability.logistic", transform=None)
    share = value(records, metric="same_modality_share.text", transform=None)
    after = {
        r.transform: r.value for r in records if r.metric == "same_modality_share.text" and r.transform is not None
    }
    known = {k: v for k, v in after.items() if v is not None}
    best = min(known, key=lambda k: known[k]) if known else None
    detail = f"After {best} the share is {known[best]:.2f}." if best else ""
    return Finding(
        f"{m.label}: images and texts lie in two clouds; a text that searches a mixed index finds texts first.",
        "info",
        f"gap {gap.value:.3f}, held-out accuracy of telling the modalities apart {parted or 0:.2f}, "
        f"{share or 0:.0%} of the top 10 of a text query are texts",
        "Tables 1 and 2, text",
        detail,
    )


def _retrieval(m: Vectors, records: Sequence[Record]) -> Finding | None:
    rows = [r for r in records if r.metric == "recall@1.image_to_text" and r.value is not None]
    if not rows:
        return None
    part = rows[-1].subset
    rows = [r for r in rows if r.subset == part]
    before = pick(rows, transform=None)
    best = max(rows, key=lambda r: r.value or 0.0)
    if before is None:
        return None
    text = (
        f"{m.label}: on {part}, {best.transform} finds the right text first for {best.value:.1%} of the images, "
        f"without an alignment it is {before.value:.1%}."
        if best.transform
        else f"{m.label}: on {part}, no alignment finds more than the vectors as they are ({before.value:.1%})."
    )
    return Finding(
        text, "info" if best.transform else "undecided", f"95 % interval {span(best)}, {best.n} queries", "", ""
    )


def _temperature(m: Vectors, records: Sequence[Record]) -> Finding | None:
    gaps = {r.transform: r.value for r in records if r.metric == "modality_gap" and str(r.transform)[:5] == "heads"}
    if len(gaps) < 2:
        return None
    listed = ", ".join(f"{k}: {v:.3f}" for k, v in gaps.items() if v is not None)
    return Finding(
        f"{m.label}: the temperature of contrastive training sets the modality gap; a cold one opens it.",
        "info",
        f"gap after linear heads: {listed}",
        "",
        "The number behind heads is the factor on cosines, 1 / temperature; without one it is learned.",
    )


def _classes(m: Vectors, records: Sequence[Record]) -> Finding | None:
    known, new = (pick(records, metric=f"zeroshot.{p}", transform="procrustes") for p in ("known", "new"))
    plain = pick(records, metric="zeroshot.new", transform=None)
    if known is None or new is None or plain is None or None in (known.value, new.value, plain.value):
        return None
    agrees = (known.value or 0) > (new.value or 0)
    return Finding(
        f"{m.label}: an alignment fitted on classes does not carry over to new ones.",
        "agrees" if agrees else "deviates",
        f"Procrustes fitted on half of the classes: known {known.value:.3f}, new {new.value:.3f} "
        f"(new, without alignment: {plain.value:.3f})",
        "Table 4 (CLIP: .7088 known, .0346 new)",
        "Always look at classes that were not in the fit.",
    )


def _isotropy(m: Vectors, records: Sequence[Record]) -> Finding | None:
    where = {"metric": "i1", "space": "image", "transform": None}
    ours, walked = pick(records, variant=None, **where), pick(records, variant="published", **where)
    if ours is None or walked is None or ours.value is None or walked.value is None:
        return None
    centred = value(records, variant=None, metric="i1", space="image", transform="center")
    return Finding(
        f"{m.label}: the image cloud is a cone (I1 {ours.value:.2f}); centring alone makes it nearly isotropic.",
        "info",
        f"I1 by definition {ours.value:.3f}, by walking rows as in the article {walked.value:.3f}; after centring "
        f"{centred or 0:.3f}",
        "Table 1 (CLIP: .83)",
        ROW_WALKING,
    )


def _languages(m: Vectors, records: Sequence[Record]) -> Finding | None:
    rows = [r for r in records if r.metric.startswith("recall@1.") and r.metric.endswith("_to_en")]
    gains = []
    for r in rows:
        if r.transform == "procrustes" and r.value is not None:
            before = value(rows, metric=r.metric, transform=None)
            gains.append(f"{r.metric[9:-6]} {before or 0:.2f} to {r.value:.2f}")
    if not gains:
        return None
    return Finding(
        f"{m.label}: one rotation makes names in other languages findable.",
        "info",
        f"recall@1 of new names, before and after Procrustes: {', '.join(gains)}",
        "Figure 14, Table 6",
    )


def _baselines(main: Sequence[Vectors], models: Sequence[Vectors], records: Sequence[Record]) -> Finding | None:
    parts = []
    for m in models:
        rows = [
            r
            for r in records
            if r.source == m.source and r.metric == "recall@1.image_to_text" and r.value is not None and r.transform
        ]
        if rows:
            part = rows[-1].subset
            best = max((r for r in rows if r.subset == part), key=lambda r: r.value or 0.0)
            parts.append(f"{m.label} {best.value:.3f}")
    if len(parts) < 2 or not main:
        return None
    return Finding(
        "What an untrained network and bare pixels reach is the zero of the scale.",
        "info",
        f"best recall@1, image to text, on the last held-out part: {', '.join(parts)}",
    )
