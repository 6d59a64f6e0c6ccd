"""Where the control socket is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ipad.config import DEFAULT_NAME, Config

DEFAULT_DIRECTORY: Final = Path("/run/ipad")


def socket_file(config: Config, environment: Mapping[str, str]) -> Path | None:
    """Where an agent of this configuration listens, None for nowhere: as configured, else in the runtime directory.

    One that serves a single modem with a name of its own has its name in the file's, so that several agents can stand
    side by side.
    """
    if config.control.socket is not None:
        return Path(config.control.socket) if config.control.socket else None
    names = tuple(config.modems)
    file = "ipad.sock" if len(names) > 1 or names[0] == DEFAULT_NAME else f"ipad-{names[0]}.sock"
    return runtime_directory(environment) / file


def runtime_directory(environment: Mapping[str, str]) -> Path:
    """Where the files of the running agent are (systemd.exec(5): RuntimeDirectory)."""
    directory = environment.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(directory) if directory else DEFAULT_DIRECTORY


def candidates(config: Config, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Where a command may find the agent of its modem: its own socket, else the one of all modems together."""
    own = socket_file(config, environment)
    if own is None:
        return ()
    common = own.with_name("ipad.sock")
    return (own,) if config.control.socket is not None or own == common else (own, common)
