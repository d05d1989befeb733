"""Evaluation data: one module per data set, files identified by checksum; readers of your own files.

>>> from embedscope.datasets import DATASETS, Finder
>>> data = DATASETS.get("rg65").load(Finder())
>>> len(data.tables["words"].texts)
48
"""

from __future__ import annotations

from embedscope.core.registry import Registry
from embedscope.datasets._example import example_files
from embedscope.datasets._fetch import Finder
from embedscope.datasets._image_folder import image_folder
from embedscope.datasets._image_set import build_image_set, image_questions, near_duplicates
from embedscope.datasets._judgements import read_qrels, retrieval_files
from embedscope.datasets._parallel import parallel_files
from embedscope.datasets.dataset import Dataset, Entry, MediaDataset
from embedscope.datasets.file import File
from embedscope.datasets.id_texts import is_text_table, read_beir_texts, read_text_rows

DATASETS: Registry[Entry] = Registry("dataset", "embedscope.datasets")

__all__ = [
    "DATASETS",
    "Dataset",
    "Entry",
    "File",
    "Finder",
    "MediaDataset",
    "build_image_set",
    "example_files",
    "image_folder",
    "image_questions",
    "is_text_table",
    "near_duplicates",
    "parallel_files",
    "read_beir_texts",
    "read_qrels",
    "read_text_rows",
    "retrieval_files",
]
