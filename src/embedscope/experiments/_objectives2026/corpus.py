"""What is trained on: captions grouped by image, or names with frozen features of their drawings; one tokenizer."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.cache import VectorCache
from embedscope.core.document import Skipped
from embedscope.core.errors import DataUnavailableError
from embedscope.experiments._objectives2026.arms import CONTEXT, Size
from embedscope.experiments.experiment import Options

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
IMAGE_MODEL = "efficientnet-lite0"
Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Texts:
    """Texts of one family.

    Attributes
    ----------
    groups : the texts of each image (captions: at least two) or of each concept (one name), trained on
    held_out : the same of images that are not trained on
    features, held_out_features : (concepts, drawings, d) frozen image features of the names, else None
    name : in reports
    """

    groups: tuple[tuple[str, ...], ...]
    held_out: tuple[tuple[str, ...], ...]
    name: str
    features: Floats32 | None = None
    held_out_features: Floats32 | None = None


def captions(finder: Any, size: Size, scored: Collection[str], seed: int) -> tuple[Texts, list[Skipped]]:
    """Captions of Multi30k (task 2) and COCO by image, without images of which a caption is in a scored test.

    STS tasks hold captions of Flickr30k: an image goes where any of its captions, in lower case and without
    punctuation, equals a text of ``scored``.

    Raises
    ------
    DataUnavailableError
        where there are no captions of Multi30k.
    """
    from embedscope.datasets import DATASETS

    skipped: list[Skipped] = []
    tables = DATASETS.get("multi30k").load(finder).tables
    names = [f"{split}_descriptions_en" for split in ("train", "val")]
    if names[0] not in tables:
        raise DataUnavailableError(
            "objectives2026 needs the five captions an image of Multi30k task 2 (train.1.en.gz to train.5.en.gz); put "
            "them into a folder and name it with --data DIR"
        )
    groups = [g for name in names if name in tables for g in by_image(tables[name])]
    try:
        coco = DATASETS.get("coco").load(finder).tables
        groups += [g for name in ("test", "dev") if name in coco for g in by_image(coco[name])]
    except DataUnavailableError as error:
        skipped.append(Skipped("captions of COCO", str(error)))
    barred = {plain(text) for text in scored}
    kept = [g for g in groups if len(g) > 1 and not any(plain(text) in barred for text in g)]
    if len(kept) < len(groups):
        why = "a caption of theirs is a sentence of a scored test, or they have one caption only"
        skipped.append(Skipped(f"{len(groups) - len(kept):,} of {len(groups):,} images with captions", why))
    order = np.random.default_rng([seed, 1]).permutation(len(kept))[: size.taken]
    held = tuple(kept[i] for i in order[: size.held_out])
    return Texts(tuple(kept[i] for i in order[size.held_out :]), held, "captions of Multi30k and COCO"), skipped


def by_image(table: Any) -> list[tuple[str, ...]]:
    """The texts of a table by their cluster, which is the image, in order of first appearance."""
    by_name: dict[str, list[str]] = {}
    for text, image in zip(table.texts, table.clusters, strict=True):
        by_name.setdefault(image, []).append(text)
    return [tuple(texts) for texts in by_name.values()]


def plain(text: str) -> str:
    """``text`` in lower case, letters, digits and single spaces alone.

    >>> plain("A dog , running .")
    'a dog running'
    """
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def emoji_names(finder: Any, size: Size, options: Options) -> Texts:
    """Names of emoji with the frozen features of their two drawings."""
    from embedscope.datasets import DATASETS
    from embedscope.encoders.images import open_image_encoder
    from embedscope.sources.image_vectors import image_vectors

    data = DATASETS.get("emoji").load(finder)
    names, every = data.tables["names"].texts, data.images["drawings"].images
    taken = np.random.default_rng([options.seed, 3]).permutation(len(names))[: size.names]
    drawings = [every[i + shift] for shift in range(0, len(every), len(names)) for i in taken]
    names = tuple(names[i] for i in taken)
    encoder = open_image_encoder(IMAGE_MODEL, device=options.device)
    cache = VectorCache() if options.cache else None
    flat = image_vectors(encoder, drawings, cache, options.progress).matrix("features")
    features = np.stack(np.split(flat, len(drawings) // len(names)), axis=1)
    features = features / np.linalg.norm(features, axis=2, keepdims=True)
    order = np.random.default_rng([options.seed, 2]).permutation(len(names))
    held, kept = order[: min(size.held_out, len(names) // 10)], order[min(size.held_out, len(names) // 10) :]
    return Texts(
        tuple((names[i],) for i in kept),
        tuple((names[i],) for i in held),
        "names of emoji",
        features[kept],
        features[held],
    )


def tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    """A byte-level BPE of ``vocabulary`` symbols, in lower case; a word alone is the token that it is in a sentence.

    GPT-2's tokenizer tells a word at the start from one after a blank; a small model has hardly seen the former, so a
    blank is put in front of every text, as CLIP's tokenizer marks whole words.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer_of_pairs = Tokenizer(models.BPE())
    tokenizer_of_pairs.normalizer = normalizers.Lowercase()
    tokenizer_of_pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer_of_pairs.train_from_iterator(texts, trainer)
    ids = [(symbol, tokenizer_of_pairs.token_to_id(symbol)) for symbol in (BOS, EOS)]
    tokenizer_of_pairs.post_processor = processors.TemplateProcessing(single=f"{BOS} $A {EOS}", special_tokens=ids)
    wrap: Any = PreTrainedTokenizerFast  # its constructor has no types
    return wrap(
        tokenizer_object=tokenizer_of_pairs, bos_token=BOS, eos_token=EOS, pad_token=EOS, model_max_length=CONTEXT
    )


@dataclass(frozen=True, eq=False)
class Corpus:
    """Texts of one family with their token ids by group, the tokenizer, and a hash of all of it."""

    texts: Texts
    tokenizer: Any
    ids: list[list[list[int]]]
    held_out: list[list[list[int]]]
    digest: str


def corpus(texts: Texts, trained: Any) -> Corpus:
    """``texts`` read by the tokenizer ``trained``."""
    return Corpus(
        texts,
        trained,
        _encode(trained, texts.groups),
        _encode(trained, texts.held_out),
        _digest(texts, trained),
    )


def _digest(texts: Texts, trained: Any) -> str:
    """Hash of the texts, their features and the tokenizer."""
    sha = hashlib.sha256(trained.backend_tokenizer.to_str().encode())
    for group in (*texts.groups, *texts.held_out):
        sha.update("\n".join(group).encode() + b"\0")
    if texts.features is not None:
        sha.update(np.ascontiguousarray(texts.features).tobytes())
    return sha.hexdigest()


def _encode(trained: Any, groups: Sequence[Sequence[str]]) -> list[list[list[int]]]:
    """Token ids of every text with BOS and EOS, cut at ``CONTEXT``, by group."""
    flat = [text for group in groups for text in group]
    ids = iter(trained(flat, truncation=True, max_length=CONTEXT)["input_ids"])
    return [[next(ids) for _ in group] for group in groups]
