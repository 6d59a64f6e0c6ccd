"""The files of an operator: the policy, and the hints that may change at any time."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from ipad.errors import ConfigError
from ipad.policy.events import Hints
from ipad.policy.hints import parse_hints
from ipad.policy.policy_file import digest, from_document
from ipad.policy.settings import Settings
from ipad.records import dataclass, field
from ipad.toml import Document, read

logger = logging.getLogger(__name__)

_LARGEST_HINTS: Final = 4096
_NO_FILE: Final = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy with the file that it came from, whose path is None for the defaults."""

    settings: Settings = field(default_factory=Settings)
    document: Document = field(default_factory=Document)

    @property
    def digest(self) -> str:
        """Identifies the content: what `RulesLoaded` tells policy."""
        return digest(self.document)


def load_policy(path: Path | None, *, rungs: tuple[str, ...] | None = None) -> LoadedPolicy:
    """Read the policy file; without one the defaults hold. `rungs` are those of the board, when it is known.

    Raises ConfigError with file, line and key.
    """
    if path is None:
        return LoadedPolicy()
    document = read(path)
    return LoadedPolicy(from_document(document, rungs=rungs), document)


class HintsFile:
    """The file of hints, looked at whenever policy thinks: its time, size and number tell whether it changed."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp = _NO_FILE
        self._hints = Hints()

    def look(self) -> Hints | None:
        """The hints if they are others than at the last look, else None. A file that is gone takes its hints back.

        One that cannot be read is logged once, and the hints of before go on to hold.
        """
        if self._path is None:
            return None
        try:
            stamp = _stamp(self._path)
            if stamp == self._stamp:
                return None
            self._stamp = stamp
            hints = Hints() if stamp == _NO_FILE else parse_hints(_read(self._path), str(self._path))
        except (OSError, ConfigError) as error:
            logger.warning("the hints of before go on to hold: %s", error)
            return None
        changed = hints != self._hints
        self._hints = hints
        return hints if changed else None


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except FileNotFoundError:
        return _NO_FILE
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_LARGEST_HINTS + 1)
    if len(content) > _LARGEST_HINTS:
        raise ConfigError(f"{path}: more than {_LARGEST_HINTS} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8") from error
