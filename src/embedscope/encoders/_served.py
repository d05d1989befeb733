"""Embeddings from a server that speaks OpenAI's protocol: one request at a time, checked, repeated where that may help.

The key is read from the environment when a request is made, sent in its header and kept nowhere else.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPException, IncompleteRead
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.waiting import call_within

KEY = "OPENAI_API_KEY"
_AGAIN = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_LONGEST_WAIT = 60.0
_PIECE = 1 << 16
_LARGEST_ANSWER = 512 << 20
"""Bytes of an answer: some thousand texts of some thousand numbers in JSON."""


@dataclass(frozen=True)
class Server:
    """Where embeddings are asked for.

    Attributes
    ----------
    base_url : up to and without ``/embeddings``
    model : name that the server knows
    dimensions : asked for, where the model can shorten its vectors
    encoding : ``float`` or ``base64``, how vectors travel
    timeout : seconds a request may take
    retries : times a request is repeated after a failure that may pass
    """

    base_url: str
    model: str
    dimensions: int | None = None
    encoding: str = "float"
    timeout: float = 60.0
    retries: int = 6


@dataclass
class Usage:
    """What has been asked for: requests that were answered, those repeated, and tokens as the server counts them."""

    requests: int = 0
    repeated: int = 0
    tokens: int = 0
    counted: bool = field(default=True)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an error: it would carry the key to another address."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nothing."""
        return


def embed(server: Server, texts: Sequence[str], usage: Usage) -> npt.NDArray[np.float32]:
    """Vectors (n, d) of ``texts``, in their order whatever order the server answers in; adds to ``usage``.

    A request that is refused for its rate, fails on the server's side or does not come through is repeated after a wait
    that doubles, or that the server names in Retry-After.

    Raises
    ------
    DataUnavailableError
        if the server still does not answer after the last repetition.
    InputError
        if it refuses the request, or its answer is not one vector per text.
    """
    body: dict[str, Any] = {"model": server.model, "input": list(texts), "encoding_format": server.encoding}
    if server.dimensions is not None:
        body["dimensions"] = server.dimensions
    answer = _ask(server, json.dumps(body).encode(), usage)
    rows = _vectors(server, answer, len(texts))
    usage.requests += 1
    tokens = answer.get("usage", {}).get("total_tokens") if isinstance(answer.get("usage"), dict) else None
    if isinstance(tokens, int):
        usage.tokens += tokens
    else:
        usage.counted = False
    return rows


def _ask(server: Server, body: bytes, usage: Usage) -> dict[str, Any]:
    wait = 0.5
    for attempt in range(server.retries + 1):
        try:
            return _post(server, body)
        except _PassingError as error:
            if attempt == server.retries:
                raise DataUnavailableError(
                    f"{server.base_url} did not answer after {attempt + 1} attempts ({error}); what came so far is "
                    "kept, so run the same command again later"
                ) from error
            usage.repeated += 1
            pause = wait * random.uniform(0.75, 1.25) if error.after is None else error.after
            time.sleep(min(pause, _LONGEST_WAIT))
            wait = min(2 * wait, _LONGEST_WAIT)
    raise AssertionError("the last attempt returns or raises")


