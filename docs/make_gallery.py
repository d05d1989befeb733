"""Write docs/gallery: reports of every verb on the bundled example, photographed by headless Chromium.

``python docs/make_gallery.py`` (``make gallery``); needs chromium, the extra ``report``, and ``vecscope`` 0.2.0 for the
picture of both tools side by side. The reports are made from scratch in a folder that is deleted afterwards.
"""

from __future__ import annotations

import html
import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "docs" / "gallery"
WIDE, TALL = 1400, 900
NARROW = 500  # the narrowest window that headless Chromium opens

COMMANDS = {
    "diagnose": "diagnose example/documents.npy",
    "measure": "measure example/documents.npy",
    "pair": "measure --pair example/images.npy example/texts.npy",
    "evaluate": "evaluate --queries example/queries.npy --corpus example/documents.npy --qrels example/qrels.tsv",
    "repair": "repair example/documents.npy --queries example/queries.npy --qrels example/qrels.tsv",
    "check": "check example/drifted.npy --baseline baseline.json",
}
"""Picture -> the command whose report it shows."""

SHOTS = (
    *((name, name, WIDE, TALL, False) for name in COMMANDS),
    ("diagnose-dark", "diagnose", WIDE, TALL, True),
    ("diagnose-narrow", "diagnose", NARROW, 1600, False),
)
"""Picture, report, width, height, dark."""

AUDIT = ("vecscope", "audit", "example/documents.npy")
HALF = 1000
"""Width of either tool, side by side."""

TERMINAL = """<!doctype html><meta charset="utf-8"><body style="margin:0;background:#15191e">
<pre style="font:13px/1.5 'DejaVu Sans Mono',monospace;color:#e6e8ea;padding:24px;white-space:pre-wrap;margin:0">$ {}

{}</pre>"""


def make_reports(folder: Path) -> dict[str, Path]:
    """The report of every command, in ``folder``."""
    import numpy as np

    from embedscope.datasets import example_files

    example_files(folder / "example")
    x = np.load(folder / "example" / "documents.npy")
    noise = np.random.default_rng(0).normal(size=x.shape)
    np.save(folder / "example" / "drifted.npy", (x + 0.35 * x.std() * noise).astype(x.dtype))
    _run("measure example/documents.npy --json baseline.json", folder)
    pages = {}
    for name, command in COMMANDS.items():
        _run(f"{command} --report {name}.html", folder)
        pages[name] = folder / f"{name}.html"
    return pages


def _run(command: str, folder: Path) -> None:
    words = [sys.executable, "-m", "embedscope", *shlex.split(command), "--quiet"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode > 1:  # 1 is a verdict
        raise SystemExit(f"embedscope {command} failed: {done.stderr}")


def photograph(page: Path, width: int, height: int, *, dark: bool, folder: Path) -> bytes:
    """A PNG of the first ``height`` pixels of ``page``, in 256 colours."""
    from PIL import Image

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("the gallery is photographed by chromium, which is not installed: apt-get install chromium")
    picture = folder / "picture.png"
    flags = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu", "--force-device-scale-factor=1"]
    flags += [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}", f"--screenshot={picture}"]
    flags += ["--force-dark-mode"] if dark else []
    picture.unlink(missing_ok=True)  # Chromium may end well without a picture; the one before must not stand for it
    subprocess.run([program, *flags, page.as_uri()], check=True, capture_output=True, timeout=300)
    if not picture.exists():
        raise SystemExit(f"chromium wrote no picture of {page.name}; run make gallery again")
    out = io.BytesIO()
    Image.open(picture).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def audit(folder: Path) -> Path:
    """A page with what ``vecscope audit`` prints on the file that ``diagnose`` is shown on."""
    if shutil.which(AUDIT[0]) is None:
        raise SystemExit("the gallery shows vecscope beside diagnose: pip install vecscope==0.2.0")
    done = subprocess.run(AUDIT, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode > 1:  # 1 is a verdict
        raise SystemExit(f"{' '.join(AUDIT)} failed: {done.stderr}")
    page = folder / "audit.html"
    page.write_text(TERMINAL.format(*map(html.escape, (" ".join(AUDIT), done.stdout))), encoding="utf-8")
    return page


def beside(left: Path, right: Path, folder: Path) -> bytes:
    """A PNG of two pages side by side, ``left`` and ``right``, the first screen of each."""
    from PIL import Image

    both = Image.new("RGB", (2 * HALF + 20, TALL), "#8a929c")
    for i, page in enumerate((left, right)):
        one = photograph(page, HALF, TALL, dark=False, folder=folder)
        both.paste(Image.open(io.BytesIO(one)).convert("RGB"), (i * (HALF + 20), 0))
    out = io.BytesIO()
    both.quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> None:
    """Write every picture of the gallery."""
    GALLERY.mkdir(exist_ok=True)
    os.environ.pop("EMBEDSCOPE_DATA", None)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        pages = make_reports(folder)
        for name, report, width, height, dark in SHOTS:
            target = GALLERY / f"{name}.png"
            target.write_bytes(photograph(pages[report], width, height, dark=dark, folder=folder))
            print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1024} KiB")
        (GALLERY / "beside.png").write_bytes(beside(pages["diagnose"], audit(folder), folder))


if __name__ == "__main__":
    main()
