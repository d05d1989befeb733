"""A journal that does not fit: the store is as it was."""

import os

import numpy as np
import pytest

from embedscope.core.errors import InputError, OutputError
from embedscope.repairs.in_place import write_in_place
from embedscope.repairs.journal import Journal
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Repair


def test_a_full_disk_ends_the_run_before_anything_is_written(small_disk, tmp_path):
    lancedb = pytest.importorskip("lancedb", reason="the extra lancedb is not installed")
    import pyarrow as pa

    x = np.random.default_rng(0).standard_normal((3000, 100)).astype(np.float32)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 100)
    table = lancedb.connect(str(tmp_path / "db")).create_table("docs", pa.table({"id": range(3000), "vector": lists}))
    repair = Repair.from_chain(parse_chain("center").fit(x))
    with pytest.raises(OutputError, match="no space left on device"):
        write_in_place(repair, f"lancedb:{tmp_path}/db/docs", journal=small_disk / "j")
    assert not (small_disk / "j").exists()
    assert table.version == lancedb.connect(str(tmp_path / "db")).open_table("docs").version


@pytest.mark.parametrize("name", ["old.bin", "state.json", "embedscope.lock", "repair.safetensors"])
def test_a_pipe_in_a_journal_is_refused(tmp_path, name):
    (tmp_path / "j").mkdir()
    for each in {"embedscope.lock", name}:
        (tmp_path / "j" / each).touch()
    (tmp_path / "j" / name).unlink()
    os.mkfifo(tmp_path / "j" / name)
    with pytest.raises(InputError, match="is a named pipe, not a regular file"), Journal(tmp_path / "j").lock():
        pass
    assert (tmp_path / "j" / name).exists()
