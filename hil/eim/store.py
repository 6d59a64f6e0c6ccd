"""Where an eIM keeps its associations and history, so that a restarted eIM goes on where it was.

The state file is replaced atomically (write, rename). Nothing is flushed to the disk: this is a bench, a
kill of the process is what it has to survive.
"""

import json
from pathlib import Path
from typing import Final

from hil.eim.association import Association, from_json, to_json
from hil.eim.history import History

_VERSION: Final = 1


class StoreError(Exception):
    """A state file that cannot be read."""


class EimStore:
    """State of one eIM in `directory`; None keeps it in memory only."""

    def __init__(self, directory: Path | None = None) -> None:
        self._path = None if directory is None else directory / "state.json"
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        self.history = History(None if directory is None else directory / "history.jsonl")

    def load(self) -> list[Association]:
        """The stored associations. Raises StoreError."""
        if self._path is None or not self._path.exists():
            return []
        try:
            state = json.loads(self._path.read_text(encoding="utf-8"))
            if state["version"] != _VERSION:
                raise StoreError(f"{self._path}: version {state['version']}, expected {_VERSION}")
            return [from_json(value) for value in state["associations"]]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self._path}: {error}") from error

    def save(self, associations: list[Association]) -> None:
        """Replace the state file."""
        if self._path is None:
            return
        state = {"version": _VERSION, "associations": [to_json(association) for association in associations]}
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(state, separators=(",", ":")), encoding="utf-8")
        temporary.replace(self._path)
