"""The report in real headless Chromium: no errors, no requests, figures seen, tables sort, keys work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embedscope.core.result import Result
from embedscope.reports import write_html

pytest.importorskip("jinja2", reason="needs the extra report")
pytestmark = pytest.mark.browser

BOXES = """[...document.querySelectorAll('figure')].map(f => [...f.querySelectorAll('.plot > svg')]
  .map(s => s.getBoundingClientRect()).filter(r => r.width > 100 && r.height > 80).length)"""
COLUMN = """[...document.querySelector('table.sortable').tBodies[0].rows].map(r => r.cells[1].textContent)"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, sample_result: Result) -> Path:
    return write_html(sample_result, tmp_path_factory.mktemp("page") / "report.html")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (800, False), (390, False)])
def test_loads_clean_and_every_figure_is_seen_once(browser, report: Path, width: int, dark: bool) -> None:
    browser.open(report, width, dark=dark)
    assert browser.run(BOXES) == [1] * 10
    assert browser.run("document.documentElement.scrollWidth") <= width
    background = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(20, 23, 26)") is dark
    curve = browser.run(
        "Math.max(...[...document.querySelectorAll('.series .line')].map(e => e.getBoundingClientRect().width))"
    )
    assert curve > 20
    assert browser.problems() == []
    assert all(url.startswith(("file:", "data:")) for url in browser.requests())


def test_results_of_measure_load_clean(browser, tmp_path: Path, plain_result: Result) -> None:
    browser.open(write_html(plain_result, tmp_path / "plain.html"))
    assert set(browser.run(BOXES)) == {1}
    assert browser.problems() == []


def test_tables_sort_by_keyboard(browser, report: Path) -> None:
    browser.open(report)
    original = browser.run(COLUMN)
    browser.run("document.querySelectorAll('table.sortable th button')[1].focus()")
    state = "document.querySelectorAll('table.sortable th')[1].getAttribute('aria-sort')"
    browser.press("Enter")
    assert browser.run(state) == "ascending"
    assert browser.run(COLUMN) == sorted(original, key=float)
    assert browser.run("document.activeElement.className") == "sort"
    browser.press(" ")
    assert browser.run(state) == "descending"
    assert browser.run(COLUMN) == sorted(original, key=float, reverse=True)
    browser.press("Enter")
    assert (browser.run(state), browser.run(COLUMN)) == ("none", original)


def test_empty_cells_sort_last_both_ways(browser, report: Path) -> None:
    browser.open(report)
    for _ in range(2):
        browser.run("document.querySelectorAll('table.sortable th button')[2].click()")
        cells = browser.run(
            "[...document.querySelector('table.sortable').tBodies[0].rows].map(r => r.cells[2].innerText)"
        )
        assert cells[-3:] == ["\N{EN DASH}"] * 3


def test_legend_hides_a_curve_in_all_charts_of_its_section(browser, report: Path) -> None:
    browser.open(report)
    browser.run("document.querySelector('#section-1 button.key').focus()")
    browser.press("Enter")
    seen = (
        "[...document.querySelectorAll('#section-1 .plot.third [data-series=\"0\"].series')]"
        ".map(g => getComputedStyle(g).display)"
    )
    assert browser.run(seen) == ["none"] * 5
    assert browser.run("document.querySelector('#section-1 button.key').ariaPressed") == "false"
    browser.press("Enter")
    assert browser.run(seen) == ["inline"] * 5


def test_arrow_keys_read_values(browser, report: Path, sample_result: Result) -> None:
    browser.open(report)
    browser.run("document.querySelector('#section-0 .plot.half .probe').focus({focusVisible: true})")
    browser.press("ArrowRight")
    browser.press("ArrowRight")
    words = browser.run("document.activeElement.getAttribute('aria-valuetext')")
    value = sample_result.value(source="minilm", space="layer02", metric="self_similarity")
    assert words.startswith("layer 2: ")
    assert f"minilm plain {value:.2f}" in words or f"minilm plain {value:.3f}" in words
    readout = "document.querySelector('#section-0 .plot.half .readout')"
    assert browser.run(f"{readout}.hidden") is False
    assert browser.run(f"{readout}.getBoundingClientRect().height") > 50
    browser.press("Escape")
    assert browser.run(f"{readout}.hidden") is True


def test_records_are_built_when_opened_and_can_be_filtered(browser, report: Path, sample_result: Result) -> None:
    browser.open(report)
    assert browser.run("document.querySelectorAll('#records-body table').length") == 0
    browser.run("document.querySelector('#records-details').open = true, 1")
    browser.wait("document.querySelector('#records-body table') !== null")
    assert browser.run("document.querySelectorAll('#records-body tbody tr').length") == 100
    browser.run(
        "(() => { const s = document.querySelector('.filters input'); s.value = 'simverb3500';"
        " s.dispatchEvent(new Event('input')); })()"
    )
    count = len(sample_result.select(metric="simverb3500"))
    assert browser.run("document.querySelector('.pager p').textContent") == f"1 to 100 of {count}"
    assert browser.problems() == []


def test_embedded_result_unpacks_to_the_saved_one(browser, report: Path, sample_result: Result) -> None:
    browser.open(report)
    text = browser.run(
        "(async () => { const b = Uint8Array.from(atob(document.getElementById('packed-json').textContent),"
        " c => c.charCodeAt(0)); return new Response(new Blob([b]).stream().pipeThrough("
        "new DecompressionStream('gzip'))).text(); })()"
    )
    assert json.loads(text) == json.loads(sample_result.to_json())


def test_theme_button_goes_round(browser, report: Path) -> None:
    browser.open(report)
    browser.run("localStorage.removeItem('embedscope-theme')")
    browser.open(report)
    seen = []
    for _ in range(3):
        browser.run("document.getElementById('theme').click()")
        seen.append(browser.run("document.documentElement.dataset.theme ?? 'auto'"))
    assert seen == ["light", "dark", "auto"]


def test_prints_without_controls_and_with_details_open(browser, report: Path) -> None:
    browser.open(report, media="print", dark=True)
    shown = "[...document.querySelectorAll('.bar, #theme, .downloads, .values')].map(e => getComputedStyle(e).display)"
    assert set(browser.run(shown)) == {"none"}
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("[...document.querySelectorAll('.finding details')].every(d => d.open)") is True
    assert browser.run("getComputedStyle(document.body).color") == "rgb(29, 34, 39)"
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run("[...document.querySelectorAll('.finding details')].some(d => d.open)") is False
    assert browser.printed().startswith(b"%PDF")


def test_controls_have_names(browser, report: Path) -> None:
    browser.open(report)
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    named = {"button", "link", "slider", "image", "figure", "table", "navigation", "combobox"}
    for node in tree:
        if not node["ignored"] and node.get("role", {}).get("value") in named:
            assert node.get("name", {}).get("value"), node
    roles = {n.get("role", {}).get("value") for n in tree}
    assert {"main", "navigation", "banner", "slider"} <= roles
