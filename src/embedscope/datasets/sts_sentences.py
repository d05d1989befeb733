"""All distinct sentences of the STS tasks 2012 to 2016: the corpus of contexts of wolfe2022."""

from __future__ import annotations

from collections.abc import Mapping

from embedscope.core.tables import TextTable
from embedscope.datasets._sts_files import parts
from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.text import distinct, lines

IDS = ("sts_sentences",)


def _load(texts: Mapping[str, str]) -> Loaded:
    pairs = (line.split("\t")[:2] for part in parts() for line in lines(texts[part.sentences.name]))
    return {"sentences": TextTable(tuple(distinct(text for pair in pairs for text in pair)), "sentence")}, {}


ENTRIES = {
    "sts_sentences": Dataset(
        name="sts_sentences",
        title="Sentences of STS 2012-2016",
        version="SemEval-2012 to SemEval-2016",
        files=tuple(part.sentences for part in parts()),
        licence="research use; sentences have licences of their own (files of the archives)",
        citation="agirre2016",
        homepage="http://ixa2.si.ehu.eus/stswiki",
        about="41,724 distinct sentences of all input files, 2012 train included, pairs without a score included",
        loader=_load,
    )
}
