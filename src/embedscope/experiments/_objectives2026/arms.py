"""What is trained: the arms, which differ in their loss alone, and the sizes of the experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["captions", "names"]
Role = Literal["causal", "contrastive", "both", "untrained"]

CONTEXT = 77
"""Positions of every model, as in CLIP's text tower."""


@dataclass(frozen=True)
class Arm:
    """One way to train the same network on the same texts.

    Attributes
    ----------
    id, title : its name in records and in tables
    family : the texts that it reads: captions (several of one image) or names of drawings
    role : training objective, as wolfe2022 calls it
    next_token : whether the loss holds the mean cross-entropy of the next token
    contrast : "text" (two captions of one image), "image" (a name and its drawing) or None
    temperature : of the contrast
    """

    id: str
    title: str
    family: Family
    role: Role
    next_token: bool = False
    contrast: Literal["text", "image"] | None = None
    temperature: float = 0.05


ARMS: dict[str, Arm] = {
    arm.id: arm
    for arm in (
        Arm("next_token", "next token", "captions", "causal", next_token=True),
        Arm("contrast_01", "text-text contrast, temperature .01", "captions", "contrastive", False, "text", 0.01),
        Arm("contrast_05", "text-text contrast, temperature .05", "captions", "contrastive", False, "text", 0.05),
        Arm("contrast_20", "text-text contrast, temperature .20", "captions", "contrastive", False, "text", 0.20),
        Arm("next_and_contrast", "next token + contrast, temperature .05", "captions", "both", True, "text", 0.05),
        Arm("untrained", "no training", "captions", "untrained"),
        Arm("names_next_token", "next token, names", "names", "causal", next_token=True),
        Arm("names_image_text", "image-text contrast, temperature .05", "names", "contrastive", False, "image", 0.05),
    )
}
"""The arms by name; those of one family share texts, tokenizer, initial weights and the order of batches."""


@dataclass(frozen=True)
class Size:
    """How large the networks are and how long they are trained.

    Attributes
    ----------
    layers, width, heads, vocabulary : of the GPT-2 architecture and its byte-level BPE
    steps : updates of every arm
    images : images (two captions each) or names in a batch
    seeds : networks of every arm; a seed decides initial weights and batches
    rate : highest learning rate
    bfloat16 : whether matrices are multiplied in bfloat16 (weights, norms, losses and the optimiser stay in float32)
    held_out : images or names that no arm is trained on
    taken : images with captions, held-out ones among them (None: all)
    names : names of drawings that are taken (None: all)
    tokens, sentences, pairs : what wolfe2022's measures take: tokens in context, sentences, STS-B pairs (None: all)
    """

    layers: int
    width: int
    heads: int
    vocabulary: int
    steps: int
    images: int
    seeds: int
    rate: float
    bfloat16: bool
    held_out: int
    taken: int | None
    names: int | None
    tokens: int
    sentences: int
    pairs: int | None
    description: str


SIZES = {
    "smoke": Size(
        layers=2,
        width=32,
        heads=2,
        vocabulary=600,
        steps=30,
        images=16,
        seeds=2,
        rate=2e-3,
        bfloat16=False,
        held_out=100,
        taken=2_000,
        names=200,
        tokens=500,
        sentences=100,
        pairs=100,
        description="a check that everything runs, not a result",
    ),
    "medium": Size(
        layers=4,
        width=64,
        heads=4,
        vocabulary=2_000,
        steps=300,
        images=32,
        seeds=3,
        rate=2e-3,
        bfloat16=False,
        held_out=500,
        taken=12_000,
        names=None,
        tokens=2_000,
        sentences=1_000,
        pairs=None,
        description="small networks, little training",
    ),
    "full": Size(
        layers=4,
        width=192,
        heads=6,
        vocabulary=4_000,
        steps=1_500,
        images=64,
        seeds=3,
        rate=1e-3,
        bfloat16=True,
        held_out=1_000,
        taken=None,
        names=None,
        tokens=10_000,
        sentences=5_000,
        pairs=None,
        description="some hours on a quiet machine",
    ),
}


def setting(size: Size) -> str:
    """The size in words."""
    texts = size.steps * size.images
    return (
        f"{size.layers} layers x {size.width} dimensions, {size.vocabulary:,} tokens, {size.steps:,} steps of "
        f"{size.images} images ({texts:,} draws, two captions each) or {size.images} names, {size.seeds} seeds"
    )
