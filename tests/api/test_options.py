"""Options that mean nothing for what was given are refused, and those of the command line reach the work."""

from __future__ import annotations

import inspect
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import embedscope
from embedscope.errors import EmbedscopeError, InputError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 8)).astype(np.float32) + 0.5
Y = X + 0.3 * RNG.normal(size=X.shape).astype(np.float32)
TEXTS = [f"{a}{b}{c} cab" for a in "abcdefgh" for b in "abcdefgh" for c in "abcde"]
QRELS = {f"q{i}": {str(i): 1} for i in range(60)}
QUERIES = {f"q{i}": Y[i] for i in range(60)}
CORPUS = {str(i): x for i, x in enumerate(X)}
LABELS = np.arange(300) % 5


def letters(texts):
    return np.array([[text.count(c) + 0.5 for c in "abcdefgh"] for text in texts])


CALLS = {
    "measure": lambda **o: embedscope.measure(X, metrics="mean_norm", **o),
    "measure pair": lambda **o: embedscope.measure(pair=(X, Y), metrics="paired_cosine", **o),
    "diagnose": lambda **o: embedscope.diagnose(X, **o),
    "check": lambda **o: embedscope.check(X, baseline=embedscope.measure(X, metrics="mean_norm"), **o),
    "compare": lambda **o: embedscope.compare(X, Y, **o),
    "repair": lambda **o: embedscope.repair(X, labels=LABELS, candidates="center", **o),
    "migrate": lambda **o: embedscope.migrate(X, Y, candidates="procrustes", **o),
    "compress": lambda **o: embedscope.compress(X, candidates="int8", **o),
    "calibrate": lambda **o: embedscope.calibrate(X, **o),
    "explore": lambda **o: embedscope.explore(X, **o),
    "evaluate": lambda **o: embedscope.evaluate(queries=QUERIES, corpus=CORPUS, qrels=QRELS, **o),
    "evaluate explain": lambda **o: embedscope.evaluate(queries=QUERIES, corpus=CORPUS, qrels=QRELS, explain="q1", **o),
    "analogy": lambda **o: embedscope.analogy(CORPUS, "1 - 2 + 3", **o),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_cost_may_be_accepted_in_every_verb(call):
    """``yes=True`` was a TypeError in four verbs and in retrieval."""
    call(yes=True)


@pytest.mark.parametrize(
    "verb",
    [
        name
        for name, call in CALLS.items()
        if "engine" in inspect.signature(getattr(embedscope, name.split()[0])).parameters
    ],
)
def test_an_unknown_engine_is_refused_for_arrays_too(verb):
    with pytest.raises(InputError, match=r"engine must be local, local:THREADS.*, got 'spark'"):
        CALLS[verb](engine="spark")


def test_an_engine_that_is_known_measures_arrays_here(monkeypatch):
    from embedscope.execution.local import Local

    wanted = embedscope.measure(X, metrics="isoscore")
    seen = []
    plain = Local.map
    monkeypatch.setattr(Local, "map", lambda self, *args: seen.append(self.workers) or plain(self, *args))
    assert embedscope.measure(X, metrics="isoscore", engine="local:2").records == wanted.records
    assert embedscope.measure(X, metrics="isoscore", engine="dask:1").records == wanted.records
    assert seen[0] == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"transform": "center"}, "transform does not go with a pair"),
        ({"texts": "rg65"}, "texts does not go with a pair"),
        ({"layers": "final"}, "layers does not go with a pair"),
        ({"max_rows": 0}, "max_rows does not go with a pair"),
        ({"first_position": "drop"}, "first_position does not go with a pair"),
        ({"memory": "1GB"}, "memory is for one source, and this is a pair"),
        ({"checkpoint": "states"}, "checkpoint is for one source"),
        ({"skip_bad_shards": True}, "skip_bad_shards is for one source"),
        ({"precision": "fast"}, "precision is for one source, and a pair is always exact"),
        ({"neighbours": "faiss"}, "neighbours is for one source"),
    ],
)
def test_options_that_mean_nothing_for_a_pair(options, said):
    with pytest.raises(InputError, match=said):
        CALLS["measure pair"](**options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"checkpoint": "states"}, "checkpoint is for files, and this is an array"),
        ({"skip_bad_shards": True}, "skip_bad_shards is for files"),
        ({"first_position": "drop"}, "first_position is for models"),
        ({"pair_ids": (["a"], ["a"])}, "pair_ids says which rows of a pair match"),
        ({"layers": "final"}, "an array takes no option layers"),
    ],
)
def test_options_that_mean_nothing_for_an_array(options, said):
    with pytest.raises(InputError, match=said):
        CALLS["measure"](**options)


