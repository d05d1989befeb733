"""Caltech-101: photos of objects of 101 classes, or whatever part of them lies in a folder (Fei-Fei et al. 2004)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from embedscope.datasets._fetch import Finder
from embedscope.datasets._image_folder import image_folder
from embedscope.datasets.dataset import LoadedMedia, MediaDataset

IDS = ("caltech101",)
_FOLDER = "101_ObjectCategories"


def _load(paths: Mapping[str, Path], finder: Finder) -> LoadedMedia:
    data = image_folder(paths[_FOLDER], leave_out=("BACKGROUND_Google",))
    return data.tables, data.relations, data.images


ENTRIES = {
    "caltech101": MediaDataset(
        name="caltech101",
        title="Caltech-101",
        version="2004",
        files=(),
        licence="CC BY 4.0",
        citation="feifei2004",
        homepage="https://data.caltech.edu/records/mzrjq-6wc02",
        about="photos of 101 classes (8,677 in all without BACKGROUND_Google), or the part of them in the folder",
        loader=_load,
        hint="unpack 101_ObjectCategories.tar.gz (md5 b224c7392d521a49829488ab0f1120d9) of its page",
        folders=(_FOLDER,),
    )
}
