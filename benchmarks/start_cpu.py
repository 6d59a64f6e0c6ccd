"""Processor time from exec to the first byte towards the eIM, as a multiple of a bare interpreter.

Run it as `python benchmarks/start_cpu.py`. The agent is `ipad run --once` on a virtual modem: it opens the port, reads
the modem and the eUICC and connects to a server, which stops the clock at the first byte. The bare interpreter imports
asyncio and ssl. Both have compiled bytecode; the least of several runs counts, because whatever disturbs adds. The exit
code is 1 when the limit is exceeded.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from processes import BenchmarkError, configure, cpu_seconds, rig, running

LIMIT: Final = 3.9
RUNS: Final = 21
_WITHIN: Final = 30.0
_BARE: Final = "import asyncio, ssl, sys; sys.stdout.write('x'); sys.stdout.flush(); sys.stdin.read()"


def bare(folder: Path) -> float:
    """Seconds that an interpreter needs to import asyncio and ssl."""
    arguments = ["-c", _BARE]
    with running(arguments, folder, log="bare.log", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        return cpu_seconds(process.pid)


def agent(folder: Path, config: Path, server: socket.socket) -> float:
    """Seconds that the agent needs until something comes from it."""
    arguments = ["-m", "ipad", "run", "--once", "--config", str(config)]
    with running(arguments, folder, log="agent.log") as process:
        try:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(_WITHIN)
                connection.recv(1)
                used = cpu_seconds(process.pid)
                process.kill()
                return used
        except TimeoutError as error:
            raise BenchmarkError(f"nothing came: {(folder / 'agent.log').read_text()}") from error
        finally:
            # It must be gone before the next run: otherwise it comes again.
            process.kill()
            process.wait()


def measure(folder: Path, facts: Mapping[str, Any]) -> tuple[float, float]:
    """Seconds of both, the least of `RUNS` runs each, one after the other in turn."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_WITHIN)
        port = urlsplit(facts["esipa_url"]).port
        addresses = f'[net.addresses]\n"https://localhost:{port}" = "127.0.0.1:{server.getsockname()[1]}"\n'
        config = configure(folder, facts, addresses)
        bare(folder)
        agent(folder, config, server)
        pairs = [(bare(folder), agent(folder, config, server)) for _ in range(RUNS)]
    return min(first for first, _ in pairs), min(second for _, second in pairs)


def main() -> int:
    """Print the figures; 1 when the limit is exceeded."""
    with tempfile.TemporaryDirectory() as name, rig(Path(name)) as facts:
        interpreter, whole = measure(Path(name), facts)
    multiple = whole / interpreter
    verdict = "ok" if multiple <= LIMIT else "TOO MUCH"
    print(  # noqa: T201 - a script that people run
        f"to the first byte {whole * 1000:4.0f} ms, bare interpreter {interpreter * 1000:4.0f} ms, "
        f"{multiple:4.2f} times, limit {LIMIT:g}  {verdict}"
    )
    return int(multiple > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
