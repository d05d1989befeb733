"""The verb as users run it: a process of its own, real files, exit codes and messages."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tests.commands import run_command

from embedscope import measure
from embedscope.metrics import DEFAULTS

X = np.random.default_rng(4).standard_normal((300, 16)).astype(np.float32) + 0.3


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "x.npy", X)
    return tmp_path


def test_json_on_standard_output(folder):
    done = run_command("measure", "x.npy", "--json", "-", "--seed", "3", cwd=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["schema_version"] == 1
    assert result["provenance"]["seed"] == 3
    assert result["provenance"]["command"] == "embedscope measure x.npy --json - --seed 3"
    found = {r["metric"]: r["value"] for r in result["records"]}
    assert {name.partition(".")[0] for name in found} == set(DEFAULTS)
    assert found == {r.metric: r.value for r in measure(folder / "x.npy")}
    assert "x.npy: pass 1 of 2" in done.stderr


def test_table_and_json_file(folder):
    done = run_command("measure", "x.npy", "--metrics", "isoscore, mean_norm", "--json", "out/result.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "isoscore" in done.stdout
    assert [r["metric"] for r in json.loads((folder / "out/result.json").read_text())["records"]] == [
        "isoscore",
        "mean_norm",
    ]


def test_quiet_says_nothing(folder):
    done = run_command("measure", "x.npy", "-q", "--metrics", "isoscore", "--json", "r.json", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder / "r.json").exists()


def test_options_reach_the_records(folder):
    done = run_command(
        *("measure", "x.npy", "--transform", "center,whiten:4", "--rows", "unit", "--precision", "fast"),
        *("--metrics", "isoscore", "--json", "-", "-q"),
        cwd=folder,
    )
    (record,) = json.loads(done.stdout)["records"]
    assert (record["rows"], record["exact"], record["dim"]) == ("unit", False, 4)
    assert (record["transform"], record["fitted_on"]) == ("center,whiten:4", "all rows of x.npy")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["none.npy"], 2, "there is no file none.npy"),
        (["x.csv"], 2, "there is no file x.csv; did you mean x.npy"),
        (["minilm"], 2, "as a model it needs texts: add --texts DATASET"),
        (["x.npy", "--texts", "rg65"], 2, "--texts is for models and x.npy holds vectors already; leave out --texts"),
        (["x.npy", "--max-rows", "5"], 2, "--max-rows is for models"),
        (["x.npy", "--metrics", "isoscor"], 2, "did you mean 'isoscore'?"),
        (["x.npy", "--transform", "whiten:99"], 2, "use whiten:16 or fewer"),
        (["nan.npy"], 2, "nan.npy holds nan or inf in 1 of 300 rows read, first in row 7"),
        (["x.npy::a"], 2, "leave out '::a'"),
        (["minilm", "--texts", "rg56"], 2, "did you mean 'rg65'?"),
        (["minilm", "--texts", "empty.txt"], 2, "empty.txt has no texts"),
    ],
)
def test_errors_are_one_line_on_standard_error(folder, args, code, message):
    bad = X.copy()
    bad[7, 2] = np.nan
    np.save(folder / "nan.npy", bad)
    (folder / "empty.txt").write_text("\n")
    done = run_command("measure", *args, "-q", cwd=folder)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("embedscope: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_heavy_libraries_stay_out(folder):
    code = (
        "import sys; sys.argv = ['embedscope', 'measure', 'x.npy', '-q']\n"
        "from embedscope.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code, stop\n"
        "print(*sorted({m.partition('.')[0] for m in sys.modules} | {m for m in sys.modules if 'embedscope' in m}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True)
    loaded = set(done.stdout.split())
    assert {"numpy", "embedscope.geometry.measure"} <= loaded
    what_reads_models_and_texts = {
        "datasets",
        "encoders.text",
        "sources.models",
        "sources.texts",
        "geometry.measure_pair",
    }
    assert not loaded & {f"embedscope.{name}" for name in what_reads_models_and_texts}
    assert not loaded & {
        "torch",
        "transformers",
        "sklearn",
        "scipy",
        "pyarrow",
        "pandas",
        "matplotlib",
        "jinja2",
        "pooch",
    }


def test_neighbours_from_an_index(folder):
    pytest.importorskip("faiss", reason="the extra faiss is not installed")
    options = ("--metrics", "robin_hood,isoscore", "--neighbours", "faiss", "--json", "-", "--quiet")
    done = run_command("measure", "x.npy", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    hubs, score = json.loads(done.stdout)["records"]
    assert "FAISS HNSW32" in hubs["note"]
    assert "of 300 queries" in hubs["note"]
    assert (hubs["exact"], score["exact"]) == (False, True)
    done = run_command("measure", "--pair", "x.npy", "x.npy", "--neighbours", "faiss", cwd=folder)
    assert done.returncode == 2
    assert "--pair is always exact; leave out --neighbours" in done.stderr
