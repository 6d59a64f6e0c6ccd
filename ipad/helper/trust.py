"""Whether a file can only have been written by root: who else could have, could make the helper do anything."""

from __future__ import annotations

import stat
from pathlib import Path

from ipad.errors import HelperError


def demand_trusted(file: Path, owners: frozenset[int] = frozenset()) -> None:
    """Raise HelperError unless a regular file, and all directories above it, belong to root and to root's hand alone.

    A symbolic link is refused: it would be its target that counts. A directory that others may write is only taken
    with the sticky bit, which keeps others from putting something else in place of what is ours. `owners`: user ids
    that count like root.
    """
    try:
        resolved = file.parent.resolve(strict=True) / file.name
        status = resolved.lstat()
    except OSError as error:
        raise HelperError(f"{file}: {error.strerror or error}", transient=False) from error
    if not stat.S_ISREG(status.st_mode):
        raise HelperError(f"{file} is not a regular file", transient=False)
    _demand(resolved, status.st_uid, status.st_mode, owners)
    for directory in resolved.parents:
        above = directory.lstat()
        _demand(directory, above.st_uid, above.st_mode, owners)


def _demand(path: Path, owner: int, mode: int, owners: frozenset[int]) -> None:
    if owner != 0 and owner not in owners:
        raise HelperError(f"{path} does not belong to root", transient=False, hint=f"chown root {path}")
    sticky = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
    if mode & (stat.S_IWGRP | stat.S_IWOTH) and not sticky:
        raise HelperError(f"{path} can be changed by others than root", transient=False, hint=f"chmod go-w {path}")
