"""Changes of images by words: a world where arithmetic holds, one where it does not, and a loop."""

from __future__ import annotations

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.core.tables import Classes, Data, Edits, TextTable
from embedscope.datasets import DATASETS, Finder
from embedscope.tasks import TASKS
from embedscope.tasks.edits import edit_hits

TASK = TASKS.get("simat")


@pytest.fixture(scope="module")
def simat(shared_data) -> Data:
    return DATASETS.get("simat").load(Finder(shared_data, download=False))


def test_counts_are_those_of_the_repository(simat) -> None:
    edits, classes = simat.relations["transformations"], simat.relations["triplets"]
    assert len(simat.images["photos"]) == len(classes.label) == 5859
    assert len(classes.names) == len(simat.tables["captions"].texts) == 645
    assert len(simat.tables["words"].texts) == 131
    assert len(edits.image) == 17996
    assert edits.section.count("test") == 9063
    assert all(np.bincount(classes.label)[edits.wanted] > 0), "what is asked for is always there"


def test_where_images_are_sums_of_words_every_change_is_found(simat) -> None:
    """An image that is the sum of its words' vectors, with small noise: arithmetic holds, and lambda 0 fails."""
    rng = np.random.default_rng(0)
    words, classes = simat.tables["words"].texts, simat.relations["triplets"]
    w = dict(zip(words, np.linalg.qr(rng.normal(size=(160, 160)))[0][: len(words)], strict=True))
    relations: dict[str, np.ndarray] = {}
    sums = []
    for name in classes.names:
        subject = next(v for v in words if name.startswith(v + " "))
        what = next(v for v in words if name.endswith(" " + v))
        relation = relations.setdefault(name[len(subject) : -len(what)].strip(), rng.normal(size=160) * 0.02)
        sums.append(w[subject] + w[what] + relation)
    x = np.array(sums)[classes.label] + rng.normal(size=(5859, 160)) * 1e-4
    scores = TASK.score({"photos": x, "words": np.array([w[v] for v in words])}, simat, seed=0)
    assert scores["simat"].n == 9063
    assert scores["simat"].value > 0.9
    assert scores["simat.lambda:0"].value < 0.05
    assert scores["simat.gain"].value == pytest.approx(scores["simat"].value - scores["simat.lambda:0"].value)
    noise = TASK.score({"photos": rng.normal(size=(5859, 32)), "words": rng.normal(size=(131, 32))}, simat, seed=0)
    assert noise["simat"].value < 0.01


def test_hits_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(1)
    x, w, label = rng.normal(size=(30, 4)), rng.normal(size=(6, 4)), rng.integers(0, 5, size=30)
    q = 40
    edits = Edits(
        "photos",
        "words",
        rng.integers(0, 30, size=q),
        rng.integers(0, 6, size=q),
        rng.integers(0, 6, size=q),
        rng.integers(0, 5, size=q),
        rng.uniform(0.1, 1, size=q),
        ("test",) * q,
    )
    u, v = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, w))
    expected = []
    for i in range(q):
        query = u[edits.image[i]] + 0.7 * (v[edits.new[i]] - v[edits.old[i]])
        order = [j for j in np.argsort(-(u @ query)) if j != edits.image[i]]
        expected.append(float(label[order[0]] == edits.wanted[i]))
    assert edit_hits(x, w, edits, label, np.arange(q), 0.7).tolist() == expected
    data = Data(
        "made",
        {"words": TextTable(tuple("abcdef"), "word")},
        {"transformations": edits, "triplets": Classes("photos", label, tuple("vwxyz"))},
        images={"photos": tuple(range(30))},
    )
    score = TASK.score({"photos": x, "words": w}, data, seed=0)["simat"]
    hits = edit_hits(x, w, edits, label, np.arange(q), 1.0)
    assert score.value == pytest.approx(np.average(hits, weights=edits.weight))
    assert TASK.score({"photos": x, "words": w[:, :3]}, data, seed=0)["simat"].value is None
    with pytest.raises(InputError, match="lacks"):
        TASK.score({"photos": x, "words": w}, Data("none", {}, {}), seed=0)


def test_the_word_vectors_of_clip_are_in_the_order_of_the_words(simat, shared_data) -> None:
    """Real CLIP ViT-B/32 vectors of the words: a word's nearest neighbours are of its kind."""
    x = np.load(shared_data / "simat" / "simat_words_clip.npy").astype(np.float64)
    words = simat.tables["words"].texts
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    row = {word: i for i, word in enumerate(words)}
    assert u[row["boy"]] @ u[row["girl"]] > u[row["boy"]] @ u[row["grass"]]
    assert np.linalg.norm(x, axis=1).min() > 8
