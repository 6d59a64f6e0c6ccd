"""From the module texts to a compiled specification.

Parsing takes a third of a second, and every process of the bench would pay it. The parsed modules are therefore kept as
a Python literal in the user's cache directory, under a name made of the texts and the version of asn1tools. Where that
directory cannot be written the modules are parsed each time.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import tempfile
from copy import deepcopy
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import asn1tools

SGP22 = "SGP22"
SGP32 = "SGP32"
SGP32_V10 = "SGP32V10"
LAYERS = (SGP22, SGP32, SGP32_V10)
"""Modules from bottom to top: each one replaces definitions of those below."""

Modules = dict[str, dict[str, Any]]
"""Parsed modules as asn1tools makes them: module name -> its parts, of which "types" matters here."""


def load_modules() -> Modules:
    """Parse the modules and lay them over each other.

    A module then has all types of those below it. Where both define a name its own definition counts, also for types
    from below that refer to it: an IoT eUICC and its partners use only the newer ones. "SGP22" is SGP.22 alone.
    """
    texts = [resources.files(__package__).joinpath(f"{name}.asn").read_text("utf-8") for name in LAYERS]
    modules = _cached(texts)
    for below, above in pairwise(LAYERS):
        modules[above]["types"] = {**deepcopy(modules[below]["types"]), **modules[above]["types"]}
    return modules


def cache_file(texts: list[str]) -> Path:
    """Where the parsed form of these texts is kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    digest = hashlib.sha256("\0".join([asn1tools.__version__, *texts]).encode()).hexdigest()
    return Path(base) / "ipad-hil" / f"asn1-{digest[:16]}.py"


def _cached(texts: list[str]) -> Modules:
    # No home, no file, or not what was written: it is made anew.
    with contextlib.suppress(OSError, RuntimeError, ValueError, SyntaxError):
        return _checked(ast.literal_eval(cache_file(texts).read_text("utf-8")))
    modules: Modules = asn1tools.parse_string("\n".join(texts))
    with contextlib.suppress(OSError, RuntimeError):  # a read-only or missing home only costs time
        _store(cache_file(texts), repr(modules))
    return modules


def _checked(modules: Modules) -> Modules:
    if not isinstance(modules, dict) or not modules.keys() >= set(LAYERS):
        raise ValueError("not the parsed modules")
    return modules


def _store(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)
