"""COCO 2014 captions: the Karpathy test and dev sets, and the official files where the user has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from embedscope.core.images import ImageTable
from embedscope.datasets._captions import Captions
from embedscope.datasets._fetch import Finder
from embedscope.datasets._pictures import pictures
from embedscope.datasets.dataset import LoadedMedia, MediaDataset
from embedscope.datasets.file import File
from embedscope.datasets.text import lines

IDS = ("coco",)
_KARPATHY = "dataset_coco.json"
_OFFICIAL = ("captions_val2014.json", "captions_train2014.json")
_HINT = "unpack http://images.cocodataset.org/zips/val2014.zip and train2014.zip into a folder, named with --data DIR"


def _load(paths: Mapping[str, Path], finder: Finder) -> LoadedMedia:
    """Tables ``test`` and ``dev`` as tokenised in VSE++; ``karpathy_*``, ``val2014``, ``train2014`` as written."""
    captions = Captions()
    for split, name in (("test", "testall"), ("dev", "dev")):
        if f"{name}_caps.txt" in paths and f"{name}_ids.txt" in paths:
            texts, ids = (lines(paths[f"{name}_{part}.txt"].read_text(encoding="utf-8")) for part in ("caps", "ids"))
            _add(captions, split, texts, [file_name("val2014", int(i)) for i in ids], finder)
    for name in _OFFICIAL:
        if name in paths:
            split = name.removeprefix("captions_").removesuffix(".json")
            rows = json.loads(paths[name].read_text(encoding="utf-8"))["annotations"]
            rows.sort(key=lambda row: (row["image_id"], row["id"]))
            _add(captions, split, [r["caption"] for r in rows], [file_name(split, r["image_id"]) for r in rows], finder)
    if _KARPATHY in paths:
        _add_karpathy(captions, json.loads(paths[_KARPATHY].read_text(encoding="utf-8"))["images"], finder)
    return captions.tables, captions.relations, captions.images


def file_name(folder: str, image: int) -> str:
    """Name of an image file of COCO 2014.

    >>> file_name("val2014", 391895)
    'COCO_val2014_000000391895.jpg'
    """
    return f"COCO_{folder}_{image:012d}.jpg"


def _add(captions: Captions, split: str, texts: Sequence[str], photos: Sequence[str], finder: Finder) -> None:
    captions.add(split, texts, photos)
    captions.show(f"{split}_images", split, _pictures(photos, finder))


def _pictures(photos: Sequence[str], finder: Finder) -> ImageTable:
    return pictures(list(dict.fromkeys(photos)), finder, "coco", _HINT)


def _add_karpathy(collected: Captions, images: Sequence[Mapping[str, object]], finder: Finder) -> None:
    """All captions of the splits of Karpathy & Fei-Fei; ``train`` holds ``restval`` too, as is the custom."""
    rows: dict[str, list[tuple[str, str]]] = {"train": [], "val": [], "test": []}
    for image in images:
        split = str(image["split"])
        sentences = image["sentences"]
        if isinstance(sentences, list):
            rows["train" if split == "restval" else split] += [(s["raw"], str(image["filename"])) for s in sentences]
    for split, captions in rows.items():
        if captions:
            _add(
                collected, f"karpathy_{split}", [text for text, _ in captions], [photo for _, photo in captions], finder
            )


ENTRIES = {
    "coco": MediaDataset(
        name="coco",
        title="COCO captions",
        version="2014, Karpathy splits",
        files=(
            File("testall_caps.txt", "17842b221f8aa3cb409f01fd732335d929342279d73eff78a4caa04e383f37c6", 1351883),
            File("testall_ids.txt", "76d71e33afff62d28b7f7f93ee36f7a019aa7cc8295d7a99159d459a85c0bc17", 170140),
            File(
                "dev_caps.txt",
                "b440b32e4fafa0a825ebdbc369e420d5a27d8733900ce60c9037f81ba3cb4c3c",
                271491,
                optional=True,
            ),
            File(
                "dev_ids.txt", "3835eff37c7cf04319c77e69886061754041cf76d5bbde091feacfec8f81f153", 34060, optional=True
            ),
        ),
        licence="captions CC BY 4.0; the images have terms of their own (Flickr)",
        citation="lin2014",
        homepage="https://cocodataset.org/#download",
        about=(
            "25,000 test captions of 5,000 images, 5,000 dev captions of 1,000 images; val2014 and train2014 where "
            "captions_val2014.json, captions_train2014.json or dataset_coco.json are in the data folder"
        ),
        loader=_load,
        hint="take testall_caps.txt and testall_ids.txt from the precomputed COCO data of VSE++ or SCAN",
        named=(*_OFFICIAL, _KARPATHY),
    )
}
