"""CIFAR: small archives with the official layout, written as Python 2 wrote them; and files that want code run."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import tarfile

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.datasets import DATASETS, Finder
from embedscope.datasets._cifar_files import entries
from embedscope.datasets.cifar import HUNDRED, TEN, read_cifar

RNG = np.random.default_rng(0)
PIXELS = {name: RNG.integers(0, 256, (4, 3072), dtype=np.uint8) for name in ("train", "test", *TEN.train, "test_batch")}


class Python2(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings, which is how the official archives were made."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        n = len(value)
        self.write(b"U" + bytes([n]) + value if n < 256 else b"T" + struct.pack("<i", n) + value)
        self.memoize(value)

    dispatch[bytes] = save_string


def dumps(value):
    out = io.BytesIO()
    Python2(out, 2).dump(value)
    return out.getvalue()


def hundred():
    files = {
        f"cifar-100-python/{name}": {
            b"filenames": [b"a.png"] * 4,
            b"batch_label": b"training",
            b"fine_labels": [0, 1, 2, 1],
            b"coarse_labels": [0, 0, 1, 0],
            b"data": PIXELS[name],
        }
        for name in ("train", "test")
    }
    meta = {b"fine_label_names": [b"apple", b"aquarium_fish", b"baby"], b"coarse_label_names": [b"food", b"people"]}
    return {name: dumps(value) for name, value in (files | {"cifar-100-python/meta": meta}).items()}


def ten():
    files = {
        f"cifar-10-batches-py/{name}": {b"labels": [0, 1, 0, 1], b"data": PIXELS[name]}
        for name in (*TEN.train, TEN.test)
    }
    meta = {b"label_names": [b"airplane", b"automobile"], b"num_vis": 3072}
    return {name: dumps(value) for name, value in (files | {"cifar-10-batches-py/batches.meta": meta}).items()}


def archive(path, files):
    with tarfile.open(path, "w:gz") as tar:
        for name, raw in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return path


def test_an_archive(tmp_path):
    path = archive(tmp_path / "cifar-100-python.tar.gz", hundred())
    tables, relations, images = read_cifar({"cifar-100-python.tar.gz": path}, HUNDRED)
    assert tables["classes"].texts == ("apple", "aquarium fish", "baby")
    assert tables["superclasses"].texts == ("food", "people")
    assert relations["train_classes"].label.tolist() == [0, 1, 2, 1]
    assert relations["test_superclasses"].names == ("food", "people")
    assert len(images["train"]) == len(images["test"]) == 4
    pixels = images["test"].images[2].pixels()
    assert pixels.shape == (32, 32, 3)
    assert pixels[5, 7].tolist() == PIXELS["test"][2, [5 * 32 + 7, 1024 + 5 * 32 + 7, 2048 + 5 * 32 + 7]].tolist()
    assert len({image.key for table in images.values() for image in table.images}) == 8


def test_a_folder(tmp_path):
    for name, raw in ten().items():
        (tmp_path / "deep" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "deep" / name).write_bytes(raw)
    finder = Finder(tmp_path, download=False)
    entry = DATASETS.get("cifar10")
    assert finder.present(entry)
    assert not finder.present(DATASETS.get("cifar100"))
    data = entry.load(finder)
    assert (len(data.images["train"]), len(data.images["test"])) == (20, 4)
    assert data.images["train"].images[5].pixels()[0, 0, 0] == PIXELS["data_batch_2"][1, 0]
    assert set(data.checksums) == set(TEN.members)


def test_the_official_archive_has_the_counts_of_its_page(data_at_hand):
    """50,000 and 10,000 images of 10 or 100 classes."""
    finder = Finder(data_at_hand, download=False)
    entry = DATASETS.get("cifar100")
    if not finder.present(entry):
        pytest.skip("cifar-100-python.tar.gz is not on this machine; https://www.cs.toronto.edu/~kriz/cifar.html")
    data = entry.load(finder)
    assert (len(data.images["train"]), len(data.images["test"]), len(data.tables["classes"])) == (50000, 10000, 100)
    assert [data.relations["test_classes"].label[i] for i in (0, 1, 2)] == [49, 33, 72]


class Attack:
    """Asks to be rebuilt by running a command."""

    def __reduce__(self):
        return print, ("this must never be printed",)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_file_that_wants_code_run_is_refused(protocol, capsys):
    raw = pickle.dumps({b"data": Attack()}, protocol)
    assert any("print" in str(argument) for _, argument, _ in pickletools.genops(raw))
    with pytest.raises(InputError, match="it may be meant to run code"):
        entries(raw)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(
    "raw",
    [
        b"cposix\nsystem\n(S'true'\ntR.",
        b"cnumpy.core.multiarray\nscalar\n.",
        b"cnumpy\nload\n.",
        b"cnumpy.testing._private.utils\nrunstring\n.",
        b"cbuiltins\neval\n.",
        b"cembedscope.datasets._cifar_files\nentries\n.",
    ],
)
def test_every_other_name_is_refused(raw):
    with pytest.raises(InputError, match="which no CIFAR file does"):
        entries(raw)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "no pickled dictionary"),
        (b"garbage", "no pickled dictionary"),
        (dumps([1]), "holds a list, wanted a dictionary"),
        (dumps({b"data": np.zeros((2, 2))}), "does not hold bytes by rows"),
        (dumps({b"data": np.zeros(2, dtype=object)}), "does not hold bytes by rows"),
    ],
)
def test_other_files_are_refused(raw, message):
    with pytest.raises(InputError, match=message):
        entries(raw)


def test_parts_that_do_not_fit_are_named(tmp_path):
    files = hundred()
    missing = {name: raw for name, raw in files.items() if not name.endswith("meta")}
    with pytest.raises(InputError, match="cifar-100-python/meta is not in the archive"):
        read_cifar({"a": archive(tmp_path / "a.tar.gz", missing)}, HUNDRED)
    bad = dumps({b"fine_labels": [0, 1, 2, 9], b"coarse_labels": [0] * 4, b"data": PIXELS["test"]})
    with pytest.raises(InputError, match="4 labels of 3 classes do not fit 4 images"):
        read_cifar({"a": archive(tmp_path / "b.tar.gz", files | {"cifar-100-python/test": bad})}, HUNDRED)
    bad = dumps({b"fine_labels": [0], b"coarse_labels": [0], b"data": PIXELS["test"][:, :9].copy()})
    with pytest.raises(InputError, match=r"must be an array \(n, 3072\)"):
        read_cifar({"a": archive(tmp_path / "c.tar.gz", files | {"cifar-100-python/test": bad})}, HUNDRED)
    (tmp_path / "d.tar.gz").write_bytes(b"no archive")
    with pytest.raises(InputError, match="no complete tar archive"):
        read_cifar({"a": tmp_path / "d.tar.gz"}, HUNDRED)
