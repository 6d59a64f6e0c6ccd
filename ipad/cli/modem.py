"""`ipad modem`: facts of the modem, and a plain AT command for whoever brings a board up."""

from __future__ import annotations

from ipad.cli.invocation import Invocation
from ipad.cli.output import Json, Report, clean
from ipad.clock import SystemClock
from ipad.daemon.link import board_library, open_modem
from ipad.daemon.modem_facts import ModemFacts, read_facts
from ipad.errors import UsageError

_LONGEST_LINE = 4096


async def info(call: Invocation) -> Report:
    """Identity, SIM, registration, signal, data session."""
    async with open_modem(call.config.modem(), board_library(), SystemClock()) as modem:
        return Report(describe(await read_facts(modem)))


async def at(call: Invocation) -> Report:
    """One command line and what the modem says to it. Raises ModemError when that is an error."""
    command = call.args.command.strip()
    if command[:2].upper() != "AT" or not command.isprintable() or not command.isascii():
        raise UsageError(f"{command!r}: expected a command such as AT+CPIN?")
    async with open_modem(call.config.modem(), board_library(), SystemClock()) as modem:
        answer = await modem.port.command(command)
    lines: list[Json] = list(answer.lines)
    shown = (*(clean(line, _LONGEST_LINE) for line in answer.lines), "OK")
    return Report({"command": command, "lines": lines}, notes=shown, notes_only=True)


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
