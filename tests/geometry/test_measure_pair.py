"""``measure_pair``: two files in, every two-sided number out; rows match by position or by id."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedscope import measure
from embedscope.core.errors import InputError, UnknownNameError
from embedscope.geometry.measure_pair import measure_pair
from embedscope.metrics import DEFAULTS
from embedscope.metrics.pairs import PAIR_METRICS, Paired


def sides(n=120, d=8):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)).astype(np.float32)
    return x, (x + 0.7 * rng.normal(size=(n, d))).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    x, y = sides()
    np.save(tmp_path / "i.npy", x)
    np.save(tmp_path / "t.npy", y)
    np.save(tmp_path / "both.npy", np.stack([x, y]))
    np.savez(tmp_path / "z.npz", image=x, text=y)
    columns = {
        "image": pa.array(x.tolist()),
        "text": pa.array(y.tolist()),
        "id": pa.array([f"r{i}" for i in range(120)]),
    }
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    return tmp_path


def numbers(result):
    return {(r.space, r.metric): r.value for r in result}


def test_everything_of_two_arrays():
    x, y = sides()
    result = measure_pair(x, y)
    across = {r.metric: r for r in result if r.space == "image|text"}
    assert set(PAIR_METRICS) <= set(across)
    recalls = {f"recall@{k}.{way}" for k in (1, 5, 10) for way in ("image_to_text", "text_to_image")}
    assert recalls | {"same_modality_share.image", "same_modality_share.text", "contrastive_loss"} <= set(across)
    assert {"modality_separability.logistic", "modality_separability.linear_svc"} <= set(across)
    assert {r.metric.partition(".")[0] for r in result if r.space == "image"} == set(DEFAULTS)
    assert all(r.value is None or np.isfinite(r.value) for r in result)
    assert across["modality_gap"].stderr > 0
    assert across["recall@1.image_to_text"].ci_low < across["recall@1.image_to_text"].value
    assert json.loads(result.to_json())["provenance"]["settings"]["pair"] == ["image", "text"]
    paired = Paired.of(x, y)
    alone = {m.metric: m.value for name in PAIR_METRICS for m in PAIR_METRICS.get(name).measure(paired)}
    assert alone.items() <= {k: r.value for k, r in across.items()}.items()


def test_each_side_is_what_measure_gives():
    x, y = sides()
    found = numbers(measure_pair(x, y, metrics=["isoscore", "hubness_skew"]))
    for name, matrix in (("image", x), ("text", y)):
        alone = {(name, r.metric): r.value for r in measure(matrix, metrics=["isoscore", "hubness_skew"])}
        assert len(alone) == 2
        assert {key: found[key] for key in alone} == pytest.approx(alone, rel=1e-9)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("i.npy", "t.npy"),
        ("both.npy::0", "both.npy::1"),
        ("z.npz::image", "z.npz::text"),
        ("p.parquet::image", "p.parquet::text"),
    ],
)
def test_files_give_the_numbers_of_the_arrays(folder, a, b):
    wanted = {
        (r.space, r.metric): r.value for r in measure_pair(*sides(), metrics=["modality_gap", "recall", "linear_cka"])
    }
    result = measure_pair(folder / a, folder / b, metrics=["modality_gap", "recall", "linear_cka"])
    assert numbers(result) == pytest.approx(wanted, rel=1e-6)
    assert result.records[0].source == f"{folder / a}|{folder / b}"
    assert result.provenance["data"][str(folder / a)]["sha256"]


def test_several_captions_by_id(folder):
    x, y = sides(30)
    rng = np.random.default_rng(1)
    texts, own = np.repeat(y, 3, axis=0) + 0.1 * rng.normal(size=(90, 8)), np.repeat(np.arange(30), 3)
    order = rng.permutation(90)
    (folder / "i.txt").write_text("\n".join(f"photo{i}" for i in range(30)))
    (folder / "t.txt").write_text("\n".join(f"photo{i}" for i in own[order]))
    result = measure_pair(
        x, texts[order], ids=(folder / "i.txt", folder / "t.txt"), metrics=["recall@1", "paired_cosine"]
    )
    u, v = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (x.astype(float), texts[order]))
    cosines = u @ v.T
    right = own[order] == np.arange(30)[:, None]
    found = {r.metric: r for r in result}
    assert found["recall@1.image_to_text"].value == right[np.arange(30), cosines.argmax(1)].mean()
    assert found["recall@1.text_to_image"].value == right[cosines.argmax(0), np.arange(90)].mean()
    assert (found["recall@1.image_to_text"].n, found["recall@1.text_to_image"].n) == (30, 90)
    assert set(found) == {"recall@1.image_to_text", "recall@1.text_to_image", "paired_cosine"}
    assert found["paired_cosine"].value == pytest.approx(cosines[right].mean(), rel=1e-9)


def test_ids_from_parquet_and_rows_that_match_nothing(folder):
    x, y = sides()
    ids = [f"r{i}" for i in range(10, 130)]
    result = measure_pair(x, y, ids=(f"{folder / 'p.parquet'}::id", ids), metrics=["paired_cosine"])
    assert result.records[0].n == 110
    assert [s.what for s in result.document.skipped] == [
        "10 of 120 image rows have no match",
        "10 of 120 text rows have no match",
    ]


def test_sides_of_different_width_are_compared_without_cosines():
    x, y = sides()
    found = {r.metric: r for r in measure_pair(x, y[:, :5]) if r.space == "image|text"}
    assert found["linear_cka"].value is not None
    for name in ("modality_gap", "recall", "contrastive_loss"):
        assert found[name].value is None
        assert "8 and 5 dimensions" in found[name].note


def test_messages(folder):
    x, y = sides()
    with pytest.raises(UnknownNameError, match="did you mean 'modality_gap'"):
        measure_pair(x, y, metrics=["modality_gab"])
    with pytest.raises(InputError, match="no metrics named"):
        measure_pair(x, y, metrics=[])
    with pytest.raises(InputError, match="must have the same number of rows; got 120 and 119"):
        measure_pair(x, y[1:])
    with pytest.raises(InputError, match="120 rows and 2 ids; wanted one id per row"):
        measure_pair(x, y, ids=(["a", "b"], ["a", "b"]))
    with pytest.raises(InputError, match="no id in common"):
        measure_pair(x, y, ids=(np.arange(120), np.arange(120, 240)))
    with pytest.raises(InputError, match="two files or folders of vectors"):
        measure_pair("minilm", folder / "t.npy")
    with pytest.raises(InputError, match="part 5 of an array of shape"):
        measure_pair(folder / "both.npy::5", folder / "t.npy")


def test_few_pairs_give_numbers_or_reasons():
    x, y = sides(3)
    found = measure_pair(x, y)
    assert {"image", "text"} < {r.space for r in found}
    assert any(r.value is None for r in found)
    assert all(r.value is not None or r.note.startswith("undefined: ") for r in found)


@pytest.mark.shared_data
def test_reference_values_of_real_clip_pairs(shared_data):
    """Retrieval and the mixed index of clip500, raw and with each modality centred, as the specification has them."""
    path = shared_data / "clip500" / "features_clip.npy"
    asked = ["recall@1", "same_modality_share", "contrastive_loss"]
    raw = {r.metric: r.value for r in measure_pair(f"{path}::0", f"{path}::1", metrics=asked)}
    assert raw["recall@1.image_to_text"] == pytest.approx(0.552)
    assert raw["recall@1.text_to_image"] == pytest.approx(0.506)
    assert raw["same_modality_share.image"] == raw["same_modality_share.text"] == 1.0
    assert raw["contrastive_loss"] == pytest.approx(1.80, abs=5e-3)
    assert raw["contrastive_loss.batch64"] == pytest.approx(0.65, abs=2e-2)
    assert raw["contrastive_loss.batch32"] == pytest.approx(0.41, abs=2e-2)
    unit = [x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True) for x in np.load(path)]
    centred = {r.metric: r.value for r in measure_pair(*(x - x.mean(0) for x in unit), metrics=asked)}
    assert centred["recall@1.image_to_text"] == pytest.approx(0.542)
    assert centred["recall@1.text_to_image"] == pytest.approx(0.500)
    both = (centred["same_modality_share.image"] + centred["same_modality_share.text"]) / 2
    assert both == pytest.approx(0.943, abs=6e-4)


def test_a_clip_retrieval_folder_gives_both_sides(tmp_path):
    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 8)).astype(np.float32)
    y = x + 0.3 * rng.normal(size=x.shape).astype(np.float32)
    for part in ("img_emb", "text_emb", "metadata"):
        (tmp_path / part).mkdir()
    for i, rows in enumerate((slice(0, 40), slice(40, 60))):
        np.save(tmp_path / "img_emb" / f"img_emb_{i}.npy", x[rows])
        np.save(tmp_path / "text_emb" / f"text_emb_{i}.npy", y[rows])
        texts = [f"caption {k}" for k in range(60)[rows]]
        pq.write_table(pa.table({"caption": texts}), tmp_path / "metadata" / f"metadata_{i}.parquet")
    wanted = ["modality_gap", "paired_cosine"]
    folder = measure_pair(f"{tmp_path}::image", f"{tmp_path}::text", metrics=wanted)
    arrays = measure_pair(x, y, metrics=wanted)
    assert [r.value for r in folder] == [r.value for r in arrays]
    assert all(facts["files"] in (2, 4) for facts in folder.provenance["data"].values())


def cluster_pairs(seed=0):
    """30 units of 12 pairs each, in file order, and the number of the unit of every pair."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(30, 16)), 12, axis=0) + 0.5 * rng.normal(size=(360, 16))
    return x, x[:, ::-1] + 0.1 * rng.normal(size=x.shape), np.repeat(np.arange(30), 12)


