"""The bench's eIM comes to the agent: real TLS and DTLS, the service loop, and a card in a reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.eim.injection import InjectionEnd, InjectionOutcome, InjectionTarget, inject
from hil.eim.knobs import BindingName
from hil.pki import Credential, Pki
from ipad.clock import SystemClock
from ipad.config import load
from ipad.daemon.assembly import AgentFactory, first_schedule
from ipad.daemon.guarding import make_guard
from ipad.daemon.injection import InjectionDesk
from ipad.daemon.injection_setup import injection_server
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Service
from ipad.observe.tap import TrafficTap
from ipad.observe.traffic import read_recording
from tests.e2e.loopback.site import Site
from tests.e2e.virtual.device import FIRST, TWO
from tests.waiting import seen

pytestmark = pytest.mark.asyncio

HOST = "127.0.0.1"


class Manager(ServiceManager):
    """Knows whether the service has nothing to do."""

    def __init__(self) -> None:
        super().__init__({})
        self.idle = asyncio.Event()

    def status(self, text: str) -> None:
        (self.idle.set if text.startswith("idle") else self.idle.clear)()


@dataclass(frozen=True)
class Device:
    """The agent as a server."""

    site: Site
    ports: dict[BindingName, int]
    anchors: bytes
    credential: Credential
    manager: Manager

    async def inject(self, binding: BindingName, credential: Credential | None = None) -> InjectionOutcome:
        scheme = "coaps" if binding is BindingName.COAPS else "https"
        target = InjectionTarget(
            f"{scheme}://{HOST}:{self.ports[binding]}",
            binding,
            anchors=self.anchors,
            credential=credential or self.credential,
            timeout=20.0,
        )
        while True:
            await self.manager.idle.wait()
            outcome = await inject(self.site.eim, self.site.eid, target)
            if outcome.end is not InjectionEnd.BUSY:
                return outcome
            await asyncio.sleep(0)


def client(pki: Pki, name: str = "eim.example.com") -> Credential:
    """Somebody's client certificate, of a CA that is the eIM's alone."""
    return pki.issue_tls_client(name, Pki.issue_tls_ca("CA of eIMs"))


@asynccontextmanager
async def serving(site: Site, folder: Path, tap: TrafficTap | None = None) -> AsyncIterator[Device]:
    """The service of a device that polls in hours, and listens."""
    shown, own = client(site.pki), site.pki.issue_tls((HOST,))
    own.write(folder, "device")
    shown.write(folder, "peer")
    text = site.config.read_text(encoding="utf-8").replace("[esipa]\n", "[esipa]\npoll_interval = 86400\n")
    site.config.write_text(
        f'{text}[injection]\nhttps = ["{HOST}:0"]\ncoaps = ["{HOST}:0"]\n'
        f'certificate = "{folder / "device.pem"}"\nkey = "{folder / "device.key.pem"}"\n'
        f'[injection.peer.eim]\neim = "{FIRST}"\ncertificate = "{folder / "peer.pem"}"\n',
        encoding="utf-8",
    )
    config, clock = load(site.config)[0], SystemClock()
    guard = make_guard(config, clock, environment={}, boot="boot")
    factory = AgentFactory(config, clock, announce=True, guard=guard)
    manager = Manager()
    service = Service(factory.open, first_schedule(config), clock, manager, guard, reconnect=0.1)
    desk = InjectionDesk(guard.news.set, retry_after=1)
    server = injection_server(config, desk, clock, clock.time, tap)
    await server.start()
    service.injections = desk
    running = asyncio.create_task(service.run())
    https, coaps = server.ports[f"https://{HOST}:0"], server.ports[f"coaps://{HOST}:0"]
    ports = {BindingName.ASN1: https, BindingName.JSON: https, BindingName.COAPS: coaps}
    try:
        await asyncio.wait_for(manager.idle.wait(), 20)
        yield Device(site, ports, site.pki.tls_ca.pem, shown, manager)
    finally:
        service.stop()
        await running
        await server.close()
        # A request that was cut off says goodbye to the server, which lives in another thread, and hears its answer.
        await seen(lambda: not site.server.open_connections, "the server has closed its connections")


@pytest.mark.parametrize("binding", list(BindingName))
async def test_packages_are_executed_answered_and_acknowledged(
    site: Site, tmp_path: Path, binding: BindingName
) -> None:
    async with serving(site, tmp_path) as device:
        packages = (
            site.queue(content.psmo_package(content.list_profile_info())),
            site.queue(content.data_request((0x81, 0xBF20, 0xBF22, 0xA5, 0xA6, 0xA8))),
            site.queue(content.psmo_package(content.enable(TWO))),
        )
        outcomes = [await device.inject(binding) for _ in packages]
    assert [outcome.end for outcome in outcomes] == [InjectionEnd.RESULT] * 3, outcomes
    assert all(outcome.verified for outcome in outcomes)
    for package in packages:
        assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK), package.detail
    assert outcomes[0].confirmed
    assert outcomes[2].confirmed


async def test_what_is_injected_and_answered_is_recorded(site: Site, tmp_path: Path) -> None:
    tap = TrafficTap(lambda: 1_800_000_000.0)
    tap.start(tmp_path / "traffic.jsonl", 64 * 1024)
    async with serving(site, tmp_path, tap) as device:
        site.queue(content.psmo_package(content.list_profile_info()))
        await device.inject(BindingName.ASN1)
    assert tap.stop()
    rows = [row for row in read_recording(tmp_path / "traffic.jsonl") if row.layer == "esipa"]
    assert [(row.way, row.text[:4], row.peer) for row in rows[:2]] == [("<", "BF4E", FIRST), (">", "BF4E", FIRST)]


async def test_capabilities_name_the_open_modes(site: Site, tmp_path: Path) -> None:
    async with serving(site, tmp_path) as device:
        package = site.queue(content.data_request((0xA8,)))
        await device.inject(BindingName.ASN1)
    assert package.outcome is Outcome.OK
    data = next(record for record in site.eim.history.records if record.package == package.number)
    assert "810204F0" in data.raw.upper(), "retrieval and injection, over HTTPS and CoAPS"


@pytest.mark.parametrize("binding", [BindingName.ASN1, BindingName.COAPS])
async def test_stranger_gets_nowhere(site: Site, tmp_path: Path, binding: BindingName) -> None:
    async with serving(site, tmp_path) as device:
        package = site.queue(content.psmo_package(content.enable(TWO)))
        outcome = await device.inject(binding, client(site.pki))
        assert outcome.end is InjectionEnd.UNREACHABLE
        assert package.state is not PackageState.CLOSED
        assert (await device.inject(binding)).end is InjectionEnd.RESULT
