"""Files of the SemEval tasks on semantic textual similarity: which they are and where they come from."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from embedscope.datasets.file import File

_HOME = "http://ixa2.si.ehu.es/stswiki/images/"
_ARCHIVES = {
    "12train": _HOME + "e/e4/STS2012-en-train.zip",
    "12": _HOME + "4/40/STS2012-en-test.zip",
    "13": _HOME + "2/2f/STS2013-en-test.zip",
    "14": _HOME + "8/8c/STS2014-en-test.zip",
    "15": _HOME + "d/da/STS2015-en-test.zip",
    "16": _HOME + "9/98/STS2016-en-test.zip",
}


@dataclass(frozen=True)
class Part:
    """One source of sentence pairs in one year: the file of sentences and the file of scores."""

    year: str
    name: str
    sentences: File
    scores: File


def parts() -> tuple[Part, ...]:
    """All parts in fixed order: years ascending (2012 train first), names ascending."""
    with open(Path(__file__).with_name("sts_files.csv"), encoding="utf-8", newline="") as rows:
        return tuple(
            Part(
                row["year"],
                row["part"],
                _file(row, "input", row["input_name"]),
                _file(row, "gold", row["input_name"].replace(".input.", ".gs.")),
            )
            for row in csv.DictReader(rows)
        )


def _file(row: dict[str, str], kind: str, name: str) -> File:
    year = row["year"]
    return File(f"{year}/{name}", row[f"{kind}_sha256"], int(row[f"{kind}_size"]), _ARCHIVES[year])
