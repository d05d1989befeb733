"""Rules of two sides in one space, images and texts or queries and documents: gaps, mixed pools, pairs."""

from __future__ import annotations

from embedscope.core.records import Record
from embedscope.diagnosis._readings import Numbers, Reading, difference, number
from embedscope.diagnosis.centred import sampling_gap
from embedscope.diagnosis.remedy import Remedy
from embedscope.diagnosis.rule import Rule

_SHARE = "same_modality_share."
_KINDS = "query_kind_share."


def _shares(numbers: Numbers) -> dict[str, tuple[Record, float]]:
    """Share of its own kind by who asks, with chance (n_q - 1) / (N - 1)."""
    shares = {
        m.removeprefix(_SHARE): r for m, r in numbers.records.items() if m.startswith(_SHARE) and r.value is not None
    }
    total = sum(r.n or 0 for r in shares.values())
    return {name: (r, ((r.n or 0) - 1) / max(total - 1, 1)) for name, r in shares.items()}


def _worst(numbers: Numbers) -> tuple[Record, float] | None:
    """The side that keeps most to itself beyond chance."""
    return max(
        _shares(numbers).values(), key=lambda s: ((s[0].value or 0.0) - s[1]) / max(1 - s[1], 1e-9), default=None
    )


def _same_kind(numbers: Numbers) -> Reading | None:
    worst = _worst(numbers)
    if worst is None or worst[0].value is None:
        return None
    return Reading(worst[0].value, worst[0].stderr, worst[0].ci_low, worst[0].ci_high)


def _above_chance(numbers: Numbers, limit: float) -> float:
    worst = _worst(numbers)
    chance = worst[1] if worst is not None else 0.0
    return chance + limit * (1 - chance)


def _beyond_noise(numbers: Numbers, limit: float) -> float:
    return limit + sampling_gap(numbers)


def _beyond_five(numbers: Numbers, limit: float) -> float:
    """Five times what five documents have by right, or what one place each is among the queries."""
    queries, documents = (
        numbers.sizes.get("query", 1),
        min((n for s, n in numbers.sizes.items() if s != "query"), default=1),
    )
    return max(limit, 25 / max(documents, 1), 25 / (10 * max(queries, 1)))


def _rarest(numbers: Numbers) -> str:
    """The kind that a pool gives least, for its share of the pool."""
    shares = {m.removeprefix(_KINDS): r.value for m, r in numbers.records.items() if m.startswith(_KINDS)}
    return min(shares, key=lambda kind: shares[kind] or 0.0, default="")


def _rarest_share(numbers: Numbers) -> Reading | None:
    return number(_KINDS + _rarest(numbers))(numbers)


PAIR_RULES = (
    Rule(
        id="modality_gap",
        name="the two sides lie together",
        metrics=("modality_gap",),
        read=number("modality_gap"),
        worse="above",
        levels={"info": 0.2, "warning": 0.4, "serious": 0.7},
        reason="distance between the means of L2-normalised rows. CLIP (500 pairs) reads 0.85, 0.03 after centring "
        "each side; sqrt(1/n + 1/m) is added, which two samples of one cloud differ by",
        says="The means of the two sides are {value:.2f} apart: each side has its own region of the space.",
        harm="Cosines across the sides are all low and need a threshold of their own; clusters follow the modality, "
        "not the content. Search from one side to the other is hardly affected.",
        remedy=Remedy(candidates=("center",), objective="mixed", remark="where one index holds both"),
        adjust=_beyond_noise,
    ),
    Rule(
        id="mixed_index",
        name="a mixed index mixes",
        metrics=("same_modality_share",),
        read=_same_kind,
        worse="above",
        levels={"warning": 0.5, "serious": 0.9},
        reason="share of the 10 nearest in one pool that are of the query's own modality, from chance (0) to all (1). "
        "CLIP (500 pairs) reads 1.000, 0.943 after centring each side",
        says="In a mixed index, {percent} of the 10 nearest results are of the query's own modality.",
        harm="Image queries return only images, and text queries only texts, however well others match.",
        remedy=Remedy(candidates=("center",), objective="mixed", also="or merge two indexes by rank"),
        adjust=_above_chance,
    ),
    Rule(
        id="mismatched_pairs",
        name="each row has its match",
        metrics=("mismatched_pairs",),
        read=number("mismatched_pairs"),
        worse="above",
        levels={"info": 0.02, "warning": 0.1, "serious": 0.3},
        reason="twice the share of pairs of which more than half of the other side is nearer than the match: 1 where "
        "rows do not belong together, 0 where all do. CLIP (500 pairs) reads 0.00",
        says="{percent} of the pairs match no better than chance.",
        harm="These rows have the wrong match: shuffled ids, or texts that were changed after they were embedded.",
        remedy=Remedy("check the ids of the listed rows (--rows-out FILE), and embed again what is stale"),
    ),
    Rule(
        id="pairs_match",
        name="pairs are closer than others",
        metrics=("paired_cosine", "unpaired_cosine"),
        read=difference(number("paired_cosine"), number("unpaired_cosine")),
        worse="below",
        levels={"warning": 0.05, "serious": 0.01},
        reason="mean cosine of pairs less that of all others: 0 where rows do not belong together. CLIP (500 pairs) "
        "reads 0.15, CLIP before training 0.00",
        says="Matching rows are {value:.3f} closer than others in cosine.",
        harm="Search across the sides finds next to nothing: they come from different models, or their rows are not in "
        "the same order.",
        remedy=Remedy(
            before="check that both files are in the same order, or give --pair-ids", candidates=("procrustes",)
        ),
    ),
)
"""Rules of a pair of sides whose rows match."""

