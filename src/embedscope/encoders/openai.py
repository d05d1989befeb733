"""``openai:MODEL?base_url=URL``: models behind a server that speaks OpenAI's protocol, as Ollama and vLLM do."""

from __future__ import annotations

import os
import sys
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from embedscope.core.cache import VectorCache, namespace_of
from embedscope.core.errors import InputError
from embedscope.encoders._kept_rows import Rows, missing_rows, rows_of
from embedscope.encoders._roles import OWN, Overrides, Role
from embedscope.encoders._served import KEY, Server, Usage, embed
from embedscope.encoders.lookup import Scheme

IDS = ("openai",)

_BASE_URL = "https://api.openai.com/v1"
_OPTIONS = ("base_url", "price", "dimensions", "batch", "encoding", "timeout", "retries")
_BATCH_CHARACTERS = 200_000
_CHARACTERS_A_TOKEN = 4.0


@dataclass(frozen=True)
class ServedOptions:
    """What stands after the name of a model: the server, the price of a million tokens, and texts in one request."""

    server: Server
    price: float | None
    batch: int


def parse_served(name: str) -> ServedOptions:
    """Take ``MODEL?base_url=URL&price=DOLLARS&...`` apart.

    Raises
    ------
    InputError
        for an option that does not exist, or a value that does not fit.

    >>> parse_served("m?base_url=http://localhost:11434/v1/&batch=8").server.base_url
    'http://localhost:11434/v1'
    >>> parse_served("m?base_url=http://localhost:8080/v1/embeddings").server.base_url
    'http://localhost:8080/v1'
    """
    model, _, query = name.partition("?")
    given = urllib.parse.parse_qsl(query, keep_blank_values=True)
    options = dict(given)
    unknown = [key for key in options if key not in _OPTIONS]
    if unknown or len(options) != len(given):
        raise InputError(f"openai:{model} has the options {', '.join(_OPTIONS)}, each once; got '{query}'")
    if not model:
        raise InputError("openai: wants the name of a model, as in openai:text-embedding-3-small?base_url=URL")
    url = urllib.parse.urlsplit(options.get("base_url") or _BASE_URL)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise InputError(f"base_url must be an address such as http://localhost:11434/v1, got '{options['base_url']}'")
    if url.username or url.password or url.query:
        raise InputError(f"base_url must hold no user, password or query; the key comes from the environment, {KEY}")
    encoding = options.get("encoding", "float")
    if encoding not in ("float", "base64"):
        raise InputError(f"encoding must be float or base64, got '{encoding}'")
    server = Server(
        urllib.parse.urlunsplit((url.scheme, url.netloc, url.path.rstrip("/").removesuffix("/embeddings"), "", "")),
        model,
        _whole(options, "dimensions"),
        encoding,
        _number(options, "timeout") or 60.0,
        6 if (retries := _whole(options, "retries", least=0)) is None else retries,
    )
    return ServedOptions(server, _number(options, "price"), _whole(options, "batch") or 64)


def _number(options: Mapping[str, str], name: str) -> float | None:
    if name not in options:
        return None
    try:
        value = float(options[name])
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"{name} must be a number that is not negative, got '{options[name]}'")
    return value


def _whole(options: Mapping[str, str], name: str, least: int = 1) -> int | None:
    value = _number(options, name)
    if value is not None and (value != int(value) or value < least):
        raise InputError(f"{name} must be a whole number of at least {least}, got '{options[name]}'")
    return None if value is None else int(value)


