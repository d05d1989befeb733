"""A journal that does not fit: the store is as it was."""

import numpy as np
import pytest

from embedscope.core.errors import OutputError
from embedscope.repairs.in_place import write_in_place
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
