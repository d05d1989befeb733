"""Vectors of real stores replaced in place: killed half-way nothing is lost, and everything can go back, bit by bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.repairs import stores
from tests.repairs.stores import NAMES, N, X, beside, rows

import embedscope
from embedscope.core.errors import InputError
from embedscope.repairs.in_place import roll_back, write_in_place
from embedscope.repairs.journal import Journal
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Repair

STORES = ["lancedb", "chroma", "qdrant", "postgresql"]
BLOCK = 8
CENTRE = Repair.from_chain(parse_chain("center").fit(X))
WANTED = CENTRE.transform(X)

KILLED = """
import os, signal
from embedscope.repairs import in_place
in_place._ROWS = {block}
module = __import__("embedscope.readers.store_writers.{scheme}", fromlist=["x"])
writer = next(v for k, v in vars(module).items() if k.endswith("Writer") and k != "StoreWriter")
plain, blocks = writer.replace, []
def replace(self, ids, rows):
    blocks.append(ids)
    if len(blocks) == 3:
        plain(self, ids[:3], rows[:3])
        os.kill(os.getpid(), signal.SIGKILL)
    plain(self, ids, rows)
writer.replace = replace
in_place.write_in_place({repair!r}, {source!r})
"""


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("embedscope.repairs.in_place._ROWS", BLOCK)


def _kill(source, repair):
    code = KILLED.format(block=BLOCK, scheme=source.partition(":")[0], repair=str(repair), source=source)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.returncode == -signal.SIGKILL, done.stderr
    if source.startswith("chroma"):  # which shows this process what it knew before
        __import__("chromadb").api.client.SharedSystemClient.clear_system_cache()


def _failing(monkeypatch, source, at):
    """The block number ``at`` is not written and ends the run."""
    from embedscope.readers.store_writers import STORE_WRITERS

    module = sys.modules[STORE_WRITERS.get(source.partition(":")[0]).create.__module__]
    writer = next(v for k, v in vars(module).items() if k.endswith("Writer") and k != "StoreWriter")
    plain, blocks = writer.replace, []

    def replace(self, ids, x):
        blocks.append(ids)
        if len(blocks) == at:
            raise KeyboardInterrupt
        plain(self, ids, x)

    monkeypatch.setattr(writer, "replace", replace)


@pytest.mark.parametrize("name", STORES)
def test_killed_half_way_resumed_and_put_back(collection, monkeypatch, tmp_path, name):
    source = collection(name)
    old, others = rows(source), beside(source)
    np.testing.assert_array_equal(old, X)
    CENTRE.save(tmp_path / "r.safetensors")
    _kill(source, tmp_path / "r.safetensors")
    half = rows(source)
    changed = (half != old).any(axis=1)
    np.testing.assert_array_equal(half[changed], WANTED[changed])
    assert changed.sum() == 2 * BLOCK + 3

    done = write_in_place(tmp_path / "r.safetensors", source)
    assert (done.rows, done.dim, done.resumed, done.already) == (N, X.shape[1], 2 * BLOCK, False)
    np.testing.assert_array_equal(rows(source), WANTED)  # no vector was mapped twice
    assert beside(source) == others
    again = write_in_place(CENTRE, source)  # the same map from memory
    assert again.already
    np.testing.assert_array_equal(rows(source), WANTED)

    with monkeypatch.context() as patch:
        _failing(patch, source, 4)
        with pytest.raises(KeyboardInterrupt):
            roll_back(None, source)
    with pytest.raises(InputError, match="being put back; finish that with --rollback"):
        write_in_place(CENTRE, source)
    back = roll_back(None, source)
    assert back.resumed == 3 * BLOCK
    np.testing.assert_array_equal(rows(source), old)
    assert beside(source) == others
    assert not back.journal.exists()
    with pytest.raises(InputError, match="there is no journal"):
        roll_back(None, source)


def test_a_killed_run_before_anything_is_written_begins_again(collection, monkeypatch):
    source = collection("lancedb")
    with monkeypatch.context() as patch:
        _failing(patch, source, 1)
        patch.setattr("embedscope.repairs.journal.Journal.keep_state", lambda *_: os.abort())
        with pytest.raises(InputError, match="is no vector store"):
            write_in_place(CENTRE, "docs.npy")
        patch.setattr("embedscope.repairs._row_sums.IdDigests.add", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_in_place(CENTRE, source)
    np.testing.assert_array_equal(rows(source), X)
    assert not list(Path(source.partition(":")[2]).parent.parent.glob("*.journal"))
    assert write_in_place(CENTRE, source).resumed == 0
    np.testing.assert_array_equal(rows(source), WANTED)


@pytest.mark.parametrize("step", range(5))
def test_a_rollback_killed_while_it_removes_its_journal_has_put_everything_back(collection, monkeypatch, step):
    """Each file of the journal and then its folder go one after the other; what is left then goes with the next run."""
    source = collection("lancedb")
    write_in_place(CENTRE, source)
    plain, gone = Path.unlink, []

    def unlink(self, missing_ok=False):
        if self.parent.suffix == ".journal" and not self.name.endswith(".part"):
            if len(gone) == step:
                raise KeyboardInterrupt
            gone.append(self)
        plain(self, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        patch.setattr(Path, "rmdir", lambda _: _end())
        with pytest.raises(KeyboardInterrupt):
            roll_back(None, source)
    np.testing.assert_array_equal(rows(source), X)
    (journal,) = Path(source.partition(":")[2]).parent.parent.glob("*.journal")
    if step == 0:  # the journal still says that its vectors are being put back
        assert roll_back(None, source).rows == N
    else:
        with pytest.raises(InputError, match=r"there is no journal .* never changed in place or was put back"):
            roll_back(None, source)
    assert not journal.exists()
    np.testing.assert_array_equal(rows(source), X)
    write_in_place(CENTRE, source)
    np.testing.assert_array_equal(rows(source), WANTED)


def _end():
    raise KeyboardInterrupt


def test_a_half_written_store_goes_back_at_once(collection, monkeypatch):
    source = collection("lancedb")
    with monkeypatch.context() as patch:
        _failing(patch, source, 3)
        with pytest.raises(KeyboardInterrupt):
            write_in_place(CENTRE, source)
    assert (rows(source) != X).any(axis=1).sum() == 2 * BLOCK
    other = Repair.from_chain(parse_chain("standardize").fit(X))
    with pytest.raises(InputError, match="are half replaced by another repair"):
        write_in_place(other, source)
    roll_back(None, source)
    np.testing.assert_array_equal(rows(source), X)


@pytest.mark.parametrize("name", STORES)
def test_another_width_is_refused_with_what_to_do(collection, tmp_path, name):
    source = collection(name)
    narrow = Repair.from_chain(parse_chain("center,whiten:4").fit(X))
    with pytest.raises(InputError, match=r"keeps 6 dimensions for good and the map gives 4.*give .*_new as OUT"):
        write_in_place(narrow, source)
    np.testing.assert_array_equal(rows(source), X)
    assert not list(tmp_path.rglob("*.journal"))


def test_the_other_width_goes_into_what_holds_any(database, collection):
    source = stores.postgresql(database, "any_width", kind="vector")
    narrow = Repair.from_chain(parse_chain("center,whiten:4").fit(X))
    collection  # noqa: B018 (sets the folder of journals)
    write_in_place(narrow, source)
    np.testing.assert_array_equal(
        rows(source), np.concatenate([narrow.transform(X[i : i + 8]) for i in range(0, N, 8)])
    )
    roll_back(None, source)
    np.testing.assert_array_equal(rows(source), X)


def test_columns_of_lists_come_back_as_they_were(database, collection):
    for kind in ("real[]", "double precision[]"):
        import psycopg

        table = f"t_{kind[:4]}"
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"create table {table}(id bigint primary key, emb {kind})")
            for i, x in enumerate(X.tolist()):
                connection.execute(f"insert into {table} values (%s, %s)", [i, x])
        source = f"{stores.address(database, table)}::emb"
        old = rows(source)
        write_in_place(CENTRE, source)
        np.testing.assert_allclose(rows(source), WANTED, atol=1e-6)
        assert rows(source).dtype == old.dtype
        roll_back(None, source)
        np.testing.assert_array_equal(rows(source), old)


def test_chroma_under_the_cosine_distance_is_back_to_seven_digits(tmp_path):
    source = stores.chroma(tmp_path / "c", "cosine")
    write_in_place(CENTRE, source)
    np.testing.assert_allclose(rows(source), WANTED, rtol=1e-5, atol=1e-6)
    done = roll_back(None, source)
    assert done.notes == ("Chroma keeps embeddings of the distance cosine to seven digits, not bit by bit",)
    np.testing.assert_allclose(rows(source), X, rtol=1e-5, atol=1e-6)


def test_qdrants_update_of_vectors_alone(tmp_path):
    """What a server is sent; the local mode of the client answers it too."""
    from embedscope.readers import store_of
    from embedscope.readers.store_writers.qdrant import QdrantWriter

    source = stores.qdrant(tmp_path / "q", 5)
    client = stores.qdrant_client(tmp_path / "q")
    writer = QdrantWriter(client, store_of(source), "other")
    writer._server = True
    writer.replace(["1", "3", "77"], np.ones((3, 3), np.float32))
    assert {k: v.tolist() for k, v in writer.read(["1", "2", "77"]).items()}["1"] == [1, 1, 1]
    np.testing.assert_allclose(writer.read(["2"])["2"], stores.OTHER[2])
    client.close()


def test_rows_that_were_deleted_are_not_counted_as_put_back(collection):
    source = collection("lancedb")
    write_in_place(CENTRE, source)
    __import__("lancedb").connect(source[8:].rpartition("/")[0]).open_table("docs").delete("id in ('doc03', 'doc05')")
    back = roll_back(CENTRE, source)
    assert back.rows == N - 2
    assert back.notes == ("2 rows are no longer there, deleted since the old vectors were kept",)


def test_another_repair_is_refused_until_the_old_vectors_are_back(collection, tmp_path):
    source = collection("lancedb")
    write_in_place(CENTRE, source)
    other = Repair.from_chain(parse_chain("standardize").fit(X))
    with pytest.raises(InputError, match="were replaced by another repair"):
        write_in_place(other, source)
    with pytest.raises(
        InputError, match=r"replaced by another repair than the repair that was given.*repair\.safetensors"
    ):
        roll_back(other, source)
    other.save(tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"than other\.safetensors; the one that can be .*\S*repair\.safetensors"):
        roll_back(tmp_path / "other.safetensors", source)
    with pytest.raises(InputError, match=r"no file \S*gone\.safetensors; the journal keeps a copy"):
        roll_back(tmp_path / "gone.safetensors", source)
    with pytest.raises(InputError, match="not as query; leave --kind out"):
        roll_back(CENTRE, source, kind="query")
    np.testing.assert_array_equal(rows(source), WANTED)
    assert roll_back(CENTRE, source).rows == N
    write_in_place(other, source)
    np.testing.assert_array_equal(rows(source)[:8], other.transform(X[:8]))


def test_rows_that_another_program_changes_are_found_and_written_again(collection, monkeypatch):
    source = collection("lancedb")
    table = __import__("lancedb").connect(source[8:].rpartition("/")[0]).open_table("docs")
    from embedscope.readers.store_writers.lancedb import LanceWriter

    plain, first = LanceWriter.replace, []

    def meddle(self, ids, x):
        plain(self, ids, x)
        if not first:
            first.append(ids)
            table.checkout_latest()
            table.update("id = 'doc00'", {"vector": [9.0] * 6})

    with monkeypatch.context() as patch:
        patch.setattr(LanceWriter, "replace", meddle)
        with pytest.raises(InputError, match=r"1 row of .* does not hold what was written, such as 'doc00'"):
            write_in_place(CENTRE, source)
    assert write_in_place(CENTRE, source).resumed == 0
    np.testing.assert_array_equal(rows(source), WANTED)
    table.checkout_latest()
    table.update("id = 'doc01'", {"vector": [9.0] * 6})
    with pytest.raises(InputError, match="if the collection was made anew, delete"):
        write_in_place(CENTRE, source)
    roll_back(None, source)
    np.testing.assert_array_equal(rows(source), X)


def test_rows_that_come_and_go_meanwhile_are_told(collection, monkeypatch):
    source = collection("lancedb")
    from embedscope.readers.store_writers.lancedb import LanceWriter

    plain, once = LanceWriter.replace, []

    def meddle(self, ids, x):
        if not once:
            once.append(ids)
            table = __import__("lancedb").connect(source[8:].rpartition("/")[0]).open_table("docs")
            table.add([{"id": "late", "text": "", "n": 0, "vector": [1.0] * 6, "other": [0.0] * 3}])
            table.delete("id = 'doc30'")
            self._table.checkout_latest()
        plain(self, ids, x)

    monkeypatch.setattr(LanceWriter, "replace", meddle)
    notes = write_in_place(CENTRE, source).notes
    assert len(notes) == 2
    assert notes[0].startswith("1 row was added since the old vectors were kept, such as 'late', and left as they are")
    assert notes[1] == "1 row is no longer there, deleted since the old vectors were kept"


def test_an_index_on_the_vectors_is_named(collection):
    source = collection("lancedb")
    table = __import__("lancedb").connect(source[8:].rpartition("/")[0]).open_table("docs")
    table.create_index("vector", config=__import__("lancedb").index.IvfFlat(num_partitions=2))
    assert write_in_place(CENTRE, source).notes == (
        "the index vector_idx was trained on the old vectors; create it again",
    )


def test_ids_must_be_unique(tmp_path):
    source = stores.lancedb(tmp_path / "db", [*NAMES[:-1], NAMES[3]])
    with pytest.raises(InputError, match="the id 'doc03' stands in several rows"):
        write_in_place(CENTRE, source)
    write_in_place(CENTRE, source.replace("docs::", "docs?ids=n::"))
    np.testing.assert_array_equal(rows(source.replace("docs::", "docs?ids=n::")), WANTED)


def test_damage_of_the_journal_is_refused(collection):
    source = collection("lancedb")
    done = write_in_place(CENTRE, source)
    state, old = done.journal / "state.json", done.journal / "old.bin"
    text, data = state.read_text(), old.read_bytes()
    state.write_text(text.replace('"rows": 40', '"rows": 41'))
    with pytest.raises(InputError, match="does not have its checksum"):
        roll_back(None, source)
    state.write_text(text)
    flipped = data[:100] + bytes([data[100] ^ 1]) + data[101:]
    old.write_bytes(flipped)
    with pytest.raises(InputError, match="is damaged from byte"):
        roll_back(None, source)
    np.testing.assert_array_equal(rows(source), WANTED)
    book = Journal(done.journal)
    for damaged in (data[:-1], data[: len(data) // 2], b"x" + data[1:], data[:30]):
        old.write_bytes(damaged)
        with pytest.raises(InputError, match="is damaged from byte"):
            list(book.blocks(book.state()))
    old.write_bytes(data)
    roll_back(None, source)
    np.testing.assert_array_equal(rows(source), X)


def test_one_process_at_a_time(collection):
    source = collection("lancedb")
    book = Journal(write_in_place(CENTRE, source).journal)
    with book.lock(), pytest.raises(InputError, match="another process is using"):
        roll_back(None, source)
    roll_back(None, source)


def test_a_folder_with_other_files_is_no_place_for_a_journal(collection, tmp_path):
    source = collection("lancedb")
    mine = tmp_path / "mine"
    mine.mkdir()
    CENTRE.save(mine / "repair.safetensors")
    for wanted in ({"in_place": True}, {"rollback": True}):
        with pytest.raises(InputError, match="holds files that are no journal's; name a new folder"):
            embedscope.apply(CENTRE, source, journal=mine, **wanted)
    assert [p.name for p in mine.iterdir()] == ["repair.safetensors"]
    done = embedscope.apply(CENTRE, source, in_place=True, journal=tmp_path / "new" / "one")
    assert done.journal == tmp_path / "new" / "one"
    embedscope.apply(CENTRE, source, rollback=True, journal=tmp_path / "new" / "one")
    np.testing.assert_array_equal(rows(source), X)


def test_a_bridge_maps_the_old_vectors(collection):
    from embedscope.transforms.align.sides import Side
    from embedscope.transforms.repair import KindMap

    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    bridge = Repair({"old": KindMap(Side(6, matrix=turn)), "new": KindMap(Side(6))})
    source = collection("lancedb")
    assert write_in_place(bridge, source).kind == "old"
    np.testing.assert_allclose(rows(source), X @ turn, atol=1e-5)
    roll_back(None, source)
    with pytest.raises(InputError, match="leaves new vectors as they are"):
        write_in_place(bridge, source, kind="new")


@pytest.mark.parametrize(
    ("source", "out", "options", "said"),
    [
        ("x.npy", None, {}, "say where to write: a file such as new.npy as OUT$"),
        ("lancedb:db/docs", None, {}, "as OUT, or --in-place to replace the vectors of this store"),
        ("x.npy", "y.npy", {"in_place": True}, "--in-place changes x.npy itself, so it takes no OUT"),
        ("lancedb:db/docs", None, {"in_place": True, "rollback": True}, "do opposite things"),
        ("x.npy", "y.npy", {"journal": "j"}, "--journal is kept by --in-place and read by --rollback"),
    ],
)
def test_what_is_to_be_written_must_be_clear(source, out, options, said):
    from embedscope.repairs.apply import check_outputs

    with pytest.raises(InputError, match=said):
        check_outputs(source, out, **({"in_place": False, "rollback": False, "journal": None} | options))


def test_a_journal_that_is_named_is_written_again_by_the_commands_that_follow(collection, tmp_path):
    """It is no input that an output might overwrite: a run goes on in it, and --rollback works."""
    from typer.testing import CliRunner

    from embedscope.cli._app import app

    source = collection("lancedb")
    Repair.from_chain(parse_chain("center").fit(X)).save(tmp_path / "r.safetensors")
    for option in ("--in-place", "--in-place", "--rollback"):
        command = ["apply", tmp_path / "r.safetensors", source, option, "--journal", tmp_path / "J", "-q"]
        done = CliRunner().invoke(app, list(map(str, command)))
        assert done.exit_code == 0, done.output
    np.testing.assert_array_equal(rows(source), X)
