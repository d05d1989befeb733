"""Every rule fires on its planted defect and not on a healthy space; thresholds can be changed."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from embedscope.core.errors import InputError
from embedscope.core.result import Result
from embedscope.datasets import tables
from embedscope.diagnosis import ALL_RULES, diagnose, thresholds_of
from embedscope.diagnosis._readings import Reading, number, ratio
from embedscope.diagnosis.diagnose import spaces_of
from embedscope.diagnosis.rule import LEVELS
from embedscope.diagnosis.where import Where
from embedscope.encoders import MODELS, open_encoder
from embedscope.metrics import METRICS
from embedscope.reports import render_html
from embedscope.sources.text_vectors import extract


def advice(verdict):
    """What to try, as one sentence."""
    return "; ".join(map(str, verdict.rule.remedy.actions(verdict.numbers)))


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")


def normal(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def found_rules(made):
    return {v.rule.id for v in made.problems()}


def severity(made, rule):
    return next(v.severity for v in made.verdicts if v.rule.id == rule)


@pytest.mark.parametrize(("n", "d"), [(40, 16), (60, 384), (300, 64), (1500, 64)])
def test_isotropic_space_is_healthy(n, d):
    for seed in range(2):
        made = diagnose(normal(n, d, seed))
        assert found_rules(made) == set(), (seed, made.problems())
        assert made.worst == ("info" if n < 10 * d else "ok")


@pytest.mark.parametrize("n", [40, 600])
def test_two_samples_of_one_cloud_have_no_gap(n):
    made = diagnose(pair=(normal(n, 64, 1), normal(n, 64, 1) + 0.3 * normal(n, 64, 2)))
    assert found_rules(made) == set()


def rogue(x):
    x[:, 3] += 25
    return x


def hubs(x):
    """All rows lean one way, and five lie in its middle."""
    x[:5] *= 0.02
    return x + 1


PLANTED = {
    "low_contrast": lambda x: x + 6,
    "rogue_coordinate": rogue,
    "rank_collapse": lambda x: x[:, :1] * np.linspace(-1, 1, x.shape[1]) + 0.01 * x,
    "hubs": hubs,
    "copies": lambda x: np.concatenate([x, x[:100]]),
    "zero_rows": lambda x: np.concatenate([x, np.zeros((9, x.shape[1]))]),
    "norms_vary": lambda x: x * np.exp(normal(len(x), 1, 5)),
    "half_precision": lambda x: x + 30,
    "int8": lambda x: np.hstack([x, np.full((len(x), 1), 300.0)]),
}


@pytest.mark.parametrize("rule", PLANTED)
def test_planted_defect_is_found(rule):
    x = normal(800, 64, 3)
    assert rule not in found_rules(diagnose(x.copy()))
    assert rule in found_rules(diagnose(PLANTED[rule](x.copy())))


@pytest.mark.parametrize(("rank", "noise", "severe"), [(3, 0.01, "serious"), (3, 0.2, "ok"), (30, 0.01, None)])
def test_few_directions_are_serious_where_they_decide_who_is_near(rank, noise, severe):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(500, rank)) @ rng.normal(size=(rank, 256)) / 16 + noise * rng.normal(size=(500, 256)) / 4
    made = diagnose(x)
    said = {v.rule.id: v.severity for v in made.verdicts}
    assert said.get("few_directions") == severe
    assert (said["rank_collapse"] == "warning") == (rank == 3)


def test_one_long_direction_is_a_warning():
    rng = np.random.default_rng(5)
    x = normal(500, 256, 6) + 4 * rng.standard_t(5, size=(500, 1)) * normal(1, 256, 7)
    assert severity(diagnose(x), "rank_collapse") == "warning"
    assert severity(diagnose(x), "few_directions") == "ok"


@pytest.mark.shared_data
def test_images_of_convirt_which_work_are_not_serious(shared_data):
    x = np.load(shared_data / "clip500" / "features_convirt.npy")[0]
    made = diagnose(x)
    assert severity(made, "rank_collapse") == "warning"
    assert made.worst == "warning"


def test_repeated_rows_on_one_side_of_pairs_are_not_serious():
    x = np.repeat(normal(60, 32, 1), 5, axis=0)
    pair = (x, x + 0.8 * normal(300, 32, 2))
    assert severity(diagnose(x), "copies") == "serious"
    assert max(v.severity == "serious" for v in diagnose(pair=pair).verdicts if v.rule.id == "copies") is False


def test_a_high_mean_cosine_with_good_contrast_is_a_note():
    """Sentences of E5 and class names of CLIP have mean cosines of .74 and more, and work."""
    rng = np.random.default_rng(8)
    topics = rng.normal(size=(60, 384))
    x = topics[rng.integers(0, 60, size=900)] + 0.7 * rng.normal(size=(900, 384)) + 2.1
    made = diagnose(x)
    floor = next(v for v in made.verdicts if v.rule.id == "cosine_floor")
    assert floor.reading.value > 0.7 and floor.severity == "info"
    assert floor.rule.sentence(floor.numbers, floor.reading).startswith("Unrelated rows have a mean cosine of 0.7")
    assert "embedscope calibrate" in floor.rule.harm
    assert severity(made, "low_contrast") == "ok" and made.worst == "info"


@pytest.mark.shared_data
def test_class_names_of_clip_which_work_are_fine_or_a_note(shared_data):
    for path in sorted((shared_data / "clip_class_names").glob("*/*.npy"))[::2]:
        x = np.load(path).astype(np.float32)
        if x.ndim == 2 and len(x) >= 80:
            assert found_rules(diagnose(x)) <= {"copies"}, path  # one list has its names twice


def test_a_pair_is_read_once(tmp_path, monkeypatch):
    from embedscope.diagnosis import _collect

    read = []
    monkeypatch.setattr(_collect, "read_side", lambda source, provenance: read.append(source) or np.load(source))
    for name, seed in (("a", 1), ("b", 2)):
        np.save(tmp_path / f"{name}.npy", normal(60, 8, seed))
    made = diagnose(pair=(tmp_path / "a.npy", tmp_path / "b.npy"))
    assert len(read) == 2
    assert {r.source for r in made.result} == {f"{tmp_path / 'a.npy'}|{tmp_path / 'b.npy'}", *map(str, read)}


@pytest.mark.parametrize("option", ["pair_ids", "groups"])
def test_ids_of_a_pair_are_read_once(tmp_path, monkeypatch, option):

    read, text_of = [], tables.read_text
    monkeypatch.setattr(tables, "read_text", lambda path, *more: read.append(path) or text_of(path, *more))
    names = [tmp_path / "a.txt", tmp_path / "b.txt"] if option == "pair_ids" else [tmp_path / "a.txt"]
    for name in names:
        name.write_text("\n".join(f"row {i // 2}" for i in range(60)))
    x = normal(60, 8, 1), normal(60, 8, 2)
    given = tuple(map(str, names)) if option == "pair_ids" else str(names[0])
    made = diagnose(pair=x, **{option: given})
    assert read == names
    held = [f"row {i // 2}" for i in range(60)]
    wanted = diagnose(pair=x, **{option: (held, held) if option == "pair_ids" else held})
    assert [(r.metric, r.value) for r in made.result] == [(r.metric, r.value) for r in wanted.result]


def test_suggested_commands_are_quoted(tmp_path):
    path = tmp_path / "my vectors.npy"
    np.save(path, normal(600, 16, 4) + 9)
    remedy = next(v for v in diagnose(str(path)).verdicts if v.rule.id == "low_contrast")
    command = advice(remedy)
    assert command.startswith(
        f"embedscope repair '{path}' --candidates center,center+abtt:1 -o repair.safetensors; add"
    )


def test_rows_that_nobody_finds():
    x = normal(800, 64, 3)
    x[:300] *= 0.3  # a tight crowd in the middle of all others
    made = diagnose(x + 1)
    assert severity(made, "never_found") == "warning"


def test_gap_and_mixed_index_of_real_pairs(shared_data, tmp_path):
    x = np.load(shared_data / "clip500" / "features_clip.npy").astype(np.float64)
    made = diagnose(pair=(x[0], x[1]))
    assert severity(made, "modality_gap") == severity(made, "mixed_index") == made.worst == "serious"
    gap = next(v for v in made.verdicts if v.rule.id == "modality_gap")
    assert gap.reading.value == pytest.approx(0.8514, abs=5e-5)  # spec of the metrics: measured on this file
    assert severity(made, "pairs_match") == severity(made, "hubs") == "ok"
    centred = diagnose(pair=tuple(s - s.mean(axis=0) for s in x / np.linalg.norm(x, axis=2, keepdims=True)))
    assert severity(centred, "modality_gap") == "ok"
    assert severity(centred, "mixed_index") in ("warning", "serious")  # .943 of the top 10 stay of one kind
    made.result.to_json(tmp_path / "result.json")
    assert Result.from_json(tmp_path / "result.json").document == made.result.document
    page = render_html(made.result)
    assert "Image queries return only images" in page
    assert "Try: <code>embedscope repair --pair A B" in re.sub("</?span[^>]*>", "", page)


def test_pairs_out_of_order():
    x = normal(400, 64, 1)
    assert "pairs_match" in found_rules(diagnose(pair=(x, np.roll(x, 7, axis=0))))


def test_queries_against_documents():
    documents = normal(600, 64, 1)
    queries = documents[:150] + 0.5 * normal(150, 64, 2)
    assert found_rules(diagnose(documents, queries=queries)) == set()
    away = queries + 0.8
    assert "query_shift" in found_rules(diagnose(documents, queries=away))
    crowded = documents.copy()
    crowded[:5] = 0.8
    assert "query_hubs" in found_rules(diagnose(crowded, queries=away))
    cone = diagnose(documents + 30, queries=queries + 30)
    assert "query_contrast" in found_rules(cone)
    spoken = next(v for v in cone.verdicts if v.rule.id == "query_contrast")
    assert "nan" not in spoken.rule.sentence(spoken.numbers, spoken.reading)


def test_query_numbers_by_hand():
    made = diagnose(np.eye(12), queries=np.eye(12)[:2])
    value = {r.metric: r.value for r in made.result if r.space == "query|document"}
    assert value["query_nearest_cosine"] == 1.0
    assert value["query_random_cosine"] == pytest.approx(1 / 12)
    assert value["query_contrast"] == pytest.approx(11 / 12)
    assert value["query_hub_share"] == pytest.approx(0.5)  # five of ten places; both lists begin with low numbers
    assert value["query_shift"] == pytest.approx(np.sqrt(2 * (1 / 2 - 1 / 12) ** 2 + 10 / 144))


def test_a_kind_that_queries_never_find():
    images, texts = normal(300, 64, 1) + 2, normal(300, 64, 2) - 2
    made = diagnose(pair=(images, texts), queries=texts[:100] + 0.3 * normal(100, 64, 3))
    kinds = next(v for v in made.verdicts if v.rule.id == "query_kinds")
    assert (kinds.severity, kinds.reading.value) == ("serious", 0.0)
    assert kinds.rule.sentence(kinds.numbers, kinds.reading).startswith(
        "Among the 10 best, image rows are 0.0 % as frequent"
    )
    assert "--corpus image=" in advice(kinds) or "--pair" in advice(kinds)


def test_value_beyond_and_interval_not_is_a_note():
    x = normal(60, 16, 4) + 0.85
    made = diagnose(x)
    cone = next(v for v in made.verdicts if v.rule.id == "cosine_floor")
    low, value = cone.reading.low, cone.reading.value
    named = {"cosine_floor": {"info": None, "warning": (low + value) / 2, "serious": None}}
    open_one = next(v for v in diagnose(x, thresholds=named).verdicts if v.rule.id == "cosine_floor")
    assert (open_one.severity, open_one.undecided) == ("ok", "warning")


def test_no_error_bar_makes_no_finding():
    assert not Reading.with_error(0.9, None).beyond(0.5, "above", surely=True)
    assert Reading.from_count(0.9).beyond(0.5, "above", surely=True)
    (space,) = spaces_of(diagnose(np.eye(3)).result.records, Where(("x",)))
    assert ratio(number("zero_rows", counted=True), number("nothing"))(space) is None


def test_ratio_has_the_error_of_the_delta_method():
    a, b = Reading.with_error(2.0, 0.2), Reading.with_error(4.0, 0.4)
    found_ratio = ratio(lambda _: a, lambda _: b)(None)
    assert found_ratio.value == 0.5
    assert found_ratio.stderr == pytest.approx(0.5 * np.hypot(0.1, 0.1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[cosine_flor]\nwarning = 1", "did you mean 'cosine_floor'"),
        ("[cosine_floor]\nwarnin = 1", "did you mean 'warning'"),
        ("[cosine_floor]\nwarning = 'a'", "must be a number, or false"),
        ("[rogue_coordinate]\ninfo = 0.95", "must rise from info to serious, got info 0.95, warning 0.9"),
        ("[int8]\nserious = 0.85", "must fall"),
        ("cosine_floor = 1", r"must be a section, \[cosine_floor\]"),
        ("[", "cannot read thresholds"),
    ],
)
def test_bad_thresholds(tmp_path, text, message):
    (tmp_path / "t.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        thresholds_of(tmp_path / "t.toml")


def test_thresholds_change_the_verdict(tmp_path):
    x = normal(600, 16, 4) + 1.5
    (tmp_path / "t.toml").write_text(
        "[cosine_floor]\nwarning = 0.5\nserious = false\n[half_precision]\nwarning = false"
    )
    assert severity(diagnose(x), "cosine_floor") == "info"
    assert severity(diagnose(x, thresholds=thresholds_of(tmp_path / "t.toml")), "cosine_floor") == "warning"


def test_neither_and_both():
    for given in ({}, {"source": np.eye(3), "pair": (np.eye(3), np.eye(3))}):
        with pytest.raises(InputError, match="SOURCE or --pair"):
            diagnose(**given)


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda r: r.id)
def test_rules_are_complete_and_documented(rule):
    assert re.search(rf"^\| `{rule.id}` \|", PAGE, re.M), f"docs/findings.md lacks a row of {rule.id}"
    row = re.search(rf"^\| `{rule.id}` \|.*$", PAGE, re.M).group()
    for level, value in rule.levels.items():
        assert re.search(rf"{level} {value:g}(?!\d)", row), (level, value)
    assert set(rule.levels) <= set(LEVELS)
    assert list(rule.levels.values()) == sorted(rule.levels.values(), reverse=rule.worse == "below")
    assert rule.harm.endswith(".") and rule.says.endswith((".", ":")) and not rule.reason.endswith(".")
    own = {
        "copy_share",
        "neighbour_contrast",
        "modality_gap",
        "same_modality_share",
        "paired_cosine",
        "unpaired_cosine",
        "mismatched_pairs",
        "two_populations",
        "two_populations.likeness",
        "two_kinds",
        "two_formats",
        "dot_overlap",
        "leading_overlap",
        "outlier_share",
        "length_bias",
    }
    assert all(m in METRICS or m in own or m.startswith("query_") for m in rule.metrics)
    assert json.dumps(rule.levels)


@pytest.mark.models
def test_queries_of_a_model_are_texts(tmp_path):
    """The same numbers as of its vectors; what is not texts is said."""
    if MODELS.get("minilm").path() is None:
        pytest.skip("the weights of minilm are not installed")
    things = ("cat", "dog", "train", "storm", "song", "bridge", "river", "king", "bank", "game", "road", "book")
    documents = [f"The {a} is near the {b}." for a in things for b in things if a != b]
    queries = [f"Where is the {a}?" for a in things]
    (tmp_path / "q.jsonl").write_text(
        "".join(json.dumps({"_id": str(i), "text": q}) + "\n" for i, q in enumerate(queries)), encoding="utf-8"
    )
    made = diagnose("minilm", texts=documents, queries=str(tmp_path / "q.jsonl"), cache=False).result
    vectors = extract(open_encoder("minilm"), [*documents, *queries], [None], cache=None)
    x, q = (vectors.matrix(None, "pooled", texts) for texts in (documents, queries))
    alone = diagnose(x, queries=q).result
    for metric in ("query_shift", "query_hub_share", "query_contrast", "self_similarity", "hub_share"):
        assert made.value(metric=metric) == pytest.approx(alone.value(metric=metric), abs=1e-12), metric
    assert {r.space for r in made} == {"pooled", "query|document"}
    assert made.provenance["settings"]["diagnosis"] is True


def test_queries_that_do_not_go_with_the_source(tmp_path):
    (tmp_path / "q.txt").write_text("who\nwhat\n")
    np.save(tmp_path / "q.npy", np.eye(4))
    with pytest.raises(InputError, match="holds texts, and the documents are vectors"):
        diagnose(np.eye(4), queries=str(tmp_path / "q.txt"))
    with pytest.raises(InputError, match="must be texts"):
        diagnose("minilm", texts=["a", "b"], queries=str(tmp_path / "q.npy"))
    with pytest.raises(InputError, match="name its documents with --texts"):
        diagnose("minilm", queries=["a"])
    with pytest.raises(InputError, match="not tokens"):
        diagnose("minilm", texts=["a", "b"], queries=["a"], unit="token")


def test_few_rows_are_no_few_directions():
    """36 rows span 35 directions whatever they are."""
    x = np.random.default_rng(0).normal(size=(36, 640)) * np.arange(1, 641) ** -0.7
    assert not any(v.rule.id == "few_directions" for v in diagnose(x).verdicts)


def test_a_repair_that_was_applied_is_not_suggested_again(tmp_path, monkeypatch):
    """Two modalities that do not mix for another reason than their means: centring is there already."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 16)), rng.normal(size=(400, 16))
    x[:, 8:] *= 0.1
    y[:, :8] *= 0.1
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y)]
    for name, side, mean in (("a", unit[0], 0.4), ("b", unit[1], -0.4)):
        np.save(f"{name}.npy", side + mean)
        np.save(f"{name}2.npy", side - side.mean(axis=0))
    before, after = (
        {v.rule.id: advice(v) for v in diagnose(pair=(f"a{end}.npy", f"b{end}.npy")).verdicts} for end in ("", "2")
    )
    assert "--candidates center -o" in before["mixed_index"]
    assert after["mixed_index"] == (
        "these rows are centred already, which is the repair for this; or merge two indexes by rank"
    )
    assert not [remedy for remedy in after.values() if "--candidates center " in remedy]


def test_thresholds_from_memory_are_checked_as_those_of_a_file():
    with pytest.raises(InputError, match=r"thresholds: unknown rule 'hub'; did you mean 'hubs'\?"):
        thresholds_of({"hub": {"warning": 0.1}})
    assert thresholds_of({"hubs": {"serious": False}}) == {"hubs": {"serious": None}}


@pytest.mark.parametrize(("n", "said"), [(3, "Too few rows to judge: 3 rows"), (60, "No problem found")])
def test_few_rows_are_not_called_healthy(n, said):
    made = diagnose(np.random.default_rng(0).normal(size=(n, 32)))
    document = made.result.document
    assert document.headline.text.startswith(said)
    (open_,) = [f.text for f in document.findings if f.text.startswith("Not judged")]
    (fine,) = [f.text for f in document.findings if f.text.startswith("Fine")]
    assert "all rows are of one kind (from 200 rows on)" in open_
    assert "no row is zero" in fine and "one kind" not in fine
    assert ("low cosines (from 50 rows on)" in open_) == (n < 50)
    assert ("low cosines" in fine) == (n >= 50)
