"""The report in real headless Chromium: no errors, no requests, figures seen, tables sort, keys work."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from embedscope.core.document import Column, Document, Dot, DotRow, Dots, Figure, Headline, Series, Table
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
    browser.run("document.querySelector('#section-lead-0 .plot.half .probe').focus({focusVisible: true})")
    browser.press("ArrowRight")
    browser.press("ArrowRight")
    words = browser.run("document.activeElement.getAttribute('aria-valuetext')")
    value = sample_result.value(source="minilm", space="layer02", metric="self_similarity")
    assert words.startswith("layer 2: ")
    assert f"minilm plain {value:.2f}" in words or f"minilm plain {value:.3f}" in words
    readout = "document.querySelector('#section-lead-0 .plot.half .readout')"
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
    assert browser.print_pdf().startswith(b"%PDF")


def test_controls_have_names(browser, report: Path) -> None:
    browser.open(report)
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    named = {"button", "link", "slider", "image", "figure", "table", "navigation", "combobox"}
    for node in tree:
        if not node["ignored"] and node.get("role", {}).get("value") in named:
            assert node.get("name", {}).get("value"), node
    roles = {n.get("role", {}).get("value") for n in tree}
    assert {"main", "navigation", "banner", "slider"} <= roles


VERBS = ("measure", "pair", "diagnose", "evaluate", "repair", "check", "compare")
RIGHT_ENDS = """[...document.querySelectorAll('.lead figure svg, .brief')].map(e => e.getBoundingClientRect().right)"""
PAGE_END = "document.querySelector('.bar .wrap').getBoundingClientRect().right"
PANELS = """[...document.querySelectorAll('figure')].map(f => [...f.querySelectorAll('.plot > svg, svg.field')]
  .map(s => s.getBoundingClientRect()).filter(r => r.width > 100 && r.height > 60).length)"""
LEAKS = """[...document.querySelectorAll('figure svg text')].filter(t => {
  const b = t.getBoundingClientRect(), s = t.closest('svg').getBoundingClientRect();
  return b.width > 0 && (b.left < s.left - 6 || b.right > s.right + 8); }).map(t => t.textContent)"""
CONTRAST = """(() => {
  const light = c => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => { x /= 255; return x <= .03928 ? x / 12.92
    : ((x + .055) / 1.055) ** 2.4; }); return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  const seen = [...document.querySelectorAll('main p, main dd, main dt, main td, main th, main summary, figcaption')];
  return Math.min(...seen.filter(e => e.getClientRects().length).map(e => {
    const ink = light(getComputedStyle(e).color);
    return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05); })); })()"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The report of every verb on the bundled example."""
    import numpy as np

    from embedscope.comparison import compare
    from embedscope.datasets import example_files
    from embedscope.diagnosis import diagnose
    from embedscope.diagnosis.drift import drift
    from embedscope.evaluation.retrieval import retrieval
    from embedscope.geometry.measure import measure
    from embedscope.geometry.measure_pair import measure_pair
    from embedscope.repairs.repair import repair

    folder = tmp_path_factory.mktemp("verbs")
    example_files(folder)
    x = np.load(folder / "documents.npy")
    documents, queries, qrels = (str(folder / n) for n in ("documents.npy", "queries.npy", "qrels.tsv"))
    noise = np.random.default_rng(0).normal(size=x.shape)
    before, metrics = measure(documents), ["modality_gap", "paired_cosine", "unpaired_cosine", "recall", "isoscore"]
    results = {
        "measure": before,
        "pair": measure_pair(str(folder / "images.npy"), str(folder / "texts.npy"), metrics=metrics),
        "diagnose": diagnose(documents).result,
        "evaluate": retrieval(queries, documents, qrels),
        "repair": repair(documents, queries=queries, qrels=qrels, candidates="center,abtt:1")[1],
        "compare": compare(x, x @ np.linalg.qr(noise[: x.shape[1]])[0][:, :40]).result,
        "check": drift(before, measure((x + 0.35 * x.std() * noise).astype(x.dtype))).result,
    }
    return {name: write_html(result, folder / f"{name}.html") for name, result in results.items()}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_its_answer_and_charts_on_the_first_screen(browser, pages: dict[str, Path], verb: str) -> None:
    browser.open(pages[verb], 1400, 900)
    bottoms = browser.run(
        "[...document.querySelectorAll('.headline, .lead figure svg')].map(e => e.getBoundingClientRect())"
        ".filter(r => r.height > 0).map(r => r.bottom)"
    )
    assert len(bottoms) >= 2
    assert max(bottoms) <= 900
    assert browser.run(f"Math.max(...{RIGHT_ENDS})") > browser.run(PAGE_END) - 60, "no empty half"
    assert set(browser.run(PANELS)) == {1}
    assert browser.problems() == []


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("width", "dark"), [(1400, True), (390, False)])
def test_nothing_overflows_and_text_can_be_read(
    browser, pages: dict[str, Path], verb: str, width: int, dark: bool
) -> None:
    browser.open(pages[verb], width, 900, dark=dark)
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(LEAKS) == []
    assert browser.run(CONTRAST) >= 4.5
    assert set(browser.run(PANELS)) == {1}


