"""Published numbers of Shimangaud and Thaney 2024 (student report, McGill University), as claims.

Hits are counts of questions. Tables are numbered as in the study.
"""

from __future__ import annotations

from collections.abc import Mapping

from embedscope.experiments.experiment import ValueClaim
from embedscope.experiments.published import Published, published_name

NAMES = {
    "word2vec": "Word2Vec",
    "clip-image": "CLIP image",
    "clip-text": "CLIP text",
    "resnet50": "ResNet-50",
}

# role: top-1, top-5 hits
TABLE_1 = {"word2vec": (6, 32), "clip-image": (2, 25), "clip-text": (2, 25), "resnet50": (2, 16)}
TABLE_2 = {"word2vec": (0, 23), "clip-image": (0, 23), "resnet50": (0, 18)}
TABLE_3 = {"word2vec": (16, 244), "clip-text": (21, 194)}

# role: min, max, mean
TABLE_5 = {
    "word2vec": (37.88, 86.3, 72.4),
    "clip-image": (15.7, 62.9, 38.4),
    "clip-text": (24.2, 49.0, 34.9),
    "resnet50": (19.3, 88.0, 50.4),
}
TABLE_6 = {
    "word2vec": (0.02, 0.74, 0.29),
    "clip-image": (0.13, 0.89, 0.46),
    "clip-text": (0.1, 0.75, 0.34),
    "resnet50": (0.03, 0.93, 0.61),
}

# a, b, c, d (b - a + c against d): angles in degrees
TABLE_4 = {
    ("hour", "seconds", "feet", "inches"): {"clip-image": 44.09, "resnet50": 56.29, "word2vec": 58.04},
    ("ocean", "pacific", "planet", "earth"): {"clip-image": 37.99, "resnet50": 48.78, "word2vec": 70.36},
    ("laugh", "happiness", "nod", "agreement"): {"clip-image": 56.88, "resnet50": 56.85, "word2vec": 85.79},
}

FIFTY = 50
OWN_QUESTIONS = "images"
"""Name of the questions over a folder of the user, which may be the study's own fifty."""

SEMEVAL = "semeval2012.published"

QUESTIONS = "neither the fifty questions nor their photos are public: a folder with the same ones answers it"
PHOTOS = "the photos are not public: a folder with the same ones answers it"
COUNTS = (
    "3,217 questions: the first pair of the first category against each of the 3,217 later ones of all 79 categories, "
    "3,218 - 1; most of these pairs are of another relation than the first"
)
ANGLES = "degrees, between b - a + c and d, raw vectors, the fifty questions"
RANKS = "rank correlation over the coordinates of b - a + c and d, raw vectors, the fifty questions"


_CLIP = {
    "model_type": "clip",
    "projection_dim": 512,
    "text_config.num_hidden_layers": 12,
    "vision_config.patch_size": 32,
    "vision_config.hidden_size": 768,
}
PUBLISHED_MODELS = {
    "word2vec": Published("word2vec"),
    "clip-text": Published("clip-text", None, "#text"),
    "clip-image": Published("clip-image", None, "#image"),
    "openai/clip-vit-base-patch32": Published("clip-text", _CLIP),
    "resnet50": Published("resnet50"),
}


def published_role(source: str, stated: Mapping[str, str] | None = None) -> str | None:
    """Which encoder of the study ``source`` is; None for any other.

    >>> [published_role(s) for s in ("hf:openai/clip-vit-base-patch32#text", "timm:resnet50", "minilm")]
    ['clip-text', 'resnet50', None]
    """
    if source.startswith("random:"):
        return None
    name = published_name(source, PUBLISHED_MODELS, stated or {})
    bare, _, tower = source.partition("#")
    if name is not None and name != "openai/clip-vit-base-patch32":
        return PUBLISHED_MODELS[name].role
    if "googlenews-vectors-negative300" in bare.lower():
        return "word2vec"
    if name is not None or "openai/clip-vit-base-patch32" in bare.lower():
        return "clip-image" if tower == "image" else "clip-text"
    if bare.partition("?")[0].removeprefix("timm:").partition(".")[0] == "resnet50":
        return "resnet50"
    return None


def format_question(words: tuple[str, str, str, str]) -> str:
    """A single question as the study writes it.

    >>> format_question(("hour", "seconds", "feet", "inches"))
    'seconds - hour + feet, inches'
    """
    a, b, c, d = words
    return f"{b} - {a} + {c}, {d}"


def _hits() -> list[ValueClaim]:
    claims = []
    for place, table, more in (("Table 1", TABLE_1, ""), ("Table 2", TABLE_2, ".random")):
        for role, both in table.items():
            for k, count in zip((1, 5), both, strict=True):
                metric = f"hits.top{k}{more}"
                claims.append(
                    ValueClaim(place, role, metric, count, dataset=OWN_QUESTIONS, tolerance=0.5, limit=QUESTIONS)
                )
    for role, both in TABLE_3.items():
        for k, count in zip((1, 5), both, strict=True):
            claims.append(
                ValueClaim("Table 3", role, f"hits.top{k}", count, dataset=SEMEVAL, tolerance=0.5, note=COUNTS)
            )
    return claims


def _spreads() -> list[ValueClaim]:
    claims = []
    for place, metric, table, tolerance, note in (
        ("Table 5", "angle", TABLE_5, 0.05, ANGLES),
        ("Table 6", "coordinate_spearman", TABLE_6, 0.005, RANKS),
    ):
        for role, values in table.items():
            for part, value in zip(("min", "max", "mean"), values, strict=True):
                claims.append(
                    ValueClaim(
                        place,
                        role,
                        f"{metric}.{part}",
                        value,
                        dataset=OWN_QUESTIONS,
                        tolerance=tolerance,
                        note=note,
                        limit=QUESTIONS,
                    )
                )
    return claims


def _single() -> list[ValueClaim]:
    return [
        ValueClaim(
            "Table 4",
            role,
            f"angle: {format_question(words)}",
            value,
            dataset="single",
            tolerance=0.05,
            note="degrees",
            limit="" if role == "word2vec" else PHOTOS,
        )
        for words, by_role in TABLE_4.items()
        for role, value in by_role.items()
    ]


CLAIMS: tuple[ValueClaim, ...] = (*_hits(), *_spreads(), *_single())


SYSTEMS_2012 = {
    "UTD-NB": (0.229, 0.394),
    "UTD-SVM": (0.116, 0.347),
    "UMD-V0": (0.050, 0.324),
    "UMD-V1": (0.039, 0.315),
    "UMD-V2": (0.038, 0.311),
    "BUAP": (0.014, 0.317),
    "random": (0.018, 0.312),
}
"""Spearman and MaxDiff of the systems of SemEval-2012 Task 2, means over the 69 testing relations [jurgens2012]."""
