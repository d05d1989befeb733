"""A model in place of a file: the same decision as on its vectors, and a repair that knows whose vectors it is for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.datasets import DATASETS, Finder
from embedscope.encoders import MODELS, open_encoder
from embedscope.repairs.repair import repair
from embedscope.sources.text_vectors import extract

pytestmark = [pytest.mark.models, pytest.mark.timeout(600)]
ANIMALS = ("cat", "dog", "horse", "cow", "sheep", "pig", "goat", "hen", "duck", "mouse", "lion", "tiger")
TOOLS = ("hammer", "saw", "spanner", "drill", "chisel", "axe", "file", "rasp", "level", "clamp", "pliers", "wrench")


def require_installed(alias: str) -> None:
    """Skip where a model is not here."""
    if MODELS.get(alias).path() is None:
        pytest.skip(f"the weights of {alias} are not installed")


def sentences() -> tuple[list[str], list[str]]:
    """Texts about animals and tools, some twice, and their class."""
    frames = ("The {} is here.", "I saw a {} today.", "Where is the {}?", "A {} and nothing else.")
    pairs = [
        (f.format(w), kind) for kind, words in (("animal", ANIMALS), ("tool", TOOLS)) for w in words for f in frames
    ]
    pairs += pairs[::7]
    return [text for text, _ in pairs], [kind for _, kind in pairs]


def test_scored_pairs_of_a_data_set_decide_as_on_vectors(shared_data: Path) -> None:
    require_installed("minilm")
    found, result = repair("minilm", scores="simlex999", candidates="center", data=shared_data, cache=False)
    data = DATASETS.get("simlex999").load(Finder(shared_data))
    (pairs,) = data.relations.values()
    texts = data.tables[pairs.table].texts
    encoder = open_encoder("minilm")
    x = extract(encoder, texts, [None], cache=None).matrix(None, "pooled", list(texts))
    rows = np.stack([pairs.left, pairs.right, pairs.gold], axis=1)  # type: ignore[union-attr]
    _, alone = repair(x, scores=rows, candidates="center")
    for part in ("select", "certify"):
        mine, theirs = (r.value(metric="spearman", subset=part, transform=None) for r in (result, alone))
        assert mine == theirs
    assert result.records[0].source == "minilm" and result.records[0].space == "pooled"
    origin = found.kinds["vectors"].source
    assert origin is not None
    assert (origin.name, origin.weights_sha256) == ("minilm", encoder.info.weights_sha256)


def test_labels_of_texts_keep_equal_texts_in_one_part(tmp_path: Path) -> None:
    require_installed("minilm")
    texts, labels = sentences()
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    given = {"labels": labels, "layers": "final", "candidates": "center,abtt:1", "cache": False, "force": True}
    found, result = repair("minilm", texts=tmp_path / "texts.txt", **given)  # type: ignore[arg-type]
    sizes = result.provenance["settings"]["sizes"]
    assert sum(sizes.values()) == len(texts)
    assert result.records[0].space == "layer06"  # its last state has no norm of its own
    listed, again = repair("minilm", texts=texts, **given)  # type: ignore[arg-type]
    assert again.provenance["settings"]["sizes"] == sizes
    assert found.kinds["vectors"].mean is not None and listed.kinds["vectors"].mean is not None
    np.testing.assert_array_equal(found.kinds["vectors"].mean, listed.kinds["vectors"].mean)
    found.save(tmp_path / "r.safetensors")
    with pytest.raises(InputError, match="smollm2"):
        type(found).load(tmp_path / "r.safetensors").check_source("smollm2", "vectors")
    with pytest.raises(InputError, match=r"labels for \d+ rows"):
        repair("minilm", texts=texts[:-1], **given)  # type: ignore[arg-type]


def test_what_does_not_go_with_a_model_is_said(tmp_path: Path, shared_data: Path) -> None:
    x = np.eye(8)
    with pytest.raises(InputError, match="--texts DATASET or --texts FILE"):
        repair("minilm", labels=[0] * 8)
    with pytest.raises(InputError, match="the array holds vectors"):
        repair(x, labels=[0] * 8, texts=["a"] * 8)
    with pytest.raises(InputError, match="brings its own texts"):
        repair("minilm", scores="stsb::dev", texts=["a"], data=shared_data)
    with pytest.raises(InputError, match="has no pairs with human scores; stsb has"):
        repair("minilm", scores="stsb::nothing", data=shared_data)
    (tmp_path / "t.txt").write_text("one\n\ntwo\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 2 of .* is empty"):
        repair("minilm", texts=tmp_path / "t.txt", labels=[0, 1, 0])
