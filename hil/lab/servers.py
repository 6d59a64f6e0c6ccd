"""The bench without a device: eIMs, SM-DP+ and SM-DS for a board that is somewhere else."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Final, Self

from hil import crypto
from hil.clock import Clock, LoopClock
from hil.eim import EimProtocol, TlsTrust
from hil.eim.store import StoreError
from hil.lab.settings import LOOPBACK_NAME, BenchSettings
from hil.link import Link
from hil.pki import Credential, Pki, PkiError
from hil.rig import FIRST_EIM, SECOND_EIM, RigError, RigOptions
from hil.rig.endpoint import EimEndpoint, EndpointPlan
from hil.rig.operator import AssociationKeeper
from hil.rig.ports import PortBook
from hil.rig.rsp import SMDP, RspServers
from hil.rig.timeline import Timeline

FIRST_EIM_ID: Final = "lab.eim.example.com"
SECOND_EIM_ID: Final = "lab.eim2.example.com"
_PROTOCOLS: Final = (EimProtocol.HTTPS,)


class BenchClock(LoopClock):
    """Real time, which may be read from any thread."""

    def monotonic(self) -> float:
        return time.monotonic()


class BoardServers:
    """Use `async with BoardServers(settings) as servers`. `eid` is that of the board's eUICC, 32 digits.

    The same parties as those of a rig, under the same names, behind a link that is always open: what is between
    them and the board is real.
    """

    def __init__(self, settings: BenchSettings, eid: str) -> None:
        self._settings = settings
        self.eid = bytes.fromhex(eid)
        self.clock: Clock = BenchClock()
        self.timeline = Timeline(self.clock)
        self.options = RigOptions(Path(settings.state), tls_trust=TlsTrust.PIN)
        self.link = Link(self.clock, outside=settings.listen)
        self.eims: dict[str, EimEndpoint] = {}
        self.rsp: RspServers | None = None
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Serve. Raises RigError."""
        try:
            await self._start()
        except (PkiError, StoreError) as error:
            await self._stack.aclose()
            raise RigError(str(error)) from error
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def eim(self, name: str) -> EimEndpoint:
        """An eIM by its name in the bench. Raises KeyError."""
        return self.eims[name]

    def configuration(self, name: str) -> bytes:
        """EimConfigurationData with which other eIMs add the eIM of that name. Raises KeyError."""
        core = self.eims[name].core
        counters = [association.counter for association in core.associations if association.eid == self.eid]
        return core.identity.configuration(counter=max(counters, default=0), protocols=core.knobs.supported_protocols)

    def share_certificate(self) -> None:
        """What the first eIM knows of the key and the certificates of the eUICC, for the others to verify with."""
        known = self.eims[FIRST_EIM].core.association(self.eid)
        if known.public_key is None:
            return
        for endpoint in self.eims.values():
            endpoint.core.associate(
                self.eid,
                public_key=crypto.public_key_from_spki(known.public_key),
                certificate=known.certificate,
                eum_certificate=known.eum_certificate,
            )

    def ports(self) -> dict[str, int]:
        """TCP ports at which the board finds the servers, by name."""
        return {door.name: door.address[1] for door in self.link.doors if not door.name.endswith("-coaps")}

    async def _start(self) -> None:
        settings = self._settings
        state = self._made_state()
        pki = Pki.open(state / "pki") if settings.pki is None else Pki.load(Path(settings.pki))
        book = PortBook(state / "ports.json")
        for name, port in ((FIRST_EIM, settings.eim), (SECOND_EIM, settings.eim2), (SMDP, settings.smdp)):
            if port:
                book.remember(name, port)
        self._stack.push_async_callback(self.link.close)
        self.rsp = await RspServers.start(
            self._rsp_options(state, book), pki, book, self.link, self.timeline, self._stack
        )
        for name, eim_id, signer in (
            (FIRST_EIM, FIRST_EIM_ID, pki.eim),
            (SECOND_EIM, SECOND_EIM_ID, _second_signer(pki, state / "tls")),
        ):
            await self._start_eim(name, eim_id, signer, pki, book)
        keeper = AssociationKeeper({endpoint.core.identity.eim_id: endpoint.core for endpoint in self.eims.values()})
        for endpoint in self.eims.values():
            endpoint.core.subscribe(keeper.listener(endpoint.core))
            self._associate(endpoint)

    def _made_state(self) -> Path:
        self.options.state.mkdir(parents=True, exist_ok=True)
        return self.options.state

    def _rsp_options(self, state: Path, book: PortBook) -> RigOptions:
        """The SM-DP+ is known by the name that the board knows; its port has to be known before it starts."""
        if self._settings.host == LOOPBACK_NAME:
            return RigOptions(state, smdp_port=self._settings.smdp)
        port = book.port(SMDP)
        if not port:
            raise RigError(f"bench.smdp: a SM-DP+ that boards find at {self._settings.host} needs a port that is named")
        return RigOptions(state, smdp_fqdn=f"{self._settings.host}:{port}", smdp_port=port)

    async def _start_eim(self, name: str, eim_id: str, signer: Credential, pki: Pki, book: PortBook) -> None:
        plan = EndpointPlan(
            name,
            eim_id,
            signer.key,
            TlsTrust.PIN,
            indirect=name == SECOND_EIM,
            protocols=_PROTOCOLS,
            host=self._settings.host,
            # Without certificates that are the card's own nothing is known of its CI: it signs with the key it has.
            certified=self._settings.pki is not None,
        )
        state = self.options.state
        endpoint = await EimEndpoint.start(plan, pki, state, book, self.link, clock=self.clock, timeline=self.timeline)
        self._stack.push_async_callback(endpoint.close)
        self.eims[name] = endpoint
        if self.rsp is not None:
            endpoint.core.enable_relay(self.rsp)

    def _associate(self, endpoint: EimEndpoint) -> None:
        settings = self._settings
        endpoint.core.associate(
            self.eid, certificate=_octets(settings.certificate), eum_certificate=_octets(settings.eum_certificate)
        )
        endpoint.core.knobs.learn_certificate = settings.certificate is None


def _octets(path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise RigError(f"{path}: {error.strerror or error}") from error


def _second_signer(pki: Pki, directory: Path) -> Credential:
    """Signing key of the second eIM, kept in the state."""
    stored = Credential.read(directory, "eim2-signing")
    if stored is not None:
        return stored
    made = pki.issue_eim(SECOND_EIM_ID)
    made.write(directory, "eim2-signing")
    return made
