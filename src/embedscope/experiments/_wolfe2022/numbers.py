"""Published numbers of Wolfe & Caliskan 2022 (ACL 2022, arXiv 2203.07511), as claims.

Table 1 and the text of the paper; the curves behind Figure 1 are those of the figure source of the arXiv version.
"""

from __future__ import annotations

from collections.abc import Mapping

from embedscope.experiments.experiment import Claim
from embedscope.experiments.published import Published, published_name

_GPT2 = Published("causal", {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257})
PUBLISHED_MODELS = {
    "gpt2": _GPT2,
    "openai-community/gpt2": _GPT2,
    "openai/clip-vit-base-patch32": Published(
        "contrastive",
        {
            "model_type": "clip",
            "projection_dim": 512,
            "text_config.num_hidden_layers": 12,
            "vision_config.patch_size": 32,
            "vision_config.hidden_size": 768,
        },
        "#text",
    ),
}


def published_role(uri: str, stated: Mapping[str, str] | None = None) -> str | None:
    """Training objective of a model that the paper used ("causal", "contrastive"); None for any other.

    >>> published_role("hf:openai-community/gpt2"), published_role("hf:my/model")
    ('causal', None)
    """
    name = published_name(uri, PUBLISHED_MODELS, stated or {})
    return None if name is None else PUBLISHED_MODELS[name].role


WORD_TASKS = ("rg65", "wordsim353", "simlex999", "valnorm", "simverb3500")
TABLE_NAMES = {
    "rg65": "RG65",
    "wordsim353": "WS353",
    "simlex999": "SL999",
    "valnorm": "ValNorm",
    "valnorm_vader": "ValNorm (VADER)",
    "simverb3500": "SV3500",
}

# (role, pooling, name in the paper): one (best, layer of the best, top layer) for each of WORD_TASKS.
TABLE_1: dict[tuple[str, str, str], tuple[tuple[float, int, float], ...]] = {
    ("causal", "plain", "GPT-2"): ((0.09, 1, 0.01), (0.14, 1, 0.12), (0.05, 5, 0.02), (0.43, 7, 0.25), (0.01, 8, 0.00)),
    ("causal", "bos_eos", "GPT-2 BOS+EOS"): (
        (0.44, 7, 0.23),
        (0.44, 9, 0.25),
        (0.25, 8, 0.11),
        (0.76, 7, 0.33),
        (0.21, 8, 0.07),
    ),
    ("contrastive", "bos_eos", "CLIP"): (
        (0.88, 8, 0.70),
        (0.72, 6, 0.51),
        (0.48, 9, 0.39),
        (0.88, 4, 0.72),
        (0.30, 4, 0.17),
    ),
    ("causal", "eos", "GPT-2 EOS"): (
        (0.32, 12, 0.32),
        (0.31, 3, 0.10),
        (0.16, 4, 0.05),
        (0.61, 6, 0.17),
        (0.10, 4, -0.01),
    ),
    ("contrastive", "eos", "CLIP EOS"): (
        (0.73, 12, 0.73),
        (0.49, 5, 0.45),
        (0.34, 11, 0.34),
        (0.84, 5, 0.80),
        (0.14, 11, 0.13),
    ),
}

FIGURE_1 = {
    "causal": (0.6588, 0.7372, 0.6612, 0.6295, 0.5885, 0.5732, 0.5518, 0.5511, 0.5648, 0.5877, 0.6330, 0.7699, 0.9642),
    "contrastive": (0.1591, 0.1494, 0.1266, 0.0799, 0.0571),
}

VALNORM_CONFLICT = "The paper's text gives .59 for GPT-2 plain, its Table 1 .43; both are kept."


STATIC = "static:10000"
"""Mean of a word's states over the first 10,000 sentences of the corpus, as Bommasani et al. 2020 pool them."""

