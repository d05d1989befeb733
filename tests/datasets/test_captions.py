"""Caption sets: counts of their papers, rows read by eye, images found by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from embedscope.core.errors import DataUnavailableError
from embedscope.datasets import DATASETS, Finder
from embedscope.datasets._captions import Captions


@pytest.fixture(scope="module")
def data(data_at_hand):
    finder = Finder(data_at_hand, download=False)

    def load(name):
        if not finder.present(DATASETS.get(name)):
            pytest.skip(f"files of {name} are not on this machine")
        return DATASETS.get(name).load(finder)

    return load


@pytest.fixture(scope="module")
def multi30k(data):
    return data("multi30k")


def test_multi30k_counts(multi30k):
    """Elliott et al. 2016, 2017; Barrault et al. 2018."""
    sizes = {
        "train": 29000,
        "val": 1014,
        "test_2016": 1000,
        "test_2017": 1000,
        "test_2017_coco": 461,
        "test_2018": 1071,
    }
    for split, n in sizes.items():
        assert len(multi30k.images[f"{split}_images"]) == n
        assert len(multi30k.relations[f"{split}_images"].left) == n
    languages = {split: [x for x in ("de", "fr", "cs") if f"{split}_{x}" in multi30k.tables] for split in sizes}
    assert languages["test_2016"] == languages["test_2018"] == languages["val"] == ["de", "fr", "cs"]
    assert languages["test_2017"] == languages["test_2017_coco"] == ["de", "fr"]
    assert len(multi30k.tables["train_en"]) == 28991


def test_multi30k_rows(multi30k):
    english, german = multi30k.tables["test_2016_en"], multi30k.tables["test_2016_de"]
    assert english.texts[0] == "A man in an orange hat starring at something."
    assert english.texts[9].startswith("A man in a vest is sitting in a chair")
    assert german.texts[-1].startswith("Ein Mädchen an einer Küste mit einem Ber")
    assert (english.clusters[0], multi30k.images["test_2016_images"].clusters[0]) == ("1007129816.jpg",) * 2
    parallel = multi30k.relations["test_2016_de"]
    assert (parallel.left_table, parallel.right_table) == ("test_2016_de", "test_2016_en")
    assert (parallel.left == parallel.right).all()


def test_multi30k_descriptions_share_images(multi30k):
    if "val_descriptions_de" not in multi30k.tables:
        pytest.skip("the descriptions of Multi30k are not on this machine")
    both = multi30k.relations["val_descriptions_de"]
    german, english = (multi30k.tables[f"val_descriptions_{x}"].clusters for x in ("de", "en"))
    assert np.mean([german[a] == english[b] for a, b in zip(both.left, both.right, strict=True)]) > 0.95
    assert 25000 < len(both.left) <= 1014 * 25


def test_coco(data):
    coco = data("coco")
    assert (len(coco.images["test_images"]), len(coco.tables["test"])) == (5000, 24824)
    assert coco.tables["test"].texts[0].startswith("A man with a red helmet on a small moped")
    assert coco.tables["test"].texts[9].startswith("A little girl is getting ready to blow o")
    assert coco.tables["test"].texts[-1].startswith("A man holding a glass speaking to someon")
    assert coco.images["test_images"].clusters[0] == "COCO_val2014_000000391895.jpg"
    shown = coco.relations["test_images"]
    assert np.bincount(shown.right).max() <= 7
    assert len(shown.left) == 24995  # five captions of 5,000 images, five of them given twice for one image
    if "dev" in coco.tables:
        assert (len(coco.images["dev_images"]), len(coco.tables["dev"])) == (1000, 4993)


def test_a_picture_that_is_missing_says_where_to_get_it(data):
    image = data("coco").images["test_images"].images[0]
    if not hasattr(image, "hint"):
        pytest.skip("the images of COCO are on this machine")
    with pytest.raises(
        DataUnavailableError, match=r"COCO_val2014_000000391895\.jpg is not on this machine; unpack http"
    ):
        image.pixels()


def test_pictures_and_official_files_are_found_by_name(tmp_path):
    """The official annotations and Karpathy's file, in small."""
    pil = pytest.importorskip("PIL.Image")
    (tmp_path / "val2014").mkdir()
    pil.new("RGB", (4, 3), "red").save(tmp_path / "val2014" / "COCO_val2014_000000000007.jpg")
    rows = [{"image_id": i, "id": 10 - i, "caption": f"caption {i}"} for i in (9, 7)]
    (tmp_path / "captions_val2014.json").write_text(json.dumps({"annotations": rows}))
    images = [
        {"split": split, "filename": f"COCO_val2014_00000000000{i}.jpg", "sentences": [{"raw": f"{split} {i}"}]}
        for i, split in enumerate(("train", "restval", "val", "test"))
    ]
    (tmp_path / "dataset_coco.json").write_text(json.dumps({"images": images}))
    entry, finder = DATASETS.get("coco"), Finder(tmp_path, download=False)
    paths = {name: finder.find(name) for name in entry.named if finder.find(name)}
    tables, relations, shown = entry.loader(paths, finder)
    assert tables["val2014"].texts == ("caption 7", "caption 9")
    assert shown["val2014_images"].images[0].pixels().shape == (3, 4, 3)
    assert relations["val2014_images"].right.tolist() == [0, 1]
    assert tables["karpathy_train"].texts == ("train 0", "restval 1")
    assert tables["karpathy_test"].clusters == ("COCO_val2014_000000000003.jpg",)


def test_repeated_captions_stay_one_row():
    found = Captions()
    found.add("en", ["a", "b", "a"], ["1", "2", "3"])
    found.add("de", ["x", "x", "y"], ["1", "2", "3"])
    found.translate("de", "en")
    assert found.tables["en"].texts == ("a", "b")
    assert list(zip(found.relations["de"].left, found.relations["de"].right, strict=True)) == [(0, 0), (0, 1), (1, 0)]
