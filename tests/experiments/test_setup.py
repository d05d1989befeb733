"""``--check-setup``: what is missing is said with what it gives, and nothing is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedscope.core.errors import InputError
from embedscope.experiments import EXPERIMENTS
from embedscope.experiments.experiment import Options
from embedscope.experiments.setup import absent, is_complete, setup


def test_a_folder_is_here_and_a_name_that_was_never_fetched_is_not(tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert absent(f"hf:{tmp_path}") is None
    assert "hf download nobody/nothing-of-the-kind" in absent("hf:nobody/nothing-of-the-kind")
    assert "--as" in absent("hf:nobody/nothing-of-the-kind")
    assert absent("gensim:nowhere.txt") == "there is no file nowhere.txt"


def test_missing_data_make_it_incomplete_and_missing_models_of_the_paper_do_not(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("EMBEDSCOPE_DATA", raising=False)
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    study = EXPERIMENTS.get("wolfe2022")
    result = setup(study, Options(models=(f"hf:{tmp_path}",), data=tmp_path / "data", download=False))
    assert not is_complete(result)
    texts = {f.text: f for f in result.document.findings}
    assert any("stsb" in text and f.status == "warning" for text, f in texts.items())
    paper = [f for text, f in texts.items() if text.startswith("Model of the paper gpt2")]
    assert len(paper) == 1, "gpt2 and openai-community/gpt2 are one model"
    assert paper[0].status == "info"
    assert "published numbers" in paper[0].text
    states = {row[1]: row[2] for row in result.document.tables[0].rows}
    assert states[f"hf:{tmp_path}"] == "here"


def test_what_is_here_is_complete(shared_data: Path) -> None:
    study = EXPERIMENTS.get("liang2022")
    assert is_complete(setup(study, Options(models=study.models, data=shared_data, download=False)))
    missing = setup(study, Options(models=study.models, data=Path(__file__).parent, download=False))
    assert not is_complete(missing)
    assert ": 17 of 17 not here, first " in missing.document.findings[1].text


@pytest.mark.parametrize("name", list(EXPERIMENTS))
def test_every_study_says_what_it_reads(name: str) -> None:
    from embedscope.datasets import DATASETS

    study = EXPERIMENTS.get(name)
    assert all(data in DATASETS for data in study.datasets_at("full"))
    assert study.datasets_at("full") or study.file_sets
    assert all(files.files and files.hint for files in study.file_sets)


def test_full_scale_of_drift2025_needs_more_data(shared_data: Path, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EMBEDSCOPE_DATA", raising=False)
    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path))
    study = EXPERIMENTS.get("drift2025")

    def missing(scale: str, data: Path) -> set[str]:
        options = Options(models=("minilm",), data=data, download=False, scale=scale)
        return {row[1] for row in setup(study, options).document.tables[0].rows if row[2] == "missing"}

    names = "class names of LVIS by CLIP"
    assert missing("full", shared_data) - {"minilm"} == set()
    assert missing("smoke", tmp_path) - {"minilm", "lee_sentences"} == {names}
    assert missing("full", tmp_path) - {"minilm", "lee_sentences"} == {names, "sts_sentences"}


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("drift2025", {"transform": "center"}),
        ("drift2025", {"prompt": "a {class}"}),
        ("drift2025", {"first_position": "drop"}),
        ("liang2022", {"transform": "center"}),
        ("wolfe2022", {"prompt": "a {class}"}),
    ],
)
def test_options_that_mean_nothing_to_a_study_are_refused(name: str, option: dict[str, str]) -> None:
    with pytest.raises(InputError, match=f"means nothing to {name}; leave it out"):
        EXPERIMENTS.get(name).check(Options((), **option))


def test_options_that_a_study_reads_are_taken() -> None:
    EXPERIMENTS.get("wolfe2022").check(Options((), transform="center", first_position="drop"))
    EXPERIMENTS.get("tyshchuk2023").check(Options((), prompt="a {class}"))
