"""What the agent loads when: a gateway's processor is slow and its memory small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NEVER = {"cryptography", "asn1tools", "hil", "smartcard", "OpenSSL", "aiocoap"}
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
        "ipad.errors",
    }


def test_configuration_check_loads_no_library(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[modem]\nport = '/dev/x'\n")
    modules = loaded_by("from ipad.cli.main import run; run(['config', 'check', '--config', 'a.toml'])", tmp_path)
    assert not tops(modules) & ({"serial", "h11", "cbor2"} | NEVER)


RUN = "from ipad.cli.main import run; run(['run', '--once', '--config', 'a.toml'])"


@pytest.fixture(name="run_modules", scope="module")
def _run_modules(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("run")
    (folder / "a.toml").write_text("[modem]\nport = '/dev/does-not-exist'\n[state]\ndirectory = 'state'\n")
    return loaded_by(RUN, folder)


def test_agent_never_loads_what_belongs_to_the_bench_or_to_extras(run_modules: set[str]) -> None:
    assert not tops(run_modules) & NEVER


def test_agent_loads_three_libraries(run_modules: set[str]) -> None:
    installed = {name for name in tops(run_modules) if name not in sys.stdlib_module_names and not name.startswith("_")}
    assert installed <= {"ipad", "serial", "h11", "cbor2"}


def test_number_of_modules_is_bounded(run_modules: set[str]) -> None:
    assert len(run_modules) < 380
    assert len([name for name in run_modules if name.startswith("ipad")]) < 160
