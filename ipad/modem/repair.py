"""Settings inside the modem that must follow the profile: the operator's configuration, the firmware image.

A modem that keeps the configuration of the old operator finds no service with the new profile, although everything else
is right.
"""

from __future__ import annotations

import logging
import re

from ipad.board import Repair
from ipad.errors import ModemError
from ipad.modem.port import AtPort

logger = logging.getLogger(__name__)


async def repair(port: AtPort, rule: Repair) -> bool:
    """Check one setting and put it right; True when the modem must be restarted for it. Raises PortError.

    A check or a command that the modem refuses is logged, and changes nothing.
    """
    try:
        answer = await port.command(rule.check)
    except ModemError as error:
        logger.info("%s cannot be checked: %s", rule.name, error)
        return False
    if any(re.search(rule.expect, line) for line in answer.lines):
        return False
    logger.warning("%s: %s is not as the profile needs it, repaired", port.name, rule.name)
    for command in rule.commands:
        try:
            await port.command(command)
        except ModemError as error:
            logger.error("%s was not repaired: %s", rule.name, error)
            return False
    return rule.needs_reset
