"""What the URI of an image model says, before anything is looked up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from embedscope.core.errors import InputError


@dataclass(frozen=True)
class ImageUri:
    """A parsed URI ``[random:]NAME[:REST][?OPTION=VALUE&...]``; ``rest`` is what stands after the name's colon."""

    uri: str
    name: str
    rest: str
    options: tuple[tuple[str, str], ...] = ()
    random: bool = False

    def whole(self, option: str, default: int) -> int:
        """The value of an option as a whole number of at least 1."""
        value = dict(self.options).get(option)
        if value is None:
            return default
        if not value.isdecimal() or int(value) < 1:
            raise InputError(f"'{self.uri}': {option} must be a whole number of at least 1, got '{value}'")
        return int(value)

    @property
    def zero_bias(self) -> bool:
        """Whether all biases are set to zero (``?bias=0``)."""
        return dict(self.options).get("bias") == "0"


def split_uri(uri: str) -> tuple[str, bool]:
    """Name of the kind of model that ``uri`` starts with, and whether it asks for a random initialisation.

    >>> split_uri("random:efficientnet-lite0?size=224"), split_uri("pixels:32")
    (('efficientnet-lite0', True), ('pixels', False))
    """
    rest = uri.removeprefix("random:")
    return rest.partition("?")[0].partition(":")[0], rest != uri


def parse_image_uri(uri: str, options: Collection[str]) -> ImageUri:
    """Take ``uri`` apart; raises ``InputError`` for an option that is not among ``options``, or misused.

    >>> parse_image_uri("efficientnet-lite0?size=224", ("size",)).whole("size", 128)
    224
    """
    name, random = split_uri(uri)
    body, _, query = uri.removeprefix("random:").partition("?")
    given = tuple((key, value) for key, _, value in (part.partition("=") for part in query.split("&") if part))
    for key, value in given:
        if key not in options:
            known = ", ".join(f"?{option}=" for option in options) or "none"
            raise InputError(f"'{uri}' has the option '{key}'; {name} has {known}")
        if key == "bias" and (value != "0" or not random):
            raise InputError(f"'{uri}': bias may only be 0, and only for a random initialisation (random:...?bias=0)")
    return ImageUri(uri, name, body.partition(":")[2], given, random)