QUERY_RULES = (
    Rule(
        id="query_shift",
        name="queries lie where documents lie",
        metrics=("query_shift",),
        read=number("query_shift"),
        worse="above",
        levels={"info": 0.2, "warning": 0.4, "serious": 0.7},
        reason="distance between the means of L2-normalised queries and documents, thresholds as for the modality gap; "
        "sqrt(1/n + 1/m) is added",
        says="The means of queries and documents are {value:.2f} apart: they are two clouds.",
        harm="One mean for both is the mean of neither, so centring on documents moves queries wrongly; thresholds "
        "learnt between documents do not hold for queries.",
        remedy=Remedy(candidates=("center",), retrieval=True, remark="which keeps a mean for each"),
        adjust=_beyond_noise,
    ),
    Rule(
        id="query_hubs",
        name="queries find many documents",
        metrics=("query_hub_share",),
        read=number("query_hub_share"),
        worse="above",
        levels={"warning": 0.1, "serious": 0.25},
        reason="as `hubs`, in the answers to these queries; never below five times what five documents have by right, "
        "5 / n, or what one place each is among m queries, 5 / (10 m)",
        says="Five documents take {percent} of all places in the 10 best of these queries.",
        harm="Every query returns the same documents.",
        remedy=Remedy(candidates=("center",), retrieval=True, also="look at the five documents"),
        adjust=_beyond_five,
    ),
    Rule(
        id="query_contrast",
        name="the best document stands out",
        metrics=("query_contrast",),
        read=number("query_contrast"),
        worse="below",
        levels={"info": 0.1, "warning": 0.05, "serious": 0.02},
        reason="mean cosine of a query's nearest document less that of any document; 0.02 is 41 steps of a float16 "
        "cosine between .5 and 1, 0.05 is 102",
        details={"nearest": "query_nearest_cosine", "random": "query_random_cosine"},
        says="A query's best document is only {value:.3f} nearer in cosine than any document ({nearest:.3f} against "
        "{random:.3f}).",
        harm="No threshold separates an answer from the rest, and rounding changes the order.",
        remedy=Remedy(candidates=("center", "center+abtt:1"), retrieval=True),
    ),
    Rule(
        id="query_kinds",
        name="queries find every kind",
        metrics=("query_kind_share",),
        read=_rarest_share,
        details={"rarest": _rarest},
        worse="below",
        levels={"warning": 0.5, "serious": 0.1},
        reason="share of the rarer kind among the 10 best of a pool of both, as a multiple of its share of the pool: "
        "0.1 is a tenth of what a random draw gives. Some queries rightly ask for one kind only",
        says="Among the 10 best, {rarest} rows are {percent} as frequent as in the whole pool.",
        harm="That kind never appears in the results of a mixed index.",
        remedy=Remedy(candidates=("center",), retrieval=True),
    ),
)
"""Rules of queries against documents; of a pool of two kinds, against both."""
