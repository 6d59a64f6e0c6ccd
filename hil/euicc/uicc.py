"""The UICC commands: SELECT, READ, UPDATE, STATUS, VERIFY PIN and MANAGE CHANNEL (TS 102 221 11.1).

The files are those of the profile that was enabled when the terminal last read the card, see `ProfileView`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from hil.euicc import files, status
from hil.euicc.apdu import Command
from hil.euicc.channels import Application, Channel, ChannelTable
from hil.euicc.errors import StatusError
from hil.euicc.files import ADF_CURRENT, MF, ElementaryFile
from hil.euicc.state import Profile

_BY_FILE_ID: Final = 0x00
_BY_NAME: Final = 0x04
_PATH_FROM_MF: Final = 0x08
_PATH_FROM_CURRENT: Final = 0x09
_RETURN_NOTHING: Final = 0x0C
_TRIES_LEFT: Final = 0x63C3


class ProfileView(Protocol):
    """The profile whose files the terminal sees."""

    @property
    def visible_profile(self) -> Profile | None: ...

    def update_file(self, changed: ElementaryFile) -> None:
        """Store a file that the terminal wrote."""


class Uicc:
    """Commands on files. Stateless but for the channels."""

    def __init__(self, view: ProfileView, channels: ChannelTable) -> None:
        self._view = view
        self._channels = channels

    def manage_channel(self, command: Command) -> bytes:
        """Open (P1 00) or close (P1 80) a channel."""
        if command.p1 == 0x00 and command.p2 == 0x00:
            if command.le is None:
                raise StatusError(status.EXACT_LENGTH | 1)
            return bytes([self._channels.open_any()])
        if command.p1 == 0x00:
            self._channels.open_number(command.p2)
        elif command.p1 == 0x80:
            self._channels.close(command.p2 or command.channel)
        else:
            raise StatusError(status.WRONG_P1_P2)
        return b""

    def select(self, command: Command, channel: Channel) -> bytes:
        """SELECT of the MF, the USIM and files; the FCP, or nothing with P2 0C. StatusError 6A82 if there is none."""
        if command.p2 & 0xE0 or command.p1 not in (_BY_FILE_ID, _BY_NAME, _PATH_FROM_MF, _PATH_FROM_CURRENT):
            raise StatusError(status.WRONG_P1_P2)
        if command.p1 == _BY_NAME:
            self._select_usim(command.data, channel)
        elif command.p1 == _BY_FILE_ID:
            self._select_path(channel, command.data or MF.to_bytes(2, "big"))
        elif command.p1 == _PATH_FROM_MF:
            self._select_from_mf(channel, command.data)
        else:
            self._select_path(channel, command.data)
        return b"" if command.p2 & 0x0C == _RETURN_NOTHING else self._control_parameters(channel)

    def status(self, command: Command, channel: Channel) -> bytes:
        """STATUS: FCP of the current folder (P2 00), its name (01) or nothing (0C)."""
        if command.p1 > 0x02 or command.p2 not in (0x00, 0x01, 0x0C):
            raise StatusError(status.WRONG_P1_P2)
        if command.p2 == 0x0C:
            return b""
        if command.p2 == 0x01:
            profile = self._view.visible_profile
            return profile.usim_aid if profile and channel.application is Application.USIM else b""
        return self._folder_parameters(channel)

    def read_binary(self, command: Command, channel: Channel) -> bytes:
        """READ BINARY, also by short file identifier (P1 bit 8)."""
        file, offset = self._transparent(command, channel)
        if offset > len(file.content):
            raise StatusError(status.WRONG_OFFSET)
        return _exactly(file.content[offset:], command.le)

    def update_binary(self, command: Command, channel: Channel) -> bytes:
        """UPDATE BINARY of the files that need no PIN and no key."""
        file, offset = self._transparent(command, channel)
        end = offset + len(command.data)
        if not command.data or end > len(file.content):
            raise StatusError(status.WRONG_LENGTH)
        self._write(channel, file, file.content[:offset] + command.data + file.content[end:])
        return b""

    def read_record(self, command: Command, channel: Channel) -> bytes:
        """READ RECORD: absolute (04), next (02) or previous (03)."""
        file, number = self._record(command, channel)
        content = file.record(number)
        if content is None:
            raise StatusError(status.RECORD_NOT_FOUND)
        if command.p2 & 0x07 != 0x04:
            channel.record = number
        if command.le not in (None, 256, len(content)):
            raise StatusError(status.EXACT_LENGTH | len(content))
        return _exactly(content, command.le)

    def update_record(self, command: Command, channel: Channel) -> bytes:
        """UPDATE RECORD, absolute mode."""
        file, number = self._record(command, channel)
        if file.record(number) is None:
            raise StatusError(status.RECORD_NOT_FOUND)
        if len(command.data) != file.record_length:
            raise StatusError(status.WRONG_LENGTH)
        start = (number - 1) * file.record_length
        self._write(channel, file, file.content[:start] + command.data + file.content[start + file.record_length :])
        return b""

    def verify_pin(self, command: Command) -> bytes:
        """VERIFY without data tells the tries left; PIN1 of the bench's profiles is disabled."""
        if command.p1 or command.p2 not in (0x01, 0x81):
            raise StatusError(status.WRONG_P1_P2)
        raise StatusError(status.CONDITIONS if command.data else _TRIES_LEFT)

    def _select_usim(self, aid: bytes, channel: Channel) -> None:
        profile = self._view.visible_profile
        full = profile.usim_aid if profile else b""
        if not full or len(aid) < 5 or not full.startswith(aid):
            raise StatusError(status.FILE_NOT_FOUND)
        channel.select(Application.USIM, ADF_CURRENT)

    def _select_from_mf(self, channel: Channel, path: bytes) -> None:
        before = (channel.application, channel.folder, channel.file)
        if not path.startswith(ADF_CURRENT.to_bytes(2, "big")):
            channel.select(Application.MF, MF)
        try:
            self._select_path(channel, path)
        except StatusError:
            channel.application, channel.folder, channel.file = before
            raise

    def _select_path(self, channel: Channel, path: bytes) -> None:
        if not path or len(path) % 2:
            raise StatusError(status.WRONG_LENGTH)
        for index in range(0, len(path), 2):
            self._step(channel, int.from_bytes(path[index : index + 2], "big"))

    def _step(self, channel: Channel, file_id: int) -> None:
        if file_id == MF:
            channel.select(Application.MF, MF)
            return
        if file_id == ADF_CURRENT:
            profile = self._view.visible_profile
            if profile is None or not profile.usim_aid:
                raise StatusError(status.FILE_NOT_FOUND)
            channel.select(Application.USIM, ADF_CURRENT)
            return
        channel.file = self._find(channel.folder, file_id)
        channel.record = 0

    def _find(self, folder: int, file_id: int) -> ElementaryFile:
        profile = self._view.visible_profile
        for file in profile.files if profile else ():
            if file.folder == folder and file.file_id == file_id:
                return file
        raise StatusError(status.FILE_NOT_FOUND)

    def _by_short_id(self, channel: Channel, short_id: int) -> ElementaryFile:
        profile = self._view.visible_profile
        for file in profile.files if profile else ():
            if file.folder == channel.folder and short_id and file.short_id == short_id:
                channel.file = file
                channel.record = 0
                return file
        raise StatusError(status.FILE_NOT_FOUND)

    def _current(self, channel: Channel) -> ElementaryFile:
        if channel.file is None:
            raise StatusError(status.NO_CURRENT_FILE)
        return channel.file

    def _transparent(self, command: Command, channel: Channel) -> tuple[ElementaryFile, int]:
        if command.p1 & 0x80:
            file, offset = self._by_short_id(channel, command.p1 & 0x1F), command.p2
        else:
            file, offset = self._current(channel), command.p1 << 8 | command.p2
        if file.record_length:
            raise StatusError(status.FILE_STRUCTURE)
        return file, offset

    def _record(self, command: Command, channel: Channel) -> tuple[ElementaryFile, int]:
        short_id = command.p2 >> 3
        file = self._by_short_id(channel, short_id) if short_id else self._current(channel)
        if not file.record_length:
            raise StatusError(status.FILE_STRUCTURE)
        mode = command.p2 & 0x07
        if mode == 0x04:
            return file, command.p1 or channel.record
        if mode == 0x02:
            return file, channel.record + 1
        if mode == 0x03:
            return file, channel.record - 1 if channel.record else file.record_count
        raise StatusError(status.WRONG_P1_P2)

    def _write(self, channel: Channel, file: ElementaryFile, content: bytes) -> None:
        if not file.writable:
            raise StatusError(status.SECURITY_STATUS)
        changed = replace(file, content=content)
        self._view.update_file(changed)
        channel.file = changed

    def _control_parameters(self, channel: Channel) -> bytes:
        return channel.file.control_parameters() if channel.file else self._folder_parameters(channel)

    def _folder_parameters(self, channel: Channel) -> bytes:
        profile = self._view.visible_profile
        if channel.application is Application.USIM and profile:
            return files.adf_control_parameters(profile.usim_aid)
        return files.mf_control_parameters()


def _exactly(content: bytes, le: int | None) -> bytes:
    """What fits Le; 6Cxx when Le asks for more than there is (T=0: Le 00 is 256)."""
    if le is not None and le > len(content):
        raise StatusError(status.EXACT_LENGTH | len(content))
    return content if le is None else content[:le]
