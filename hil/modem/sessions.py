"""APDU sessions of +CCHO, +CGLA and +CCHC (3GPP TS 27.007 8.43, 8.45, 8.46)."""

from __future__ import annotations

from dataclasses import dataclass

from hil.modem.personality import ApduStyle, Handle
from hil.modem.reply import Cme, Final, Refused, refuse
from hil.modem.terminal import CardTerminal

ISDR_AID = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
# First handle of a family that does not show channel numbers; the value has no meaning.
_FIRST_HANDLE = 0x0385A7CF


@dataclass(frozen=True)
class Session:
    """An application that is selected on a logical channel; `handle` is what the client was told."""

    handle: str
    channel: int
    aid: bytes


class SessionTable:
    """The open sessions of one modem."""

    def __init__(self, style: ApduStyle) -> None:
        self._style = style
        self._sessions: dict[str, Session] = {}
        self._next_handle = _FIRST_HANDLE
        self.isdr_held = style.isdr_held

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, terminal: CardTerminal, aid: bytes) -> Session:
        """Open a channel and select the application; what was opened is closed again when that fails.

        Raises:
            Refused: no room, no channel, no such application, or kept by the modem's own LPA.
        """
        refusal = Refused(Final.parse(self._style.no_application))
        if aid == ISDR_AID and self.isdr_held:
            raise refusal
        if len(self._sessions) >= self._style.max_sessions:
            raise refuse(Cme.INSUFFICIENT_RESOURCES)
        channel = terminal.open_channel()
        if channel is None:
            raise refuse(Cme.INSUFFICIENT_RESOURCES)
        if not terminal.select_application(channel, aid).ok:
            terminal.close_channel(channel)
            raise refusal
        session = Session(self._handle(channel), channel, aid)
        self._sessions[session.handle] = session
        return session

    def find(self, handle: str) -> Session:
        """The session of a handle; leading zeros count only where they are part of the handle.

        Raises:
            Refused: no such session.
        """
        session = self._sessions.get(handle)
        if session is None:
            raise Refused(Final.parse(self._style.no_session))
        return session

    def close(self, terminal: CardTerminal, handle: str) -> None:
        """Close the channel of a session.

        Raises:
            Refused: no such session.
        """
        session = self.find(handle)
        del self._sessions[handle]
        terminal.close_channel(session.channel)

    def clear(self) -> None:
        """The card lost all channels."""
        self._sessions.clear()

    def _handle(self, channel: int) -> str:
        if self._style.handle is Handle.CHANNEL:
            # Ids kept from before a reset of the card may be on the list still: the new one takes their place.
            return str(channel)
        self._next_handle += 0x1D60
        return f"{self._next_handle:016x}"
