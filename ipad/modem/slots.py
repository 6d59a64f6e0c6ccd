"""The SIM slot: the one with the eUICC is chosen when the modem shows another (3GPP TS 27.007 8.66 and vendors)."""

from __future__ import annotations

import logging
import re
from functools import partial

from ipad.endings import lastly
from ipad.errors import ModemError, PortError
from ipad.modem.fields import split_prefix
from ipad.modem.modem import Modem

logger = logging.getLogger(__name__)


async def select_slot(modem: Modem) -> bool:
    """Choose the slot of the eUICC as the board says; True when it had to be changed.

    A refusal of the modem is logged: without the right slot there is no eUICC, and that says more. Raises PortError.
    """
    slots = modem.board.slots
    if not slots.euicc:
        return False
    if slots.gpio:
        await _switch_outside(modem)
        return True
    if not slots.select or (slots.query and await _current(modem) == slots.euicc):
        return False
    command = slots.select.replace("{slot}", str(slots.euicc - 1 + slots.first))
    try:
        await modem.port.command(command)
    except ModemError as error:
        logger.error("the SIM slot %d was not chosen: %s", slots.euicc, error)
        return False
    logger.info("%s: SIM slot %d chosen", modem.port.name, slots.euicc)
    if slots.reenumerates:
        await modem.clock.sleep(slots.settle)
        await modem.port.reopen(modem.board.refresh.reenum_timeout)
    else:
        await modem.clock.sleep(slots.settle)
    return True


async def _current(modem: Modem) -> int | None:
    """The slot in use, counted from 1; None when the modem does not tell."""
    slots = modem.board.slots
    try:
        answer = await modem.port.command(slots.query)
    except ModemError as error:
        logger.info("the SIM slot cannot be read: %s", error)
        return None
    for line in answer.lines:
        number = re.match(r'"?(\d{1,2})\b', split_prefix(line)[1])
        if number is not None:
            return int(number[1]) + 1 - slots.first
    return None


async def _switch_outside(modem: Modem) -> None:
    """A switch in front of the modem: the card must have no power meanwhile."""
    await modem.port.command("AT+CFUN=0")
    async with lastly(partial(modem.port.command, "AT+CFUN=1")):
        try:
            await modem.hook.call("sim-slot")
        except PortError as error:
            logger.error("the SIM slot was not switched: %s", error)
    await modem.clock.sleep(modem.board.slots.settle)
