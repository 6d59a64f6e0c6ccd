"""One CBOR file that a power cut cannot damage.

The file is a map of three entries: `schema` (the major number of the content's layout), `content` (a byte string with
the CBOR map of the caller) and `checksum` (CRC-32 of it). It is written to a temporary file in the same folder, synced,
renamed over the old one, and the folder is synced, so that there is always either the old or the new content. Nothing
is written when the content is what the file already holds: flash wears.
"""

from __future__ import annotations

import asyncio
import logging
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from ipad.endings import to_the_end
from ipad.errors import CodecError, StateError
from ipad.records import dataclass
from ipad.state import cbor

log = logging.getLogger(__name__)

SCHEMA = 1
"""Major number of the layout. Entries that are added keep it; a change that older software would misread raises it."""
MAX_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What a file held. `content` is None for a file that is missing or was set aside, `notice` says why it was."""

    content: Mapping[str, object] | None = None
    notice: str | None = None


class StateStore:
    """The state file at `path`; its folder is made when it is missing. One instance for a file; saves wait for each
    other.

    `written` is told the size of each file that was written.
    """

    def __init__(
        self, path: Path, *, max_bytes: int = MAX_BYTES, written: Callable[[int], None] = lambda _size: None
    ) -> None:
        self._path = path
        self._written = written
        self._max_bytes = max_bytes
        self._on_disk: bytes | None = None
        self._writing = asyncio.Lock()

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    def load(self) -> Loaded:
        """Read the file. A damaged one is renamed to `<name>.corrupt-<n>` and reported in `notice`.

        Raises StateError when the file cannot be read or was written by a newer version.
        """
        try:
            with self._path.open("rb") as file:
                data = file.read(self._max_bytes + 1)
        except FileNotFoundError:
            return Loaded()
        except OSError as error:
            raise StateError(f"state file {self._path} cannot be read: {error.strerror}") from error
        try:
            content = self._open_envelope(data)
        except _DamagedError as error:
            return Loaded(notice=self.set_aside(str(error)))
        self._on_disk = data
        return Loaded(content=content)

    def set_aside(self, reason: str) -> str:
        """Rename the file to the first free `<name>.corrupt-<n>`; return a sentence that says so."""
        number = 1
        while (target := self._path.with_name(f"{self._path.name}.corrupt-{number}")).exists():
            number += 1
        try:
            self._path.rename(target)
        except OSError as error:
            raise StateError(
                f"state file {self._path} is damaged ({reason}) and cannot be renamed: {error.strerror}"
            ) from error
        self._on_disk = None
        notice = f"state file {self._path} is damaged ({reason}); kept as {target.name}"
        log.error("%s", notice)
        return notice

    async def save(self, content: Mapping[str, object]) -> bool:
        """Replace the file's content; return False when it already is that.

        When this returns, the content survives a power cut. Raises StateError when it cannot be written (full or
        read-only disk) or is too large; the old file is intact then.
        """
        data = self._close_envelope(content)
        async with self._writing:
            if data == self._on_disk:
                return False
            # A second save must not overtake a thread that is still writing.
            await to_the_end(asyncio.to_thread(self._replace_file, data))
        self._written(len(data))
        return True

    def _replace_file(self, data: bytes) -> None:
        folder = self._path.parent
        temporary = self._path.with_name(f"{self._path.name}.new")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A new file in any case: root may write into the folder of a user who could have put a link there.
            temporary.unlink(missing_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                _share_owner(descriptor, folder)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
            _sync_folder(folder)
        except OSError as error:
            raise StateError(f"state file {self._path} cannot be written: {error.strerror}") from error
        self._on_disk = data

    def _close_envelope(self, content: Mapping[str, object]) -> bytes:
        body = cbor.encode(content)
        data = cbor.encode({"schema": SCHEMA, "checksum": zlib.crc32(body), "content": body})
        if len(data) > self._max_bytes:
            raise StateError(f"state of {len(data)} bytes for {self._path}, at most {self._max_bytes} are allowed")
        return data

    def _open_envelope(self, data: bytes) -> Mapping[str, object]:
        if len(data) > self._max_bytes:
            raise _DamagedError(f"larger than {self._max_bytes} bytes")
        envelope = _read_map(data)
        schema, body = envelope.get("schema"), envelope.get("content")
        if not isinstance(schema, int):
            raise _DamagedError("no schema number")
        if schema > SCHEMA:
            raise StateError(
                f"state file {self._path} has schema {schema}, this version reads up to {SCHEMA}",
                hint="a newer version wrote it; go back to that version or move the file away",
            )
        if not isinstance(body, bytes) or envelope.get("checksum") != zlib.crc32(body):
            raise _DamagedError("checksum does not match")
        return _read_map(body)


class _DamagedError(Exception):
    """The file's bytes are not what was written."""


def _read_map(data: bytes) -> Mapping[str, object]:
    try:
        value = cbor.decode(data)
    except CodecError as error:
        raise _DamagedError(f"no CBOR: {error}") from error
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _DamagedError("no CBOR map with names")
    return value


def _share_owner(descriptor: int, folder: Path) -> None:
    """What a command of root writes must be readable for the service, whose folder it is."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
