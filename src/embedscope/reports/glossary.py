"""Words of the field that a report explains where they stand."""

from __future__ import annotations

import re
from functools import cache

TERMS = {
    "cosine": "The cosine of the angle between two vectors: 1 in the same direction, 0 at right angles.",
    "95 % interval": "Computed this way again and again on new data, 95 of 100 such intervals hold the true value.",
    "90 % interval": "Computed this way again and again on new data, 90 of 100 such intervals hold the true value.",
    "± s.e.": "The standard error: how far the number would typically move with other data of the same size.",
    "standard error": "How far a number would typically move with other data of the same size.",
    "unit of evidence": "Rows that depend on each other (duplicates, chunks of one document, captions of one image) "
    "count once, as one unit.",
    "units of evidence": "Rows that depend on each other (duplicates, chunks of one document, captions of one image) "
    "count once, as one unit.",
    "held-out": "Data that neither fitted nor selected what is tested on them.",
    "paired": "Both are measured on the same items, so what the items have in common cancels out of the difference.",
    "hub": "A row that is among the nearest neighbours of far more rows than its share.",
    "hubs": "Rows that are among the nearest neighbours of far more rows than their share.",
    "near-duplicate": "A row that lies closer to another one than chance allows, such as the same text with a typo.",
    "modality gap": "The distance between the mean image and the mean text, at unit length: in most image-text models "
    "the two form separate clouds.",
    "copy_share": "The share of rows that are duplicates of another row; the first of each is not counted.",
    "outlier_share": "The share of rows that lie far from all others, by the distance to their sixth nearest row.",
    "unrelated_cosine": "The mean cosine of two rows that are no duplicates and of no common document or group.",
    "unrelated_sd": "The standard deviation of the cosine of two unrelated rows.",
    "unrelated_pairs": "The number of pairs of unrelated rows whose cosines were sampled.",
    "unrelated_reached": "The cosine that one in a hundred pairs of unrelated rows reaches.",
    "nearest_cosine": "The mean cosine of a row with its nearest other row, duplicates left out.",
    "nearest_cosine.z": "The mean cosine of a row with its nearest, less that of unrelated rows, in units of their "
    "standard deviation.",
    "nearest_cosine.unrelated_above": "The share of unrelated pairs that are as near as a row and its nearest other.",
    "neighbour_contrast": "How much nearer in cosine the nearest row is than a random one, on average.",
    "dot_overlap": "The share of the 10 nearest by cosine that are also the 10 nearest by dot product.",
    "leading_overlap": "The share of the 10 nearest that stay when only the strongest directions are kept, one in a "
    "hundred.",
    "length_bias": "Rank correlation of the length of a text with how often it is found: 0 where length does not "
    "matter.",
    "two_formats": "The share of rows that are stored in another number format than most.",
    "two_populations": "The share of rows that another model made than the one that made most.",
    "two_populations.likeness": "How alike the directions are along which two sets of rows vary: 0 for two models.",
    "two_populations.own": "The share of the 10 nearest rows that are of the row's own set.",
    "two_populations.gap": "The distance between the means of the two sets of rows, at unit length.",
    "two_populations.share": "The share of rows that are of the smaller of two sets.",
    "two_kinds": "How much more often the 10 nearest are of the row's own set than by chance; 0 where there are no two "
    "sets.",
    "mismatched_pairs": "Twice the share of pairs whose match is farther than half of the other side: 1 where rows do "
    "not belong together.",
    "same_modality_share": "The share of the 10 nearest in one index of both modalities that are of the query's own.",
    "query_shift": "The distance between the mean query and the mean document, at unit length.",
    "query_hub_share": "The share of all places among the 10 best that the five most frequent documents take.",
    "query_contrast": "How much nearer in cosine the best document is than a random one, on average over queries.",
    "query_nearest_cosine": "The mean cosine of a query with its best document.",
    "query_random_cosine": "The mean cosine of a query with any document.",
    "query_kind_share": "How often documents of a modality are among the 10 best, as a multiple of their share of all.",
    "isotropic": "Spread evenly in all directions, as a cloud of normal noise is.",
    "base rate": "The share of matching pairs that is assumed; always predicting it is the forecast to beat.",
    "Brier score": "The mean squared distance between a predicted probability and what happened; 0 is best.",
    "calibration error": "How far predicted probabilities are from the shares that happened, on average; 0 is best.",
    "recall@1": "The share of queries whose first result is a right one.",
    "recall@5": "How many of the right results are among the first 5; with one right result, the share of queries that "
    "find it there.",
    "recall@10": "How many of the right results are among the first 10.",
    "recall@100": "How many of the right results are among the first 100.",
    "ndcg@10": "How well the first 10 results are ranked: 1 where all relevant ones come first, 0 where none is there.",
    "nDCG@10": "How well the first 10 results are ranked: 1 where all relevant ones come first, 0 where none is there.",
    "mixed_ndcg@10": "How high the right answers rank in one index that holds both modalities, 0 to 1.",
    "mrr": "Mean reciprocal rank: 1 where the first right result is always first, 0.5 where it is second.",
    "Spearman": "Rank correlation: 1 where two lists are in the same order, 0 where they have nothing to do with each "
    "other.",
    "Pearson": "Linear correlation of two lists of numbers, -1 to 1.",
    "p (Holm)": "The probability of a difference this large by chance, corrected for the number of comparisons.",
    "Holm": "A correction for many comparisons: 5 % is the chance of one false alarm among all of them.",
    "bootstrap": "Intervals from drawing the items again with replacement, many times.",
    "jackknife": "Error bars from leaving out one part of the data after the other.",
    "center": "The repair that subtracts the mean vector.",
    "center:joint": "The repair that subtracts one mean vector, that of documents and queries together, from both.",
    "abtt": "All-but-the-top: subtract the mean and remove the strongest directions (abtt:2 removes two).",
    "whiten": "The repair that gives every direction the same variance; a number keeps that many directions.",
    "ledoit-wolf": "A covariance estimate that is pulled towards an even one where data are few.",
    "random init": "The same architecture with weights drawn at random: what shows without any training.",
    "random initialisation": "The same architecture with weights drawn at random: what shows without any training.",
    "randomly initialised": "The same architecture with weights drawn at random: what shows without any training.",
    "bos_eos": "Pooling with a first and a last special token added to the text; the vector of the last one is taken.",
    "BOS+EOS": "Pooling with a first and a last special token added to the text; the vector of the last one is taken.",
    "eos": "Pooling with a special token added at the end, whose vector is taken.",
    "plain": "The text as it is, without special tokens added.",
    "pooled": "The model's own sentence vector.",
    "native": "As the model's authors read their vectors.",
    "lee": "The prompt of the study of Lee and others: the class name in a set of sentence templates.",
    "transductive": "Computed from all queries together: the answer to one depends on the others.",
    "half precision": "Numbers of 16 bits (float16): about three digits.",
    "int8": "Numbers of 8 bits: 256 levels.",
    "InfoNCE": "The loss that contrastive models are trained with: pick the partner out of a batch.",
    "k-occurrence": "How many other rows have this row among their k nearest.",
}
"""Term -> definition, one or two sentences for a reader who has not met it."""


