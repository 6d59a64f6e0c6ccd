"""Whom a file of lines belongs to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ipad.observe.bounded_file import BoundedFile, older

LINE = b"0123456789\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_writes_belongs_to_whom_the_folder_belongs(tmp_path: Path) -> None:
    os.chown(tmp_path, 4321, 1234)
    file = BoundedFile(tmp_path / "lines", size=15, mode=0o640, durable=False)
    for _ in range(2):
        file.append(LINE)
    for path in (tmp_path / "lines", older(tmp_path / "lines")):
        assert (path.stat().st_uid, path.stat().st_gid) == (4321, 1234)
