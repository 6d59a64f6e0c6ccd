"""Modules that are imported by name at once and run when something is asked of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from ipad.postponed import SELDOM, postpone
assert not set(SELDOM) & set(sys.modules), sorted(set(SELDOM) & set(sys.modules))
postpone()
postpone()
import asyncio, inspect, ssl, threading, urllib.parse
assert not {"ast", "dis"} & set(sys.modules)
"""


def run(statement: str, tmp_path: Path) -> None:
    program = PROGRAM + statement
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr


def test_asyncio_runs_without_them(tmp_path: Path) -> None:
    run(
        "async def main():\n    await asyncio.to_thread(print, 1)\n    return 7\n"
        "assert asyncio.run(main()) == 7\nassert 'ast' not in sys.modules",
        tmp_path,
    )


def test_first_use_loads_them_for_everybody(tmp_path: Path) -> None:
    run(
        "import types\n"
        "before = inspect\n"
        "assert inspect.isfunction(run := lambda: 0) and not inspect.iscoroutinefunction(run)\n"
        "assert type(inspect) is types.ModuleType and sys.modules['inspect'] is before\n"
        "from inspect import signature\n"
        "assert str(signature(lambda a, *, b=1: a)) == '(a, *, b=1)'\n"
        "import ipaddress\n"
        "assert ipaddress.ip_address('::1').is_loopback",
        tmp_path,
    )


def test_name_that_is_not_there_is_missed_as_ever(tmp_path: Path) -> None:
    run("try:\n    inspect.nothing\nexcept AttributeError as error:\n    assert 'nothing' in str(error)", tmp_path)


def test_threads_wait_for_the_one_that_loads(tmp_path: Path) -> None:
    run(
        "found = []\n"
        "gate = threading.Barrier(8)\n"
        "def look():\n    gate.wait()\n    found.append(inspect.signature(look))\n"
        "threads = [threading.Thread(target=look) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "assert len(found) == 8, found",
        tmp_path,
    )
