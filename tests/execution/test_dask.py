"""A real cluster of processes: the same bits as in this process, whatever happens to its workers."""

import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
from tests.commands import run_command

from embedscope.core.errors import InputError
from embedscope.execution import Local, open_engine
from embedscope.execution.dask import Dask, EngineError

pytest.importorskip("distributed", reason="extra dask is not installed")

pytestmark = pytest.mark.timeout(600)  # every wait of the engine ends before that, on a loaded machine too


@pytest.fixture(scope="module")
def cluster():
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    engine = Dask(workers=2)
    yield engine
    engine.close()


def square(shard):
    return shard * shard, os.getpid()


def unlucky(shard):
    if shard == 3:
        raise InputError("row 17 of shard 3 holds nan; repair it")
    return shard


def slow(shard):
    time.sleep(0.2)
    return shard, os.getpid()


def deadly(shard):
    if shard == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return shard


def product(shard):
    x = np.random.default_rng(shard).standard_normal((700, 300))
    return x.T @ x


class Telling:
    def __init__(self):
        self.arrivals = []

    def __call__(self, shard):
        return shard + 1

    def note_arrival(self, outcome):
        self.arrivals.append(outcome)


def test_outcomes_come_in_the_order_of_the_shards(cluster):
    outcomes = list(cluster.map(square, range(20)))
    assert [value for value, _ in outcomes] == [i * i for i in range(20)]
    assert os.getpid() not in {pid for _, pid in outcomes}


def test_products_have_the_bits_of_this_process(cluster):
    for here, there in zip(Local().map(product, range(5)), cluster.map(product, range(5)), strict=True):
        assert here.tobytes() == there.tobytes()


def test_errors_pass_with_type_and_message(cluster):
    with pytest.raises(InputError, match="row 17 of shard 3 holds nan; repair it"):
        list(cluster.map(unlucky, range(6)))
    assert list(cluster.map(unlucky, [1, 2])) == [1, 2]


def test_work_is_told_of_what_arrives(cluster):
    work = Telling()
    assert list(cluster.map(work, range(4))) == [1, 2, 3, 4] == work.arrivals


def test_few_shards_are_under_way(cluster):
    handed_out = []

    class Shards(list):
        def __iter__(self):
            for i in range(100):
                handed_out.append(i)
                yield i

    outcomes = cluster.map(square, Shards())
    next(outcomes)
    assert len(handed_out) <= 6
    outcomes.close()


def test_a_worker_killed_changes_nothing_but_the_time(cluster):
    outcomes = cluster.map(slow, range(16))
    first, pid = next(outcomes)
    threading.Timer(0.1, os.kill, (pid, signal.SIGKILL)).start()
    rest = list(outcomes)
    assert [first, *(shard for shard, _ in rest)] == list(range(16))
    assert len({p for _, p in rest} | {pid}) >= 2


def test_a_shard_that_kills_every_worker_is_an_error(cluster):
    with pytest.raises(EngineError, match="workers died again and again on one shard"):
        list(cluster.map(deadly, range(3)))


def test_what_cannot_be_sent_is_said(cluster):
    with pytest.raises(InputError, match="cannot be sent to workers"):
        list(cluster.map(threading.Lock().__enter__, [1]))


def test_no_scheduler():
    with pytest.raises(EngineError, match="no Dask scheduler answers at tcp"):
        list(Dask("tcp://127.0.0.1:9", timeout=1).map(square, [1]))


def test_where_nothing_listens_it_ends_soon_in_one_sentence(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(100, 4)))
    command = ["measure", "x.npy", "--metrics", "i1", "--engine", "dask:tcp://127.0.0.1:9", "--quiet"]
    begin = time.monotonic()
    done = run_command(*command, cwd=tmp_path)
    assert done.returncode == 6
    assert done.stderr.count("\n") == 1, done.stderr
    assert "(nothing listened for 5 s: Connection refused); check the address" in done.stderr
    assert time.monotonic() - begin < 5 + Dask().timeout, "the client of Dask waits that long, and leaves tasks behind"


def test_engines_by_name():
    assert open_engine("local") is None
    assert open_engine("local:3") == Local(3)
    assert open_engine("dask:2") == Dask(workers=2)
    assert open_engine("dask:tcp://host:8786") == Dask("tcp://host:8786")
    assert open_engine("dask") == Dask()
    for text in ("spark", "local:x", "dask:0", "local:0"):
        with pytest.raises(InputError):
            open_engine(text)
