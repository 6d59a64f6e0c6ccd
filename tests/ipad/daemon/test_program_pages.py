"""Pages of program files: which may be given back, and that a process goes on without them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ipad.daemon.program_pages import Mapping, ProgramPages, unchanged


def smaps(head: str, anonymous: str = "0 kB") -> list[str]:
    """The lines of one mapping."""
    return [f"{head}\n", "Size:                 16 kB\n", f"Anonymous:    {anonymous}\n", "VmFlags: rd ex mr mw me\n"]


CODE = "7f0000001000-7f0000005000 r-xp 00001000 08:01 4711   /usr/lib/libcrypto.so.3"


def test_code_of_a_library_is_unchanged() -> None:
    assert list(unchanged(smaps(CODE))) == [Mapping(0x7F0000001000, 0x4000)]


@pytest.mark.parametrize(
    "lines",
    [
        smaps(CODE, "4 kB"),
        smaps(CODE.replace("r-xp", "rw-p")),
        smaps(CODE.replace("r-xp", "r--s")),
        smaps("7ffd00001000-7ffd00002000 r-xp 00000000 00:00 0   [vdso]"),
        smaps("7f0000001000-7f0000005000 r--p 00000000 00:00 0"),
        smaps("7f0000001000 r-xp 00001000 08:01 4711   /usr/lib/libcrypto.so.3"),
        smaps("7f0000005000-7f0000001000 r-xp 00001000 08:01 4711   /usr/lib/libcrypto.so.3"),
        smaps(CODE)[:2],
        ["Anonymous: 0 kB\n", "\n", "x\n"],
    ],
    ids=["relocated", "writable", "shared", "of the kernel", "no file", "no range", "backwards", "cut off", "garbage"],
)
def test_anything_else_is_kept(lines: list[str]) -> None:
    assert list(unchanged(lines)) == []


def test_nothing_happens_where_the_kernel_does_not_tell(tmp_path: Path) -> None:
    pages = ProgramPages(tmp_path / "missing")
    assert [pages.rest(3600.0), pages.rest(3600.0)] == [0, 0]


PROGRAM = """
import ssl, threading
from ipad.daemon.program_pages import ProgramPages

def resident():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssFile"))

pages, stop = ProgramPages(), threading.Event()
threading.Thread(target=stop.wait).start()
assert pages.rest(3600.0) == 0, "what is mapped for the first time may be gone in a moment"
assert pages.rest(60.0) == 0, "soon it is needed again"
before = resident()
assert pages.rest(3600.0) > 1_000_000
assert resident() < before - 1000, (before, resident())
ssl.create_default_context()
stop.set()
print("alive")
"""


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="the kernel does not tell what is mapped")
def test_process_lives_on_with_less_resident_memory() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
