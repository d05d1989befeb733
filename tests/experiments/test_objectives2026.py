"""The controlled experiment: what is trained, that it can be stopped, that its sentences follow from numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from embedscope.core.errors import UnknownNameError
from embedscope.core.progress import Silent
from embedscope.core.records import Record
from embedscope.core.tables import TextTable
from embedscope.experiments import EXPERIMENTS
from embedscope.experiments._objectives2026.arms import ARMS, SIZES, setting
from embedscope.experiments._objectives2026.corpus import Texts, by_image, corpus, plain, tokenizer
from embedscope.experiments._objectives2026.figures import figures
from embedscope.experiments._objectives2026.findings import findings, headline
from embedscope.experiments._objectives2026.numbers import TOKENS, Numbers, over_seeds, paired_test
from embedscope.experiments._objectives2026.run import Trained, select_arms
from embedscope.experiments._objectives2026.tables import tables
from embedscope.experiments.experiment import Options

SPACES = ("layer00", "layer01", "layer02", "final")
TINY = replace(SIZES["smoke"], layers=1, width=16, heads=2, vocabulary=300, steps=6, images=8, held_out=12)


def network(arm: str, seed: int, similarity: float, score: float) -> Trained:
    """A network: mean cosine of tokens ``similarity``, word tests ``score``, the same in every layer."""
    records = [
        Record(f"{arm}, seed {seed}", metric, value, pooling, space, task)
        for space in SPACES
        for metric, value, pooling, task in (
            ("self_similarity", similarity, "native", "tokens"),
            ("top5_share", similarity, "native", "tokens"),
            ("top8_share", similarity, "native", "tokens"),
            ("sentence_self_similarity", similarity, "eos", "sentences"),
            *((test, score, p, test) for test in ("rg65", "stsb") for p in ("plain", "bos_eos", "eos")),
        )
    ]
    return Trained(ARMS[arm], seed, {"next_token_loss": 3.0, "recall@1": 0.1}, tuple(records))


def two_arms(gap: float, noise: float, seeds: int = 3) -> Numbers:
    rng = np.random.default_rng(0)
    found = []
    for seed in range(seeds):
        shared = rng.normal()
        for arm, shift in (("next_token", 0.0), ("contrast_05", gap)):
            value = 0.5 + 0.1 * shared + shift + noise * rng.normal()
            found.append(network(arm, seed, value, -value))
    return Numbers(found)


def test_seeds_are_paired_and_decide_large_differences_alone() -> None:
    """The shared part of a seed cancels; a difference as small as its spread is left undecided."""
    clear = {f.text: f.status for f in findings(two_arms(-0.3, 0.005))}
    sentences = [text for text in clear if "than after next token" in text]
    assert len(sentences) == 5
    assert {clear[text] for text in sentences} == {"agrees"}
    reversed_ = [f.status for f in findings(two_arms(0.3, 0.005)) if "than after next token" in f.text]
    assert set(reversed_) == {"deviates"}
    unclear = [f.status for f in findings(two_arms(-0.01, 0.05)) if "than after next token" in f.text]
    assert set(unclear) == {"undecided"}
    single = [f.status for f in findings(two_arms(-0.3, 0.005, seeds=1)) if "than after next token" in f.text]
    assert set(single) == {"undecided"}, "one seed has no error"


def test_the_headline_says_both_numbers_and_what_is_decided() -> None:
    for gap, noise, verdict in ((-0.3, 0.005, "lower"), (0.3, 0.005, "higher"), (-0.01, 0.05, "undecided")):
        said = headline(two_arms(gap, noise))
        assert said.text.startswith("Words in context have a mean cosine of 0.")
        assert said.text.endswith(f" after next-token prediction ({verdict}).")
        assert said.charts == ("self_similarity", "top5_share")
    assert headline(Numbers([network("contrast_05", 0, 0.5, 0.1)])) is None
    first, *_ = figures(two_arms(-0.3, 0.5))
    assert first.y_range == (0.0, 1.0), "an interval over seeds may reach beyond what a cosine can be"


def test_false_decisions_are_as_rare_as_said() -> None:
    """Two arms without a difference: the interval over three seeds misses 0 in about 5 % of 2,000 runs."""
    rng = np.random.default_rng(1)
    wrong = sum(over_seeds(list(rng.normal(size=3))).estimate.above() != "undecided" for _ in range(2000))
    assert 0.035 < wrong / 2000 < 0.065


def test_a_difference_without_spread_but_rounding_decides_nothing() -> None:
    """Three seeds that differ by a tenth each, up to the last bit: their spread of 1e-17 is no error."""
    delta = paired_test({0: 0.4, 1: 0.5, 2: 0.6}, {0: 0.3, 1: 0.4, 2: 0.5})
    assert 0 < np.std([0.4 - 0.3, 0.5 - 0.4, 0.6 - 0.5]) < 1e-15
    assert delta.estimate.above() == "undecided" and delta.p is None


def test_numbers_by_hand() -> None:
    numbers = two_arms(-0.3, 0.0)
    assert numbers.ladder == ("layer00", "layer01", "final")
    delta = paired_test(numbers.over_layers("contrast_05", TOKENS), numbers.over_layers("next_token", TOKENS))
    assert delta.estimate.value == pytest.approx(-0.3)
    assert delta.seeds == 3
    means = [r for r in numbers.records() if r.metric == "rg65" and r.source == "next_token" and r.space == "final"]
    own = [-v for v in numbers.top("next_token", TOKENS).values()]
    assert means[0].value == pytest.approx(np.mean(own))
    assert means[0].stderr == pytest.approx(np.std(own, ddof=1) / np.sqrt(3))
    assert {t.id for t in tables(numbers)} == {"arms", "geometry", "table1"}
    drawn = {f.id: f for f in figures(numbers)}
    assert len(drawn["self_similarity"].series) == 2
    assert len(drawn["self_similarity"].series[0].x) == len(SPACES)


def test_unknown_arms_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown model of objectives2026 'minilm'"):
        EXPERIMENTS.get("objectives2026").check(Options(models=("minilm",)))
    assert [a.id for a in select_arms(["next_token", "next_token"])] == ["next_token"]
    assert "3 seeds" in setting(SIZES["full"])


def test_captions_are_grouped_by_image_and_compared_without_punctuation() -> None:
    table = TextTable(("a dog", "a cat", "the dog"), "sentence", ("1", "2", "1"))
    assert by_image(table) == [("a dog", "the dog"), ("a cat",)]
    assert plain("A dog, running  !") == plain("a Dog running")


@pytest.fixture(scope="module")
def small():
    """Sixty images with three captions each of a made-up language, and the tokenizer trained on them."""
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(30)]
    groups = tuple(tuple(" ".join(rng.choice(words[i % 25 : i % 25 + 5], 4)) for _ in range(3)) for i in range(60))
    made = tokenizer((t for g in groups for t in g), TINY.vocabulary)
    return corpus(Texts(groups[12:], groups[:12], "made up"), made)


def test_a_word_alone_is_the_token_that_it_is_in_a_sentence(small) -> None:
    made = small.tokenizer
    alone, inside = (made(t, add_special_tokens=False)["input_ids"] for t in ("word7", "word1 Word7"))
    assert inside[-len(alone) :] == alone
    assert made("word7")["input_ids"] == [made.bos_token_id, *alone, made.eos_token_id]


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["next_and_contrast", "names_image_text"])
def test_training_that_was_stopped_goes_on_as_if_it_had_not_been(small, arm, tmp_path, monkeypatch) -> None:
    """Six steps at once, and three, a new process's worth of objects and three more: the same weights, bit for bit."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    from embedscope.experiments._objectives2026.training import Recipe, Trainer, facts_of, train_network

    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path))
    if arm == "names_image_text":
        features = np.random.default_rng(0).normal(size=(60, 2, 5)).astype(np.float32)
        small = replace(small, texts=replace(small.texts, features=features[12:], held_out_features=features[:12]))
    recipe = Recipe(ARMS[arm], TINY, 3, small.digest, "cpu")
    whole = Trainer(recipe, small)
    before = [p.detach().clone() for p in whole.model.parameters()]
    whole.train(6, Silent())
    assert any(not torch.equal(a, b) for a, b in zip(before, whole.model.parameters(), strict=True))
    first = Trainer(recipe, small)
    assert all(torch.equal(a, b) for a, b in zip(before, first.model.parameters(), strict=True)), "same start"
    first.train(3, Silent())
    first.save()
    folder = train_network(recipe, small, Silent())
    again = AutoModel.from_pretrained(folder)
    for (name, a), b in zip(again.named_parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(a, b), name
    assert not recipe.checkpoint.exists()
    assert facts_of(folder)["steps"] == 6
    assert facts_of(folder)["learned"]["recall@1"] is not None
    assert AutoTokenizer.from_pretrained(folder)("word7")["input_ids"] == small.tokenizer("word7")["input_ids"]
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    assert train_network(recipe, small, Silent()) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp, "what is trained is not trained again"


@pytest.mark.parametrize(("bfloat16", "within"), [(False, 1e-5), (True, 0.05)])
def test_losses_are_those_of_the_definition(small, tmp_path, monkeypatch, bfloat16, within) -> None:
    """Next token and last states against a loop over texts that stand alone; contrast and recall against numpy."""
    import torch

    from embedscope.experiments._objectives2026.training import Recipe, Trainer, contrast, recall_at_1

    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path))
    trainer = Trainer(Recipe(ARMS["next_token"], replace(TINY, bfloat16=bfloat16), 0, small.digest, "cpu"), small)
    ids = [g[0] for g in small.ids[:3]] + [small.ids[3][0][:3]]
    starts = np.array([0, 4, 0, 9])
    with torch.no_grad():
        ours = trainer.states(ids, starts)
        loss = float(trainer.next_token(ours))
        terms = []
        for own, start, end in zip(ids, starts, ours.ends, strict=True):
            positions = torch.arange(start, start + len(own))[None]
            states = trainer.model(input_ids=torch.tensor([own]), position_ids=positions).last_hidden_state[0]
            logs = torch.log_softmax(states @ trainer.model.wte.weight.T, dim=1)
            terms += [-float(logs[t, own[t + 1]]) for t in range(len(own) - 1)]
            assert torch.allclose(ours.all[end], states[-1], atol=within)
    assert loss == pytest.approx(np.mean(terms), abs=within)
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 5, 4)).astype(np.float32)
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (a, b))
    z = u @ v.T / 0.1
    rows = [np.log(np.exp(m).sum(axis=1)) - np.diag(m) for m in (z, z.T)]
    assert float(contrast(torch.tensor(a), torch.tensor(b), 0.1)) == pytest.approx(np.mean(rows), abs=1e-5)
    assert recall_at_1(torch.tensor(a), torch.tensor(a)) == 1.0
    assert recall_at_1(torch.ones(3, 2), torch.ones(3, 2)) == 0.0, "ties count against"


