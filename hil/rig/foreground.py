"""The rig as a process: one line of JSON when it is ready, a clean end on SIGTERM or SIGINT."""

import asyncio
import json
import signal
from collections.abc import Callable
from typing import Final

from hil.control import ControlServer
from hil.rig.binding_routes import BindingRoutes
from hil.rig.device_routes import DeviceRoutes
from hil.rig.eim_routes import EimRoutes
from hil.rig.link_routes import LinkRoutes
from hil.rig.options import RigOptions
from hil.rig.play_routes import PlayRoutes
from hil.rig.rig import Rig
from hil.rig.rsp_routes import RspRoutes
from hil.webserver import PortTakenError

_CONTROL: Final = "control"


async def start_control(rig: Rig) -> ControlServer:
    """The control API of a rig on its remembered port. Raises RigError when that is in use."""
    parts = (EimRoutes(rig), BindingRoutes(rig), RspRoutes(rig), LinkRoutes(rig), PlayRoutes(rig), DeviceRoutes(rig))
    control = ControlServer([route for part in parts for route in part.routes()])
    try:
        await control.start(rig.ports.port(_CONTROL))
    except PortTakenError as error:
        raise rig.ports.taken(_CONTROL, error) from error
    rig.ports.remember(_CONTROL, control.port)
    return control


async def run_rig(options: RigOptions, announce: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. `announce` gets the JSON line. Raises RigError when the rig cannot be set up."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with Rig(options) as rig:
            control = await start_control(rig)
            try:
                announce(json.dumps(rig.ready_line(control.url)))
                await stop.wait()
            finally:
                await control.close()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
