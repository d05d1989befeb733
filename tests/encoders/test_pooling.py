"""Pooled vectors of small sentence-transformers folders against SentenceTransformer.encode."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from embedscope.encoders import open_encoder

TEXTS = ["cat", "the dog sat", "contrastive models of the language in a park", "a mat " * 12]


def sentence_folder(source, target, mode, normalise, limit):
    """Put the files of sentence-transformers around a saved transformer."""
    shutil.copytree(source, target)
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), *([("2_Normalize", "Normalize")] if normalise else [])]
    modules = [
        {"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{k}"}
        for i, (p, k) in enumerate(kinds)
    ]
    (target / "modules.json").write_text(json.dumps(modules))
    (target / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": limit, "do_lower_case": False}))
    for folder, _ in kinds[1:]:
        (target / folder).mkdir()
    config = {"word_embedding_dimension": 32, f"pooling_mode_{mode}": True}
    if mode != "mean_tokens":
        config["pooling_mode_mean_tokens"] = False
    (target / "1_Pooling" / "config.json").write_text(json.dumps(config))
    return target


@pytest.mark.parametrize(
    ("kind", "mode", "normalise"),
    [
        ("bert", "mean_tokens", True),
        ("bert", "cls_token", False),
        ("llama", "lasttoken", True),
        ("llama", "mean_tokens", False),
    ],
)
def test_pooled_equals_sentence_transformers(model_folder, tmp_path, kind, mode, normalise):
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    folder = sentence_folder(model_folder(kind), tmp_path / "st", mode, normalise, 12)
    wanted = st.SentenceTransformer(str(folder), device="cpu").encode(TEXTS, show_progress_bar=False)
    encoder = open_encoder(f"st:{folder}", device="cpu")
    got = encoder.encode(TEXTS, ["plain"], pooled=True)
    np.testing.assert_allclose(got[None]["pooled"], wanted, atol=1e-5)
    assert encoder.tokenize(TEXTS, None).truncated[-1]


@pytest.mark.parametrize("mode", ["max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens"])
def test_other_poolings_are_computed_by_the_library(model_folder, tmp_path, mode):
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    folder = sentence_folder(model_folder("bert"), tmp_path / "st", mode, False, 12)
    wanted = st.SentenceTransformer(str(folder), device="cpu").encode(TEXTS, show_progress_bar=False)
    encoder = open_encoder(f"st:{folder}", device="cpu")
    np.testing.assert_allclose(encoder.encode(TEXTS, [], pooled=True)[None]["pooled"], wanted, atol=1e-6)
    assert encoder.info.policies["computed by"].startswith("sentence-transformers ")
