"""A repair does what the chain or alignment in it does, in one product, and refuses vectors that are not its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.records import Record
from embedscope.transforms import parse_chain, storage
from embedscope.transforms.align import Side, parse_alignment
from embedscope.transforms.calibration import Isotonic, Platt
from embedscope.transforms.repair import KindMap, Origin, Repair, ScorerChoice

SHA = "a" * 64


def rows(n: int = 60, d: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3.0


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("text", ["center", "abtt:2", "whiten:4", "pca:3", "center,abtt:1,whiten:5", "whiten:6:zca"])
def test_of_a_chain_is_the_chain_in_one_product(text: str) -> None:
    x, new = rows(), rows(9, seed=1)
    chain = parse_chain(text).fit(x)
    repair = Repair.from_chain(chain, n=len(x))
    assert repair.header.candidate == text
    np.testing.assert_allclose(repair.transform(new), chain.transform(new), atol=1e-12)
    both = Repair.from_chain(parse_chain(text).fit(unit(x)), normalise_before=True, normalise_after=True)
    wanted = unit(parse_chain(text).fit(unit(x)).transform(unit(new)))
    np.testing.assert_allclose(both.transform(new), wanted, atol=1e-12)


@pytest.mark.parametrize("text", ["center,unit", "procrustes:center", "lstsq:0.1", "shift,unit", "own:center+abtt:1"])
def test_of_an_alignment_is_the_alignment(text: str) -> None:
    x, y = rows(), rows(seed=2)
    alignment = parse_alignment(text).fit(x, y)
    repair = Repair.from_alignment(alignment, ("image", "text"))
    np.testing.assert_allclose(repair.transform(x, "image"), alignment.transform(x), atol=1e-12)
    np.testing.assert_allclose(repair.transform(y, "text"), alignment.transform_right(y), atol=1e-12)
    assert (repair.header.candidate, repair.header.n) == (text, 60)


def test_centring_kinds_takes_each_mean_of_unit_rows() -> None:
    sides = {"query": rows(seed=3), "document": rows(seed=4), "image+text": rows(seed=5)}
    repair = Repair.centre_kinds({name: unit(x).mean(axis=0) for name, x in sides.items()})
    for name, x in sides.items():
        np.testing.assert_allclose(repair.transform(x, name), unit(unit(x) - unit(x).mean(axis=0)), atol=1e-14)


def test_float32_comes_out_as_float32_and_right_where_the_mean_is_large() -> None:
    x = (rows() + 1e4).astype(np.float32)
    chain = parse_chain("whiten").fit(x)
    out = Repair.from_chain(chain).transform(x)
    assert out.dtype == np.float32
    assert np.abs(out - chain.transform(x)).max() < 1e-6
    assert Repair.from_chain(chain).transform(x.astype(np.float16)).dtype == np.float32


def test_one_vector_blocks_and_zero_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows()
    repair = Repair.from_chain(parse_chain("center,pca:3").fit(x), normalise_before=True, normalise_after=True)
    whole = repair.transform(x)
    assert repair.transform(x[5]).shape == (3,)
    np.testing.assert_allclose(repair.transform(x[5]), whole[5], atol=1e-14)
    monkeypatch.setattr("embedscope.transforms.repair._kind._CELLS", 40)
    np.testing.assert_allclose(repair.transform(x), whole, atol=1e-14)
    assert np.isfinite(repair.transform(np.zeros((1, 6)))).all()


def test_torch_vectors_are_taken() -> None:
    torch = pytest.importorskip("torch")
    repair = Repair.centre_kinds({"text": np.ones(6)})
    x = rows().astype(np.float32)
    np.testing.assert_array_equal(repair.transform(torch.from_numpy(x)), repair.transform(x))


def full() -> Repair:
    x, y = rows(), rows(seed=2)
    return Repair.from_alignment(
        parse_alignment("center,procrustes,unit").fit(x, y),
        ("image+text", "text"),
        normalise_before=True,
        sources={"text": Origin("minilm", SHA)},
        fitted_on="60 pairs of captions",
        decision="the gain is certain",
        evidence=(Record("minilm", "ndcg@10", 0.31, ci_low=0.2, ci_high=0.4, n=20),),
        notes=("ten pairs were left out",),
        calibration=Isotonic.fit([0.9, 0.8, 0.6], [0.1, 0.7], positive_rate=0.25),
        scorer=ScorerChoice("csls:10", transductive=True),
    )


def test_file_holds_everything(tmp_path: Path) -> None:
    repair = full()
    repair.save(tmp_path / "r.safetensors")
    found = Repair.load(tmp_path / "r.safetensors")
    assert found.header == repair.header
    assert list(found.kinds) == ["image+text", "text"]
    assert found.kinds["text"].source == Origin("minilm", SHA)
    for name in repair.kinds:
        np.testing.assert_array_equal(found.transform(rows(seed=7), name), repair.transform(rows(seed=7), name))
    np.testing.assert_array_equal(found.probability([0.2, 0.85]), repair.probability([0.2, 0.85]))
    with safe_open(str(tmp_path / "r.safetensors"), "numpy") as file:
        header = json.loads(file.metadata()["embedscope.repair"])
    assert header["format_version"] == 1
    assert header["kinds"]["text"]["dim_in"] == 6
    assert header["scorer"] == {"text": "csls:10", "transductive": True}
    platt = repair.with_header(calibration=Platt.fit([0.9, 0.8], [0.1], positive_rate=0.5))
    platt.save(tmp_path / "p.safetensors")
    assert Repair.load(tmp_path / "p.safetensors").header == platt.header


def test_identity_is_a_file_too(tmp_path: Path) -> None:
    repair = Repair.identity(6, ("query", "document"))
    repair.save(tmp_path / "r.safetensors")
    found = Repair.load(tmp_path / "r.safetensors")
    assert found.is_identity
    assert not full().is_identity
    x = rows()
    np.testing.assert_array_equal(found.transform(x, "query"), x)


@pytest.mark.parametrize("bad", [b"", b"not safetensors", None])
def test_other_files_are_refused(bad: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "r.safetensors"
    if bad is None:
        parse_chain("center").fit(rows()).save(path)
    else:
        path.write_bytes(bad)
    with pytest.raises(InputError, match="is not a saved repair"):
        Repair.load(path)


def test_later_format_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = replace(storage.REPAIR, version=2)
    monkeypatch.setattr("embedscope.transforms.repair._files.REPAIR", later)
    full().save(tmp_path / "r.safetensors")
    monkeypatch.undo()
    with pytest.raises(InputError, match="has format_version 2, this version reads 1; update"):
        Repair.load(tmp_path / "r.safetensors")


def test_vectors_of_another_kind_width_or_model_are_refused_by_name() -> None:
    repair = full()
    with pytest.raises(
        UnknownNameError, match=r"unknown kind 'txt'; did you mean 'text'\? this repair has image\+text"
    ):
        repair.transform(rows(), "txt")
    with pytest.raises(InputError, match=r"has maps for image\+text, text; name one with --kind"):
        repair.transform(rows())
    with pytest.raises(InputError, match="5 dimensions, the repair takes text vectors of minilm with 6"):
        repair.transform(rows(d=5), "text")
    with pytest.raises(InputError, match="another model: got name 'gpt2', wanted 'minilm'"):
        repair.transform(rows(), "text", source="gpt2")
    with pytest.raises(InputError, match=r"weights with sha256 bbbbbbbbbbbb..., wanted aaaaaaaaaaaa... of 'minilm'"):
        repair.transform(rows(), "text", source=Origin("minilm", "b" * 64))
    with pytest.raises(InputError, match="does not record which model its"):
        repair.check_source("minilm", "image+text")
    repair.check_source(Origin("a copy of it", SHA), "text")
    repair.check_source(SHA, "text")
    repair.check_source("minilm", "text")


def test_what_cannot_be_a_repair_is_refused() -> None:
    with pytest.raises(InputError, match="at least one role or modality"):
        Repair({})
    with pytest.raises(InputError, match="come out with the same number of dimensions"):
        Repair({"a": KindMap(Side(2)), "b": KindMap(Side(3))})
    with pytest.raises(InputError, match=r"mean of a repair must have shape \(2,\), got \(3,\)"):
        KindMap(Side(2, np.zeros(3)))
    with pytest.raises(InputError, match="matrix of a repair must have shape"):
        KindMap(Side(2, None, np.zeros((3, 2))))
    with pytest.raises(InputError, match="holds nan or inf"):
        KindMap(Side(1, np.array([np.nan])))
    with pytest.raises(InputError, match="no score calibration"):
        Repair.identity(2).probability(0.3)
    with pytest.raises(InputError, match="holds nan or inf"):
        Repair.identity(2).transform([[np.nan, 1.0]])


@pytest.mark.shared_data
def test_centring_each_modality_of_clip_gives_the_known_numbers(shared_data: Path) -> None:
    """Gap .8514 -> .0279, recall@1 .552 / .506 -> .542 / .500 on 500 pairs (computed apart with plain numpy)."""
    pairs = np.load(shared_data / "clip500" / "features_clip.npy").astype(np.float64)
    image, text = (unit(side) for side in pairs)
    assert np.linalg.norm(image.mean(axis=0) - text.mean(axis=0)) == pytest.approx(0.8514, abs=5e-5)
    repair = Repair.centre_kinds({"image": image.mean(axis=0), "text": text.mean(axis=0)})
    image, text = repair.transform(image, "image"), repair.transform(text, "text")
    assert np.linalg.norm(image.mean(axis=0) - text.mean(axis=0)) == pytest.approx(0.0279, abs=5e-5)
    scores, here = image @ text.T, np.arange(len(image))
    assert (scores.argmax(axis=1) == here).mean() == pytest.approx(0.542)
    assert (scores.argmax(axis=0) == here).mean() == pytest.approx(0.500)
