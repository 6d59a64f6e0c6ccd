"""`ipad run`: the agent in the foreground."""

from __future__ import annotations

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report
from ipad.cli.runs import verdict_report
from ipad.clock import SystemClock
from ipad.daemon.assembly import AgentFactory, first_schedule
from ipad.daemon.once import poll_until_idle
from ipad.daemon.sdnotify import ServiceManager
from ipad.daemon.service import Service, obey_signals


async def run(call: Invocation) -> Report | None:
    """Serve until a signal comes; with --once until nothing is queued."""
    clock = SystemClock()
    if call.args.once:
        async with AgentFactory(call.config, clock).open() as agent:
            return verdict_report(await poll_until_idle(agent))
    config = call.config
    service = Service(
        AgentFactory(config, clock, announce=True).open,
        first_schedule(config),
        clock,
        ServiceManager(),
        reconnect=config.timers.reconnect,
        intervals={eim_id: eim.poll_interval for eim_id, eim in config.eim.items() if eim.poll_interval is not None},
    )
    obey_signals(service)
    await service.run()
    return None