class ServedModel:
    """One vector per text from a server; a model of kind ``Lookup``. Vectors are cached as they come.

    Attributes
    ----------
    spaces : the one space
    usage : requests, repetitions and tokens so far, as the server counts them
    score, reading : how vectors are compared, and what a record says of prompts
    """

    def __init__(
        self, options: ServedOptions, overrides: Overrides, *, yes: bool, note: Callable[[str], None], cache: bool
    ) -> None:
        self.options, self._overrides, self._yes, self._note = options, overrides, yes, note
        self._cache = VectorCache() if cache else None
        self.usage = Usage()
        self.score = overrides.score or "cosine"
        prompts = {f"{role} prompt": prompt for role, prompt in overrides.prompts.items()}
        self.reading: Mapping[str, Any] = prompts | ({"score": overrides.score} if overrides.score else {})
        server = options.server
        self.spaces: Mapping[str, str] = {"pooled": f"vectors of {server.model} by {server.base_url}"}

    @property
    def facts(self) -> Mapping[str, Any]:
        """Server, model and what has been used so far; never the key."""
        server, usage = self.options.server, self.usage
        return {
            "kind": "server",
            "base_url": server.base_url,
            "model": server.model,
            "dimensions": server.dimensions,
            **self.reading,
            "requests": usage.requests,
            "repeated_requests": usage.repeated,
            "tokens": usage.tokens if usage.counted else None,
        }

    def role_pooling(self, role: Role | None) -> str | None:
        """The pooling for texts of ``role``; None where there is no prompt for it."""
        return role if role is not None and self._overrides.prompts.get(role) else None

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) rows aligned with ``texts``; what the cache holds is not asked for again.

        Raises
        ------
        InputError
            if a text is empty, the cost was not agreed to, or the server's answer does not fit.
        DataUnavailableError
            if the server does not answer.
        """
        if space not in self.spaces or pooling not in OWN:
            raise InputError(f"{self.options.server.model} has the space 'pooled', got {space!r} and {pooling!r}")
        prompt = self._overrides.prompts.get(pooling, "") if pooling else ""
        prompted = [prompt + text for text in texts]
        if "" in prompted:
            raise InputError(f"text {prompted.index('')} is empty, which servers refuse; take it out of the rows")
        lacking = missing_rows(prompted, self._cache, self._namespace)
        if lacking:
            self._agree(lacking)
        return rows_of(prompted, self._encode, self._cache, self._namespace)

    @property
    def _namespace(self) -> str:
        server = self.options.server
        return namespace_of({"served": server.base_url, "model": server.model, "dimensions": server.dimensions})

    def _agree(self, texts: Sequence[str]) -> None:
        """Say what will be asked for, and stop where it costs money and nobody said yes."""
        tokens = round(sum(map(len, texts)) / _CHARACTERS_A_TOKEN) or 1
        server, price = self.options.server, self.options.price
        said = f"{len(texts):,} texts to encode with {server.model} at {server.base_url}, about {tokens:,} tokens"
        if price is None:
            self._note(f"{said}; no price named (&price=DOLLARS per million tokens)")
            return
        said += f", about ${price * tokens / 1e6:,.4f} at ${price:g} per million tokens"
        if price > 0 and not self._yes:
            raise InputError(f"{said}; nothing has been spent: add --yes (yes=True in Python) to go on")
        self._note(said)

    def _encode(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[str], Rows]]:
        batch: list[str] = []
        for text in texts:
            full = len(batch) >= self.options.batch or sum(map(len, batch)) + len(text) > _BATCH_CHARACTERS
            if batch and full:
                yield batch, embed(self.options.server, batch, self.usage)
                batch = []
            batch.append(text)
        if batch:
            yield batch, embed(self.options.server, batch, self.usage)


def _open(
    name: str,
    *,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    score: str | None = None,
    yes: bool = False,
    note: Callable[[str], None] | None = None,
    cache: bool = True,
) -> ServedModel:
    options = parse_served(name)
    if options.server.base_url == _BASE_URL and not os.environ.get(KEY):
        raise InputError(
            f"{_BASE_URL} wants a key: set the environment variable {KEY}, or name another server, &base_url="
        )
    shown = note or (lambda line: print(line, file=sys.stderr))  # noqa: T201
    return ServedModel(options, Overrides(query_prompt, document_prompt, score), yes=yes, note=shown, cache=cache)


ENTRIES = {
    "openai": Scheme(
        name="openai",
        title="Models behind a server",
        description="OpenAI's protocol, as OpenAI, Ollama, vLLM, TEI and llama.cpp serve it: "
        "openai:MODEL?base_url=URL&price=DOLLARS; key from the environment",
        licence="that of the model",
        cite="neelakantan2022",
        open=_open,
        options=("query_prompt", "document_prompt", "score", "yes", "note", "cache"),
    )
}
