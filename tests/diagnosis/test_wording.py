"""What a diagnosis says: its numbers are explained, its shares are in one style, its commands name the sides."""

from __future__ import annotations

import re

import numpy as np

from embedscope.core.records import Record
from embedscope.diagnosis import diagnose
from embedscope.diagnosis._readings import Numbers
from embedscope.diagnosis.thresholds import ALL_RULES
from embedscope.diagnosis.where import UNNAMED
from embedscope.reports.glossary import definitions


def advice(verdict):
    """What to try, as one sentence."""
    return "; ".join(map(str, verdict.rule.remedy.actions(verdict.numbers)))


RNG = np.random.default_rng(3)


def test_the_glossary_explains_every_number_that_a_finding_rests_on() -> None:
    metrics = {m for rule in ALL_RULES for m in rule.metrics}
    assert len(metrics) > 20
    assert metrics <= set(definitions())


def test_every_share_in_a_sentence_has_the_same_style() -> None:
    values = {
        "two_populations": 0.25, "two_populations.own": 0.75, "two_populations.share": 0.0425, "two_kinds": 0.875,
        "two_populations.likeness": 0.2, "two_populations.gap": 0.5,
    }  # fmt: skip
    numbers = Numbers({m: Record(source="x", metric=m, value=v, n=400) for m, v in values.items()}, "x", "", UNNAMED)
    rules = [r for r in ALL_RULES if r.id in ("two_populations", "two_kinds")]
    sentences = [r.sentence(numbers, r.read(numbers)) for r in rules]
    shares = [re.findall(r"[\d.]+\s?%", s) for s in sentences]
    assert shares == [["25 %", "75 %"], ["4.2 %", "88 %"]]


def test_commands_name_the_sides_as_they_were_named(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, mean in (("a.npy", 1.0), ("b.npy", -1.0), ("q.npy", -2.0)):
        np.save(name, RNG.normal(size=(200, 8)) + mean)
    named = diagnose(pair=("a.npy", "b.npy"), queries="q.npy", names=("photo", "caption"))
    said = "\n".join(advice(v) for v in named.problems())
    assert "--pair a.npy b.npy --modalities photo,caption" in said
    assert "--corpus photo=a.npy --corpus caption=b.npy" in said and "image=" not in said
    plain = diagnose(pair=("a.npy", "b.npy"), queries="q.npy")
    said = "\n".join(advice(v) for v in plain.problems())
    assert "--corpus image=a.npy --corpus text=b.npy" in said and "--modalities" not in said
