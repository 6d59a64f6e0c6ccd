"""Facts about the modem, its card and its network: one method each, read when asked.

Everything here is best effort: a command that the modem does not know, or a field that makes no sense, gives None or
an empty value. Only a port that is gone or silent raises (PortError).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ipad.board import Board
from ipad.clock import Clock
from ipad.errors import ModemError
from ipad.ids import Iccid, Imei, Plmn
from ipad.modem.bearer import Address, parse_cgact, parse_cgatt, parse_cgcontrdp, parse_cgpaddr
from ipad.modem.fields import split_prefix
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
from ipad.modem.registration import Registration, parse_registration
from ipad.modem.signal import Signal, parse_signal
from ipad.modem.sim import SimCondition, SimState, parse_cpin, state_of_error

logger = logging.getLogger(__name__)


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


class Modem:
    """One modem behind an AT port. Remembers only which events were subscribed to and which command gave the ICCID."""

    def __init__(self, port: AtPort, board: Board, clock: Clock) -> None:
        self.port = port
        self.board = board
        self.clock = clock
        self.hook = BoardHook(board, clock)
        self.followed: Iccid | None = None
        """The profile that the modem was last brought to."""
        self._subscribed = 0
        self._iccid_command = ""

    async def identify(self) -> ModemIdentity:
        """Manufacturer, model and revision (3GPP TS 27.007 5.1 to 5.3), else what ATI says."""
        identity = ModemIdentity(
            manufacturer=parse_text(await self._lines("AT+CGMI"), "+CGMI"),
            model=parse_text(await self._lines("AT+CGMM"), "+CGMM"),
            revision=parse_text(await self._lines("AT+CGMR"), "+CGMR"),
        )
        return identity if identity.manufacturer or identity.model else parse_ati(await self._lines("ATI"))

    async def imei(self) -> Imei | None:
        """The IMEI (3GPP TS 27.007 5.4). A wrong check digit is logged and kept: the network knows it so."""
        for command in ("AT+CGSN", "AT+CGSN=1"):
            imei = parse_imei(await self._lines(command))
            if imei is not None:
                if not imei.check_digit_valid:
                    logger.warning("%s: the check digit of the IMEI is wrong", self.port.name)
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
            lines = await self._lines(ICCID_BY_CRSM if command == "crsm" else command)
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
            for line in await self._lines(f"AT+{domain.upper()}?"):
                registration = parse_registration(line)
                if registration is not None:
                    found.setdefault(registration.domain, registration)
        return found

    async def registered_for_data(self) -> bool:
        """Whether packet data can flow in any domain."""
        domains = await self.registration()
        packet = [entry for name, entry in domains.items() if name != "CREG"] or list(domains.values())
        return any(entry.stat.data_capable for entry in packet)

    async def operator(self) -> Operator | None:
        """The current operator, as a number where the modem can."""
        await self._lines("AT+COPS=3,2")
        for line in await self._lines("AT+COPS?"):
            operator = parse_cops(line)
            if operator is not None:
                return operator
        return None

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
        if parse_cgatt(await self._lines("AT+CGATT?")) is False:
            return None
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

    async def subscribe(self) -> None:
        """Switch on the events of registration and packet data, again after each restart of the dialogue."""
        if self._subscribed == self.port.openings and self.port.is_open:
            return
        for command in self.board.registration.subscribe:
            if not await self._accepted(command) and command[-2:] in ("=3", "=4", "=5"):
                await self._accepted(f"{command[:-1]}2")
        if not await self._accepted("AT+CGEREP=2,1"):
            await self._accepted("AT+CGEREP=1")
        self._subscribed = self.port.openings

    async def _accepted(self, command: str) -> bool:
        try:
            await self.port.command(command)
        except ModemError as error:
            logger.debug("%s", error)
            return False
        return True

    async def _lines(self, command: str) -> tuple[str, ...]:
        try:
            return (await self.port.command(command)).lines
        except ModemError as error:
            logger.debug("%s", error)
            return ()
