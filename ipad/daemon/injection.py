"""Injection in the daemon: listeners that come and go with their address, and the desk between them and the service.

Only the service uses the eUICC, one thing after the other. A listener leaves a message at the desk, which takes one at
a time and only while the service has nothing to do; whoever comes otherwise is told to come again.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from ipad.clock import Clock
from ipad.endings import called_off
from ipad.errors import ConfigError
from ipad.net.serving import Answer
from ipad.policy.backoff import doubled
from ipad.procedures.context import Ipa
from ipad.procedures.injection import InjectionMemory, complete, take
from ipad.procedures.report import EimReport, RunReport
from ipad.records import dataclass

logger = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 5.0
_LONGEST_PAUSE: Final = 60.0
_WATCH: Final = 30.0
"""Seconds between two looks at whether the interface is still the one that the listener is bound to."""


class Injection:
    """One message at the desk: it is answered once, with `give` or `refuse`."""

    def __init__(self, eim_id: str, message: bytes, desk: InjectionDesk) -> None:
        self.eim_id = eim_id
        self.message = message
        self._desk = desk
        loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[Answer] = loop.create_future()
        self.taken = asyncio.Event()
        self._sent: asyncio.Future[bool] = loop.create_future()

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for an answer any more: it was given, or the sender has gone."""
        return self.answer.done()

    async def give(self, body: bytes | None) -> bool:
        """Answer, and say whether that went out. None: there is no answer over this connection."""
        if self.abandoned:
            return False
        self.answer.set_result(Answer(body=body, sent=self._note))
        try:
            async with asyncio.timeout(self._desk.patience):
                return await self._sent
        except TimeoutError:
            return False

    def refuse(self) -> None:
        """Answer that it has to be asked again."""
        if not self.abandoned:
            self.answer.set_result(Answer(retry_after=self._desk.retry_after))

    @property
    def memory(self) -> InjectionMemory:
        """What was injected before in this process."""
        return self._desk.memory

    def _note(self, sent: bool) -> None:
        if not self._sent.done():
            self._sent.set_result(sent)


class InjectionDesk:
    """Where listeners leave messages and the service finds them. `wake` is called for each new one.

    `retry_after`: seconds after which a peer that is turned away may come again; `patience`: seconds that an answer may
    take to go out. `linger`: seconds that a message may wait while the one before is rounded off, for an eIM
    acknowledges a result as soon as it has it.
    """

    def __init__(
        self, wake: Callable[[], None], *, retry_after: int = 30, patience: float = 60.0, linger: float = 10.0
    ) -> None:
        self._wake = wake
        self.retry_after = retry_after
        self.patience = patience
        self.memory = InjectionMemory()
        self._linger = linger
        self._open = False
        self._served: Injection | None = None
        self._waiting: Injection | None = None

    async def submit(self, eim_id: str, message: bytes) -> Answer:
        """Have a message answered by the service; busy unless it has nothing else to do, or soon will."""
        answered = self._served is not None and self._served.abandoned
        if not (self._open or answered) or self._waiting is not None:
            return Answer(retry_after=self.retry_after)
        injection = Injection(eim_id, message, self)
        self._waiting = injection
        self._wake()
        try:
            await self._until_taken(injection)
            return await injection.answer
        finally:
            injection.answer.cancel()  # if there is none yet, the sender has gone
            if self._waiting is injection:
                self._waiting = None

    async def _until_taken(self, injection: Injection) -> None:
        try:
            async with asyncio.timeout(self._linger):
                await injection.taken.wait()
        except TimeoutError:
            if not injection.taken.is_set():
                injection.refuse()

    @contextmanager
    def idle(self) -> Iterator[None]:
        """While this lasts messages are taken."""
        self._open, self._served = True, None
        try:
            yield
        finally:
            self._open = False

    def take(self) -> Injection | None:
        """The message that waits; the service must answer it."""
        injection, self._waiting = self._waiting, None
        if injection is not None:
            injection.taken.set()
        self._served = injection
        return injection

    def clear(self) -> None:
        """Turn away the message that waits: the eUICC cannot be used."""
        injection = self.take()
        if injection is not None:
            injection.refuse()


