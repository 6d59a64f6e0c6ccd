"""Operations that people and programs ask of the running service: one at a time, between two polls.

Only the service uses modem and eUICC. Whoever wants something of them submits it here and waits; the service takes one
operation after the other, as it takes polls. An operation that has begun runs to its end, whoever has gone away
meanwhile, unless it is cancelled: then it is unwound as everything is when the service stops, so that no chain of
commands to the eUICC is cut in the middle.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from itertools import count
from typing import Any, Final, Generic, TypeVar

from ipad.clock import Clock
from ipad.errors import BusyError, CardError, IpadError, ModemError, NotFoundError, PortError, StatusWordError
from ipad.procedures.progress import ProgressEvent
from ipad.records import dataclass

logger = logging.getLogger(__name__)

A = TypeVar("A")
T = TypeVar("T")

_REMEMBERED: Final = 16
"""Operations that can be asked about after their end."""
_PROGRESS: Final = 128
"""Progress events that are kept of each operation; there are about 60 in a download."""


class Effect(StrEnum):
    """What an operation may do to the eUICC."""

    READ = "read"
    CHANGE = "change"
    SWITCH = "switch"  # another profile may be enabled behind it, or what was interrupted is taken up


class OperationState(StrEnum):
    """How far an operation has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for: `title` for people, and `who` asks (`user:NAME`), for the audit trail.

    `privileged`: by someone who may operate the device; others have few places in the queue. `patience`: seconds that
    it may wait for its turn.
    """

    title: str
    who: str
    effect: Effect = Effect.READ
    privileged: bool = True
    patience: float = 600.0


class Operation(Generic[A]):
    """One order on its way. `finished` is set at its end; then `state` says how it ended."""

    def __init__(self, number: int, order: Order, work: Callable[[A], Awaitable[Any]], begun: float) -> None:
        self.id = f"{number}"
        self.order = order
        self.state = OperationState.WAITING
        self.submitted = begun
        self.result: Any = None
        self.error: IpadError | None = None
        self.progress: deque[ProgressEvent] = deque(maxlen=_PROGRESS)
        self.news = asyncio.Event()
        self.finished = asyncio.Event()
        self._work: Callable[[A], Awaitable[Any]] | None = work
        self._task: asyncio.Task[Any] | None = None
        self._loss: IpadError | None = None

    async def run(self, agent: A, afterwards: Callable[[], Awaitable[None]] | None = None) -> None:
        """Do it. A failure is that of the operation alone; it is in `error`.

        `afterwards` is awaited before the end is told, where the eUICC may have changed: what is asked then is up to
        date. If it fails, the device has to be opened again.

        Raises CancelledError only when the caller is cancelled itself: the service stops.
        """
        work, self._work = self._work, None  # it may hold a confirmation code
        assert work is not None, "an operation is done once"
        self._task = task = asyncio.ensure_future(work(agent))
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            with suppress(asyncio.CancelledError, IpadError):
                await task
            self.give_up("the service stops")
            raise
        if task.cancelled():
            self.give_up("it was cancelled")
            return
        error = task.exception()
        if afterwards is not None and self.changes and (error is None or not _is_loss(error)):
            try:
                await afterwards()
            except IpadError as failure:
                self._loss = failure
        if error is None:
            self.result = task.result()
            self._end(OperationState.DONE)
        elif isinstance(error, IpadError):
            self.fail(error)
        else:
            logger.error("%s: %r", self.order.title, error, exc_info=error)
            self.fail(IpadError(f"{self.order.title}: an error of the agent itself: {error!r}"))

    def begin(self) -> None:
        """Its turn has come."""
        self.state = OperationState.RUNNING
        self._stir()

    def note(self, event: ProgressEvent) -> None:
        """Progress of it."""
        self.progress.append(event)
        self._stir()

    def fail(self, error: IpadError) -> None:
        """It has ended with an error."""
        if not self.finished.is_set():
            self.error = error
            self._end(OperationState.FAILED)

    def give_up(self, reason: str) -> None:
        """It is not done, or was ended on the way."""
        if not self.finished.is_set():
            self.error = BusyError(f"{self.order.title}: not done, {reason}")
            self._end(OperationState.CANCELLED)

    def cancel(self) -> None:
        """End it: at once while it waits, else as soon as it can be unwound."""
        if self._task is not None:
            self._task.cancel()
        else:
            self.give_up("it was cancelled")

    @property
    def changes(self) -> bool:
        """Whether it may have changed the eUICC."""
        return self.order.effect is not Effect.READ

    @property
    def device_lost(self) -> IpadError | None:
        """The error that says that modem and eUICC must be opened again, not only that a command was refused."""
        return self.error if self.error is not None and _is_loss(self.error) else self._loss

    def _end(self, state: OperationState) -> None:
        self.state, self._work = state, None
        self.finished.set()
        self._stir()

    def _stir(self) -> None:
        # Whoever waits holds the old event; a new one is for the next change.
        self.news.set()
        self.news = asyncio.Event()


def _is_loss(error: BaseException) -> bool:
    """Whether it says that there is no way to modem or eUICC any more."""
    return isinstance(error, PortError | CardError) and not isinstance(error, ModemError | StatusWordError)


class Operations(Generic[A]):
    """The queue between those who ask and the service that does it.

    `wake` is called for each new operation. `on_trial` says whether a profile has still to prove itself: what would
    switch profiles is refused then, because the rollback would not know what to go back to.
    """

    def __init__(
        self,
        clock: Clock,
        wake: Callable[[], None],
        *,
        on_trial: Callable[[], bool] = lambda: False,
        places: int = 16,
        public_places: int = 4,
    ) -> None:
        self._clock = clock
        self._wake = wake
        self._on_trial = on_trial
        self._places = places
        self._public_places = public_places
        self._numbers = count(1)
        self._waiting: deque[Operation[A]] = deque()
        self._known: deque[Operation[A]] = deque(maxlen=_REMEMBERED)
        self._running: Operation[A] | None = None
        self.told: Callable[[Operation[A]], None] = lambda _operation: None
        """Hears of the beginning and the end of an operation."""

    # For those who ask

    async def submit(
        self, operation: Callable[[A], Awaitable[T]], *, title: str, who: str, effect: Effect = Effect.READ
    ) -> T:
        """Have it done and wait for the result. Who is cancelled meanwhile cancels it while it only waits.

        Raises BusyError without a place or a turn, while a trial is open for what switches, and when the service stops;
        else what the operation raises.
        """
        entered = self.enter(operation, Order(title=title, who=who, effect=effect))
        result: T = await self.result(entered)
        return result

    def enter(self, work: Callable[[A], Awaitable[T]], order: Order) -> Operation[A]:
        """Put it into the queue. Raises BusyError."""
        if order.effect is Effect.SWITCH and self._on_trial():
            raise BusyError(
                f"{order.title}: not now, a change of profile is on trial and may be undone",
                hint="wait until it is decided, see ipad status",
            )
        public = sum(not operation.order.privileged for operation in self._waiting)
        if len(self._waiting) >= self._places or (not order.privileged and public >= self._public_places):
            raise BusyError(
                f"{order.title}: {len(self._waiting)} operations are waiting already", hint="try again later"
            )
        operation = Operation(next(self._numbers), order, work, self._clock.time())
        self._waiting.append(operation)
        self._known.append(operation)
        self._wake()
        return operation

    async def result(self, operation: Operation[A]) -> Any:
        """Wait for the end. Raises BusyError when its turn does not come in time, else what the operation raised."""
        patience = asyncio.ensure_future(self._lose_patience(operation))
        try:
            await operation.finished.wait()
        except asyncio.CancelledError:
            if operation.state is OperationState.WAITING:
                self._drop(operation, "nobody waits for it any more")
            raise
        finally:
            patience.cancel()
        if operation.error is not None:
            raise operation.error
        return operation.result

    def find(self, number: str) -> Operation[A]:
        """One of the last operations. Raises NotFoundError."""
        for operation in self._known:
            if operation.id == number:
                return operation
        raise NotFoundError(f"there is no operation {number!r}", hint="only the last ones are remembered")

    def cancel(self, number: str) -> Operation[A]:
        """End an operation, waiting or running; one that has ended stays as it is. Raises NotFoundError."""
        operation = self.find(number)
        if operation.state is OperationState.WAITING:
            self._drop(operation, "it was cancelled")
        elif operation.state is OperationState.RUNNING:
            operation.cancel()
        return operation

    @property
    def known(self) -> tuple[Operation[A], ...]:
        """The last operations, the oldest first."""
        return tuple(self._known)

    # For the service

    @property
    def waiting(self) -> bool:
        """Whether there is something to do."""
        return bool(self._waiting)

    def take(self) -> Operation[A] | None:
        """The next operation; the service must `carry_out` it."""
        while self._waiting:
            operation = self._waiting.popleft()
            if operation.order.effect is Effect.SWITCH and self._on_trial():
                operation.give_up("a change of profile is on trial and may be undone")
                self.told(operation)
            elif not operation.finished.is_set():
                return operation
        return None

    async def carry_out(
        self, operation: Operation[A], agent: A, afterwards: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Do it, as `Operation.run` says. It never raises but CancelledError, when the service stops."""
        self._running = operation
        logger.info("%s, for %s", operation.order.title, operation.order.who)
        operation.begin()
        self.told(operation)
        try:
            await operation.run(agent, afterwards)
        finally:
            self._running = None
            self.told(operation)
        if operation.error is not None:
            logger.info("%s: %s", operation.order.title, operation.error)

    def note_progress(self, event: ProgressEvent) -> str | None:
        """Progress of a download; the number of the operation that it belongs to, None when an eIM ordered it."""
        if self._running is None:
            return None
        self._running.note(event)
        return self._running.id

    def fail_waiting(self, error: IpadError) -> None:
        """The device cannot be used now: everybody who waits is told why."""
        while self._waiting:
            operation = self._waiting.popleft()
            operation.fail(error)
            self.told(operation)

    def close(self) -> None:
        """The service has stopped."""
        while self._waiting:
            self._waiting.popleft().give_up("the service stops")

    def _drop(self, operation: Operation[A], reason: str) -> None:
        with suppress(ValueError):
            self._waiting.remove(operation)
        operation.give_up(reason)

    async def _lose_patience(self, operation: Operation[A]) -> None:
        await self._clock.sleep(operation.order.patience)
        if operation.state is OperationState.WAITING:
            self._drop(operation, f"its turn did not come in {operation.order.patience:g} s")
