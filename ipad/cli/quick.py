"""The command line of the service, read without the parser.

`ipad run` is what a device starts with and stays in: the parser and what it loads would take half a megabyte there, and
a tenth of the time of a start. Whatever is not plainly right is left to the parser, which knows what to say of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import argparse

    Arguments: TypeAlias = argparse.Namespace | SimpleNamespace
    """What a command is called with."""

_WITH_VALUE: Final = ("config", "modem", "port", "card", "board")
_VERBOSE: Final = {"--verbose": 1, "-v": 1, "-vv": 2, "-vvv": 3}
_FLAGS: Final = {"--once": "once", "--json": "json", "--quiet": "quiet", "-q": "quiet"}


def arguments(argv: Sequence[str]) -> SimpleNamespace | None:
    """What the parser makes of `run` with its options behind it; None for everything else."""
    if not argv or argv[0] != "run":
        return None
    found = SimpleNamespace(noun="run", handler="ipad.cli.run:run", once=False)
    words = iter(argv[1:])
    for word in words:
        name, has_value, value = word.partition("=")
        if name.startswith("--") and name[2:] in _WITH_VALUE:
            value = value if has_value else next(words, "")
            if not value or value.startswith("-"):
                return None
            setattr(found, name[2:], value)
        elif word in _FLAGS:
            setattr(found, _FLAGS[word], True)
        elif word in _VERBOSE:
            found.verbose = getattr(found, "verbose", 0) + _VERBOSE[word]
        else:
            return None
    return None if hasattr(found, "port") and hasattr(found, "card") else found
