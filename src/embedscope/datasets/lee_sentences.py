"""Sentences of the Lee background corpus: 300 news documents of the Australian Broadcasting Corporation."""

from __future__ import annotations

import re
from collections.abc import Mapping

from embedscope.core.tables import TextTable
from embedscope.datasets.dataset import Dataset, Loaded
from embedscope.datasets.file import File
from embedscope.datasets.text import lines

IDS = ("lee_sentences",)
_GAP = re.compile(r"""(?:(?<=[.!?])|(?<=[.!?]["')]))(?<!\bDr\.)(?<!\b[A-Z]\.)\s+(?=["'(]?[A-Z0-9])""")


def sentences(document: str) -> list[str]:
    """Sentences of ``document``: cut at spaces between . ! ? (and a closing quote or bracket) and a capital or digit.

    Not after "Dr." nor after a single initial.

    >>> sentences('He said "No." Dr. J. Smith left. 20 stayed.')
    ['He said "No."', 'Dr. J. Smith left.', '20 stayed.']
    """
    return _GAP.split(document.strip())


def _load(texts: Mapping[str, str]) -> Loaded:
    """A sentence belongs to the first document it occurs in."""
    document_of: dict[str, str] = {}
    for number, document in enumerate(lines(texts["lee_background.cor"])):
        for sentence in sentences(document):
            document_of.setdefault(sentence, f"document {number}")
    table = TextTable(tuple(document_of), "sentence", tuple(document_of.values()))
    return {"sentences": table}, {}


ENTRIES = {
    "lee_sentences": Dataset(
        name="lee_sentences",
        title="Sentences of the Lee background corpus",
        version="2005",
        files=(
            File(
                "lee_background.cor",
                "5d78d6dafd953bbf65797bef09a9ffb9ec430583381be705f8fd460000f370fb",
                360082,
                url="https://raw.githubusercontent.com/piskvorky/gensim/4.4.0/gensim/test/test_data/lee_background.cor",
                package=("gensim", "test/test_data/lee_background.cor"),
            ),
        ),
        licence="research use; no licence stated",
        citation="lee2005",
        homepage="https://github.com/piskvorky/gensim/tree/4.4.0/gensim/test/test_data",
        about="2,595 distinct sentences of 300 documents",
        loader=_load,
        hint='pip install "embedscope[words]" includes it',
    )
}
