"""Policy reads no clock, draws no chance and touches no file: all of that comes in as an argument."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ipad.policy

FORBIDDEN = {"asyncio", "time", "random", "os", "socket", "subprocess", "threading", "logging", "ssl"}
CALLS = {"open", "input", "print", "now", "today", "utcnow", "monotonic", "read_text", "read_bytes", "write_text"}


@pytest.mark.parametrize("path", sorted(Path(ipad.policy.__path__[0]).glob("*.py")), ids=lambda path: path.stem)
def test_module_is_pure(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN
        elif isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            assert called not in CALLS, f"{path.name}:{node.lineno}"
