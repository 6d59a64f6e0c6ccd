"""`ipad board udev`: the rules that give a modem's ports stable names and keep ModemManager off them."""

from __future__ import annotations

from ipad.board.udev import udev_rules
from ipad.cli.invocation import Invocation
from ipad.cli.output import Report
from ipad.daemon.link import board_library


async def rules(call: Invocation) -> Report:
    """The text of a file of rules. Raises ConfigError."""
    text = udev_rules(
        board_library(), call.args.names, modemmanager=call.args.modemmanager, start=call.args.start or ""
    )
    return Report({"rules": text}, notes=(text.rstrip("\n"),), notes_only=True)
