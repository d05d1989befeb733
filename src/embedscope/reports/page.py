"""One self-contained HTML file of a result: no network, no fonts from elsewhere, scripts and styles by their hash."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from embedscope.core.atomic import write_text
from embedscope.core.extras import require
from embedscope.core.result import Result
from embedscope.reports.content import page_content
from embedscope.reports.numbers import arrows
from embedscope.reports.prose import Prose, link_licences, words

_HEAD_SCRIPT = "theme.js"
_SCRIPTS = ("tables.js", "charts.js", "records.js")
_STYLES = ("report.css", "charts.css", "print.css")


def write_html(result: Result, path: str | Path) -> Path:
    """Write ``render_html(result)`` to ``path``, atomically, and return the path."""
    target = Path(path)
    write_text(target, render_html(result))
    return target


def render_html(result: Result) -> str:
    """The report of ``result`` as HTML text; the same text for the same result.

    Needs the extra ``report``; raises ``MissingExtraError`` without jinja2. The exact ``result.json`` and CSV travel
    in the page (gzip, base64) and can be saved from it.
    """
    jinja2 = require("jinja2", "report", "an HTML report")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: arrows(value) if type(value) is str else value,
    )
    environment.filters["data_block"] = lambda value: jinja2.utils.markupsafe.Markup(data_block(value))
    trusted = jinja2.utils.markupsafe.Markup
    glossary = Prose()
    environment.filters["prose"] = lambda text: trusted(glossary(text))
    environment.filters["verdict"] = lambda text, status: trusted(glossary.verdict(text, status))
    environment.filters["name"] = lambda text: trusted(glossary.name(text))
    environment.filters["licensed"] = lambda text: trusted(link_licences(text))
    environment.filters["words"] = lambda text: trusted(words(text))
    environment.filters["remedy"] = lambda actions: trusted(glossary.remedy(actions))
    style = "\n".join(_template(name) for name in _STYLES)
    early, late = _template(_HEAD_SCRIPT), "\n".join(_template(name) for name in _SCRIPTS)
    text: str = environment.get_template("report.html.j2").render(
        policy=policy(scripts=(early, late), styles=(style,)),
        style=trusted(style),
        early_script=trusted(early),
        late_script=trusted(late),
        packed_json=pack(result.to_json()),
        packed_csv=pack(result.to_csv()),
        glossary=glossary,
        **page_content(result),
    )
    return text


def policy(scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """Content security policy that allows these inline scripts and styles and nothing else, above all no network."""
    script = " ".join(f"'sha256-{_digest(s)}'" for s in scripts)
    style = " ".join(f"'sha256-{_digest(s)}'" for s in styles)
    rest = "img-src data:; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src {script}; style-src {style}; {rest}"


def data_block(value: Any) -> str:
    r"""``value`` as JSON that is safe inside a script element.

    >>> data_block({"a": "</script>"})
    '{"a":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def pack(text: str) -> str:
    """``text`` as base64 of gzip, without a time stamp."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode("ascii")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _template(name: str) -> str:
    return (files("embedscope.reports") / "templates" / name).read_text(encoding="utf-8")
