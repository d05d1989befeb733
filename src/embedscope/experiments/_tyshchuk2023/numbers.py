"""Published numbers of Tyshchuk et al. 2023 (Information 14(7):392), as claims.

The tables of the article; its figures give no numbers. Accuracies are shares, not percentages.
"""

from __future__ import annotations

from collections.abc import Mapping

from embedscope.experiments.experiment import ValueClaim
from embedscope.experiments.published import Published, published_name

_BERT = Published("bert", {"model_type": "bert", "num_hidden_layers": 12, "hidden_size": 768, "vocab_size": 30522})
PUBLISHED_MODELS = {
    "openai/clip-vit-base-patch32": Published(
        "clip",
        {
            "model_type": "clip",
            "projection_dim": 512,
            "text_config.num_hidden_layers": 12,
            "vision_config.patch_size": 32,
            "vision_config.hidden_size": 768,
        },
    ),
    "open_clip:ViT-B-32-quickgelu/openai": Published("clip"),
    "open_clip:RN101-quickgelu/openai": Published("clip-rn101"),
    "google-bert/bert-base-uncased": _BERT,
    "bert-base-uncased": _BERT,
    "ai-forever/ruclip-vit-base-patch32-384": Published("ruclip"),
    "M-CLIP/M-BERT-Distil-40": Published("mclip"),
}
TEXT_ONLY = ("bert", "mclip")
"""Roles of models of texts alone: only the text side is measured."""

RANDOM = "clip-random"
"""Role of CLIP with random weights and biases at zero."""


def published_role(name: str, stated: Mapping[str, str] | None = None) -> str | None:
    """Which model of the paper ``name`` is; None for any other.

    >>> published_role("hf:openai/clip-vit-base-patch32")
    'clip'
    >>> published_role("random:hf:openai/clip-vit-base-patch32?bias=0")
    'clip-random'
    """
    if name.startswith("random:") and "bias=0" in name:
        bare = name.removeprefix("random:").replace("?bias=0", "").replace("&bias=0", "")
        return RANDOM if published_role(bare, stated) == "clip" else None
    model = published_name(name, PUBLISHED_MODELS, stated or {})
    return None if model is None else PUBLISHED_MODELS[model].role


IMPOSSIBLE = (
    "not reproducible on unit rows, where I1 >= exp(-2) = .135 and I2 <= 1.18: these vectors were not normalised"
)

# (role, row of the table, space): I1, I2
TABLE_1: dict[tuple[str, str | None, str], tuple[float, float]] = {
    ("clip", None, "text"): (0.84, 0.03),
    ("clip", None, "image"): (0.83, 0.03),
    ("clip-random", None, "text"): (0.02, 0.69),
    ("clip-random", None, "image"): (0.001, 6.61),
    ("clip", "center", "text"): (0.99, 0.00),
    ("clip", "center", "image"): (1.00, 0.00),
    ("clip", "whiten:128", "text"): (0.99, 0.00),
    ("clip", "whiten:128", "image"): (1.00, 0.00),
    ("bert", None, "text"): (0.84, 0.03),
    ("bert", "center", "text"): (0.99, 0.00),
    ("ruclip", None, "text"): (0.81, 0.03),
}

# transform: loss on train, on test
TABLE_2: dict[str | None, tuple[float, float]] = {
    None: (0.4183, 0.4097),
    "center": (1.6153, 1.6201),
    "whiten:128": (1.5737, 1.6042),
    "procrustes": (1.0223, 1.2970),
    "lstsq": (1.1785, 1.3523),
}

# (transform, what it was fitted on): CIFAR-100 zero-shot accuracy
TABLE_3: dict[tuple[str | None, str | None], float] = {
    (None, None): 0.6309,
    ("procrustes", "pairs"): 0.3842,
    ("lstsq", "pairs"): 0.3921,
    ("procrustes", "train"): 0.6139,
    ("lstsq", "train"): 0.6553,
    ("pca:450", "pairs"): 0.641,
    ("pca:450", "test"): 0.636,
    ("pca:90", "prompts"): 0.626,
    ("whiten:128", "pairs"): 0.4259,
    ("whiten:64", "pairs"): 0.3049,
    ("whiten:32", "pairs"): 0.1727,
    ("whiten:128", "train"): 0.5677,
    ("whiten:64", "train"): 0.5487,
    ("whiten:32", "train"): 0.3837,
    ("whiten:128", "test"): 0.5604,
}

