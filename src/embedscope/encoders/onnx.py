"""``onnx:FOLDER``: text models saved as ONNX with their tokenizer, run by onnxruntime."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.cache import VectorCache, namespace_of
from embedscope.core.errors import DataUnavailableError, InputError
from embedscope.core.extras import require
from embedscope.core.regular import check_folder
from embedscope.encoders._checksums import sha256_of, sha256_of_all
from embedscope.encoders._kept_rows import Rows, rows_of
from embedscope.encoders._pooling import simple_pooling, transformer_config
from embedscope.encoders._roles import OWN, Overrides, Role
from embedscope.encoders._saved_settings import SavedSettings, read_json, read_settings
from embedscope.encoders._sentence_model import reading_facts
from embedscope.encoders.lookup import Scheme

IDS = ("onnx",)

_FILES = ("model.onnx", "onnx/model.onnx")
_POOLED = ("sentence_embedding", "text_embeds", "pooled")
_MODES = ("mean", "cls", "last")
_BATCH = 64


@dataclass(frozen=True)
class OnnxOptions:
    """What a URI and a folder say: the graph, how tokens become one vector, where texts are cut."""

    folder: Path
    graph: Path
    mode: str | None
    normalise: bool
    max_length: int
    saved: SavedSettings | None


class OnnxModel:
    """One vector per text from an ONNX graph; a model of kind ``Lookup``.

    A sentence vector that the graph gives itself (``sentence_embedding``) is taken as it is; token states are pooled as
    ``modules.json`` or ``?pooling=`` says.
    """

    def __init__(self, options: OnnxOptions, overrides: Overrides, *, cache: bool) -> None:
        runtime = require("onnxruntime", "onnx", "an ONNX model")
        tokenizers = require("tokenizers", "hf", "an ONNX model of texts")
        self._options, self._overrides = options, overrides
        self._cache = VectorCache() if cache else None
        try:
            self._session = runtime.InferenceSession(str(options.graph), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own that derive from nothing narrower
            raise InputError(
                f"onnxruntime could not load {options.graph}: {str(error).splitlines()[0][:200]}"
            ) from error
        self._inputs = [i.name for i in self._session.get_inputs()]
        self._output, self._pooled = self._choose_output()
        self._tokenizer = tokenizers.Tokenizer.from_file(str(options.folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(options.max_length)
        self._tokenizer.no_padding()
        saved = options.saved
        self.score = overrides.score or (saved.score if saved else "cosine")
        self.reading: Mapping[str, Any] = reading_facts(saved, overrides)
        how = f"output {self._output}" if self._pooled else f"{options.mode} of {self._output}"
        how += ", L2-normalised" if options.normalise else ""
        self.spaces: Mapping[str, str] = {"pooled": f"{how}; no layers"}
        data = sorted(p for p in options.graph.parent.glob(f"{options.graph.name}?data") if p.is_file())
        self.facts: Mapping[str, Any] = {
            "kind": "onnx",
            "runtime": f"onnxruntime {runtime.__version__}",
            "pooled": how,
            "max_length": options.max_length,
            "weights_sha256": sha256_of_all([options.graph, *data]),
            "tokenizer_sha256": sha256_of(options.folder / "tokenizer.json"),
            **self.reading,
        }

    def role_pooling(self, role: Role | None) -> str | None:
        """The pooling for texts of ``role``; None where it has no prompt of its own."""
        return None if role is None or self._prompt(role) == self._prompt(None) else role

    def matrix(self, pooling: str | None, space: str, texts: Sequence[str]) -> npt.NDArray[Any]:
        """(n, d) float32 rows aligned with ``texts``."""
        if space not in self.spaces or pooling not in OWN:
            raise InputError(f"an ONNX model has the space 'pooled', got {space!r} and {pooling!r}")
        prompt = self._prompt(pooling)  # type: ignore[arg-type]
        namespace = namespace_of({**self.facts, "prompt": prompt})
        rows = rows_of([prompt + text for text in texts], self._encode, self._cache, namespace)
        return rows[:, : self._options.saved.truncate_dim] if self._options.saved else rows

    def _prompt(self, role: Role | None) -> str:
        if self._options.saved is not None:
            return self._options.saved.prompt(role, self._overrides)
        return self._overrides.prompts.get(role, "") if role else ""

    def _choose_output(self) -> tuple[str, bool]:
        """Name of the output that is read, and whether it is a sentence vector already."""
        outputs = {o.name: len(o.shape) for o in self._session.get_outputs()}
        for name in _POOLED:
            if outputs.get(name) == 2:
                return name, True
        states = [name for name, rank in outputs.items() if rank == 3]
        if not states:
            raise InputError(f"{self._options.graph} gives {', '.join(outputs)}; wanted token states or {_POOLED[0]}")
        if self._options.mode is None:
            raise InputError(
                f"{self._options.folder} does not say how tokens become one vector (no modules.json); add "
                "?pooling=mean, cls or last to the URI, and &normalize=1 for unit length"
            )
        return states[0], False

    def _encode(self, texts: Sequence[str]) -> Iterator[tuple[Sequence[str], Rows]]:
        encoded = self._tokenizer.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i].ids))
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            yield [texts[i] for i in part], self._forward([encoded[i] for i in part])

    def _forward(self, encoded: Sequence[Any]) -> Rows:
        longest = max([1, *(len(e.ids) for e in encoded)])
        mask = np.array([[1] * len(e.ids) + [0] * (longest - len(e.ids)) for e in encoded], dtype=np.int64)
        padding = self._tokenizer.padding or {}
        pad = int(padding.get("pad_id", 0))
        values = {
            "input_ids": [[*e.ids, *[pad] * (longest - len(e.ids))] for e in encoded],
            "attention_mask": mask,
            "token_type_ids": [[*e.type_ids, *[0] * (longest - len(e.ids))] for e in encoded],
            "position_ids": np.broadcast_to(np.arange(longest), mask.shape),
        }
        unknown = [name for name in self._inputs if name not in values]
        if unknown:
            raise InputError(f"{self._options.graph} wants the inputs {', '.join(unknown)}; wanted {', '.join(values)}")
        feed = {name: np.ascontiguousarray(values[name], dtype=np.int64) for name in self._inputs}
        states = np.asarray(self._session.run([self._output], feed)[0], dtype=np.float32)
        x = states if self._pooled else _pool(states, mask, str(self._options.mode))
        if self._options.normalise:
            norms = np.linalg.norm(x, axis=1, keepdims=True)
            x = np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)
        return x


def _pool(states: npt.NDArray[np.float32], mask: npt.NDArray[np.int64], mode: str) -> Rows:
    """States (n, length, d) of the tokens in ``mask`` (n, length) as (n, d): their mean, the first or the last."""
    if mode == "cls":
        return np.asarray(states[:, 0])
    if mode == "last":
        return np.asarray(states[np.arange(len(states)), np.maximum(mask.sum(axis=1) - 1, 0)])
    weights = mask.astype(np.float32)
    total = np.einsum("nld,nl->nd", states, weights)
    return np.asarray(total / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9), dtype=np.float32)


def read_folder(name: str) -> OnnxOptions:
    """What ``FOLDER?pooling=MODE&normalize=1&file=FILE`` says together with the files of the folder.

    Raises
    ------
    DataUnavailableError
        if there is no graph or tokenizer.
    InputError
        for an option that does not exist, or modules that an ONNX graph does not hold.
    """
    place, _, query = name.partition("?")
    options = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    if unknown := set(options) - {"pooling", "normalize", "file"}:
        raise InputError(f"onnx:{name} has the option '{min(unknown)}'; there are pooling, normalize and file")
    folder = Path(place).expanduser()
    if folder.suffix == ".onnx" and folder.is_file():
        raise InputError(
            f"{folder} is a graph without its tokenizer; name its folder: {_address(folder.parent, folder)}"
        )
    check_folder(folder)
    files = [options["file"]] if "file" in options else _FILES
    graph = next((folder / f for f in files if (folder / f).is_file()), None)
    if graph is None or not (folder / "tokenizer.json").is_file():
        lacking = "tokenizer.json" if graph is not None else " or ".join(files)
        others = sorted(folder.glob("**/*.onnx"))
        if graph is None and others:
            raise DataUnavailableError(
                f"{folder} has no {lacking}; for {others[0].name}: {_address(folder, others[0])}"
            )
        raise DataUnavailableError(f"{folder} has no {lacking}; onnx:FOLDER wants model.onnx and tokenizer.json")
    saved = read_settings(folder)
    mode, normalise = _modes(folder, saved, options)
    return OnnxOptions(folder, graph, mode, normalise, _length(folder, saved), saved)


def _address(folder: Path, graph: Path) -> str:
    """How a graph in ``folder`` is named.

    >>> _address(Path("m"), Path("m/onnx/model_O4.onnx"))
    'onnx:m?file=onnx/model_O4.onnx'
    """
    return f"onnx:{folder}?file={graph.relative_to(folder).as_posix()}"


def _modes(folder: Path, saved: SavedSettings | None, options: Mapping[str, str]) -> tuple[str | None, bool]:
    asked = options.get("pooling")
    if asked is not None and asked not in _MODES:
        raise InputError(f"pooling must be one of {', '.join(_MODES)}, got '{asked}'")
    if options.get("normalize", "0") not in ("0", "1"):
        raise InputError(f"normalize must be 0 or 1, got '{options['normalize']}'")
    pooling = simple_pooling(saved) if saved is not None else None
    if saved is not None and pooling is None and asked is None:
        raise InputError(
            f"{folder} has the modules {', '.join(saved.kinds)} with settings that onnx: does not run; open the folder "
            "with st:, or name ?pooling="
        )
    own = pooling.normalise if pooling is not None else False
    return asked or (pooling.mode if pooling else None), options["normalize"] == "1" if "normalize" in options else own


def _length(folder: Path, saved: SavedSettings | None) -> int:
    """Tokens at which texts are cut: the least that the folder names."""
    tokenizer = read_json(folder / "tokenizer_config.json") or {}
    config = read_json(folder / "config.json") or {}
    limits = [tokenizer.get("model_max_length"), config.get("max_position_embeddings")]
    limits.append(transformer_config(saved.transformer_folder).get("max_seq_length") if saved else None)
    return min((int(n) for n in limits if isinstance(n, int | float) and 0 < n < 10**7), default=512)


def _open(
    name: str,
    *,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
    score: str | None = None,
    cache: bool = True,
) -> OnnxModel:
    return OnnxModel(read_folder(name), Overrides(query_prompt, document_prompt, score), cache=cache)


ENTRIES = {
    "onnx": Scheme(
        name="onnx",
        title="ONNX models",
        description="a folder with model.onnx and tokenizer.json: onnx:FOLDER, onnx:FOLDER?pooling=mean&normalize=1",
        licence="that of the model",
        cite="onnx2019",
        open=_open,
        install='pip install "embedscope[onnx,hf]"',
        options=("query_prompt", "document_prompt", "score", "cache"),
    )
}
