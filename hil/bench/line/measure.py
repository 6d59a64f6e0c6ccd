"""One download over a paced line, by the agent as a process, on a fresh device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil.bench.errors import AgentError, BenchError
from hil.bench.line.bursts import LineRecorder, Traffic
from hil.demo.agent import Agent
from hil.rig import Rig, RigOptions
from hil.rig.timeline import Event, Interface
from hil.smdp.catalogue import METER, activation_code

RATE: Final = 115200
_BOUND_PACKAGE: Final = "BF36"
_RESULT: Final = "BF37"
_STORE_DATA: Final = "E2"
_HEADER: Final = 10


@dataclass(frozen=True)
class Setting:
    """`block`: bytes of data in an APDU. `faster`: rate for the length of the download in bit/s, 0: none."""

    block: int
    faster: int = 0

    @property
    def name(self) -> str:
        """As it stands in the table."""
        rate = f"{RATE:,} bit/s" if not self.faster else f"{self.faster:,} bit/s by AT+IPR"
        return f"{rate}, blocks of {self.block}"


@dataclass(frozen=True)
class Loaded:
    """A package that was loaded. `size` of the Bound Profile Package in bytes; `apdus` that carried it and fetched the
    result, `least`: as few as there could be with the segments of SGP.22 2.5.5. `other`: commands in between that carry
    no APDU. `switching`: seconds for AT+IPR there and back."""

    setting: Setting
    size: int
    apdus: int
    least: int
    other: int
    traffic: Traffic
    switching: float

    @property
    def efficiency(self) -> float:
        """Of the limit at 115,200 bit/s, without the card's own time."""
        return self.traffic.efficiency(self.size)

    @property
    def usual_efficiency(self) -> float:
        """The same with the usual gap of the agent in place of each."""
        return self.traffic.usual_efficiency(self.size)

    @property
    def seconds(self) -> float:
        """Of the whole, with switching there and back, without the card's own time."""
        return self.traffic.seconds - self.traffic.card + self.switching


async def measure(setting: Setting, folder: Path, personality: str, command: str | None = None) -> Loaded:
    """Load the package of 60 kB. Raises AgentError when the agent fails, RigError."""
    options = RigOptions(folder / "rig", personality=personality, pace=RATE, uart=True)
    async with Rig(options) as rig:
        if rig.rsp is None:
            raise BenchError("a consumer or IoT eUICC is needed, which has a SM-DP+")
        recorder = LineRecorder(rig.port.line)
        rates = f"rates = [{setting.faster}]" if setting.faster else "rates = []"
        modem = f'apdu = ["ccho"]\nmax_data = {setting.block}\n{rates}\n'
        agent = Agent(folder / "agent", rig.tty, rig.rsp.ci_file, command, modem=modem)
        order = next(order for order in rig.rsp.orders if order.matching_id == METER)
        run = await agent.run("profile", "download", activation_code(order, rig.rsp.smdp.fqdn))
        if run.exit_code:
            raise AgentError(f"ipad {run.words} ended with exit code {run.exit_code}\n{run.errors[-2000:]}")
        return loaded(setting, rig.timeline.events(), recorder, rig.timeline.began)


def loaded(setting: Setting, events: list[Event], recorder: LineRecorder, began: float) -> Loaded:
    """What the events of a rig say about the package. Raises BenchError without one."""
    apdus = [event for event in events if event.interface is Interface.APDU]
    first = next(
        (event for event in apdus if event.direction == ">" and event.data[_HEADER:].startswith(_BOUND_PACKAGE)), None
    )
    last = next((event for event in apdus if event.direction == "<" and event.data.startswith(_RESULT)), None)
    if first is None or last is None:
        raise BenchError("no Bound Profile Package was loaded")
    window = [event for event in events if first.number <= event.number <= last.number]
    commands = [event for event in window if event.interface is Interface.APDU and event.direction == ">"]
    blocks = [event.data for event in commands if event.data[2:4] == _STORE_DATA]
    asked = [event for event in window if event.interface is Interface.AT and event.direction == ">"]
    traffic = recorder.between(began + first.seconds, began + last.seconds)
    size = sum(len(block) - _HEADER for block in blocks) // 2
    return Loaded(
        setting,
        size,
        len(commands),
        sum(-(-segment // 255) for segment in segments(blocks)) + 1,
        len(asked) + 1 - len(commands),
        traffic,
        _switching(events),
    )


def segments(blocks: list[str]) -> list[int]:
    """Bytes of each command chain: P1 91 marks the last block (SGP.22 5.7.2)."""
    found = [0]
    for block in blocks:
        found[-1] += (len(block) - _HEADER) // 2
        if block[4:6] == "91":
            found.append(0)
    return found[:-1]


def _switching(events: list[Event]) -> float:
    """From AT+IPR to the first command after it that is no question about it, both times."""
    found, begin = 0.0, None
    for event in events:
        if event.interface is not Interface.AT or event.direction != ">":
            continue
        about = event.text.startswith("AT+IPR") or event.text == "AT"
        if event.text.startswith("AT+IPR=") and begin is None:
            begin = event.seconds
        elif begin is not None and not about:
            found += event.seconds - begin
            begin = None
    return found
