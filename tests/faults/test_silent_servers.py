"""Servers that accept and are silent, drip, or never end: every wait for them has a bound and a sentence."""

import importlib.util
import socket
import struct
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from typer.testing import CliRunner

from embedscope.cli._app import app
from embedscope.core.errors import DataUnavailableError, EmbedscopeError, InputError
from embedscope.core.waiting import Patient, end_after
from embedscope.encoders import open_model
from embedscope.readers import open_vectors
from embedscope.readers.stores import _place
from embedscope.transforms import parse_chain
from embedscope.transforms.repair import Repair

pytestmark = pytest.mark.timeout(120)

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def _has(name):
    return importlib.util.find_spec(name) is not None


def _silent(line):
    line.recv(1 << 16)


def _slow_body(line):
    line.recv(1 << 16)
    line.sendall(OK + b"\r\n")
    while True:
        line.sendall(b" ")
        time.sleep(0.05)


def _slow_head(line):
    line.recv(1 << 16)
    line.sendall(OK)
    while True:
        line.sendall(b"X-a: b")
        time.sleep(0.05)


def _slow_error(line):
    line.recv(1 << 16)
    line.sendall(b"HTTP/1.1 500 Oh\r\n\r\n")
    while True:
        line.sendall(b" ")
        time.sleep(0.05)


SERVERS = {f.__name__[1:]: f for f in (_silent, _slow_body, _slow_head, _slow_error)}


@pytest.fixture
def server():
    """Starts a server that does with every connection what a function does; gives its port."""
    threads, listeners, lines = [], [], []

    def run(target, *arguments):
        threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        threads[-1].start()

    def one(line, behave):
        with suppress(OSError):
            behave(line)

    def serve(listener, behave):
        with suppress(OSError):
            while True:
                lines.append(listener.accept()[0])
                run(one, lines[-1], behave)

    def start(behave):
        listeners.append(socket.create_server(("127.0.0.1", 0)))
        run(serve, listeners[-1], behave)
        return listeners[-1].getsockname()[1]

    yield start
    for each in [*listeners, *lines]:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
    for thread in threads:
        thread.join(60)
    for thread in threading.enumerate():  # what was waiting for an answer has none now
        if thread.name == "embedscope-bounded":
            thread.join(60)


def serve(port, options="&timeout=1&retries=0"):
    return open_model(
        f"openai:m?base_url=http://127.0.0.1:{port}/v1{options}", note=lambda _: None, cache=False
    ).matrix(None, "pooled", ["a", "b"])


@pytest.mark.parametrize("how", SERVERS)
def test_a_model_behind_a_server(server, how):
    began = time.monotonic()
    with pytest.raises(DataUnavailableError, match="did not answer after 1 attempts"):
        serve(server(SERVERS[how]))
    assert time.monotonic() - began < 90


def _answering(body):
    def behave(line):
        line.recv(1 << 16)
        line.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    return behave


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[" * 100_000, "did not answer in JSON"),
        (b'{"data": [{"embedding": [1' + b"0" * 400 + b']}, {"embedding": [1]}]}', "neither numbers"),
        (b'{"data": [{"index": "' + b"x" * 9000 + b'"}, {}]}', "numbered 2 vectors"),
    ],
)
def test_answers_that_are_meant_to_break(server, body, said):
    with pytest.raises(InputError, match=said) as caught:
        serve(server(_answering(body)))
    assert len(str(caught.value)) < 500


def test_an_answer_that_never_ends_fills_no_memory(server, monkeypatch):
    monkeypatch.setattr("embedscope.encoders._served._LARGEST_ANSWER", 1 << 20)

    def endless(line):
        line.recv(1 << 16)
        line.sendall(OK + b"\r\n")
        while True:
            line.sendall(b" " * (1 << 16))

    with pytest.raises(InputError, match="more than 1 MB"):
        serve(server(endless), "&timeout=60&retries=0")


def test_an_answer_that_is_cut_off_is_asked_for_again(server):
    def cut(line):
        line.recv(1 << 16)
        line.sendall(OK + b"Content-Length: 999\r\n\r\n{")
        line.shutdown(socket.SHUT_RDWR)

    with pytest.raises(DataUnavailableError, match="did not answer after 1 attempts"):
        serve(server(cut))


def test_what_a_server_says_is_on_one_line(server):
    def rubbish(line):
        line.recv(1 << 16)
        line.sendall(b"one\r\ntwo\r\n\r\n")

    with pytest.raises(DataUnavailableError) as caught:
        serve(server(rubbish))
    assert "\n" not in str(caught.value)


