"""The errors that embedscope raises on purpose; each is one sentence: what came, what was wanted, what to do next."""

from embedscope.core.errors import (
    ChecksumError,
    DataUnavailableError,
    EmbedscopeError,
    InputError,
    MissingExtraError,
    UnknownNameError,
    UnknownOptionError,
)

__all__ = [
    "ChecksumError",
    "DataUnavailableError",
    "EmbedscopeError",
    "InputError",
    "MissingExtraError",
    "UnknownNameError",
    "UnknownOptionError",
]
