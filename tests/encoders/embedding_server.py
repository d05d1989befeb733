"""A small server that speaks OpenAI's embeddings protocol around any function of texts, with faults on demand."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np


class EmbeddingServer:
    """Answers ``/v1/embeddings`` on a free port of this machine.

    ``faults`` holds what happens to the next requests, in order: a status, (status, headers), "drop" (the connection
    ends), "slow" (no answer for a second), or a function that changes the answer. ``always`` changes every answer.
    """

    def __init__(self, encode: Callable[[list[str]], np.ndarray], key: str | None = None) -> None:
        self.encode, self.key = encode, key
        self.faults: list = []
        self.always: Callable[[dict], dict] = lambda answer: answer
        self.requests: list[dict] = []
        self.headers: list[dict] = []
        self.answered: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: dict) -> dict:
        texts = body["input"]
        x = np.asarray(self.encode(texts), dtype="<f4")[:, : body.get("dimensions")]
        base = body["encoding_format"] == "base64"
        coded = [base64.b64encode(row.tobytes()).decode() if base else row.tolist() for row in x]
        data = [{"object": "embedding", "index": i, "embedding": e} for i, e in enumerate(coded)]
        tokens = sum(len(t.split()) for t in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": body["model"], "data": data, "usage": usage}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append(body)
                server.headers.append(dict(self.headers))
                fault = server.faults.pop(0) if server.faults else None
                if server.key and self.headers.get("Authorization") != f"Bearer {server.key}":
                    self.reply(401, {"error": {"message": f"no such key: {self.headers.get('Authorization')}"}})
                elif fault == "drop":
                    self.close_connection = True
                elif fault == "slow":
                    threading.Event().wait(1.0)
                elif isinstance(fault, int | tuple):
                    status, headers = fault if isinstance(fault, tuple) else (fault, {})
                    self.reply(status, {"error": {"message": "as the test asked"}}, headers)
                else:
                    answer = server.always(server.answer(body))
                    server.answered += body["input"]
                    self.reply(200, answer if fault is None else fault(answer))

            def reply(self, status: int, content: object, headers: dict | None = None) -> None:
                raw = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: object) -> None:
                pass

        return Handler
