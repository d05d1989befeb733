"""Docstrings as the site shows them: doctests become code blocks, and roles of Sphinx become plain code."""

from __future__ import annotations

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^(?:>>> .*\n?)(?:.+\n?)*", re.M)
_ENTRY = re.compile(r"^(\w[\w, *]*) : (.*)((?:\n    .*)*)", re.M)
_ROLE = re.compile(r":(?:mod|class|func|meth|data):`~?([^`]+)`")


def readable(text: str) -> str:
    """``text`` with every doctest fenced, and of ``parameter : meaning`` the meaning as text.

    >>> readable("Double.\\n\\n>>> f(1)\\n2")
    'Double.\\n\\n```pycon\\n>>> f(1)\\n2\\n```\\n'
    """
    fenced = _DOCTEST.sub(lambda match: f"```pycon\n{match[0].rstrip()}\n```\n", text)
    return _ROLE.sub(r"`\1`", _ENTRY.sub(_one_by_one, fenced))


def _one_by_one(entry: re.Match[str]) -> str:
    """Every parameter of ``a, b : meaning`` as an entry of its own, so that each shows its own type."""
    return "\n".join(f"{name.strip()}\n    {entry[2]}{entry[3]}" for name in entry[1].split(","))


class Readable(griffe.Extension):
    """Applies ``readable`` to every docstring that griffe collects."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of ``obj`` in place."""
        if obj.docstring:
            obj.docstring.value = readable(obj.docstring.value)