def test_a_word_opens_its_meaning_by_keyboard(browser, pages: dict[str, Path]) -> None:
    browser.open(pages["diagnose"], 1400, 900)
    browser.run("document.querySelector('.term').focus()")
    browser.press("Enter")
    opened = "[...document.querySelectorAll('.gloss')].filter(e => e.matches(':popover-open')).map(e => e.textContent)"
    assert len(browser.run(opened)) == 1
    browser.press("Escape")
    assert browser.run(opened) == []


def test_rows_of_a_finding_are_listed(browser, pages: dict[str, Path]) -> None:
    browser.open(pages["diagnose"])
    assert browser.run("document.querySelectorAll('.finding.warning .rows dl > div').length") == 10
    assert "of 24 rows" in browser.run("document.querySelector('.finding.warning .rows summary').textContent")


@pytest.mark.parametrize("verb", VERBS)
def test_prints_within_the_page(browser, pages: dict[str, Path], verb: str) -> None:
    browser.open(pages[verb], 700, 990, media="print")
    assert browser.run("document.documentElement.scrollWidth") <= 700
    assert set(browser.run(PANELS)) == {1}
    intervals = "[...document.querySelectorAll('.interval')].filter(e => e.closest('.plot').getClientRects().length)"
    seen = f"{intervals}.map(e => getComputedStyle(e).display)"
    assert set(browser.run(seen)) <= {"inline"}
    assert (browser.run(f"{intervals}.length") > 0) is (verb in ("pair", "evaluate", "repair", "check", "compare"))
    assert browser.print_pdf().startswith(b"%PDF")


def test_a_long_dot_plot_stands_after_the_other_chart(browser, tmp_path: Path) -> None:
    rows = tuple(DotRow(f"candidate {i}", (Dot(0, 0.1 * i, 0.1 * i - 0.1, 0.1 * i + 0.1),)) for i in range(30))
    long = Dots("long", "Every candidate", "score", rows)
    curve = Figure("curve", "A curve", "x", "y", (Series("a", (0.0, 1.0), (0.5, 0.7)),))
    document = Document("d", dots=(long,), figures=(curve,), headline=Headline("The answer.", charts=("long", "curve")))
    page = write_html(Result((), document=document), tmp_path / "long.html")
    tops = "[...document.querySelectorAll('.lead h4')].map(e => [e.textContent, e.getBoundingClientRect().top])"
    for media in ("", "print"):
        browser.open(page, 700 if media else 390, 990, media=media)
        placed = dict(browser.run(tops))
        assert placed["A curve"] < placed["Every candidate"]


def test_no_printed_page_ends_with_a_heading_wherever_it_falls(browser, tmp_path: Path) -> None:
    """ "Wall time" and "Hardware" stood at the foot of a page, and what they head on the next."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext reads the pages; it is not installed")
    provenance = {
        "command": "embedscope measure x.npy",
        "wall_seconds": {f"phase {i}": 1.0 + i for i in range(6)},
        "versions": {f"package {i}": f"{i}.0" for i in range(12)},
        "hardware": {"machine": "x86_64", "cores": 2, "system": "Linux", "processor": "none"},
    }
    headings = {"Wall time", "Versions", "Hardware", "Provenance", "Tables", "Settings", "Data"}
    feet = []
    for n in range(22, 46, 2):
        table = Table("t", "T", (Column("name"),), tuple((f"row {i}",) for i in range(n)))
        page = write_html(Result((), provenance, Document("t", tables=(table,))), tmp_path / "page.html")
        browser.open(page, media="print")
        (tmp_path / "page.pdf").write_bytes(browser.print_pdf())
        read = ["pdftotext", "-raw", "page.pdf", "-"]
        text = subprocess.run(read, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        sheets = [[line.strip() for line in sheet.splitlines() if line.strip()] for sheet in text.split("\f")]
        feet += [sheet[-1] for sheet in sheets if sheet]
    assert len(feet) > 20
    assert not headings & set(feet)
