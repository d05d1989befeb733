"""Published models are recognised by name, by what the user says, by configuration; bounds are bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embedscope.core.errors import InputError
from embedscope.experiments import EXPERIMENTS
from embedscope.experiments._shimangaud2024.numbers import published_role as of_shimangaud
from embedscope.experiments._tyshchuk2023.numbers import published_role as of_tyshchuk
from embedscope.experiments._wolfe2022.numbers import PUBLISHED_MODELS
from embedscope.experiments._wolfe2022.numbers import published_role as of_wolfe
from embedscope.experiments.experiment import Claim
from embedscope.experiments.published import parse_stated_models

GPT2 = {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257}


def folder(path: Path, config: dict[str, object]) -> str:
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config))
    return f"hf:{path}"


def test_a_bound_has_no_tolerance() -> None:
    below = Claim("text", "contrastive", "self_similarity", 0.25, "max", bound="below")
    assert (below.verdict(0.2499), below.verdict(0.25), below.verdict(0.269)) == ("agrees", "deviates", "deviates")
    least = Claim("text", "causal", "self_similarity", 0.97, "min", bound="at least")
    assert (least.verdict(0.97), least.verdict(0.969)) == ("agrees", "deviates")
    above = Claim("text", "causal", "self_similarity", 0.55, "min", bound="above")
    assert (above.verdict(0.551), above.verdict(0.55)) == ("agrees", "deviates")


def test_names_of_the_hub() -> None:
    assert of_wolfe("gpt2") == of_wolfe("hf:openai-community/gpt2") == of_wolfe("hf:gpt2@main") == "causal"
    assert of_wolfe("hf:openai/clip-vit-base-patch32#text") == "contrastive"
    assert of_tyshchuk("hf:google-bert/bert-base-uncased") == "bert"
    assert of_wolfe("random:gpt2") is None


def test_a_folder_is_recognised_by_its_configuration(tmp_path: Path) -> None:
    assert of_wolfe(folder(tmp_path / "small", GPT2)) == "causal"
    assert of_wolfe(folder(tmp_path / "medium", GPT2 | {"n_layer": 24, "n_embd": 1024})) is None
    assert of_wolfe(folder(tmp_path / "no-config", {})) is None


def test_what_the_user_says_comes_first(tmp_path: Path) -> None:
    uri = folder(tmp_path / "mine", {"model_type": "llama"})
    stated = parse_stated_models([f"gpt2={tmp_path / 'mine'}"], PUBLISHED_MODELS)
    assert stated == {uri: "gpt2"}
    assert of_wolfe(uri, stated) == "causal"
    assert of_wolfe(uri) is None
    clip = parse_stated_models([f"openai/clip-vit-base-patch32={tmp_path / 'mine'}"], PUBLISHED_MODELS)
    assert clip == {f"{uri}#text": "openai/clip-vit-base-patch32"}
    assert of_shimangaud("gensim:w.bin", {"gensim:w.bin": "word2vec"}) == "word2vec"
    with pytest.raises(InputError, match="NAME=SOURCE"):
        parse_stated_models(["gpt2"], PUBLISHED_MODELS)
    with pytest.raises(InputError, match="did you mean 'gpt2'"):
        parse_stated_models(["gpt3=x"], PUBLISHED_MODELS)


def list_claims(page: str) -> dict[str, tuple[int, int]]:
    """Rows of the table of claims in a page of the docs: (claims, checkable) by place in the publication."""
    rows = page.partition("## Claims\n")[2].partition("\n## ")[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("|")]
    return {row[0]: (int(row[1]), int(row[2])) for row in cells[2:]}


STUDIES = [name for name in EXPERIMENTS if any(not c.limit for c in EXPERIMENTS.get(name).claims)]
"""Studies with a number that public models and data can check."""


@pytest.mark.parametrize("name", STUDIES)
def test_the_docs_count_the_claims_that_the_code_has(name: str) -> None:
    """Per place in the publication: how many numbers are claims, and how many public models and data can check."""
    claims = EXPERIMENTS.get(name).claims
    page = (Path(__file__).parents[2] / "docs" / f"{name}.md").read_text(encoding="utf-8")
    counted = {
        where: (len(of), sum(not c.limit for c in of))
        for where in dict.fromkeys(c.source for c in claims)
        if (of := [c for c in claims if c.source == where])
    }
    counted["all"] = (len(claims), sum(not c.limit for c in claims))
    assert list_claims(page) == counted


def test_every_study_names_its_models() -> None:
    for name in STUDIES:
        assert EXPERIMENTS.get(name).published_models, name


@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_every_study_has_a_page(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert f"embedscope reproduce {name}" in page
