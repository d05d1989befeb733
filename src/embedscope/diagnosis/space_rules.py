"""Rules of one space: is it a narrow cone, does one coordinate rule it, do a few rows crowd every answer."""

from __future__ import annotations

from embedscope.diagnosis._readings import Numbers, number, ratio, rows, width
from embedscope.diagnosis._rule import Rule

_CONE = 0.05
"""Mean cosine above which it makes sense to ask which coordinate it comes from."""


def _cone(numbers: Numbers) -> bool:
    record = numbers.defined("self_similarity")
    return record is not None and record.ci_low is not None and record.ci_low > _CONE


def _beyond_five(numbers: Numbers, limit: float) -> float:
    """Five rows have 5 / n of all places by right; chance makes the five luckiest three times that at small n."""
    return max(limit, 25 / max(numbers.n, 1))


RULES = (
    Rule(
        id="cosine_floor",
        name="unrelated rows have low cosines",
        metrics=("self_similarity",),
        read=number("self_similarity"),
        worse="above",
        levels={"info": 0.2, "warning": 0.4, "serious": 0.6},
        reason="at 0.4, the cut-off of 0.7 that suits many sentence encoders is three standard deviations (0.1 each) "
        "from an unrelated pair, at 0.6 one. MiniLM pooled reads 0.08; CLIP 0.53 and 0.52; SmolLM2 0.38 to 0.64; "
        "CLIP before training 0.68",
        says="Every cosine looks like {value:.2f}: that is the mean over unrelated rows.",
        harm="A cosine threshold taken from another model accepts everything, and scores differ in the second or "
        "third digit. Ranking may still be fine.",
        repair="embedscope repair {where} --candidates center -o repair.safetensors",
    ),
    Rule(
        id="rogue_coordinate",
        name="no coordinate carries the cosines",
        metrics=("rogue_contribution", "self_similarity"),
        read=ratio(number("rogue_contribution"), number("self_similarity")),
        worse="above",
        levels={"info": 0.25, "warning": 0.5},
        reason="from one half on, one coordinate decides more than all others together (timkey2021 reports it for "
        "GPT-2, BERT, RoBERTa and XLNet). MiniLM pooled reads 0.02; CLIP images 0.74, texts 0.68; SmolLM2 layer 29 "
        "0.92",
        details={"coordinate": "rogue_contribution.top1_coordinate"},
        says="One coordinate (number {coordinate:.0f}) makes {percent} of the mean cosine.",
        harm="It adds nearly the same to every cosine and hides what the others say; int8 and other uniform codes "
        "spend their range on it. Ranking may still be fine, so it is never serious by itself.",
        repair="embedscope repair {where} --candidates center,center+abtt:1 -o repair.safetensors",
        applies=_cone,
    ),
    Rule(
        id="rank_collapse",
        name="variance is spread over many directions",
        metrics=("participation_ratio_unbiased",),
        read=ratio(number("participation_ratio_unbiased"), width),
        worse="below",
        levels={"warning": 0.03, "serious": 0.01},
        reason="the share of the width that holds variance, (sum l)^2 / sum l^2 / d, without the bias of small n. "
        "MiniLM pooled reads 0.25, CLIP 0.09; CLIP images before training 0.004",
        says="The rows vary in {directions:.1f} of {dim} directions ({percent}).",
        harm="Most coordinates add nothing: near neighbours are decided by a handful of directions, and storage is "
        "wasted.",
        repair="embedscope repair {where} --candidates center+abtt:1,whiten -o repair.safetensors",
        details={"directions": "participation_ratio_unbiased"},
        applies=lambda numbers: numbers.dim >= 64,
    ),
    Rule(
        id="hubs",
        name="no row crowds the answers",
        metrics=("hub_share",),
        read=number("hub_share"),
        worse="above",
        levels={"warning": 0.1, "serious": 0.25},
        reason="at 0.1, one answer in ten is one of the same five rows, whatever is asked. An isotropic space of "
        "5,000 rows reads 0.002, MiniLM pooled (1,500 sentences) 0.015, CLIP (500 rows) 0.04 to 0.06; never below "
        "five times 5 / n",
        says="Five rows are neighbours of everything: they take {percent} of all places among the 10 nearest.",
        harm="The same few documents appear for every query, and push the right ones out of the first page.",
        repair="embedscope repair {where} --candidates center -o repair.safetensors; look at the five, often boilerplate or "
        "empty",
        adjusted=_beyond_five,
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
        repair="embedscope repair {where} --candidates center,center+abtt:1 -o repair.safetensors",
    ),
    Rule(
        id="copies",
        name="few rows are copies",
        metrics=("copy_share",),
        read=number("copy_share", counted=True),
        worse="above",
        levels={"info": 0.001, "warning": 0.05, "serious": 0.5},
        reason="a count, so it has no error bar; at 0.05 one answer in twenty repeats another. Texts of ConVIRT's 500 "
        "pairs: 0.11",
        says="{percent} of the rows are copies of another row.",
        harm="Answers repeat each other, and hubs and distances to neighbours say less.",
        repair="keep one row of each and a list of what shares it, before indexing",
    ),
    Rule(
        id="zero_rows",
        name="no row is zero",
        metrics=("zero_rows",),
        read=ratio(number("zero_rows", counted=True), rows),
        worse="above",
        levels={"warning": 0.0, "serious": 0.01},
        reason="a row of zeros has no direction: one is a fault of the pipeline (an empty text, a failed request), "
        "one in a hundred a broken one",
        details={"count": "zero_rows"},
        says="{count:,.0f} of {n:,} rows are all zeros.",
        harm="Their cosine with anything is undefined; an index returns them at random or divides by zero.",
        repair="embed those rows again, or leave them out; embedscope leaves them out of cosines",
    ),
    Rule(
        id="norms_vary",
        name="lengths are alike",
        metrics=("norm_cv",),
        read=number("norm_cv"),
        worse="above",
        levels={"info": 0.1, "warning": 0.3, "serious": 1.0},
        reason="standard deviation over mean of the lengths: at 0.3, a row one deviation long beats one of equal "
        "direction that is one deviation short by 1.3 / 0.7 in a dot product. MiniLM pooled reads 0, isotropic "
        "normal rows 1 / sqrt(2 d)",
        says="Lengths vary by {percent} of their mean.",
        harm="An index by dot product puts long rows first, whatever they mean; cosine is not touched.",
        repair="scale rows to length 1 before indexing, or index by cosine",
        adjusted=lambda numbers, limit: limit + (2 * numbers.dim) ** -0.5,
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
        harm="The order of the first ten is partly that of the storage, and differs between machines.",
        repair="compute cosines in float32, or embedscope repair {where} --candidates center -o repair.safetensors",
    ),
    Rule(
        id="int8",
        name="int8 keeps the neighbours",
        metrics=("int8_overlap",),
        read=number("int8_overlap"),
        worse="below",
        levels={"info": 0.9, "warning": 0.8, "serious": 0.5},
        reason="share of the 10 nearest kept by 8 bits a coordinate with one scale: at 0.8 two of ten change. "
        "Isotropic spaces, CLIP and MiniLM pooled read 0.97 to 0.99",
        says="Storing coordinates in 8 bits keeps {percent} of the 10 nearest.",
        harm="A quantised index finds other rows than the exact one.",
        repair="a scale for each coordinate, or embedscope repair {where} --candidates center,center+abtt:1 -o "
        "repair.safetensors first",
    ),
    Rule(
        id="few_rows",
        name="rows are many for the width",
        metrics=(),
        read=ratio(rows, width),
        worse="below",
        levels={"info": 10.0},
        reason="below ten rows a coordinate isoscore, effective_rank and participation_ratio read low by more than "
        "their error bars (an isotropic space 256 wide has isoscore .28 at n = 100, .99 at n = 20,000); the findings "
        "here use numbers without that bias",
        says="{n:,} rows for {dim} coordinates: some numbers of `measure` are biased at this size.",
        harm="Comparing spaces of different n would compare sizes.",
        repair="measure more rows, or compare at equal n",
    ),
)
"""Rules of every single space, by how often they matter."""
