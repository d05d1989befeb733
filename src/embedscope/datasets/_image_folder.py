"""Images in folders of classes: ``concept/*.jpg``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from embedscope.core.errors import InputError
from embedscope.core.images import FileImage, ImageTable
from embedscope.core.tables import Classes, Data, TextTable
from embedscope.datasets._fetch import file_sha256

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
"""Files that count as images; every other file is passed over."""


def image_folder(path: str | Path, leave_out: tuple[str, ...] = ()) -> Data:
    """Images in folders named by their class: ``path/concept/*.jpg``.

    Table ``classes`` has the names (``_`` is a space), images ``images`` the images, class after class in the order
    of the names of the folders, with the folder as cluster and the sha256 of the file as key; relation ``images`` gives
    the class. An image that lies in a class twice is taken once.

    Parameters
    ----------
    path : folder of class folders
    leave_out : names of class folders that are no classes

    Raises
    ------
    InputError
        if there is no such folder or no class folder with an image.
    """
    root = Path(path)
    if not root.is_dir():
        raise InputError(f"{root} is not a folder; wanted a folder of class folders with images")
    by_class: dict[str, list[FileImage]] = {}
    for folder in sorted(f for f in root.iterdir() if f.is_dir() and f.name not in leave_out):
        files = sorted(f for f in folder.iterdir() if f.is_file() and f.suffix.lower() in ENDINGS)
        images = {(key := file_sha256(file)): FileImage(file, key) for file in reversed(files)}
        if images:
            by_class[folder.name] = list(reversed(images.values()))
    if not by_class:
        raise InputError(
            f"{root} has no class folders with images ({', '.join(ENDINGS)}); wanted {root.name}/concept/picture.jpg"
        )
    names = tuple(name.replace("_", " ") for name in by_class)
    if len(set(names)) < len(names):
        raise InputError(f"two class folders of {root} have the same name but for _ and space; rename one")
    label = np.repeat(np.arange(len(by_class), dtype=np.intp), [len(images) for images in by_class.values()])
    table = ImageTable(
        tuple(image for images in by_class.values() for image in images),
        "photo",
        tuple(name for name, images in by_class.items() for _ in images),
    )
    return Data(
        root.name,
        {"classes": TextTable(names, "word")},
        {"images": Classes("images", label, names)},
        {},
        {"images": table},
    )
