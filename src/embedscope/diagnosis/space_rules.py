"""Rules of one space: is it a narrow cone, does one coordinate rule it, do a few rows crowd every answer."""

from __future__ import annotations

from collections.abc import Callable

from embedscope.core.wording import percent
from embedscope.diagnosis._readings import Numbers, Reading, dimensions, number, ratio, rows
from embedscope.diagnosis.populations import LEAST_ROWS
from embedscope.diagnosis.remedy import Remedy
from embedscope.diagnosis.rule import Rule
from embedscope.diagnosis.unrelated import REACHED, reach

_CONE = 0.05
"""Mean cosine above which it makes sense to ask which coordinate it comes from."""

_FLOOR = 0.2
"""Mean cosine above which rounding and thresholds have less room."""


def _above(limit: float, numbers: Numbers) -> bool:
    record = numbers.get_defined("self_similarity")
    return record is not None and record.ci_low is not None and record.ci_low > limit


def _beyond_five(numbers: Numbers, limit: float) -> float:
    """Five rows have 5 / n of all places by right; chance makes the five luckiest three times that at small n."""
    return max(limit, 25 / max(numbers.n, 1))


def _are(numbers: Numbers) -> str:
    record = numbers.get_defined("zero_rows")
    return "is" if record is not None and record.value == 1 else "are"


def _share(metric: str) -> Callable[[Numbers], str]:
    """What gives the value of ``metric``, a share, in per cent."""

    def sentence(numbers: Numbers) -> str:
        record = numbers.get_defined(metric)
        return "nan" if record is None or record.value is None else percent(record.value)

    return sentence


def _cause(numbers: Numbers) -> str:
    """What most likely made two sets of rows, by how alike their covariances are."""
    likeness = numbers.get_defined("two_populations.likeness")
    value = 0.0 if likeness is None or likeness.value is None else likeness.value
    if value >= _PROMPTS:
        return "one model with and without a prefix or prompt, or two languages of a multilingual model"
    return "two modalities or two languages of one model"


def _how(numbers: Numbers) -> str:
    return numbers.rows.other_format if numbers.rows is not None else ""


def _direction(numbers: Numbers) -> str:
    record = numbers.get_defined("length_bias")
    return "shorter" if record is not None and (record.value or 0.0) < 0 else "longer"


def _size(numbers: Numbers) -> Reading | None:
    size = number("length_bias")(numbers)
    if size is None or size.low is None or size.high is None:
        return size
    ends = sorted((abs(size.low), abs(size.high)))
    return Reading(abs(size.value), size.stderr, 0.0 if size.low * size.high < 0 else ends[0], ends[1])


def _few_of(numbers: Numbers) -> str:
    """How many directions one in a hundred are."""
    return f"{-(-numbers.dim // 100):,}"


def _copies_of_pairs(numbers: Numbers, limit: float) -> float | None:
    """On one side of pairs rows repeat by right, as an image does with five captions: never serious there."""
    return None if numbers.where.is_pair and limit >= _HALF else limit


def _norms_vary(numbers: Numbers) -> bool:
    record = numbers.get_defined("norm_cv")
    return record is not None and record.ci_low is not None and record.ci_low > 0.1 + (2 * numbers.dim) ** -0.5


def _say_reach(numbers: Numbers) -> str:
    """The cosine that one in a hundred unrelated pairs reaches, as a clause; empty where pairs were not taken."""
    record = numbers.get_defined("unrelated_reached")
    return "" if record is None else f"; {percent(REACHED, 0)} of unrelated pairs reach {record.value:.3f}"


def _near_among_unrelated(numbers: Numbers) -> str:
    """How many unrelated pairs are as near as a row and its nearest other, as a clause."""
    near, z, share = (numbers.get_defined(f"nearest_cosine{end}") for end in ("", ".z", ".unrelated_above"))
    if near is None or z is None or share is None or share.value is None:
        return ""
    return f"; {reach(share.value)} its mean cosine of {near.value:.3f} (z {z.value:.1f})"


