"""The card's memory as one file: replaced as a whole, so that killing the process leaves the old or the new state.

The file is not flushed to the disk: what must survive is the end of the process, not that of the machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cbor2

from hil.euicc.errors import EuiccError
from hil.euicc.records import from_plain, to_plain
from hil.euicc.state import CardState

_FILE_NAME: Final = "euicc.cbor"
_VERSION: Final = 2


class StateStore:
    """Holds the present state; `commit` makes a new one durable before it counts."""

    def __init__(self, path: Path, state: CardState) -> None:
        self._path = path
        self._state = state

    @classmethod
    def create(cls, folder: Path, state: CardState) -> StateStore:
        """Start a new card in `folder`; EuiccError if one is there already."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / _FILE_NAME
        if path.exists():
            raise EuiccError(f"{path} already holds a card")
        store = cls(path, state)
        store.commit(state)
        return store

    @classmethod
    def open(cls, folder: Path) -> StateStore:
        """Read an existing card; EuiccError if it is missing or corrupt."""
        path = folder / _FILE_NAME
        try:
            document = cbor2.loads(path.read_bytes())
        except FileNotFoundError as error:
            raise EuiccError(f"{path} does not exist") from error
        except (cbor2.CBORDecodeError, ValueError) as error:
            raise EuiccError(f"{path} is corrupt: {error}") from error
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            raise EuiccError(f"{path} is not a card of version {_VERSION}")
        return cls(path, from_plain(CardState, document.get("state")))

    @property
    def state(self) -> CardState:
        """The state that was stored last."""
        return self._state

    def commit(self, state: CardState) -> None:
        """Store a new state."""
        temporary = self._path.with_suffix(".new")
        temporary.write_bytes(cbor2.dumps({"version": _VERSION, "state": to_plain(state)}))
        temporary.replace(self._path)
        self._state = state


def exists(folder: Path) -> bool:
    """Whether `folder` holds a card."""
    return (folder / _FILE_NAME).exists()
