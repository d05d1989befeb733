"""The models that install from PyPI: published or noted values, and the pooled vector against sentence-transformers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.stats import spearmanr

from embedscope.encoders import ALIASES, open_encoder

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]


@cache
def open_model(alias):
    """The model, opened once for all tests that ask nothing of the opening itself."""
    if ALIASES[alias].path() is None:
        pytest.skip(f"{ALIASES[alias].title} is not installed: {ALIASES[alias].install}")
    return open_encoder(alias, device="cpu")


def rg65(folder):
    lines = (folder / "wolfe2022" / "rg65.csv").read_text(encoding="utf-8").split("\n")
    left, right, gold = zip(*(line.strip().split(";") for line in lines if line.strip()), strict=True)
    return left, right, [float(g) for g in gold]


def correlation(x, y, gold):
    x, y = x.astype(float), y.astype(float)
    return spearmanr((x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1), gold).statistic


@pytest.mark.shared_data
def test_minilm_rg65_by_layer(shared_data):
    """Last subtoken inside [CLS] ... [SEP]: .58 .58 .61 .64 .66 .66 .69, pooled .74."""
    encoder = open_model("minilm")
    left, right, gold = rg65(shared_data)
    x, y = (encoder.encode(side, ["bos_eos"], pooled=True) for side in (left, right))
    got = [correlation(x["bos_eos"][s], y["bos_eos"][s], gold) for s in encoder.spaces]
    np.testing.assert_allclose(got, [0.58, 0.58, 0.61, 0.64, 0.66, 0.66, 0.69], atol=0.006)
    assert correlation(x[None]["pooled"], y[None]["pooled"], gold) == pytest.approx(0.74, abs=0.006)


def test_minilm_pooled_equals_sentence_transformers():
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    encoder = open_model("minilm")
    texts = [
        "cat",
        "The quick brown fox jumps over the lazy dog.",
        "naïve café 漢字 🙂",
        " spaced  text ",
        "long " * 400,
    ]
    wanted = st.SentenceTransformer(str(ALIASES["minilm"].find()), device="cpu").encode(texts, show_progress_bar=False)
    got = encoder.encode(texts, encoder.poolings, pooled=True)
    np.testing.assert_allclose(got[None]["pooled"], wanted, atol=1e-5)
    folder = ALIASES["minilm"].find()
    again = open_encoder(f"st:{folder}", device="cpu").encode(texts, [], pooled=True)[None]["pooled"]
    np.testing.assert_allclose(again, wanted, atol=1e-5)
    assert encoder.info.licence == "Apache-2.0"
    assert encoder.framing(None) == encoder.framing("eos")  # so all poolings but plain share one pass


@pytest.mark.slow
@pytest.mark.shared_data
def test_smollm2_rg65(shared_data):
    """plain at most .27, BOS+EOS at most .23, EOS constant at layer 0; the second start reads the converted copy."""
    encoder = open_model("smollm2")
    assert encoder.poolings == ("plain", "bos_eos", "eos")
    assert (encoder.info.n_layers, encoder.info.width, encoder.has_pooled) == (30, 576, False)
    assert (encoder.info.policies["bos"], encoder.info.policies["eos"]) == ("<|im_start|>", "<|im_end|>")
    left, right, gold = rg65(shared_data)
    x, y = (encoder.encode(side, encoder.poolings) for side in (left, right))
    best = {s: max(correlation(x[s][n], y[s][n], gold) for n in encoder.spaces) for s in ("plain", "bos_eos")}
    assert best == {"plain": pytest.approx(0.27, abs=0.006), "bos_eos": pytest.approx(0.23, abs=0.006)}
    assert np.ptp(x["eos"]["layer00"], axis=0).max() == 0


E5_LAYERS = [0.351, 0.363, 0.348, 0.361, 0.415, 0.417, 0.404, 0.407, 0.393, 0.406, 0.478, 0.590, 0.633]
"""Spearman on RG-65 of e5, last subtoken in BOS and EOS, measured with other code."""


@pytest.mark.slow
def test_e5_rg65_by_layer():
    from embedscope.datasets import DATASETS, Finder

    encoder = open_model("e5")
    assert (encoder.info.n_layers, encoder.info.width, encoder.causal) == (12, 384, False)
    assert encoder.info.kind == "contrastive"
    data = DATASETS.get("rg65").load(Finder(None))
    pairs = data.relations["pairs"]
    x = encoder.encode(data.tables["words"].texts, ["bos_eos"], pooled=True)
    got = [correlation(v[pairs.left], v[pairs.right], pairs.gold) for v in x["bos_eos"].values()]
    np.testing.assert_allclose(got, E5_LAYERS, atol=0.0015)
    pooled = x[None]["pooled"]
    assert correlation(pooled[pairs.left], pooled[pairs.right], pairs.gold) == pytest.approx(0.625, abs=0.0015)


@pytest.mark.slow
def test_e5_is_read_as_sentence_transformers_reads_it():
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    encoder = open_model("e5")
    texts = ["where is the cat", "猫はどこですか", "¿dónde está el gato? ﬁne\t\u200bx", "x " * 600]
    library = st.SentenceTransformer(str(encoder._saved.root), device="cpu")
    found = encoder.encode(texts, ["query", "document"], pooled=True)
    for role, call in ((None, library.encode), ("query", library.encode_query), ("document", library.encode_document)):
        one_by_one = np.concatenate([call([text], show_progress_bar=False) for text in texts])  # nothing is padded
        np.testing.assert_allclose(found[role]["pooled"], one_by_one, atol=1e-6)
    assert library.prompts["document"] == "passage: "
    assert encoder.tokenize(texts, None).truncated[-1]


@pytest.mark.slow
@pytest.mark.shared_data
def test_e5_stsb(shared_data):
    """Of the first 120 pairs, .914 by sentence-transformers on the same files (all 1,379: .839)."""
    from embedscope.core.cache import VectorCache
    from embedscope.datasets import DATASETS, Finder
    from embedscope.sources.text_vectors import extract

    encoder = open_model("e5")
    data = DATASETS.get("stsb").load(Finder(shared_data))
    pairs = data.relations["test"]
    texts = data.tables[pairs.table].texts
    left, right, gold = pairs.left[:120], pairs.right[:120], pairs.gold[:120]
    rows = np.unique(np.concatenate([left, right]))
    used = [texts[i] for i in rows]
    x = np.zeros((len(texts), 384))
    x[rows] = extract(encoder, used, [None], cache=VectorCache()).matrix(None, "pooled", used)
    assert correlation(x[left], x[right], gold) == pytest.approx(0.91426, abs=1e-4)
    mean = (np.linalg.norm(x[rows].sum(axis=0)) ** 2 - len(rows)) / (len(rows) * (len(rows) - 1))
    assert mean == pytest.approx(0.7757, abs=1e-3)


@pytest.mark.slow
def test_random_e5_has_the_architecture_alone():
    open_model("e5")
    encoder = open_encoder("random:e5", device="cpu", seed=1)
    assert (encoder.info.n_layers, encoder.info.kind, encoder.has_pooled) == (12, "random", True)


@pytest.mark.slow
def test_a_damaged_e5_file_is_refused(tmp_path, monkeypatch):
    from embedscope.core.errors import ChecksumError, InputError
    from embedscope.encoders._e5 import read_e5

    open_model("e5")
    alias = ALIASES["e5"]
    data = bytearray((alias.find() / alias.weights).read_bytes())
    file = tmp_path / alias.weights
    for damage in (data[:-100], data + b"\0", b"E5S2" + data[4:], data[:8] + b"\x81" + data[9:]):
        file.write_bytes(damage)
        with pytest.raises(InputError, match="reinstall"):
            read_e5(file)
    data[-1] ^= 1
    file.write_bytes(data)
    monkeypatch.setattr(type(alias), "find", lambda _: tmp_path)
    with pytest.raises(ChecksumError):
        open_encoder("e5")
