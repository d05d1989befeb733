"""STS Benchmark: similarity of sentences (Cer et al. 2017)."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from embedscope.core.tables import Pairs, Relation, TextTable
from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines, scored_pairs

IDS = ("stsb",)
_URL = "http://ixa2.si.ehu.es/stswiki/images/4/48/Stsbenchmark.tar.gz"


def _load(texts: Mapping[str, str]) -> Loaded:
    """Tables and relations ``test``, ``dev``, ``train`` (those at hand) and ``published``."""
    tables: dict[str, TextTable] = {}
    relations: dict[str, Relation] = {}
    for part in ("test", "dev", "train"):
        if (text := texts.get(f"sts-{part}.csv")) is not None:
            rows = [line.split("\t") for line in lines(text)]  # genre, file, year, id, score, left, right, sources
            subset = tuple(row[1] for row in rows)
            tables[part], relations[part] = scored_pairs(
                part, "sentence", [(row[5], row[6], float(row[4])) for row in rows], subset
            )
    tables["published"], relations["published"] = _parse_published(texts["sts-test.csv"])
    return tables, relations


def _parse_published(text: str) -> tuple[TextTable, Pairs]:
    """The test pairs as the authors of wolfe2022 read them.

    The file, separated by tabs, goes through a reader of comma-separated values that joins lines at unbalanced quotes
    and drops commas: 1,273 rows survive, 250 of them altered. The scores stay strings; the gold value here is the
    place of the string among the sorted distinct ones, which gives the same ranks.
    """
    rows = ["".join(cells).split("\t")[4:7] for cells in csv.reader(text.splitlines(keepends=True))]
    place = {score: float(i) for i, score in enumerate(sorted({row[0] for row in rows}))}
    return scored_pairs("published", "sentence", [(left, right, place[score]) for score, left, right in rows])


ENTRIES = {
    "stsb": Dataset(
        name="stsb",
        title="STS Benchmark",
        version="2017",
        files=(
            File("sts-test.csv", "affe45928a66ee5a708531233c95b7dacbbdc57f974f002a3d32ea0180cf816a", 282419, _URL),
            File(
                "sts-dev.csv",
                "5d7e944d8b02734b07bfdb5df67db3420c64bed153fcaa1ba47ad03480cf4234",
                255680,
                _URL,
                optional=True,
            ),
            File(
                "sts-train.csv",
                "0f71910b59aa1ad973c5897f0791f3b0965a92b8f82b1a95f3eea9f4162fda82",
                901177,
                _URL,
                optional=True,
            ),
        ),
        licence="scores CC-BY-SA-4.0; sentences have licences of their own (LICENSE.txt of the archive)",
        citation="cer2017",
        homepage="http://ixa2.si.ehu.eus/stswiki",
        about="1,379 test pairs (1,500 dev and 5,749 train pairs where available), similarity 0 to 5",
        loader=_load,
    )
}