# transform: accuracy on the seen classes, on the unseen ones
TABLE_4: dict[str | None, tuple[float, float]] = {
    None: (0.6640, 0.5978),
    "procrustes": (0.7088, 0.0346),
    "lstsq": (0.7054, 0.1968),
}

# transform (fitted on the pairs): accuracy of the linear probe
TABLE_5: dict[str | None, float] = {None: 0.7561, "whiten:256": 0.7475, "whiten:128": 0.771, "whiten:64": 0.7475}

# languages: distance of parallel captions, of all, their ratio
TABLE_6: dict[str, tuple[float, float, float]] = {
    "fr": (10.19, 39.43, 0.26),
    "ru": (10.57, 37.85, 0.28),
    "de": (14.44, 39.88, 0.36),
}

TABLE_7: dict[str | None, float] = {None: 0.5314, "procrustes": 0.5935, "lstsq": 0.6584}

PROMPTS = {"clip": "low-resolution photo of a {class}", "ruclip": "изображение {class}"}
PROMPT_CHOICE = "the paper chose its prompt among several by accuracy on the test set"
DISTANCES = (
    "the captions that the article drew from WikiCaps are not listed, and the hub's M-BERT-Distil-40 keeps its "
    "projection "
    "in a file of its own: name a converted folder with --as"
)
RUCLIP = "the hub's ruCLIP is not in a layout that transformers opens: name a converted folder with --as"
LOSS_NOTE = "the article does not state its batch size; ours is the n of the record"


def _isotropy() -> list[ValueClaim]:
    claims = []
    for (role, transform, space), (i1, i2) in TABLE_1.items():
        for metric, value in (("i1", i1), ("i2", i2)):
            random = role == "clip-random"
            claims.append(
                ValueClaim(
                    "Table 1",
                    role,
                    metric,
                    value,
                    space,
                    "published",
                    transform,
                    dataset="rucoco" if role == "ruclip" else "coco",
                    relation="impossible" if random else "equal",
                    note=IMPOSSIBLE if random else "",
                    limit=RUCLIP if role == "ruclip" else "",
                )
            )
    return claims


def _classes() -> list[ValueClaim]:
    zero = [
        ValueClaim("Table 3", "clip", "zeroshot", v, None, None, t, on, "cifar100", 0.01, note=PROMPT_CHOICE)
        for (t, on), v in TABLE_3.items()
    ]
    halves = [
        ValueClaim("Table 4", "clip", f"zeroshot.{part}", v, None, None, t, "seen" if t else None, "cifar100", 0.03)
        for t, both in TABLE_4.items()
        for part, v in zip(("seen", "unseen"), both, strict=True)
    ]
    probe = [
        ValueClaim("Table 5", "clip", "probe", v, None, None, t, "pairs" if t else None, "cifar100", 0.01)
        for t, v in TABLE_5.items()
    ]
    russian = [
        ValueClaim(
            "Table 7", "ruclip", "zeroshot", v, None, None, t, "train" if t else None, "cifar100", 0.01, limit=RUCLIP
        )
        for t, v in TABLE_7.items()
    ]
    return [*zero, *halves, *probe, *russian]


def _others() -> list[ValueClaim]:
    loss = [
        ValueClaim(
            "Table 2", "clip", f"contrastive_loss.{part}", v, transform=t, fitted_on=t and "pairs", note=LOSS_NOTE
        )
        for t, both in TABLE_2.items()
        for part, v in zip(("train", "test"), both, strict=True)
    ]
    apart = [
        ValueClaim("text", "clip", f"modality_separability.{kind}", 1.0, tolerance=0.001)
        for kind in ("logistic", "linear_svc")
    ]
    distances = [
        ValueClaim(
            "Table 6",
            "mclip",
            f"parallel_distance_ratio{part}",
            value,
            "text",
            dataset="wikicaps",
            tolerance=tolerance,
            note="Euclidean, raw vectors",
            limit=DISTANCES,
            subset=language,
        )
        for language, values in TABLE_6.items()
        for part, value, tolerance in zip((".pairs", ".overall", ""), values, (0.5, 0.5, 0.03), strict=True)
    ]
    return [*loss, *apart, *distances]


CLAIMS: tuple[ValueClaim, ...] = (*_isotropy(), *_others(), *_classes())
