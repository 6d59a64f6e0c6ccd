"""Main job: a fresh device is provisioned, managed by an eIM, and gets a second eIM; then its networks fail it.

The rig runs in this process, the agent as a process of its own on the virtual serial line. Exit code 0 only
if everything that the eIMs asked for was done, verified, acknowledged and cleaned up.
"""

import asyncio
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from hil.demo import report
from hil.demo.agent import Agent, AgentRun
from hil.demo.script import Cast, failures, first_eim_queue, second_eim_queue
from hil.demo.supervision import Supervision
from hil.eim.history import Record
from hil.rig import FIRST_EIM, SECOND_EIM, Rig, RigError, RigOptions

_FAILED = 1


def run_demo(state: Path | None, personality: str, agent: str | None) -> int:
    """Run and print; returns the exit code. Raises RigError when the rig cannot be set up."""
    with ExitStack() as stack:
        if state is None:
            state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ipad-demo-")))
        elif state.exists() and any(state.iterdir()):
            raise RigError(f"{state} is not empty: the demo needs a fresh device")
        return asyncio.run(_Story(state.resolve(), personality, agent).tell())


class _Story:
    def __init__(self, state: Path, personality: str, agent: str | None) -> None:
        self._state = state
        self._personality = personality
        self._agent_command = agent
        self._noted: list[report.Noted] = []

    async def tell(self) -> int:
        """All chapters."""
        async with Rig(RigOptions(self._state / "rig", personality=self._personality)) as rig:
            for name, endpoint in rig.eims.items():
                endpoint.core.subscribe(partial(self._note, rig, name))
            ci_file = rig.rsp.ci_file if rig.rsp is not None else rig.ca_file
            agent = Agent(self._state / "agent", rig.tty, ci_file, self._agent_command)
            self._introduce(rig)
            cast = Cast.of(rig)
            wrong = await self._act(rig, agent, "eim", "add", str(rig.initial_eim_file))
            if not wrong:
                for order in first_eim_queue(rig, cast):
                    rig.eim(FIRST_EIM).core.queue(rig.eid, order)
                for order in second_eim_queue(rig, cast):
                    rig.eim(SECOND_EIM).core.queue(rig.eid, order)
                wrong = await self._act(rig, agent, "run", "--once")
                for endpoint in rig.eims.values():
                    if endpoint.core.forwarder is not None:
                        await endpoint.core.forwarder.settled()
                wrong += failures(rig, cast, [item.record for item in self._noted])
            if not wrong:
                wrong = await self._fail_networks(rig, agent, cast)
            return self._conclude(rig, wrong)

    @staticmethod
    async def _fail_networks(rig: Rig, agent: Agent, cast: Cast) -> list[str]:
        """The chapter in which no profile has service all the time; returns what is wrong."""
        before = rig.timeline.last_number
        _print(
            [
                *report.heading("the networks fail"),
                "   The agent stays, under a policy of seconds in place of minutes and hours. Nobody helps it:",
                "   it is to undo a switch to a profile without service, to leave its home network when that dies,",
                "   to tell its eIM, and to come back.",
            ]
        )
        chapter = Supervision(rig, agent, cast.direct.metadata.iccid, cast.second, cast.first)
        run = await chapter.play()
        _print(report.command(run, rig.timeline.events(before), told=run.exit_code != 0))
        _print(chapter.story())
        ended = [] if run.exit_code == 0 else [f"ipad {run.words} ended with exit code {run.exit_code}"]
        return [*ended, *chapter.failures()]

    def _note(self, rig: Rig, name: str, record: Record) -> None:
        self._noted.append(report.Noted(rig.timeline.last_number + 1, name, record))

    async def _act(self, rig: Rig, agent: Agent, *words: str) -> list[str]:
        """One command of the agent; returns what is wrong with it."""
        before = rig.timeline.last_number
        run: AgentRun = await agent.run(*words)
        events = rig.timeline.events(before)
        _print(report.command(run, events))
        _print(report.timeline(rig, events, self._noted))
        return [] if run.exit_code == 0 else [f"ipad {run.words} ended with exit code {run.exit_code}"]

    @staticmethod
    def _introduce(rig: Rig) -> None:
        lines = report.heading("a fresh device")
        lines.append(f"   eUICC {rig.card.eid} in a virtual {rig.options.personality} on {rig.tty}")
        for profile in rig.card.profiles:
            state = "enabled" if profile.enabled else "disabled"
            lines.append(f"   profile {profile.iccid:<20} {state:<9} {profile.service_provider_name}")
        for name, endpoint in rig.eims.items():
            lines.append(f"   {name} is {endpoint.core.identity.eim_id} at {endpoint.url}")
        for server in rig.rsp.endpoints if rig.rsp is not None else ():
            lines.append(f"   {server.name} is {server.fqdn}, OID {server.oid}")
        _print(lines)

    @staticmethod
    def _conclude(rig: Rig, wrong: list[str]) -> int:
        _print(report.final_state(rig))
        if wrong:
            _print([*report.heading("NOT as it should be"), *(f"   {line}" for line in wrong)])
            return _FAILED
        _print(["", "Everything was done, verified and acknowledged; nothing is left on the card."])
        return 0


def _print(lines: list[str]) -> None:
    for line in lines:
        print(line)  # noqa: T201
