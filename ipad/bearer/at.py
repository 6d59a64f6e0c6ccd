"""The back end that dials by AT commands: AT+CGDCONT, AT+CGAUTH, AT+CGACT (3GPP TS 27.007 10.1).

Only what differs is written: the contexts lie in the modem's flash. A context of the LTE attach takes effect with the
next attach, so a change of it makes the modem attach anew. A link that the network ended is dialled again when the
modem is registered, with growing pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from ipad.bearer.backend import Apn, Auth, BearerReason, BearerRequest
from ipad.bearer.context import (
    Credentials,
    Definition,
    credentials_command,
    define_command,
    parse_credentials,
    parse_definition,
)
from ipad.bearer.interface import read_interface
from ipad.bearer.redial import Redial
from ipad.bearer.session import InterfaceReader, LinkSession
from ipad.clock import Clock
from ipad.errors import BearerError, ModemError
from ipad.modem.bearer import parse_cgact, parse_cgatt, parse_cgpaddr
from ipad.modem.modem import Modem

logger = logging.getLogger(__name__)

_LASTING_REFUSALS: Final = frozenset({127, 128, 129, 132, 133, 149, 192, 193})
"""+CME numbers that say that this access point will not do (TS 27.007 9.2.2)."""


class AtBearer:
    """One context of one modem. `cid` None takes that of the board."""

    def __init__(
        self,
        modem: Modem,
        clock: Clock,
        interface: str = "",
        *,
        cid: int | None = None,
        read: InterfaceReader = read_interface,
    ) -> None:
        self._modem = modem
        self._port = modem.port
        self._rules = modem.board.bearer
        self._clock = clock
        self._cid = self._rules.cid if cid is None else cid
        self._session = LinkSession(modem, interface, read)
        self._lock = asyncio.Lock()
        self._redial = Redial()
        self._request: BearerRequest | None = None
        self._written: Apn | None = None
        self._link: str | None = None
        self._started = False

    async def bring_up(self, request: BearerRequest) -> None:
        """Write the context where it differs, and dial; without registration the dial follows it.

        Raises BearerError when the modem refuses context or link, PortError when it is away.
        """
        async with self._lock:
            self._request = request
            self._redial.reset()
            if request.reason is BearerReason.PROFILE_CHANGED:
                self._started = False
            await self._configure(request.access)
            if await self._modem.registered_for_data():
                await self._dial()

    async def take_down(self, reason: BearerReason) -> None:
        """End the link; the bearer that an LTE modem must keep while attached is left (TS 24.301 6.4.4)."""
        async with self._lock:
            self._request = None
            self._started = False
            logger.info("%s: taking context %d down (%s)", self._port.name, self._cid, reason)
            for command in (*self._commands(self._rules.stop), f"AT+CGACT=0,{self._cid}"):
                await self._tolerant(command)

    async def session(self) -> str | None:
        """What modem and interface show. Dials again where the link is wanted, possible and gone. Raises PortError."""
        async with self._lock:
            link = await self._session.modem_session()
            if link is None or (self._link is not None and link != self._link):
                self._started = False
            self._link = link
            complete = link is not None and (self._started or not self._rules.start)
            if complete:
                self._redial.reset()
            elif self._request is not None and self._redial.due(self._clock.monotonic()):
                await self._dial_again()
        return self._session.whole(link)

    def package(self) -> AbstractAsyncContextManager[None]:
        """The port is ours alone: nobody has to step aside."""
        return contextlib.nullcontext()

    async def close(self) -> None:
        """Nothing is held; the link stays."""

    async def _configure(self, access: Apn) -> None:
        """Bring definition and credentials of the context to what is wanted."""
        present = parse_definition(await self._lines("AT+CGDCONT?"), self._cid)
        changed = not Definition.of(access).same_as(present)
        credentials, other_user = await self._credentials(access)
        groups = ((define_command(access, self._cid),) if changed else (), credentials)
        commands = tuple(group for group in groups if group)
        if not commands:
            return
        if (changed or other_user) and await self._attached():
            await self._write_detached(commands)
        elif changed or other_user or self._cid not in await self._active():
            await self._write(commands)
        else:
            # What stands in the modem cannot be compared, and the link is up: it takes effect with the next one.
            await self._first_accepted(credentials)
        self._written = access
        self._started = self._started and not changed

    async def _credentials(self, access: Apn) -> tuple[tuple[str, ...], bool]:
        """The commands of which one sets the credentials, none where they are right; are they known to differ?"""
        commands = tuple(credentials_command(access, self._cid, style) for style in self._rules.auth)
        if self._rules.auth[0] == "cgauth":
            try:
                answer = await self._port.command("AT+CGAUTH?")
            except ModemError as error:
                logger.debug("%s", error)
            else:
                present = parse_credentials(answer.lines, self._cid)
                if present != Credentials.of(access):
                    return commands, True
                if access.auth is Auth.NONE:
                    return (), False
        if self._written is not None:
            before = (self._written.auth, self._written.user, self._written.password)
            same = before == (access.auth, access.user, access.password)
            return ((), False) if same else (commands, True)
        return commands, False

    async def _write_detached(self, commands: Sequence[tuple[str, ...]]) -> None:
        """Write while the modem has left the network: many refuse to change a context in use."""
        reattach = self._rules.reattach if self._cid == self._rules.cid else ()
        logger.info("%s: context %d changes; the link is set up anew", self._port.name, self._cid)
        for command in (*self._commands(self._rules.stop), f"AT+CGACT=0,{self._cid}"):
            await self._tolerant(command)
        try:
            for command in reattach[:-1]:
                await self._tolerant(command)
            await self._write(commands)
        finally:
            for command in reattach[-1:]:
                await self._tolerant(command)

    async def _write(self, commands: Sequence[tuple[str, ...]]) -> None:
        """Send of each group what is accepted first; a modem that knows no credentials serves who needs none."""
        for group in commands:
            refusal = await self._first_accepted(group)
            if refusal is None:
                continue
            defines = group[0].startswith("AT+CGDCONT=")
            if defines or self._request is None or self._request.access.auth is not Auth.NONE:
                raise BearerError(f"the context cannot be set: {refusal}", transient=refusal.transient) from refusal

    async def _first_accepted(self, commands: Sequence[str]) -> ModemError | None:
        """Send until one is accepted: None. Else what the first was answered. Raises PortError."""
        first: ModemError | None = None
        for command in commands:
            try:
                await self._port.command(command)
            except ModemError as error:
                logger.info("%s", error)
                first = first or error
            else:
                return None
        return first

    async def _dial_again(self) -> None:
        """Dial for a link that is wanted; a refusal is logged, for nobody asked just now."""
        if not await self._modem.registered_for_data():
            return
        try:
            await self._dial()
        except BearerError as error:
            logger.warning("%s", error)

    async def _dial(self) -> None:
        """Bring the context up, and the host's interface where that is a command of its own."""
        self._redial.tried(self._clock.monotonic())
        if not self._started:
            self._started = await self._start()
        if self._started or self._cid in await self._active():
            return
        try:
            await self._port.command(f"AT+CGACT=1,{self._cid}")
        except ModemError as error:
            lasting = error.code in _LASTING_REFUSALS
            raise BearerError(f"the network gives no link: {error}", transient=not lasting) from error
        if self._cid not in await self._active() or not await self._addressed():
            raise BearerError(f"{self._port.name}: context {self._cid} was activated, but has no address")

    async def _start(self) -> bool:
        """Connect the interface of the host where that takes a command; whether one was accepted."""
        commands = self._commands(self._rules.start)
        return bool(commands) and await self._first_accepted(commands) is None

    async def _active(self) -> tuple[int, ...]:
        return parse_cgact(await self._lines("AT+CGACT?"))

    async def _addressed(self) -> bool:
        """Whether the context has an address; true where the modem does not tell."""
        lines = await self._lines(f"AT+CGPADDR={self._cid}")
        return not lines or bool(parse_cgpaddr(lines).get(self._cid))

    async def _attached(self) -> bool:
        state = parse_cgatt(await self._lines("AT+CGATT?"))
        return state if state is not None else await self._modem.registered_for_data()

    def _commands(self, templates: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(template.replace("{cid}", str(self._cid)) for template in templates)

    async def _lines(self, command: str) -> tuple[str, ...]:
        try:
            return (await self._port.command(command)).lines
        except ModemError as error:
            logger.debug("%s", error)
            return ()

    async def _tolerant(self, command: str) -> None:
        """Send a command that may be refused. Raises PortError when the modem is away."""
        await self._first_accepted((command,))
