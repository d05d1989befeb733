"""A repair as the last modules of a sentence-transformers model: Normalize, Dense, Normalize, all its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from embedscope.core.atomic import atomic_folder
from embedscope.core.errors import InputError
from embedscope.core.extras import require
from embedscope.exports.export import Export, Order
from embedscope.transforms.repair import Hidden, KindMap, Origin, Repair

IDS = ("sentence-transformers",)

ROUTED = ("query", "document")
_LARGEST = 4.0


def append_repair(model: Any, repair: Repair, kind: str | None = None) -> Any:
    """Append ``repair`` to ``model``, a ``SentenceTransformer`` that is changed in place and returned.

    A repair with the kinds ``query`` and ``document`` and no ``kind`` named becomes a ``Router``: ``encode_query``
    takes the one, ``encode_document`` and ``encode`` the other.

    Raises
    ------
    InputError
        if the model gives vectors of other dimensions.
    """
    modules = _modules()
    routed = kind is None and set(repair.kinds) == set(ROUTED)
    kinds = ROUTED if routed else (repair.kind_name(kind),)
    width = _cut(modules, model)
    for name in kinds:
        repair.check_dim(width, name, "the vectors of this model")
    if (kept := _leading([repair.kinds[name] for name in kinds])) is not None:
        model.truncate_dim = kept
        return model
    lists = {name: _steps(modules, repair.kinds[name]) for name in kinds}
    if routed:
        model.append(
            modules.Router.for_query_document(*(lists[name] or [_identity(modules, width)] for name in ROUTED))
        )
    else:
        for module in lists[kinds[0]]:
            model.append(module)
    return model


def _modules() -> Any:
    """The modules of sentence-transformers, which moved in version 6."""
    library = require("sentence_transformers", "hf", "an export to sentence-transformers")
    old = int(library.__version__.partition(".")[0]) < 6
    place = "sentence_transformers.models" if old else "sentence_transformers.sentence_transformer.modules"
    return require(place, "hf", "an export to sentence-transformers")


def _cut(modules: Any, model: Any) -> int:
    """Dimensions of the model's vectors; ``truncate_dim`` becomes a module, for the library cuts after all modules."""
    kept, whole = model.truncate_dim, _width(model)
    if kept is None or kept >= whole:
        model.truncate_dim = None
        return whole
    model.append(_dense(modules, np.eye(whole, kept), np.zeros(kept)))
    model.truncate_dim = None
    return int(kept)


def _leading(kinds: list[KindMap]) -> int | None:
    """Leading dimensions that all ``kinds`` keep and do nothing else; None where they do more."""
    widths = {kind.dim_out for kind in kinds}
    for kind in kinds:
        matrix = kind.matrix
        plain = kind.mean is None and kind.shift is None
        if matrix is None or not plain or not np.array_equal(matrix, np.eye(*matrix.shape)):
            return None
    return widths.pop()


def _width(model: Any) -> int:
    cut, model.truncate_dim = model.truncate_dim, None
    ask = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    width = int(ask())
    model.truncate_dim = cut
    return width


def _steps(modules: Any, kind: KindMap) -> list[Any]:
    steps = [modules.Normalize()] if kind.normalise_before else []
    if kind.hidden is None:
        steps += [_dense(modules, matrix, bias) for matrix, bias in _affine(kind)]
    else:
        steps += _residual(modules, kind, kind.hidden)
    return steps + ([modules.Normalize()] if kind.normalise_after else [])


def _residual(modules: Any, kind: KindMap, hidden: Hidden) -> list[Any]:
    """A residual MLP as two dense layers: the first gives max(0, .) of x W + b, x and -x, the second adds them up."""
    torch = require("torch", "hf", "an export to sentence-transformers")
    eye = np.eye(kind.dim_in)
    matrix = np.eye(kind.dim_in, kind.dim_out) if kind.matrix is None else kind.matrix
    wide = np.hstack([hidden.hidden_in, eye, -eye])
    bias = np.concatenate([hidden.hidden_bias, np.zeros(2 * kind.dim_in)])
    out = np.vstack([hidden.hidden_out, matrix, -matrix])
    return [_dense(modules, wide, bias, torch.nn.ReLU()), _dense(modules, out, kind.bias)]


