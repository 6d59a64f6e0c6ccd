"""A board of this machine: the same cases as on the virtual target, and a card that is protected from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("labgrid")

from hil.lab.target import open_board
from hil.suite.errors import ProtectionError, TargetError
from tests.lab.board_file import AGENT, wired, write_board
from tests.lab.suite_run import CASES, run_suite
from tests.lab.virtual_board import VirtualBoard

FACTORY = "89490000000000000015"


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualBoard]:
    folder = tmp_path_factory.mktemp("board")
    made = VirtualBoard(folder, folder / "bench")
    yield made
    made.close()


def board_file(board: VirtualBoard, name: str, eid: str) -> Path:
    path = board.config.parent / name
    return write_board(path, board.config, wired(board.ready["tty"], eid), abilities=["test-profile"])


@pytest.fixture(scope="module")
def named(board: VirtualBoard) -> Path:
    return board_file(board, "named.yaml", board.eid)


pytestmark = pytest.mark.timeout(180)
needs_agent = pytest.mark.skipif(AGENT is None, reason="needs an agent of the main environment: IPAD_LAB_AGENT")


@needs_agent
def test_eid_that_is_not_the_named_one_is_refused(board: VirtualBoard) -> None:
    other = board.eid[:-1] + "9"
    before, config = board.call("/card"), board.config.read_text()
    run = run_suite(board_file(board, "other.yaml", other), str(CASES))
    assert run.code != 0
    assert f"the board has the eUICC {board.eid}" in run.output
    assert run.results() == {}
    assert board.call("/card") == before, "not even the eIM of the bench is associated"
    assert board.config.read_text() == config


@needs_agent
def test_run_that_fails_and_is_interrupted_leaves_the_card_as_it_was(board: VirtualBoard, named: Path) -> None:
    profiles, config = board.profiles(), board.config.read_text()
    run = run_suite(named, str(CASES))
    assert run.code == pytest.ExitCode.INTERRUPTED, run.output
    assert run.results() == {
        "test_deletion_of_the_owners_profile": "passed",
        "test_failure_in_the_middle": "failed",
    }, run.output
    assert "a failure on purpose" in run.reason("test_failure_in_the_middle")
    assert board.profiles() == profiles
    assert board.enabled() == FACTORY
    assert board.config.read_text() == config
    assert not (named.parent / "files").exists()


def opened(path: Path) -> object:
    return open_board(path, SimpleNamespace(getoption=lambda _name, default=None: default))


def test_board_without_a_named_eid_is_refused(tmp_path: Path) -> None:
    path = write_board(tmp_path / "board.yaml", Path("/nowhere"), wired("/dev/null", None))
    with pytest.raises(ProtectionError, match="names no `eid`"):
        opened(path)


SUITE = "options: {suite: {bench: {state: s}}}"
EID_AS_NUMBER = "IpadModemInfo: {board: b, eid: 89049032001234567890000000100070}"
PLACE = "targets: {main: {resources: [RemotePlace: {name: gw1}]}}"
NO_COORDINATOR = "options: {coordinator_address: '127.0.0.1:9', suite: {bench: {state: s}}}"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "Configuration file is empty"),
        (["targets: ["], "Error in configuration file"),
        (["targets: {}", SUITE], "it has no target `main`"),
        (["targets: {main: {}}"], "options.suite: missing key 'bench'"),
        (["targets: {main: {resources: [Nothing: {}]}}", SUITE], "unknown resource"),
        (["targets: {main: {resources: []}}", SUITE], "no IpadModemInfo resource found"),
        ([f"targets: {{main: {{resources: [{EID_AS_NUMBER}]}}}}", SUITE], "eid: expected 32 digits in quotes"),
        (
            ["targets: {main: {resources: [RemotePlace: {name: gw1}]}}", NO_COORDINATOR],
            "Could not connect to coordinator",
        ),
        (["imports: [hil.lab.nothing]"], "hil.lab.nothing"),
    ],
)
def test_file_that_is_no_board_says_why(tmp_path: Path, lines: list[str], said: str) -> None:
    path = tmp_path / "board.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(TargetError) as caught:
        opened(path)
    assert said in str(caught.value)
