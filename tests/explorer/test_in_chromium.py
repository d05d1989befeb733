"""The page in real headless Chromium without a graphics card: points are drawn, search finds, findings select."""

from __future__ import annotations

import functools
import http.server
import io
import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.reports.browser.conftest import FLAGS, Browser

from embedscope.core.errors import InputError
from embedscope.core.progress import Silent
from embedscope.explorer.explore import explore
from embedscope.explorer.serving import export, serve
from embedscope.explorer.table import Exploration

pytest.importorskip("embedding_atlas", reason="needs the extra explore")
pytest.importorskip("PIL", reason="needs the extra images")

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

DRAWING = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
COPIES, ZEBRAS = 40, 7
SHOWN = "((document.body?.innerText ?? '').match(/([\\d,]+) \\/ ([\\d,]+) points/) || []).slice(1).join(' of ')"
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


def serve_page(shown: Exploration) -> str:
    """Address of the page, served by a thread of this process until it ends."""
    found: list[str] = []
    threading.Thread(target=serve, args=(shown, 0, Silent(), found.append), daemon=True).start()
    end = time.monotonic() + 120
    while not found:
        assert time.monotonic() < end
        time.sleep(0.05)
    return found[0]


def count_coloured(browser: Browser, path: Path) -> int:
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
    while count_coloured(browser, folder / "map.png") < 1000:
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
    look(drawing, serve_page(shown), 700, tmp_path, 60)


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
    address = serve_page(explore(str(table(tmp_path / "t.parquet", 50, 4))))
    assert address.startswith("http://127.0.0.1:")
    with urllib.request.urlopen(address + "data/metadata.json") as answer:
        assert json.load(answer)["props"]["data"]["text"] == "text"


@pytest.mark.soak
@pytest.mark.timeout(3000)
def test_a_hundred_thousand_rows(drawing: Browser, tmp_path: Path) -> None:
    shown = explore(str(table(tmp_path / "t.parquet", 100_000, 24)))
    look(drawing, serve_page(shown), 100_000, tmp_path, 900)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_the_exported_page_works_from_any_web_server(drawing: Browser, tmp_path: Path) -> None:
    folder = export(explore(str(table(tmp_path / "t.parquet", 700, 8))), tmp_path / "page", Silent())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        look(drawing, f"http://127.0.0.1:{server.server_address[1]}/", 700, tmp_path, 300)
        server.shutdown()


def models(folder: Path, n: int = 60, d: int = 6) -> tuple[str, str, np.ndarray]:
    """Word vectors as a model of texts, its words as texts, and the vectors."""
    x = np.random.default_rng(3).normal(size=(n, d))
    words = [f"word{i}" for i in range(n)]
    rows = [" ".join([word, *(f"{v:.6f}" for v in row)]) for word, row in zip(words, x, strict=True)]
    (folder / "words.txt").write_text(f"{n} {d}\n" + "\n".join(rows) + "\n")
    (folder / "texts.txt").write_text("\n".join(words) + "\n")
    return f"gensim:{folder / 'words.txt'}", str(folder / "texts.txt"), x


