"""The visits of one column of the table: a transport, and how its connections begin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.bench import peer
from hil.bench.agent import AgentSetup
from hil.bench.floor import Floor
from hil.bench.floor.procedure import Server, floor_of
from hil.bench.recorder import count, next_step
from hil.bench.rows import Procedure, Row, Start, Transport
from hil.bench.stage import Exchange, Stage, Visit, open_stage, set_link
from hil.eim import content
from hil.eim.content import Content
from hil.link import Traffic
from hil.link.meter import Heading
from hil.rig import Rig
from hil.rig.endpoint import LOCAL_NAME
from hil.smdp.catalogue import METER, activation_code

WIRE: Final = "none"
"""The preset on which bytes are counted: nothing is lost and nothing late."""

DEFAULT: Final = AgentSetup()

_QUIET: Final = 0.6
_QUIET_RADIO: Final = 8.0
"""Seconds of silence that end a visit: on a radio longer than a lost packet and its repetition."""
_RANDOM_FACTOR: Final = 1.5
"""By which a CoAP timer may be longer than it is said to be (RFC 7252 4.8)."""
_ORDER: Final = (Procedure.IDLE, Procedure.DOWNLOAD, Procedure.ENABLE)
"""On one device; the profile that is enabled is on trial afterwards, so that comes last."""


@dataclass(frozen=True)
class Measured:
    """One row on one link: what went over it, how many commands the eUICC got, and the floor."""

    row: Row
    traffic: Traffic
    commands: int
    floor: Floor
    functions: tuple[str, ...]
    """Of ESipa, in order."""


async def measure(
    folder: Path,
    transport: Transport,
    start: Start,
    procedures: Collection[Procedure],
    *,
    preset: str = WIRE,
    agent: AgentSetup = DEFAULT,
) -> list[Measured]:
    """Measure procedures with one device, which lives below `folder`.

    Raises RigError, AgentError, and MissingMessageError when the agent did something else.
    """
    quiet = _QUIET if preset == WIRE else _QUIET_RADIO + _RANDOM_FACTOR * (agent.timer or 0.0)
    async with open_stage(folder, transport, quiet, agent) as stage:
        choices = await peer.ask(stage.eim.server.port, LOCAL_NAME)
        bench = _Bench(stage, transport, start, Server(choices, stage.eim.fqdn))
        chosen = [procedure for procedure in _ORDER if procedure in procedures]
        if start is Start.COLD:
            set_link(stage.rig, preset)
            return [await bench.run(procedure, stage.visit_once) for procedure in chosen]
        async with stage.agent.daemon() as process:
            await stage.watch(_nothing)
            set_link(stage.rig, preset)
            return [await bench.run(procedure, lambda: stage.visit_again(process)) for procedure in chosen]


class _Bench:
    def __init__(self, stage: Stage, transport: Transport, start: Start, server: Server) -> None:
        self._stage = stage
        self._transport = transport
        self._start = start
        self._server = server

    async def run(self, procedure: Procedure, visit: Callable[[], Awaitable[Visit]]) -> Measured:
        """One visit for one row."""
        row = Row(procedure, self._transport, self._start)
        live = self._start is Start.LIVE
        if live:
            # An association lives within a visit: something that is done before opens it.
            self._stage.queue(content.psmo_package(content.list_profile_info()))
        self._stage.queue(*_package(self._stage.rig, procedure))
        seen = await visit()
        if live:
            seen = _behind_the_first_package(seen)
        return Measured(
            row,
            count(seen.steps),
            seen.commands,
            floor_of(row, seen.exchanges, self._server),
            tuple(one.function for one in seen.exchanges),
        )


def _package(rig: Rig, procedure: Procedure) -> tuple[Content, ...]:
    match procedure:
        case Procedure.IDLE:
            return ()
        case Procedure.ENABLE:
            second = next(profile.iccid for profile in rig.card.profiles if not profile.enabled)
            return (content.psmo_package(content.enable(second)),)
        case Procedure.DOWNLOAD:
            assert rig.rsp is not None
            order = next(order for order in rig.rsp.orders if order.matching_id == METER)
            code = activation_code(order, rig.rsp.smdp.fqdn)
            return (content.download_trigger(activation_code=code),)


def _behind_the_first_package(visit: Visit) -> Visit:
    """From the first message on the association that a package before it opened, to the last answer."""
    before = next(n for n, one in enumerate(visit.exchanges) if one.function == "ProvideEimPackageResult") + 1
    answered = next_step(visit.steps, visit.exchanges[before - 1].position, Heading.DOWN)
    begin = next_step(visit.steps, answered, Heading.UP)
    end = next_step(visit.steps, visit.exchanges[-1].position, Heading.DOWN) + 1
    while end < len(visit.steps) and not visit.steps[end].carries:
        end += 1
    exchanges = [
        Exchange(one.function, one.request, one.response, one.position - begin) for one in visit.exchanges[before:]
    ]
    return Visit(visit.steps[begin:end], exchanges, visit.commands)


async def _nothing() -> None:
    """The first visit of a process that stays needs no word."""
