"""Supply and antenna of a board as abilities of the suite, by whatever drivers of labgrid switch them."""

from __future__ import annotations

import time
from typing import Any, Final

from labgrid.exceptions import NoSupplierFoundError

from hil.lab.gateway import BoardGateway
from hil.suite.errors import TargetError
from hil.suite.limits import Limits
from hil.suite.through_agent import await_modem
from hil.waiting import looks

MODEM_POWER: Final = "modem-power"
"""Name of the PowerProtocol driver for modem and eUICC alone."""
MODEM_RESET: Final = "modem-reset"
"""Name of the ResetProtocol driver for the reset line of the modem."""
SIM_MUX: Final = "sim-mux"
"""Name of the DigitalOutputProtocol driver that chooses between SIM holders."""
RF_BLOCK: Final = "rf-block"
"""Name of the DigitalOutputProtocol driver that takes the antenna away when it is on."""
_LOOK: Final = 0.2


def named_driver(target: Any, protocol: type, name: str) -> Any | None:
    """The driver of a target with this protocol and name, active; None when there is none."""
    try:
        return target.get_driver(protocol, name=name)
    except NoSupplierFoundError:
        return None


class BoardPower:
    """The supply of the modem, `driver` being a PowerProtocol."""

    def __init__(self, driver: Any, gateway: BoardGateway, limits: Limits) -> None:
        self._driver = driver
        self._gateway = gateway
        self._limits = limits
        self._on = True

    def off(self) -> None:
        self._on = False
        self._driver.off()

    def on(self) -> None:
        self._driver.on()
        self._on = True
        await_modem(self._gateway, self._limits.recovery)

    def cycle(self) -> None:
        self.off()
        self.on()

    def calm(self) -> None:
        """It is on; whether the modem is back is for whoever needs it."""
        if not self._on:
            self._driver.on()
            self._on = True


class BoardNetwork:
    """Real networks: all that can be done is to take the antenna away (`driver`: a DigitalOutputProtocol).

    Of the Protocol `Network` there is what needs no more than the ability `rf-block`.
    """

    def __init__(self, driver: Any, gateway: BoardGateway, limits: Limits) -> None:
        self._driver = driver
        self._gateway = gateway
        self._limits = limits

    def coverage(self, *, on: bool, iccid: str | None = None) -> None:
        if iccid is not None:
            raise TargetError("coverage of one profile alone: the case needs the ability `network`")
        self._driver.set(not on)

    def bearer(self) -> bool:
        bearer = self._gateway.status().get("bearer") or {}
        return bearer.get("verdict") in ("proven", "alive") or bearer.get("connected") is True

    def online(self, *, up: bool = True, within: float | None = None) -> float:
        limit, begun = self._limits.recovery if within is None else within, time.monotonic()
        for _ in looks(limit, _LOOK):
            if self.bearer() is up:
                return time.monotonic() - begun
        raise AssertionError(f"the bearer was not {'up' if up else 'down'} within {limit:g} s")

    def calm(self) -> None:
        """The antenna is connected."""
        self._driver.set(False)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{name}: real networks cannot be told so; the case needs the ability `network`")
