"""The plugin of pytest: what it refuses, restores, skips and writes down, on a target that is nothing but memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hil import codec
from hil.suite import fixtures, record, reporting, unable
from tests.hil.suite.fake_target import EID, HOME, SPARE, FakeTarget

pytest_plugins = ["pytester"]

TARGET = "tests.hil.suite.fake_target:make"
HEAD = """
import pytest
from hil.eim import content
from hil.suite.marks import case, needs

SUITE = True
SPARE = "{spare}"
HOME = "{home}"
"""
SWITCH = "eim.run(content.psmo_package(content.enable(SPARE)))"


@pytest.fixture(autouse=True)
def _targets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeTarget, "made", [])


# pytester forgets what a run inside has imported: what all of them need is here before.
LOADED = (fixtures, reporting, unable, codec.decode("Psmo", bytes.fromhex("A30C5A0A98940000000000000051")))


class Suite:
    """Runs cases with the plugin, in this process."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self._pytester = pytester

    def run(self, cases: str, *options: str, target: str | None = TARGET, name: str = "test_03_made_up") -> Any:
        self._pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
        self._pytester.makepyfile(**{name: HEAD.format(spare=SPARE, home=HOME) + cases})
        chosen = [] if target is None else ["--target", target]
        quick = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest", "-p", "no:labgrid")
        return self._pytester.runpytest_inprocess(*chosen, *quick, *options, no_reraise_ctrlc=True)

    @property
    def target(self) -> FakeTarget:
        """The one that was used."""
        return FakeTarget.made[-1]


@pytest.fixture(name="suite")
def _suite(pytester: pytest.Pytester) -> Suite:
    return Suite(pytester)


# What is refused


def test_suite_without_a_target_is_told_what_it_needs(suite: Suite) -> None:
    result = suite.run('@case("1.1")\ndef test_one(): pass\n', target=None)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["the suite needs a device: --target virtual, or --target board.yaml"])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("board", 'expected "virtual", a board file that ends in .yaml, or MODULE:FUNCTION'),
        ("missing.yaml", "there is no such file"),
        ("tests.no_such_module:make", "No module named"),
    ],
)
def test_target_that_cannot_be_is_refused_with_the_reason(suite: Suite, target: str, message: str) -> None:
    result = suite.run('@case("1.1")\ndef test_one(): pass\n', target=target)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert f"--target {target}: " in said
    assert message in said


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("", "no section"),
        ("@case()", "no section"),
        ('@case("chapter three")', "'chapter three' is no section"),
        ('@case("3.1", name="x")', "unknown argument 'name'"),
        ('@case("3.1")\n@needs("wings")', "unknown ability 'wings'"),
    ],
)
def test_case_with_wrong_marks_is_refused_at_collection(suite: Suite, mark: str, message: str) -> None:
    result = suite.run(f"{mark}\ndef test_one(): pass\n\n@case('1.1')\ndef test_two(): pass\n")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert FakeTarget.made == []
    said = result.stdout.str()
    assert message in said
    assert "test_one" in said
    assert "test_two" not in said


