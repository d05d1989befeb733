"""The HTML file: complete in itself, escaped, with the exact result inside."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from embedscope.core.document import Column, Document, Figure, Finding, Series, Skipped, Table
from embedscope.core.errors import MissingExtraError
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.reports import render_html, write_html

pytest.importorskip("jinja2", reason="needs the extra report")

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}"
VOID = {"meta", "link", "input", "br", "img"}


class Page(HTMLParser):
    """Elements with their attributes, texts of scripts and styles; checks that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, dict[str, str | None], str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag in {"script", "style"}:
            self.raw.append((tag, dict(attrs), ""))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] in {"script", "style"}:
            tag, attrs, text = self.raw[-1]
            self.raw[-1] = (tag, attrs, text + data)


@pytest.fixture(scope="module")
def page(sample_result: Result) -> Page:
    return Page(render_html(sample_result))


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for tag, attributes in page.elements:
        assert "src" not in attributes
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag == "link":
            assert str(attributes["href"]).startswith("data:")
    assert not any("@import" in text or "url(" in text for tag, _, text in page.raw if tag == "style")


def test_policy_allows_exactly_the_scripts_and_styles_of_the_page(page: Page) -> None:
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    code = [text for tag, attributes, text in page.raw if tag == "style" or "type" not in attributes]
    wanted = {base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in code}
    assert set(re.findall(r"sha256-([^']+)", policy)) == wanted
    assert len(code) == 3


def test_ids_are_unique_and_references_exist(page: Page) -> None:
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(str(attributes.get(name, "")).split()) <= set(ids)
        if str(attributes.get("href", "")).startswith("#"):
            assert str(attributes["href"])[1:] in ids


def test_exact_result_and_csv_are_inside(page: Page, sample_result: Result) -> None:
    packed = {a["id"]: gzip.decompress(base64.b64decode(t)).decode() for _, a, t in page.raw if "id" in a}
    assert packed["packed-json"] == sample_result.to_json()
    assert packed["packed-csv"] == sample_result.to_csv()


def test_findings_come_before_figures_tables_and_provenance(sample_result: Result) -> None:
    text = render_html(sample_result)
    parts = ["findings", "figures", "tables", "records", "skipped", "provenance", "sources"]
    places = [text.index(f'<section class="wrap" id="{part}"') for part in parts]
    assert places == sorted(places)
    for shown in ("2 agree<", "1 deviates<", "Table 1, rows 1 and 2", "0.09 (0)", "1 min 36 s"):
        assert shown in text


def test_same_result_same_bytes_and_file_is_written(tmp_path: Path, sample_result: Result) -> None:
    path = write_html(sample_result, tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8") == render_html(sample_result)


def test_saved_result_gives_the_same_page(tmp_path: Path, sample_result: Result) -> None:
    sample_result.to_json(tmp_path / "result.json")
    assert render_html(Result.from_json(tmp_path / "result.json")) == render_html(sample_result)


def test_everything_is_escaped() -> None:
    document = Document(
        EVIL,
        EVIL,
        (Finding(EVIL, "deviates", EVIL, EVIL, EVIL),),
        (Table(EVIL, EVIL, (Column(EVIL, None, EVIL), Column("n published")), ((EVIL, 1),), EVIL),),
        (Figure(EVIL, EVIL, EVIL, EVIL, (Series(EVIL, (0, 1), (0.1, 0.2), group=EVIL),), EVIL, None, EVIL),),
        (Skipped(EVIL, EVIL),),
        (EVIL, f"https://a.org/{EVIL}"),
    )
    provenance = {"command": EVIL, "models": {EVIL: {EVIL: EVIL}}, "settings": {EVIL: [EVIL]}, EVIL: {"a": [{}]}}
    page = Page(render_html(Result((Record(EVIL, EVIL, 1.0, note=EVIL),), provenance, document)))
    assert not any(tag == "img" for tag, _ in page.elements)
    assert len([1 for tag, a, _ in page.raw if tag == "script" and "type" not in a]) == 2
    assert not any("49" in text for text in [a.get("title", "") or "" for _, a in page.elements])


def test_results_without_document_or_provenance_or_records(plain_result: Result) -> None:
    assert "Geometry of minilm, smollm2" in render_html(plain_result)
    assert "A result without records" in render_html(Result(()))


def test_figure_without_defined_values_says_so() -> None:
    figure = Figure("f", "F", "layer", "y", (Series("a", (0, 1), (None, None)),))
    assert "No value is defined here." in render_html(Result((), document=Document("t", figures=(figure,))))


def test_missing_jinja_gives_the_install_line(monkeypatch: pytest.MonkeyPatch, sample_result: Result) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == "jinja2"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Absent(), *sys.meta_path])
    with pytest.raises(MissingExtraError, match=r'an HTML report needs .* pip install "embedscope\[report\]"'):
        render_html(sample_result)


