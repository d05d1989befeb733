"""docs/references.bib as the report reads it: key -> who and when, title, address."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlencode

_ENTRY = re.compile(r"@\w+\{(\w+),\n(.*?)\n\}", re.S)
_FIELD = re.compile(r"^\s*(\w+)\s*=\s*\{(.*?)\},?$", re.M | re.S)
_ACCENTS = {
    "'": "\u0301",
    "`": "\u0300",
    '"': "\u0308",
    "^": "\u0302",
    "~": "\u0303",
    "c": "\u0327",
    "v": "\u030c",
    "r": "\u030a",
}


def papers_json(bib: Path) -> str:
    """JSON of every entry: ``["Mu and Viswanath (2018)", title, address]``."""
    entries = {}
    for key, body in _ENTRY.findall(bib.read_text(encoding="utf-8")):
        facts = {name.lower(): " ".join(value.split()) for name, value in _FIELD.findall(body)}
        who = f"{_people(facts.get('author', facts.get('organization', key)))} ({facts.get('year', 'n.d.')})"
        entries[key] = [who, _plain(facts.get("title", "")), _address(facts)]
    return json.dumps(entries, indent=0, ensure_ascii=False, sort_keys=True) + "\n"


def _people(authors: str) -> str:
    names = [_plain(a.split(",")[0] if "," in a else a.split()[-1]) for a in authors.split(" and ")]
    if len(names) == 1:
        return names[0]
    return f"{names[0]} and {names[1]}" if len(names) == 2 and names[1] != "others" else f"{names[0]} and others"


def _address(facts: dict[str, str]) -> str:
    if "doi" in facts:
        return f"https://doi.org/{facts['doi']}"
    if "eprint" in facts and facts.get("archiveprefix", "arXiv").lower() == "arxiv":
        return f"https://arxiv.org/abs/{facts['eprint']}"
    return facts.get("url") or f"https://search.crossref.org/?{urlencode({'q': _plain(facts.get('title', ''))})}"


def _plain(text: str) -> str:
    """LaTeX as plain text: accents set, braces gone."""
    import unicodedata

    text = re.sub(
        r"\{?\\(['`\"^~cvr])\s*\{?\\?([A-Za-z])\}?\}?",
        lambda m: unicodedata.normalize("NFC", m[2] + _ACCENTS[m[1]]),
        text,
    )
    text = text.replace("$\\alpha$", "\N{GREEK SMALL LETTER ALPHA}")
    return re.sub(r"[{}]", "", text).replace("--", "\u2013").replace("\\&", "&").replace("~", " ")
