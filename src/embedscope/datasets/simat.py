"""SIMAT: changing one element of an image by the difference of two words (Couairon et al. 2022)."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.tables import Classes, Edits, TextTable
from embedscope.datasets._fetch import Finder
from embedscope.datasets._pictures import pictures
from embedscope.datasets.dataset import LoadedMedia, MediaDataset
from embedscope.datasets.file import File
from embedscope.datasets.text import lines

IDS = ("simat",)
_RAW = "https://raw.githubusercontent.com/facebookresearch/SIMAT/main/simat_db/"
_HINT = (
    "the images are crops of Visual Genome: run prepare_dataset.py of github.com/facebookresearch/SIMAT and name the "
    "folder with --data DIR"
)
_FIELDS = ("subj", "rel", "obj")
Triplet = tuple[str, str, str]


def _load(paths: Mapping[str, Path], finder: Finder) -> LoadedMedia:
    """Tables ``words`` and ``captions``, images ``photos`` in the order of their number, and the transformations."""
    words = tuple(line.strip() for line in lines(_text(paths["simat_words.txt"])) if line.strip())
    photos = sorted(_rows(paths["triplets.csv"]), key=lambda row: int(row["dataset_id"]))
    triplets = [_triplet(row) for row in photos]
    label = {triplet: i for i, triplet in enumerate(dict.fromkeys(triplets))}
    row_of = {row["region_id"]: i for i, row in enumerate(photos)}
    word_of = {word: i for i, word in enumerate(words)}
    asked = _rows(paths["transfos.csv"])
    wanted = []
    for row in asked:
        before = photos[row_of[row["region_id"]]]
        if before[row["field"]] != row["value"]:
            raise InputError(f"transformation {row['transfo_id']} changes a word that its image lacks; get SIMAT again")
        wanted.append(label[_triplet(before | {row["field"]: row["target"]})])
    edits = Edits(
        "photos",
        "words",
        np.array([row_of[row["region_id"]] for row in asked], dtype=np.intp),
        np.array([word_of[row["value"]] for row in asked], dtype=np.intp),
        np.array([word_of[row["target"]] for row in asked], dtype=np.intp),
        np.array(wanted, dtype=np.intp),
        np.array([float(row["norm2"]) ** -0.5 for row in asked]),
        tuple("test" if row["is_test"] == "True" else "dev" for row in asked),
    )
    named = tuple(" ".join(triplet) for triplet in label)
    shown = pictures([f"{row['region_id']}.jpg" for row in photos], finder, "simat", _HINT)
    classes = Classes("photos", np.array([label[triplet] for triplet in triplets], dtype=np.intp), named)
    captions = tuple(dict.fromkeys(line.strip() for line in lines(_text(paths["captions.txt"])) if line.strip()))
    tables = {"words": TextTable(words, "word"), "captions": TextTable(captions, "sentence")}
    return tables, {"triplets": classes, "transformations": edits}, {"photos": shown}


def _triplet(row: Mapping[str, str]) -> Triplet:
    subject, relation, what = (row[name] for name in _FIELDS)
    return subject, relation, what


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(_text(path))))


ENTRIES = {
    "simat": MediaDataset(
        name="simat",
        title="SIMAT",
        version="2022",
        files=(
            File(
                "triplets.csv",
                "c6a89af2ee9ac07bbab9e573347d587061392fe889e747456fbd9b3f2828310b",
                200152,
                _RAW + "triplets.csv",
            ),
            File(
                "transfos.csv",
                "c6ddeecc08fa1eb3e7445a2e5540c5d94a1a414788416694fce671cc200445f6",
                1056368,
                _RAW + "transfos.csv",
            ),
            File(
                "captions.txt",
                "001b5d8ed33f64e595a4099c4d5d2fefa9ffd953bbc1299bb94b681b9f08848c",
                17335,
                _RAW + "captions.txt",
            ),
            File("simat_words.txt", "a3950d49fab6ca29ee91febdf857a2e8e8c33200c500b4a898c81af17914703c", 896),
        ),
        licence="MIT; the images are crops of Visual Genome (CC BY 4.0)",
        citation="couairon2022",
        homepage="https://github.com/facebookresearch/SIMAT",
        about="5,859 images of 645 subject-relation-object triplets, 17,996 transformations of them by 131 words",
        loader=_load,
        hint="take simat_db of github.com/facebookresearch/SIMAT, and simat_words.txt, the words of its tensor file",
    )
}
