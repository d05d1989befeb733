"""STS 2012 to 2016: similarity of sentences from news, forums, captions and translations (Agirre et al. 2012-2016)."""

from __future__ import annotations

from collections.abc import Mapping

from embedscope.datasets._sts_files import parts
from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines, scored_pairs

IDS = ("sts12", "sts13", "sts14", "sts15", "sts16")

_ABOUT = {
    "12": "3,108 test pairs of 5 sources",
    "13": "1,500 test pairs of 3 sources (the fourth, SMT, is not public)",
    "14": "3,750 test pairs of 6 sources",
    "15": "3,000 scored test pairs of 5 sources (8,500 pairs in the files)",
    "16": "1,186 scored test pairs of 5 sources (9,183 pairs in the files)",
}


def _dataset(year: str) -> Dataset:
    of_year = [part for part in parts() if part.year == year]

    def load(texts: Mapping[str, str]) -> Loaded:
        """Pairs of all sources, one after the other; an empty line of the scores is a pair that was not scored."""
        rows: list[tuple[str, str, float]] = []
        subset: list[str] = []
        for part in of_year:
            sentences, scores = lines(texts[part.sentences.name]), lines(texts[part.scores.name])
            for line, score in zip(sentences, scores, strict=True):
                if score.strip():
                    left, right = line.split("\t")[:2]
                    rows.append((left, right, float(score)))
                    subset.append(part.name)
        table, pairs = scored_pairs("sentences", "sentence", rows, tuple(subset))
        return {"sentences": table}, {"pairs": pairs}

    files: tuple[File, ...] = tuple(file for part in of_year for file in (part.sentences, part.scores))
    return Dataset(
        name=f"sts{year}",
        title=f"STS 20{year}",
        version=f"SemEval-20{year}",
        files=files,
        licence="research use; sentences have licences of their own (files of the archive)",
        citation=f"agirre20{year}",
        homepage="http://ixa2.si.ehu.eus/stswiki",
        about=f"{_ABOUT[year]}, similarity 0 to 5",
        loader=load,
    )


ENTRIES = {name: _dataset(name.removeprefix("sts")) for name in IDS}
