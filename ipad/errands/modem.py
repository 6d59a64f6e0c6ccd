"""Facts of the modem, and a plain AT command for whoever brings a board up."""

from __future__ import annotations

from ipad.daemon.modem_facts import ModemFacts, read_facts
from ipad.errands.envelope import Json, Result
from ipad.errands.parameters import Act, Parameters
from ipad.errors import UsageError
from ipad.modem.modem import Modem

_LONGEST_COMMAND = 1024


def info(given: Parameters) -> Act[Modem]:
    """Identity, SIM, registration, signal, data session."""
    given.known()

    async def act(modem: Modem) -> Result:
        return Result(describe(await read_facts(modem)))

    return act


def at(given: Parameters) -> Act[Modem]:
    """One command line and what the modem says to it. Raises ModemError when that is an error."""
    given.known("command")
    command = given.text("command", longest=_LONGEST_COMMAND).strip()
    if command[:2].upper() != "AT" or not command.isprintable() or not command.isascii():
        raise UsageError(f"{command!r}: expected a command such as AT+CPIN?")

    async def act(modem: Modem) -> Result:
        answer = await modem.port.command(command)
        lines: list[Json] = list(answer.lines)
        return Result({"command": command, "lines": lines})

    return act


def describe(facts: ModemFacts) -> dict[str, Json]:
    """The keys of a modem."""
    return {
        "port": facts.port,
        "board": facts.board,
        "manufacturer": facts.manufacturer,
        "model": facts.model,
        "revision": facts.revision,
        "imei": str(facts.imei) if facts.imei is not None else None,
        "sim": facts.sim,
        "iccid": str(facts.iccid) if facts.iccid is not None else None,
        "imsi": facts.imsi,
        "registration": dict(facts.registration),
        "technology": facts.technology,
        "plmn": str(facts.plmn) if facts.plmn is not None else None,
        "signal_dbm": facts.signal,
        "data_session": list(facts.addresses) if facts.addresses is not None else None,
    }
