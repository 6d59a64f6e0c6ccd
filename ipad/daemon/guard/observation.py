"""What the procedures do and learn, as events of policy."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from ipad.bearer.backend import BearerBackend
from ipad.codec.euicc_package import EuiccPackageRequest, EuiccPackageResult
from ipad.daemon.guard.lookout import Lookout
from ipad.errors import BearerError, NetworkError
from ipad.policy.events import Layer, PackageRun, PollDone, PollFailed, ProfileChanged
from ipad.procedures.observer import Switch, Work

if TYPE_CHECKING:
    from ipad.daemon.guard.guard import Guard

logger = logging.getLogger(__name__)

_LAYERS: Final = {"dns": Layer.DNS, "tcp": Layer.TCP, "tls": Layer.TLS, "dtls": Layer.TLS}


class Observation:
    """Satisfies `procedures.observer.Observer` for a guard. `bearer` is left alone while the eUICC is busy."""

    def __init__(self, guard: Guard, bearer: BearerBackend, lookout: Lookout | None) -> None:
        self._guard = guard
        self._bearer = bearer
        self._lookout = lookout
        self._session: str | None = None
        self._answered: set[str] = set()
        self._failed: set[str] = set()

    def begin_run(self) -> None:
        """What is said from now on goes over the bearer of now, and counts once for each eIM."""
        self._session = self._guard.situation.bearer
        self._answered.clear()
        self._failed.clear()

    def switched(self, switch: Switch) -> None:
        """Tell it, unless an interrupted procedure tells it again."""
        iccid = None if switch.iccid is None else str(switch.iccid)
        state = self._guard.engine.state
        if state.situation.enabled_told and state.situation.enabled == iccid:
            return
        self._guard.feed(
            ProfileChanged(
                origin=switch.origin,
                iccid=iccid,
                previous=None if switch.previous is None else str(switch.previous),
                rollback=switch.rollback,
            )
        )

    def ordered(self, eim_id: str, transaction: bytes | None) -> None:
        """An eIM has ordered what follows."""
        if self._guard.recorder is not None:
            self._guard.recorder.ordered(eim_id, transaction)

    def executed(self, request: EuiccPackageRequest, result: EuiccPackageResult | None) -> None:
        """The eUICC has carried out a package, or refused it."""
        if self._guard.recorder is not None:
            self._guard.recorder.executed(request, result)

    def answered(self, eim_id: str) -> None:
        """The authenticated eIM answered."""
        if eim_id not in self._answered:
            self._answered.add(eim_id)
            if self._lookout is not None:
                self._lookout.reached()
            self._guard.feed(PollDone(eim_id=eim_id, session=self._session))

    def failed(self, eim_id: str, error: NetworkError) -> None:
        """The eIM was not reached."""
        if eim_id not in self._failed:
            self._failed.add(eim_id)
            layer = _LAYERS.get(error.layer, Layer.EIM)
            self._guard.feed(PollFailed(eim_id=eim_id, layer=layer, session=self._session))

    def undecided(self) -> bool:
        """Whether a rollback is still possible."""
        return self._guard.undecided

    def executing(self, work: Work) -> AbstractAsyncContextManager[None]:
        """Held while the eUICC is busy."""
        return self._executing(work)

    @asynccontextmanager
    async def _executing(self, work: Work) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if work is not Work.DOWNLOAD:
                await self._hold_bearer(stack)
                if self._lookout is not None:
                    self._lookout.hold(True)
                    stack.callback(self._lookout.hold, False)
            if work is not Work.SWITCH:
                self._guard.feed(PackageRun(running=True))
                stack.callback(self._ended)
            yield

    def _ended(self) -> None:
        if self._guard.situation.package_at is not None:
            self._guard.feed(PackageRun(running=False))

    async def _hold_bearer(self, stack: AsyncExitStack) -> None:
        """A manager of the modem that does not step aside is no reason to leave the eUICC alone."""
        try:
            await stack.enter_async_context(self._bearer.package())
        except BearerError as error:
            logger.warning("%s", error)
