"""The virtual networks as an ability."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from hil import scenario as scenarios
from hil.modem.loading import change
from hil.network import Service, Signal
from hil.play import Play
from hil.rig import Rig
from hil.rig.timeline import Interface
from hil.suite.limits import Limits
from hil.suite.loop import LoopThread


class RigNetwork:
    """`usual` is what everybody is granted while a case says nothing."""

    def __init__(self, loop: LoopThread, rig: Rig, limits: Limits, usual: Service) -> None:
        self._loop = loop
        self._rig = rig
        self._limits = limits
        self._usual = usual
        self._play: Play | None = None
        self._signals: set[str] = set()

    def coverage(self, *, on: bool, iccid: str | None = None) -> None:
        self.service(iccid, coverage=on)

    def data(self, *, on: bool, iccid: str | None = None) -> None:
        self.service(iccid, data=on)

    def reject(self, cause: int | None, iccid: str | None = None) -> None:
        self.service(iccid, reject_cause=cause)

    def service(self, iccid: str | None = None, **members: Any) -> None:
        self._loop.call(lambda: self._service(iccid, members))

    def _service(self, iccid: str | None, members: dict[str, Any]) -> None:
        network, imsi = self._rig.network, "" if iccid is None else self._imsi(iccid)
        before = network.entry(imsi=imsi) or self._usual
        network.set_service(change(before, members, "service"), imsi=imsi)
        self._note(f"service for {f'IMSI {imsi}' if imsi else 'everybody'}: {members}")

    def _imsi(self, iccid: str) -> str:
        for profile in self._rig.card.profiles:
            if profile.iccid == iccid:
                return profile.imsi
        raise KeyError(f"there is no profile {iccid} on the card")

    def signal(self, rsrp: float, rsrq: float = -9.0, sinr: float = 14.0) -> None:
        self._loop.call(lambda: self._signal(Signal(rsrp, rsrq, sinr)))

    def _signal(self, signal: Signal) -> None:
        plmn = next(profile.plmn.replace("-", "") for profile in self._rig.card.profiles if profile.enabled)
        self._signals.add(plmn)
        self._rig.network.set_signal(plmn, signal)
        self._note(f"{plmn} at {signal.rsrp:g} dBm")

    def cut(self, *, on: bool = True) -> None:
        self._loop.call(lambda: self._rig.force_shut(shut=on))

    def play(self, scenario: str) -> None:
        script = next(scenarios.read(path) for path in scenarios.shipped() if path.stem == scenario)

        def begin() -> None:
            self._play = Play(script, self._rig.network, self._rig.clock, self._rig.modem)
            self._play.start()

        self._loop.call(begin)

    def bearer(self) -> bool:
        return self._loop.call(lambda: self._rig.bearer)

    def online(self, *, up: bool = True, within: float | None = None) -> float:
        limit, begun = self._limits.recovery if within is None else within, time.monotonic()
        if not self._loop.until(lambda: self._rig.bearer == up, limit):
            raise AssertionError(f"the bearer was not {'up' if up else 'down'} within {limit:g} s")
        return time.monotonic() - begun

    def _note(self, text: str) -> None:
        self._rig.timeline.note(Interface.BENCH, "", text)

    def calm(self) -> None:
        """As before the case."""
        self._loop.call(self._calm)

    def _calm(self) -> None:
        network = self._rig.network
        if self._play is not None:
            self._play.stop()
            self._play = None
        network.default_service = self._usual
        network.clear_services()
        if not network.antenna:
            network.set_antenna(connected=True)
        for plmn in self._signals:
            network.set_operator(replace(network.operator(plmn), signal=Signal()))
        self._signals.clear()
        self._rig.link.restore()
