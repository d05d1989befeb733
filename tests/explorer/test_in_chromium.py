"""The page in real headless Chromium without a graphics card: points are drawn, search finds, findings select."""

from __future__ import annotations

import functools
import http.server
import io
import json
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.reports.browser.conftest import FLAGS, Browser

from embedscope.core.progress import Silent
from embedscope.explorer.explore import explore
from embedscope.explorer.serving import export, serve
from embedscope.explorer.table import Exploration

pytest.importorskip("embedding_atlas", reason="needs the extra explore")
pytest.importorskip("PIL", reason="needs the extra images")

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

DRAWING = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
COPIES, ZEBRAS = 40, 7
SHOWN = "(document.body.innerText.match(/([\\d,]+) \\/ ([\\d,]+) points/) || []).slice(1).join(' of ')"
FINDING = "[...document.querySelectorAll('button')].find(b => b.innerText.startsWith('copies:'))"


def table(path: Path, n: int, d: int) -> Path:
    """Vectors around a mean with texts and languages; the first rows are copies, every text names its row."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)).astype(np.float32) + 1
    x[:COPIES] = x[0]
    texts = [f"text {i} about {'zebra' if i % (n // ZEBRAS) == 3 else 'horse'}" for i in range(n)]
    columns = {
        "id": [f"d{i}" for i in range(n)],
        "text": texts,
        "language": ["en" if i % 3 else "fr" for i in range(n)],
    }
    pq.write_table(pa.table({**columns, "vectors": list(x)}), path)
    return path


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    flags = tuple(flag for flag in FLAGS if flag != "--disable-gpu") + DRAWING
    started = Browser(program, tmp_path_factory.mktemp("atlas") / "profile", flags)
    yield started
    started.close()


def served(shown: Exploration) -> str:
    """Address of the page, served by a thread of this process until it ends."""
    found: list[str] = []
    threading.Thread(target=serve, args=(shown, 0, Silent(), found.append), daemon=True).start()
    end = time.monotonic() + 120
    while not found:
        assert time.monotonic() < end
        time.sleep(0.05)
    return found[0]


def coloured(browser: Browser, path: Path) -> int:
    """Pixels of the map in a saturated colour: points, since everything else there is grey or white."""
    from PIL import Image

    browser.picture(path)
    box = browser.run(
        "(() => { const r = [...document.querySelectorAll('canvas')].map(c => c.getBoundingClientRect())"
        ".sort((a, b) => b.width * b.height - a.width * a.height)[0]; return [r.left, r.top, r.right, r.bottom] })()"
    )
    with Image.open(io.BytesIO(path.read_bytes())) as picture:
        pixels = np.asarray(picture.convert("RGB").crop([int(v) for v in box])).astype(int)
    pixels = pixels[60:-40, :-200]  # without the legend and the controls
    return int(((pixels.max(axis=2) - pixels.min(axis=2)) > 60).sum())


def look(browser: Browser, address: str, n: int, folder: Path, seconds: float) -> None:
    """Points are drawn, a search finds every text with a word, a click on a finding selects its rows."""
    browser.open(address, 1400, 1000)
    browser.wait("document.querySelectorAll('canvas').length > 0", seconds)
    browser.wait(f"{SHOWN} === '{n:,} of {n:,}'", seconds)
    end = time.monotonic() + seconds
    while coloured(browser, folder / "map.png") < 1000:
        assert time.monotonic() < end, "no points are seen"
        time.sleep(0.5)
    browser.run("document.querySelector('button[aria-label=Search]').click()")
    browser.wait("document.querySelector('input[type=search], input[placeholder*=earch]') !== null", seconds)
    browser.run("document.querySelector('input[type=search], input[placeholder*=earch]').focus()")
    browser.call("Input.insertText", text="zebra")
    browser.wait("(document.body.innerText.match(/about zebra/g) || []).length >= 3", seconds)
    browser.run(f"{FINDING}.click()")
    browser.wait(f"{SHOWN} === '{COPIES} of {n:,}'", seconds)
    browser.picture(folder / "selected.png")
    asked = [url for url in browser.requests() if not url.startswith(("data:", "blob:", address))]
    assert asked == [], "everything comes from the page itself"


def test_points_are_drawn_search_finds_and_a_finding_selects_its_rows(drawing: Browser, tmp_path: Path) -> None:
    shown = explore(str(table(tmp_path / "t.parquet", 700, 8)))
    look(drawing, served(shown), 700, tmp_path, 60)


def test_the_page_says_what_a_browser_lacks(drawing: Browser, tmp_path: Path) -> None:
    from embedscope.explorer.serving import _NOTE

    page = tmp_path / "page.html"
    hidden = "<script>HTMLCanvasElement.prototype.getContext = () => null; delete Navigator.prototype.gpu</script>"
    page.write_text(f"<!doctype html><html><head>{hidden}{_NOTE}</head><body></body></html>")
    drawing.open(page)
    drawing.wait("document.getElementById('embedscope-note') !== null", 10)
    assert "WebGL 2" in drawing.run("document.getElementById('embedscope-note').innerText")
    page.write_text(f"<!doctype html><html><head>{_NOTE}</head><body></body></html>")
    drawing.open(page)
    time.sleep(0.2)
    assert drawing.run("document.getElementById('embedscope-note')") is None


def test_the_exported_folder_holds_rows_and_findings(tmp_path: Path) -> None:
    shown = explore(str(table(tmp_path / "t.parquet", 60, 4)))
    folder = export(shown, tmp_path / "page", Silent())
    metadata = json.loads((folder / "data" / "metadata.json").read_text())
    assert metadata["isStatic"] is True
    charts = metadata["props"]["initialState"]["charts"].values()
    items = [item for chart in charts if chart.get("type") == "predicates" for item in chart["items"]]
    assert f"copies: equal to another row ({COPIES} rows)" in {item["name"] for item in items}
    assert pq.read_table(folder / "data" / "dataset.parquet").num_rows == 60
    assert "embedscope-note" in (folder / "index.html").read_text()


def test_the_server_answers_on_this_machine_alone(tmp_path: Path) -> None:
    address = served(explore(str(table(tmp_path / "t.parquet", 50, 4))))
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(address + "data/metadata.json") as answer:
        assert json.load(answer)["props"]["data"]["text"] == "text"


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_a_hundred_thousand_rows(drawing: Browser, tmp_path: Path) -> None:
    shown = explore(str(table(tmp_path / "t.parquet", 100_000, 24)))
    look(drawing, served(shown), 100_000, tmp_path, 900)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_exported_page_works_from_any_web_server(drawing: Browser, tmp_path: Path) -> None:
    folder = export(explore(str(table(tmp_path / "t.parquet", 700, 8))), tmp_path / "page", Silent())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        look(drawing, f"http://127.0.0.1:{server.server_address[1]}/", 700, tmp_path, 300)
        server.shutdown()