def test_options_of_models_on_files_of_vectors(tmp_path):
    np.save(tmp_path / "x.npy", X)
    file = str(tmp_path / "x.npy")
    for call, said in [
        (lambda: embedscope.measure(file, first_position="drop"), "--first-position is for tokens of a model"),
        (lambda: embedscope.explore(file, layers="final"), "--layers is for models"),
        (lambda: embedscope.explore(X, pooling="plain"), "--pooling is for models"),
        (lambda: embedscope.diagnose(X, query_prompt="q: "), "query_prompt is for a model that reads texts"),
    ]:
        with pytest.raises(InputError, match=said):
            call()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"score": "dot"}, "score is for retrieval"),
        ({"groups": ["a"]}, "groups is for retrieval"),
        ({"query_prompt": "q: "}, "query_prompt is for retrieval"),
        ({"explain": "q1"}, "explain is for retrieval"),
        ({"ignore_identical_ids": True}, "ignore_identical_ids is for retrieval"),
        ({"allow_missing": True}, "allow_missing is for retrieval"),
        ({"corpus_ids": ["a"]}, "corpus_ids is for retrieval"),
        ({"names": ["a"]}, "--names are the texts of a file of vectors, and object:letters.* is a model"),
        ({"contexts": ["a b"]}, "--contexts are the sentences of the poolings static:N and contexts:N"),
    ],
)
def test_options_of_retrieval_on_tasks(options, said):
    with pytest.raises(InputError, match=said):
        embedscope.evaluate(letters, tasks="rg65", **options)


@pytest.mark.parametrize("option", [{"names": ["a"]}, {"contexts": ["a b"]}, {"items": "items.csv"}])
def test_options_of_tasks_on_retrieval(option):
    with pytest.raises(InputError, match=f"{next(iter(option))} is for tasks, and this is retrieval"):
        CALLS["evaluate"](**option)


@pytest.mark.parametrize(
    ("call", "options", "said"),
    [
        ("measure", {"modalities": ("a", "b")}, "modalities names the two sides of a pair"),
        ("diagnose", {"modalities": ("a", "b")}, "--modalities names the two sides of --pair A B"),
        ("check", {"pair_ids": (["a"], ["a"])}, "--pair-ids says which rows of --pair belong together"),
        ("repair", {"query_ids": ["a"]}, "--query-ids is for --queries and --qrels"),
        ("repair", {"corpus": {"a": "b"}}, "--corpus is for --queries and --qrels"),
        ("repair", {"corpus_modality": ["a"]}, "--corpus-modality is for --queries and --qrels"),
        ("repair", {"allow_missing": True}, "--allow-missing is for --queries and --qrels"),
        ("repair", {"query_prompt": "q: "}, "--query-prompt is for a model with --queries"),
        ("repair pair", {"texts": "rg65"}, "--texts is for a model, and --pair A B holds vectors"),
        ("repair pair", {"layers": "final"}, "--layers is for models, and --pair A B holds vectors already"),
        ("repair pair", {"document_prompt": "d: "}, "--document-prompt is for models"),
        ("repair queries", {"texts": "rg65"}, "--texts is for one SOURCE"),
        ("repair queries", {"modalities": ("a", "b")}, "--modalities names the two sides of --pair A B"),
        ("migrate", {"texts": "rg65"}, "--texts is for models, and OLD and NEW hold vectors"),
        ("migrate", {"query_prompt": "q: "}, "--query-prompt is for models"),
        ("migrate", {"allow_missing": True}, "--allow-missing is for --qrels"),
        ("compress", {"corpus_ids": ["a"]}, "--corpus-ids is for --queries and --qrels"),
        ("compress", {"allow_missing": True}, "--allow-missing is for --qrels"),
        ("compress", {"query_prompt": "q: "}, "--query-prompt is for models"),
        ("calibrate", {"query_ids": ["a"]}, "--query-ids is for --queries and --qrels"),
        ("calibrate", {"document_prompt": "d: "}, "--document-prompt is for a model with --queries"),
        ("calibrate pair", {"pooling": "plain"}, "--pooling is for models, and --pair A B holds vectors already"),
        ("calibrate queries", {"images": "photos"}, "--images is for one SOURCE"),
    ],
)
def test_options_that_would_be_ignored(call, options, said):
    """Each was passed over, and the numbers were those without it."""
    pair, queries = {"pair": (X, Y)}, {"queries": QUERIES, "corpus": CORPUS, "qrels": QRELS}
    more = {
        "repair pair": lambda **o: embedscope.repair(**pair, candidates="center", **o),
        "repair queries": lambda **o: embedscope.repair(**queries, candidates="center", **o),
        "calibrate pair": lambda **o: embedscope.calibrate(**pair, **o),
        "calibrate queries": lambda **o: embedscope.calibrate(**queries, **o),
    }
    with pytest.raises(InputError, match=said):
        (CALLS | more)[call](**options)


