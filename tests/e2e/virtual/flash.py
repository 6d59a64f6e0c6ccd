"""What is written below the state directory of a device."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ipad.observe.bounded_file import BoundedFile
from ipad.state.store import StateStore


@dataclass
class Flash:
    """Every write below the state directory: its file and its bytes."""

    folder: Path
    writes: list[tuple[str, int]] = field(default_factory=list)

    def note(self, path: Path, size: int) -> None:
        """A write of so many bytes to a file."""
        if path.is_relative_to(self.folder):
            self.writes.append((path.name, size))

    def take(self) -> tuple[int, int]:
        """Number and bytes since the last time."""
        found, self.writes = self.writes, []
        return len(found), sum(size for _, size in found)


def watch(folder: Path, patch: pytest.MonkeyPatch) -> Flash:
    """Note every write below a state directory from now on."""
    flash = Flash(folder)
    replace, append = StateStore._replace_file, BoundedFile.append

    def replace_file(store: StateStore, data: bytes) -> None:
        flash.note(store.path, len(data))
        replace(store, data)

    def append_lines(file: BoundedFile, lines: bytes) -> None:
        flash.note(file._file, len(lines))
        append(file, lines)

    patch.setattr(StateStore, "_replace_file", replace_file)
    patch.setattr(BoundedFile, "append", append_lines)
    return flash
