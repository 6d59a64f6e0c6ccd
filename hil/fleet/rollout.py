"""A staged roll-out: batch after batch, with a pause between them, until too many fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from hil.clock import Clock
from hil.fleet.device import FleetDevice
from hil.fleet.plan import FleetPlan
from hil.fleet.result import BATCH, Span
from hil.waiting import until

_LOOK: Final = 0.25
Wake = Callable[[Sequence[FleetDevice]], None]
Tell = Callable[[str], None]


class RollOut:
    """Raises what `check` raises, which is asked again and again. `wake` is called with the devices of each batch."""

    def __init__(
        self,
        plan: FleetPlan,
        devices: Sequence[FleetDevice],
        clock: Clock,
        check: Callable[[], None],
        wake: Wake,
        tell: Tell,
    ) -> None:
        self._plan = plan
        self._devices = devices
        self._clock = clock
        self._check = check
        self._wake = wake
        self._tell = tell
        self.spans: list[Span] = []
        """The batches, in monotonic seconds."""
        self.aborted = ""

    async def run(self) -> None:
        """All batches, or as many as the failure rate allows."""
        batches = self._plan.numbers()
        for number, batch in enumerate(batches, start=1):
            devices = [self._devices[index] for index in batch]
            begin = self._clock.monotonic()
            for device in devices:
                device.record.batch = number
                device.roll_out()
            self._wake(devices)
            await self._settle(devices)
            end = self._clock.monotonic()
            self.spans.append(Span(f"{BATCH} {number}", begin, end))
            good = sum(device.record.succeeded for device in devices)
            self._tell(f"batch {number} of {len(batches)}: {good} of {len(devices)} in {end - begin:.0f} s")
            if number < len(batches):
                if self._too_many_failures():
                    return
                await self._clock.sleep(self._plan.pause)

    async def _settle(self, devices: Sequence[FleetDevice]) -> None:
        def settled() -> bool:
            return all(device.settled for device in devices)

        await until(settled, self._clock, _LOOK, within=self._plan.settle, check=self._check)
        for device in devices:
            device.give_up()

    def _too_many_failures(self) -> bool:
        tried = [device.record for device in self._devices if device.record.tried]
        failed = sum(not record.succeeded for record in tried)
        if failed <= self._plan.abort * len(tried):
            return False
        self.aborted = f"{failed} of {len(tried)} failed, more than {self._plan.abort:.0%}"
        self._tell(f"aborted: {self.aborted}")
        return True
