"""Verdicts of ``migrate`` where the truth is known: one space, a rotation, unrelated spaces, noise, judgements."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import embedscope
from embedscope.core.errors import InputError
from embedscope.transforms.repair import Repair

LINEAR = "none,procrustes,ridge"


def spaces(n: int = 480, d: int = 10, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and the same rows turned, with noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return x, x @ turn + noise * rng.normal(size=(n, d))


def naive_overlap(q: np.ndarray, d: np.ndarray, q2: np.ndarray, d2: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Share of the ten nearest in common, query by query, by sorting."""

    def nearest(a: np.ndarray, b: np.ndarray) -> list[set[int]]:
        a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
        found = []
        for i, row in enumerate(a @ b.T):
            row[own[i]] = -9
            found.append(set(np.argsort(-row)[:10].tolist()))
        return found

    return np.array([len(a & b) / 10 for a, b in zip(nearest(q, d), nearest(q2, d2), strict=True)])


def test_the_same_model_stays() -> None:
    x, _ = spaces()
    outcome = embedscope.migrate(x, x.astype(np.float16).astype(np.float64), candidates=LINEAR)
    assert outcome.verdict == "stay" and outcome.repair is None and not outcome.accepted


def test_a_rotated_copy_is_bridged_and_nothing_is_lost() -> None:
    x, y = spaces()
    outcome = embedscope.migrate(x, y, candidates=LINEAR)
    assert outcome.verdict == "bridge" and outcome.accepted
    record = outcome.result["migrate"]
    assert record.value == record.ci_high == 1.0
    assert record.ci_low == pytest.approx(record.n / (record.n + 1.959964**2))  # Wilson's interval of n
    moved = embedscope.apply(outcome.repair, y, kind="new")
    assert np.abs(moved - x / np.linalg.norm(x, axis=1, keepdims=True)).max() < 1e-9
    assert outcome.repair.kinds["old"].is_identity


@pytest.mark.parametrize("seed", range(4))
def test_unrelated_spaces_are_never_bridged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcome = embedscope.migrate(rng.normal(size=(420, 8)), rng.normal(size=(420, 9)), candidates="procrustes,ridge")
    assert outcome.verdict == "re-embed"
    assert outcome.result["migrate"].value == pytest.approx(10 / 420, abs=0.03)


def test_pair_recall_does_not_decide() -> None:
    x, y = spaces(d=24, noise=0.35)
    outcome = embedscope.migrate(x, y, candidates=LINEAR)
    recall = [r for r in outcome.result.records if r.metric == "pair_recall@1"]
    assert max(r.value for r in recall) > 0.95
    assert outcome.result["migrate"].value < 0.8
    assert outcome.verdict == "re-embed"
    assert " of what re-embedding all finds, less than the 0.95 wanted" in outcome.result.document.headline.text
    kept = next(c for c in outcome.result.document.dots if c.id == "kept")
    assert (kept.series[0], kept.tones[0]) == ("best here, not enough", "")


def test_overlap_is_that_of_sorting() -> None:
    from embedscope.core.progress import Silent
    from embedscope.core.provenance import Provenance
    from embedscope.migration.maps import fit_map
    from embedscope.migration.migrate import Request, read_rows, retention_judge
    from embedscope.sources.options import ModelOptions

    x, y = spaces(noise=0.3)
    rows = read_rows(Request(x, y), ModelOptions(), Provenance(), Silent(), count_tokens=False)
    judge = retention_judge(rows, 10_000, 0)
    for direction in ("queries", "documents"):
        fitted = fit_map("ridge:0.01", judge.pairs(direction))
        for part in ("select", "certify"):
            view = judge.views[part]
            queries = fitted.apply(view.q_new) if direction == "queries" else view.q_new
            pool = view.d_old if direction == "queries" else fitted.apply(view.d_old)
            wanted = naive_overlap(view.q_new, view.d_new, queries, pool, view.own)
            got = judge.measure(direction, fitted, part).scores["overlap@10"]
            assert got.items.tolist() == pytest.approx(wanted.tolist())
    fit = set(judge.fit.tolist())
    selects, certifies = ({rows.ids.index(name) for name in judge.views[part].names} for part in ("select", "certify"))
    assert certifies == set(range(len(x))) - fit
    assert selects == set(judge.select.tolist()) and selects < fit
    chosen_by = judge.pairs("documents", choosing=True)
    assert len(chosen_by) == len(fit) - len(selects)
    assert not (chosen_by.x[:, None] == judge.views["select"].q_old[None]).all(axis=2).any()


