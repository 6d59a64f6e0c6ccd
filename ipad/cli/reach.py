"""How a command reaches modem and eUICC: through the running agent when they are its own, else by itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ipad.cli.invocation import Invocation
from ipad.clock import SystemClock
from ipad.config import ModemConfig
from ipad.daemon.places import candidates
from ipad.errands.envelope import Result
from ipad.errors import NoDaemonError, RemoteError
from ipad.procedures.progress import ProgressEvent, ProgressListener, Stage

if TYPE_CHECKING:  # h11 is loaded only where there is a socket
    from ipad.control.client import ControlClient, ServedModem
    from ipad.errands.table import Errand


async def perform(
    call: Invocation,
    errand: Errand,
    given: Mapping[str, object] | None = None,
    *,
    progress: ProgressListener | None = None,
) -> Result:
    """Do an errand, whichever way. Raises what the errand raises; RemoteError is what the agent said."""
    client = await agent_of(call)
    if client is not None:
        if progress is not None:
            return await _follow(client, errand, given or {}, progress)
        return await client.call(errand.method, errand.path, given, wait=True if errand.method == "POST" else None)
    # Only where no agent does it.
    from ipad.errands.asking import user_name  # noqa: PLC0415
    from ipad.errands.running import Asked, do_alone  # noqa: PLC0415

    asked = Asked(errand=errand, values=given or {}, who=user_name())
    return await do_alone(call.config, SystemClock(), asked, progress)


async def agent_of(call: Invocation) -> ControlClient | None:
    """The running agent that serves the modem of this command, None when there is none."""
    places = [path for path in candidates(call.config, os.environ) if path.exists()]
    if not places:
        return None
    from ipad.control.client import ControlClient  # noqa: PLC0415

    config = call.config
    wanted = next(iter(config.modems)) if len(config.modems) == 1 else None
    for path in places:
        client = ControlClient(path)
        try:
            modems = await client.modems()
        except (NoDaemonError, RemoteError):
            continue  # a socket that was left behind, or one that this user may not use
        for modem in modems:
            if wanted is not None and is_same(config.modem(), modem):
                return ControlClient(path, modem.name)
    return None


async def need_agent(call: Invocation) -> ControlClient:
    """The running agent, for what only it can tell. Raises NoDaemonError."""
    from ipad.control.client import ControlClient, not_running  # noqa: PLC0415

    places = candidates(call.config, os.environ)
    if not places:
        raise NoDaemonError("the agent has no control API", hint="set control.socket in the configuration")
    failure = not_running(places[0], "there is no such socket")
    for path in places:
        if path.exists():
            client = ControlClient(path)
            try:
                return ControlClient(path, _chosen(call, await client.modems()))
            except NoDaemonError as error:
                failure = error
    raise failure


def is_same(config: ModemConfig, served: ServedModem) -> bool:
    """Whether the agent's modem is the one that this command would open."""
    if config.card or served.card:
        return config.card == served.card
    if not config.port or not served.port:
        return config.port in (served.port, served.open)
    return any(_same_device(config.port, port) for port in (served.port, served.open) if port)


def _chosen(call: Invocation, modems: tuple[ServedModem, ...]) -> str | None:
    """The name that the command line gives, else that of a modem like the configured one; None is the only one."""
    name: str | None = getattr(call.args, "modem", None)
    if name is not None or len(modems) <= 1:
        return None if len(modems) == 1 and name == modems[0].name else name
    if len(call.config.modems) != 1:
        return None
    return next((modem.name for modem in modems if is_same(call.config.modem(), modem)), None)


def _same_device(one: str, other: str) -> bool:
    """Names of one device: links of udev and the like."""
    if one == other:
        return True
    try:
        first, second = Path(one).stat(), Path(other).stat()
    except OSError:
        return False
    return first.st_rdev == second.st_rdev if first.st_rdev or second.st_rdev else os.path.samestat(first, second)


async def _follow(
    client: ControlClient, errand: Errand, given: Mapping[str, object], progress: ProgressListener
) -> Result:
    """Begin, show the progress as it comes, and give the result of the end."""
    from ipad.errands.envelope import opened  # noqa: PLC0415

    begun = (await client.call(errand.method, errand.path, given, wait=False)).record.get("operation")
    number = begun.get("operation") if isinstance(begun, dict) else None
    last: Mapping[str, object] = {}
    async for found in client.lines("/v1/operations/{operation}/events", {"operation": number}):
        last = found
        if found.get("event") == "progress":
            event = _progress(found)
            if event is not None:
                progress(event)
    return opened(last.get("answer"))


def _progress(found: Mapping[str, object]) -> ProgressEvent | None:
    stage, percent, detail = found.get("stage"), found.get("percent"), found.get("detail")
    known = next((item for item in Stage if item.value == stage), None)
    if known is None or not isinstance(percent, int):
        return None
    return ProgressEvent(known, percent, str(detail or ""))