def test_texts_are_packed_without_overlap() -> None:
    from embedscope.experiments._objectives2026.training import pack

    lengths = np.random.default_rng(0).integers(6, 40, 500)
    rows, columns = pack(lengths, 77)
    taken = np.zeros((rows.max() + 1, 77), dtype=int)
    for row, first, n in zip(rows, columns, lengths, strict=True):
        assert first + n <= 77
        taken[row, first : first + n] += 1
    assert taken.max() == 1
    assert len(taken) <= 1.05 * lengths.sum() / 77, "hardly more rows than the tokens fill"


def test_batches_are_the_same_for_every_arm(small, tmp_path, monkeypatch) -> None:
    from embedscope.experiments._objectives2026.training import Recipe, Trainer

    monkeypatch.setenv("EMBEDSCOPE_CACHE", str(tmp_path))
    a, b = (Trainer(Recipe(ARMS[arm], TINY, 1, small.digest, "cpu"), small) for arm in ("next_token", "contrast_01"))
    for step in (0, 5):
        (ids, starts, _), (others, other_starts, _) = a.batch(step), b.batch(step)
        assert ids == others
        assert np.array_equal(starts, other_starts)
        assert len(ids) == 2 * TINY.images
    assert a.batch(0)[0] != a.batch(1)[0]
