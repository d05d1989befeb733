"""Multi30k: captions of Flickr30k in English, German, French and Czech, line by line (Elliott et al. 2016)."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from embedscope.datasets._captions import Captions
from embedscope.datasets._fetch import Finder
from embedscope.datasets._pictures import pictures
from embedscope.datasets.dataset import LoadedMedia, MediaDataset, read_file_table
from embedscope.datasets.file import File
from embedscope.datasets.text import lines

IDS = ("multi30k",)
SPLITS = {
    "test_2016": "test_2016_flickr",
    "test_2017": "test_2017_flickr",
    "test_2017_coco": "test_2017_mscoco",
    "test_2018": "test_2018_flickr",
    "val": "val",
    "train": "train",
}
"""Split: its name in the files of translations."""

DESCRIBED = {"test_2016": "test_2016_images", "val": "val_images", "train": "train"}
"""Split: its list of images in the files of descriptions."""

LANGUAGES = ("en", "de", "fr", "cs")
_RAW = "https://raw.githubusercontent.com/multi30k/dataset/master/data/"
_HINT = (
    "get the images of Flickr30k (https://shannon.cs.illinois.edu/DenotationGraph/), those of COCO train2014 and "
    "val2014 for test_2017_coco, and name their folder with --data DIR"
)


def _load(paths: Mapping[str, Path], finder: Finder) -> LoadedMedia:
    """Translations: one caption an image in each language; descriptions: five each, written independently."""
    captions = Captions()
    for split, name in SPLITS.items():
        photos = [line.partition("#")[0] for line in _lines(paths[f"task1/image_splits/{name}.txt"])]
        for language in LANGUAGES:
            if (path := paths.get(f"task1/raw/{name}.{language}.gz")) is not None:
                captions.add(f"{split}_{language}", _lines(path), photos)
                if language != "en":
                    captions.translate(f"{split}_{language}", f"{split}_en")
        captions.show(f"{split}_images", f"{split}_en", pictures(photos, finder, _origin(split), _HINT))
    for split, listed in DESCRIBED.items():
        _add_descriptions(captions, split, listed, paths)
    return captions.tables, captions.relations, captions.images


def _add_descriptions(captions: Captions, split: str, listed: str, paths: Mapping[str, Path]) -> None:
    for language in ("en", "de"):
        parts = [paths.get(f"task2/raw/{split}.{i}.{language}.gz") for i in range(1, 6)]
        there = [path for path in parts if path is not None]
        if len(there) == len(parts):
            folder = "task1" if listed == split else "task2"
            photos = _lines(paths[f"{folder}/image_splits/{listed}.txt"])
            table = f"{split}_descriptions_{language}"
            captions.add(table, [text for path in there for text in _lines(path)], photos * len(there))
            if language != "en":
                captions.share_images(table, f"{split}_descriptions_en")


def _origin(split: str) -> str:
    return "coco" if split.endswith("coco") else "flickr30k"


def _lines(path: Path) -> list[str]:
    raw = path.read_bytes()
    return lines((gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8"))


def _files() -> tuple[File, ...]:
    """Translations are required, descriptions are loaded where they are at hand."""
    listed = read_file_table(Path(__file__).with_name("multi30k_files.csv"))
    return tuple(replace(file, url=_RAW + file.name, optional=file.name.startswith("task2/")) for file in listed)


ENTRIES = {
    "multi30k": MediaDataset(
        name="multi30k",
        title="Multi30k",
        version="2018",
        files=_files(),
        licence="research and education, not commercial; the images have terms of their own (Flickr)",
        citation="elliott2016",
        homepage="https://github.com/multi30k/dataset",
        about=(
            "captions in en, de, fr, cs of 29,000 train, 1,014 val and 1,000 + 1,000 + 461 + 1,071 test images "
            "(fr and cs where translated); five descriptions per image in en (and de) where available"
        ),
        loader=_load,
    )
}
