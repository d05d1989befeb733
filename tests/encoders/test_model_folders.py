"""Folders that hold a saved model: named as they are, and told from folders of vectors and of other kinds of model."""

import json

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.encoders import is_model
from embedscope.encoders._roles import Overrides
from embedscope.encoders._saved_settings import read_settings
from embedscope.encoders._sentence_model import reading_facts
from embedscope.encoders.uris import parse_uri
from embedscope.readers import is_vector_folder
from embedscope.sources.open import is_file, open_sources


def write(folder, kinds=("Transformer", "Pooling"), **config):
    folder.mkdir()
    modules = [
        {"idx": i, "name": str(i), "path": f"{i}", "type": f"sentence_transformers.{k}"} for i, k in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("name", ["model", "my model, v1.5 (100%)", "what?", "a@b", "a#text", "ü"])
def test_a_bare_folder_of_a_model_is_a_model(tmp_path, name):
    folder = str(write(tmp_path / name))
    np.save(tmp_path / name / "vectors.npy", np.eye(3))
    assert is_model(folder)
    assert not is_file(folder)
    assert not is_vector_folder(folder)
    found = parse_uri(folder)
    assert (found.scheme, found.name, found.gguf, found.revision, found.tower) == ("hf", folder, None, None, None)
    assert parse_uri(f"random:{folder}").random


def test_a_folder_of_vectors_is_none(tmp_path):
    np.save(tmp_path / "vectors.npy", np.eye(3))
    assert not is_model(str(tmp_path))
    assert is_file(str(tmp_path))


def test_texts_are_asked_for_and_near_names_offered(tmp_path):
    from embedscope.core.progress import Silent
    from embedscope.core.provenance import Provenance

    for name, said in (
        (str(write(tmp_path / "m")), "as a model it needs texts"),
        ("minlm", "did you mean 'minilm'?"),
    ):
        with pytest.raises(InputError) as error:
            next(open_sources([name], seed=0, progress=Silent(), provenance=Provenance("", 0)))
        assert said in str(error.value)
        assert "vectors already" not in str(error.value)


@pytest.mark.parametrize(
    ("kinds", "config"),
    [
        (("Transformer", "Pooling", "SparseAutoEncoder"), {"model_type": "SparseEncoder"}),
        (("MLMTransformer", "SpladePooling"), {}),
        (("Transformer", "Pooling", "SparseAutoEncoder"), {}),
        (("Transformer", "Dense"), {"model_type": "MultiVectorEncoder"}),
    ],
)
def test_models_without_a_dense_vector_are_refused(tmp_path, kinds, config):
    with pytest.raises(InputError, match="which gives no dense vector per text"):
        read_settings(write(tmp_path / "m", kinds, **config))


def test_a_cross_encoder_is_said(tmp_path):
    found = read_settings(write(tmp_path / "c", model_type="CrossEncoder"))
    assert reading_facts(found, Overrides())["saved as"].startswith("CrossEncoder, trained to score pairs")
    plain = read_settings(write(tmp_path / "s", model_type="SentenceTransformer"))
    assert "saved as" not in reading_facts(plain, Overrides())