EOS_ABOVE = "In the top layer, the EOS state of CLIP is above its word vector on two of the five word tests."
EIGHT = "Norm held by the 8 largest coordinates less that held by the 5 largest, the largest over the layers."
LEAD = "CLIP EOS less GPT-2 (the better of EOS and last subtoken), the smallest over the layers."
LEAD_GROWS = "The same difference in the top layer less that in layer 0."
CONTEXTS = "Best layer with BOS less the best layer of means over 10,000 sentences, the smallest over the word tests."
BOMMASANI = "Their best on SimVerb, at up to 100,000 contexts; ours has as many as the corpus has."


def _table_1() -> list[Claim]:
    claims = []
    for (role, pooling, _), cells in TABLE_1.items():
        for task, (best, layer, top) in zip(WORD_TASKS, cells, strict=True):
            note = VALNORM_CONFLICT if (role, pooling, task) == ("causal", "plain", "valnorm") else ""
            claims.append(Claim("Table 1", role, task, best, "best", pooling, best_layer=layer, note=note))
            claims.append(Claim("Table 1", role, task, top, "top", pooling))
    return claims


def _figure_1() -> list[Claim]:
    curves = [
        Claim("Figure 1", role, "self_similarity", value, "at", layer=layer, tolerance=0.03)
        for role, values in FIGURE_1.items()
        for layer, value in enumerate(values)
    ]
    limits = [
        Claim("text", "contrastive", "self_similarity", 0.25, "max", bound="below"),
        Claim("text", "contrastive", "self_similarity", 0.06, "min", tolerance=0.03),
        Claim("text", "contrastive", "self_similarity", 0.24, "top", tolerance=0.03),
        Claim("text", "causal", "self_similarity", 0.55, "min", bound="above"),
        Claim("text", "causal", "self_similarity", 0.96, "top", tolerance=0.03),
    ]
    return curves + limits


def _others() -> list[Claim]:
    published = "published"
    return [
        Claim("Figure 2", "causal", "top5_share", 0.97, "top", variant=published, bound="above"),
        Claim("Figure 2", "contrastive", "top5_share", 0.39, "top", variant=published, tolerance=0.03),
        *(
            Claim("Figure 2", role, "top8_less_top5", 0.03, "max", variant=published, bound="below", note=EIGHT)
            for role in ("causal", "contrastive")
        ),
        Claim("text", "contrastive", "rg65", 0.876, "best", "bos_eos", best_layer=8, tolerance=0.01),
        Claim("text", "causal", "valnorm", 0.59, "best", "plain", note=VALNORM_CONFLICT),
        Claim("Figure 4", "contrastive", "stsb", 0.73, "top", "eos"),
        Claim("Figure 4", "causal", "stsb", 0.45, "max", "eos", bound="below"),
        Claim("Figure 4", "causal", "stsb", 0.45, "max", "plain", bound="below"),
        Claim("Figure 5", "contrastive", "sentence_self_similarity", 0.98, "max", "eos", variant=published),
        Claim("Figure 5", "contrastive", "sentence_self_similarity", 0.25, "top", "eos", variant=published),
        Claim(
            "Figure 5", "causal", "sentence_self_similarity", 0.97, "min", "eos", variant=published, bound="at least"
        ),
        Claim("text", "contrastive", "tests_eos_above_word", 2, "count", "eos", tolerance=0.0, note=EOS_ABOVE),
        Claim("Figure 4", "both", "stsb.lead", 0.0, "min", "eos", bound="above", note=LEAD),
        Claim("Figure 4", "both", "stsb.lead_growth", 0.0, "top", "eos", bound="above", note=LEAD_GROWS),
        Claim("text", "causal", "lead_over_contexts", 0.0, "min", "bos_eos", bound="above", note=CONTEXTS),
        Claim("text", "causal", "simverb3500", 0.31, "best", STATIC, best_layer=6, note=BOMMASANI, limit=BOMMASANI),
    ]


CLAIMS: tuple[Claim, ...] = (*_table_1(), *_figure_1(), *_others())
