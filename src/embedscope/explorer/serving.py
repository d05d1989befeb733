"""The page itself: served on this machine, or written as a folder to send to somebody."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import tempfile
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedscope.core.atomic import atomic_folder
from embedscope.core.errors import EmbedscopeError, InputError
from embedscope.core.extras import require
from embedscope.core.progress import Progress

if TYPE_CHECKING:
    from embedscope.explorer.table import Exploration

HOST = "127.0.0.1"

_NOTE = """<script>
addEventListener("load", () => {
  const canvas = document.createElement("canvas");
  if (navigator.gpu || canvas.getContext("webgl2")) return;
  const line = document.createElement("p");
  line.id = "embedscope-note";
  line.textContent = "This browser has neither WebGPU nor WebGL 2, so the map stays empty; the tables work. " +
    "Turn on hardware acceleration, or start Chromium with --use-gl=angle --use-angle=swiftshader " +
    "--enable-unsafe-swiftshader.";
  line.style.cssText = "position:fixed;bottom:0;left:0;right:0;margin:0;padding:.6em 1em;background:#fff3cd;" +
    "color:#533f03;font:14px system-ui;z-index:9999";
  document.body.append(line);
});
</script>"""
"""What is put into the page: a line at its foot where a browser cannot draw."""


def check_atlas() -> None:
    """Raise ``MissingExtraError`` where embedding-atlas is not installed."""
    require("embedding_atlas.data_source", "explore", "the page to explore a space")


def application(shown: Exploration, progress: Progress) -> Any:
    """The web application (ASGI) that serves ``shown`` with everything it needs, offline.

    The first space stands under ``/data``, others under ``/spaces/NUMBER/data``; each is made when it is asked for.
    """
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import Mount, Route

    spaces = [_Served(page, progress) for page in shown.pages]
    page = _page(shown, live=True)

    def home(request: Request) -> Response:
        return HTMLResponse(page)

    async def ask(request: Request) -> Response:
        if request.headers.get("content-type") != "application/json":
            return JSONResponse({"error": "send the query as JSON"}, status_code=415)
        try:
            sent = await request.json()
            served = spaces[int(sent["space"])]
            return JSONResponse({"rows": await asyncio.to_thread(served.ask, str(sent["query"]))})
        except EmbedscopeError as error:
            return JSONResponse({"error": str(error)})
        except (KeyError, TypeError, ValueError, IndexError):
            return JSONResponse({"error": "a query is a text, and a space a number of this page"}, status_code=400)

    def metadata(request: Request) -> Response:
        return JSONResponse(spaces[request.path_params.get("space", 0)].metadata())

    others = [Mount(f"/spaces/{i}", app=served) for i, served in enumerate(spaces) if i]
    return Starlette(
        routes=[
            Route("/", home),
            Route("/ask", ask, methods=["POST"]),
            Route("/data/metadata.json", metadata),
            Route("/spaces/{space:int}/data/metadata.json", metadata),
            *others,
            Mount("/", app=spaces[0]),
        ]
    )


class _Served:
    """One space, whose data are made when the page of it is opened; and the queries that were typed into it."""

    def __init__(self, shown: Exploration, progress: Progress) -> None:
        self._shown, self._progress = shown, progress
        self._asked: dict[str, list[int]] = {}
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = await asyncio.to_thread(self._application)
        await app(scope, receive, send)

    def _application(self) -> Any:
        with self._lock:
            return self._served_app

    @cached_property
    def _served_app(self) -> Any:
        import embedding_atlas.server as atlas

        return atlas.make_server(self._data, static_path=str(_static()), duckdb_uri="server")

    @cached_property
    def _data(self) -> Any:
        return _data_source(self._shown, self._progress)

    def metadata(self) -> dict[str, Any]:
        """What embedding-atlas asks first; typed queries are offered as selections of their nearest rows."""
        props = self._shown.props(self._asked)
        return {"props": props, "database": {"type": "rest"}}

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The nearest rows of ``query`` as the page lists them."""
        nearest = self._shown.nearest(query)
        self._asked.pop(query.strip(), None)  # the last one stands first
        self._asked[query.strip()] = [row for row, _ in nearest]
        return [self._shown.describe_row(row) | {"cosine": cosine} for row, cosine in nearest]


def serve(shown: Exploration, port: int, progress: Progress, on_open: Any = None) -> None:
    """Serve the page on this machine until Ctrl-C; ``on_open(address)`` is called once it can be opened.

    Parameters
    ----------
    port : 0 takes a free one
    """
    import uvicorn

    listening = _listen(port)
    listening.listen()  # who comes early waits until the server runs
    config = uvicorn.Config(application(shown, progress), log_level="error", access_log=False)
    server = uvicorn.Server(config)
    if on_open is not None:
        on_open(f"http://{HOST}:{listening.getsockname()[1]}/")
    server.run(sockets=[listening])


def export(shown: Exploration, folder: str | Path, progress: Progress) -> Path:
    """Write the page as static files into the new folder ``folder``; any web server shows it, such as Python's own."""
    with atomic_folder(folder) as place:
        _data_source(shown, progress).export_to_folder(str(_static()), str(place))
        for i, other in enumerate(shown.others, 1):
            with tempfile.TemporaryDirectory() as nothing:  # the files of the page stand in ``place`` already
                _data_source(other, progress).export_to_folder(nothing, str(place / "spaces" / str(i)))
        (place / "index.html").write_text(_page(shown, live=False), encoding="utf-8")
    return Path(folder)


def _data_source(shown: Exploration, progress: Progress) -> Any:
    from embedding_atlas.data_source import DataSource

    frame, props = shown.frame(progress), shown.props()
    state = hashlib.sha256(json.dumps(props, sort_keys=True).encode())
    state.update(shown.rows.x.tobytes())
    return DataSource(state.hexdigest(), frame, {"props": props})


def _static() -> Path:
    import embedding_atlas

    return Path(embedding_atlas.__file__).parent / "static"


def _page(shown: Exploration, *, live: bool) -> str:
    """The page of embedding-atlas with ours in its head; ``live`` where this process answers typed queries."""
    text = (_static() / "index.html").read_text(encoding="utf-8")
    if "<head>" not in text or "</head>" not in text:
        raise InputError(
            "this version of embedding-atlas has another page than known; pip install embedding-atlas==0.22.0"
        )
    bar = _bar(shown, live=live)
    return text.replace("<head>", f"<head>{bar}", 1).replace("</head>", f"{_NOTE}</head>", 1)


def _bar(shown: Exploration, *, live: bool) -> str:
    """The line above the map: a switch between spaces, and a field for queries; empty where there is neither."""
    query_encoder = shown.rows.query_encoder
    if query_encoder is None and not shown.others:
        return ""
    said = (
        ""
        if query_encoder is None
        else f"Typed queries need {query_encoder.model}: they work where embedscope explore runs."
    )
    facts = {
        "spaces": [page.rows.space for page in shown.pages],
        "model": None if query_encoder is None else query_encoder.model,
        "takes": query_encoder.takes if query_encoder is not None and live else None,
        "said": "" if live else said,
    }
    text = (Path(__file__).parent / "bar.html").read_text(encoding="utf-8")
    return text.replace("__FACTS__", json.dumps(facts).replace("<", "\\u003c"), 1)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"port {port} cannot be used ({(error.strerror or str(error)).lower()}); leave --port out"
        ) from error
    return listener
