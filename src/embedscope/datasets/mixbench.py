"""MixBench: queries against documents that are text, image, or both (Li et al. 2025)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedscope.core.errors import InputError
from embedscope.core.images import FileImage, Image, ImageTable
from embedscope.core.tables import Relation, TextTable
from embedscope.datasets._captions import matches
from embedscope.datasets._fetch import Finder
from embedscope.datasets._judgements import qrels_over, read_qrels
from embedscope.datasets._pictures import MissingImage
from embedscope.datasets.dataset import LoadedMedia, MediaDataset
from embedscope.datasets.tables import objects
from embedscope.datasets.text import distinct

IDS = ("mixbench",)
SUBSETS = ("MSCOCO", "Google_WIT", "VisualNews", "OVEN")
_HINT = "hf download mixed-modality-search/MixBench25 --repo-type dataset --local-dir DIR"


@dataclass(frozen=True)
class Side:
    """Queries or documents: distinct texts and images, and the row of every id in either."""

    texts: dict[str, int]
    pictures: dict[str, int]
    text_of: dict[str, int]
    picture_of: dict[str, int]

    @property
    def both(self) -> list[tuple[int, int]]:
        """Rows (text, image) that one document has together."""
        return [(row, self.picture_of[name]) for name, row in self.text_of.items() if name in self.picture_of]


def _load(paths: Mapping[str, Path], _: Finder) -> LoadedMedia:
    tables: dict[str, TextTable] = {}
    relations: dict[str, Relation] = {}
    images: dict[str, ImageTable] = {}
    for subset in SUBSETS:
        if subset in paths:
            _add(subset, paths[subset], tables, relations, images)
    return tables, relations, images


def _add(
    subset: str,
    folder: Path,
    tables: dict[str, TextTable],
    relations: dict[str, Relation],
    images: dict[str, ImageTable],
) -> None:
    """Tables SUBSET_queries and SUBSET_texts, images SUBSET_images (and SUBSET_query_images), judgements over both."""
    queries = _side(_file(folder, "queries.jsonl", "query.jsonl"), "query_id")
    documents = _side(_file(folder, "mixed_corpus.jsonl", "corpus.jsonl"), "corpus_id")
    judged = read_qrels(_file(folder, "qrels.tsv", "qrels/qrels.tsv", "qrels/test.tsv"))
    tables[f"{subset}_queries"] = TextTable(tuple(queries.texts), "sentence")
    tables[f"{subset}_texts"] = TextTable(tuple(documents.texts), "document")
    images[f"{subset}_images"] = _images(subset, folder, list(documents.pictures))
    relations[f"{subset}_documents"] = matches(f"{subset}_texts", f"{subset}_images", documents.both)
    if queries.pictures:
        images[f"{subset}_query_images"] = _images(subset, folder, list(queries.pictures))
        relations[f"{subset}_query_images"] = matches(f"{subset}_queries", f"{subset}_query_images", queries.both)
    for table, rows in ((f"{subset}_texts", documents.text_of), (f"{subset}_images", documents.picture_of)):
        grades = {
            (_query(queries, query, subset), rows[document]): grade
            for query, graded in judged.items()
            for document, grade in graded.items()
            if document in rows
        }
        relations[f"{table}_qrels"] = qrels_over(f"{subset}_queries", table, grades)


def _query(queries: Side, name: str, subset: str) -> int:
    if name not in queries.text_of:
        raise InputError(f"query {name!r} of {subset} is judged but has no text; wanted queries with a text")
    return queries.text_of[name]


def _side(path: Path, key: str) -> Side:
    rows = [row for _, row in objects(path)]
    bad = (row for row in rows if key not in row or not (_has(row, "text") or _has(row, "image")))
    if (lacking := next(bad, None)) is not None:
        raise InputError(f"a line of {path} has {sorted(lacking)}; wanted {key} with a text, an image or both")
    texts = {str(row[key]): str(row["text"]) for row in rows if _has(row, "text")}
    pictures = {str(row[key]): str(row["image"]) for row in rows if _has(row, "image")}
    text_row, picture_row = distinct(texts.values()), distinct(pictures.values())
    return Side(
        text_row,
        picture_row,
        {name: text_row[text] for name, text in texts.items()},
        {name: picture_row[picture] for name, picture in pictures.items()},
    )


def _has(row: Mapping[str, Any], part: str) -> bool:
    return bool(str(row.get(part) or "").strip())


def _images(subset: str, folder: Path, names: Sequence[str]) -> ImageTable:
    images: list[Image] = []
    for name in names:
        path = next((p for p in (folder / name, folder.parent / name, folder / "images" / name) if p.is_file()), None)
        key = f"mixbench/{subset}/{name}"
        images.append(
            MissingImage(key, f"get the images of {subset}: {_HINT}") if path is None else FileImage(path, key)
        )
    return ImageTable(tuple(images), "photo", tuple(names))


def _file(folder: Path, *names: str) -> Path:
    file = next((folder / name for name in names if (folder / name).is_file()), None)
    if file is None:
        raise InputError(f"{folder} has no {' or '.join(names)}; get the data set again: {_HINT}")
    return file


ENTRIES = {
    "mixbench": MediaDataset(
        name="mixbench",
        title="MixBench",
        version="2025",
        files=(),
        licence="MIT; texts and images have the terms of their sources (COCO, WIT, VisualNews, OVEN)",
        citation="li2025",
        homepage="https://huggingface.co/datasets/mixed-modality-search/MixBench25",
        about="queries and mixed documents (text, image, both); subsets MSCOCO, Google_WIT, VisualNews, OVEN",
        loader=_load,
        hint=_HINT,
        folders=SUBSETS,
    )
}
