"""Evaluation data: one file a data set, found by checksum wherever the files lie."""

from __future__ import annotations

from embedscope.core.registry import Registry
from embedscope.datasets._dataset import Dataset, Entry, File, MediaDataset
from embedscope.datasets._fetch import Finder

DATASETS: Registry[Entry] = Registry("dataset", "embedscope.datasets")

__all__ = ["DATASETS", "Dataset", "Entry", "File", "Finder", "MediaDataset"]
