"""The vectors of the study: pairs of two modalities, and CLIP's vectors of class names, found by checksum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats
from embedscope.core.errors import InputError
from embedscope.datasets.dataset import read_file_table
from embedscope.datasets.file import File
from embedscope.experiments._class_names import CLASS_NAMES, REPOSITORIES, class_name_files

PAIRS = {
    "CLIP": ("features_clip.npy", "features_clip_random.npy", "image", "text"),
    "VideoCLIP": ("features_videoclip.npy", "features_videoclip_random.npy", "video", "text"),
    "ConVIRT": ("features_convirt.npy", "features_convirt_random.npy", "image", "text"),
    "CLASP": ("features_clasp.npy", "features_clasp_random.npy", "protein", "text"),
}
"""Model: file of the trained one, file of its random twin, the two modalities."""

NAMES = {f"{names.dataset}, {names.tower}, '{names.prompt}'": names.file for names in CLASS_NAMES}
"""Data set, tower and prompt: file of its class names."""

COMPARED = (
    ("LVIS, ViT-B/32, 'a NAME'", "LVIS, ViT-B/32, 'a photo of a NAME'"),
    ("COCO, ViT-B/32, 'a NAME'", "COCO, ViT-B/32, 'a photo of a NAME'"),
    ("LVIS, ViT-B/32, 'a NAME'", "LVIS, RN50, 'a NAME'"),
)
"""The same names under two prompts, and in two towers."""


@dataclass(frozen=True)
class VectorFiles:
    """The files as the finder wants them; each may be missing."""

    name: str = "vectors of liang2022"
    homepage: str = "https://github.com/Weixin-Liang/Modality-Gap"
    hint: str = (
        f"take Figure_1_Modality_Gap of github.com/Weixin-Liang/Modality-Gap and {REPOSITORIES}; name their folder "
        "with --data"
    )

    @property
    def files(self) -> tuple[File, ...]:
        """All files, by checksum."""
        listed = read_file_table(Path(__file__).with_name("files.csv"))
        return (*(replace(file, optional=True) for file in listed), *class_name_files())

    def present(self, finder: Any) -> bool:
        """Whether anything can be read: always, since every file is optional."""
        return bool(finder.has(self.files))


def files_here(finder: Any) -> dict[str, Path]:
    """Those files that are on this machine, by name."""
    return {name: path for name, (_, path) in finder.paths(VectorFiles()).items()}


def read_pair(path: Path) -> tuple[Floats, Floats]:
    """Both modalities (n, d), unit rows.

    Raises
    ------
    InputError
        if the file does not hold two arrays of the same shape.
    """
    both = np.load(path, allow_pickle=False).astype(np.float64)
    if both.ndim != 3 or len(both) != 2:
        raise InputError(f"{path.name} must hold an array (2, n, d), got {both.shape}")
    x, y = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in both)
    return x, y


def read_names(paths: Mapping[str, Path]) -> dict[str, Floats]:
    """Vectors (n, d) of class names in float64, as they are; float16 sums of rows of length 8 to 13 overflow."""
    return {
        label: np.load(paths[file], allow_pickle=False).astype(np.float64)
        for label, file in NAMES.items()
        if file in paths
    }