CHECKED = ["modality_gap", "linear_cka", "recall", "contrastive_loss"]


def test_declared_groups_of_pairs_widen_every_interval():
    x, y, groups = cluster_pairs()
    mixed = np.random.default_rng(1).permutation(len(x))
    x, y, groups = x[mixed], y[mixed], groups[mixed]
    alone = {r.metric: r for r in measure_pair(x, y, metrics=CHECKED) if r.space == "image|text"}
    found = {r.metric: r for r in measure_pair(x, y, metrics=CHECKED, groups=groups) if r.space == "image|text"}
    for metric in ("modality_gap", "contrastive_loss"):
        assert found[metric].value == alone[metric].value
        assert found[metric].units == 30
        assert "360 rows in 30 units (declared)" in found[metric].note
        widths = [one[metric].ci_high - one[metric].ci_low for one in (alone, found)]
        assert widths[1] > 1.3 * widths[0]


def test_dependence_of_pairs_on_file_order_is_found_and_said():
    x, y, _ = cluster_pairs()
    found = measure_pair(x, y, metrics=CHECKED)
    for metric in ("modality_gap", "recall@1.image_to_text"):
        record = found.select(metric=metric)[0]
        assert record.units < 60
        assert "neighbouring rows have a mean cosine" in record.note
    independent = measure_pair(*sides(), metrics=["modality_gap"])
    assert independent[0].units is None


