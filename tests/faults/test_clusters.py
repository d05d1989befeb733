"""No wait for a cluster is without a bound: workers that die as they start, none at all, a scheduler that is silent."""

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

import pytest

pytest.importorskip("distributed", reason="extra dask is not installed")

from embedscope.core.waiting import call_within
from embedscope.execution._watch import EngineError, Watch
from embedscope.execution.dask import Dask

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def by_value():
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])


def plus_one(shard):
    return shard + 1


def slow(shard):
    time.sleep(0.5)
    return shard


class Never:
    """A future that never is done."""

    def result(self, timeout=None):
        time.sleep(0.01)
        raise TimeoutError

    status = "pending"


class Cluster:
    """A client of a cluster whose workers are those of ``states``, one after the other."""

    def __init__(self, states):
        self.states = iter(states)
        self.last = {}

    def nthreads(self):
        self.last = next(self.states, self.last)
        return self.last


def test_a_call_is_bounded_and_its_errors_come_through():
    assert call_within(lambda: 3, 60) == 3
    with pytest.raises(KeyError, match="x"):
        call_within(lambda: {}["x"], 60)
    release = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer in 0\.1 s"):
        call_within(release.wait, 0.1)
    release.set()


def test_workers_that_come_and_go_are_counted_over_time():
    states = ({f"w{i}": 1} for i in range(1000))
    watch = Watch(Cluster(states), None, patience=600)
    assert watch.threads() == 1
    with pytest.raises(EngineError, match="workers died again and again on one shard: 11 were lost"):
        watch.result(Never())


def test_no_worker_left_is_an_error():
    watch = Watch(Cluster([{"a": 1, "b": 1}, {"a": 1}, {}]), None, patience=0.2)
    assert watch.threads() == 2
    with pytest.raises(EngineError, match=r"workers died again and again on one shard: 2 were lost and for 0\.2 s"):
        watch.result(Never())


def test_a_few_that_are_lost_are_borne_while_others_work():
    class Late(Never):
        calls = 0

        def result(self, timeout=None):
            self.calls += 1
            if self.calls > 6:
                return "done"
            raise TimeoutError

    watch = Watch(Cluster([{"a": 1, "b": 1}, {"b": 1}, {"b": 1, "c": 1}, {"c": 1}]), None, patience=600)
    watch.threads()
    assert watch.result(Late()) == "done"


def test_an_error_of_the_work_that_is_a_timeout_is_its_own():
    class Failed(Never):
        status = "error"

        def result(self, timeout=None):
            raise TimeoutError("the store took too long")

    with pytest.raises(TimeoutError, match="the store took too long"):
        Watch(Cluster([]), None, patience=600).result(Failed())


def test_a_scheduler_without_workers():
    from distributed import LocalCluster

    with LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster:
        engine = Dask(cluster.scheduler_address, patience=2)
        with pytest.raises(EngineError, match=r"has had no workers for 2 s; start some"):
            list(engine.map(plus_one, range(3)))
        engine.close()


def test_a_server_that_accepts_and_is_silent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        engine = Dask(address, timeout=1, patience=4)
        with pytest.raises(EngineError, match=f"no Dask scheduler answers at {address}"):
            list(engine.map(plus_one, [1]))
        engine.close()


def test_a_scheduler_that_falls_silent(tmp_path):
    from distributed.utils import open_port

    port = open_port()
    code = (
        "import asyncio\n"
        "from distributed import Scheduler, Worker\n"
        "async def main():\n"
        f"    async with Scheduler(port={port}, dashboard_address=':0') as s, Worker(s.address, nthreads=1):\n"
        "        await s.finished()\n"
        "asyncio.run(main())\n"
    )
    import subprocess

    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL, cwd=tmp_path)
    until = time.monotonic() + 60
    while time.monotonic() < until:  # it has to start before it can fall silent
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.1)
    engine = Dask(f"tcp://127.0.0.1:{port}", timeout=60, patience=5)
    try:
        outcomes = engine.map(slow, range(40))
        assert next(outcomes) == 0
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(EngineError, match="does not answer"):
            list(outcomes)
    finally:
        process.kill()
        process.wait()
        engine.close()


def test_workers_killed_as_they_start_are_an_error():
    import psutil

    engine = Dask(workers=1, patience=15)
    stop = threading.Event()

    def killer():
        while not stop.is_set():
            for child in psutil.Process().children(recursive=True):
                try:
                    if "spawn_main" in " ".join(child.cmdline()):
                        child.kill()
                except psutil.Error:
                    continue
            time.sleep(0.05)

    try:
        outcomes = engine.map(slow, range(100))
        assert next(outcomes) == 0
        thread = threading.Thread(target=killer, daemon=True)
        thread.start()
        with pytest.raises(EngineError, match="workers died again and again on one shard"):
            list(outcomes)
    finally:
        stop.set()
        engine.close()


FROZEN = """
import multiprocessing, os, signal, sys, threading, time
from embedscope.execution._watch import EngineError
from embedscope.execution.dask import Dask

def freeze():
    frozen = set()
    while True:
        for child in multiprocessing.active_children():
            if child.pid and child.pid not in frozen:
                os.kill(child.pid, signal.SIGSTOP)
                frozen.add(child.pid)
        time.sleep(0.01)

if __name__ == "__main__":
    engine = Dask(workers=1, patience=3)
    threading.Thread(target=freeze, daemon=True).start()
    try:
        list(engine.map(abs, [1]))
    except EngineError as error:
        print(error)
"""


def test_workers_that_are_frozen_as_they_start_do_not_hold_up_the_end(tmp_path):
    import subprocess

    (tmp_path / "frozen.py").write_text(FROZEN)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "frozen.py")], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert "no Dask workers could be started on this machine" in done.stdout


FROZEN_ONE = """
import multiprocessing, os, signal, time
import dask
from embedscope.execution.dask import Dask

def slow(shard):
    time.sleep(0.5)
    return shard

if __name__ == "__main__":
    with dask.config.set({"distributed.scheduler.worker-ttl": "5s"}):  # in place of five minutes
        engine = Dask(workers=2, patience=45)
        outcomes = engine.map(slow, range(20))
        found = [next(outcomes)]
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGSTOP)
        found += outcomes
        engine.close()
    print(found == list(range(20)))
"""


def test_the_work_of_a_frozen_worker_is_done_by_another(tmp_path):
    import subprocess

    (tmp_path / "one.py").write_text(FROZEN_ONE)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "one.py")], capture_output=True, text=True, timeout=200, cwd=tmp_path
    )
    assert done.stdout.strip() == "True", done.stderr[-2000:]
