"""Modules of the standard library that others import at once and seldom need.

asyncio, subprocess and urllib import `inspect`, `locale` and `ipaddress`, which bring a compiler's view of Python
(`ast`, `dis`): more than a megabyte, and a tenth of the time until the event loop runs. Here their code runs when
something is asked of them. `importlib.util.LazyLoader` promises the same, but in Python 3.11 an `import` statement is
enough to make it load.
"""

from __future__ import annotations

import sys
from _thread import RLock
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any, Final

SELDOM: Final = ("inspect", "ipaddress", "locale")
_LOADING: Final = RLock()


class _Postponed(ModuleType):
    """A module that has run none of its code: it has the attributes that every module has, and gets the rest when one
    of them is missed, whichever thread misses it."""

    def __getattr__(self, name: str) -> Any:
        with _LOADING:
            spec = self.__dict__.get("__spec__")
            if type(self) is _Postponed and spec is not None and spec.loader is not None:
                self.__class__ = _Loading
                try:
                    spec.loader.exec_module(self)
                except BaseException:
                    self.__class__ = _Postponed
                    raise
                self.__class__ = ModuleType  # type: ignore[assignment]
        return ModuleType.__getattribute__(self, name)


class _Loading(_Postponed):
    """The same while its code runs: other threads wait for the end of it."""


def postpone() -> None:
    """Let these modules be loaded by what uses them first. To be called before asyncio is imported."""
    for name in SELDOM:
        spec = find_spec(name) if name not in sys.modules else None
        if spec is not None:
            module = module_from_spec(spec)
            module.__class__ = _Postponed
            sys.modules[name] = module
