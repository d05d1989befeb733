"""Judgements and texts with ids in the formats that people have: the same content out of each."""

import json
import os

import pytest

from embedscope.core.errors import InputError
from embedscope.datasets import read_beir_texts, read_qrels, read_text_rows

JUDGED = {"q1": {"d1": 2.0, "d2": 0.0}, "q2": {"d1": 1.0}}
ROWS = [("q1", "d1", 2), ("q1", "d2", 0), ("q2", "d1", 1)]


def table(mark, names, order=(0, 1, 2)):
    rows = [names, *ROWS]
    return "".join(mark.join(str(row[i]) for i in order) + "\n" for row in rows)


def objects(names):
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in ROWS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.csv", table(",", ("query-id", "corpus-id", "score"))),
        ("q.csv", table(",", ("query_id", "doc_id", "relevance"))),
        ("q.csv", table(";", ("qid", "docid", "rel"))),
        ("q.csv", '"query-id","corpus-id","score"\r\n"q1","d1","2"\r\n"q1","d2","0"\r\n"q2","d1","1"\r\n'),
        ("q.csv", table(",", ("q1", "d9", 0)).partition("\n")[2]),
        ("q.tsv", table("\t", ("query-id", "corpus-id", "score"), (1, 2, 0))),
        ("q.tsv", "\ufeff" + table("\t", ("query-id", "corpus-id", "score"))),
        ("q.tsv", "query-id\tcorpus-id\tscore\tby\nq1\td1\t2\tme\nq1\td2\t0\tme\nq2\td1\t1\tme\n"),
        ("q.txt", "# by me, 2024\nq1 0 d1 2\n#q1 0 d9 x\nq1 0 d2 0\nq2 0 d1 1\n"),
        ("q.jsonl", objects(("query-id", "corpus-id", "score"))),
        ("q.ndjson", objects(("qid", "pid", "label"))),
        ("q.json", json.dumps(JUDGED)),
        ("q.json", json.dumps([{"query_id": q, "doc_id": d, "score": g} for q, d, g in ROWS], indent=1)),
    ],
)
def test_judgements_in_every_format(tmp_path, name, content):
    (tmp_path / name).write_bytes(content.encode())
    assert read_qrels(tmp_path / name) == JUDGED


