"""Setting the clock of the system to the network's time, where the operator allows it."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol

from ipad.errors import HelperError
from ipad.helper.client import PrivilegedHelper

logger = logging.getLogger(__name__)


class Clockmaker(Protocol):
    """The part of the privileged helper that is needed here."""

    async def set_clock(self, seconds: float) -> None:
        """Set the clock of the system, in seconds since 1970. Raises HelperError."""
        ...


async def set_clock(told: datetime, helper: Clockmaker | None = None) -> bool:
    """Have the privileged helper set it; a refusal is logged, for certificates are checked with that time anyway."""
    try:
        await (helper or PrivilegedHelper()).set_clock(told.timestamp())
    except HelperError as error:
        logger.warning("the clock of the system was not set: %s", error)
        return False
    logger.info("the clock of the system was set to the network's time %s", told)
    return True