def test_texts_of_rows_are_not_those_of_a_model():
    with pytest.raises(InputError, match="--names are the texts of rows of vectors, and a model reads its own"):
        embedscope.diagnose(letters, texts=TEXTS, row_texts=TEXTS)


class Prompted:
    """A model that keeps what it was asked for."""

    def __init__(self):
        self.asked: list[str] = []

    def encode(self, texts):
        self.asked += texts
        return letters(texts)


def test_prompts_reach_the_model_that_is_diagnosed():
    """They were passed over, on the command line too."""
    model = Prompted()
    embedscope.diagnose(model, texts=TEXTS, queries=TEXTS[:60], query_prompt="q: ", document_prompt="d: ")
    assert {text[:3] for text in model.asked} == {"q: ", "d: "}
    for options, said in [({"groups": ["a"] * 320}, "--groups is for vectors"), ({"images": "photos"}, "leave out")]:
        with pytest.raises(InputError, match=said):
            embedscope.diagnose(letters, texts=TEXTS, queries=TEXTS[:60], **options)


def test_a_cost_that_is_accepted_is_accepted_for_every_text_of_a_comparison(monkeypatch):
    """The texts with words left out are asked for after the others: the comparison stopped there, half paid."""
    from embedscope.comparison import label_free
    from embedscope.sources import texts as reading

    seen = []
    plain = reading.encode

    def encode(uri, sides, options, *rest):
        seen.append(options.yes)
        return plain(uri, sides, options, *rest)

    monkeypatch.setattr(label_free, "encode", encode)
    embedscope.compare(letters, texts=[f"{t} {t} {t}" for t in TEXTS], yes=True)
    assert seen == [True]


def test_vectors_in_memory_take_texts_and_labels_of_a_file(tmp_path: Path):
    """The characters of the name of the file were taken for the labels of the rows."""
    (tmp_path / "labels.txt").write_text("\n".join(map(str, LABELS)))
    (tmp_path / "texts.txt").write_text("\n".join(f"row {i}" for i in range(300)))
    found = embedscope.explore(X, labels=str(tmp_path / "labels.txt"), texts=tmp_path / "texts.txt").exploration
    held = embedscope.explore(X, labels=[str(v) for v in LABELS], texts=[f"row {i}" for i in range(300)]).exploration
    assert found.rows.columns == held.rows.columns
    assert found.rows.texts == held.rows.texts