def _say_sample(numbers: Numbers) -> str:
    """The spread of unrelated pairs and how many were sampled, as evidence."""
    sd, pairs, cut = (numbers.get_defined(f"unrelated_{end}") for end in ("sd", "pairs", "reached"))
    if sd is None or pairs is None or cut is None:
        return ""
    reached = f"{percent(REACHED, 0)} of {pairs.value:,.0f} sampled unrelated pairs reach {cut.value:.3f}"
    return f"{reached}; standard deviation {sd.value:.3f} over all"


def _say_sampled_share(numbers: Numbers) -> str:
    """The share of unrelated pairs that are as near as a row and its nearest other, with its interval, as evidence."""
    share, pairs = numbers.get_defined("nearest_cosine.unrelated_above"), numbers.get_defined("unrelated_pairs")
    if share is None or pairs is None or share.value is None or share.ci_low is None or share.ci_high is None:
        return ""
    of_100, low, high = (100 * x for x in (share.value, share.ci_low, share.ci_high))
    return f"{of_100:.2f} % [{low:.2f} %, {high:.2f} %] of {pairs.value:,.0f} sampled unrelated pairs are as near"


_HALF = 0.5
_PROMPTS = 0.5
"""Likeness of covariances from which two sets are of one model and one kind of input: modalities have 0.1 to 0.3."""