STORES = [
    pytest.param(
        f"{scheme}:http://127.0.0.1:{{port}}/docs", id=scheme, marks=pytest.mark.skipif(not _has(lib), reason=why)
    )
    for scheme, lib, why in (
        ("qdrant", "qdrant_client", "extra qdrant is not installed"),
        ("chroma", "chromadb", "extra chroma is not installed"),
    )
]


@pytest.mark.parametrize("how", SERVERS)
@pytest.mark.parametrize("address", STORES)
def test_a_store_behind_a_server(server, monkeypatch, address, how):
    for module in ("chroma", "qdrant"):
        monkeypatch.setattr(f"embedscope.readers.stores.{module}.FIRST_ANSWER", 1.0)
    began = time.monotonic()
    with pytest.raises(EmbedscopeError, match="server answers at"):
        open_vectors(address.format(port=server(SERVERS[how])))
    assert time.monotonic() - began < 90


@pytest.mark.skipif(not _has("psycopg"), reason="extra postgres is not installed")
def test_a_database_that_is_silent_from_the_start(server, monkeypatch):
    monkeypatch.setattr("embedscope.readers.stores.postgresql._CONNECT_SECONDS", 2)
    with pytest.raises(EmbedscopeError, match="cannot be read"):
        open_vectors(f"postgresql://u@127.0.0.1:{server(_silent)}/db/t::v")


def _postgres(answers):
    """A server that speaks PostgreSQL, lets anyone in, answers so many commands, and then is silent or breaks off."""

    def message(kind, body=b""):
        return kind + struct.pack(">i", 4 + len(body)) + body

    def behave(line):
        stream = line.makefile("rb")
        while True:  # requests of encryption come first, and are declined
            (size,) = struct.unpack(">i", stream.read(4))
            (version,) = struct.unpack(">i", stream.read(size - 4)[:4])
            if version == 3 << 16:
                break
            line.sendall(b"N")
        line.sendall(
            message(b"R", struct.pack(">i", 0)) + message(b"S", b"client_encoding\0UTF8\0") + message(b"Z", b"I")
        )
        left = answers
        while kind := stream.read(1):
            stream.read(struct.unpack(">i", stream.read(4))[0] - 4)
            if kind not in b"QS":
                continue
            if left == 0:
                line.sendall(b"T\0")  # the beginning of an answer, so that it is not the first byte that is late
                continue
            left -= 1
            done = message(b"C", b"SET\0") + message(b"Z", b"T")
            line.sendall(done if kind == b"Q" else message(b"1") + message(b"2") + message(b"n") + done)

    return behave


@pytest.mark.skipif(not _has("psycopg"), reason="extra postgres is not installed")
@pytest.mark.parametrize("answers", [0, 1, 2])
@pytest.mark.parametrize("verb", ["measure STORE", "diagnose STORE", "apply r.safetensors STORE y.npy"])
def test_a_database_that_falls_silent_in_a_command(server, monkeypatch, tmp_path, verb, answers):
    monkeypatch.setattr("embedscope.readers.stores.postgresql.PATIENCE", 0.3)
    monkeypatch.chdir(tmp_path)
    Repair.from_chain(parse_chain("center").fit(np.eye(4, 3))).save("r.safetensors")
    store = f"postgresql://u@127.0.0.1:{server(_postgres(answers))}/db/t::v"
    done = CliRunner().invoke(app, verb.replace("STORE", store).split())
    assert done.exit_code == 2, done.output
    assert "no answer in 0.3 s" in " ".join(done.stderr.split())
    assert not (tmp_path / "y.npy").exists()


def test_every_method_of_a_client_has_a_bounded_time():
    class Collection:
        size = 3

        def rows(self):
            time.sleep(60)

    class Client:
        def collection(self):
            return Collection()

        def names(self):
            return ["a"]

        def fails(self):
            raise KeyError("b")

    client = Patient(Client(), 0.2, ("Collection",))
    assert client.names() == ["a"]
    assert client.collection().size == 3
    with pytest.raises(KeyError):
        client.fails()
    with pytest.raises(TimeoutError, match=r"no answer in 0\.2 s"):
        client.collection().rows()


def test_a_silent_connection_is_ended():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with end_after(0.2, ours.fileno()) as is_over:
            assert ours.recv(1) == b""
        assert is_over.is_set()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with end_after(60, ours.fileno()) as is_over:
            theirs.sendall(b"x")
            assert ours.recv(1) == b"x"
        assert not is_over.is_set()


def test_bounds_are_minutes():
    assert 0 < _place.FIRST_ANSWER <= _place.PATIENCE <= 600
