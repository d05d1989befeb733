"""Files that the user names: class folders, parallel texts, judgements, MixBench; in small, and Caltech-101."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.datasets import (
    DATASETS,
    Finder,
    image_folder,
    parallel_files,
    read_beir_texts,
    read_qrels,
    retrieval_files,
)


def picture(path, colour="red"):
    pil = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    pil.new("RGB", (6, 4), colour).save(path)
    return path


def test_a_folder_of_class_folders(tmp_path):
    picture(tmp_path / "hot_dog" / "b.png", "red")
    picture(tmp_path / "hot_dog" / "a.JPG".lower(), "blue")
    picture(tmp_path / "cat" / "x.png", "green")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "empty").mkdir()
    (tmp_path / "hot_dog" / "copy.png").write_bytes((tmp_path / "hot_dog" / "b.png").read_bytes())
    data = image_folder(tmp_path)
    assert data.tables["classes"].texts == ("cat", "hot dog")
    assert [image.path.name for image in data.images["images"].images] == ["x.png", "a.jpg", "b.png"]
    assert data.images["images"].clusters == ("cat", "hot_dog", "hot_dog")
    assert data.relations["images"].label.tolist() == [0, 1, 1]
    assert data.images["images"].images[0].pixels()[0, 0].tolist() == [0, 128, 0]


def test_a_folder_without_classes(tmp_path):
    with pytest.raises(InputError, match="is not a folder"):
        image_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no class folders with images .* wanted .*concept/picture\.jpg"):
        image_folder(tmp_path)


def test_caltech101(data_at_hand):
    """The sample: six photos of each of 99 classes; the full set has 8,677 of 101."""
    finder = Finder(data_at_hand, download=False)
    if not finder.present(DATASETS.get("caltech101")):
        pytest.skip("101_ObjectCategories is not on this machine")
    data = DATASETS.get("caltech101").load(finder)
    counts = np.bincount(data.relations["images"].label)
    assert len(counts) == len(data.tables["classes"]) >= 99
    assert counts.min() >= 6
    assert data.tables["classes"].texts[-1] == "yin yang"
    assert data.images["images"].images[0].path.name == "image_0001.jpg"
    assert data.images["images"].images[9].pixels().shape[2] == 3


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataUnavailableError, match=r"unpack 101_ObjectCategories\.tar\.gz .* with --data DIR"):
        DATASETS.get("caltech101").load(Finder(tmp_path, download=False))


def test_two_parallel_files(tmp_path):
    (tmp_path / "a.fr").write_text("un\ndeux\nun\n", encoding="utf-8")
    (tmp_path / "a.en.gz").write_bytes(gzip.compress(b"one\ntwo\na\n"))
    data = parallel_files(tmp_path / "a.fr", tmp_path / "a.en.gz")
    assert data.tables["left"].texts == ("un", "deux")
    assert data.tables["right"].texts == ("one", "two", "a")
    pairs = data.relations["parallel"]
    assert list(zip(pairs.left, pairs.right, strict=True)) == [(0, 0), (1, 1), (0, 2)]
    assert set(data.checksums) == {"a.fr", "a.en.gz"}


def test_a_parallel_table(tmp_path):
    (tmp_path / "t.tsv").write_text("1\teins\tone\n2\tzwei\ttwo\n", encoding="utf-8")
    data = parallel_files(tmp_path / "t.tsv", columns=(1, 2))
    assert (data.tables["left"].texts, data.tables["right"].texts) == (("eins", "zwei"), ("one", "two"))


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [("a\nb\n", "c\n", "2 lines"), ("a\n\n", "b\nc\n", "line 2 .* is blank"), ("", "", "is empty")],
)
def test_parallel_files_that_are_none(tmp_path, left, right, message):
    (tmp_path / "l").write_text(left)
    (tmp_path / "r").write_text(right)
    with pytest.raises(InputError, match=message):
        parallel_files(tmp_path / "l", tmp_path / "r")


def test_a_parallel_table_without_the_column(tmp_path):
    (tmp_path / "t.tsv").write_text("a\tb\nc\n")
    with pytest.raises(InputError, match=r"line 2 .* has 1 columns"):
        parallel_files(tmp_path / "t.tsv")
    with pytest.raises(InputError, match="no readable file"):
        parallel_files(tmp_path / "none.tsv")


def test_judgements_of_trec_and_beir(tmp_path):
    (tmp_path / "trec").write_text("q1 0 d1 2\nq1 0 d2 0\n\nq2 Q0 d1 1\n")
    (tmp_path / "beir.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td2\t0\nq2\td1\t1\n")
    assert (
        read_qrels(tmp_path / "trec")
        == read_qrels(tmp_path / "beir.tsv")
        == {"q1": {"d1": 2, "d2": 0}, "q2": {"d1": 1}}
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q d\n", "has 2 columns|no judgement"),
        ("q 0 d 1\nq 0 e x\n", "line 2, grades with 'x'"),
        ("q 0 d 1\nq 0 d 2\n", "judges d for q again"),
        ("q 0 d 1\nq d\n", "has 2 columns"),
        ("", "no judgement"),
    ],
)
def test_judgements_that_are_none(tmp_path, text, message):
    (tmp_path / "q").write_text(text)
    with pytest.raises(InputError, match=message):
        read_qrels(tmp_path / "q")


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_retrieval_files(tmp_path):
    queries = write(tmp_path / "queries.jsonl", [{"_id": "q1", "text": "who"}, {"_id": "q2", "text": "what"}])
    corpus = write(
        tmp_path / "corpus.jsonl",
        [
            {"_id": "d1", "title": "T", "text": "one"},
            {"_id": "d2", "text": "two"},
            {"_id": "d3", "title": "", "text": "two"},
        ],
    )
    (tmp_path / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t2\nq2\td2\t1\nq2\td3\t3\n")
    assert read_beir_texts(corpus) == {"d1": "T one", "d2": "two", "d3": "two"}
    data = retrieval_files(queries, corpus, tmp_path / "test.tsv")
    assert data.tables["corpus"].texts == ("T one", "two")
    qrels = data.relations["qrels"]
    assert [qrels.query.tolist(), qrels.document.tolist(), qrels.grade.tolist()] == [[0, 1], [0, 1], [2, 3]]
    (tmp_path / "test.tsv").write_text("q1\td9\t2\n")
    with pytest.raises(InputError, match="'d9', which is not among the 3 ids of the corpus"):
        retrieval_files(queries, corpus, tmp_path / "test.tsv")


@pytest.mark.parametrize("row", ['{"_id": "a"}', "[1]", "{", '{"text": "t"}', '{"_id": "x", "text": "twice"}'])
def test_texts_that_are_none(tmp_path, row):
    (tmp_path / "c.jsonl").write_text('{"_id": "x", "text": "first"}\n' + row + "\n")
    with pytest.raises(InputError, match="line 2, "):
        read_beir_texts(tmp_path / "c.jsonl")


def test_texts_keep_other_line_separators_and_may_be_empty(tmp_path):
    rows = [{"_id": "a", "text": "one\u2028line"}, {"_id": "b", "text": "", "title": ""}]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), "utf-8")
    assert read_beir_texts(tmp_path / "c.jsonl") == {"a": "one\u2028line", "b": ""}


def mixbench(folder):
    write(
        folder / "queries.jsonl",
        [{"query_id": "q1", "text": "a cat"}, {"query_id": "q2", "text": "it", "image": "q.png"}],
    )
    documents = [
        {"corpus_id": "d1", "text": "cat text", "image": ""},
        {"corpus_id": "d2", "text": "", "image": "images/d2.png"},
        {"corpus_id": "d3", "text": "both", "image": "images/d3.png"},
    ]
    write(folder / "mixed_corpus.jsonl", documents)
    (folder / "qrels.tsv").write_text("query_id\tcorpus_id\tscore\nq1\td1\t1\nq1\td2\t1\nq2\td3\t1\n")
    picture(folder / "images" / "d2.png")


def test_mixbench(tmp_path):
    mixbench(tmp_path / "MixBench" / "OVEN")
    finder = Finder(tmp_path, download=False)
    assert finder.present(DATASETS.get("mixbench"))
    data = DATASETS.get("mixbench").load(finder)
    assert data.tables["OVEN_queries"].texts == ("a cat", "it")
    assert data.tables["OVEN_texts"].texts == ("cat text", "both")
    assert data.images["OVEN_images"].clusters == ("images/d2.png", "images/d3.png")
    both, asked = data.relations["OVEN_documents"], data.relations["OVEN_query_images"]
    assert (both.left.tolist(), both.right.tolist()) == ([1], [1])
    assert (asked.left.tolist(), asked.right.tolist()) == ([1], [0])
    texts, images = data.relations["OVEN_texts_qrels"], data.relations["OVEN_images_qrels"]
    assert list(zip(texts.query, texts.document, strict=True)) == [(0, 0), (1, 1)]
    assert list(zip(images.query, images.document, strict=True)) == [(0, 0), (1, 1)]
    assert data.images["OVEN_images"].images[0].pixels().shape == (4, 6, 3)
    with pytest.raises(DataUnavailableError, match=r"mixbench/OVEN/images/d3\.png is not on this machine"):
        data.images["OVEN_images"].images[1].pixels()


def test_mixbench_that_is_incomplete(tmp_path):
    mixbench(tmp_path / "OVEN")
    (tmp_path / "OVEN" / "qrels.tsv").unlink()
    with pytest.raises(InputError, match=r"has no qrels\.tsv or .*; get the data set again"):
        DATASETS.get("mixbench").load(Finder(tmp_path, download=False))
    with pytest.raises(DataUnavailableError, match="hf download"):
        DATASETS.get("mixbench").load(Finder(download=False))