def test_a_column_of_the_source_groups_its_rows_in_every_verb(tmp_path: Path):
    """``compress`` and ``evaluate`` looked for a file of this name alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups = [f"d{i // 3}" for i in range(300)]
    file = str(tmp_path / "x.parquet")
    pq.write_table(pa.table({"id": list(map(str, range(300))), "doc": groups, "vector": X.tolist()}), file)
    compressed = [embedscope.compress(s, candidates="int8", groups=g) for s, g in ((file, "doc"), (X, groups))]
    assert [r.value for r in compressed[0].result] == pytest.approx([r.value for r in compressed[1].result], rel=1e-6)
    qrels = {str(i): {str(i): 1} for i in range(60)}
    asked = [
        embedscope.evaluate(queries=file, corpus=file, qrels=qrels, groups=g)["mrr"].ci_low for g in ("doc", groups)
    ]
    assert asked[0] == asked[1]


def test_labels_that_all_differ():
    """Rows of one label were looked for, and the message spoke of rows that fit, or of too few pairs."""
    own = [f"row{i}" for i in range(300)]
    said = "the 300 labels all differ, so no two rows share a class; wanted the class of each row, not its id"
    for call in (
        lambda: embedscope.repair(X, labels=own, candidates="center"),
        lambda: embedscope.calibrate(X, labels=own),
    ):
        with pytest.raises(InputError, match=said):
            call()


def test_groups_that_all_differ_join_no_rows_and_say_so():
    """As where ids are given for groups: the order of the file is no longer looked at, and nothing said so."""
    said = "the 300 rows are declared to be of 300 groups, so none is joined"
    for record in (
        embedscope.measure(X, metrics="self_similarity", groups=range(300))[0],
        embedscope.measure(pair=(X, Y), metrics="modality_gap", groups=range(300))[0],
    ):
        assert said in record.note
        assert record.ci_low is not None
    assert said not in (embedscope.measure(X, metrics="self_similarity")[0].note or "")


def test_labels_of_a_task_that_all_differ(tmp_path: Path):
    (tmp_path / "l.csv").write_text("text,label\n" + "".join(f"{t},c{i}\n" for i, t in enumerate(TEXTS[:40])))
    with pytest.raises(InputError, match=r"the 40 labels of .*l.csv all differ, so no two texts share a class"):
        embedscope.evaluate(letters, tasks=f"labels:{tmp_path / 'l.csv'}")


@pytest.fixture
def nothing_at_hand(monkeypatch, tmp_path):
    """No data set, no network, and a folder of data sets that is not there."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a data set, or the network, was asked for")

    monkeypatch.setenv("EMBEDSCOPE_DATA", str(tmp_path / "unmounted"))
    for name in ("read", "paths", "_local"):
        monkeypatch.setattr(f"embedscope.datasets._fetch.Finder.{name}", refuse)
    monkeypatch.setattr("embedscope.datasets._fetch._download", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.mark.usefixtures("nothing_at_hand")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_vectors_of_ones_own_need_no_data_set(call):
    call()


@pytest.mark.usefixtures("nothing_at_hand")
def test_models_files_and_texts_of_ones_own_need_no_data_set(tmp_path: Path):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    pairs = "".join(f"{a}\t{b}\t{i % 7}\n" for i, (a, b) in enumerate(pairwise(TEXTS)))
    (tmp_path / "p.tsv").write_text(pairs)
    words = [f"{a}{b}{c}" for a in "abcdefgh" for b in "abcdefgh" for c in "abcde"]
    rows = "\n".join(f"{w} {' '.join(map(str, x))}" for w, x in zip(words, letters(words), strict=True))
    (tmp_path / "v.txt").write_text(f"{len(words)} 8\n{rows}\n")
    for text in (TEXTS, str(tmp_path / "texts.txt")):
        assert embedscope.measure(letters, texts=text, metrics="mean_norm")[0].n == 320
    embedscope.diagnose(letters, texts=TEXTS, queries=TEXTS[:60])
    embedscope.compare(letters, texts=str(tmp_path / "texts.txt"))
    embedscope.explore(letters, texts=TEXTS)
    assert embedscope.evaluate(letters, tasks=f"sts:{tmp_path / 'p.tsv'}").records
    assert embedscope.evaluate(letters, tasks=f"similarity:{tmp_path / 'p.tsv'}").records
    assert embedscope.analogy(letters, "abc - abd + abe", words=words, top=1).records
    assert embedscope.analogy(f"gensim:{tmp_path / 'v.txt'}", "aba - abb + abc", top=1).records
    for name in ("models", "tasks", "metrics", "experiments", "transforms"):
        assert getattr(embedscope, f"list_{name}")()
    with pytest.raises(EmbedscopeError, match=r"the data folder .*unmounted is not a folder"):
        embedscope.list_datasets()
    pytest.importorskip("jinja2", reason="the extra report is not installed")
    assert embedscope.report(embedscope.measure(X, metrics="mean_norm"))
