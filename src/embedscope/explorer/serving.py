"""The page itself: served on this machine, or written as a folder to send to somebody."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedscope.core.atomic import atomic_folder
from embedscope.core.errors import InputError
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
    """The web application (ASGI) that serves ``shown`` with everything it needs, offline."""
    import embedding_atlas.server as atlas
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    data = _data_source(shown, progress)
    app = atlas.make_server(data, static_path=str(_static()), duckdb_uri="server")
    page = _page()
    app.router.routes.insert(0, Route("/", lambda request: HTMLResponse(page)))
    return app


def serve(shown: Exploration, port: int, progress: Progress, opened: Any = None) -> None:
    """Serve the page on this machine until Ctrl-C; ``opened(address)`` is called once it can be opened.

    Parameters
    ----------
    port : 0 takes a free one
    """
    import uvicorn

    listening = _listen(port)
    listening.listen()  # who comes early waits until the server runs
    config = uvicorn.Config(application(shown, progress), log_level="error", access_log=False)
    server = uvicorn.Server(config)
    if opened is not None:
        opened(f"http://{HOST}:{listening.getsockname()[1]}/")
    server.run(sockets=[listening])


def export(shown: Exploration, folder: str | Path, progress: Progress) -> Path:
    """Write the page as static files into the new folder ``folder``; any web server shows it, such as Python's own."""
    with atomic_folder(folder) as place:
        _data_source(shown, progress).export_to_folder(str(_static()), str(place))
        (place / "index.html").write_text(_page(), encoding="utf-8")
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


def _page() -> str:
    text = (_static() / "index.html").read_text(encoding="utf-8")
    if "</head>" not in text:
        raise InputError(
            "this version of embedding-atlas has another page than known; pip install embedding-atlas==0.22.0"
        )
    return text.replace("</head>", f"{_NOTE}</head>", 1)


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