class _Absent:
    """An import system where jinja2 is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name == "jinja2":
            raise ModuleNotFoundError("No module named 'jinja2'", name="jinja2")


def test_tables_have_true_signs_and_intervals_on_one_line() -> None:
    heads = (Column("what"), Column("difference", 3), Column("95 % interval"))
    document = Document("a -> b", tables=(Table("t", "T", heads, (("x", -0.25, "-0.300 to -0.200"),)),))
    text = render_html(Result((), document=document))
    assert '<td class="span">\u22120.300 to \u22120.200</td>' in text
    assert ">\u22120.250</td>" in text and 'data-key="-0.25"' in text
    assert '<h1 id="title">a \u2192 b</h1>' in text


def test_findings_stand_beside_one_chart_and_not_beside_two() -> None:
    curves = tuple(Figure(f"f{i}", f"F{i}", "x", "y", (Series("a", (0.0, 1.0), (0.5, 0.7)),)) for i in range(2))
    findings = (Finding("One thing."), Finding("Another."))
    for figures, beside in ((curves[:1], True), (curves, False)):
        text = render_html(Result((), document=Document("d", findings=findings, figures=figures)))
        assert ('aria-label="Findings in short"' in text) is beside


def test_what_a_model_card_holds_stands_on_lines_of_its_own() -> None:
    facts = {"name": "m", "policies": {"padding": "right; masked where seen", "native": [1, 1]}}
    text = render_html(Result((), provenance={"models": {"m": facts}}))
    assert "<dt>padding</dt><dd>right; masked where seen</dd>" in text and "{&#34;" not in text


def test_provenance_has_no_empty_field_and_no_number_of_sixteen_digits() -> None:
    settings = {"ways": [], "objective": None, "cosine": 0.6471417585096165, "nested": {"a": [{"b": 1 / 3}]}, "n": 200}
    text = render_html(Result((), provenance={"settings": settings, "seed": 0}))
    section = text[text.index('aria-label="Settings"') :].partition("</section>")[0]
    shown = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", section)
    assert dict(shown)["cosine"] == "0.6471" and dict(shown)["n"] == "200" and dict(shown)["ways"] == "none"
    assert len(shown) == 5 and all(value for _, value in shown) and not re.search(r"\d\.\d{7}", section)


def test_names_of_rows_open_their_meaning_in_a_table() -> None:
    table = Table("t", "T", (Column("metric"), Column("value", 3)), (("isoscore.best", 0.5), ("my own", 0.25)))
    text = render_html(Result((), document=Document("d", tables=(table,))))
    assert re.search(r'<th scope="row"><button [^>]*class="term"[^>]*>isoscore\.best</button></th>', text)
    assert '<th scope="row">my own</th>' in text and re.search(r"popover><b>isoscore</b>", text)


def test_a_legend_says_no_name_twice() -> None:
    """The name of a group stands before several curves, or before one whose label does not hold it."""
    curves = (("a within", "a, within"), ("next_token", "next token"), ("isotonic", "held-out pairs"))
    series = tuple(Series(label, (0.0, 1.0), (0.5, 0.7), group=group) for group, label in curves)
    text = render_html(Result((), document=Document("d", figures=(Figure("f", "F", "x", "y", series),))))
    assert re.findall(r'class="group-name c\d">([^<]*)<', text) == ["isotonic"]


def test_line_charts_without_a_curve_in_common_have_a_legend_each() -> None:
    """One legend over both named curves that the chart below it did not have."""
    one, two = (Series(name, (0.0, 1.0), (0.1, 0.2)) for name in ("unrelated pairs", "held-out pairs"))
    diagonal = Series("as predicted", (0.0, 1.0), (0.0, 1.0), kind="reference")
    figures = (Figure("a", "A", "x", "y", (one,)), Figure("b", "B", "x", "y", (two, diagonal)))
    apart = render_html(Result((), document=Document("t", figures=figures)))
    together = render_html(
        Result((), document=Document("t", figures=(figures[0], replace(figures[1], series=(one, two)))))
    )
    assert apart.count('aria-label="Curves of') == 2 and together.count('aria-label="Curves of') == 1
