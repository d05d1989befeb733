"""The bundled example: made by its script, copied whole, never over anything else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app
from embedscope.core.errors import InputError
from embedscope.datasets import example_files

ROOT = Path(__file__).resolve().parents[2]


def test_files_are_what_the_script_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_example", ROOT / "docs" / "make_example.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    arrays, texts = script.arrays_and_texts()
    files = example_files()
    assert set(files) == {*arrays, *texts}
    for name, rows in arrays.items():
        stored = np.load(files[name])
        assert stored.dtype == np.float32
        np.testing.assert_allclose(stored, rows, rtol=1e-6, atol=1e-6)
    for name, text in texts.items():
        assert files[name].read_text(encoding="utf-8") == text


def test_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in example_files().values()) < 400_000


def test_copies_are_the_same_and_may_be_made_twice(tmp_path: Path) -> None:
    for _ in range(2):
        copies = example_files(tmp_path / "x")
        for name, path in example_files().items():
            assert copies[name].read_bytes() == path.read_bytes()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "texts.npy").write_text("mine")
    with pytest.raises(InputError, match=r"texts\.npy exists with other content"):
        example_files(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["texts.npy"]
    with pytest.raises(InputError, match="is a file"):
        example_files(tmp_path / "texts.npy")


def test_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["example", str(tmp_path / "e")])
    assert done.exit_code == 0
    assert {p.name for p in (tmp_path / "e").iterdir()} == set(example_files())
    assert all(str(tmp_path / "e" / name) in done.stdout for name in ("documents.npy", "texts.npy"))
