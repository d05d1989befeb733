"""Names of classes by the text towers of CLIP, found by checksum: which files there are, and how to get them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from embedscope.datasets.dataset import read_file_table
from embedscope.datasets.file import File

REPOSITORIES = "the class names of facebookresearch/Detic, hanoonaR/object-centric-ovd and facebookresearch/VLPart"
"""What to look for."""


class ClassNames(NamedTuple):
    """Vectors of the names of all classes of a data set, by one text tower and prompt."""

    dataset: str
    tower: str
    prompt: str
    file: str


CLASS_NAMES = (
    ClassNames("LVIS", "ViT-B/32", "a NAME", "lvis_v1_clip_a+cname.npy"),
    ClassNames("LVIS", "ViT-B/32", "a photo of a NAME", "lvis_v1_clip_a+photo+cname.npy"),
    ClassNames("LVIS", "RN50", "a NAME", "lvis_v1_clip_RN50_a+cname.npy"),
    ClassNames("COCO", "ViT-B/32", "a NAME", "coco_clip_a+cname.npy"),
    ClassNames("COCO", "ViT-B/32", "a photo of a NAME", "coco_clip_a+photo+cname.npy"),
    ClassNames("COCO", "RN50", "a NAME", "coco_clip_RN50_a+cname.npy"),
    ClassNames("OpenImages", "ViT-B/32", "a NAME", "oid_clip_a+cname.npy"),
    ClassNames("Objects365", "ViT-B/32", "a NAME", "o365_clip_a+cnamefix.npy"),
    ClassNames("PACO", "RN50", "a NAME", "paco_clip_RN50_a+cname.npy"),
)
"""All that are read, the largest data set first."""


def class_name_files(*datasets: str) -> tuple[File, ...]:
    """The files of ``datasets`` (all that are read where none is named), each of which may be missing."""
    wanted = {names.file for names in CLASS_NAMES if not datasets or names.dataset in datasets}
    listed = read_file_table(Path(__file__).with_name("class_names.csv"))
    return tuple(replace(file, optional=True) for file in listed if file.name in wanted)


@dataclass(frozen=True)
class ClassNameFiles:
    """The files of one data set as the finder wants them."""

    dataset: str
    homepage: str = "https://github.com/facebookresearch/Detic"
    hint: str = f"take {REPOSITORIES}, and name their folder with --data"

    @property
    def name(self) -> str:
        """What the set-up of a study calls them."""
        return f"class names of {self.dataset} by CLIP"

    @property
    def files(self) -> tuple[File, ...]:
        """All files, by checksum."""
        return class_name_files(self.dataset)

    def present(self, finder: Any) -> bool:
        """Whether anything can be read: always, since every file is optional."""
        return bool(finder.has(self.files))