def test_too_few_units_of_pairs_have_no_interval():
    x, y, groups = cluster_pairs()
    record = measure_pair(x, y, metrics=["modality_gap"], groups=groups % 5)[0]
    assert (record.ci_low, record.ci_high, record.stderr) == (None, None, None)
    assert "360 rows are 5 independent units" in record.note


def test_groups_follow_the_rows_that_ids_match():
    """Numbers and intervals are those of the second side put in order by hand; its own too, whatever the order."""
    x, y, groups = cluster_pairs()
    rng = np.random.default_rng(1)
    mixed, order = rng.permutation(len(x)), rng.permutation(len(x))
    x, y, groups = x[mixed], y[mixed], groups[mixed]
    ids = [f"doc{i}" for i in range(len(x))]
    by_hand = measure_pair(x, y, metrics=[*CHECKED, "isoscore"], groups=groups)
    found = measure_pair(x, y[order], ids=(ids, [ids[i] for i in order]), metrics=[*CHECKED, "isoscore"], groups=groups)
    assert len(found.records) == len(by_hand.records)
    for a, b in zip(by_hand, found, strict=True):
        assert (a.space, a.metric, a.n, a.units, a.note) == (b.space, b.metric, b.n, b.units, b.note)
        for name in ("value", "stderr", "ci_low", "ci_high"):
            wanted, got = getattr(a, name), getattr(b, name)
            assert got is None if wanted is None else got == pytest.approx(wanted, rel=1e-9)
    assert found.select(metric="modality_gap")[0].units == 30


def test_groups_with_ids_that_stand_twice_are_refused():
    x, y, groups = cluster_pairs()
    with pytest.raises(InputError, match="the image side has an id twice; leave out groups"):
        measure_pair(x, y, ids=(groups, groups), groups=groups)
    with pytest.raises(InputError, match="the image side has 1 id without a match"):
        measure_pair(x, y[1:], ids=(np.arange(360), np.arange(1, 360)), groups=groups)


def test_groups_of_a_pair_may_be_a_column_of_the_first_side(folder):
    x, y = sides()
    groups = np.arange(120) // 3
    table = pq.read_table(folder / "p.parquet").append_column("doc", pa.array([f"d{g}" for g in groups]))
    pq.write_table(table, folder / "p.parquet")
    wanted = measure_pair(x, y, metrics=["modality_gap"], groups=[f"d{g}" for g in groups])
    found = measure_pair(
        f"{folder}/p.parquet::image", f"{folder}/p.parquet::text", metrics=["modality_gap"], groups="doc"
    )
    assert [found[0].units, found[0].ci_low] == pytest.approx([wanted[0].units, wanted[0].ci_low], rel=1e-6)
    with pytest.raises(InputError, match=r"p.parquet has no column 'dok'; did you mean 'doc'[?]"):
        measure_pair(f"{folder}/p.parquet::image", y, groups="dok")


@pytest.mark.parametrize("scale", [1e-170, 1e-300, 1e140])
def test_numbers_of_two_sides_do_not_depend_on_their_scale(scale):
    x, y = (side.astype(np.float64) for side in sides())
    plain = {r.metric: r.value for r in measure_pair(x, y) if r.space == "image|text"}
    far = {r.metric: r.value for r in measure_pair(x * scale, y * scale) if r.space == "image|text"}
    assert far == pytest.approx(plain, rel=1e-6, abs=1e-9)