def test_judgements_in_parquet(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    query, document, grade = zip(*ROWS, strict=True)
    columns = {"query-id": query, "corpus-id": document, "score": grade}
    pq.write_table(pa.table({name: list(column) for name, column in columns.items()}), tmp_path / "q.parquet")
    assert read_qrels(tmp_path / "q.parquet") == JUDGED


def test_ids_may_hold_commas_spaces_and_number_signs(tmp_path):
    (tmp_path / "a").write_text("q,1 0 d,1 1\n#b 0 d2 1\n")
    assert read_qrels(tmp_path / "a") == {"q,1": {"d,1": 1}, "#b": {"d2": 1}}
    (tmp_path / "b").write_text("q 1\td 1\t1\n")
    assert read_qrels(tmp_path / "b") == {"q 1": {"d 1": 1}}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run", b"q1 Q0 d1 1 14.5 bm25\n", "looks like a run, the results of a search"),
        ("q.tsv", b"query-id\tcorpus-id\tscore\nq1\td1\tnan\n", "line 2, grades with 'nan'"),
        ("q.tsv", b"\x1f\x8b\x08", "is gzip-compressed; end its name in .gz"),
        ("q.json", b'{"q1": ["d1"]}', "lists documents of q1 without grades"),
        ("q.jsonl", b'{"query": "q1", "score": 1}', r"line 1, has the fields \['query', 'score'\]"),
        ("q.jsonl", b'{"query-id": null, "corpus-id": "d", "score": 1}', "line 1, has no id of its query"),
        ("q.csv", b'query-id,corpus-id,score\nq1,"d1,1\n', "line 2, is no CSV"),
        ("q.parquet", b"PAR1", "no readable Parquet"),
    ],
)
def test_what_is_no_judgement_is_said(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said) as error:
        read_qrels(tmp_path / name)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.jsonl", '{"_id": "1", "title": "T", "text": "x, y"}\n{"_id": "2", "title": null, "text": "z"}\n'),
        ("c.jsonl", '{"id": 1, "title": "T", "contents": "x, y"}\n{"id": 2, "contents": "z"}\n'),
        ("c.ndjson", '{"docid": "1", "passage": "T x, y"}\n{"docid": "2", "passage": "z"}\n'),
        ("c.json", '{"1": {"title": "T", "text": "x, y"}, "2": {"text": "z"}}'),
        ("c.json", '[{"_id": "1", "text": "T x, y"},\n {"_id": "2", "text": "z"}]'),
        ("c.tsv", "1\tT x, y\n2\tz\n"),
        ("c.tsv", "\ufeffid\ttext\n1\tT x, y\n2\tz\n"),
        ("c.csv", 'id,title,text\n1,T,"x, y"\n2,,z\n'),
        ("c.csv", 'doc_id;text\n1;"T x, y"\n2;z\n'),
    ],
)
def test_texts_with_ids_in_every_format(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert read_beir_texts(tmp_path / name) == {"1": "T x, y", "2": "z"}
    assert read_text_rows(tmp_path / name) == (("1", "2"), ("T x, y", "z"))


def test_texts_keep_their_own_line_breaks(tmp_path):
    (tmp_path / "c.csv").write_text('id,text\n1,"a\n\nb"\n2,#c\n')
    assert read_beir_texts(tmp_path / "c.csv") == {"1": "a\n\nb", "2": "#c"}
    (tmp_path / "c.jsonl").write_text('{"_id": "1", "text": "a\u2028b"}\n', encoding="utf-8")
    assert read_beir_texts(tmp_path / "c.jsonl") == {"1": "a\u2028b"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("c.csv", "a,b\n1,2\n", "no column of texts in its first line, but a, b"),
        ("c.tsv", "id\ttext\n1\n", "line 2, has 1 columns; wanted id, text"),
        ("c.jsonl", '{"_id": "1", "text": "a"}\n{"_id": "1", "text": "b"}\n', "'1' twice"),
        ("c.jsonl", json.dumps({f"k{i}": i for i in range(41)}), "and 29 more"),
    ],
)
def test_what_is_no_text_is_said(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    for read in (read_beir_texts, read_text_rows):
        with pytest.raises(InputError, match=said) as error:
            read(tmp_path / name)
        assert len(str(error.value)) < 400


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.csv", "q1, d1, 2\nq1, d2, 0\n"),
        ("q.tsv", '"query-id"\t"corpus-id"\t"score"\n"q1"\t"d1"\t"2"\n"q1"\t"d2"\t"0"\n'),
        ("q.txt", "q1; d1; 2\nq1; d2; 0\n"),
    ],
)
def test_judgements_with_spaces_or_quotes_around_cells(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert read_qrels(tmp_path / name) == {"q1": {"d1": 2.0, "d2": 0.0}}


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("c.tsv", 'id\ttext\na\t"say ""hi"""\n', 'say "hi"'),  # as the csv module writes it
        ("c.tsv", 'a\tsay "hi"\n', 'say "hi"'),  # as MS MARCO has it
        ("c.tsv", 'a\t"open\n', '"open'),
        ("c.json", '{"a": "say \\"hi\\""}', 'say "hi"'),
        ("c.json", '{"_id": "a", "text": "x"}', "x"),
        ("c.jsonl", '{"_id": " a ", "text": "x"}', "x"),
    ],
)
def test_texts_between_quotes_and_as_values(tmp_path, name, content, text):
    (tmp_path / name).write_text(content)
    assert read_beir_texts(tmp_path / name) == {"a": text}


@pytest.mark.parametrize("value", ['["x", "y"]', '{"text": "x"}'])
def test_a_text_is_no_list_or_object(tmp_path, value):
    (tmp_path / "c.jsonl").write_text(f'{{"_id": "a", "text": {value}}}')
    with pytest.raises(InputError, match=r"line 1, holds (a list|an object) in text; wanted a text"):
        read_beir_texts(tmp_path / "c.jsonl")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "q.csv")
    for read in (read_qrels, read_beir_texts):
        with pytest.raises(InputError, match="a named pipe"):
            read(tmp_path / "q.csv")
