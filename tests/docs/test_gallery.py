"""The gallery shows the page that it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("PIL", reason="needs the extra images")


def test_a_picture_that_was_not_taken_is_not_the_one_before(tmp_path: Path, monkeypatch) -> None:
    """Where Chromium wrote nothing, the picture of the page before was saved under the name of this one."""
    from PIL import Image

    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs"))
    monkeypatch.delitem(sys.modules, "make_gallery", raising=False)
    import make_gallery

    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    monkeypatch.setattr(make_gallery.shutil, "which", lambda name: "/bin/true")
    with pytest.raises(SystemExit, match=r"no picture of repair\.html"):
        make_gallery.photographed(tmp_path / "repair.html", 8, 8, dark=False, folder=tmp_path)
