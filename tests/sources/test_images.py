"""Folders of images where texts may stand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from typer.testing import CliRunner

import embedscope
from embedscope.cli._app import app
from embedscope.core.errors import InputError
from embedscope.core.ids import hash_texts
from embedscope.core.progress import Silent
from embedscope.core.provenance import Provenance
from embedscope.datasets import image_folder
from embedscope.diagnosis.row_names import RowNames
from embedscope.encoders import open_image_encoder
from embedscope.evaluation.scoring import load_jobs
from embedscope.sources.image_text import read_images_and_texts
from embedscope.sources.images import images_in
from embedscope.sources.models import encode_texts
from embedscope.sources.options import ModelOptions

pil = pytest.importorskip("PIL.Image", reason="needs the extra images")

MODEL = "efficientnet-lite0"


def paint(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pil.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images") / "by class"
    for i in range(12):
        paint(root / ("red" if i % 2 else "a blue one") / f"{i:02}.png", i)
    (root / "red" / "notes.txt").write_text("no image")
    return root


@pytest.fixture
def model():
    pytest.importorskip("torch", reason="extra hf is not installed")
    try:
        return open_image_encoder(MODEL, device="cpu")
    except embedscope.errors.EmbedscopeError as error:
        pytest.skip(str(error))


def test_images_of_one_name_in_two_folders_are_two(tmp_path, folder):
    """Vectors are kept by the content of an image: its name says nothing about it."""
    paint(tmp_path / "red" / "01.png", 99)
    (other,) = images_in(tmp_path)
    one = next(image for image in images_in(folder) if image.name == other.name)
    assert one.key != other.key
    assert (one.folder, one.name) == ("red", "red/01.png")
    (tmp_path / "flat").mkdir()
    paint(tmp_path / "flat" / "x.png", 1)
    assert images_in(tmp_path / "flat")[0].folder == ""


@pytest.mark.models
def test_measure_and_diagnose_images(folder, model):
    result = embedscope.measure(MODEL, images=folder, device="cpu", metrics="mean_norm", cache=False)
    x = model.encode(images_in(folder))["features"].astype(np.float64)
    assert_allclose(result.value(metric="mean_norm"), np.linalg.norm(x, axis=1).mean(), rtol=1e-6)
    assert embedscope.measure(MODEL, images=folder, device="cpu", metrics="mean_norm", max_rows=5).records[0].n == 5
    found = embedscope.diagnose(MODEL, images=folder, device="cpu")
    assert found.result.records[0].n == 12
    assert not [r for r in found.result.records if r.metric == "length_bias"]


def test_rows_are_called_by_the_names_of_the_images(folder):
    names = RowNames.of(MODEL, MODEL, {"images": folder}, None)
    ids = hash_texts(["red/01.png", "a blue one/02.png"])
    assert names.name_rows(ids) == [("6", "red/01.png"), ("1", "a blue one/02.png")]
    assert names.lengths(ids).tolist() == [-1, -1], "the length of a name is not that of a text"


@pytest.mark.models
def test_a_probe_on_a_folder_by_class(folder, model):
    result = embedscope.evaluate(MODEL, tasks=f"labels:{folder}", device="cpu")
    assert result.records[0].metric == "labels-by_class"
    assert result.records[0].n == 3, "a quarter of the images is held out"


def test_two_tasks_on_one_folder_keep_their_own_data(folder):
    """Both are named after the folder, and only one of them has prompts."""
    jobs, _ = load_jobs([f"zeroshot:{folder}", f"labels:{folder}"], None)
    assert [len(job.texts) for job in jobs] == [2, 0]


@pytest.mark.models
def test_texts_beside_images_are_the_vectors_of_the_model_itself(folder, model):
    """All layers are the default of evaluate; they are for texts that stand alone."""
    prompts, options = ["a red square", "a blue one"], ModelOptions(layers="all", device="cpu", cache=False)
    pictures = image_folder(folder).images["images"].images
    found = read_images_and_texts("pixels:8+minilm", pictures, prompts, options, Provenance(), Silent())
    assert found.spaces == ("pixels|pooled",)
    own, _ = encode_texts("minilm", prompts, ModelOptions(device="cpu", cache=False), Provenance(), Silent())
    assert_allclose(found.matrix(None, found.spaces[0], prompts), own.matrix(None, "pooled", prompts))


@pytest.mark.models
@pytest.mark.parametrize("kind", ["zeroshot", "retrieval"])
def test_images_and_texts_of_other_dimensions_are_refused(folder, kind):
    done = CliRunner().invoke(app, ["evaluate", "pixels:8+minilm", "--task", f"{kind}:{folder}", "--device", "cpu"])
    assert done.exit_code == 2
    assert "images of pixels:8+minilm have 192 dimensions and texts 384" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["measure", MODEL, "--images", "FOLDER", "--texts", "x.txt"], "--texts or --images, one at a time"),
        (["measure", MODEL, "--images", "nothing"], "--images nothing is not a folder"),
        (["measure", MODEL, "--images", "FOLDER", "--layers", "3"], "--layers is about texts"),
        (["measure", "x.npy", "--images", "FOLDER"], "--images is for models and x.npy holds vectors already"),
        (["measure", MODEL], "or --images FOLDER"),
        (["evaluate", "minilm", "--task", "zeroshot:nothing"], "nothing is not a folder"),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path, monkeypatch, folder, args, said):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.eye(4))
    done = CliRunner().invoke(app, [str(folder) if arg == "FOLDER" else arg for arg in args])
    assert done.exit_code == 2
    assert said in done.stderr


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(InputError, match="holds no images"):
        images_in(tmp_path)
