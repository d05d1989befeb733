"""Opening image encoders by URI."""

from __future__ import annotations

from embedscope.core.errors import InputError
from embedscope.encoders import MODELS
from embedscope.encoders._image_info import ImageEncoder, ImageModel, Opening
from embedscope.encoders._image_uris import split_uri
from embedscope.encoders._opening import opens
from embedscope.encoders._towers import open_tower
from embedscope.encoders.uris import is_model


@opens
def open_image_encoder(
    uri: str,
    *,
    device: str = "auto",
    dtype: str = "float32",
    batch_size: int = 32,
    layers: bool = False,
    normalise: bool = False,
    seed: int = 0,
) -> ImageEncoder:
    """Open the image encoder that ``uri`` names.

    Parameters
    ----------
    uri : ``efficientnet-lite0[?size=224]``, ``pixels:SIDE``, a CLIP or SigLIP model as ``hf:NAME`` or ``st:NAME``;
        ``random:`` in front is a random initialisation, with ``?bias=0`` behind it one with all biases zero
    device : "auto", "cpu", "cuda" or "mps"
    dtype : of the forward pass: "float32", "bfloat16" or "float16"; vectors are float32
    batch_size : images in one forward pass
    layers : whether the spaces of the layers are read as well
    normalise : whether the space ``image`` of two-tower models is scaled to unit length
    seed : of a random initialisation

    Raises
    ------
    InputError
        for a URI that names no image encoder, or a batch size below 1.
    DataUnavailableError
        where the model is not on this machine and cannot be fetched.
    ChecksumError
        where a weight file is not the one its entry promises.
    MissingExtraError
        where the library that the model needs is not installed.
    """
    if batch_size < 1:
        raise InputError(f"batch_size must be at least 1, got {batch_size}")
    if dtype not in ("float32", "bfloat16", "float16"):
        raise InputError(f"dtype must be float32, bfloat16 or float16, got '{dtype}'")
    how = Opening(device, dtype, batch_size, layers, normalise, seed)
    name, _ = split_uri(uri)
    model = MODELS.get(name) if name in MODELS else None
    if isinstance(model, ImageModel):
        return model.open(uri, how)
    if is_model(uri):
        return open_tower(uri, how)
    known = [n for n in MODELS if isinstance(MODELS.get(n), ImageModel)]
    raise InputError(f"'{uri}' names no image encoder; there are {', '.join(known)}, hf:NAME and st:NAME")
