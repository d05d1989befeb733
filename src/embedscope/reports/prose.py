"""Sentences as HTML: web addresses, papers and licences become links, words of the glossary open where they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files

from embedscope.core.document import Action
from embedscope.reports.glossary import definitions, entry_of, pattern, term_of
from embedscope.reports.numbers import HELD, typeset

_ADDRESS = r"https?://[^\s<>\"']*[^\s<>\"'.,;:)\]]"
_KEY = r"\b[a-z]+(?:19|20)\d\d[a-z]?\b"
_CODE = r"`[^`]+`"
_ARXIV = r"\barXiv:\d{4}\.\d{4,5}\b"
_OPTION = r"(?<![\w-])--[a-z][a-z-]*"
_CLOSING = re.compile(r"[)\]'.,;:!?]*")
_PARTS = re.compile(f"({_ADDRESS}|{_ARXIV}|{_KEY}|{_CODE}|{_OPTION})")
_LICENCE = re.compile(
    r"\b(Apache-2\.0|MIT|BSD-[23]-Clause|GPL-[23]\.0(?:-or-later|-only)?|LGPL-[23](?:\.[01])?(?:-or-later|-only)?|"
    r"CC0-1\.0|CC-BY(?:-SA|-NC|-ND|-NC-SA|-NC-ND)?-[234]\.0|MPL-2\.0|ISC|Unlicense)\b"
)
SPDX = "https://spdx.org/licenses/"


@cache
def papers() -> dict[str, tuple[str, str, str]]:
    """Bibtex key -> (authors and year, title, address or nothing), from docs/references.bib."""
    text = (files("embedscope.reports") / "papers.json").read_text(encoding="utf-8")
    return {key: (entry[0], entry[1], entry[2]) for key, entry in json.loads(text).items()}


class Prose:
    """Writes sentences of one page and keeps which terms it used."""

    def __init__(self) -> None:
        self.used: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """``text`` as HTML; the first of each term in it becomes a button that opens its definition."""
        seen: set[str] = set()
        return "".join(self._part(part, i % 2 == 1, seen) for i, part in enumerate(_PARTS.split(str(text))) if part)

    def remedy(self, actions: Sequence[Action]) -> str:
        """What to try: commands as code, words as words."""
        return "; ".join(
            self(a.text) + (a.command and f"<code>{words(a.command)}</code>") + self(a.after) for a in actions
        )

    @property
    def terms(self) -> list[tuple[str, str, str]]:
        """(id, term, definition) of every term that was used, for the pop-ups of the page."""
        return [(anchor, term, definitions()[term]) for term, anchor in self.used.items()]

    def _part(self, part: str, special: bool, seen: set[str]) -> str:
        if not special:
            return self._explain(part, seen)
        if part.startswith(("`", "--")):
            return words(part) if part.startswith("--") else f"<code>{words(part[1:-1])}</code>"
        if part.startswith("http"):
            return link(part, part)
        if part.startswith("arXiv:"):
            return link(f"https://arxiv.org/abs/{part[6:]}", part)
        if part in papers():
            name, title, address = papers()[part]
            return link(address, name, title) if address else f'<cite title="{escape(title)}">{escape(name)}</cite>'
        return self._explain(part, seen)

    def _explain(self, text: str, seen: set[str]) -> str:
        text = typeset(text)
        out, at = [], 0
        for match in pattern().finditer(text):
            if match[0] in seen:
                continue
            seen.add(match[0])
            button = self._button(match[0], entry_of(match[0]))
            before = text[at : match.start()]
            opening = before[-1:] if before.endswith(("(", "[", "'")) else ""
            closing = _CLOSING.match(text, match.end())
            at = closing.end() if closing else match.end()
            glued = f"{escape(opening)}{button}{escape(text[match.end() : at])}"
            out.append(_hold_together(escape(before.removesuffix(opening))))
            out.append(button if glued == button else f'<span class="glued">{glued}</span>')
        return "".join([*out, _hold_together(escape(text[at:]))])

    def name(self, text: str) -> str:
        """A cell of a table as HTML: a button where all of it is a term, else the text as it is."""
        term = term_of(text)
        return escape(text) if term is None else self._button(text, term)

    def verdict(self, text: str, status: str) -> str:
        """A badge as HTML: a button that opens what its status means."""
        return self._button(text, {"info": "note"}.get(status, status))

    def _button(self, name: str, term: str) -> str:
        """``name``, which is a ``term`` or has one before its last parts, as a button that opens the definition."""
        anchor = self.used.setdefault(term, f"term-{len(self.used)}")
        return f'<button type="button" class="term" popovertarget="{anchor}">{escape(name)}</button>'


def _hold_together(text: str) -> str:
    r"""``text`` whose lines do not break between a number and its sign.

    >>> ascii(_hold_together("25 % of p = 0.01, \u00b1 0.2"))
    "'25\\xa0% of p\\xa0=\\xa00.01, \\xb1\\xa00.2'"
    """
    return HELD.sub("\N{NO-BREAK SPACE}", text)


def words(text: str) -> str:
    """A command as HTML whose lines break between words alone, not after the hyphens of an option.

    >>> words("repair -o x.npy")
    '<span class="word">repair</span> <span class="word">-o</span> <span class="word">x.npy</span>'
    """
    return " ".join(f'<span class="word">{escape(word)}</span>' for word in text.split(" "))


def link(address: str, text: str, title: str = "") -> str:
    """A link that opens outside of the report."""
    about = f' title="{escape(title)}"' if title else ""
    return f'<a href="{escape(address)}" rel="noreferrer noopener"{about}>{escape(text)}</a>'


def link_licences(text: str) -> str:
    """``text`` with addresses, arXiv numbers and SPDX names of licences as links.

    >>> link_licences("MIT, by hand")
    '<a href="https://spdx.org/licenses/MIT.html" rel="noreferrer noopener">MIT</a>, by hand'
    """
    out = []
    for i, part in enumerate(re.split(f"({_ADDRESS}|{_ARXIV})", text)):
        if i % 2:
            out.append(link(part if part.startswith("http") else f"https://arxiv.org/abs/{part[6:]}", part))
            continue
        for k, piece in enumerate(_LICENCE.split(part)):
            out.append(link(f"{SPDX}{piece}.html", piece) if k % 2 else escape(piece))
    return "".join(out)
