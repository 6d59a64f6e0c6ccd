"""`ipad run` as it is put together for a device, or for several, over virtual time: process, services, signals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hil.clock import ManualClock
from hil.euicc import EuiccKind
from hil.pki import Pki
from ipad.cli.serve import process_of
from ipad.clock import SystemClock
from ipad.config import Config, load
from ipad.daemon.process import AgentProcess, Sources
from tests.e2e.virtual.device import Device, Internet, MemoryConnector, MemoryProbe, connect_to
from tests.fakes.service_manager import RecordingManager

Moment = tuple[float, Callable[[], object]]


@dataclass
class House:
    """A process over devices that share one configuration file and one time."""

    devices: Sequence[Device]
    config: Path
    manager: RecordingManager = field(default_factory=RecordingManager)
    process: AgentProcess | None = None
    levels: list[str] = field(default_factory=list)
    ended_after: float = 0.0
    """Seconds from the request to stop until the end."""

    def read(self) -> Config:
        """The configuration as it is now."""
        return load(self.config)[0]

    def write(self, text: str) -> None:
        """Another configuration file."""
        self.config.write_text(text, encoding="utf-8")

    def hup(self) -> None:
        """SIGHUP."""
        assert self.process is not None
        self.process.reload_soon()

    def poll_now(self) -> None:
        """SIGUSR1."""
        assert self.process is not None
        self.process.poll_now()

    def serve(self, *moments: Moment, until: float) -> None:
        """Serve until a time; at the moments, in seconds from now, something happens."""
        clock = self.devices[0].clock
        sources = Sources(read=self.read, adopt_log=lambda config: self.levels.append(config.log.level))

        async def life() -> None:
            start = clock.monotonic()
            async with process_of(self.read(), SystemClock(), self.manager, lambda: sources, {}) as process:
                self.process = process
                running = asyncio.ensure_future(process.run())
                try:
                    for moment, event in moments:
                        await clock.sleep(max(0.0, start + moment - clock.monotonic()))
                        if running.done():
                            break
                        event()
                    await asyncio.wait({running}, timeout=max(0.0, start + until - clock.monotonic()))
                finally:
                    stopped = clock.monotonic()
                    process.stop()
                    await running
                    self.ended_after = clock.monotonic() - stopped

        self.devices[0].run(life())


def configuration(folder: Path, modems: str, extra: str = "") -> str:
    """A configuration without a control socket and a log of events."""
    return (
        f'[state]\ndirectory = "{folder / "state"}"\n{modems}\n{extra}\n'
        + ("" if "[log]" in extra else '[log]\nevents = ""\n')
        + '[control]\nsocket = ""\n'
    )


def house_of(device: Device, extra: str = "", *, modem: str = 'port = "virtual"') -> House:
    """The process of one device."""
    house = House([device], device.config)
    house.write(configuration(device.folder, f"[modem]\n{modem}", extra))
    return house


TWO_MODEMS = '[modem.wan]\nport = "wan"\n[modem.spare]\nport = "spare"'
OTHER_EID = "89049032" + "5" * 22 + "26"


def two_devices(folder: Path, pki: Pki, other: Pki, patch: pytest.MonkeyPatch) -> tuple[Device, Device]:
    """Two devices at the ports "wan" and "spare" of one machine."""
    clock = ManualClock()
    patch.setattr("tests.e2e.virtual.device.ManualClock", lambda: clock)
    found = {}
    for name, own in (("wan", pki), ("spare", other)):
        (folder / name).mkdir()
        found[name] = Device(folder / name, own, EuiccKind.IOT)
        connect_to(found[name], patch)
        found[name].insert("quectel-eg25")
        found[name].provision()
    connect_both(found, patch)
    return found["wan"], found["spare"]


def connect_both(devices: dict[str, Device], patch: pytest.MonkeyPatch) -> None:
    """Let the agent find each device at the port of its name."""

    def internet(config: Config) -> Internet:
        return devices[config.modem().port].internet

    def connector(config: Config, time: Any, *_: Any, **_options: Any) -> MemoryConnector:
        made = MemoryConnector(config, time)
        made.internet = internet(config)
        return made

    patch.setattr("ipad.daemon.link.opener", lambda settings: devices[settings.path].port.open)
    patch.setattr("ipad.daemon.assembly.ConfiguredConnector", connector)
    patch.setattr("ipad.daemon.probing.make_probe", lambda config, *_: MemoryProbe(internet(config)))
