"""Facts about the modem, its card and its network: one method each, read when asked.

Everything here is best effort: a command that the modem does not know, or a field that makes no sense, gives None or
an empty value. Only a port that is gone or silent raises (PortError).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING

from ipad.board import Board
from ipad.clock import Clock
from ipad.errors import ModemError
from ipad.ids import Iccid, Imei, Plmn
from ipad.modem.bearer import parse_cgact, parse_cgatt, parse_cgcontrdp, parse_cgpaddr
from ipad.modem.fields import number, split_fields, split_prefix
from ipad.modem.hook import BoardHook
from ipad.modem.identity import (
    ICCID_BY_CRSM,
    ModemIdentity,
    parse_ati,
    parse_iccid,
    parse_imei,
    parse_imsi,
    parse_text,
)
from ipad.modem.network import Operator, parse_cops
from ipad.modem.nitz import parse_clock
from ipad.modem.port import AtPort
from ipad.modem.registration import Registration, packet_registration, parse_ceer, parse_registration
from ipad.modem.session_count import SessionCount
from ipad.modem.signal import Signal, parse_signal
from ipad.modem.sim import SimCondition, SimState, parse_cpin, state_of_error
from ipad.modem.subscription import Subscription, subscribe
from ipad.records import dataclass

if TYPE_CHECKING:
    from ipad.modem.bearer import Address

logger = logging.getLogger(__name__)

_SEEN: ContextVar[dict[str, tuple[str, ...]] | None] = ContextVar("_SEEN", default=None)
"""What a modem answered in the look that the present task has under way."""


@dataclass(frozen=True, slots=True)
class BearerState:
    """A data bearer that is up: the contexts that are active and their addresses, which may be none."""

    contexts: tuple[int, ...]
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What DeviceInfo of RSP needs (SGP.22 4.2): IMEI with its TAC, and the 3GPP release of each radio technology."""

    imei: Imei | None
    rats: tuple[str, ...]
    releases: Mapping[str, int]


async def _keep_nothing(_rung: str) -> None:
    """Where nobody goes on after this process."""


