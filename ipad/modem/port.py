"""The AT port: one command in flight, a limit for every wait, resynchronisation, and a line that may vanish.

Commands queue up; each gets its own answer or an error. After a timeout (or a cancelled wait) the late answer is
still to come, so the port first finds back into step before it sends the next command. A port whose line was lost is
opened again by name when the next command comes, or by `reopen()`, which waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Self, TypeVar

from ipad.board import Board, Timeouts
from ipad.clock import Clock
from ipad.errors import ModemError, PortError, PortTimeoutError
from ipad.modem import timeouts
from ipad.modem.answer import AtAnswer
from ipad.modem.at import AtParser, Completed, Event, Ignored, Prompt, Urc
from ipad.modem.command_text import check_line, shown
from ipad.modem.errortext import describe_error, error_code, is_transient
from ipad.modem.line_rate import SEARCH_LIMIT, Ask, LineRates
from ipad.modem.link import LinkOpener, ModemControl, SerialLink
from ipad.modem.urc import UrcTable
from ipad.modem.waiting import within
from ipad.records import dataclass, field

logger = logging.getLogger(__name__)

T = TypeVar("T")

TRACE: Final = 5
"""Log level of the bytes on the line, below DEBUG."""

_ESCAPE = b"\x1b"
_SETTLE = 0.3
"""Seconds of silence after which a result that came belongs to nobody else."""
_PROBE_TIMEOUT = 1.0
_RESYNC_TRIES = 4
_UNTERMINATED = 0.5
_DTR_FLASH = 1.0
_LATE = 30.0
"""Seconds beyond its limit in which a command may end, on a slow processor."""
_SHOWN_ERROR = 120
_REOPEN_DELAYS = (0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class PortSettings:
    """What a board says about the dialogue. `init` are commands whose failure is logged only."""

    name: str
    urcs: tuple[str, ...] = ()
    init: tuple[str, ...] = ("ATE0", "ATV1", "AT+CMEE=1", "ATQ0")
    init_fatal: tuple[str, ...] = ()
    probe_tries: int = 6
    max_line: int = 2048
    eol: str = "\r"
    dtr_flash: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)

    @classmethod
    def of_board(cls, board: Board, name: str) -> Self:
        """What the definition says, for a line that messages call `name`."""
        return cls(
            name=name,
            urcs=board.at.urcs,
            init=board.at.init,
            init_fatal=board.at.init_fatal,
            probe_tries=board.at.probe_tries,
            max_line=board.at.max_line,
            eol=board.serial.eol,
            dtr_flash=board.serial.dtr_flash,
            timeouts=board.at.timeouts,
        )


class AtPort:
    """One serial line to a modem. All methods belong to one event loop."""

    def __init__(
        self, opener: LinkOpener, settings: PortSettings, clock: Clock, rates: LineRates | None = None
    ) -> None:
        self.rates = rates or LineRates()
        self._opener = opener
        self._settings = settings
        self._clock = clock
        self._parser = AtParser(UrcTable(settings.urcs))
        self._link: SerialLink | None = None
        self._lock = asyncio.Lock()
        self._result: asyncio.Future[Completed] | None = None
        self._due: tuple[str, float] | None = None
        self._subscribers: list[Callable[[str], None]] = []
        self._in_step = True
        self._noise = ""
        self._openings = 0
        self._heard_at = clock.monotonic()
        self._losses: list[Callable[[], None]] = []
        self._terminator: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Name of the line, for messages."""
        return self._settings.name

    @property
    def is_open(self) -> bool:
        """Whether there is a line."""
        return self._link is not None

    @property
    def in_step(self) -> bool:
        """Whether no late answer is to be expected."""
        return self._in_step

    @property
    def link(self) -> SerialLink | None:
        """The line, None while there is none."""
        return self._link

    @property
    def openings(self) -> int:
        """How often the dialogue was started: what a modem forgets at a restart must be set again when this grows."""
        return self._openings

    @property
    def heard_at(self) -> float:
        """Monotonic time of the last line or final result of the modem."""
        return self._heard_at

    def late(self, now: float) -> str | None:
        """The command in flight if it should have ended by a monotonic moment; its own limit did not end it then."""
        if self._due is None or now <= self._due[1] + _LATE:
            return None
        return f"{self.name}: {shown(self._due[0])} has not ended within its limit"

    @property
    def max_line(self) -> int:
        """Longest command line in characters, without CR, that the modem takes."""
        return self._settings.max_line

    def subscribe(self, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with every unsolicited line; returns what ends the subscription."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def on_loss(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` when the line is hung up from the other side; returns what ends that."""
        self._losses.append(callback)

        def forget() -> None:
            if callback in self._losses:
                self._losses.remove(callback)

        return forget

    async def open(self) -> None:
        """Open the line and bring the dialogue into a known state.

        Raises PortError (missing, busy) or PortTimeoutError (silent, or nothing but garbage). No-op when open.
        """
        async with self._lock:
            await self._ensure_open()

    async def close(self) -> None:
        """Give the line back. A command in flight fails. Later commands open it anew. Idempotent."""
        self._drop(PortError(f"{self.name} was closed"))

    async def reopen(self, limit: float) -> None:
        """Close the line and wait until it opens again and answers, as after a reset of the modem.

        Raises the last PortError when that takes longer than `limit` seconds.
        """
        self._drop(PortError(f"{self.name} is being opened anew"))
        deadline = self._clock.monotonic() + limit
        attempt = 0
        while True:
            try:
                await self.open()
            except PortError:
                delay = _REOPEN_DELAYS[min(attempt, len(_REOPEN_DELAYS) - 1)]
                attempt += 1
                if self._clock.monotonic() + delay >= deadline:
                    raise
                await self._clock.sleep(delay)
            else:
                return

    async def renew(self) -> None:
        """Start the dialogue anew on the open line, as after a restart of a modem whose line stayed.

        Waits for the command in flight. Raises PortError as `open` does.
        """
        async with self._lock:
            if self._link is None:
                await self._ensure_open()
                return
            await self._start()

    async def command(self, command: str, *, limit: float | None = None) -> AtAnswer:
        """Send one command line (without CR) and return what came before its OK.

        `limit` is in seconds, None takes the table. Raises ModemError for any other final result, PortTimeoutError
        when none came, PortError when the line is missing or was lost.
        """
        check_line(command, self.max_line)
        async with self._lock:
            await self._ensure_open()
            if not self._in_step:
                await self._resynchronise()
            return await self._run(command, self._limit(command) if limit is None else limit)

    async def alone(self, work: Callable[[Ask, SerialLink], Awaitable[T]]) -> T:
        """Let `work` have the dialogue: no other command comes in between. Raises what `work` does, and PortError."""
        async with self._lock:
            await self._ensure_open()
            if not self._in_step:
                await self._resynchronise()
            if self._link is None:
                raise PortError(f"{self.name} is closed")
            return await work(self._run, self._link)

    async def send_unanswered(self, *commands: str) -> None:
        """Send command lines without waiting for results, where the line may vanish at the first of them."""
        async with self._lock:
            await self._ensure_open()
            self._in_step = False
            for command in commands:
                check_line(command, self.max_line)
            # One write: after the first command there may be no line to write to.
            self._send("".join(f"{command}{self._settings.eol}" for command in commands).encode("latin-1", "replace"))

    async def _ensure_open(self) -> None:
        if self._link is not None:
            return
        self._parser.reset()
        self._noise = ""
        link = await self._opener()
        self._link = link
        self.rates.opened()
        link.set_receiver(self)
        self._in_step = True
        await self._start()

    async def _start(self) -> None:
        try:
            await self._initialise()
        except BaseException:
            self._drop(PortError(f"{self.name}: the start of the dialogue failed"))
            raise
        self._openings += 1

    async def _initialise(self) -> None:
        """Find the modem, then set what we rely on."""
        await self._find()
        for command in (*self._settings.init, *self._settings.init_fatal):
            try:
                await self._run(command, self._limit(command), numeric=True)
            except (ModemError, PortTimeoutError) as error:
                if command in self._settings.init_fatal:
                    raise
                logger.info("%s", error)
                if not self._in_step:
                    await self._resynchronise()
        await self._check_step()

    async def _find(self) -> None:
        """Have the modem answer (a UART that detects the speed swallows the first lines), at its own rate."""
        refusal: ModemError | None = None
        rates = self.rates
        for attempt, rate in enumerate(rates.attempts(self._settings.probe_tries, self._link)):
            if not rates.reached(self._link, rate):
                continue
            try:
                # A modem left in ATQ1 answers nothing to AT.
                limit = _PROBE_TIMEOUT if rate == rates.base else SEARCH_LIMIT
                await self._run("ATQ0" if attempt % 2 else "AT", limit, numeric=True)
                break
            except (PortTimeoutError, ModemError) as error:
                logger.debug("%s: attempt %d: %s", self.name, attempt + 1, error)
                if refusal is None and isinstance(error, ModemError):
                    refusal = error
                if attempt == 1:
                    await self._flash_dtr()
        else:
            rates.tune(self._link, rates.base)
            raise self._silent() if refusal is None else self._refusing(refusal)
        rates.found = rates.current
        if self._link is not None:
            await rates.back(self._clock, self._run, self._link)

    async def _flash_dtr(self) -> None:
        """Drop DTR for a moment (V.250 6.3.8): a modem that a killed PPP daemon left in data mode listens again."""
        if not self._settings.dtr_flash or not isinstance(self._link, ModemControl):
            return
        self._link.set_dtr(False)
        await self._clock.sleep(_DTR_FLASH)
        if isinstance(self._link, ModemControl):
            self._link.set_dtr(True)

    async def _check_step(self) -> None:
        """Make sure that answers belong to their commands: a result left by an earlier user shifts them by one."""
        try:
            answer = await self._run("AT+CMEE?", self._limit("AT+CMEE?"))
        except (ModemError, PortTimeoutError) as error:
            logger.debug("%s", error)
            answer = None
        if not self._in_step:
            await self._resynchronise()
        elif answer is None or answer.value("+CMEE") is None:
            await self._settle()

    def _limit(self, command: str) -> float:
        return timeouts.limit(command, self._settings.timeouts)

    def _silent(self) -> PortTimeoutError:
        tries = self._settings.probe_tries
        if self._noise:
            return PortTimeoutError(
                f"{self.name}: expected OK to {tries} AT commands, got what is no AT result, such as {self._noise!r}",
                hint="check the line speed, and that this is the AT port of the modem",
            )
        return PortTimeoutError(
            f"{self.name}: no answer to {tries} AT commands",
            hint="check power, cable and line speed, and that no other program uses the port",
        )

    def _refusing(self, refusal: ModemError) -> PortError:
        # No ModemError: that would say that one command was refused and the dialogue goes on.
        return PortError(
            f"{refusal}; none of {self._settings.probe_tries} commands was answered OK",
            hint="check that this is the AT port of the modem; reset the modem",
        )

    async def _run(self, command: str, limit: float, *, numeric: bool = False) -> AtAnswer:
        result: asyncio.Future[Completed] = asyncio.get_running_loop().create_future()
        self._result = result
        self._due = (command, self._clock.monotonic() + limit)
        self._parser.begin(command, numeric=numeric)
        try:
            self._send(command.encode("latin-1", errors="replace") + self._settings.eol.encode())
            completed = await within(self._clock, limit, result)
        except TimeoutError as error:
            self._in_step = False
            lines = self._parser.abandon()
            self._noise = self._noise or (lines[-1][:60] if lines else "")
            got = f"; so far: {shown(lines[-1])!r}" if lines else ""
            raise PortTimeoutError(
                f"{self.name}: no result of {shown(command)} within {limit:g} s{got}",
            ) from error
        except asyncio.CancelledError:
            self._in_step = False
            raise
        finally:
            self._result = self._due = None
            self._parser.abandon()
            result.cancel()
        if not completed.ok:
            raise self._refused(command, completed)
        return AtAnswer(command, completed.lines)

    def _refused(self, command: str, completed: Completed) -> ModemError:
        text = describe_error(completed.final[:_SHOWN_ERROR], completed.code)
        return ModemError(
            f"{self.name}: {shown(command)} was answered {text}",
            code=error_code(completed.final, completed.code),
            transient=is_transient(completed.final, completed.code),
        )

    async def _resynchronise(self) -> None:
        """Send AT and discard until its OK, and whatever else was still on its way."""
        for _ in range(_RESYNC_TRIES):
            try:
                await self._run("AT", self._limit("AT"))
            except PortTimeoutError:
                continue
            except ModemError:
                pass  # the late result of the earlier command
            await self._settle()
            self._in_step = True
            logger.debug("%s: in step again", self.name)
            return
        raise PortTimeoutError(f"{self.name}: the modem does not answer any more", hint="reset the modem")

    async def _settle(self) -> None:
        """Discard results until nothing came for a while."""
        while True:
            result: asyncio.Future[Completed] = asyncio.get_running_loop().create_future()
            self._result = result
            self._parser.begin("", numeric=True)
            try:
                await within(self._clock, _SETTLE, result)
            except TimeoutError:
                return
            finally:
                self._result = None
                self._parser.abandon()

    def _send(self, data: bytes) -> None:
        if self._link is None:
            raise PortError(f"{self.name} is closed")
        if logger.isEnabledFor(TRACE):
            logger.log(TRACE, "%s > %s", self.name, shown(data.decode("latin-1").strip()))
        try:
            self._link.write(data)
        except PortError as error:
            self._drop(error)
            raise

    def data_received(self, data: bytes) -> None:
        """Bytes from the link."""
        if self.rates.spoiled(data):
            self._give_up(PortTimeoutError(f"{self.name}: garbage at {self.rates.current} bit/s"))
            return
        for event in self._parser.feed(data):
            self._handle(event)
        if self._parser.unterminated_final:
            if self._terminator is None or self._terminator.done():
                self._terminator = asyncio.ensure_future(self._terminate())
        elif self._terminator is not None:
            self._terminator.cancel()
            self._terminator = None

    def _handle(self, event: Event) -> None:
        if isinstance(event, Urc | Completed):
            self._heard_at = self._clock.monotonic()
        match event:
            case Urc(line):
                self._publish(line)
            case Completed():
                if logger.isEnabledFor(TRACE):
                    logger.log(TRACE, "%s < %s %s", self.name, [shown(line) for line in event.lines], event.final)
                if self._result is not None and not self._result.done():
                    self._result.set_result(event)
            case Prompt():
                self._leave_prompt()
            case Ignored(line, reason):
                if reason != "echo":
                    self._noise = self._noise or line[:60]
                    logger.debug("%s: ignored %r: %s", self.name, shown(line[:200]), reason)

    def _leave_prompt(self) -> None:
        logger.debug("%s: the modem waits for data, escape sent", self.name)
        try:
            self._send(_ESCAPE)
        except PortError as error:
            logger.info("%s", error)  # the running command has failed with the same error

    def link_lost(self, error: PortError) -> None:
        """The line was hung up."""
        logger.info("%s", error)
        self._drop(error)
        for callback in tuple(self._losses):
            callback()

    def _publish(self, line: str) -> None:
        logger.debug("%s: %s", self.name, shown(line))
        for callback in tuple(self._subscribers):
            callback(line)

    async def _terminate(self) -> None:
        """End a final result whose line end does not come."""
        await self._clock.sleep(_UNTERMINATED)
        if self._parser.unterminated_final:
            self.data_received(b"\r")

    def _drop(self, error: PortError) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
        self._parser.reset()
        if self._terminator is not None:
            self._terminator.cancel()
            self._terminator = None
        self._fail(error)

    def _give_up(self, error: PortError) -> None:
        """What comes makes no sense any more: the answer to the command in flight is lost."""
        self._in_step = False
        self._fail(error)

    def _fail(self, error: PortError) -> None:
        if self._result is not None and not self._result.done():
            self._result.set_exception(error)
