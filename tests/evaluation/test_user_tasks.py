"""Files of a user's own as tasks: found columns, right scores, and sentences where a file is something else."""

from __future__ import annotations

import contextlib
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import pearsonr, spearmanr

import embedscope
from embedscope.core.errors import InputError
from embedscope.evaluation.user_tasks import user_task

WORDS = ["cat", "dog", "bird", "fish", "horse", "house", "tree", "river"]
PAIRS = [(WORDS[i % 8], WORDS[(3 * i + 1) % 8], float((5 * i) % 7)) for i in range(20)]


@pytest.fixture
def vectors() -> dict[str, np.ndarray]:
    return dict(zip(WORDS, np.random.default_rng(0).normal(size=(8, 5)) + 0.5, strict=True))


class Held:
    """Vectors that are known, as a model."""

    def __init__(self, vectors: dict[str, np.ndarray], score: str | None = None) -> None:
        self.vectors = vectors
        if score is not None:
            self.similarity_fn_name = score

    def encode(self, texts: list[str], **_: object) -> np.ndarray:
        return np.array([self.vectors[text] for text in texts])


def write(path: Path, header: tuple[str, ...] = ("word1", "word2", "score")) -> Path:
    """The pairs in the format that the suffix says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.table(dict(zip(header, map(list, zip(*PAIRS, strict=True)), strict=True))), path)
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(dict(zip(header, row, strict=True))) for row in PAIRS))
    else:
        mark = {".csv": ",", ".tsv": "\t"}.get(path.suffix, " ")
        path.write_text("\n".join(mark.join(map(str, row)) for row in ([header, *PAIRS] if header else PAIRS)))
    return path


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.csv", ("word1", "word2", "score")),
        ("a.tsv", ("Word 1", "Word 2", "Human (Mean)")),
        ("a.csv", ()),
        ("a.txt", ()),
        ("a.jsonl", ("sentence1", "sentence2", "similarity_score")),
        ("a.parquet", ("text1", "text2", "gold")),
    ],
)
def test_similarity_of_every_format(tmp_path: Path, vectors, name: str, header: tuple[str, ...]) -> None:
    path = write(tmp_path / name, header)
    result = embedscope.evaluate(Held(vectors), tasks=f"similarity:{path}", cache=False)
    a, b = (np.array([vectors[pair[side]] for pair in PAIRS]) for side in (0, 1))
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    wanted = spearmanr(cosine, [pair[2] for pair in PAIRS]).statistic
    record = result.select(metric="similarity-a")[0]
    assert record.value == pytest.approx(wanted, abs=1e-12)
    assert record.ci_low < record.value < record.ci_high
    assert result.provenance["data"][str(path)]["sha256"]


def test_sts_gives_both_correlations_and_says_its_columns(tmp_path: Path, vectors) -> None:
    path = write(tmp_path / "b.csv", ("sentence1", "sentence2", "score"))
    _, _, said = user_task(f"sts:{path}")
    assert said == "20 pairs: columns sentence1, sentence2, score of b.csv"
    result = embedscope.evaluate(Held(vectors), tasks=[f"sts:{path}"], cache=False)
    a, b = (np.array([vectors[pair[side]] for pair in PAIRS]) for side in (0, 1))
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert result.value(metric="sts-b.pearson") == pytest.approx(pearsonr(cosine, [p[2] for p in PAIRS])[0], abs=1e-7)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("word1\tword2\tPOS\tSimLex999", None),
        ("word1\tword2\tPOS\tassessment", "has no column of scores .*its columns are word1, word2, POS, assessment"),
    ],
)
def test_a_header_without_scores_is_no_row(tmp_path: Path, vectors, header: str, said: str | None) -> None:
    rows = "".join(f"{a}\t{b}\tN\t{i % 4}\n" for i, (a, b) in enumerate(itertools.pairwise(vectors)))
    (tmp_path / "s.txt").write_text(f"{header}\n{rows}")
    with pytest.raises(InputError, match=said) if said else contextlib.nullcontext():
        found = embedscope.evaluate(Held(vectors), tasks=f"similarity:{tmp_path / 's.txt'}", cache=False)
        assert found.records[0].n == len(vectors) - 1


@pytest.mark.parametrize("score", ["dot", "euclidean", "manhattan"])
def test_pairs_are_compared_as_the_model_compares_them(tmp_path: Path, vectors, score: str) -> None:
    from embedscope.tasks.cosines import pair_scores

    path = write(tmp_path / "c.csv")
    task, data, _ = user_task(f"similarity:{path}")
    x = np.array([vectors[text] for text in data.tables["texts"].texts])
    pairs = data.relations["pairs"]
    a, b = x[pairs.left], x[pairs.right]
    wanted = {
        "dot": (a * b).sum(1),
        "euclidean": -np.sqrt(((a - b) ** 2).sum(1)),
        "manhattan": -np.abs(a - b).sum(1),
    }[score]
    np.testing.assert_allclose(pair_scores(x, pairs.left, pairs.right, score), wanted, atol=1e-12)
    from dataclasses import replace

    scored = replace(task, compared=score).score({"texts": x}, data, 0)["similarity-c"]
    assert scored.value == pytest.approx(spearmanr(np.round(wanted, 12), pairs.gold).statistic, abs=1e-12)


@pytest.mark.models
def test_a_saved_model_with_dot_is_scored_by_dot(tmp_path: Path) -> None:
    st = pytest.importorskip("sentence_transformers", reason="extra hf is not installed")
    from sentence_transformers.sentence_transformer import modules as m

    from embedscope.encoders import ALIASES

    if ALIASES["minilm"].path() is None:
        pytest.skip("MiniLM is not installed")
    parts = [m.Transformer(str(ALIASES["minilm"].find())), m.Pooling(384, pooling_mode="mean")]
    model = st.SentenceTransformer(modules=parts, device="cpu", similarity_fn_name="dot")
    model.save(str(tmp_path / "model"), create_model_card=False)
    path = write(tmp_path / "d.csv")
    result = embedscope.evaluate(
        f"st:{tmp_path / 'model'}", tasks=f"sts:{path}", layers="pooled", device="cpu", cache=False
    )
    a, b = (model.encode([pair[side] for pair in PAIRS]) for side in (0, 1))
    wanted = spearmanr((a * b).sum(1), [pair[2] for pair in PAIRS]).statistic
    record = result.select(metric="sts-d")[0]
    assert record.value == pytest.approx(wanted, abs=1e-4)
    assert "compared by dot" in record.note


def test_analogies_of_a_file(tmp_path: Path) -> None:
    base = {
        "man": [1, 0, 0, 0],
        "king": [1, 1, 0, 0],
        "woman": [0, 0, 1, 0],
        "queen": [0, 1, 1, 0],
        "fig": [0, 0, 0, 1],
    }
    vectors = {word: np.array(x, float) for word, x in base.items()}
    path = tmp_path / "q.txt"
    path.write_text(": family\nman king woman queen\nman king woman fig\n")
    result = embedscope.evaluate(Held(vectors), tasks=f"analogy:{path}", cache=False)
    assert result.value(metric="analogy-q") == 0.5


def test_analogies_on_a_vocabulary_of_lower_case_are_gensims_default(tmp_path: Path) -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    rng = np.random.default_rng(3)
    words = [f"{letter}w{i}" for letter in "abcd" for i in range(12)]
    a, c = rng.normal(size=(2, 12, 8))
    b, d = (side + 1 + 0.6 * rng.normal(size=(12, 8)) for side in (a, c))
    x = np.concatenate([a, b, c, d]).astype(np.float32)
    vectors = models.KeyedVectors(8)
    vectors.add_vectors(words, x)
    vectors.save_word2vec_format(str(tmp_path / "w.vec"))
    rows = [(f"aw{i}", f"BW{i}", f"Cw{j}", f"dW{j}") for i in range(12) for j in range(12)]
    (tmp_path / "q.txt").write_text(": all\n" + "".join(" ".join(row) + "\n" for row in rows))
    wanted, _ = vectors.evaluate_word_analogies(str(tmp_path / "q.txt"))
    records = embedscope.evaluate(f"gensim:{tmp_path / 'w.vec'}", tasks=f"analogy:{tmp_path / 'q.txt'}").records
    main = next(r for r in records if r.metric == "analogy-q")
    assert main.value == pytest.approx(wanted, abs=1e-12)
    assert 0.02 < wanted < 0.9
    assert main.n == len(rows)
    assert "36 of 48 words read in another case" in main.note


def mixed_case_vectors(folder: Path, rng: np.random.Generator):
    """Word vectors of gensim in which each word stands in one to seven spellings, in any order, near each other."""
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    words, rows = [], []
    a, c = rng.normal(size=(2, 9, 8))
    sides = {"qa": a, "qb": a + 1 + 0.6 * rng.normal(size=(9, 8)), "qc": c, "qd": c + 1 + 0.6 * rng.normal(size=(9, 8))}
    for name, side in sides.items():
        for i, x in enumerate(side):
            spellings = [
                f"{name}w{i}",
                f"{name.title()}w{i}",
                f"{name}W{i}",
                f"{name.upper()}W{i}",
                f"{name.title()}W{i}",
            ]
            for spelling in rng.permutation(spellings)[: rng.integers(1, 6)]:
                words.append(str(spelling))
                rows.append(x + 0.3 * rng.normal(size=8))
    order = rng.permutation(len(words))
    vectors = models.KeyedVectors(8)
    vectors.add_vectors([words[i] for i in order], np.array(rows)[order].astype(np.float32))
    vectors.save_word2vec_format(str(folder / "w.vec"))
    return vectors


@pytest.mark.parametrize("seed", range(4))
def test_analogies_on_a_vocabulary_of_mixed_case_are_gensims_default(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = mixed_case_vectors(tmp_path, rng)
    rows = [
        tuple(f"q{side}w{k}" for side, k in zip("abcd", (i, i, j, j), strict=True)) for i in range(9) for j in range(9)
    ]
    rows += [(a, b, a, b) for a, b, *_ in rows[::20]]  # the answer is a word of the question, in whatever case
    cased = [[str(rng.choice([w, w.upper(), w.title()])) for w in row] for row in rows]
    (tmp_path / "q.txt").write_text(": all\n" + "".join(" ".join(row) + "\n" for row in cased))
    wanted, _ = vectors.evaluate_word_analogies(str(tmp_path / "q.txt"))
    kept, _ = vectors.evaluate_word_analogies(str(tmp_path / "q.txt"), case_insensitive=False)
    result = embedscope.evaluate(f"gensim:{tmp_path / 'w.vec'}", tasks=f"analogy:{tmp_path / 'q.txt'}")
    main = result.select(metric="analogy-q")[0]
    assert main.n == len(rows)
    assert main.value == pytest.approx(wanted, abs=1e-12)
    assert 0.02 < wanted < 0.9 and wanted != kept


def test_labels_of_a_file_are_probed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [f"text {i}" for i in range(80)]
    vectors = {text: rng.normal(size=4) + (5 if i % 2 else -5) for i, text in enumerate(texts)}
    path = tmp_path / "l.csv"
    path.write_text("text,label\n" + "\n".join(f"{t},{'odd' if i % 2 else 'even'}" for i, t in enumerate(texts)))
    result = embedscope.evaluate(Held(vectors), tasks=f"labels:{path}", cache=False)
    record = result.select(metric="labels-l")[0]
    assert record.value == 1.0
    assert record.n == 20


def test_texts_of_a_table_of_vectors_are_its_names(tmp_path: Path, vectors) -> None:
    table = {"sku": [str(i) for i in range(8)], "sentence": WORDS, "vectors": [vectors[w].tolist() for w in WORDS]}
    pq.write_table(pa.table(table), tmp_path / "v.parquet")
    path = write(tmp_path / "e.csv")
    found = embedscope.evaluate(str(tmp_path / "v.parquet"), tasks=f"similarity:{path}")
    held = embedscope.evaluate(Held(vectors), tasks=f"similarity:{path}", cache=False)
    assert found.value(metric="similarity-e") == pytest.approx(held.value(metric="similarity-e"), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("similarity:a.csv", "word1,word2,score\ncat,dog,high\ncat,bird,2\n", "'high', which is no number"),
        ("similarity:a.csv", "cat,dog\n", "has 2 columns, wanted 3"),
        ("sts:a.jsonl", '{"text1": "a", "x": 1}\n', "no column of second texts"),
        ("sts:a.jsonl", "no json\n", "line 1"),
        ("sts:a.csv", "", "is empty"),
        ("analogy:a.txt", "man king woman\n", "has 3 words; wanted four"),
        ("labels:a.csv", "text,label\na,x\na,y\n", "another label"),
        ("labels:a.csv", "text,label\na,x\nb,y\n", "needs eight"),
        ("sts:none.csv", None, "there is no file"),
        ("sts:", None, "names no file"),
    ],
)
def test_a_file_that_is_something_else_is_said(
    tmp_path: Path, monkeypatch, name: str, text: str | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(name.partition(":")[2]).write_text(text)
    with pytest.raises(InputError, match=said) as error:
        user_task(name)
    assert len(str(error.value)) < 400


def test_two_files_of_one_name_are_refused(tmp_path: Path, vectors) -> None:
    (tmp_path / "x").mkdir()
    one, two = write(tmp_path / "a.csv"), write(tmp_path / "x" / "a.csv")
    with pytest.raises(InputError, match="two tasks are called similarity-a"):
        embedscope.evaluate(Held(vectors), tasks=[f"similarity:{one}", f"similarity:{two}"], cache=False)


class DotModel:
    """Vectors from a hash of the text, which the model compares by their dot product."""

    similarity_fn_name = "dot"

    def encode(self, texts: list[str]) -> np.ndarray:
        return np.stack([np.random.default_rng(sum(t.encode())).standard_normal(6) for t in texts])


def test_a_task_that_does_not_compare_as_the_model_does_says_so(tmp_path: Path) -> None:
    rows = "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20))
    (tmp_path / "l.csv").write_text(f"text,label\n{rows}")
    (tmp_path / "d.jsonl").write_text("".join(f'{{"_id": "{i}", "text": "text {i}"}}\n' for i in range(60)))
    (tmp_path / "q.txt").write_text("".join(f"{i} 0 {i} 1\n" for i in range(60)))
    probed = embedscope.evaluate(DotModel(), tasks=f"labels:{tmp_path / 'l.csv'}")
    assert "the model compares by dot, which this task does not" in probed.records[0].note
    files = {
        "queries": str(tmp_path / "d.jsonl"),
        "corpus": str(tmp_path / "d.jsonl"),
        "qrels": str(tmp_path / "q.txt"),
    }
    found = embedscope.calibrate(DotModel(), **files)
    said = "the model compares by dot; here rows are compared by cosine"
    assert said in found.result.to_json()
    texts = ["a" * (i + 1) for i in range(200)]
    for labels in (None, [f"class {i % 10}" for i in range(200)]):
        assert said in embedscope.calibrate(DotModel(), texts=texts, labels=labels).result.to_json()
    pairs = np.array([(i, i + 1, i % 5) for i in range(0, 198, 2)])
    for judged in ({"scores": pairs}, {"labels": [f"class {i % 10}" for i in range(200)]}, {}):
        assert said in embedscope.repair(DotModel(), texts=texts, candidates="center", **judged).result.to_json()
