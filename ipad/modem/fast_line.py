"""A UART that is faster for a while, and slow again whatever happens meanwhile.

`hasten` and `slacken` never fail because of the rate: in the worst case the line stays as slow as it was. What they do
raise is a line that is gone.
"""

from __future__ import annotations

import logging
from functools import partial

from ipad.clock import Clock
from ipad.errors import ModemError, PortError
from ipad.modem.port import AtPort

logger = logging.getLogger(__name__)


class FastLine:
    """The line of a port."""

    def __init__(self, port: AtPort, clock: Clock) -> None:
        self._port = port
        self._rates = port.rates
        self._clock = clock

    async def hasten(self) -> None:
        """Switch to the fastest rate that works. Raises PortError when the modem is not found again."""
        rates = self._rates
        for rate in rates.usable:
            if rate <= rates.base:
                continue
            try:
                await self._port.alone(partial(rates.raise_to, rate, self._clock))
            except ModemError as error:
                logger.info("%s; %d bit/s is not tried again", error, rate)
                rates.leave_alone(rate)
            except PortError as error:
                logger.warning("%s: %d bit/s does not work, left: %s", self._port.name, rate, error)
                rates.leave_alone(rate)
                await self._port.renew()
            else:
                logger.info("%s: %d bit/s", self._port.name, rate)
                return

    async def slacken(self, *, doubtful: bool = False) -> None:
        """Switch back. Where the modem does not follow, look for it. Raises PortError when it is not found.

        `doubtful`: the modem did not get what was sent, so the rate is not used again.
        """
        rates, rate = self._rates, self._rates.current
        if rate == rates.base or not self._port.is_open:
            return  # a line that is gone begins at the modem's own rate, and the modem is looked for
        if doubtful:
            self._leave_alone(rate)
        try:
            if self._port.in_step:
                await self._port.alone(partial(rates.back, self._clock))
                logger.info("%s: %d bit/s again", self._port.name, rates.base)
                return
        except PortError as error:
            logger.info("%s", error)
        await self._port.renew()
        if rates.found == rate:
            # It was there and was not understood; a modem that is found at its own rate was restarted.
            self._leave_alone(rate)

    def _leave_alone(self, rate: int) -> None:
        logger.warning("%s: %d bit/s is unreliable and not used any more", self._port.name, rate)
        self._rates.leave_alone(rate)
