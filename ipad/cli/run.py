"""`ipad run`: the agent in the foreground."""

from __future__ import annotations

from ipad.cli.invocation import Invocation
from ipad.cli.output import Report
from ipad.cli.reach import agent_of
from ipad.cli.runs import run_report
from ipad.clock import SystemClock
from ipad.config import Config
from ipad.daemon.assembly import AgentFactory
from ipad.daemon.guarding import make_guard
from ipad.daemon.once import poll_until_idle
from ipad.daemon.usage import usage_rows
from ipad.errors import BusyError


async def run(call: Invocation) -> Report | None:
    """Serve until a signal comes; with --once until nothing is queued."""
    if await agent_of(call) is not None:
        raise BusyError("a second instance: an agent runs and serves this card", hint="to poll now: ipad poll")
    if call.args.once:
        return await _once(call.config)
    from ipad.cli.serve import serve  # noqa: PLC0415 - a visit loads none of it

    await serve(call.config, call.args)
    return None


async def _once(config: Config) -> Report:
    from ipad.errands.verdicts import verdict_result  # noqa: PLC0415 - the service prints nothing

    clock = SystemClock()
    guard = make_guard(config, clock)
    factory = AgentFactory(config, clock, guard=guard)
    async with guard.running(), factory.open() as agent:
        verdict = await poll_until_idle(agent, guard)
    return run_report(verdict_result(verdict, usage_rows(factory.usage)))
