"""An eIM behind real TLS on the loopback interface, and the agent of this process with a card in a reader."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

from hil.clock import LoopClock
from hil.eim import EimIdentity, TlsTrust, VirtualEim
from hil.eim.association import Package
from hil.eim.content import Content
from hil.eim.server import EimServer, Exchange
from hil.eim.tls import Leaves, server_credential
from hil.euicc import VirtualEuicc, default_card
from hil.pki import Pki
from hil.rig.rig import CardProvisioning
from hil.waiting import until
from tests.e2e.commands import Commands
from tests.e2e.virtual.device import FIRST
from tests.waiting import turns

T = TypeVar("T")

_PATIENCE = 20.0
_SETTLING = 2.0


class Site(Commands):
    """One eIM, its server in a thread of its own, and one card. Use as a context."""

    def __init__(self, folder: Path, pki: Pki, trust: TlsTrust = TlsTrust.PIN) -> None:
        self.folder = folder
        self.pki = pki
        self.card = VirtualEuicc.create(folder / "card", default_card(eid=pki.eid), pki)
        hosts = (FIRST, "localhost")
        leaves = Leaves(pki, server_credential(pki, hosts, folder, "server"), hosts, folder / "leaves")
        (folder / "leaves").mkdir(exist_ok=True)
        identity = EimIdentity(FIRST, FIRST, pki.eim.key, leaves.anchors, trust, ci_key_id=pki.ci_key_id)
        provisioning = CardProvisioning(self.card)
        self.eim = VirtualEim(identity, LoopClock(), ci=pki.ci.certificate, provisioning=provisioning)
        self.eim.associate(self.eid, certificate=self.card.certificate, eum_certificate=self.card.eum_certificate)
        self.exchanges: list[Exchange] = []
        self.server = EimServer(self.eim, leaves, LoopClock(), self.exchanges.append)
        self.config = folder / "ipad.toml"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="eIM", daemon=True)

    @property
    def eid(self) -> bytes:
        """EID of the card, 16 bytes."""
        return bytes.fromhex(self.card.eid)

    @property
    def journal(self) -> Path:
        """The state file of the agent."""
        return self.folder / "state" / "journal.cbor"

    def __enter__(self) -> Self:
        self._thread.start()
        self.do(self.server.start())
        self.configure()
        return self

    def __exit__(self, *_details: object) -> None:
        self.do(self.server.close())
        # Handshakes that the agent has cut off end before the loop stops, as soon as the machine has told it of that.
        self.do(turns(20))
        self.do(until(self._quiet, LoopClock(), 0.01, within=_SETTLING))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    def _quiet(self) -> bool:
        """Whether the loop waits for nothing but calls from other threads."""
        return len(self._loop._selector.get_map()) <= 1  # type: ignore[attr-defined]

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the server runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    def configure(self, *, port: int | None = None, timeout: float = 20.0, ca: Path | None = None) -> None:
        """Write the configuration file."""
        anchors = f'ca_file = "{ca}"\n' if ca is not None else ""
        self.config.write_text(
            f'[state]\ndirectory = "{self.folder / "state"}"\n[modem]\ncard = "pcsc:"\n'
            f"[esipa]\nexchange_timeout = {timeout}\nretry_delays = []\n[net]\n{anchors}"
            f'[net.addresses]\n"https://{FIRST}" = "127.0.0.1:{port or self.server.port}"\n',
            encoding="utf-8",
        )

    def provision(self) -> None:
        """Associate the eIM with the card."""
        file = self.folder / "initial-eim.der"
        file.write_bytes(self.eim.identity.add_initial_eim())
        done = self.ipad("eim", "add", str(file))
        assert done.code == 0, done.err

    def queue(self, content: Content) -> Package:
        """Queue one package."""
        return self.eim.queue(self.eid, content)

    def received(self, function: str) -> list[bytes]:
        """The requests of a function that the server got."""
        return [exchange.request for exchange in self.exchanges if exchange.function == function]


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else gets."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