class _PassingError(Exception):
    """A failure that may pass; ``after`` are the seconds to wait that the server names."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


def _post(server: Server, body: bytes) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "embedscope"}
    key = os.environ.get(KEY)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"{server.base_url}/embeddings", data=body, headers=headers, method="POST")
    try:
        content = call_within(partial(_content, server, request, key), server.timeout)
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        said = _line(str(getattr(error, "reason", error))) or type(error).__name__
        raise _PassingError(_without_key(said, key)) from error
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{server.base_url}/embeddings did not answer in JSON; is this the address up to and with /v1?"
        ) from error
    if not isinstance(answer, dict):
        raise InputError(f"{server.base_url}/embeddings answered with a JSON {type(answer).__name__}; wanted an object")
    return answer


def _content(server: Server, request: urllib.request.Request, key: str | None) -> bytes:
    """The answer to a request, as long as it may be; a server that never ends it is left when its time is over."""
    until, parts, size = time.monotonic() + server.timeout, [], 0
    try:
        with _opener(server.base_url).open(request, timeout=server.timeout) as response:
            while part := response.read1(_PIECE):
                parts.append(part)
                size += len(part)
                if size > _LARGEST_ANSWER:
                    raise InputError(
                        f"{server.base_url} answered with more than {_LARGEST_ANSWER >> 20} MB; take fewer texts in "
                        "one request, &batch="
                    )
                if time.monotonic() > until:
                    raise TimeoutError(f"its answer had no end in {server.timeout:g} s")
            if response.length:
                raise IncompleteRead(b"", response.length)
    except urllib.error.HTTPError as error:
        raise _refusal(server, error, key) from error
    return b"".join(parts)


def _opener(base_url: str) -> urllib.request.OpenerDirector:
    """What opens addresses: through the proxies of the environment, but for this machine itself."""
    host = urllib.parse.urlsplit(base_url).hostname or ""
    local = host in ("localhost", "127.0.0.1", "::1")
    proxies = [urllib.request.ProxyHandler({})] if local else []
    return urllib.request.build_opener(_NoRedirect, *proxies)


def _refusal(server: Server, error: urllib.error.HTTPError, key: str | None) -> Exception:
    try:
        said = _message(error.read(4096))
    except (OSError, HTTPException):
        said = ""
    finally:
        error.close()
    said = _without_key(f"{error.code}{': ' + said if said else ''}", key)
    if error.code in _AGAIN:
        return _PassingError(said, _retry_after(error.headers.get("Retry-After")))
    if error.code in (401, 403):
        return InputError(f"{server.base_url} refused the key ({said}); set the environment variable {KEY}")
    if error.code == 404:
        return InputError(
            f"{server.base_url} has no model '{server.model}' or no /embeddings ({said}); check both names"
        )
    if 300 <= error.code < 400:
        return InputError(f"{server.base_url} points to another address ({said}); name that one as base_url")
    fewer = "; if these are too many at once, add &batch=32" if error.code == 413 or "batch" in said.lower() else ""
    return InputError(f"{server.base_url} refused the texts ({said}){fewer}")


def _message(content: bytes) -> str:
    """What a server says of an error, in one line of at most 200 characters."""
    try:
        body: Any = json.loads(content)
        for name in ("error", "message", "detail"):
            body = body.get(name, body) if isinstance(body, dict) else body
        text = body if isinstance(body, str) else json.dumps(body)
    except (ValueError, RecursionError):
        text = content.decode("utf-8", "replace")
    return _line(text)


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def _without_key(text: str, key: str | None) -> str:
    return text.replace(key, "***") if key else text


def _retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _vectors(server: Server, answer: dict[str, Any], n: int) -> npt.NDArray[np.float32]:
    data = answer.get("data")
    if not isinstance(data, list) or len(data) != n or not all(isinstance(item, dict) for item in data):
        count = len(data) if isinstance(data, list) else "no"
        raise InputError(f"{server.base_url} gave {count} vectors for {n} texts; its answer cannot be matched to them")
    places = [item.get("index", i) for i, item in enumerate(data)]
    if sorted(p for p in places if isinstance(p, int)) != list(range(n)):
        raise InputError(
            f"{server.base_url} numbered {n} vectors {_line(str(places[:12]))}; wanted each of 0 to {n - 1} once"
        )
    rows: list[Any] = [None] * n
    for place, item in zip(places, data, strict=True):
        rows[place] = _row(server, item.get("embedding"))
    sizes = {len(row) for row in rows}
    wanted = {server.dimensions} if server.dimensions is not None else sizes
    if len(sizes) > 1 or sizes != wanted or 0 in sizes:
        raise InputError(
            f"{server.base_url} gave vectors of {sorted(sizes)} dimensions, wanted one size, {sorted(wanted)}"
        )
    x = np.stack(rows)
    if not np.isfinite(x).all():
        raise InputError(f"{server.base_url} gave vectors with values that are not finite; check the server's logs")
    return x


def _row(server: Server, value: Any) -> npt.NDArray[np.float32]:
    try:
        if isinstance(value, str):
            return np.frombuffer(base64.b64decode(value, validate=True), "<f4").astype(np.float32)
        row = np.asarray(value, dtype=np.float32)
        if row.ndim == 1:
            return row
    except (TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise InputError(f"{server.base_url} gave a vector that is neither numbers nor base64 of float32") from error
    raise InputError(f"{server.base_url} gave a vector of shape {row.shape}; wanted a list of numbers")
