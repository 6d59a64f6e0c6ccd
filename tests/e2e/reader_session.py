"""What happens inside the namespace of `test_pcscd`: pcscd, a rig with its card in the reader, the agent's main job.

Run as a module with a folder as its only argument, as root of a fresh network and mount namespace. Prints one JSON
object for the test to judge.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.processes import Agent, Rig, agent_for, running_rig

ONE, TWO, THREE = "89490000000000000015", "89490000000000000023", "8949000000000000034"
VPCD_PORT = 35963
_SIOCSIFFLAGS = 0x8914
_UP_RUNNING = 0x41
_PATIENCE = 30.0


def raise_loopback() -> None:
    """Switch the interface lo on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP_RUNNING))


def wait_for_card(agent: Agent) -> object:
    """Ask for the card until pcscd has noticed it."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        done = agent.run("euicc", "info", "--json")
        if done.code == 0:
            return done.answer
        if time.monotonic() > deadline:
            raise AssertionError(f"the card never came: {done.out}{done.err}")


def main_job(rig: Rig, agent: Agent) -> dict[str, object]:
    """Provision, queue, run; what came of it."""
    agent.json("eim", "add", rig.facts["initial_eim_file"])
    rig.hil("eim", "queue", "data")
    rig.hil("eim", "queue", "enable", TWO, "--rollback")
    rig.hil("eim", "queue", "delete", THREE)
    rig.hil("eim", "queue", "swap", TWO, ONE)
    rig.hil("eim", "queue", "add-eim", "eim2")
    return {
        "run": agent.json("run", "--once"),
        "queue": rig.hil("eim", "list").splitlines(),
        "results": json.loads(rig.hil("eim", "results", "--json"))["results"],
        "profiles": agent.json("profile", "list")["profiles"],
        "again": agent.json("run", "--once"),
    }


def main(folder: Path) -> None:
    """Start pcscd and the rig, do the job, print."""
    raise_loopback()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    Path("/run/pcscd").mkdir()
    daemon = subprocess.Popen(["pcscd", "--foreground"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with running_rig(folder / "bench", "--vpcd", f"127.0.0.1:{VPCD_PORT}") as rig:
            agent = agent_for(rig, folder / "device", link='card = "pcsc:Virtual PCD 00 00"')
            card = wait_for_card(agent)
            json.dump({"card": card, "eid": rig.facts["eid"], **main_job(rig, agent)}, sys.stdout)
    finally:
        daemon.terminate()
        daemon.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
