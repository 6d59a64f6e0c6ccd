"""What a process holds: memory, objects, tasks, descriptors, threads."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Weight:
    """One moment of a run. `memory` is resident, in bytes; `objects` are those that the garbage collector follows."""

    polls: int
    memory: int
    objects: int
    tasks: int
    files: int
    threads: int


def weigh(polls: int) -> Weight:
    """This process now, within a running loop."""
    gc.collect()
    return Weight(
        polls=polls,
        memory=int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE,
        objects=len(gc.get_objects()),
        tasks=len(asyncio.all_tasks()),
        files=sum(1 for _ in Path("/proc/self/fd").iterdir()),
        threads=threading.active_count(),
    )