async def serve(ipa: Ipa, injection: Injection) -> RunReport:
    """Do what the message asks for, answer it, and end the matter when it is known whether the answer went out.

    Raises CardError, PortError, StateError; the eIM is told to come again then.
    """
    try:
        injected = await take(ipa, injection.eim_id, injection.message, injection.memory)
    except BaseException:
        injection.refuse()
        raise
    if injected.busy:
        injection.refuse()
        return RunReport()
    sent = await injection.give(None if injected.answer is None else injected.answer.encode())
    try:
        packages = await complete(ipa, injected, sent=sent)
    finally:
        await ipa.eims.close_all()
    return RunReport(eims=(EimReport(eim_id=injection.eim_id, packages=packages),) if packages else ())


class Listening(Protocol):
    """A server that can be started once."""

    async def start(self, host: str, port: int, *, interface: str = "") -> int:
        """Listen; the port. Raises OSError, ConfigError."""
        ...

    async def close(self) -> None:
        """Stop."""
        ...


@dataclass(frozen=True, slots=True)
class Doorway:
    """One address to listen at. `make` makes the server for it."""

    url: str
    host: str
    port: int
    interface: str
    make: Callable[[], Listening]


class InjectionServer:
    """All listeners of the configuration. An address or interface that is not there yet is waited for."""

    def __init__(
        self,
        doorways: tuple[Doorway, ...],
        clock: Clock,
        interface_index: Callable[[str], int] = socket.if_nametoindex,
    ) -> None:
        self._doorways = doorways
        self._clock = clock
        self._interface_index = interface_index
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: dict[str, Listening] = {}
        self.ports: dict[str, int] = {}
        """Where it listens now, by the address in the configuration."""

    async def start(self) -> None:
        """Begin to listen, in the background. Raises ConfigError for a certificate or key that cannot be used."""
        for doorway in self._doorways:
            problem = await self._open(doorway)
            if problem:
                logger.warning("injection: %s cannot listen yet: %s", doorway.url, problem)
            self._tasks.append(asyncio.create_task(self._keep(doorway, problem)))

    async def close(self) -> None:
        """Listen no more; connections are broken off."""
        await called_off(*self._tasks)
        self._tasks = []
        for doorway in self._doorways:
            await self._shut(doorway)

    async def _open(self, doorway: Doorway) -> str:
        """Listen; why that cannot be yet, "" when it can. Raises ConfigError."""
        server = doorway.make()
        try:
            port = await server.start(doorway.host, doorway.port, interface=doorway.interface)
        except OSError as error:
            await server.close()
            return str(error)
        self._servers[doorway.url], self.ports[doorway.url] = server, port
        where = f" on {doorway.interface}" if doorway.interface else ""
        logger.info("injection: listening at %s%s", doorway.url, where)
        return ""

    async def _shut(self, doorway: Doorway) -> None:
        self.ports.pop(doorway.url, None)
        server = self._servers.pop(doorway.url, None)
        if server is not None:
            await server.close()

    async def _keep(self, doorway: Doorway, problem: str) -> None:
        try:
            while True:
                if doorway.url not in self._servers:
                    await self._open_when_possible(doorway, problem)
                await self._while_it_serves(doorway)
                logger.info("injection: %s is another interface now, listening anew", doorway.interface)
                await self._shut(doorway)
                problem = ""
        except ConfigError as error:
            logger.error("injection: %s is closed: %s", doorway.url, error)

    async def _open_when_possible(self, doorway: Doorway, last: str) -> None:
        """Try until it works; each problem is logged once, `last` was."""
        failures = 0
        while True:
            failures += 1
            await self._clock.sleep(doubled(_FIRST_PAUSE, _LONGEST_PAUSE, failures))
            problem = await self._open(doorway)
            if not problem:
                return
            if problem != last:
                logger.warning("injection: %s cannot listen yet: %s", doorway.url, problem)
            last = problem

    async def _while_it_serves(self, doorway: Doorway) -> None:
        """Return when the interface is no longer the one of the beginning; without an interface never."""
        if not doorway.interface:
            await asyncio.Event().wait()
        index = self._index(doorway.interface)
        while (now := self._index(doorway.interface)) is None or now == index:
            index = index or now
            await self._clock.sleep(_WATCH)

    def _index(self, interface: str) -> int | None:
        try:
            return self._interface_index(interface)
        except OSError:
            return None  # gone for now; when it comes back it may be another one
