"""Atomic writes: all or nothing, nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedscope.core.atomic import atomic_path, write_bytes, write_text


def test_failure_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a" / "x.txt"
    write_text(target, "old")

    def interrupted() -> None:
        with atomic_path(target) as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert [p.name for p in target.parent.iterdir()] == ["x.txt"]


def test_bytes(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x", b"\x00\xff")
    assert (tmp_path / "x").read_bytes() == b"\x00\xff"
