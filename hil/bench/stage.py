"""A rig with one eIM that an agent visits, and what is seen of each visit."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.bench.agent import AgentSetup, MeasuredAgent
from hil.bench.errors import AgentError
from hil.bench.recorder import Recorder, Step
from hil.bench.rows import Transport
from hil.eim import EimProtocol
from hil.eim.content import Content
from hil.eim.tls import TlsKnobs
from hil.link import PRESETS
from hil.rig import FIRST_EIM, Rig, RigOptions
from hil.rig.endpoint import EimEndpoint
from hil.rig.timeline import Event, Interface

NOTHING: Final = bytes.fromhex("BF4F03020101")
"""GetEimPackageResponse with eimPackageError noEimPackageAvailable (SGP.32 6.3.2.6)."""

_WITHIN: Final = 900.0


@dataclass(frozen=True)
class Exchange:
    """A message of the IPA and its answer, in ASN.1 whatever the binding.

    `position` is that of the link's recorder when the eIM had the whole request and had sent nothing of its answer.
    """

    function: str
    request: bytes
    response: bytes
    position: int


@dataclass(frozen=True)
class Visit:
    """What an agent did from one call to the next."""

    steps: Sequence[Step]
    exchanges: Sequence[Exchange]
    """Their positions are those within `steps`."""
    commands: int
    """APDUs for the eUICC."""


class Stage:
    """Use `open_stage`. `quiet`: seconds without a packet after which a visit is over."""

    def __init__(self, rig: Rig, agent: MeasuredAgent, quiet: float) -> None:
        self.rig = rig
        self.agent = agent
        self._quiet = quiet
        self._exchanges: list[Exchange] = []
        self._request = (b"", "")
        self._touched = 0.0
        self._moved = asyncio.Event()
        self._recorder = Recorder(rig.link.meter, self._touch)
        self._forget = rig.timeline.subscribe(self._note)

    @property
    def eim(self) -> EimEndpoint:
        """The eIM that is visited."""
        return self.rig.eim(FIRST_EIM)

    def close(self) -> None:
        """Look no longer."""
        self._forget()
        self._recorder.close()

    def queue(self, *contents: Content) -> None:
        """Packages for the next visit."""
        for content in contents:
            self.eim.core.queue(self.rig.eid, content)

    async def watch(self, visit: Callable[[], Awaitable[None]]) -> Visit:
        """Let a visit happen, and wait for its end: everything is done and the link is quiet.

        Raises AgentError when that does not come.
        """
        exchanges, commands = len(self._exchanges), self.rig.timeline.totals[Interface.APDU].out
        begin = self._recorder.position
        await visit()
        try:
            async with asyncio.timeout(_WITHIN):
                while not self._over(exchanges):
                    await self._stir()
        except TimeoutError:
            raise AgentError(f"no end of a visit: {[one.function for one in self._exchanges[exchanges:]]}") from None
        self.rig.link.settle()
        return Visit(
            self._recorder.steps[begin:],
            [
                Exchange(one.function, one.request, one.response, one.position - begin)
                for one in self._exchanges[exchanges:]
            ],
            self.rig.timeline.totals[Interface.APDU].out - commands,
        )

    async def visit_once(self) -> Visit:
        """A process of its own."""
        return await self.watch(lambda: self.agent.run("run", "--once"))

    async def visit_again(self, process: asyncio.subprocess.Process) -> Visit:
        """The process that stays is told to poll."""

        async def tell() -> None:
            process.send_signal(signal.SIGUSR1)

        return await self.watch(tell)

    async def _stir(self) -> None:
        """Until something goes over the link, or it is quiet for long enough."""
        self._moved.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._quiet):
                await self._moved.wait()

    def _over(self, before: int) -> bool:
        asked = [one for one in self._exchanges[before:] if one.function == "GetEimPackage"]
        if not asked or asked[-1].response != NOTHING:
            return False
        if any(package.open for package in self.eim.core.association(self.rig.eid).packages):
            return False
        return self.rig.clock.monotonic() - self._touched >= self._quiet

    def _touch(self) -> None:
        self._touched = self.rig.clock.monotonic()
        self._moved.set()

    def _note(self, event: Event) -> None:
        if event.interface is not Interface.ESIPA:
            return
        name, _, text = event.text.partition(" ")
        if name != FIRST_EIM:
            return
        if event.direction == ">":
            self._request = (bytes.fromhex(event.data), text)
            return
        request, function = self._request
        self._exchanges.append(Exchange(function, request, bytes.fromhex(event.data), self._recorder.position))


@asynccontextmanager
async def open_stage(folder: Path, transport: Transport, quiet: float, setup: AgentSetup) -> AsyncIterator[Stage]:
    """A fresh device that knows its eIM and has visited it once, on a link of preset `none`.

    Raises RigError, AgentError.
    """
    options = RigOptions(
        folder / "rig",
        indirect=frozenset((FIRST_EIM,)),
        eim_protocols=(EimProtocol.HTTPS, EimProtocol.COAPS),
        tls=TlsKnobs(transport.tls),
    )
    async with Rig(options) as rig:
        identity = rig.eim(FIRST_EIM).core.identity
        measured = MeasuredAgent(folder / "agent", rig.tty, identity.eim_id, transport.binding, setup)
        with contextlib.closing(Stage(rig, measured, quiet)) as stage:
            await measured.run("eim", "add", str(rig.initial_eim_file))
            await stage.visit_once()
            yield stage


def set_link(rig: Rig, preset: str) -> None:
    """Another radio from now on. Raises KeyError for an unknown preset."""
    rig.link.profile = PRESETS[preset]
