"""A PostgreSQL with pgvector, and a collection in each vector store by its name."""

import pytest
from tests.repairs import stores


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """The address of a real server, which is stopped at the end of a file: one for several files died between two."""
    psycopg = pytest.importorskip("psycopg", reason="the extra postgres is not installed")
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        pgserver = pytest.importorskip("pgserver", reason="pgserver, a PostgreSQL of PyPI, is not installed")
    server = None
    for attempt in ("first", "second"):  # on a loaded machine the first may take longer than pgserver waits
        try:
            server = pgserver.get_server(str(folder / attempt), cleanup_mode="stop")
            break
        except Exception as error:
            reason = error
    if server is None:
        pytest.skip(f"PostgreSQL does not start here: {reason}")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("create extension vector")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def collection(request, tmp_path, monkeypatch):
    """A function that makes a collection in the store of this name and gives its address."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def make(name):
        if name == "postgresql":
            table = f"docs_{abs(hash(request.node.name)) % 10**9}"
            return stores.postgresql(request.getfixturevalue("database"), table)
        return getattr(stores, name)(tmp_path / name)

    return make
