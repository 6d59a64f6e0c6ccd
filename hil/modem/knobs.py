"""Fault knobs of the virtual modem: what can be broken while it runs, as plain data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Nitz(Enum):
    """What the network says about the time after a registration."""

    SENT = "sent"
    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True)
class CommandFault:
    """One thing that goes wrong with matching commands.

    command: beginning of the command as typed after `AT`, in upper case (`+CGLA`, `+CFUN=1`); empty matches every one.
    contains: text that the command must contain besides, e.g. `80E29100` for single STORE DATA blocks.
    skip, times: let so many matches pass first, then strike so often (0: without end).
    delay: seconds added before the answer, which is how an answer comes after the time-out of a client.
    drop_final: the information lines come, the final result does not.
    silent: nothing comes at all.
    answer: final result given instead (`ERROR`, `CME 100`, `COMMAND NOT SUPPORT`), without information lines.
    execute: whether the command has its effect all the same.
    urc: line put between the lines of the answer, or before the final result if there is only one.
    hang_up: instead of the answer the port goes away and comes back `hang_up_time` seconds later.
    """

    command: str = ""
    contains: str = ""
    skip: int = 0
    times: int = 1
    delay: float = 0.0
    drop_final: bool = False
    silent: bool = False
    answer: str = ""
    execute: bool = True
    urc: str = ""
    hang_up: bool = False
    hang_up_time: float = 0.5

    def matches(self, body: str) -> bool:
        text = body.upper()
        return text.startswith(self.command.upper()) and self.contains.upper() in text


@dataclass(frozen=True)
class Knobs:
    """Everything that is out of order now; the defaults are a healthy modem.

    faults: what happens to single commands.
    silent: the modem neither echoes nor answers nor reports.
    dribble: seconds between two bytes of output; 0 writes whole chunks.
    garbage: hexadecimal bytes sent before the answer to the first command after each power-up.
    echo_on_refresh: the echo is on again after the card was re-initialised, not only after a reset of the modem.
    sim_busy: seconds of CME 14 after each start of the card, added to the personality's own.
    card_removed: the card is out of its holder.
    session_loss_urc: line sent when APDU sessions die with the card; empty: they die without notice.
    keep_dead_sessions: ids of sessions survive a reset of the card, so that APDUs reach a channel that is closed.
    stale_iccid: digits given as ICCID instead of those on the card (a modem that shows an old identity).
    ignore_refresh: the modem does not react to REFRESH, whatever its personality says.
    registration_cause: EMM cause with which every registration is refused.
    session_cause: ESM cause with which every packet session is refused.
    no_traffic: registered and with an address, yet no packet gets through.
    nitz: network time sent, missing or wrong.
    power_saving: the network grants the power saving mode that the modem asks for (+CPSMS).
    apdu_time: seconds that the card seems to need for each APDU of a client.
    rate_refused: AT+IPR is refused. rate_stored: it is stored at once, as if AT&W followed.
    unreliable_rate: on a UART with this rate in bit/s or a higher one some bytes are damaged, both ways; 0: on none.
    """

    faults: tuple[CommandFault, ...] = ()
    silent: bool = False
    dribble: float = 0.0
    garbage: str = ""
    echo_on_refresh: bool = False
    sim_busy: float = 0.0
    card_removed: bool = False
    session_loss_urc: str = ""
    keep_dead_sessions: bool = False
    stale_iccid: str = ""
    ignore_refresh: bool = False
    registration_cause: int | None = None
    session_cause: int | None = None
    no_traffic: bool = False
    nitz: Nitz = Nitz.SENT
    power_saving: bool = False
    apdu_time: float = 0.0
    rate_refused: bool = False
    rate_stored: bool = False
    unreliable_rate: int = 0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", self.garbage):
            raise ValueError("garbage must be hexadecimal bytes")


class FaultTable:
    """Counts how often each fault of the knobs has matched and struck."""

    def __init__(self, faults: tuple[CommandFault, ...] = ()) -> None:
        self._faults = faults
        self._seen = [0] * len(faults)

    def strike(self, body: str) -> CommandFault | None:
        """The first fault that strikes this command; every fault that matches counts it."""
        found: CommandFault | None = None
        for position, fault in enumerate(self._faults):
            if not fault.matches(body):
                continue
            seen = self._seen[position] = self._seen[position] + 1
            if found is None and seen > fault.skip and (fault.times == 0 or seen <= fault.skip + fault.times):
                found = fault
        return found
