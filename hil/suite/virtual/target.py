"""The virtual target: devices made when a case wants them, one that most cases share."""

from __future__ import annotations

import platform
from collections.abc import Hashable, Mapping, Sequence
from importlib import metadata
from typing import Any, Final

from hil.suite.ability import Ability
from hil.suite.limits import Limits
from hil.suite.loop import LoopThread
from hil.suite.record import EventRecord
from hil.suite.servers.eim import RigEim
from hil.suite.servers.smdp import RigSmdp
from hil.suite.target import Facts, Observations
from hil.suite.through_agent import AgentCard, AgentModem
from hil.suite.virtual.activation import BenchCodes
from hil.suite.virtual.agent import AgentProcess
from hil.suite.virtual.bench import RigCardBench, RigModemBench, RigPower
from hil.suite.virtual.device import VirtualDevice
from hil.suite.virtual.network import RigNetwork
from hil.suite.virtual.observing import Observer

_Options = tuple[tuple[str, Any], ...]
_USUAL: Final[_Options] = ()


class VirtualTarget:
    """`agent` is the command that is tested, None: this interpreter with `-m ipad`."""

    abilities = frozenset(ability.value for ability in Ability)

    def __init__(self, agent: str | None = None) -> None:
        self._agent = agent
        self._loop = LoopThread()
        self._devices: dict[_Options, VirtualDevice] = {}
        self._own: VirtualDevice | None = None
        self._options: _Options = _USUAL
        self._ended: _Options = _USUAL
        self._observer: Observer | None = None
        self._versions: Mapping[str, str] = {}
        self.limits = Limits()

    @property
    def facts(self) -> Facts:
        return Facts("virtual", None, False, self._versions, {"modem": "quectel-eg25", "host": platform.platform()})

    # Life

    def open(self) -> None:
        self._loop.start()
        device = self._shared(_USUAL)
        self._versions = {
            "ipad": str(device.gateway.status().get("version", "")),
            "suite": metadata.version("ipad"),
            "python": platform.python_version(),
        }

    def _shared(self, options: _Options) -> VirtualDevice:
        found = self._devices.get(options)
        if found is None:
            found = self._devices[options] = self._made(options)
        return found

    def _made(self, options: _Options) -> VirtualDevice:
        device = VirtualDevice(self._loop, self.limits, self._agent, dict(options))
        device.open()
        return device

    def begin(self, *, fresh: bool, options: Sequence[tuple[str, Any]] = ()) -> None:
        self._options = tuple(options)
        if fresh:
            self._own = self._made(self._options)
        device = self._device
        if not device.gateway.running:
            device.gateway.start()
        device.begin()
        self._observer = Observer(self._loop, device)

    @property
    def _device(self) -> VirtualDevice:
        return self._own or self._shared(self._options)

    def calm(self) -> None:
        self._device.calm()

    def seen(self) -> Sequence[EventRecord]:
        return [] if self._observer is None else self._observer.seen()

    def end(self) -> Observations:
        try:
            return self._observer.end() if self._observer is not None else Observations()
        finally:
            self._observer = None
            own, self._own = self._own, None
            self._ended, self._options = self._options, _USUAL
            if own is not None:
                own.close()

    def fingerprint(self) -> Hashable:
        return self._device.fingerprint()

    def worn(self) -> bool:
        return self._device.eim.teaching or self._device.eim2.teaching

    def renew(self) -> bool:
        self._devices.pop(self._ended).close()
        self._shared(self._ended)
        return True

    def close(self) -> None:
        devices = [*self._devices.values(), *([] if self._own is None else [self._own])]
        self._devices.clear()
        self._own = None
        try:
            for device in devices:
                device.close()
        finally:
            self._loop.stop()

    # Abilities

    @property
    def gateway(self) -> AgentProcess:
        return self._device.gateway

    @property
    def card(self) -> AgentCard:
        return self._device.card

    @property
    def modem(self) -> AgentModem:
        return self._device.modem

    @property
    def eim(self) -> RigEim:
        return self._device.eim

    @property
    def eim2(self) -> RigEim:
        return self._device.eim2

    @property
    def smdp(self) -> RigSmdp:
        return self._device.smdp

    @property
    def activation_codes(self) -> BenchCodes:
        return BenchCodes(self._device.smdp)

    @property
    def network(self) -> RigNetwork:
        return self._device.network

    @property
    def card_bench(self) -> RigCardBench:
        return self._device.card_bench

    @property
    def modem_bench(self) -> RigModemBench:
        return self._device.modem_bench

    @property
    def power(self) -> RigPower:
        return self._device.power
