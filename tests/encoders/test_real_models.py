"""The models that install from PyPI: published or noted values, and the pooled vector against sentence-transformers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from embedscope.encoders import ALIASES, open_encoder

pytestmark = pytest.mark.models


def opened(alias):
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
    encoder = opened("minilm")
    left, right, gold = rg65(shared_data)
    x, y = (encoder.encode(side, ["bos_eos"], pooled=True) for side in (left, right))
    got = [correlation(x["bos_eos"][s], y["bos_eos"][s], gold) for s in encoder.spaces]
    np.testing.assert_allclose(got, [0.58, 0.58, 0.61, 0.64, 0.66, 0.66, 0.69], atol=0.006)
    assert correlation(x[None]["pooled"], y[None]["pooled"], gold) == pytest.approx(0.74, abs=0.006)


def test_minilm_pooled_equals_sentence_transformers():
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    encoder = opened("minilm")
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


@pytest.mark.shared_data
def test_smollm2_rg65(shared_data):
    """plain at most .27, BOS+EOS at most .23, EOS constant at layer 0; the second start reads the converted copy."""
    encoder = opened("smollm2")
    assert encoder.poolings == ("plain", "bos_eos", "eos")
    assert (encoder.info.n_layers, encoder.info.width, encoder.has_pooled) == (30, 576, False)
    assert (encoder.info.policies["bos"], encoder.info.policies["eos"]) == ("<|im_start|>", "<|im_end|>")
    left, right, gold = rg65(shared_data)
    x, y = (encoder.encode(side, encoder.poolings) for side in (left, right))
    best = {s: max(correlation(x[s][n], y[s][n], gold) for n in encoder.spaces) for s in ("plain", "bos_eos")}
    assert best == {"plain": pytest.approx(0.27, abs=0.006), "bos_eos": pytest.approx(0.23, abs=0.006)}
    assert np.ptp(x["eos"]["layer00"], axis=0).max() == 0