RULES = (
    Rule(
        id="two_populations",
        name="one model made all rows",
        metrics=("two_populations", "two_populations.likeness"),
        read=number("two_populations", counted=True),
        worse="above",
        levels={"serious": 0.0},
        reason="rows that are mutual neighbours of none of the rest, and whose covariance is no more like that of the "
        "rest than if it were turned at random (cosine below 0.03). Mixed models read -0.02 to 0.02, two modalities or "
        "languages of one model 0.1 and more",
        details={"likeness": "two_populations.likeness", "own": _share("two_populations.own")},
        says="Two models in one index: {percent} of the rows never mix with the rest (of their 10 nearest, {own} "
        "are their own) and vary along other directions (likeness of covariances {likeness:.2f}; one model has 0.1 "
        "and more).",
        harm="No query finds rows of both: each is searched in half an index.",
        remedy=Remedy(
            "find out which model made which rows (--rows-out FILE writes the smaller set), and embed "
            "those again with the other model",
        ),
    ),
    Rule(
        id="two_kinds",
        name="all rows are of one kind",
        metrics=("two_kinds", "two_populations.likeness"),
        read=number("two_kinds", counted=True),
        least_rows=LEAST_ROWS,
        worse="above",
        levels={"info": 0.0, "warning": 0.9},
        reason="share of the 10 nearest that are of the row's own set, beyond chance, where rows lie on either side of "
        "an empty stretch along one direction: kurtosis below 1.22 and at most 1 % of the rows in its middle quarter",
        details={
            "share": _share("two_populations.share"),
            "likeness": "two_populations.likeness",
            "gap": "two_populations.gap",
            "cause": _cause,
        },
        says="The rows fall into two sets, the smaller with {share} of them; {percent} of their neighbours are of "
        "their own set beyond chance. Likely cause: {cause} (likeness of covariances {likeness:.2f}, means {gap:.2f} "
        "apart).",
        harm="Search returns rows of the query's own set first, whatever they mean.",
        remedy=Remedy(
            "embed all rows with the same prefix; where the sets are two modalities, measure them as "
            "--pair A B and repair the pair (--rows-out FILE writes the smaller set)",
        ),
    ),
    Rule(
        id="two_formats",
        name="all rows are stored alike",
        metrics=("two_formats",),
        read=number("two_formats", counted=True),
        least_rows=1,
        worse="above",
        levels={"info": 0.005, "warning": 0.05},
        reason="a count of rows whose numbers have another format than most: unit length, exact in float16 or "
        "bfloat16, few different values (8 bits), padded with zeros",
        details={"how": _how},
        says="{percent} of the rows are stored otherwise than the rest: {how}.",
        harm="Two runtimes, exports or scripts filled this index; where only some rows have unit length, a dot product "
        "ranks by length.",
        remedy=Remedy("write all rows with one script, L2-normalised and in one precision"),
    ),
    Rule(
        id="cosine_floor",
        name="unrelated rows have low cosines",
        metrics=("self_similarity",),
        read=number("self_similarity"),
        worse="above",
        levels={"info": _FLOOR},
        reason="a note from 0.2 on, never more: what matters is how far neighbours stand out from unrelated rows, "
        "which `low_contrast` judges. Spaces that work read 0.08 (MiniLM), 0.53 (CLIP), 0.74 (E5 sentences) and 0.69 "
        "to 0.83 (CLIP class names)",
        details={"reached": _say_reach},
        says="Unrelated rows have a mean cosine of {value:.2f}{reached}.",
        beside=_say_sample,
        harm="A cosine threshold taken from another model accepts too much; embedscope calibrate says what a cosine "
        "means here. Ranking is not affected.",
        remedy=Remedy(candidates=("center",)),
    ),
    Rule(
        id="low_contrast",
        name="nearest rows stand out",
        metrics=("neighbour_contrast",),
        read=number("neighbour_contrast"),
        worse="below",
        levels={"warning": 0.05, "serious": 0.02},
        reason="mean cosine of a row with its nearest other less that of unrelated rows, asked where unrelated rows "
        "have 0.2 or more; 0.02 is 41 steps of a float16 cosine between .5 and 1, 0.05 is 102",
        details={"unrelated": "self_similarity", "near": _near_among_unrelated},
        says="A row's nearest neighbour is only {value:.3f} nearer in cosine than unrelated rows, which have "
        "{unrelated:.3f}{near}.",
        beside=_say_sampled_share,
        harm="No threshold separates a match from the rest, and rounding changes the order.",
        remedy=Remedy(candidates=("center", "center+abtt:1")),
        applies=lambda numbers: _above(_FLOOR, numbers),
    ),
    Rule(
        id="rogue_coordinate",
        name="no coordinate dominates the cosines",
        metrics=("rogue_contribution", "self_similarity"),
        read=ratio(number("rogue_contribution"), number("self_similarity")),
        worse="above",
        levels={"info": 0.25, "warning": 0.9},
        reason="from one half on, one coordinate decides more than all others together (timkey2021 reports it for "
        "GPT-2, BERT, RoBERTa and XLNet). MiniLM pooled reads 0.02; CLIP images 0.74, texts 0.68, class names by RN50 "
        "0.82, and all work; SmolLM2 layer 29 0.92",
        details={"coordinate": "rogue_contribution.top1_coordinate"},
        says="Coordinate {coordinate:.0f} alone accounts for {percent} of the mean cosine.",
        harm="It adds nearly the same to every cosine and hides the other coordinates; int8 and other uniform codes "
        "spend their range on it. Ranking may still be fine, so it is never serious by itself.",
        remedy=Remedy(candidates=("center", "center+abtt:1")),
        applies=lambda numbers: _above(_CONE, numbers),
    ),
    Rule(
        id="rank_collapse",
        name="variance is spread over many directions",
        metrics=("participation_ratio_unbiased",),
        read=ratio(number("participation_ratio_unbiased"), dimensions),
        worse="below",
        levels={"warning": 0.03},
        reason="the share of dimensions that hold variance, (sum l)^2 / sum l^2 / d, without the bias of small n. "
        "MiniLM pooled reads 0.25, CLIP 0.09, images of ConVIRT 0.006, of CLIP before training 0.004. A warning, never "
        "more: one long direction lowers the share and leaves neighbours to the others, which `few_directions` tests",
        says="The rows vary in {directions:.1f} of {dim} directions ({percent}).",
        harm="Most of the variance lies in a handful of directions: distances are theirs, and storage is wasted.",
        remedy=Remedy(candidates=("center+abtt:1", "whiten")),
        details={"directions": "participation_ratio_unbiased"},
        applies=lambda numbers: numbers.dim >= 64,
    ),
    Rule(
        id="few_directions",
        name="many directions decide who is near",
        metrics=("leading_overlap",),
        read=number("leading_overlap"),
        worse="above",
        levels={"serious": 0.9},
        reason="share of the 10 nearest that are left where rows keep only one principal direction in a hundred, asked "
        "where less than a twentieth of the dimensions hold variance. Images of ConVIRT, whose participation ratio is "
        "2.9, read 0.58, images of CLIP before training 0.84, rows of three directions with 1 % of noise 0.99",
        details={"few": _few_of},
        applies=lambda numbers: numbers.n >= numbers.dim,  # fewer rows span few directions whatever they are
        says="{few} of {dim} directions decide {percent} of the 10 nearest.",
        harm="All other coordinates add nothing: rows that differ in meaning have the same neighbours.",
        remedy=Remedy(before="check the model and its pooling", candidates=("center+abtt:1", "whiten")),
    ),
    Rule(
        id="hubs",
        name="no row crowds the results",
        metrics=("hub_share",),
        read=number("hub_share"),
        worse="above",
        levels={"warning": 0.1, "serious": 0.25},
        reason="at 0.1, one result in ten is one of the same five rows, whatever the query. An isotropic space of "
        "5,000 rows reads 0.002, MiniLM pooled (1,500 sentences) 0.015, CLIP (500 rows) 0.04 to 0.06; never below "
        "five times 5 / n",
        says="Five rows take {percent} of all places among the 10 nearest.",
        harm="The same few documents appear for every query, and push the right ones out of the first page.",
        remedy=Remedy(candidates=("center",), also="look at the five, often boilerplate or empty"),
        adjust=_beyond_five,
    ),
    Rule(
        id="never_found",
        name="nearly every row can be found",
        metrics=("antihub_share",),
        read=number("antihub_share"),
        worse="above",
        levels={"info": 0.2, "warning": 0.4},
        reason="an isotropic space reads 0.000, MiniLM pooled 0.016, CLIP 0.05 to 0.06; at 0.4 two rows in five",
        says="{percent} of the rows are among the 10 nearest of no other row.",
        harm="Search does not return them, however relevant.",
        remedy=Remedy(candidates=("center", "center+abtt:1")),
    ),
    Rule(
        id="copies",
        name="few rows are duplicates",
        metrics=("copy_share",),
        read=number("copy_share", counted=True),
        least_rows=1,
        worse="above",
        levels={"info": 0.001, "warning": 0.05, "serious": 0.5},
        reason="a count, so it has no error bar; at 0.05 one result in twenty repeats another. Texts of ConVIRT's 500 "
        "pairs: 0.11",
        says="{percent} of the rows are duplicates of another row.",
        beside=_say_sample,
        harm="Results repeat each other, and hubs and distances to neighbours say less.",
        remedy=Remedy("keep one row of each and a list of its duplicates, before indexing"),
        adjust=_copies_of_pairs,
    ),
    Rule(
        id="zero_rows",
        name="no row is zero",
        metrics=("zero_rows",),
        read=ratio(number("zero_rows", counted=True), rows),
        least_rows=1,
        worse="above",
        levels={"warning": 0.0, "serious": 0.01},
        reason="a row of zeros has no direction: one is a fault of the pipeline (an empty text, a failed request), "
        "one in a hundred a broken one",
        details={"count": "zero_rows", "are": _are},
        says="{count:,.0f} of {n:,} rows {are} all zeros.",
        harm="Their cosine with anything is undefined; an index returns them at random or divides by zero.",
        remedy=Remedy("embed those rows again, or remove them; embedscope leaves them out of cosines"),
    ),
    Rule(
        id="norms_vary",
        name="row norms are alike",
        metrics=("norm_cv",),
        read=number("norm_cv"),
        worse="above",
        levels={"info": 0.1, "warning": 0.3, "serious": 1.0},
        reason="standard deviation over mean of the norms: at 0.3, a row with a norm one deviation high beats one of "
        "equal direction that is one deviation low by 1.3 / 0.7 in a dot product. MiniLM pooled reads 0, isotropic "
        "normal rows 1 / sqrt(2 d)",
        says="Row norms vary by {percent} of their mean.",
        harm="An index by dot product ranks rows with large norms first, whatever they mean; cosine is not affected.",
        remedy=Remedy("L2-normalise rows before indexing, or index by cosine"),
        adjust=lambda numbers, limit: limit + (2 * numbers.dim) ** -0.5,
    ),
    Rule(
        id="half_precision",
        name="float16 cosines keep the order",
        metrics=("float16_ties",),
        read=number("float16_ties"),
        worse="above",
        levels={"info": 0.1, "warning": 0.2, "serious": 0.5},
        reason="share of neighbouring ranks among the 10 nearest that become one number in float16: at 0.2 two of the "
        "nine borders are left to chance. Isotropic spaces read 0.01 to 0.02, CLIP 0.04, CLIP images before training "
        "0.17",
        says="{percent} of neighbouring ranks tie where cosines are kept in half precision.",
        harm="The order of the first ten depends on how cosines are stored, and differs between machines.",
        remedy=Remedy(instead="compute cosines in float32", candidates=("center",)),
    ),
    Rule(
        id="int8",
        name="int8 keeps the neighbours",
        metrics=("int8_overlap",),
        read=number("int8_overlap"),
        worse="below",
        levels={"info": 0.9, "warning": 0.8, "serious": 0.5},
        reason="share of the 10 nearest kept by 8 bits per coordinate with one scale: at 0.8 two of ten change. "
        "Isotropic spaces, CLIP and MiniLM pooled read 0.97 to 0.99",
        says="Storing coordinates in 8 bits keeps {percent} of the 10 nearest.",
        harm="A quantised index returns other rows than the exact one.",
        remedy=Remedy(instead="one scale per coordinate", candidates=("center", "center+abtt:1")),
    ),
    Rule(
        id="dot_differs",
        name="dot product and cosine agree",
        metrics=("dot_overlap", "norm_cv"),
        read=number("dot_overlap"),
        worse="below",
        levels={"info": 0.9, "warning": 0.7},
        reason="share of the 10 nearest by cosine that are the 10 nearest by dot product too, asked where norms vary "
        "by more than 0.1; it is 1 for rows of equal length",
        says="By dot product, {percent} of the 10 nearest are those by cosine.",
        harm="An index with the wrong metric returns other rows, long ones first.",
        remedy=Remedy(
            "L2-normalise rows before indexing, or set the index to the metric the model was trained with",
        ),
        applies=_norms_vary,
    ),
    Rule(
        id="outliers",
        name="few rows lie apart",
        metrics=("outlier_share",),
        read=number("outlier_share", counted=True),
        worse="above",
        levels={"info": 0.001, "warning": 0.05},
        reason="rows whose sixth nearest row is farther than that of the middle row by more than 6 median absolute "
        "deviations (1.4826 MAD); a normal distribution has none",
        says="{percent} of the rows lie apart from all others.",
        harm="They are never found, or are what a failed request, an empty text or another language left behind.",
        remedy=Remedy("look at them (--rows-out FILE), and remove or embed again what does not belong"),
    ),
    Rule(
        id="length_bias",
        name="texts of all lengths are found",
        metrics=("length_bias",),
        read=_size,
        worse="above",
        levels={"info": 0.3, "warning": 0.5},
        reason="rank correlation of the length of a text with how often it is among the 10 nearest of another, where "
        "texts are known",
        details={"which": _direction},
        says="Texts that are {which} are found more often (rank correlation {value:.2f}).",
        harm="Results are chosen by length as well as by meaning.",
        remedy=Remedy(instead="cut long texts into chunks of equal length", candidates=("center",)),
    ),
    Rule(
        id="few_rows",
        name="there are many rows per dimension",
        metrics=(),
        read=ratio(rows, dimensions),
        least_rows=1,
        worse="below",
        levels={"info": 10.0},
        reason="below ten rows per dimension isoscore, effective_rank and participation_ratio read low by more than "
        "their error bars (an isotropic space of 256 dimensions has isoscore .28 at n = 100, .99 at n = 20,000); the "
        "findings here use numbers without that bias",
        says="{rows} for {dim} dimensions: some numbers of `measure` are biased at this size.",
        harm="Comparing spaces of different n would compare sizes.",
        remedy=Remedy("measure more rows, or compare at equal n"),
    ),
)
"""Rules of every single space, by how often they matter."""
