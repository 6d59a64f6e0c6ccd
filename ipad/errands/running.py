"""Does an errand: by itself, on a modem and eUICC that are opened for it, or with the agent of the daemon."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from ipad.clock import Clock
from ipad.config import Config
from ipad.daemon.operations import Effect
from ipad.errands.envelope import Result
from ipad.errands.parameters import Act, Parameters
from ipad.errands.table import Errand, Site
from ipad.errors import IpadError, PortError
from ipad.records import dataclass

if TYPE_CHECKING:  # what one errand needs is not loaded for another
    from ipad.daemon.agent import LocalAgent
    from ipad.daemon.guard.guard import Guard
    from ipad.modem.modem import Modem
    from ipad.net.counters import UsageLedger
    from ipad.observe.audit import AuditEntry
    from ipad.procedures.progress import ProgressListener
    from ipad.procedures.report import RunReport


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An errand with its values, and `who` asks for it, as the trail of changes has it (`user:NAME`)."""

    errand: Errand
    values: Mapping[str, object]
    who: str


@dataclass(frozen=True, kw_only=True)
class Household:
    """What the daemon has beside the agent. `each_run` is told of every run, for the schedule."""

    guard: Guard
    usage: UsageLedger
    each_run: Callable[[RunReport], None]


def prepared(errand: Errand, values: Mapping[str, object]) -> Act[Any]:
    """What is to be done. Raises UsageError for values that make no sense."""
    module, _, function = errand.handler.partition(":")
    handler: Callable[[Parameters], Act[Any]] = getattr(importlib.import_module(f"ipad.errands.{module}"), function)
    return handler(Parameters(values))


async def do_with(agent: LocalAgent, household: Household, asked: Asked, act: Act[Any]) -> Result:
    """Do it with an agent that is open. `act` is what `prepared` gave. What it changes goes into the trail."""
    recorder = household.guard.recorder
    if recorder is None:
        return await _do_with(agent, household, asked.errand, act)
    recorder.asked_by = asked.who
    try:
        return await _recorded(asked, _do_with(agent, household, asked.errand, act), recorder.record)
    finally:
        recorder.asked_by = None


async def do_alone(config: Config, clock: Clock, asked: Asked, progress: ProgressListener | None) -> Result:
    """Open what it needs, do it, close everything. Raises what the opening and the errand raise."""
    act = prepared(asked.errand, asked.values)
    async with AsyncExitStack() as stack:
        subject = await _opened(stack, config, clock, asked.errand, progress)
        return await _recorded(asked, act(subject), lambda entries: _write(config, clock, entries))


async def _do_with(agent: LocalAgent, household: Household, errand: Errand, act: Act[Any]) -> Result:
    if errand.iot_only and not await agent.card.is_iot():
        from ipad.daemon.assembly import check_consumer  # noqa: PLC0415 - the daemon has it already

        check_consumer(household.guard if errand.site is Site.VISIT else None)
    match errand.site:
        case Site.CARD:
            subject: Any = agent.card
        case Site.MODEM:
            subject = _modem(agent.card.modem)
        case Site.VISIT:
            from ipad.errands.polls import Visit  # noqa: PLC0415

            subject = Visit(agent=agent, guard=household.guard, usage=household.usage, each_run=household.each_run)
        case Site.AGENT:
            subject = agent
    return await act(subject)


async def _recorded(
    asked: Asked, work: Awaitable[Result], record: Callable[[tuple[AuditEntry, ...]], object]
) -> Result:
    """The result of the work, once what it has changed, or was refused, is in the trail."""
    if asked.errand.effect is Effect.READ:
        return await work
    from ipad.errands.deeds import entries  # noqa: PLC0415 - reading changes nothing

    try:
        result = await work
    except IpadError as error:
        record(entries(asked.errand, asked.values, asked.who, error))
        raise
    record(entries(asked.errand, asked.values, asked.who, result))
    return result


def _write(config: Config, clock: Clock, found: tuple[AuditEntry, ...]) -> None:
    from ipad.daemon.recording import make_trail  # noqa: PLC0415 - reading changes nothing

    if found:
        make_trail(config, clock).record(*found)


async def _opened(
    stack: AsyncExitStack, config: Config, clock: Clock, errand: Errand, progress: ProgressListener | None
) -> Any:
    match errand.site:
        case Site.CARD:
            from ipad.daemon.card_access import open_card  # noqa: PLC0415

            return await stack.enter_async_context(open_card(config, clock))
        case Site.MODEM:
            from ipad.daemon.link import board_library, open_modem  # noqa: PLC0415

            return await stack.enter_async_context(open_modem(config.modem(), board_library(), clock))
        case Site.AGENT:
            from ipad.daemon.assembly import AgentFactory  # noqa: PLC0415

            factory = AgentFactory(config, clock, progress=progress)
            return await stack.enter_async_context(factory.open(only_iot=errand.iot_only))
        case Site.VISIT:
            from ipad.daemon.assembly import AgentFactory  # noqa: PLC0415
            from ipad.daemon.guarding import make_guard  # noqa: PLC0415
            from ipad.errands.polls import Visit  # noqa: PLC0415

            guard = make_guard(config, clock)
            factory = AgentFactory(config, clock, guard=guard, progress=progress)
            await stack.enter_async_context(guard.running())
            agent = await stack.enter_async_context(factory.open())
            return Visit(agent=agent, guard=guard, usage=factory.usage)


def _modem(modem: Modem | None) -> Modem:
    if modem is None:
        raise PortError("the card sits in a reader: there is no modem", transient=False)
    return modem
