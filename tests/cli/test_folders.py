"""A folder of shards stands wherever a file of vectors may, and gives the numbers of the one file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app

N, DIM, PARTS = 300, 12, 3


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*map(str, arguments), "-q"])
    return done.exit_code, done.output


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``docs.npy`` and ``asks.npy`` with their ids, and the same in folders: .npy with ids of each part, Parquet."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    docs = (rng.normal(size=(N, DIM)) + 1).astype(np.float32)
    asks = (docs + rng.normal(size=docs.shape)).astype(np.float32)
    for name, x in (("docs", docs), ("asks", asks)):
        ids = [f"{name[0]}{i}" for i in range(N)]
        np.save(f"{name}.npy", x)
        Path(f"{name}.ids.txt").write_text("".join(f"{i}\n" for i in ids))
        for form in ("shards", "tables", "bare"):
            Path(f"{name}_{form}").mkdir()
        for k, rows in enumerate(np.array_split(np.arange(N), PARTS)):
            part, own = x[rows], [ids[i] for i in rows]
            for form in ("shards", "bare"):
                np.save(f"{name}_{form}/part-{k}.npy", part)
            Path(f"{name}_shards/part-{k}.ids.txt").write_text("".join(f"{i}\n" for i in own))
            pq.write_table(pa.table({"id": own, "vector": list(part)}), f"{name}_tables/part-{k}.parquet")
    Path("qrels.tsv").write_text("".join(f"a{i}\td{i}\t1\n" for i in range(N)))
    return tmp_path


def numbers(*arguments: object) -> dict[str, float | None]:
    code, said = run(*arguments, "--json", "r.json")
    assert code in (0, 1), said
    return {r["metric"]: r["value"] for r in json.loads(Path("r.json").read_text())["records"]}


def questions(form: str) -> list[str]:
    ends = ".npy" if form == "file" else f"_{form}"
    return ["--queries", f"asks{ends}", "--corpus", f"docs{ends}", "--qrels", "qrels.tsv"]


@pytest.mark.parametrize("form", ["shards", "tables"])
def test_retrieval_and_repair_read_folders(here: Path, form: str) -> None:
    assert numbers("evaluate", *questions(form)) == numbers("evaluate", *questions("file"))
    options = ("--candidates", "center", "--force")
    found = numbers("repair", *questions(form), *options, "--out", f"{form}.npz")
    assert found == numbers("repair", *questions("file"), *options, "--out", "file.npz")


def test_folders_without_ids_take_them_from_beside_or_from_an_option(here: Path) -> None:
    code, said = run("evaluate", *questions("bare"))
    assert code == 2
    assert "write asks_bare.ids.txt next to it" in said
    named = ("--query-ids", "asks.ids.txt", "--corpus-ids", "docs.ids.txt")
    expected = numbers("evaluate", *questions("file"))
    assert numbers("evaluate", *questions("bare"), *named) == expected
    for name in ("asks", "docs"):
        Path(f"{name}.ids.txt").rename(f"{name}_bare.ids.txt")
    assert numbers("evaluate", *questions("bare")) == expected
    Path("docs_shards/part-1.ids.txt").unlink()
    code, said = run("evaluate", *questions("shards"))
    assert code == 2
    assert "part-1.ids.txt is missing" in said


@pytest.mark.parametrize(
    "command",
    [
        "diagnose docs{} --queries asks{}",
        "diagnose --pair docs{} asks{}",
        "measure --pair docs{} asks{}",
        "compare docs{} asks{}",
        "compress docs{}",
        "calibrate --pair docs{} asks{}",
        "migrate --old docs{} --new docs{}",
    ],
)
def test_every_verb_reads_a_folder_as_the_file(here: Path, command: str) -> None:
    found = [numbers(*command.replace("{}", end).split()) for end in ("_tables", ".npy")]
    known = [{k: np.nan if v is None else v for k, v in one.items()} for one in found]
    assert known[0].keys() == known[1].keys()
    assert known[0] == pytest.approx(known[1], rel=1e-9, nan_ok=True)


def test_rows_of_findings_have_texts_of_a_folder(here: Path) -> None:
    rows = np.load("docs.npy")
    rows[7] = rows[8] = rows[9]
    Path("texts").mkdir()
    for k, part in enumerate(np.array_split(np.arange(N), PARTS)):
        table = pa.table({"id": part.astype(str), "text": [f"text {i}" for i in part], "vector": list(rows[part])})
        pq.write_table(table, f"texts/{k}.parquet")
    code, said = run("diagnose", "texts", "--rows-out", "rows.csv")
    assert code in (0, 1), said
    assert "text 7" in Path("rows.csv").read_text()
