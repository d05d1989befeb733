"""Export onto a model with ``truncate_dim``, and the loop: exported, evaluated here, evaluated by the library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from embedscope.encoders import open_encoder
from embedscope.exports import Order, find_export
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Repair

pytestmark = pytest.mark.models
TEXTS = ["a cat on the mat", "the dog barks", "stock markets fell", "rain in the north", "a quiet evening", "red cars"]


def test_the_exported_model_is_the_one_evaluated(tmp_path: Path) -> None:
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    from embedscope.encoders.aliases import ALIASES

    if ALIASES["minilm"].path() is None:
        pytest.skip("MiniLM is not installed")
    prompts = {"query": "query: ", "document": ""}
    model = st.SentenceTransformer(str(ALIASES["minilm"].find()), device="cpu", truncate_dim=32, prompts=prompts)
    model.save(str(tmp_path / "short"), create_model_card=False)
    vectors = open_encoder(f"st:{tmp_path / 'short'}", device="cpu").encode(TEXTS, [], pooled=True)[None]["pooled"]
    assert vectors.shape == (6, 32)
    repair = Repair.from_chain(parse_chain("center").fit(vectors), normalise_before=True, normalise_after=True)
    out = tmp_path / "out"
    find_export("sentence-transformers").write(Order(repair, Path("r.safetensors"), out, None, str(tmp_path / "short")))
    wanted = repair.transform(vectors)
    library = st.SentenceTransformer(str(out), device="cpu")
    np.testing.assert_allclose(library.encode(TEXTS), wanted, atol=1e-6)
    encoder = open_encoder(f"st:{out}", device="cpu")
    found = encoder.encode(TEXTS, ["query"], pooled=True)
    np.testing.assert_allclose(found[None]["pooled"], wanted, atol=1e-6)
    np.testing.assert_allclose(found["query"]["pooled"], library.encode_query(TEXTS), atol=1e-6)


def test_leading_dimensions_are_the_truncate_dim_of_the_exported_model(tmp_path: Path) -> None:
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    from embedscope.certification.fitting import moments_of
    from embedscope.compression.candidates import parse_plan
    from embedscope.compression.fitting import Fitter
    from embedscope.encoders.aliases import ALIASES

    if ALIASES["minilm"].path() is None:
        pytest.skip("MiniLM is not installed")
    model = st.SentenceTransformer(str(ALIASES["minilm"].find()), device="cpu")
    vectors = model.encode(TEXTS)
    fitted = Fitter(moments_of(vectors, True), vectors, 0, 0).fit(parse_plan("first:64+int8"))
    repair = fitted.repair({})
    lines = find_export("sentence-transformers").write(
        Order(repair, Path("r.safetensors"), tmp_path / "out", None, str(ALIASES["minilm"].find()))
    )
    assert "truncate_dim is 64" in lines[0]
    library = st.SentenceTransformer(str(tmp_path / "out"), device="cpu")
    assert library.truncate_dim == 64
    wanted = repair.transform(vectors, "query")
    np.testing.assert_allclose(library.encode(TEXTS, normalize_embeddings=True), wanted, atol=1e-6)