def test_a_larger_index_keeps_less_and_the_verdict_is_about_it() -> None:
    """The share among all 2,400 rows, which a sample of 600 never searched, is what the sample predicts."""
    x, y = spaces(n=3000, d=8, noise=0.02)
    small = embedscope.migrate(x[:600], y[:600], candidates="ridge:0.001", direction="queries", index_rows=2400)
    record = small.result["migrate"]
    moved = embedscope.apply(small.repair, y[600:], kind="new") if small.repair else None
    if moved is None:
        forced = embedscope.migrate(
            x[:600], y[:600], candidates="ridge:0.001", direction="queries", index_rows=2400, force=True
        )
        moved = embedscope.apply(forced.repair, y[600:], kind="new")
    truth = naive_overlap(y[600:], y[600:], moved, x[600:], np.arange(2400)).mean()
    measured = small.result.select(metric="overlap@10", subset="certify")[0].value
    assert measured > truth + 0.005
    assert record.ci_low - 0.03 < truth < record.ci_high + 0.03
    assert not record.exact


def make_judged(n: int = 400, seed: int = 3) -> dict[str, object]:
    """An index in which the new model's answers are relevant, and old vectors that are noise or as good."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 12))
    queries = rows + 0.3 * rng.normal(size=(n, 12))
    ids = [f"d{i}" for i in range(n)]
    return {
        "rows": rows,
        "queries": queries,
        "dict": lambda x, mark: dict(zip([f"{mark}{i}" for i in range(n)], x, strict=True)),
        "qrels": {f"q{i}": {ids[i]: 1} for i in range(n)},
    }


def test_an_old_model_that_is_as_good_stays() -> None:
    data, rng = make_judged(), np.random.default_rng(5)
    as_dict, rows, queries = data["dict"], data["rows"], data["queries"]
    turn = rng.normal(size=(12, 12)) + 3 * np.eye(12)
    outcome = embedscope.migrate(
        as_dict(rows @ np.linalg.qr(turn)[0], "d"),
        as_dict(rows, "d"),
        old_queries=as_dict(queries @ np.linalg.qr(turn)[0], "q"),
        new_queries=as_dict(queries, "q"),
        qrels=data["qrels"],
        candidates="procrustes",
    )
    assert outcome.verdict == "stay"
    assert "as good" in outcome.result["migrate"].facts["reason"]


def test_judgements_hold_all_rows_and_the_result_says_so() -> None:
    data = make_judged(n=900)
    as_dict, rows, queries = data["dict"], data["rows"], data["queries"]
    given = {"new_queries": as_dict(queries, "q"), "candidates": "procrustes", "max_eval_rows": 200}
    vectors = (as_dict(rows + 0.1, "d"), as_dict(rows, "d"))
    few = embedscope.migrate(*vectors, **given)
    held = embedscope.migrate(*vectors, **given, qrels=data["qrels"])
    texts = [[f.text for f in outcome.result.document.findings] for outcome in (few, held)]
    assert any("of 900 rows were taken" in text for text in texts[0])
    assert "All 900 rows are held, 0.0 GB, because judgements name rows." in texts[1]


def test_with_judgements_ndcg_decides_and_a_poor_old_model_does_not_stay() -> None:
    data, rng = make_judged(), np.random.default_rng(5)
    as_dict, rows, queries = data["dict"], data["rows"], data["queries"]
    old = rows + 1.0 * rng.normal(size=rows.shape)
    outcome = embedscope.migrate(
        as_dict(old, "d"),
        as_dict(rows, "d"),
        old_queries=as_dict(queries + 1.0 * rng.normal(size=rows.shape), "q"),
        new_queries=as_dict(queries, "q"),
        qrels=data["qrels"],
        candidates="procrustes,ridge",
    )
    assert outcome.verdict in ("re-embed", "pilot more pairs")
    kept = outcome.result.select(metric="ndcg@10.kept", subset="certify")
    full = outcome.result.select(metric="ndcg@10.full")[0].value
    raw = outcome.result.select(metric="ndcg@10", subset="certify", transform=kept[0].transform, space=kept[0].space)
    assert kept[0].value == pytest.approx(raw[0].value / full)


def test_groups_say_what_is_relevant_and_stay_in_one_part() -> None:
    rng = np.random.default_rng(0)
    things, groups = rng.normal(size=(220, 8)), np.repeat(np.arange(220), 3)
    x = things[groups] + 0.2 * rng.normal(size=(660, 8))
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    outcome = embedscope.migrate(x, x @ turn + 0.02 * rng.normal(size=x.shape), groups=groups, candidates=LINEAR)
    assert outcome.verdict in ("bridge", "stay")
    assert outcome.result["migrate"].facts["verdict"] == outcome.verdict
    assert outcome.result.select(metric="ndcg@10.kept", subset="certify")
    assert any("one group" in f.text for f in outcome.result.document.findings)


def test_rows_match_by_id_and_extra_rows_are_said() -> None:
    x, y = spaces()
    order = np.random.default_rng(1).permutation(len(x))[:400]
    old = {f"r{i}": v for i, v in enumerate(x)}
    new = {f"r{i}": y[i] for i in order}
    outcome = embedscope.migrate(old, new, candidates="procrustes")
    assert outcome.verdict == "bridge"
    assert any("400 rows have the same id" in f.text for f in outcome.result.document.findings)
    with pytest.raises(InputError, match="no id of OLD is an id of NEW"):
        embedscope.migrate(old, {f"s{i}": y[i] for i in order})


def test_of_large_files_a_sample_is_taken_that_order_does_not_change(tmp_path: Path) -> None:
    from embedscope.core.progress import Silent
    from embedscope.core.provenance import Provenance
    from embedscope.migration.migrate import Request, read_rows
    from embedscope.sources.options import ModelOptions

    x, y = spaces(900, noise=0.3)
    ids, order = np.array([f"doc{i}" for i in range(len(x))]), np.random.default_rng(0).permutation(len(x))
    for name, rows, said in (("old", x, ids), ("new", y[order], ids[order])):
        np.save(tmp_path / f"{name}.npy", rows)
        (tmp_path / f"{name}.ids.txt").write_text("\n".join(said) + "\n")

    def read(most: int | None, groups: object = None) -> object:
        request = Request(str(tmp_path / "old.npy"), str(tmp_path / "new.npy"), groups=groups)
        return read_rows(request, ModelOptions(), Provenance(), Silent(), count_tokens=False, most=most, seed=3)

    whole, some = read(None), read(400)
    assert len(whole.ids) == 900 and len(some.ids) == 400 and some.index_rows == 900
    assert any("400 of 900 rows were taken" in note for note in some.notes)
    place = [int(name.removeprefix("doc")) for name in some.ids]
    assert place == sorted(place) and place != list(range(400))
    np.testing.assert_array_equal(some.old, whole.old[place])
    np.testing.assert_array_equal(some.new, whole.new[place])
    groups = np.arange(900) // 3
    kept = read(400, groups).groups
    assert len(kept) == 399 and set(np.bincount(kept, minlength=300)) == {0, 3}
    with pytest.raises(InputError, match="holds no whole group"):
        read(400, np.zeros(900, dtype=int))
    outcome = embedscope.migrate(tmp_path / "old.npy", tmp_path / "new.npy", candidates=LINEAR, max_eval_rows=200)
    assert outcome.result.provenance["settings"]["sizes"]["fit"] <= 450


def test_what_cannot_be_decided_is_an_error_with_what_to_do() -> None:
    x, y = spaces(n=120)
    with pytest.raises(InputError, match="250 rows"):
        embedscope.migrate(x, y)
    with pytest.raises(InputError, match="have no ids to match"):
        embedscope.migrate(x, y[:-1])
    with pytest.raises(InputError, match=r"share from 0\.5"):
        embedscope.migrate(x, y, retain=1.0)
    with pytest.raises(InputError, match="--qrels judge queries"):
        embedscope.migrate(x, y, qrels={"q": {"d": 1}})


def test_costs_and_document() -> None:
    x, y = spaces(d=24, noise=0.5)
    outcome = embedscope.migrate(
        x, y, candidates=LINEAR, tokens_per_row=20, price_per_million_tokens=0.1, index_rows=10**6
    )
    document = outcome.result.document
    costs = next(t for t in document.tables if t.id == "costs")
    assert costs.rows[-1][1:4] == (10**6, 20 * 10**6, pytest.approx(2.0))
    assert [f.id for f in document.figures] == ["learning_curve"]
    assert document.findings[0].text.startswith("Re-embed")


def test_a_bridge_is_a_repair_file(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the extra hf is not installed")
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 6))
    y = np.abs(x @ rng.normal(size=(6, 12))) + 0.05 * rng.normal(size=(500, 12))
    outcome = embedscope.migrate(y, x, candidates="mlp", direction="documents", force=True)
    assert outcome.repair.kinds["old"].hidden is not None
    file = tmp_path / "bridge.safetensors"
    outcome.repair.save(file)
    again = Repair.load(file)
    assert np.array_equal(again.transform(y, "old"), outcome.repair.transform(y, "old"))
    assert again.header.candidate == "mlp:128"
    np.save(tmp_path / "old.npy", y.astype(np.float32))
    done = embedscope.apply(file, tmp_path / "old.npy", tmp_path / "moved.npy", kind="old")
    assert done.dim_out == 6


def test_the_headline_is_the_verdict_with_its_interval_and_a_command() -> None:
    x, y = spaces(noise=0.02)
    outcome = embedscope.migrate(x, y, candidates=LINEAR)
    document, record = outcome.result.document, outcome.result["migrate"]
    headline = document.headline
    assert headline.text.startswith("Bridge: ")
    assert f"{record.value:.3f} ({record.ci_low:.3f} to {record.ci_high:.3f})" in headline.text
    assert headline.charts == tuple(c.id for c in document.charts)[:2] == ("kept", "learning_curve")
    assert headline.command == ""  # nothing was written
    selected = {
        (r.transform, r.space): (r.value, r.ci_low, r.ci_high)
        for r in outcome.result.select(metric="overlap@10", subset="select")
    }
    dots = {row.label: row.dots[0] for row in document.dots[0].rows}
    assert len(dots) == len(document.dots[0].rows) > 6
    for label, dot in dots.items():
        text, _, direction = label.partition(", ")
        if direction:
            assert (dot.value, dot.low, dot.high) == selected[text, direction]
    assert [row.label for row in document.dots[0].rows if row.strong] == [f"{record.transform}, {record.space}"]


def test_without_a_bridge_the_headline_says_what_to_do() -> None:
    rng = np.random.default_rng(0)
    outcome = embedscope.migrate(rng.normal(size=(420, 8)), rng.normal(size=(420, 9)), candidates="procrustes")
    headline = outcome.result.document.headline
    assert headline.status == "serious" and headline.command == ""
    assert headline.text.startswith("Re-embed: ") and "Embed all rows with the new model" in headline.text


def test_collections_of_a_store_are_bridged_in_place_or_into_a_new_one(tmp_path: Path) -> None:
    lancedb = pytest.importorskip("lancedb", reason="the extra lancedb is not installed")
    from embedscope.migration.migrate import migrate

    x, y = spaces(noise=0.02)
    wider = y @ np.linalg.qr(np.random.default_rng(1).normal(size=(12, 12)))[0][:10]
    for name, vectors in (("old", x), ("new", y[:450]), ("wider", wider)):
        rows = [{"id": f"d{i}", "vector": row.tolist()} for i, row in enumerate(vectors)]
        lancedb.connect(str(tmp_path / "db")).create_table(name, rows)
    old = f"lancedb:{tmp_path}/db/old"
    for name, wanted in (("new", "--in-place"), ("wider", f"{old}_new --kind old")):
        bridge, result = migrate(
            old,
            f"lancedb:{tmp_path}/db/{name}",
            candidates="procrustes,ridge",
            direction="documents",
            out="b.safetensors",
        )
        assert result.document.headline.command == f"embedscope apply b.safetensors {old} {wanted}"
    assert embedscope.apply(bridge, old, f"{old}_new", kind="old").dim_out == 12
    bridge, _ = migrate(old, f"lancedb:{tmp_path}/db/new", candidates="procrustes", direction="documents")
    assert embedscope.apply(bridge, old, in_place=True).kind == "old"
    stored = np.array(lancedb.connect(str(tmp_path / "db")).open_table("old").to_arrow()["vector"].to_pylist())
    np.testing.assert_allclose(stored, bridge.transform(x.astype(np.float32), "old"), atol=1e-6)


def test_no_share_of_neighbours_is_above_one() -> None:
    """Half of what fewer neighbours are harder, and the draw of the rows, led beyond 1 where nearly all are kept."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(600, 32))
    outcome = embedscope.migrate(x, x + 1e-3 * rng.normal(size=x.shape), candidates="none")
    assert outcome.verdict == "stay"
    ends = [r.ci_high for r in outcome.result.records if r.ci_high is not None]
    assert ends and max(ends) <= 1.0
    assert "to 1.000)" in outcome.result.document.headline.text
