"""Docstrings as the site shows them: doctests become code blocks, and roles of Sphinx become plain code."""

from __future__ import annotations

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^(?:>>> .*\n?)(?:.+\n?)*", re.M)
_PARAMETER = re.compile(r"^(\w[\w, *]*) : (.*)$", re.M)
_ROLE = re.compile(r":(?:mod|class|func|meth|data):`~?([^`]+)`")


def readable(text: str) -> str:
    """``text`` with every doctest fenced, and of ``parameter : meaning`` the meaning as text.

    >>> readable("Double.\\n\\n>>> f(1)\\n2")
    'Double.\\n\\n```pycon\\n>>> f(1)\\n2\\n```\\n'
    """
    fenced = _DOCTEST.sub(lambda match: f"```pycon\n{match[0].rstrip()}\n```\n", text)
    return _ROLE.sub(r"`\1`", _PARAMETER.sub(r"\1\n    \2", fenced))


class Readable(griffe.Extension):
    """Applies ``readable`` to every docstring that griffe collects."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of ``obj`` in place."""
        if obj.docstring:
            obj.docstring.value = readable(obj.docstring.value)
