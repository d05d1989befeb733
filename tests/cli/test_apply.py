"""embedscope apply as users run it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.commands import run_command

from embedscope.transforms.align.sides import Side
from embedscope.transforms.repair import KindMap, Repair

X = np.random.default_rng(4).normal(size=(300, 6)).astype(np.float32) + 0.3


def test_index_and_queries(tmp_path: Path) -> None:
    repair = Repair.centre_kinds({"document": X.mean(axis=0), "query": X[:9].mean(axis=0)}, normalise_before=False)
    repair.save(tmp_path / "r.safetensors")
    np.save(tmp_path / "x.npy", X)
    done = run_command("apply", "r.safetensors", "x.npy", "out.npy", "--kind", "document", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), repair.transform(X, "document"))
    assert "out.npy: 300 document vectors, 6 dimensions, 7,328 bytes" in done.stdout
    assert "re-index all 300 vectors" in done.stdout
    assert "embedscope apply r.safetensors IN OUT --kind query" in done.stdout
    done = run_command("apply", "r.safetensors", "x.npy", "q.npy", "--kind", "querry", cwd=tmp_path)
    assert done.returncode == 2
    assert "unknown kind 'querry'; did you mean 'query'? this repair has document, query" in done.stderr
    assert not (tmp_path / "q.npy").exists()


def test_exports(tmp_path: Path) -> None:
    repair = Repair.centre_kinds({"document": X.mean(axis=0), "query": X[:9].mean(axis=0)})
    repair.save(tmp_path / "r.safetensors")
    done = run_command("export", "r.safetensors", "--to", "numpy", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("import numpy as np\n")
    done = run_command("export", "r.safetensors", "--to", "numpy", "-o", "r.py", "--kind", "query", cwd=tmp_path)
    assert "re-index every vector; 24.0 MB in float32 for each million" in done.stdout
    assert (tmp_path / "r.py").is_file()
    done = run_command("export", "r.safetensors", "--to", "onnx", cwd=tmp_path)
    assert done.returncode == 2
    assert "say where to write: embedscope export r.safetensors --to onnx -o OUT" in done.stderr
    done = run_command("export", "r.safetensors", "--to", "onxx", "-o", "r.onnx", cwd=tmp_path)
    assert "sentence-transformers" in done.stderr, "the choices are shown"


def test_a_store_in_place_and_back(tmp_path: Path) -> None:
    pytest.importorskip("lancedb", reason="the extra lancedb is not installed")
    import lancedb

    rows = [{"id": f"d{i}", "vector": x.tolist()} for i, x in enumerate(X)]
    lancedb.connect(str(tmp_path / "db")).create_table("docs", rows)
    Repair({"old": KindMap(Side(6, shift=np.ones(6))), "new": KindMap(Side(6))}).save(tmp_path / "b.safetensors")
    done = run_command("apply", "b.safetensors", "lancedb:db/docs", "--in-place", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert said.startswith("lancedb:db/docs: 300 old vectors replaced, 6 dimensions, read back and verified, in ")
    assert "the old vectors are in db.docs.vector.journal: delete that folder" in said
    assert said.endswith("embedscope apply b.safetensors lancedb:db/docs --rollback")
    table = lancedb.connect(str(tmp_path / "db")).open_table("docs").to_arrow().to_pydict()
    np.testing.assert_array_equal(np.array(table["vector"], np.float32), X + np.float32(1))
    assert table["id"] == [row["id"] for row in rows]
    done = run_command("apply", "b.safetensors", "lancedb:db/docs", "--rollback", cwd=tmp_path)
    assert "lancedb:db/docs: 300 old vectors are back as they were" in done.stdout
    table = lancedb.connect(str(tmp_path / "db")).open_table("docs").to_arrow().to_pydict()
    np.testing.assert_array_equal(np.array(table["vector"], np.float32), X)


def test_a_stopped_change_of_a_store_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    from embedscope.cli.apply import _change_store

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("embedscope.repairs.in_place.write_in_place", stop)
    options = dict.fromkeys(("kind", "model", "journal"))
    with pytest.raises(typer.Exit) as caught:
        _change_store(Path("r.safetensors"), "lancedb:db/docs", rollback=False, quiet=True, **options)
    assert caught.value.exit_code == 130
    assert "lancedb:db/docs may be half-written: the same command goes on" in capsys.readouterr().err
