"""The board file of a virtual board, as an owner would write it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from tests.lab.virtual_board import agent_command

AGENT = agent_command()
SPARE = "89490000000000000023"
LIMITS = {"command": 20, "poll": 20, "start": 20, "switch": 40, "download": 40, "recovery": 20, "settle": 0.2}
GATEWAY = "gateway-power"
BENCH = {"state": "bench", "associate": True}
_FILE = """
imports: [hil.lab.drivers]
targets:
  main:
    resources:
{resources}
    drivers:
      - SerialDriver: {{name: at, bindings: {{port: at}}}}
      - IpadAtDriver: {{timeout: 3.0, bindings: {{port: at}}}}
      - IpadLocalCommandDriver: {{}}
      - IpadDaemonDriver: {{agent: "{agent}", config: {config}, service: "", folder: {folder}/run, pause: 0.05}}
      - IpadGatewayStrategy: {strategy}
{drivers}options: {options}
"""


def wired(tty: str, eid: str | None) -> tuple[str, str]:
    """The resources of a modem at a port of this machine. `eid`: the eUICC that is named; None names none."""
    named = "" if eid is None else f'eid: "{eid}", '
    return (
        f"RawSerialPort: {{name: at, port: {tty}, speed: 115200}}",
        f'IpadModemInfo: {{board: quectel-eg25, {named}spare_iccid: "{SPARE}"}}',
    )


def operated(program: str, **settings: object) -> str:
    """The driver of a test network that this program operates."""
    return f"IpadNetworkDriver: {json.dumps({'name': 'network', 'program': program, **settings})}"


def switched(on: str, off: str) -> tuple[str, str]:
    """The drivers of a modem whose supply these commands switch, and of a gateway that is always on."""
    modem = {"name": "modem-power", "cmd_on": on, "cmd_off": off, "delay": 0.1}
    gateway = {"name": GATEWAY, "cmd_on": "true", "cmd_off": "true", "delay": 0.0}
    return f"ExternalPowerDriver: {json.dumps(modem)}", f"ExternalPowerDriver: {json.dumps(gateway)}"


def write_board(
    path: Path,
    config: Path,
    resources: Sequence[str],
    *,
    drivers: Sequence[str] = (),
    coordinator: str | None = None,
    **suite: object,
) -> Path:
    """Write the file; what the suite needs besides lies next to it.

    config: of the agent. resources: labgrid's, a line each. drivers: more of them. suite: more members of
    `options.suite`, or other ones.
    Returns `path`.
    """
    folder = path.parent
    common = {"files": str(folder / "files"), "limits": LIMITS, "bench": BENCH}
    strategy: dict[str, object] = {"pause": 0.1}
    if any(GATEWAY in line for line in drivers):
        strategy["bindings"] = {"power": GATEWAY}
    options = {} if coordinator is None else {"coordinator_address": coordinator}
    text = _FILE.format(
        resources="\n".join(f"      - {line}" for line in resources),
        strategy=json.dumps(strategy),
        drivers="".join(f"      - {line}\n" for line in drivers),
        agent=AGENT,
        config=config,
        folder=folder,
        options=json.dumps({**options, "suite": {**common, **suite}}),
    )
    path.write_text(text)
    return path
