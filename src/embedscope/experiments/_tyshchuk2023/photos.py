"""The article's own data: COCO photos with captions, CIFAR-100, parallel captions; and vectors from files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.arrays import Floats, to_numpy
from embedscope.core.errors import InputError
from embedscope.core.tables import Data, Index
from embedscope.experiments._tyshchuk2023.study_data import ClassSet, Held, PairSet, Parallel, order_of
from embedscope.stats.equal_rows import equal_rows
from embedscope.stats.units import find_units, join

TEST_SHARE = 0.2
LEAST_PAIRS = 40
WIKICAPS = ("fr", "ru", "de")


def coco_pairs(data: Data, seed: int, limit: int | None) -> PairSet:
    """Photos of the validation part with one caption each; a fifth of the photos is the test part.

    Raises
    ------
    InputError
        if the captions of val2014 are missing.
    """
    split = next((s for s in ("val2014", "karpathy_val", "test") if s in data.tables), None)
    if split is None:
        raise InputError("coco has no captions; put captions_val2014.json into the folder named with --data")
    relation: Any = data.relations[f"{split}_images"]
    _, first = np.unique(relation.right, return_index=True)
    captions, photos = relation.left[first], relation.right[first]
    table = data.images[f"{split}_images"]
    order = order_of([table.clusters[i] for i in photos], seed)[:limit]
    images = tuple(table.images[i] for i in photos[order])
    texts = tuple(data.tables[split].texts[i] for i in captions[order])
    return halves("coco", images, texts)


def halves(name: str, images: Sequence[Any], texts: Sequence[str]) -> PairSet:
    """Pairs by position: the last fifth is the test part."""
    n = len(texts)
    cut = n - max(2, round(TEST_SHARE * n))
    rows: Index = np.arange(cut, n)
    test = Held(rows, rows, np.arange(len(rows)), np.arange(len(rows)))
    return PairSet(name, tuple(images), tuple(texts), (np.arange(cut), np.arange(cut)), {"test": test})


def file_pairs(source: str, images: Floats, texts: Floats) -> PairSet:
    """Pairs of vectors by position, rows (n, d) and (n, e): the last fifth of their units of evidence is the test part.

    Equal rows of one side are one image, or one text. Pairs with related rows on either side (equal, near-duplicates,
    tight clusters) are one unit: never parted, and resampled together.

    Raises
    ------
    InputError
        if the numbers of rows differ, or there are fewer than 40 units.
    """
    n = len(images)
    if n != len(texts):
        raise InputError(f"{source}: {n} images and {len(texts)} texts; rows of both files must match")
    units = join(n, [find_units(side, in_order=False)[0] for side in (images, texts)])
    number = int(units.max(initial=-1)) + 1
    if number < LEAST_PAIRS:
        raise InputError(
            f"{source}: the {n:,} pairs are {number} independent units (related rows count as one); the study needs at "
            f"least {LEAST_PAIRS}, a fifth of which it holds out"
        )
    tests = units >= number - round(TEST_SHARE * number)
    place = [np.unique(equal_rows(side), return_index=True, return_inverse=True)[1:] for side in (images, texts)]
    rows = [first[where] for first, where in place]
    (image_rows, left), (text_rows, right) = (np.unique(r[tests], return_inverse=True) for r in rows)
    test = Held(image_rows, text_rows, left, right, units[tests])
    return PairSet("files", (), (), (rows[0][~tests], rows[1][~tests]), {"test": test})


def cifar_classes(data: Data, prompt: str, seed: int, limit: int | None) -> ClassSet:
    """CIFAR-100 with the article's prompt; ``limit`` takes that many images of either part, chosen by hash."""
    relations: Any = data.relations
    names = tuple(name.replace("_", " ") for name in relations["train_classes"].names)
    chosen = [order_of([i.key for i in data.images[part].images], seed)[:limit] for part in ("train", "test")]
    images = tuple(
        data.images[part].images[i] for part, rows in zip(("train", "test"), chosen, strict=True) for i in rows
    )
    label = np.concatenate(
        [relations[f"{part}_classes"].label[rows] for part, rows in zip(("train", "test"), chosen, strict=True)]
    )
    n = len(chosen[0])
    return ClassSet("cifar100", prompt, names, images, label, np.arange(n), np.arange(n, len(images)))


def caption_languages(data: Data, split: str = "test_2016") -> tuple[Parallel, ...]:
    """Captions of Multi30k in other languages and their English ones."""
    languages = []
    for code in ("de", "fr", "cs"):
        relation: Any = data.relations.get(f"{split}_{code}")
        if relation is not None:
            texts, english = data.tables[f"{split}_{code}"].texts, data.tables[f"{split}_en"].texts
            languages.append(Parallel(code, texts, english, relation.left, relation.right, "multi30k"))
    return tuple(languages)


def wikicaps_languages(folder: Path | None) -> tuple[Parallel, ...]:
    """Caption pairs of WikiCaps from ``folder/wikicaps/CODE-en.tsv``: a caption, a tab, and its English one per line.

    Raises
    ------
    InputError
        if such a file has a line without two texts.
    """
    from embedscope.datasets import parallel_files

    languages = []
    for code in WIKICAPS if folder is not None else ():
        path = Path(str(folder)) / "wikicaps" / f"{code}-en.tsv"
        if path.is_file():
            data = parallel_files(path)
            relation: Any = data.relations["parallel"]
            texts, english = data.tables["left"].texts, data.tables["right"].texts
            languages.append(Parallel(code, texts, english, relation.left, relation.right, "wikicaps"))
    return tuple(languages)


def russian_captions(folder: Path | None) -> tuple[str, ...]:
    """Distinct captions of ``folder/rucoco/captions_val2014.json``, in the layout of COCO's own caption files.

    Raises
    ------
    InputError
        if the file is not in that layout.
    """
    path = None if folder is None else Path(folder) / "rucoco" / "captions_val2014.json"
    if path is None or not path.is_file():
        return ()
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["annotations"]
        return tuple(dict.fromkeys(str(row["caption"]).strip() for row in rows))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} has no captions in COCO's layout ({error!r}); wanted {{'annotations': [{{'caption': TEXT}}, ...]}}"
        ) from error


def rows_of_file(source: str) -> Floats:
    """All rows (n, d) of a file of vectors, float64.

    Raises
    ------
    InputError
        if the file holds several spaces.
    """
    from embedscope.readers import open_vectors

    stream = open_vectors(source)
    if len(stream.dims) != 1:
        raise InputError(f"{source} holds the spaces {', '.join(stream.dims)}; name one with {source}::NAME")
    space = next(iter(stream.dims))
    parts = [to_numpy(b.spaces[space]) for shard in stream.shards() for b in shard.batches()]
    return np.concatenate(parts).astype(np.float64)
