"""Who asks, as the trail of changes has it."""

from __future__ import annotations

import os
import pwd


def user_name(number: int | None = None) -> str:
    """The user of that number, or the one that this process runs as: `user:NAME`, or `user:NUMBER` without a name."""
    found = os.getuid() if number is None else number
    try:
        return f"user:{pwd.getpwuid(found).pw_name}"
    except KeyError:
        return f"user:{found}"
