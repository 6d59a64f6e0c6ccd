"""Makes the devices with which scenarios begin."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hil.euicc import isdr
from hil.rig import FIRST_EIM
from hil.sweep.device import PATIENT, Device, open_device
from hil.sweep.errors import SweepError
from hil.sweep.process import run_until
from hil.sweep.start import Start

_WITHIN: Final = 60.0
_QUIET: Final = 0.2


async def make(folder: Path, start: Start, command: Sequence[str], modules: Path) -> None:
    """A device in `folder` whose agent has made its first visit. `modules`: gets the names of the agent's modules.

    Raises SweepError.
    """
    await furnish(folder, start)
    async with open_device(folder, start) as device:
        device.configure(PATIENT)
        try:
            async with asyncio.timeout(_WITHIN):
                code = await run_until(
                    command, device.arguments, device.place, modules, lambda: device.see(lambda: _visited(device))
                )
        except TimeoutError:
            raise SweepError(f"the first visit of the agent did not end:\n{device.log()}") from None
        if code:
            raise SweepError(f"the agent ended its first visit with {code}:\n{device.log()}")
        device.place.log.unlink()


async def furnish(folder: Path, start: Start) -> None:
    """A device in `folder` that knows its eIM, and has no agent yet. Raises SweepError."""
    async with open_device(folder, start) as device:
        engine = device.rig.card.engine
        isdr.execute(engine, device.eim.identity.add_initial_eim())
        if start is Start.AWAY:
            engine.commit(engine.state.enabled_only(engine.state.profiles[1].iccid))


def _visited(device: Device) -> bool:
    return device.polls[FIRST_EIM] > 0 and device.idle and device.quiet(_QUIET)


def put_back(template: Path, folder: Path) -> None:
    """Make `folder` what the template is."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder, symlinks=True)
