"""Sets of images for words: copied, described, near-duplicates flagged; questions over them."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.datasets import DATASETS, Finder, build_image_set, image_folder, image_questions, near_duplicates
from embedscope.datasets._image_set import difference_hash


@pytest.fixture
def folder(tmp_path):
    pil = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for name in ("hot_dog", "cat", "dog", "bun"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(2):
            blocks = rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)
            pixels = blocks.repeat(8, axis=0).repeat(8, axis=1)
            pil.fromarray(pixels).save(tmp_path / "in" / name / f"{i}.png")
    darker = np.asarray(pil.open(tmp_path / "in" / "cat" / "0.png")) // 2
    pil.fromarray(darker).save(tmp_path / "in" / "dog" / "2.png")
    return tmp_path / "in"


def test_a_tree_with_a_manifest(folder, tmp_path):
    found = build_image_set(["Hot dog", "cat", "dog"], folder, tmp_path / "out", licence="CC0")
    assert [p.file for p in found] == [
        *("Hot_dog/000.png", "Hot_dog/001.png", "cat/000.png", "cat/001.png"),
        *("dog/000.png", "dog/001.png", "dog/002.png"),
    ]
    assert [p.near_duplicate_of for p in found] == [""] * 6 + ["cat/000.png"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["pictures"][0]["concept"] == "Hot dog"
    for entry in manifest["pictures"]:
        content = (tmp_path / "out" / entry["file"]).read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
        assert (entry["licence"], entry["width"], entry["height"]) == ("CC0", 72, 64)
    assert image_folder(tmp_path / "out").tables["classes"].texts == ("Hot dog", "cat", "dog")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_what_cannot_be_built_is_said(folder, tmp_path):
    with pytest.raises(InputError, match=r"no image of unicorn \(1 of 2 words\)"):
        build_image_set(["cat", "unicorn"], folder, tmp_path / "out", licence="CC0")
    (folder / "cat" / "1.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="no readable image"):
        build_image_set(["cat"], folder, tmp_path / "out", licence="CC0")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="is there already"):
        build_image_set(["cat"], folder, folder, licence="CC0")


def test_pictures_of_emoji(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path / "cache"))
    entry, finder = DATASETS.get("emoji"), Finder(download=False)
    if not finder.present(entry):
        pytest.skip('the packages of the emoji set are not installed (pip install "embedscope[images]")')
    found = build_image_set(["farmer", "sheaf of rice"], entry.load(finder), tmp_path / "out", licence=entry.licence)
    assert [p.file for p in found] == [f"{name}/00{i}.png" for name in ("farmer", "sheaf_of_rice") for i in (0, 1)]
    assert "twemoji" in found[0].source
    assert "openmoji" in found[1].source


def test_hashes_against_a_naive_loop():
    """Hamming distance by hand."""
    hashes = np.random.default_rng(1).random((40, 64)) < 0.5
    hashes[7], hashes[30] = hashes[3], hashes[3]
    hashes[30, :5] ^= True
    naive = [next((j for j in range(i) if (hashes[i] != hashes[j]).sum() <= 5), -1) for i in range(40)]
    assert near_duplicates(hashes, 5).tolist() == naive
    assert (naive[7], naive[30]) == (3, 3)


def test_a_hash_does_not_see_brightness():
    pytest.importorskip("PIL.Image")
    ramp = np.repeat(np.arange(90, 0, -1, dtype=np.uint8)[None, :, None], 40, axis=0).repeat(3, axis=2)
    assert difference_hash(ramp).all()
    assert not difference_hash(ramp[:, ::-1]).any()
    assert (difference_hash(ramp + 100) == difference_hash(ramp)).all()


def test_questions(folder, tmp_path):
    data = image_folder(folder)
    (tmp_path / "q.txt").write_text(": food\nhot_dog bun dog cat\n\n: tabs\nhot dog\tbun\tcat\tdog\n")
    asked = image_questions(tmp_path / "q.txt", data)
    names = data.tables["classes"].texts
    assert [[names[i] for i in row] for row in asked.rows] == [
        ["hot dog", "bun", "dog", "cat"],
        ["hot dog", "bun", "cat", "dog"],
    ]
    assert asked.section == ("food", "tabs")


@pytest.mark.parametrize(
    ("text", "message"),
    [("cat dog bun\n", "has 3 names"), ("cat dog bun owl\n", "'owl', which is no concept"), ("", "no question")],
)
def test_questions_that_are_none(folder, tmp_path, text, message):
    (tmp_path / "q.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        image_questions(tmp_path / "q.txt", image_folder(folder))
