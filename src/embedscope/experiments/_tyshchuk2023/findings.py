"""What the numbers say: each sentence follows from a tested comparison, with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embedscope.core.document import Dot, DotRow, Dots, Finding, Headline, Scatter, Status
from embedscope.core.records import Record
from embedscope.core.tables import Score
from embedscope.core.wording import percent
from embedscope.experiments._checked import Checked, claims_finding
from embedscope.experiments._lookup import pick
from embedscope.experiments._tested import (
    Estimate,
    Selected,
    difference,
    independent_difference,
    of_record,
    of_score,
    select_on_half,
    sentence,
    together,
)
from embedscope.experiments._tyshchuk2023.pairs import KeptScores
from embedscope.experiments._tyshchuk2023.vectors import Vectors
from embedscope.stats.bootstrap import holm, paired_difference

ROW_WALKING = (
    "By definition, Z is taken along eigenvectors, the columns of the matrix that eigh returns. Walking its rows "
    "instead gives "
    "directions that do not depend on the data as eigenvectors do; any random orthonormal basis gives nearly the "
    "same values. Our "
    "i1 and i2 follow the definition, the variant `published` walks rows; both are in Table 1."
)

WHOSE = "the article's own models and data"
HOW = "Run --models hf:openai/clip-vit-base-patch32 --data DIR, where DIR holds COCO 2014 and CIFAR-100."


FINDS = "recall@1.image_to_text"
SEPARATE = 0.5
"""Accuracy of telling two equal clouds apart."""

CONE = 0.1
"""Mean cosine from which on a cloud is called a cone here; an isotropic cloud has 0."""

OPENS = 0.1
"""Least difference of two gaps that counts as one being wider (unit vectors 60 degrees apart have a distance of 1)."""


def findings(
    models: Sequence[Vectors],
    records: Sequence[Record],
    checked: Sequence[Checked],
    kept: Mapping[str, KeptScores],
    seed: int,
) -> tuple[Finding, ...]:
    """Findings on the first model first, then the claims that were checked.

    Each sentence follows from a comparison with an interval; it says the opposite where the interval does, and that the
    run cannot tell where the interval spans the bound.
    """
    main = [m for m in models if not m.baseline]
    statements: list[Finding | None] = []
    for m in main:
        mine = [r for r in records if r.source == m.source]
        scores = kept.get(m.source, KeptScores())
        statements += [_gap(m, mine), _retrieval(m, scores, seed), _temperature(m, mine), _classes(m, scores)]
        statements += [_isotropy(m, mine), _languages(m, scores)]
    statements += [_baselines(main, models, kept), claims_finding(checked, WHOSE, HOW)]
    return tuple(f for f in statements if f is not None)


SHOWN = 2
"""Models that the headline speaks of."""


def headline(
    models: Sequence[Vectors],
    records: Sequence[Record],
    kept: Mapping[str, KeptScores],
    charts: Sequence[Dots],
    scatters: Sequence[Scatter],
    seed: int,
) -> Headline | None:
    """How far images and texts lie apart and what the best alignment does for retrieval; None without pairs."""
    parts, evidence = [], []
    for m in [m for m in models if not m.baseline][:SHOWN]:
        mine = [r for r in records if r.source == m.source]
        gap = pick(mine, metric="modality_gap", transform=None)
        if gap is None or gap.value is None:
            continue
        text = f"{m.label}: the mean image and the mean text lie {gap.value:.2f} apart"
        evidence.append(f"{m.label} gap {of_record(gap).text()}")
        chosen = _choose_alignment(kept.get(m.source, KeptScores()), seed)
        if chosen is not None:
            text += f", and {_say_retrieval(*chosen)}"
        if chosen is not None and chosen[1].name is not None:
            evidence[-1] += f", recall@1 {chosen[1].gain.text(signed=True)}"
        parts.append(text)
    if not parts:
        return None
    both = [s for s in scatters if {"text", "image"} <= {points.label for points in s.points}]
    ids = (*(chart.id for chart in charts[:1]), *(s.id for s in both[:1]))
    return Headline(f"{'. '.join(parts)}.", "info", f"{'; '.join(evidence)}; in brackets 95 % intervals", charts=ids)


def _say_retrieval(part: str, best: Selected) -> str:
    """What the best alignment does for retrieval: it helps, it harms, or that is not known."""
    if best.name is None:
        return f"no alignment finds more pairs than none where one is chosen (half of the concepts of {part})"
    numbers = f"recall@1 on held-out pairs ({part}) from {percent(best.reference, 1)} to {percent(best.value, 1)}"
    return sentence(
        best.gain.above(),
        f"{best.name} raises {numbers}",
        f"even the best alignment, {best.name}, lowers {numbers}",
        f"{best.name} takes {numbers}, which may be chance",
    )


def recall_charts(models: Sequence[Vectors], kept: Mapping[str, KeptScores]) -> tuple[Dots, ...]:
    """Recall of texts by images on the last held-out part, alignment by alignment, for every model."""
    rows: dict[str, list[Dot]] = {}
    labels: list[str] = []
    parts: list[str] = []
    for m in (m for m in models if not m.baseline):
        scores = kept.get(m.source, KeptScores()).scores
        places = [key for key in scores if key[0] == FINDS]
        if not places:
            continue
        for name, score in scores[places[-1]].items():
            estimate = of_score(score)
            if estimate.value is not None:
                dot = Dot(len(labels), estimate.value, estimate.low, estimate.high)
                rows.setdefault(name or "as they are", []).append(dot)
        labels.append(m.label)
        parts.append(str(places[-1][1]))
    if not rows:
        return ()
    drawn = tuple(DotRow(name, tuple(dots), strong=name == "as they are") for name, dots in rows.items())
    where = ", ".join(dict.fromkeys(parts))
    caption = f"On held-out pairs ({where}), which no alignment was fitted on. Bars: 95 % intervals."
    return (Dots("recall", "Retrieval, alignment by alignment", FINDS, drawn, tuple(labels), caption=caption),)


def _choose_alignment(kept: KeptScores, seed: int) -> tuple[str, Selected] | None:
    """The last held-out part, and the best alignment there: chosen on half of the concepts, tested on the rest."""
    parts = [part for metric, part in kept.scores if metric == FINDS]
    if not parts:
        return None
    place = (FINDS, parts[-1])
    best = select_on_half(kept.scores[place], kept.units[place], seed)
    return None if best is None else (str(parts[-1]), best)


def _gap(m: Vectors, records: Sequence[Record]) -> Finding | None:
    gap = pick(records, metric="modality_gap", transform=None)
    apart = of_record(pick(records, metric="modality_separability.logistic", transform=None))
    share = of_record(pick(records, metric="same_modality_share.text", transform=None))
    if gap is None or gap.value is None or apart.value is None:
        return None
    two, first = apart.above(SEPARATE), share.above(SEPARATE)
    clouds = sentence(
        two,
        "images and texts form two clouds that a fitted plane tells apart",
        "images and texts do not form two clouds that a fitted plane tells apart",
        "this run cannot tell whether images and texts form two clouds",
    )
    index = sentence(
        first,
        "a text query to a mixed index gets mostly texts",
        "a text query to a mixed index does not get mostly texts",
        "whether a text query to a mixed index gets mostly texts is undecided",
    )
    after = {
        r.transform: r.value for r in records if r.metric == "same_modality_share.text" and r.transform is not None
    }
    known = {k: v for k, v in after.items() if v is not None}
    lowest = min(known, key=lambda k: known[k]) if known else None
    detail = f"Lowest share over the alignments tried: {known[lowest]:.2f}, after {lowest}." if lowest else ""
    return Finding(
        f"{m.label}: {clouds}; {index}.",
        together([two, first]) if share.value is not None else two,
        f"gap {gap.value:.3f}; held-out accuracy of telling the modalities apart {apart.text(2)}, "
        f"{SEPARATE} by chance; share of texts in the top 10 of a text query {share.text(2)}",
        "Tables 1 and 2, text",
        detail,
    )


def _retrieval(m: Vectors, kept: KeptScores, seed: int) -> Finding | None:
    """The best alignment, chosen on half of the concepts and tested on the other half."""
    selected = _choose_alignment(kept, seed)
    if selected is None:
        return None
    part, chosen = selected
    if chosen.name is None:
        return Finding(
            f"{m.label}: on {part}, whether an alignment improves retrieval is undecided: none is tested.",
            "undecided",
            "on the half of the concepts on which alignments are chosen, the vectors as they are were best; on the "
            f"other half, recall@1 {percent(chosen.reference, 1)}",
        )
    status = chosen.gain.above()
    outcome = sentence(status, "improves retrieval", "makes retrieval worse", "cannot be told apart from no alignment")
    return Finding(
        f"{m.label}: on {part}, {chosen.name} {outcome}: recall@1 {percent(chosen.value, 1)} against "
        f"{percent(chosen.reference, 1)} without an alignment.",
        status,
        f"difference {chosen.gain.text(signed=True)} on {chosen.n} queries; the alignment was chosen on the other half "
        "of the concepts",
    )


def _temperature(m: Vectors, records: Sequence[Record]) -> Finding | None:
    gaps = {r.transform: r for r in records if r.metric == "modality_gap" and str(r.transform).startswith("heads")}
    warm, cold = gaps.get("heads:5"), gaps.get("heads:100")
    if warm is None or cold is None:
        return None
    delta = independent_difference(cold, warm)
    status = delta.above(OPENS)
    closes = delta.below(-OPENS)
    text = sentence(
        status,
        "heads trained at a cold temperature (factor 100) leave a wider modality gap than at a warm one (factor 5)",
        sentence(
            closes,
            "heads trained at a cold temperature (factor 100) leave a narrower modality gap than at a warm one "
            "(factor 5)",
            "the temperature of the heads hardly moves the modality gap here",
            "a cold temperature of the heads does not open the modality gap here; whether it closes it is undecided",
        ),
        "this run cannot tell whether a cold temperature of the heads opens the modality gap",
    )
    listed = ", ".join(f"{k}: {r.value:.3f}" for k, r in gaps.items() if r.value is not None)
    return Finding(
        f"{m.label}: {text}.",
        status,
        f"gap after linear heads: {listed}; difference {delta.text(signed=True)}, {OPENS} counts as wider",
        "",
        "The number behind heads is the factor on cosines, 1 / temperature; without one it is learned.",
    )


def _classes(m: Vectors, kept: KeptScores) -> Finding | None:
    seen, unseen = (kept.scores.get((f"zeroshot.{part}", None), {}) for part in ("seen", "unseen"))
    if "procrustes" not in unseen or None not in unseen or None not in seen:
        return None
    change = {name: difference(part["procrustes"], part[None]) for name, part in (("seen", seen), ("unseen", unseen))}
    gains, loses = change["seen"].above(), change["unseen"].below()
    status = together([loses])
    text = sentence(
        status,
        "an alignment fitted on half of the classes makes the other half worse",
        "an alignment fitted on half of the classes helps the other half",
        "this run cannot tell what an alignment fitted on half of the classes does to the other half",
    )
    seen_half = sentence(
        gains, "it helps the half it saw", "it hurts even the half it saw", "on the half it saw, undecided"
    )
    return Finding(
        f"{m.label}: {text} ({seen_half}).",
        status,
        f"accuracy less that without an alignment: seen classes {change['seen'].text(signed=True)}, unseen classes "
        f"{change['unseen'].text(signed=True)}; Procrustes has {of_score(seen['procrustes']).text()} on seen and "
        f"{of_score(unseen['procrustes']).text()} on unseen classes",
        "Table 4 (CLIP: .7088 seen, .0346 unseen)",
        "Report classes that were not in the fit as well.",
    )


def _isotropy(m: Vectors, records: Sequence[Record]) -> Finding | None:
    side = "image" if len(m.images) else "text"
    where = {"metric": "i1", "space": side, "transform": None}
    ours, walked = pick(records, variant=None, **where), pick(records, variant="published", **where)
    cosine = of_record(pick(records, metric="self_similarity", space=side, transform=None))
    centred = pick(records, variant=None, metric="i1", space=side, transform="center")
    if ours is None or walked is None or ours.value is None or walked.value is None or cosine.value is None:
        return None
    cone, rises = cosine.above(CONE), independent_difference(centred, ours)
    moves = rises.above() if cosine.above() == "agrees" else "undecided"  # without a mean, a rise is one of sampling
    text = sentence(
        cone,
        f"the {side} cloud is a cone: unrelated {side}s have a mean cosine well above 0",
        f"the {side} cloud is no cone: unrelated {side}s have a mean cosine near 0",
        f"this run cannot tell whether the {side} cloud is a cone",
    )
    more = sentence(
        moves,
        "centring makes it more isotropic",
        "centring makes it less isotropic",
        "whether centring makes it more isotropic is undecided",
    )
    return Finding(
        f"{m.label}: {text}; {more}.",
        cone,
        f"mean cosine {cosine.text()}, {CONE} counts as a cone; I1 by definition {of_record(ours).text()}, "
        f"by walking rows as in the article {walked.value:.3f}, after centring {of_record(centred).text()}",
        "Table 1 (CLIP: .83)",
        ROW_WALKING,
    )


def _languages(m: Vectors, kept: KeptScores) -> Finding | None:
    rows: list[tuple[str, Score, Score]] = []
    for (metric, _), scores in kept.scores.items():
        if metric.startswith("recall@1.") and metric.endswith("_to_en") and {None, "procrustes"} <= set(scores):
            rows.append((metric[9:-6], scores["procrustes"], scores[None]))
    if not rows:
        return None
    tests = [paired_difference(after, before) for _, after, before in rows]
    corrected = holm([1.0 if d.p is None else d.p for d in tests])
    better = sum(q < 0.05 and (d.value or 0.0) > 0 for d, q in zip(tests, corrected, strict=True))
    worse = sum(q < 0.05 and (d.value or 0.0) < 0 for d, q in zip(tests, corrected, strict=True))
    status: Status = "agrees" if better and not worse else "deviates" if worse and not better else "undecided"
    what = f"one rotation makes retrieval of unseen names significantly better in {better} of {len(rows)} languages"
    what += f" and significantly worse in {worse}" if worse else ""
    listed = "; ".join(
        f"{code} {before.value:.2f} to {after.value:.2f} ({Estimate(d.value, d.low, d.high).text(2, signed=True)})"
        for (code, after, before), d in zip(rows, tests, strict=True)
        if after.value is not None and before.value is not None
    )
    return Finding(
        f"{m.label}: {what}.",
        status,
        f"recall@1 of names that the rotation was not fitted on, before and after Procrustes: {listed}; Holm-corrected "
        "over the languages",
        "Figure 14, Table 6",
    )


def _baselines(main: Sequence[Vectors], models: Sequence[Vectors], kept: Mapping[str, KeptScores]) -> Finding | None:
    """The first model against its own baselines through one alignment that all of them have."""
    last: dict[str, Score] = {}
    own = None if not main else _aligned_score(main[0], kept)
    for m in models:
        if main and (name := _baseline_of(m, main[0])) and (score := _aligned_score(m, kept)) is not None:
            last[name] = score
    if own is None or not last:
        return None
    deltas = {name: difference(own, score) for name, score in last.items()}
    status = together([delta.above() for delta in deltas.values()])
    names = " and ".join(last)
    text = sentence(
        status,
        f"finds more than {names}",
        f"does not find more than {names}",
        f"is not shown to find more than {names}",
    )
    return Finding(
        f"{main[0].label}: after Procrustes it {text}.",
        status,
        f"recall@1, image to text, on the last held-out part: {of_score(own).text()}; less "
        + "; less ".join(f"{name} {delta.text(signed=True)}" for name, delta in deltas.items()),
    )


def _baseline_of(m: Vectors, main: Vectors) -> str | None:
    """What ``m`` is to the model ``main``: its network untrained, or raw pixels beside its texts; else None."""
    if not m.baseline:
        return None
    if m.source == f"random:{main.source}":
        return "an untrained network"
    same_texts = m.source.partition("+")[2] == main.source.partition("+")[2]
    return "raw pixels" if m.source.startswith("pixels:") and same_texts else None


def _aligned_score(m: Vectors, kept: Mapping[str, KeptScores]) -> Score | None:
    """Recall of texts by images after Procrustes on the last held-out part."""
    scores = kept.get(m.source, KeptScores()).scores
    parts = [key for key in scores if key[0] == FINDS]
    return scores[parts[-1]].get("procrustes") if parts else None