@cache
def definitions() -> dict[str, str]:
    """Every term with its definition, those of the metrics by their ids included."""
    from embedscope.metrics import METRICS
    from embedscope.metrics.pairs import PAIR_METRICS

    entries = {}
    for registry in (METRICS, PAIR_METRICS):
        for name in registry:
            entries[name] = f"{registry.get(name).summary}."
    return entries | TERMS


@cache
def pattern() -> re.Pattern[str]:
    """What finds a term in a text, the longest first; not within a longer word, the name of a file or a call.

    A name of a number may have parts of its own after it: ``same_modality_share.image``. One that is a word of the
    language is a term in front of its number alone.
    """
    words = sorted(definitions().keys() - _WORDS, key=len, reverse=True)
    names, others = [w for w in words if _is_name(w)], [w for w in words if not _is_name(w)]
    name = rf"(?:{'|'.join(map(re.escape, names))})(?:\.(?!(?:{_ENDINGS})\b)[a-z]\w*)*"
    plain = rf"(?:{'|'.join(sorted(_WORDS))})(?= [-\N{{MINUS SIGN}}]?\d)"
    return re.compile(rf"(?<![\w@:.\-/])(?:{name}|{plain}|{'|'.join(map(re.escape, others))})(?![\w@:\-/]|\.\w)")


def entry_of(name: str) -> str:
    """The term whose definition stands for ``name``, which is a term or one with parts of its own after it.

    >>> entry_of("recall@1.image_to_text"), entry_of("two_populations.gap")
    ('recall@1', 'two_populations.gap')
    """
    while name not in definitions():
        name = name.rpartition(".")[0]
    return name


_WORDS = frozenset({"alignment", "uniformity"})
"""Metrics whose ids are words: of an alignment that was fitted the definition of the metric says nothing."""

_ENDINGS = "npy|npz|csv|tsv|jsonl?|txt|parquet|html|png|pdf|safetensors"


def _is_name(word: str) -> bool:
    return word not in TERMS or "_" in word or "@" in word
