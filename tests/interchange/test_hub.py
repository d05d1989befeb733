"""Scores on the hub and checks on GitHub: what its own library reads, and what a reader of a pull request sees."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest

import embedscope
from embedscope.core.errors import InputError
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.diagnosis.drift import drift
from embedscope.interchange.github import step_summary
from embedscope.interchange.hub import eval_results, model_card, put_model_card
from embedscope.interchange.junit import check_cases


def scores(*tasks: str) -> Result:
    records = tuple(
        Record("minilm", t, 0.8, space="pooled", task=t, ci_low=0.78, ci_high=0.82, n=1379, dim=384) for t in tasks
    )
    return Result(records, {"command": "embedscope evaluate minilm", "started": "2026-11-30T00:00:00+00:00"})


def test_eval_results_are_read_by_the_library_of_the_hub() -> None:
    hub = pytest.importorskip("huggingface_hub")
    yaml = pytest.importorskip("yaml")
    text, left = eval_results(scores("stsb", "rg65"), {})
    entries = hub.parse_eval_result_entries(yaml.safe_load(text))
    assert left == ["rg65"]
    assert [(e.dataset_id, e.task_id, e.value) for e in entries] == [("mteb/stsbenchmark-sts", "STSBenchmark", 0.8)]
    assert "0.7800 to 0.8200" in entries[0].notes
    text, left = eval_results(scores("rg65"), {"rg65": "me/words"})
    assert hub.parse_eval_result_entries(yaml.safe_load(text))[0].dataset_id == "me/words"
    assert left == []


def test_eval_results_need_a_data_set_and_one_model() -> None:
    with pytest.raises(InputError, match="--hub-dataset rg65="):
        eval_results(scores("rg65"))
    with pytest.raises(InputError, match="no task 'simlex'"):
        eval_results(scores("stsb"), {"simlex": "a/b"})
    two = Result((*scores("stsb").records, Record("e5", "stsb", 0.7, task="stsb")))
    with pytest.raises(InputError, match="one model"):
        eval_results(two)


def test_a_model_card_keeps_what_is_around_the_block(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("---\nlicense: mit\n---\n# My model\n")
    put_model_card(scores("stsb"), card)
    first = card.read_text()
    assert first.startswith("---\nlicense: mit\n---\n# My model\n")
    assert "| minilm | stsb | stsb | 0.8000 | 0.7800 to 0.8200 | 1,379 |" in first
    card.write_text(first + "\n## Licence\n")
    put_model_card(scores("stsb", "rg65"), card)
    second = card.read_text()
    assert second.count("embedscope: begin") == second.count("embedscope: end") == 1
    assert "rg65" in second
    assert second.endswith("## Licence\n")
    assert "minilm" in model_card(scores("stsb"))
    card.write_text("<!-- embedscope: begin -->")
    with pytest.raises(InputError, match="without"):
        put_model_card(scores("stsb"), card)


def test_a_step_summary_says_better_and_worse_and_what_was_not_compared() -> None:
    shared = {"space": "vectors", "n": 1000, "dim": 8}
    old = Result(
        (
            Record("x", "isoscore", 0.5, stderr=0.01, **shared),
            Record("x", "self_similarity", 0.5, stderr=0.01, **shared),
            Record("x", "mean_norm", 3.0, stderr=0.01, **shared),
            Record("x", "hubness_skew", 1.0, **shared),
        )
    )
    new = Result(
        (
            Record("x", "isoscore", 0.3, stderr=0.01, **shared),
            Record("x", "self_similarity", 0.2, stderr=0.01, **shared),
            Record("x", "mean_norm", 5.0, stderr=0.01, **shared),
            Record("x", "hubness_skew", 2.0, **shared),
        )
    )
    text = step_summary(drift(old, new))
    assert "### :x: Drift in x: 1 worse, 1 changed, 1 better" in text
    assert "| isoscore of vectors | 0.5 | 0.3 | worse |" in text
    assert "| self_similarity of vectors | 0.5 | 0.2 | better |" in text
    assert "| mean_norm of vectors | 3 | 5 | changed |" in text
    assert text.splitlines()[-1] == "Not compared: hubness_skew."


def test_a_check_without_drift_passes_in_junit_and_has_a_green_summary() -> None:
    result = embedscope.measure(np.random.default_rng(0).normal(size=(300, 4)), metrics="mean_norm")
    made = drift(result, result)
    assert 'tests="1" failures="0"' in check_cases(made)
    text = step_summary(made)
    assert text.startswith("### :white_check_mark: No drift")
    assert "1 number agrees" in text
    assert "Not compared" not in text


def test_a_number_has_one_name_in_junit_whether_it_passes_fails_or_is_skipped() -> None:
    def run(cosine: float, i1: float, norm: float) -> Result:
        values = {"self_similarity": (cosine, 0.01), "i1": (i1, None), "mean_norm": (norm, 0.01)}
        return Result(tuple(Record("x", m, v, space="pooled", stderr=e, n=50, dim=8) for m, (v, e) in values.items()))

    cases = {}
    for name, now in (("same", run(0.5, 0.5, 1.0)), ("other", run(0.9, 0.4, 1.0))):
        suite = Xml.fromstring(check_cases(drift(run(0.5, 0.5, 1.0), now))).find("testsuite")
        cases[name] = {(c.attrib["classname"], c.attrib["name"]): c for c in suite.findall("testcase")}
    assert (
        set(cases["same"]) == set(cases["other"]) == {("x.pooled", m) for m in ("self_similarity", "i1", "mean_norm")}
    )
    assert not any(c.find("failure") is not None or c.find("skipped") is not None for c in cases["same"].values())
    failed, skipped = (cases["other"]["x.pooled", m] for m in ("self_similarity", "i1"))
    assert failed.find("failure").attrib["message"] == (
        "self_similarity of pooled rose from 0.5 to 0.9, for the worse."
    )
    assert "without an error bar" in skipped.find("skipped").attrib["message"]