def test_board_with_another_eid_is_refused_untouched(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EID", "89049032000000000000000000000001")
    result = suite.run(f'@case("1.1")\ndef test_one(eim):\n    {SWITCH}\n')
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"the board has the eUICC {EID}, the board file names 8904903200000000" in result.stdout.str()
    assert suite.target.device.done == []
    assert suite.target.life == ["open", "close"]


def test_board_whose_file_names_no_eid_is_refused(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_EID", "")
    result = suite.run('@case("1.1")\ndef test_one(): pass\n')
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "names no EID" in result.stdout.str()


# What is restored


SIGTERM = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"


@pytest.mark.parametrize("end", ["", "assert False", "raise KeyboardInterrupt", SIGTERM, 'pytest.skip("enough")'])
def test_profile_that_was_enabled_is_enabled_again_however_a_case_ends(suite: Suite, end: str) -> None:
    suite.run(
        f'@case("3.4.1")\ndef test_one(eim, card):\n    {SWITCH}\n    assert card.enabled() == SPARE\n    {end}\n'
    )
    target = suite.target
    assert target.device.enabled == HOME
    assert target.life == ["open", "begin", "calm", "end", "close"]


def test_interrupt_while_the_device_is_restored_does_not_leave_it_half_restored(suite: Suite) -> None:
    code = '@case("3.4.1")\ndef test_one(eim, suite_target):\n    ' + SWITCH + "\n    calm = suite_target.calm\n"
    code += "    def interrupted():\n        suite_target.calm = calm\n        raise KeyboardInterrupt\n"
    suite.run(code + "    suite_target.calm = interrupted\n")
    assert suite.target.device.enabled == HOME
    assert suite.target.life[-1] == "close"


def test_what_a_case_installed_is_deleted_and_nothing_else(suite: Suite) -> None:
    code = '@case("3.2.3")\ndef test_one(suite_target):\n    from tests.hil.suite.fake_target import profile\n'
    code += '    suite_target.device.profiles.append(profile("8949000000000000999"))\n'
    assert suite.run(code).ret == 0
    device = suite.target.device
    assert [item.iccid for item in device.profiles] == [HOME, SPARE]
    assert device.done[-2:] != []
    assert [label for label in device.done if label.startswith("delete")] == ["delete 8949000000000000999"]


def test_eim_that_a_case_added_is_deleted(suite: Suite) -> None:
    code = '@case("3.5")\ndef test_one(suite_target):\n    suite_target.device.eims.append({"eim_id": "other"})\n'
    assert suite.run(code).ret == 0
    assert [eim["eim_id"] for eim in suite.target.device.eims] == ["eim.example.com"]


@pytest.mark.parametrize(
    "wanted",
    [
        "eim.run(content.psmo_package(content.delete(SPARE)))",
        "eim.queue(content.psmo_package(content.list_profile_info(), content.delete(SPARE)))",
        "eim.run(content.eco_package(content.delete_eim('eim.example.com')))",
        "gateway.ipad('euicc', 'reset', '--operational', '--yes')",
        "gateway.ipad('profile', 'delete', SPARE, '--yes')",
    ],
)
def test_what_was_there_before_the_suite_cannot_be_deleted(suite: Suite, wanted: str) -> None:
    result = suite.run(f'@case("3.4.3")\ndef test_one(eim, gateway):\n    {wanted}\n')
    result.assert_outcomes(failed=1)
    assert "ProtectionError" in result.stdout.str()
    device = suite.target.device
    assert [item.iccid for item in device.profiles] == [HOME, SPARE]
    assert len(device.eims) == 1
    assert not any(word in label for label in device.done for word in ("delete", "reset"))


def test_device_that_cannot_be_restored_ends_the_run(suite: Suite) -> None:
    code = f'@case("3.4.1")\ndef test_one(eim, suite_target):\n    {SWITCH}\n    suite_target.device.stubborn = True\n'
    result = suite.run(code + '@case("3.4.1")\ndef test_two(): pass\n')
    result.assert_outcomes(passed=1, errors=1)
    assert "the device could not be restored: enable" in result.stdout.str()
    assert suite.target.life.count("begin") == 1


def test_device_that_cannot_be_restored_after_an_interrupt_leaves_a_record(suite: Suite, tmp_path: Path) -> None:
    code = '@case("3.4.1")\ndef test_one(): pass\n@case("3.4.1")\ndef test_two(eim, suite_target):\n'
    code += f"    {SWITCH}\n    suite_target.device.stubborn = True\n    raise KeyboardInterrupt\n"
    suite.run(code, "--report", str(tmp_path / "report"))
    found = record.read(tmp_path / "report" / "record.json")
    assert [(kept.id.rpartition("::")[2], kept.result) for kept in found.cases] == [("test_one", "passed")]


# What is chosen


def test_case_is_skipped_where_the_target_lacks_an_ability(suite: Suite) -> None:
    code = '@needs("network")\n@case("1.1")\ndef test_one(network): pass\n'
    result = suite.run(code + '@needs("power")\n@case("1.1")\ndef test_two(): pass\n', "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    assert "the target has no network" in result.stdout.str()


@pytest.mark.parametrize("place", ["case", "fixture"])
def test_case_is_skipped_where_the_target_cannot_do_a_part_of_an_ability(suite: Suite, place: str) -> None:
    code = 'from hil.suite.errors import UnableError\ndef play():\n    raise UnableError("it cannot play")\n'
    if place == "fixture":
        code += "@pytest.fixture\ndef scene(eim):\n    play()\n"
        code += '@needs("power")\n@case("1.1")\ndef test_one(scene): pass\n'
    else:
        code += f'@needs("power")\n@case("1.1")\ndef test_one(eim):\n    {SWITCH}\n    play()\n'
    result = suite.run(code, "-rs")
    result.assert_outcomes(skipped=1)
    assert "it cannot play" in result.stdout.str()
    assert suite.target.life[-3:] == ["calm", "end", "close"]
    assert suite.target.device.enabled == HOME


def test_fresh_case_is_skipped_where_there_is_one_device(suite: Suite) -> None:
    code = 'from hil.suite.marks import fresh\n@fresh\n@case("1.1")\ndef test_one(): pass\n'
    suite.run(code).assert_outcomes(skipped=1)


@pytest.mark.parametrize(("chapter", "passed"), [("3", 1), ("4", 0)])
def test_chapter_is_chosen_by_its_number(suite: Suite, chapter: str, passed: int) -> None:
    result = suite.run('@case("1.1")\ndef test_one(): pass\n', "--chapter", chapter)
    result.assert_outcomes(passed=passed, deselected=1 - passed)


# What is written down


def test_record_and_traceability_are_complete(suite: Suite, tmp_path: Path) -> None:
    code = """
@case("3.3.1", "SGP.22 3.1.3", title="The first | one")
def test_one(measure): measure("download", 1.25)

@case("3.3.1")
def test_two_fails_here(): assert 1 == 2

@needs("network")
@case("10.2")
def test_three(): pass

@pytest.fixture
def broken(): raise OSError("no such thing")

@case("3.10")
def test_four(broken): pass
"""
    folder = tmp_path / "report"
    suite.run(code, "--report", str(folder)).assert_outcomes(passed=1, failed=1, skipped=1, errors=1)
    run = record.read(folder / "record.json")
    assert run == record.from_json(json.loads(json.dumps(record.to_json(run))))
    assert (run.target, run.ability) == ("fake", ("power", "second-profile"))
    cases = {case.id.rpartition("::")[2]: case for case in run.cases}
    assert {name: case.result for name, case in cases.items()} == {
        "test_one": "passed",
        "test_two_fails_here": "failed",
        "test_three": "skipped",
        "test_four": "error",
    }
    one, two = cases["test_one"], cases["test_two_fails_here"]
    assert (one.title, one.sections) == ("The first | one", ("3.3.1", "SGP.22 3.1.3"))
    assert (one.chapter, one.measures) == ("03 Made up", {"download": 1.25})
    assert [event.interface for event in one.events] == ["AT"]
    assert one.signals[0].rsrp == -90.0
    assert two.title == "Two fails here"
    assert "assert 1 == 2" in two.reason
    assert cases["test_three"].reason == "the target has no network: what the networks grant cannot be changed"
    assert "no such thing" in cases["test_four"].reason
    assert "test_two_fails_here" in (folder / "report.html").read_text()
    rows = (folder / "traceability.md").read_text().splitlines()
    sections = [row.split("|")[1].strip() for row in rows if row.startswith("| ") and "---" not in row][1:]
    assert [section for section in sections if section] == ["3.3.1", "3.10", "10.2", "SGP.22 3.1.3"]
    assert any(r"The first \| one" in row and row.endswith("| passed |") for row in rows)


def test_other_tests_are_left_alone(suite: Suite, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_else="def test_plain(request): assert 'suite_case' not in request.fixturenames\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:asyncio")
    result.assert_outcomes(passed=1)


def test_plugin_alone_loads_nothing_of_the_bench() -> None:
    code = "import sys, hil.suite.plugin; print([name for name in sys.modules if name.startswith('hil.')])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "['hil.suite', 'hil.suite.ability', 'hil.suite.marks', 'hil.suite.plugin']"
