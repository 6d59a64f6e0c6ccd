"""The AT line between agent and modem. One write of the agent is one step: a command line."""

from __future__ import annotations

import re
from collections.abc import Callable

from hil.modem import VirtualModem
from ipad.errors import PortError
from tests.e2e.sweep.catalogue import Fault, Interface
from tests.e2e.sweep.damage import noise
from tests.e2e.sweep.fate import Fate
from tests.e2e.virtual.device import PORT, MemoryPort, _MemoryLink, whole

_FINAL = re.compile(rb"\r\n(?:OK|ERROR|NO CARRIER|COMMAND NOT SUPPORT|\+CM[ES] ERROR: [^\r]*)\r\n")
_LENGTH = re.compile(rb": (\d+),\"")
_PREFIX = re.compile(rb"\r\n\+([A-Z]+)")
_HEX = frozenset(b"0123456789ABCDEF")
_DELAY, _LATE, _DRIP = 4.0, 400.0, 0.01
_HANG_UP = 5.0


class SweptPort(MemoryPort):
    """The port of a modem. What the modem says while an answer is spoilt is kept until the answer is complete."""

    def __init__(self, modem: VirtualModem, fate: Fate) -> None:
        super().__init__(modem, whole)
        self._fate = fate
        self._spoil: Callable[[bytes], None] | None = None
        self._kept = b""

    async def open(self) -> _MemoryLink:
        link = await super().open()
        assert isinstance(link, _MemoryLink)
        self._spoil = None
        own = link.write
        link.write = lambda data: self._step(data, own)  # type: ignore[method-assign]
        return link

    def _step(self, data: bytes, send: Callable[[bytes], None]) -> None:
        self._let_go()
        fault = None if self._fate.dead else self._fate.gates.passes(Interface.LINE, data.decode("latin-1").strip())
        if fault is None:
            send(data)
            return
        self._strike(fault, data, send)

    def _strike(self, fault: Fault, data: bytes, send: Callable[[bytes], None]) -> None:
        fate = self._fate
        match fault:
            case Fault.KILL_BEFORE:
                fate.die()
            case Fault.KILL_AFTER:
                send(data)
                fate.die()
            case Fault.SILENCE_BEFORE:
                pass
            case Fault.ERROR_BEFORE:
                self._say(b"\r\nERROR\r\n")
            case Fault.DISCONNECT_BEFORE:
                self.modem.hang_up(_HANG_UP)
                raise PortError(f"{PORT} was hung up")
            case Fault.DISCONNECT_AFTER:
                send(data)
                self.modem.hang_up(_HANG_UP)
            case Fault.CLOCK_FORWARD | Fault.CLOCK_BACK:
                fate.move_clock(fault)
                send(data)
            case _:
                self._kept, self._spoil = b"", lambda answer: self._spoilt(fault, answer)
                if fault is Fault.NOISE:
                    self._spoil = None
                    self._say(noise(24).replace(b"\r", b"?"))
                send(data)

    def _from_modem(self, data: bytes) -> None:
        if self._spoil is None:
            super()._from_modem(data)
            return
        self._kept += data
        if _FINAL.search(self._kept):
            self._let_go()

    def _let_go(self) -> None:
        """The answer is complete, or the agent did not wait for it any more."""
        spoil, self._spoil = self._spoil, None
        kept, self._kept = self._kept, b""
        if spoil is not None:
            spoil(kept)

    def _say(self, data: bytes, delay: float = 0.0) -> None:
        if data:
            self.modem._clock.call_later(delay, lambda: MemoryPort._from_modem(self, data))

    def _spoilt(self, fault: Fault, answer: bytes) -> None:
        match fault:
            case Fault.SILENCE_AFTER:
                return
            case Fault.DELAY:
                self._say(answer, _DELAY)
            case Fault.LATE:
                self._say(answer, _LATE)
            case Fault.DRIP:
                for position in range(len(answer)):
                    self._say(answer[position : position + 1], position * _DRIP)
            case Fault.DUPLICATE:
                self._say(answer + answer)
            case Fault.TRUNCATION:
                self._say(answer[: len(answer) // 2])
            case Fault.ERROR_AFTER:
                self._say(b"\r\n+CME ERROR: 100\r\n")
            case _:
                changed = _changed(fault, answer)
                self._fate.gates.unfit = changed is None
                self._say(answer if changed is None else changed)


def _changed(fault: Fault, answer: bytes) -> bytes | None:
    match fault:
        case Fault.FLIPPED:
            middle = len(answer) // 2
            return answer[:middle] + bytes([_flipped(answer[middle])]) + answer[middle + 1 :] if answer else None
        case Fault.REORDER:
            lines = [line for line in answer.split(b"\r\n") if line]
            return b"".join(b"\r\n" + line + b"\r\n" for line in reversed(lines)) if len(lines) > 1 else None
        case Fault.WRONG_TAG:
            match_ = _PREFIX.search(answer)
            return None if match_ is None else answer[: match_.end() - 1] + b"Z" + answer[match_.end() :]
        case Fault.WRONG_LENGTH:
            found = _LENGTH.search(answer)
            if found is None:
                return None
            return answer[: found.start(1)] + str(int(found[1]) + 2).encode() + answer[found.end(1) :]
        case _:
            raise AssertionError(f"{fault} does not happen to a line")


def _flipped(octet: int) -> int:
    """With one bit changed; a hexadecimal digit is another one then, for what is none shows itself."""
    if octet not in _HEX:
        return octet ^ 0x04
    return next(octet ^ bit for bit in (0x04, 0x02, 0x01) if octet ^ bit in _HEX)
