"""An eIM of the bench as an ability."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hil.eim.association import Package, SigningFaults
from hil.eim.content import Content, ContentKind
from hil.eim.faults import Fault
from hil.eim.history import Record
from hil.eim.knobs import EimKnobs
from hil.eim.tls import Leaf
from hil.modem.loading import change, load
from hil.rig.endpoint import EimEndpoint
from hil.rig.timeline import Interface
from hil.suite.abilities import PackageView
from hil.suite.errors import SettleError
from hil.suite.limits import Limits
from hil.suite.loop import LoopThread
from hil.suite.servers.bench import Bench

_LEARNT: Final = frozenset(("version", "refused_bindings", "compact_forms"))
"""An agent remembers which version and binding an eIM wants."""

Poll = Callable[[str, float], None]
"""Have the agent poll the eIM with this eimId, within so many seconds."""


@dataclass(frozen=True)
class _Begun:
    """How things stood when the case began."""

    record: int = 0
    package: int = 0
    polls: int = 0


class RigEim:
    """One eIM for one eUICC. `eid` is 16 bytes; the eUICC must be associated with the eIM's core."""

    def __init__(self, loop: LoopThread, rig: Bench, name: str, eid: bytes, poll: Poll, limits: Limits) -> None:
        self._loop = loop
        self._rig = rig
        self._name = name
        self._eid = eid
        self._poll = poll
        self._limits = limits
        self._begun = _Begun()
        self._dirty = False
        self._teaching = False

    @property
    def _endpoint(self) -> EimEndpoint:
        return self._rig.eim(self._name)

    @property
    def eim_id(self) -> str:
        return self._endpoint.core.identity.eim_id

    @property
    def fqdn(self) -> str:
        return self._endpoint.fqdn

    def configuration(self) -> bytes:
        return self._loop.call(lambda: self._rig.configuration(self._name))

    # Packages

    def queue(self, content: Content, **faults: Any) -> int:
        core = self._endpoint.core
        return self._loop.call(lambda: core.queue(self._eid, content, SigningFaults(**faults))).number

    def package(self, number: int) -> PackageView:
        return self._loop.call(lambda: self._view(number))

    def run(self, content: Content, within: float | None = None, **faults: Any) -> PackageView:
        return self.settle(self.queue(content, **faults), within=within)[0]

    def settle(self, *numbers: int, within: float | None = None) -> list[PackageView]:
        wanted, pause = numbers or self._own(), self._limits.settle
        limit = self._usual_limit(wanted) if within is None else within
        end = time.monotonic() + limit
        while (left := end - time.monotonic()) > 0:
            self._poll(self.eim_id, left)
            if self._loop.until(lambda: self._closed(wanted), min(pause, left)):
                return [self.package(number) for number in wanted]
            pause *= 1.5
        raise self._unsettled(wanted, limit)

    def wait(self, *numbers: int, within: float | None = None) -> list[PackageView]:
        wanted = numbers or self._own()
        limit = self._usual_limit(wanted) if within is None else within
        if not self._loop.until(lambda: self._closed(wanted), limit):
            raise self._unsettled(wanted, limit)
        return [self.package(number) for number in wanted]

    def _usual_limit(self, numbers: tuple[int, ...]) -> float:
        """For packages, of which the slowest counts."""
        kinds = self._loop.call(lambda: {self._find(number).content.kind for number in numbers})
        if ContentKind.DOWNLOAD_TRIGGER in kinds:
            return max(self._limits.download, self._limits.switch)
        return self._limits.switch

    def _packages(self) -> list[Package]:
        return self._endpoint.core.association(self._eid).packages

    def _own(self) -> tuple[int, ...]:
        begun = self._begun.package
        return self._loop.call(lambda: tuple(package.number for package in self._packages() if package.number > begun))

    def _find(self, number: int) -> Package:
        package = self._endpoint.core.association(self._eid).package(number)
        if package is None:
            raise KeyError(f"{self.eim_id} has no package {number}")
        return package

    def _closed(self, numbers: tuple[int, ...]) -> bool:
        return all(self._view(number).closed for number in numbers)

    def _unsettled(self, numbers: tuple[int, ...], limit: float) -> SettleError:
        views = [self.package(number) for number in numbers]
        states = "; ".join(f"{view.number} {view.label}: {view.state} {view.outcome or ''}" for view in views)
        return SettleError(f"packages of {self.eim_id} were not closed within {limit:g} s: {states}")

    def _view(self, number: int) -> PackageView:
        package = self._find(number)
        numbers = set(package.records)
        records = tuple(record for record in self._endpoint.core.history.records if record.number in numbers)
        return PackageView(
            number=package.number,
            label=package.content.label,
            state=package.state,
            outcome=package.outcome,
            detail=package.detail,
            transaction_id=package.transaction_id,
            counter=package.counter,
            handed_out=len(package.handed_out),
            attempts=package.attempts,
            records=records,
        )

    # What arrived

    def records(self, kind: str | None = None) -> list[Record]:
        history, begun = self._endpoint.core.history, self._begun.record
        return self._loop.call(
            lambda: [
                record
                for record in history.records
                if record.number > begun and (kind is None or record.kind.value == kind)
            ]
        )

    def asked(self, command: str) -> bool:
        numbers = self._own()
        return any(command in self.package(number).label for number in numbers)

    def polls(self) -> int:
        return self._loop.call(lambda: self._endpoint.core.association(self._eid).polls) - self._begun.polls

    # What goes wrong

    @property
    def teaching(self) -> bool:
        """Whether the case has turned a knob that agents draw lasting conclusions from."""
        return self._teaching

    def knob(self, **values: Any) -> None:
        self._teaching = self._teaching or _teaches(values)
        self._loop.call(lambda: self._turn(values))

    def _turn(self, values: dict[str, Any]) -> None:
        changed = change(self._endpoint.core.knobs, values, self._name)
        _overwrite(self._endpoint.core.knobs, changed)
        self._note(f"knobs of {self._name}: {values}")

    def fault(self, kind: str, function: str = "any", **parameters: Any) -> None:
        rule = load(Fault, {"kind": kind, "function": function, **parameters}, "fault")
        self._loop.call(lambda: self._endpoint.server.faults.add(rule))
        self._loop.call(lambda: self._note(f"fault of {self._name}: {kind} at {function} {parameters or ''}"))

    def clear_faults(self) -> None:
        self._loop.call(self._endpoint.server.faults.clear)
        self._loop.call(lambda: self._note(f"no faults of {self._name} any more"))

    def tls(self, leaf: str) -> None:
        self._dirty = True
        endpoint = self._endpoint
        self._loop.call(lambda: endpoint.show_leaf(Leaf(leaf)))
        self._loop.run(endpoint.server.forget_sessions())

    def _note(self, text: str) -> None:
        self._rig.timeline.note(Interface.BENCH, "", text)

    # Life of a case

    def begin(self) -> None:
        """What comes from now on belongs to the case."""
        core = self._endpoint.core

        def now() -> _Begun:
            association = core.association(self._eid)
            package = max((package.number for package in association.packages), default=0)
            return _Begun(core.history.next_number - 1, package, association.polls)

        self._begun = self._loop.call(now)
        self._teaching = False

    def calm(self) -> None:
        """Knobs, faults, certificate as before the case; nothing waits."""
        self._loop.call(self._calm)
        if self._dirty:
            self._loop.run(self._endpoint.server.forget_sessions())
            self._dirty = False

    def _calm(self) -> None:
        endpoint = self._endpoint
        _overwrite(endpoint.core.knobs, EimKnobs(version=self._rig.options.eim_version))
        endpoint.server.faults.clear()
        for package in self._packages():
            if package.open:
                endpoint.core.cancel(self._eid, package.number)
        if self._dirty:
            endpoint.show_leaf(Leaf.GOOD)


def _teaches(values: Mapping[str, Any]) -> bool:
    """Whether an agent learns something of these knobs; of X-Admin-Protocol it does if another one is insisted on."""
    return bool(_LEARNT & set(values)) or (values.get("admin_protocol") == "strict" and "own_protocol" in values)


def _overwrite(target: Any, source: Any) -> None:
    for field in dataclasses.fields(source):
        setattr(target, field.name, getattr(source, field.name))
