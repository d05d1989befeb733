"""Encoders: texts and images to vectors in every layer of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedscope.core.errors import InputError
from embedscope.core.registry import Registry
from embedscope.encoders._image_info import ImageEncoder, ImageInfo, ImageModel, Opening
from embedscope.encoders._image_uris import split_uri
from embedscope.encoders._opening import opening
from embedscope.encoders._roles import OWN, Role, reading_note, role_pooling, score_of
from embedscope.encoders._space_names import LAST_LAYERS, space_name
from embedscope.encoders.aliases import ALIASES, Alias
from embedscope.encoders.lookup import Lookup, Scheme
from embedscope.encoders.uris import is_model as _is_text_model
from embedscope.encoders.uris import near_alias

if TYPE_CHECKING:
    from embedscope.encoders._framing import Framed, Framing
    from embedscope.encoders._info import ModelInfo, Picks
    from embedscope.encoders.images import open_image_encoder
    from embedscope.encoders.objects import register_model, source_name
    from embedscope.encoders.text import TextEncoder, open_encoder

__all__ = [
    "ALIASES",
    "LAST_LAYERS",
    "MODELS",
    "OWN",
    "Alias",
    "Framed",
    "Framing",
    "ImageEncoder",
    "ImageInfo",
    "ImageModel",
    "Lookup",
    "ModelInfo",
    "Picks",
    "Role",
    "Scheme",
    "TextEncoder",
    "has_vocabulary",
    "is_model",
    "near_alias",
    "open_encoder",
    "open_image_encoder",
    "open_model",
    "reading_note",
    "register_model",
    "role_pooling",
    "score_of",
    "source_name",
    "space_name",
]

MODELS: Registry[Alias | Scheme | ImageModel] = Registry("model", "embedscope.encoders")
"""Models that install from PyPI, by alias, and kinds of model by the scheme of their URI, of texts and of images."""


def is_model(uri: str) -> bool:
    """Whether ``uri`` names a model (alias, ``hf:``, ``st:``, ``random:``, a scheme, a bare hub name), not a file.

    >>> [is_model(u) for u in ("minilm", "hf:gpt2", "openai/clip-vit-base-patch32", "vectors.npy", "x.npz::a")]
    [True, True, True, False, False]
    """
    return _is_text_model(uri) or _scheme(uri) is not None or _image_model(uri) is not None


def has_vocabulary(uri: str) -> bool:
    """Whether the model that ``uri`` names lists the texts that it has vectors of, as a file of word vectors does.

    >>> has_vocabulary("gensim:words.vec"), has_vocabulary("minilm")
    (True, False)
    """
    scheme = _scheme(uri)
    return scheme is not None and scheme.has_vocabulary


def open_model(uri: Any, **options: Any) -> TextEncoder | Lookup:
    """Open what ``uri`` names: by its scheme, or as a text encoder with the ``options`` of ``open_encoder``.

    Parameters
    ----------
    uri : name of a model, or an object that encodes texts (see :func:`embedscope.encoders.register_model`)
    options : of ``open_encoder``; for models without layers also ``cache`` (keep vectors on disk), and for paid
        servers ``yes`` (spend what the work costs) and ``note`` (called with lines to show)

    Raises
    ------
    InputError
        for a model that reads images alone, or an option that this kind of model does not have.
    """
    if not isinstance(uri, str):
        from embedscope.encoders.objects import register_model

        return _open(register_model(uri), options)
    with opening(uri):
        return _open(uri, options)


def _open(uri: str, options: dict[str, Any]) -> TextEncoder | Lookup:
    image = _image_model(uri)
    if image is not None and image.open_text is not None:
        return image.open_text(uri, Opening(**{k: v for k, v in options.items() if k in ("device", "dtype", "seed")}))
    if image is not None:
        raise InputError(f"{uri} reads images and has no vectors of texts; `embedscope list models` says more")
    scheme = _scheme(uri)
    if scheme is not None:
        return _open_scheme(scheme, uri, options)
    from embedscope.encoders._taps import NoLayersError
    from embedscope.encoders._without_layers import open_despite_layers, open_without_layers
    from embedscope.encoders.text import open_encoder

    model = open_without_layers(uri, options)
    if model is not None:
        return model
    try:
        return open_encoder(uri, **{k: v for k, v in options.items() if k not in ("cache", "yes", "note")})
    except NoLayersError as error:
        return open_despite_layers(uri, options, error)


def _open_scheme(scheme: Scheme, uri: str, options: dict[str, Any]) -> Lookup:
    known = {name: value for name, value in options.items() if name in scheme.options}
    for name in ("query_prompt", "document_prompt"):
        if options.get(name) is not None and name not in known:
            raise InputError(f"{scheme.name}: models read texts without prompts; leave out {name}")
    return scheme.open(uri.partition(":")[2], **known)


def _scheme(uri: str) -> Scheme | None:
    name, colon, _ = uri.partition(":")
    entry = MODELS.get(name) if colon and name in MODELS else None
    return entry if isinstance(entry, Scheme) else None


def _image_model(uri: str) -> ImageModel | None:
    name, _ = split_uri(uri)
    entry = MODELS.get(name) if name in MODELS else None
    return entry if isinstance(entry, ImageModel) else None


def __getattr__(name: str) -> object:
    if name in ("Framed", "Framing"):
        from embedscope.encoders import _framing

        return getattr(_framing, name)
    if name == "open_image_encoder":
        from embedscope.encoders.images import open_image_encoder

        return open_image_encoder
    if name in ("register_model", "source_name"):
        from embedscope.encoders import objects

        return getattr(objects, name)
    if name in __all__:
        from embedscope.encoders import text

        return getattr(text, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
