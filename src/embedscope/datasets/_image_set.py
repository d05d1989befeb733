"""Building a set of images for words: a checked tree ``concept/*`` with a manifest; questions over such a tree."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from embedscope.core.atomic import atomic_folder
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.core.images import FileImage, Image, Pixels
from embedscope.core.tables import Classes, Data, Matches, Quadruples, TextTable
from embedscope.datasets._image_folder import image_folder
from embedscope.datasets.tables import read_text
from embedscope.datasets.text import lines

NEAR = 5
"""Two images whose hashes of 64 bits differ in at most this many are flagged as near-duplicates."""

_FORMATS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "GIF": ".gif"}


@dataclass(frozen=True)
class Picture:
    """One image of the manifest.

    ``file`` is relative to the tree, ``near_duplicate_of`` an earlier file ("" where there is none).
    """

    concept: str
    file: str
    source: str
    licence: str
    sha256: str
    width: int
    height: int
    near_duplicate_of: str


def build_image_set(
    words: Sequence[str], source: str | Path | Data, out: str | Path, *, licence: str, per_word: int = 30
) -> list[Picture]:
    """Copy the images of ``words`` into ``out/word/000.jpg``, ... and describe them in ``out/manifest.json``.

    Words are looked up without regard to case, with ``_`` as a space. Every image is decoded once. Near-duplicates
    over the whole set are flagged, not removed.

    Parameters
    ----------
    words : names of the concepts
    source : folder of class folders, or a loaded data set that says which words its images show (``emoji``)
    out : folder that does not exist yet; it appears whole or not at all
    licence : licence of the images, written beside each
    per_word : at most this many images per word, the first ones of the source

    Raises
    ------
    InputError
        if ``out`` exists, a word has no image, or an image cannot be decoded.
    """
    target = Path(out)
    if target.exists():
        raise InputError(f"{target} is there already; name a folder that is not, or remove it")
    data = source if isinstance(source, Data) else image_folder(source)
    wanted = {_fold(word): word for word in words}
    shown = _images_by_word(data)
    if lacking := [word for key, word in wanted.items() if key not in shown]:
        raise InputError(
            f"{data.name} has no image of {', '.join(lacking[:9])} ({len(lacking)} of {len(wanted)} words); leave "
            "them out or name a folder that has them"
        )
    with atomic_folder(target) as tree:
        chosen = {word: shown[key][:per_word] for key, word in wanted.items()}
        images = _write(chosen, tree, data.name, licence)
        manifest = {"format": 1, "near": NEAR, "pictures": [asdict(picture) for picture in images]}
        (tree / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
    return images


def image_questions(path: str | Path, data: Data) -> Quadruples:
    """Questions over the concepts of ``image_folder``: lines ``a b c d`` (or split by tabs), sections after ``:``.

    Raises
    ------
    InputError
        if a line has not four names or a name is no concept.
    """
    row = {_fold(name): i for i, name in enumerate(data.tables["classes"].texts)}
    rows: list[list[int]] = []
    sections: list[str] = []
    section = ""
    for number, line in enumerate(lines(read_text(path)), 1):
        if line.startswith(":"):
            section = line[1:].strip()
        elif line.strip():
            names = [_fold(name) for name in (line.split("\t") if "\t" in line else line.split())]
            if len(names) != 4 or (unknown := [name for name in names if name not in row]):
                what = f"has {len(names)} names" if len(names) != 4 else f"names {unknown[0]!r}, which is no concept"
                raise InputError(
                    f"line {number} of {path} {what}; wanted four of the {len(row)} folders of {data.name}"
                )
            rows.append([row[name] for name in names])
            sections.append(section)
    if not rows:
        raise InputError(f"{path} holds no question; wanted lines of four names")
    return Quadruples("classes", np.array(rows, dtype=np.intp), tuple(sections))


def difference_hash(pixels: Pixels) -> npt.NDArray[np.bool_]:
    """64 bits: whether each of 8 x 8 grey cells is brighter than its right neighbour; alike for alike images.

    >>> bool(difference_hash(np.full((9, 9, 3), 7, dtype=np.uint8)).any())
    False
    """
    pil = require("PIL.Image", "images", "looking for near-duplicates")
    grey = pil.fromarray(pixels).convert("L").resize((9, 8), pil.Resampling.BOX)
    cells = np.asarray(grey, dtype=np.int16)
    return (cells[:, :-1] > cells[:, 1:]).ravel()


def near_duplicates(hashes: npt.NDArray[np.bool_], limit: int = NEAR) -> npt.NDArray[np.intp]:
    """For each of ``hashes`` (n, 64) the first earlier one that differs in at most ``limit`` bits; -1 without one.

    >>> near_duplicates(np.eye(3, 64, dtype=bool) * np.array([[1], [0], [1]], dtype=bool), 0).tolist()
    [-1, -1, -1]
    """
    signs = np.where(hashes, 1.0, -1.0)
    first = np.full(len(signs), -1, dtype=np.intp)
    for i in range(1, len(signs)):
        near = np.flatnonzero((hashes.shape[1] - signs[:i] @ signs[i]) / 2 <= limit)
        if len(near):
            first[i] = near[0]
    return first


def _fold(name: str) -> str:
    return name.replace("_", " ").strip().casefold()


def _images_by_word(data: Data) -> dict[str, list[Image]]:
    """Images of every word, from a relation that gives each image its class or matches it to a text."""
    by_name: dict[str, list[Image]] = {}
    for relation in data.relations.values():
        if isinstance(relation, Classes) and relation.table in data.images and "classes" in data.tables:
            names: Sequence[str] = relation.names
            pairs, images = zip(range(len(relation.label)), relation.label, strict=True), data.images[relation.table]
        elif isinstance(relation, Matches) and relation.left_table in data.images:
            names = _texts(data.tables, relation.right_table)
            pairs, images = zip(relation.left, relation.right, strict=True), data.images[relation.left_table]
        else:
            continue
        for image, name in pairs:
            known = by_name.setdefault(_fold(names[name]), [])
            if images.images[image] not in known:
                known.append(images.images[image])
    return by_name


def _texts(tables: Mapping[str, TextTable], table: str) -> tuple[str, ...]:
    return tables[table].texts if table in tables else ()


def _write(chosen: Mapping[str, Sequence[Image]], tree: Path, source: str, licence: str) -> list[Picture]:
    hashes, files = [], []
    for word, images in chosen.items():
        folder = word.replace(" ", "_").replace("/", "_")
        (tree / folder).mkdir(parents=True)
        for number, image in enumerate(images):
            pixels = image.pixels()
            content, ending = _content(image, pixels)
            file = f"{folder}/{number:03d}{ending}"
            (tree / file).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            height, width = pixels.shape[:2]
            files.append(Picture(word, file, f"{source}: {image.key}", licence, digest, width, height, ""))
            hashes.append(difference_hash(pixels))
    first = near_duplicates(np.array(hashes))
    return [
        Picture(**{**asdict(picture), "near_duplicate_of": files[i].file if i >= 0 else ""})
        for picture, i in zip(files, first, strict=True)
    ]


def _content(image: Image, pixels: Pixels) -> tuple[bytes, str]:
    """Bytes of an image file as they are, of any other image as PNG; with the ending of the format."""
    pil = require("PIL.Image", "images", "building a set of images")
    if isinstance(image, FileImage):
        content = image.path.read_bytes()
        with pil.open(io.BytesIO(content)) as opened:
            return content, _FORMATS.get(opened.format, image.path.suffix.lower())
    out = io.BytesIO()
    pil.fromarray(pixels).save(out, "PNG")
    return out.getvalue(), ".png"
