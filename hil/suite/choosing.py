"""From the option --target to a target."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from hil.suite.activation import OPTION, codes_of
from hil.suite.errors import TargetError
from hil.suite.target import Target

VIRTUAL: Final = "virtual"
_BOARD: Final = "hil.lab.target"
_SUFFIXES: Final = (".yaml", ".yml")


def check(name: str) -> None:
    """Whether a target of this name can be there. Raises TargetError."""
    if name == VIRTUAL or _is_factory(name):
        return
    path = Path(name)
    if path.suffix not in _SUFFIXES:
        raise TargetError(f'expected "{VIRTUAL}", a board file that ends in .yaml, or MODULE:FUNCTION')
    if not path.is_file():
        raise TargetError("it is no file" if path.exists() else "there is no such file")


def _is_factory(name: str) -> bool:
    module, colon, function = name.partition(":")
    return bool(colon) and function.isidentifier() and all(part.isidentifier() for part in module.split("."))


def choose(name: str, config: Any) -> Target:
    """The target of this name, not open yet. `config` is pytest's. Raises TargetError.

    "virtual"; a board file; or MODULE:FUNCTION, which is called with `config` and returns a target.
    """
    check(name)
    if name == VIRTUAL:
        if codes_of(config):
            raise TargetError(f"{OPTION} is for a board: a virtual eUICC takes profiles of its own bench's SM-DP+")
        from hil.suite.virtual.target import VirtualTarget  # noqa: PLC0415

        return VirtualTarget(config.getoption("--agent"))
    found: Target
    if _is_factory(name):
        module, _, function = name.partition(":")
        found = getattr(_imported(module), function)(config)
        return found
    try:
        board = import_module(_BOARD)
    except ModuleNotFoundError as error:
        raise TargetError(
            f"a board needs labgrid, and there is no module {error.name} here: it has an environment of its own, "
            "see docs/lab.md"
        ) from error
    found = board.open_board(Path(name), config)
    return found


def _imported(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise TargetError(f"module {module}: {error}") from error
