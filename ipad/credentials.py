"""Secrets that the configuration names and does not hold: `credential:NAME` (systemd.exec(5), LoadCredential=).

The service manager hands credentials over in a directory that only this service can read. Without one, and for
commands of a person, they are files of the directory `credentials` beside the configuration file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

PREFIX: Final = "credential:"
DIRECTORY: Final = "credentials"
_UNIT_PREFIX: Final = "ipad_"
"""What systemd puts before the names of the files of a directory that it loads as the credential `ipad`."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_SIZE: Final = 4096


def credential_file(text: str, configuration: Path | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The file behind `credential:NAME`, which may be missing; None when NAME is no name of a credential."""
    name = text.removeprefix(PREFIX)
    if not _NAME.fullmatch(name):
        return None
    beside = (configuration.parent if configuration is not None else Path("/etc/ipad")) / DIRECTORY / name
    given = environment.get("CREDENTIALS_DIRECTORY")
    passed = [Path(given) / own for own in (name, _UNIT_PREFIX + name)] if given else []
    return next((path for path in passed if path.exists()), beside)


def read_credential(path: Path) -> str:
    """The text of a short credential without the end of its line. Raises OSError, ValueError (too long, no text)."""
    with path.open("rb") as file:
        content = file.read(_MAX_SIZE + 1)
    if len(content) > _MAX_SIZE:
        raise ValueError(f"more than {_MAX_SIZE} bytes")
    return content.decode().removesuffix("\n").removesuffix("\r")
