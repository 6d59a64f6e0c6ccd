"""One device of the sweep: a rig with an agent beside it, put back to where it began for each run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from hil.eim import VirtualEim
from hil.eim.association import Package
from hil.eim.content import Content
from hil.euicc.card import ProfileView
from hil.rig import FIRST_EIM, Rig, RigOptions
from hil.rig.options import RigError
from hil.rig.rig import SECOND_EIM
from hil.rig.timeline import Event, Interface
from hil.smdp.core import SmDpPlus
from hil.sweep.errors import PortTakenError, SweepError
from hil.sweep.ledger import Ledger
from hil.sweep.process import Place
from hil.sweep.start import Start
from hil.waiting import until

_CONFIGURATION: Final = """\
[state]
directory = "{folder}/state"

[modem]
port = "{port}"
board = "quectel-eg25"
max_data = 255

[esipa]
exchange_timeout = 10
retry_delays = [0.2, 0.4, 0.8]
poll_interval = 86400

[rsp]
ci_files = ["{ci_file}"]
exchange_timeout = 10
retry_delays = [0.2, 0.4]
download_retry_delays = [0.2, 0.4]

[timers]
session = 20
session_check = 0.1
first_session = 10
reconnect = 0.2

[policy]
file = "{folder}/policy.toml"

[log]
events = ""
lines_per_hour = 0

[control]
socket = "{folder}/ipad.sock"
"""

_POLICY: Final = """\
[supervision]
registration = {limit}
deadline = {limit}
reject_hold = 1
probe_first = 1

[fallback]
loss_time = {loss}
spread = 0
ladder_time = 0
return_first = 3
return_minimum = 3

[poll]
boot_spread = 0
early_interval = 1
per_day = 1440
"""
HASTY: Final = _POLICY.format(limit=3, loss=2)
"""A policy file with seconds in place of minutes and hours."""
PATIENT: Final = _POLICY.format(limit=60, loss=60)
"""The same for scenarios in which nothing is lost: a busy machine must not look like a network that is away."""

_IDLE: Final = "next poll at"
_LOOK: Final = 0.02
_PORT_TRIES: Final = 5
_PORT_PAUSE: Final = 0.1


class Device:
    """A rig that is up, and the place of its agent. `ledger` is what became of everything that the card signed."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        self.place = Place(folder, folder / "state", folder / "ipad.log")
        self.configuration = folder / "ipad.toml"
        self.packages: list[Package] = []
        self.ledger = Ledger(rig)
        self.polls: dict[str, int] = {FIRST_EIM: 0, SECOND_EIM: 0}
        self._touched = rig.clock.monotonic()
        self._log_from = 0
        rig.timeline.subscribe(self._note)

    @property
    def eim(self) -> VirtualEim:
        """The eIM of the device."""
        return self.rig.eim(FIRST_EIM).core

    @property
    def smdp(self) -> SmDpPlus:
        """The SM-DP+."""
        if self.rig.rsp is None:
            raise SweepError("the PKI of the rig has no certificates for an SM-DP+")
        return self.rig.rsp.core

    @property
    def profiles(self) -> tuple[ProfileView, ...]:
        """What is on the card."""
        return self.rig.card.profiles

    @property
    def enabled(self) -> str:
        """ICCID of the enabled profile, or nothing."""
        return next((profile.iccid for profile in self.profiles if profile.enabled), "")

    def queue(self, *contents: Content) -> None:
        """Packages of the eIM for the next poll."""
        self.packages += [self.eim.queue(self.rig.eid, content) for content in contents]

    def configure(self, policy: str) -> None:
        """Write the files of the agent. `policy`: its policy file."""
        self.place.folder.mkdir(parents=True, exist_ok=True)
        ci_file = self.rig.rsp.ci_file if self.rig.rsp is not None else self.rig.ca_file
        text = _CONFIGURATION.format(folder=self.place.folder, port=self.rig.tty, ci_file=ci_file)
        self.configuration.write_text(text, encoding="utf-8")
        (self.place.folder / "policy.toml").write_text(policy, encoding="utf-8")

    @property
    def arguments(self) -> tuple[str, ...]:
        """How the agent is told to serve this device."""
        return ("--config", str(self.configuration), "run", "-v")

    # What the agent says

    def log(self) -> str:
        """What the agent has written since `begin_log`."""
        try:
            with self.place.log.open("rb") as file:
                file.seek(self._log_from)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def begin_log(self) -> None:
        """Look from now on at what the next process writes."""
        self._log_from = self.place.log.stat().st_size if self.place.log.exists() else 0

    @property
    def idle(self) -> bool:
        """Whether the agent that runs has found nothing left to do."""
        return _IDLE in self.log()

    def quiet(self, seconds: float) -> bool:
        """Whether nothing but looks at the modem has happened for so long."""
        return self.rig.clock.monotonic() - self._touched >= seconds

    async def see(self, happened: Callable[[], bool]) -> None:
        """Wait for something to happen in the rig."""
        await until(happened, self.rig.clock, _LOOK)

    def _note(self, event: Event) -> None:
        if event.interface is Interface.AT:
            return
        self._touched = self.rig.clock.monotonic()
        if event.interface is Interface.ESIPA and event.direction == ">":
            name, _, function = event.text.partition(" ")
            if function.startswith("GetEimPackage"):
                self.polls[name] += 1


@asynccontextmanager
async def open_device(folder: Path, start: Start) -> AsyncIterator[Device]:
    """The device in `folder`. Raises SweepError, RigError."""
    indirect = frozenset((FIRST_EIM,)) if start is Start.RELAYED else frozenset[str]()
    rig = await _open_rig(RigOptions(folder / "rig", indirect=indirect))
    try:
        yield Device(rig, folder / "agent")
    finally:
        await rig.__aexit__(None, None, None)


async def _open_rig(options: RigOptions) -> Rig:
    """Between two runs another program may have come by a port of the rig. Raises PortTakenError."""
    failure = ""
    for _ in range(_PORT_TRIES):
        try:
            return await Rig(options).__aenter__()
        except RigError as error:
            failure = str(error)
            await asyncio.sleep(_PORT_PAUSE)
    raise PortTakenError(f"the rig cannot be set up: {failure}")
