"""An agent that serves a virtual card, with its control API on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from hil.euicc import EuiccKind, VirtualEuicc, default_card
from hil.pki import Pki
from ipad.clock import SystemClock
from ipad.config import Config, load
from ipad.control.client import ControlClient
from ipad.control.modem import Controlled, controlled
from ipad.control.peer import Peer, Permission
from ipad.control.routes import Routes
from ipad.control.server import ControlServer, ControlSettings
from ipad.control.services import Process
from ipad.daemon.assembly import first_schedule
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Service
from tests.ipad.cli.conftest import VirtualReader

OWN = Peer(pid=1, uid=0, groups=frozenset())
STRANGER = Peer(pid=2, uid=4242, groups=frozenset({4242}))


class Running:
    """A running agent. `peer` is who connects next, as the kernel would say."""

    def __init__(self, modem: Controlled, service: Service, path: Path, card: VirtualEuicc) -> None:
        self.modem = modem
        self.service = service
        self.path = path
        self.card = card
        self.peer = OWN
        self.client = ControlClient(path)

    async def ready(self) -> None:
        """Wait until the eUICC was read."""
        await self.client.call("GET", "/v1/euicc")

    async def raw(self, data: bytes) -> bytes:
        """Send bytes, and everything that comes back; nothing from a connection that was not let in."""
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(data)
        try:
            return await asyncio.wait_for(reader.read(), 5)
        except ConnectionError:
            return b""
        finally:
            writer.close()


Launcher = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """An agent of a card in a reader, with everything below the folder of the test."""
    file = tmp_path / "ipad.toml"
    file.write_text(
        f'[state]\ndirectory = "{tmp_path}/state"\n[modem]\ncard = "pcsc:"\n'
        f'[log]\nevents = ""\n[control]\nsocket = "{tmp_path}/ipad.sock"\n'
    )
    return load(file)[0]


@pytest.fixture
def launch(tmp_path: Path, config: Config, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Launcher:
    """Run an agent as long as the context lasts."""

    @contextlib.asynccontextmanager
    async def running(
        kind: EuiccKind = EuiccKind.CONSUMER, settings: ControlSettings | None = None, *, others: bool = True
    ) -> AsyncIterator[Running]:
        card = VirtualEuicc.create(tmp_path / "card", default_card(kind, eid=pki.eid), pki)
        monkeypatch.setattr("ipad.card.pcsc.PcscReader", lambda _name: VirtualReader(card))
        modem = controlled(config, SystemClock())
        service = Service(
            modem.factory.open, first_schedule(config), SystemClock(), ServiceManager({}), modem.guard, reconnect=60.0
        )
        path = Path(config.control.socket or "")
        agent = Running(modem, service, path, card)
        server = ControlServer(
            path,
            Routes(Process(modems=(modem.attach(service, {"RUNTIME_DIRECTORY": str(tmp_path)}),))),
            Permission(group=77, own=1000),
            others=others,
            settings=settings,
            identify=lambda _socket: agent.peer,
        )
        await server.start()
        task = asyncio.ensure_future(service.run())
        try:
            yield agent
        finally:
            service.stop()
            await asyncio.wait_for(task, 10)
            await server.close()

    return running