def ask(address: str, **sent: object) -> tuple[int, dict]:
    request = urllib.request.Request(
        address + "ask", json.dumps(sent).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def nearest(x: np.ndarray, row: int, k: int = 10) -> list[int]:
    """The rows nearest to ``row``, itself first."""
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return np.argsort(-(unit @ unit[row]), kind="stable")[:k].tolist()


def test_a_typed_query_finds_its_nearest_rows_and_selects_them(drawing: Browser, tmp_path: Path) -> None:
    uri, texts, x = models(tmp_path)
    address = serve_page(explore(uri, texts=texts))
    drawing.open(address, 1400, 900)
    drawing.wait("document.querySelectorAll('canvas').length > 0", 60)
    drawing.run("document.querySelector('#embedscope-bar input[name=query]').value = 'word7'")
    drawing.run("document.querySelector('#embedscope-bar form').requestSubmit()")
    drawing.wait("document.querySelectorAll('#embedscope-found li').length === 10", 30)
    listed = drawing.run("[...document.querySelectorAll('#embedscope-found li')].map(l => l.innerText)")
    assert [int(text.split("word")[1].split()[0]) for text in listed] == nearest(x, 7)
    assert listed[0].startswith("1.000")
    drawing.run("[...document.querySelectorAll('#embedscope-found button')].pop().click()")
    drawing.wait(f"{SHOWN} === '10 of 60'", 60)
    drawing.run("document.querySelector('#embedscope-bar input[name=query]').value = 'nothing'")
    drawing.run("document.querySelector('#embedscope-bar form').requestSubmit()")
    drawing.wait("document.querySelector('#embedscope-found')?.innerText.includes('no vector')", 30)


def test_a_query_of_vectors_is_embedded_by_the_model_that_is_named(tmp_path: Path) -> None:
    uri, _, x = models(tmp_path)
    np.save(tmp_path / "x.npy", x)
    address = serve_page(explore(str(tmp_path / "x.npy"), query_model=uri))
    _, found = ask(address, query="word3", space=0)
    assert [int(row["id"]) for row in found["rows"]] == nearest(x, 3)
    np.save(tmp_path / "wide.npy", np.ones((5, 7)))
    with pytest.raises(InputError, match="6 dimensions, the rows have 7"):
        explore(str(tmp_path / "wide.npy"), query_model=uri)
    for sent in ({}, {"query": "word3", "space": 1}, {"query": "word3", "space": "x"}):
        assert ask(address, **sent)[0] == 400


def test_without_a_model_there_is_no_field_for_queries(tmp_path: Path) -> None:
    shown = explore(str(table(tmp_path / "t.parquet", 50, 4)))
    with pytest.raises(InputError, match="--query-model"):
        shown.nearest("anything")
    with urllib.request.urlopen(serve_page(shown)) as page:
        assert b"embedscope-bar" not in page.read()


def test_a_typed_path_of_an_image_finds_the_image(tmp_path: Path) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for i in range(12):
        picture = Image.fromarray(rng.integers(0, 255, size=(16, 16, 3), dtype=np.uint8))
        picture.save(tmp_path / "images" / f"{i:02}.png")
    address = serve_page(explore("pixels:4", images=tmp_path / "images", cache=False))
    _, found = ask(address, query=str(tmp_path / "images" / "05.png"), space=0)
    assert (found["rows"][0]["id"], round(found["rows"][0]["cosine"], 5)) == ("05.png", 1.0)
    assert found["rows"][0]["image"].startswith("data:image/jpeg;base64,")
    assert "is no file of one" in ask(address, query="a horse", space=0)[1]["error"]


def layers(path: Path) -> dict[str, np.ndarray]:
    """Two layers of the same rows, of different dimensions."""
    rng = np.random.default_rng(0)
    made = {"layer0": rng.normal(size=(120, 5)), "layer1": rng.normal(size=(120, 7))}
    np.savez(path, **made)
    return made


def look_at_layers(browser: Browser, address: str, seconds: float) -> None:
    """The other layer has a map, neighbours and findings of its own."""
    browser.open(address, 1400, 900)
    browser.wait("document.querySelectorAll('canvas').length > 0", seconds)
    browser.wait("document.body.innerText.includes('120 rows, 5 dimensions')", seconds)
    browser.run(
        "(() => { const s = document.querySelector('#embedscope-bar input[type=range]');"
        " s.value = 1; s.dispatchEvent(new Event('change')) })()"
    )
    browser.wait("document.body?.innerText.includes('120 rows, 7 dimensions')", seconds)
    browser.wait(f"{SHOWN} === '120 of 120'", seconds)
    assert browser.run("document.querySelector('#embedscope-bar select').selectedOptions[0].text") == "layer1"
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")


def test_layers_are_switched_with_their_neighbours(drawing: Browser, tmp_path: Path) -> None:
    made = layers(tmp_path / "x.npz")
    shown = explore(f"{tmp_path / 'x.npz'}::*")
    for page, x in zip(shown.pages, made.values(), strict=True):
        assert page.facts.neighbours[4].tolist() == nearest(x, 4, 11)[1:]
    assert [next(iter(page.maps)) for page in shown.pages] == ["layer0 (pca)", "layer1 (pca)"]
    look_at_layers(drawing, serve_page(shown), 60)


def test_an_exported_folder_has_the_layers_and_says_that_queries_need_the_model(tmp_path: Path) -> None:
    uri, texts, _ = models(tmp_path)
    page = (export(explore(uri, texts=texts), tmp_path / "queries", Silent()) / "index.html").read_text()
    assert "Typed queries need" in page
    assert '"takes": null' in page
    layers(tmp_path / "x.npz")
    folder = export(explore(f"{tmp_path / 'x.npz'}::*"), tmp_path / "page", Silent())
    told = [json.loads((folder / place / "data" / "metadata.json").read_text()) for place in (".", "spaces/1")]
    titles = [made["props"]["initialState"]["charts"]["1"]["title"] for made in told]
    assert titles == ["layer0 (pca)", "layer1 (pca)"]
    assert [path.name for path in (folder / "spaces" / "1").iterdir()] == ["data"], "the viewer stands there once"


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_layers_of_an_exported_page_work_from_any_web_server(drawing: Browser, tmp_path: Path) -> None:
    layers(tmp_path / "x.npz")
    folder = export(explore(f"{tmp_path / 'x.npz'}::*"), tmp_path / "page", Silent())
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        look_at_layers(drawing, f"http://127.0.0.1:{server.server_address[1]}/", 300)
        server.shutdown()
