"""The errors that embedscope raises; each is one sentence: what was given, what was expected, what to do next.

>>> import embedscope
>>> try:
...     embedscope.measure([[1.0]], metrics="isocore")
... except embedscope.errors.UnknownNameError as error:
...     print(str(error).partition(";")[0])
unknown metric 'isocore'
"""

from embedscope.core.errors import (
    ChecksumError,
    DataUnavailableError,
    EmbedscopeError,
    InputError,
    MissingExtraError,
    PluginError,
    UnknownNameError,
    UnknownOptionError,
)

__all__ = [
    "ChecksumError",
    "DataUnavailableError",
    "EmbedscopeError",
    "InputError",
    "MissingExtraError",
    "PluginError",
    "UnknownNameError",
    "UnknownOptionError",
]
