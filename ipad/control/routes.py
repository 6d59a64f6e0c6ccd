"""What can be called: method, path, who may, and what answers. `docs/control-api.md` describes it for users."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final

from ipad import __version__
from ipad.control.calls import Call
from ipad.control.following import course, happenings, operation_record
from ipad.control.replies import TEXT, Reply, Stream, told
from ipad.control.services import ModemService, Process
from ipad.daemon.agent import LocalAgent
from ipad.daemon.operations import Effect, Operation, Order
from ipad.errands.envelope import Json, Result
from ipad.errands.parameters import Parameters
from ipad.errands.running import Asked, do_with, prepared
from ipad.errands.table import ERRANDS, PROFILE_DISCOVER, PROFILE_DOWNLOAD, Errand
from ipad.errors import RefusedError, StateError
from ipad.observe.audit import read_trail
from ipad.observe.metrics import exposition
from ipad.observe.status import as_plain
from ipad.observe.traffic import DEFAULT_LIMIT
from ipad.policy.events import Hints, Power, ReturnWanted
from ipad.policy.fallback import may_return
from ipad.records import dataclass

Answerer = Callable[[Call], Awaitable[Reply | Stream]]

_LONG: Final = (PROFILE_DOWNLOAD, PROFILE_DISCOVER)
"""Errands that take minutes: the call answers at once unless it asks to wait."""
_LEAST_TRAFFIC: Final = 16 * 1024
_MOST_TRAFFIC: Final = 64 * 1024 * 1024
_POWERS: Final = tuple(power.value for power in Power)


@dataclass(frozen=True, slots=True)
class Route:
    """`operate`: only who may operate the device may call it."""

    method: str
    path: str
    answer: Answerer
    operate: bool


class Routes:
    """All calls of one process."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._routes = (*self._own(), *(self._errand(errand) for errand in ERRANDS))

    def find(self, method: str, path: str) -> tuple[Route | None, Mapping[str, str], tuple[str, ...]]:
        """The route with the parameters in its path; without one, the methods that there are for the path."""
        others: list[str] = []
        for route in self._routes:
            values = _matched(route.path, path)
            if values is None:
                continue
            if route.method == method:
                return route, values, ()
            others.append(route.method)
        return None, {}, tuple(dict.fromkeys(others))

    def _own(self) -> tuple[Route, ...]:
        process = self._process
        routes = [
            Route("GET", "/v1/service", self._service, operate=False),
            Route("GET", "/v1/status", self._status, operate=False),
            Route("GET", "/v1/policy", self._policy, operate=False),
            Route("GET", "/metrics", self._metrics, operate=False),
            Route("GET", "/v1/events", self._events, operate=False),
            Route("GET", "/v1/operations", self._operations, operate=False),
            Route("GET", "/v1/operations/{operation}", self._operation, operate=False),
            Route("GET", "/v1/operations/{operation}/events", self._course, operate=False),
            Route("POST", "/v1/operations/{operation}/cancel", self._cancel, operate=True),
            Route("POST", "/v1/policy/return", self._return, operate=True),
            Route("POST", "/v1/hints", self._hints, operate=True),
            Route("GET", "/v1/audit", self._audit, operate=True),
            Route("POST", "/v1/traffic/start", self._start_traffic, operate=True),
            Route("POST", "/v1/traffic/stop", self._stop_traffic, operate=True),
        ]
        if process.reload is not None:
            routes.append(Route("POST", "/v1/reload", partial(_reload, process.reload), operate=True))
        return tuple(routes)

    def _errand(self, errand: Errand) -> Route:
        operate = errand.effect is not Effect.READ or errand.method != "GET"
        return Route(errand.method, errand.path, partial(self._do, errand), operate)

    def _of(self, call: Call) -> ModemService:
        return self._process.modem(call.modem)

    # What the process knows

    async def _service(self, call: Call) -> Reply:
        Parameters(call.values).known()
        modems: list[Json] = [
            {"name": modem.name, "port": modem.port, "card": modem.card, "open": _port_of(modem)}
            for modem in self._process.modems
        ]
        record: dict[str, Json] = {"version": __version__, "operator": call.operator, "modems": modems}
        return told(Result(record), masked=call.masked)

    async def _status(self, call: Call) -> Reply:
        Parameters(call.values).known()
        return told(Result(as_plain(self._of(call).status(), masked=call.masked)), masked=call.masked)

    async def _policy(self, call: Call) -> Reply:
        Parameters(call.values).known()
        modem = self._of(call)
        plain = as_plain(modem.status(), masked=call.masked)
        situation = modem.household.guard.situation
        record: dict[str, Json] = {
            "modem": modem.name,
            "provisioning": plain["provisioning"],
            **plain["policy"],
            "hints": {"metered": situation.hints.metered, "power": situation.hints.power.value},
        }
        return told(Result(record), masked=call.masked)

    async def _metrics(self, call: Call) -> Reply:
        Parameters(call.values).known()
        modems = self._process.modems if call.modem is None else (self._of(call),)
        text = exposition([modem.status() for modem in modems])
        return Reply(status=HTTPStatus.OK, body=text.encode(), media_type=TEXT)

    async def _events(self, call: Call) -> Stream:
        Parameters(call.values).known()
        return Stream(happenings(self._of(call).broadcast, masked=call.masked))

    async def _audit(self, call: Call) -> Reply:
        Parameters(call.values).known()
        file = self._of(call).trail
        try:
            entries: list[Json] = list(read_trail(file))
        except FileNotFoundError:
            entries = []
        except OSError as error:
            raise StateError(f"{file}: {error.strerror or error}") from error
        return told(Result({"changes": entries}), masked=call.masked)

    # Operations

    async def _operations(self, call: Call) -> Reply:
        Parameters(call.values).known()
        rows: list[Json] = [operation_record(operation) for operation in self._of(call).operations.known]
        return told(Result({"operations": rows}), masked=call.masked)

    async def _operation(self, call: Call) -> Reply:
        return told(Result({"operation": operation_record(self._named(call))}), masked=call.masked)

    async def _course(self, call: Call) -> Stream:
        return Stream(course(self._named(call), masked=call.masked))

    async def _cancel(self, call: Call) -> Reply:
        operation = self._of(call).operations.cancel(self._named(call).id)
        return told(Result({"operation": operation_record(operation)}), masked=call.masked)

    def _named(self, call: Call) -> Operation[LocalAgent]:
        given = Parameters(call.values)
        given.known("operation")
        return self._of(call).operations.find(given.text("operation", longest=20))

    async def _do(self, errand: Errand, call: Call) -> Reply:
        modem, act = self._of(call), prepared(errand, call.values)
        asked = Asked(errand=errand, values=call.values, who=call.peer.name)

        async def work(agent: LocalAgent) -> Result:
            return await do_with(agent, modem.household, asked, act)

        order = Order(title=errand.title, who=asked.who, effect=errand.effect, privileged=call.operator)
        operation = modem.operations.enter(work, order)
        if not (errand not in _LONG if call.wait is None else call.wait):
            record = operation_record(operation)
            return told(Result({"operation": record}), masked=call.masked, status=HTTPStatus.ACCEPTED)
        return told(await modem.operations.result(operation), masked=call.masked)

    # Policy and process

    async def _return(self, call: Call) -> Reply:
        Parameters(call.values).known()
        guard = self._of(call).household.guard
        state = guard.engine.state
        if not may_return(state.fallback, state.situation):
            raise RefusedError("policy return: the fallback profile is not enabled, so there is nothing to return from")
        guard.feed(ReturnWanted())
        return told(Result({"asked": True}), masked=call.masked)

    async def _hints(self, call: Call) -> Reply:
        given = Parameters(call.values)
        given.known("metered", "power")
        power = given.choice("power", _POWERS, Power.MAINS.value)
        hints = Hints(metered=given.flag("metered"), power=Power(power))
        self._of(call).household.guard.feed(hints)
        return told(Result({"metered": hints.metered, "power": hints.power.value}), masked=call.masked)

    async def _start_traffic(self, call: Call) -> Reply:
        given = Parameters(call.values)
        given.known("limit")
        modem = self._of(call)
        limit = given.number("limit", low=_LEAST_TRAFFIC, high=_MOST_TRAFFIC, default=DEFAULT_LIMIT)
        modem.tap.start(modem.traffic, limit)
        return told(Result({"file": str(modem.traffic), "limit": limit}), masked=call.masked)

    async def _stop_traffic(self, call: Call) -> Reply:
        Parameters(call.values).known()
        modem = self._of(call)
        return told(Result({"file": str(modem.traffic), "stopped": modem.tap.stop()}), masked=call.masked)


async def _reload(reload: Callable[[], Awaitable[Mapping[str, Json]]], call: Call) -> Reply:
    Parameters(call.values).known()
    return told(Result(await reload()), masked=call.masked)


def _port_of(modem: ModemService) -> str:
    """The port that was opened last: the configuration may leave it to the board."""
    return modem.status().device.port


def _matched(pattern: str, path: str) -> Mapping[str, str] | None:
    """The values of the names in braces, None for another path."""
    wanted, found = pattern.split("/"), path.split("/")
    if len(wanted) != len(found):
        return None
    values: dict[str, str] = {}
    for want, part in zip(wanted, found, strict=True):
        if want.startswith("{"):
            if not part:
                return None
            values[want[1:-1]] = part
        elif want != part:
            return None
    return values