class Modem:
    """One modem behind an AT port. Remembers what it was told and agreed to, not what it said about the network."""

    def __init__(self, port: AtPort, board: Board, clock: Clock) -> None:
        self.port = port
        self.board = board
        self.clock = clock
        self.hook = BoardHook(board, clock)
        self.followed: Iccid | None = None
        """The profile that the modem was last brought to."""
        self.expected: Iccid | None = None
        """The profile that it was last asked to be brought to."""
        self.subscription = Subscription()
        """What the present dialogue agreed to."""
        self.begun = ""
        """The rung of the recovery ladder that was begun and not ended; "": none. Until its end the modem may be
        without radio or card by our own doing."""
        self.keep_begun: Callable[[str], Awaitable[None]] = _keep_nothing
        """Keeps `begun` beyond the end of the process; to be set before the first rung."""
        self.sessions = SessionCount(board.refresh.settle)
        """The count of data bearers, kept from `attach` on."""
        self._listening: Callable[[], None] | None = None
        self._subscribed = 0
        self._iccid_command = ""
        self._recoveries = 0
        self._imei: tuple[int, Imei] | None = None
        self._recovered: list[Callable[[], None]] = []

    async def note_begun(self, rung: str) -> None:
        """A rung begins, "": it has ended. When this returns, a killed process will not have forgotten it."""
        if rung != self.begun:
            self.begun = rung
            await self.keep_begun(rung)

    def attach(self) -> None:
        """Listen to the events that end a data bearer. Idempotent."""
        if self._listening is None:
            self._listening = self.port.subscribe(lambda line: self.sessions.line(line, self.clock.monotonic()))

    def detach(self) -> None:
        """Listen to them no more. Idempotent."""
        if self._listening is not None:
            self._listening()
            self._listening = None

    @property
    def recovering(self) -> bool:
        """Whether the agent itself has radio or card switched off just now."""
        return self._recoveries > 0

    @contextmanager
    def recovery(self) -> Iterator[None]:
        """Hold while radio or card are switched off and on; whoever watches the modem is told the end."""
        self._recoveries += 1
        try:
            yield
        finally:
            self._recoveries -= 1
            if not self._recoveries:
                for callback in tuple(self._recovered):
                    callback()

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """While it lasts this task asks once for ICCID, registration and attachment, unless the modem says something
        by itself meanwhile. Other tasks ask as ever."""
        seen: dict[str, tuple[str, ...]] = {}
        end = self.port.subscribe(lambda _line: seen.clear())
        token = _SEEN.set(seen)
        try:
            yield
        finally:
            _SEEN.reset(token)
            end()

    def on_recovered(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at the end of each recovery; returns what ends that."""
        self._recovered.append(callback)
        return lambda: self._recovered.remove(callback)

    async def identify(self) -> ModemIdentity:
        """Manufacturer, model and revision (3GPP TS 27.007 5.1 to 5.3), else what ATI says."""
        identity = ModemIdentity(
            manufacturer=parse_text(await self._lines("AT+CGMI"), "+CGMI"),
            model=parse_text(await self._lines("AT+CGMM"), "+CGMM"),
            revision=parse_text(await self._lines("AT+CGMR"), "+CGMR"),
        )
        return identity if identity.manufacturer or identity.model else parse_ati(await self._lines("ATI"))

    async def imei(self) -> Imei | None:
        """The IMEI (3GPP TS 27.007 5.4), asked once of each dialogue. A wrong check digit is logged and kept: the
        network knows it so."""
        if self._imei is not None and self._imei[0] == self.port.openings and self.port.is_open:
            return self._imei[1]
        for command in ("AT+CGSN", "AT+CGSN=1"):
            imei = parse_imei(await self._lines(command))
            if imei is not None:
                if not imei.check_digit_valid:
                    logger.warning("%s: the check digit of the IMEI is wrong", self.port.name)
                else:
                    self._imei = self.port.openings, imei
                return imei
        return None

    async def device_facts(self) -> DeviceFacts:
        """IMEI and radio technologies."""
        return DeviceFacts(await self.imei(), self.board.rats, self.board.releases)

    async def sim_state(self) -> SimState:
        """The state of the SIM. It says nothing about the ISD-R: an empty eUICC is often reported as failure."""
        try:
            answer = await self.port.command("AT+CPIN?")
        except ModemError as error:
            return state_of_error(error)
        states = [state for state in map(parse_cpin, answer.lines) if state is not None]
        return states[0] if states else SimState(SimCondition.UNKNOWN, "")

    async def iccid(self) -> Iccid | None:
        """The ICCID of the enabled profile, by the command that worked last, else by those of the board in order."""
        for command in sorted(self.board.at.iccid, key=lambda command: command != self._iccid_command):
            lines = await self._lines_once(ICCID_BY_CRSM if command == "crsm" else command)
            iccid = parse_iccid(lines)
            if iccid is not None:
                self._iccid_command = command
                return iccid
        return None

    async def imsi(self) -> str | None:
        """The IMSI of the enabled profile."""
        return parse_imsi(await self._lines("AT+CIMI"))

    async def registration(self) -> dict[str, Registration]:
        """The registration in each domain of the board that the modem knows, by the name of the command."""
        found: dict[str, Registration] = {}
        for domain in self.board.registration.domains:
            await self._register(domain, found)
        return found

    async def registered_for_data(self) -> bool:
        """Whether packet data can flow in any domain. The preferred ones are asked first, until one says so."""
        found: dict[str, Registration] = {}
        for domain in self.board.registration.domains:
            await self._register(domain, found)
            entry = packet_registration(found, self.board.registration.domains)
            if entry is not None and entry.domain != "CREG" and entry.stat.data_capable:
                return True
        entry = packet_registration(found, self.board.registration.domains)
        return entry is not None and entry.stat.data_capable

    async def _register(self, domain: str, found: dict[str, Registration]) -> None:
        for line in await self._lines_once(f"AT+{domain.upper()}?"):
            registration = parse_registration(line)
            if registration is not None:
                found.setdefault(registration.domain, registration)

    async def reject_cause(self) -> int | None:
        """The cause of mobility management in AT+CEER, for modems whose registration lines have none."""
        return parse_ceer(await self._lines("AT+CEER"))

    async def functionality(self) -> int | None:
        """<fun> of AT+CFUN (3GPP TS 27.007 8.2): 1 is full functionality; None when the modem does not tell."""
        for line in await self._lines("AT+CFUN?"):
            prefix, value = split_prefix(line)
            fields = split_fields(value)
            if prefix == "+CFUN" and fields:
                return number(fields[0])
        return None

    async def attached(self) -> bool | None:
        """Whether the modem is attached to packet service; None when it does not tell."""
        return parse_cgatt(await self._lines_once("AT+CGATT?"))

    async def power_saving(self) -> str | None:
        """The value of AT+CPSMS? (3GPP TS 27.007 7.38); None when the modem has no power saving mode."""
        for line in await self._lines("AT+CPSMS?"):
            prefix, value = split_prefix(line)
            if prefix == "+CPSMS":
                return value
        return None

    async def edrx(self) -> str | None:
        """The line of AT+CEDRXRDP (3GPP TS 27.007 7.41); None when the modem has no eDRX."""
        lines = await self._lines("AT+CEDRXRDP")
        return next((line for line in lines if split_prefix(line)[0] == "+CEDRXRDP"), None)

    async def operator(self) -> Operator | None:
        """The current operator, as a number where the modem can."""
        operator = await self._current_operator()
        if operator is not None and operator.name is None:
            return operator
        # Somebody wants it as a name, or the modem says nothing without a format.
        await self._lines("AT+COPS=3,2")
        return await self._current_operator()

    async def _current_operator(self) -> Operator | None:
        operators = map(parse_cops, await self._lines("AT+COPS?"))
        return next((operator for operator in operators if operator is not None), None)

    async def registered_plmn(self) -> Plmn | None:
        """The network that the modem is registered in."""
        operator = await self.operator()
        return operator.plmn if operator is not None else None

    async def signal(self) -> Signal | None:
        """Signal strength, by the first command that gives a measurement."""
        for command in (self.board.signal.command, *self.board.signal.fallback):
            signal = parse_signal(await self._lines(command))
            if signal is not None and signal.known:
                return signal
        return None

    async def bearer(self) -> BearerState | None:
        """The data bearer, None when there is none. Contexts without an address count where none can be read."""
        return None if await self.attached() is False else await self.active_bearer()

    async def active_bearer(self) -> BearerState | None:
        """The same of a modem that is known to be registered and attached."""
        state = await self._shown_bearer()
        if state is not None:
            self.sessions.shown()
        return state if state is not None or not self.sessions.hidden else BearerState((), ())

    async def _shown_bearer(self) -> BearerState | None:
        active = parse_cgact(await self._lines("AT+CGACT?"))
        if not active:
            return None
        lines = [line for cid in active for line in await self._lines(f"AT+CGPADDR={cid}")]
        readable = bool(lines)
        addresses = [address for found in parse_cgpaddr(lines).values() for address in found]
        if not addresses:
            parameters = [parse_cgcontrdp(line) for line in await self._lines("AT+CGCONTRDP")]
            addresses = [address for entry in parameters if entry is not None for address in entry.addresses]
        if readable and not addresses:
            return None
        return BearerState(active, tuple(dict.fromkeys(addresses)))

    async def network_time(self) -> datetime | None:
        """The time that the network told, in UTC; None when there is none that is plausible."""
        rules = self.board.time
        for command in filter(None, (rules.source, rules.fallback)):
            cclk = "+CCLK" in command
            for line in await self._lines(command):
                moment = parse_clock(split_prefix(line)[1], utc=not cclk or rules.cclk_is_utc)
                if moment is not None:
                    return moment
        return None

    async def subscribe(self) -> Subscription:
        """Switch on the events of the board, again after each restart of the dialogue. Raises PortError."""
        if self._subscribed != self.port.openings or not self.port.is_open:
            await self.port.open()
            openings = self.port.openings
            self.subscription = await subscribe(self.port, self.board)
            self._subscribed = openings
        return self.subscription

    def subscription_lost(self) -> None:
        """The modem forgot what it was told, so that the next `subscribe` tells it again."""
        self._subscribed = 0

    async def _lines_once(self, command: str) -> tuple[str, ...]:
        """As `_lines`; within one look the answer of before, where there was one."""
        seen = _SEEN.get()
        if seen is not None and command in seen:
            return seen[command]
        lines = await self._lines(command)
        if seen is not None and lines:
            seen[command] = lines
        return lines

    async def _lines(self, command: str) -> tuple[str, ...]:
        try:
            return (await self.port.command(command)).lines
        except ModemError as error:
            logger.debug("%s", error)
            return ()
