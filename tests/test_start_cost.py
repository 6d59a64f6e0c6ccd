"""What the agent loads when: a gateway's processor is slow and its memory small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SELDOM = {
    "ipad.card.pcsc",
    "ipad.codec.bpp",
    "ipad.codec.esipa_rsp",
    "ipad.codec.rsp",
    "ipad.control.routes",
    "ipad.control.server",
    "ipad.es9.functions",
    "ipad.esipa.json_messages",
    "ipad.net.dns_lookup",
    "ipad.net.http_service",
    "ipad.net.probe",
    "ipad.observe.traffic",
    "ipad.procedures.euicc_data",
    "ipad.procedures.profile_switch",
    "ipad.procedures.rsp_server",
    "argparse",
    "ast",
    "calendar",
    "dataclasses",
    "difflib",
    "encodings.idna",
    "gettext",
    "h11",
    "importlib.resources",
    "random",
    "secrets",
    "tempfile",
}
"""What an agent that only polls can do without."""

TOTAL, OWN = 345, 236
"""Modules that a visit may load: all, and those of the agent."""

NEVER = {"cryptography", "asn1tools", "hil", "smartcard", "OpenSSL", "aiocoap", "jeepney"}
"""Packages that belong to the bench or to extras; nothing that serves HTTPS through a modem may load them."""

PROGRAM = """
import json, sys
before = set(sys.modules)
{statement}
print("\\n" + json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(statement: str, tmp_path: Path) -> set[str]:
    """The modules that a statement loads in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statement=statement)],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=50,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_import_of_the_package_loads_nothing_but_the_version(tmp_path: Path) -> None:
    assert {name for name in loaded_by("import ipad", tmp_path) if name.partition(".")[0] != "__future__"} == {"ipad"}


def test_version_loads_no_event_loop(tmp_path: Path) -> None:
    modules = loaded_by("from ipad.cli.main import run; run(['--version'])", tmp_path)
    assert not tops(modules) & ({"asyncio", "ssl", "serial", "h11", "cbor2"} | NEVER)
    assert {name for name in modules if name.startswith("ipad")} == {
        "ipad",
        "ipad.cli",
        "ipad.cli.main",
        "ipad.cli.parser",
        "ipad.cli.quick",
        "ipad.errors",
    }


def test_configuration_check_loads_no_library(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[modem]\nport = '/dev/x'\n")
    modules = loaded_by("from ipad.cli.main import run; run(['config', 'check', '--config', 'a.toml'])", tmp_path)
    assert not tops(modules) & ({"serial", "h11", "cbor2"} | NEVER)


RUN = "sys.argv[1:] = ['run', '--once', '--config', 'a.toml']; from ipad.__main__ import main; main()"


@pytest.fixture(name="run_modules", scope="module")
def _run_modules(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("run")
    (folder / "a.toml").write_text(
        "[modem]\nport = '/dev/does-not-exist'\n[state]\ndirectory = 'state'\n[control]\nsocket = ''\n"
    )
    return loaded_by(RUN, folder)


def test_agent_never_loads_what_belongs_to_the_bench_or_to_extras(run_modules: set[str]) -> None:
    assert not tops(run_modules) & NEVER


def test_agent_loads_one_library(run_modules: set[str]) -> None:
    installed = {name for name in tops(run_modules) if name not in sys.stdlib_module_names and not name.startswith("_")}
    assert installed <= {"ipad", "serial"}


def test_visit_loads_nothing_that_is_seldom_needed(run_modules: set[str]) -> None:
    assert not run_modules & SELDOM


def test_number_of_modules_is_bounded(run_modules: set[str]) -> None:
    assert len(run_modules) < TOTAL
    assert len([name for name in run_modules if name.startswith("ipad")]) < OWN


def test_agent_that_waits_has_loaded_nothing_that_is_seldom_needed(tmp_path: Path) -> None:
    """The program imports everything of the service that it does not load in its functions."""
    statement = "from ipad.postponed import postpone; postpone(); import ipad.cli.main, ipad.cli.run, ipad.cli.serve"
    assert not loaded_by(statement, tmp_path) & SELDOM


def test_visit_loads_no_control_api(run_modules: set[str]) -> None:
    assert not [name for name in run_modules if name.startswith("ipad.control")]


ASK = """
import asyncio, threading
from ipad.cli.main import run
up, stopped = threading.Event(), threading.Event()

async def serve():
    async def reply(reader, writer):
        await reader.readuntil(b"\\\\r\\\\n\\\\r\\\\n")
        writer.write(b"HTTP/1.1 500 no\\\\r\\\\nContent-Length: 2\\\\r\\\\n\\\\r\\\\n{}")
        writer.close()
    async with await asyncio.start_unix_server(reply, "a.sock"):
        up.set()
        await asyncio.to_thread(stopped.wait)

threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
up.wait()
run(["metrics", "--config", "a.toml"])
stopped.set()
"""


def test_command_that_asks_the_agent_loads_neither_modem_nor_card(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(f"[control]\nsocket = '{tmp_path}/a.sock'\n")
    modules = loaded_by(ASK.replace("\\\\", "\\"), tmp_path)
    assert "ipad.control.client" in modules
    assert not tops(modules) & ({"serial", "cbor2"} | NEVER)
    assert not [name for name in modules if name.startswith(("ipad.modem", "ipad.card", "ipad.es10", "ipad.codec"))]
