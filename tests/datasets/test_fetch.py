"""Files are found by their bytes, downloaded from a real local server, and refused when their bytes are wrong."""

from __future__ import annotations

import hashlib
import http.server
import io
import subprocess
import sys
import tarfile
import threading
import zipfile
from functools import partial
from pathlib import Path

import pytest

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.tables import TextTable
from embedscope.datasets import DATASETS, Dataset, File, Finder
from embedscope.datasets._archive import members

ONE, TWO = b"one\ntwo\n", b"three\n"


def known_file(name, content, **more):
    return File(name, hashlib.sha256(content).hexdigest(), len(content), **more)


def dataset(*files, hint=""):
    def load(texts):
        return {"words": TextTable(tuple("".join(texts.values()).split()), "word")}, {}

    return Dataset("toy", "Toy", "1", files, "CC0", "none", "https://example.org/toy", "words", load, hint)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("EMBEDSCOPE_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            requests.append(self.path)

    requests: list[str] = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_port}", requests
        running.shutdown()
        thread.join()


def zip_bytes(**contents):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name.replace("__", "../"), content)
    return raw.getvalue()


def tar_bytes(contents):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return raw.getvalue()


def test_a_file_is_recognised_by_its_bytes_wherever_it_lies(tmp_path):
    toy = dataset(known_file("words.txt", ONE))
    assert not Finder(tmp_path, download=False).present(toy)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "decoy").write_bytes(b"ONE\nTWO\n")
    (tmp_path / "deep" / "er" / "renamed.bin").write_bytes(ONE)
    finder = Finder(tmp_path, download=False)
    assert finder.present(toy)
    data = toy.load(finder)
    assert data.tables["words"].texts == ("one", "two")
    assert data.checksums == {"words.txt": hashlib.sha256(ONE).hexdigest()}


def test_a_file_that_changes_is_hashed_again(tmp_path):
    toy = dataset(known_file("words.txt", ONE))
    (tmp_path / "words.txt").write_bytes(ONE)
    assert Finder(tmp_path, download=False).present(toy)
    (tmp_path / "words.txt").write_bytes(ONE.upper())
    assert not Finder(tmp_path, download=False).present(toy)


def test_the_folder_may_come_from_the_environment(tmp_path, monkeypatch):
    (tmp_path / "words.txt").write_bytes(ONE)
    monkeypatch.setenv("EMBEDSCOPE_DATA", str(tmp_path))
    assert Finder(download=False).present(dataset(known_file("words.txt", ONE)))


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(InputError, match="is not a folder; pass one with --data"):
        Finder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="/ is the root of the file system; name the folder or the file that holds"):
        Finder(Path("/"))


def test_another_edition_will_do(tmp_path):
    (tmp_path / "other.txt").write_bytes(TWO)
    toy = dataset(known_file("words.txt", ONE, editions=(known_file("other", TWO),)))
    data = toy.load(Finder(tmp_path, download=False))
    assert data.tables["words"].texts == ("three",)
    assert data.checksums == {"words.txt": hashlib.sha256(TWO).hexdigest()}


def test_what_is_missing_is_said_in_one_sentence(tmp_path):
    toy = dataset(known_file("words.txt", ONE))
    with pytest.raises(DataUnavailableError) as error:
        toy.load(Finder(tmp_path, download=False))
    assert str(error.value) == (
        "data set toy is not on this machine and downloads are off; get words.txt from https://example.org/toy, or "
        "name a folder that holds words.txt with --data DIR"
    )
    with pytest.raises(DataUnavailableError, match="pip install"):
        dataset(known_file("words.txt", ONE), hint="pip install x brings it").load(Finder(tmp_path, download=False))
    with pytest.raises(DataUnavailableError, match="not for download"):
        toy.load(Finder(tmp_path))


def test_an_optional_file_is_loaded_where_it_is(tmp_path):
    toy = dataset(known_file("a", ONE), known_file("b", TWO, optional=True))
    (tmp_path / "a").write_bytes(ONE)
    assert toy.load(Finder(tmp_path, download=False)).tables["words"].texts == ("one", "two")
    (tmp_path / "b").write_bytes(TWO)
    assert toy.load(Finder(tmp_path, download=False)).tables["words"].texts == ("one", "two", "three")


def test_download_of_an_archive_brings_all_its_files_once(server, tmp_path):
    folder, address, requests = server
    (folder / "toy.zip").write_bytes(zip_bytes(a=ONE, __b=TWO, c=b"else"))
    toy = dataset(
        known_file("a", ONE, url=f"{address}/toy.zip"), known_file("b", TWO, url=f"{address}/toy.zip", optional=True)
    )
    assert toy.load(Finder()).tables["words"].texts == ("one", "two", "three")
    assert toy.load(Finder(download=False)).tables["words"].texts == ("one", "two", "three")
    assert requests == ["/toy.zip"]
    assert not (tmp_path / "b").exists()


def test_download_of_a_single_file(server):
    folder, address, _ = server
    (folder / "words.txt").write_bytes(ONE)
    assert dataset(known_file("a", ONE, url=f"{address}/words.txt")).load(Finder()).tables["words"].texts == (
        "one",
        "two",
    )


def test_wrong_bytes_are_refused(server, cache):
    folder, address, _ = server
    (folder / "words.txt").write_bytes(ONE.upper())
    with pytest.raises(DataUnavailableError, match="does not hold the registered bytes"):
        dataset(known_file("a", ONE, url=f"{address}/words.txt")).load(Finder())
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_a_server_that_does_not_answer_is_asked_once():
    urls = ("http://127.0.0.1:9/a", "http://127.0.0.1:9/b")
    finder = Finder()
    for url in urls:
        with pytest.raises(DataUnavailableError, match=r"127\.0\.0\.1 could not be reached"):
            dataset(known_file("a", ONE, url=url)).load(finder)


@pytest.mark.parametrize("raw", [zip_bytes(a=ONE, b=TWO), tar_bytes({"../a": ONE, "/b": TWO}), ONE])
def test_members_are_known_by_their_bytes(raw):
    wanted = {hashlib.sha256(c).hexdigest(): len(c) for c in (ONE, TWO)}
    found = dict(members(raw, wanted))
    assert found[hashlib.sha256(ONE).hexdigest()] == ONE
    assert len(found) == (1 if raw == ONE else 2)


def test_packages_are_read_without_being_imported():
    """gensim takes a second to import; its files do not need that."""
    pytest.importorskip("gensim")
    code = (
        "import sys; from embedscope.datasets import DATASETS, Finder; "
        "f = Finder(download=False); [DATASETS.get(n).load(f) for n in ('wordsim353', 'lee', 'rg65')]; "
        "bad = {'gensim', 'vaderSentiment', 'scipy', 'torch'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_rg65_is_in_the_package():
    assert DATASETS.get("rg65").load(Finder(download=False)).checksums