def _affine(kind: KindMap) -> list[tuple[Any, Any]]:
    """The affine part as pairs (matrix, bias): one, or the centring apart where its product would lose digits."""
    if kind.is_linear_identity:
        return []
    if kind.matrix is None:
        return [(np.eye(kind.dim_in), kind.bias)]
    if kind.mean is None or float((np.abs(kind.mean) @ np.abs(kind.matrix)).max()) <= _LARGEST:
        return [(kind.matrix, kind.bias)]
    parts = kind.in_float32()
    return [(np.eye(kind.dim_in), -parts["mean"]), (kind.matrix, parts.get("shift", np.zeros(kind.dim_out)))]


def _dense(modules: Any, matrix: Any, bias: Any, activation: Any = None) -> Any:
    import torch

    return modules.Dense(
        in_features=matrix.shape[0],
        out_features=matrix.shape[1],
        activation_function=activation or torch.nn.Identity(),
        init_weight=torch.tensor(matrix.T.copy(), dtype=torch.float32),
        init_bias=torch.tensor(bias, dtype=torch.float32),
    )


def _identity(modules: Any, width: int) -> Any:
    return _dense(modules, np.eye(width), np.zeros(width))


def _write(order: Order) -> list[str]:
    library = require("sentence_transformers", "hf", "an export to sentence-transformers")
    if order.out.exists() and (not order.out.is_dir() or any(order.out.iterdir())):
        raise InputError(f"{order.out} is there already; name a new folder for the repaired model")
    folder, sha = _folder_of(str(order.model))
    lines = _check(order, Origin(str(order.model), weights_sha256=sha))
    model = append_repair(library.SentenceTransformer(str(folder), device="cpu"), order.repair, order.kind)
    with atomic_folder(order.out) as part:
        model.save(str(part), create_model_card=False)
        _try(library, part, order)
    routed = order.kind is None and len(order.repair.kinds) > 1
    how = "encode_query and encode_document give repaired vectors" if routed else "encode gives repaired vectors"
    if model.truncate_dim is not None:
        how = f"its truncate_dim is {model.truncate_dim}; compare vectors by cosine"
    return [f"load it with SentenceTransformer('{order.out}'): {how}; no remote code is needed", *lines]


def _try(library: Any, folder: Path, order: Order) -> None:
    """Load ``folder`` and encode one text; raises ``InputError`` where that fails or gives other dimensions."""
    from embedscope.encoders.quiet import quiet

    name = order.kind if order.kind is not None else list(order.repair.kinds)[-1]
    wanted = order.repair.kinds[name].dim_out if name in order.repair.kinds else None
    try:
        with quiet(bars=True):
            row = library.SentenceTransformer(str(folder), device="cpu").encode(["a"], show_progress_bar=False)
    except (ValueError, RuntimeError, KeyError) as error:
        raise InputError(f"{order.model} with the repair cannot encode ({error}); nothing was written") from error
    if wanted is not None and row.shape != (1, wanted):
        raise InputError(
            f"{order.model} with the repair gives {row.shape[1]} dimensions, wanted {wanted}; nothing written"
        )


def _folder_of(model: str) -> tuple[Path, str | None]:
    """Folder of a model named by alias, ``st:NAME`` or path, and the sha256 of its weights."""
    from embedscope.encoders.sources import find_source
    from embedscope.encoders.uris import parse_uri

    path = Path(model)
    source = find_source(parse_uri(f"st:{model}" if path.is_dir() else model))
    if source.weights_format == "gguf":
        raise InputError(f"{model} is a GGUF file, which sentence-transformers does not read; use --to onnx or numpy")
    root = source.saved.root if source.saved is not None else source.folder
    return (path if path.is_dir() else root), source.weights_sha256


def _check(order: Order, origin: Origin) -> list[str]:
    """Check the model against those that the repair was fitted on; a sentence where one is not recorded."""
    names = [order.kind] if order.kind is not None else list(order.repair.kinds)
    unknown = []
    for name in names:
        if order.repair.kind(name).source is None:
            unknown.append(name)
        else:
            order.repair.check_source(origin, name)
    if not unknown:
        return []
    return [
        f"the repair does not record the model of {', '.join(unknown)}, so it was not checked against {order.model}"
    ]


ENTRIES = {
    "sentence-transformers": Export(
        "a model folder with the repair as its last modules; query and document maps become a Router",
        _write,
        needs_model=True,
        packages=("sentence_transformers",),
    )
}
