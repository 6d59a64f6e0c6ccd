"""The command `ipad-hil` against a rig: what it prints, what it changes, how it fails."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hil.cli.main import main
from hil.cli.parser import CONTROL_VARIABLE
from hil.eim.association import PackageState, SigningFaults
from hil.rig import FIRST_EIM, SECOND_EIM
from tests.hil.eim import vectors as v
from tests.hil.operated import Operated, operated_rig


@pytest_asyncio.fixture
async def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Operated]:
    async with operated_rig(Operated, tmp_path, capsys) as shell:
        yield shell


ICCID = "89490000000000000023"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("words", "label"),
    [
        (("enable", ICCID, "--rollback"), f"enable {ICCID} with rollback"),
        (("disable", ICCID), f"disable {ICCID}"),
        (("delete", ICCID), f"delete {ICCID}"),
        (("swap", ICCID, "89490000000000000015"), f"disable {ICCID}, enable 89490000000000000015"),
        (("list-profiles", "--tags", "5A,9F70"), "listProfileInfo"),
        (("rat",), "getRAT"),
        (("set-fallback", ICCID), f"setFallbackAttribute {ICCID}"),
        (("unset-fallback",), "unsetFallbackAttribute"),
        (("default-dp", "smdp.example.com"), "setDefaultDpAddress smdp.example.com"),
        (("default-dp", ""), "setDefaultDpAddress (none)"),
        (("immediate-enable", "on", "--oid", "2.999.10"), "configureImmediateEnable on"),
        (("add-eim", "eim2"), "addEim eim2.example.com"),
        (("update-eim", "eim1"), "updateEim eim.example.com"),
        (("delete-eim", "eim2.example.com"), "deleteEim eim2.example.com"),
        (("list-eim",), "listEim"),
        (("data", "--tags", "A8,BF20"), "data request A8 BF20"),
        (("download", "1$smdp.example.com$X"), "download trigger activationCode"),
        (("download", "default"), "download trigger contactDefaultSmdp"),
        (("download", "smds:smds.example.com"), "download trigger contactSmds"),
        (("download", "none"), "download trigger"),
        (("raw", "BF6F00"), "raw BF6F00"),
        (("order", '{"type": "psmo", "commands": [{"command": "unknown"}]}'), "unknown command BF6F"),
    ],
)
async def test_everything_can_be_queued(shell: Operated, words: tuple[str, ...], label: str) -> None:
    assert await shell.done("eim", "queue", *words) == f"1 {label}\n"


@pytest.mark.asyncio
async def test_deliberate_mistakes_reach_the_package(shell: Operated) -> None:
    mistakes = ("--bad-signature", "--eid", "00" * 16, "--eim-id", "x", "--counter", "5", "--token", "9")
    await shell.done("eim", "queue", "rat", *mistakes, "--no-transaction-id")
    package = shell.rig.eim(FIRST_EIM).core.association(shell.rig.eid).packages[0]
    assert package.faults == SigningFaults(
        bad_signature=True, eid=bytes(16), eim_id="x", counter=5, token=9, no_transaction_id=True
    )


@pytest.mark.asyncio
async def test_eim_data_from_a_file(shell: Operated, tmp_path: Path) -> None:
    file = tmp_path / "eim.der"
    file.write_bytes(shell.rig.configuration(SECOND_EIM))
    assert await shell.done("eim", "queue", "add-eim", str(file)) == "1 addEim eim2.example.com\n"


@pytest.mark.asyncio
async def test_list_cancel_and_results(shell: Operated) -> None:
    await shell.done("eim", "queue", "data")
    assert "queued" in await shell.done("eim", "list")
    await shell.done("eim", "cancel", "1")
    listed = json.loads(await shell.done("eim", "list", "--json"))
    assert listed["packages"][0]["outcome"] == "cancelled"
    shell.rig.eim(FIRST_EIM).core.handle(v.HN1)
    line = await shell.done("eim", "results")
    assert f"enable {v.ICCID1}" in line
    assert "NOT VERIFIED" in line
    assert json.loads(await shell.done("eim", "results", "--json", "--after", "1"))["results"] == []


@pytest.mark.asyncio
async def test_knobs_faults_and_certificates(shell: Operated) -> None:
    assert json.loads(await shell.done("eim", "knob", "acknowledge=none"))["acknowledge"] == "none"
    assert json.loads(await shell.done("card", "knob", "cat_busy=true"))["cat_busy"] is True
    assert json.loads(await shell.done("modem", "knob"))["silent"] is False
    assert json.loads(await shell.done("network", "search_time=0.25"))["search_time"] == 0.25
    await shell.done("eim", "fault", "status", "--value", "503", "--times", "0", "--eim", "eim2")
    faults = json.loads(await shell.done("eim", "fault", "list", "--eim", "eim2"))["faults"]
    assert [(fault["value"], fault["times"]) for fault in faults] == [(503, None)]
    await shell.done("eim", "fault", "clear", "--eim", "eim2")
    assert shell.rig.eim(SECOND_EIM).server.faults.faults == []
    await shell.done("eim", "tls", "expired")
    assert shell.rig.eim(FIRST_EIM).server.leaf == "expired"


@pytest.mark.asyncio
async def test_scenarios_are_played_on_the_rig(shell: Operated, tmp_path: Path) -> None:
    assert "coverage-gap" in (await shell.done("play", "list")).split()
    assert await shell.done("play", "show") == "nothing is played\n"
    assert "twenty minutes" in await shell.done("play", "start", "coverage-gap")
    assert not shell.rig.network.open_world
    script = tmp_path / "dark.toml"
    script.write_text("open_world = true\n[[step]]\nat = 0.0\nantenna = false\n", encoding="utf-8")
    assert (await shell.done("play", "start", str(script))).startswith("dark: ")
    dark = asyncio.Event()
    shell.rig.network.on_change(dark.set)
    async with asyncio.timeout(10):
        while shell.rig.network.antenna:
            await dark.wait()
            dark.clear()
    assert "antenna off" in await shell.done("play", "stop")
    assert await shell.done("play", "show") == "nothing is played\n"


@pytest.mark.asyncio
async def test_scenario_that_does_not_exist_or_is_wrong_is_refused(shell: Operated, tmp_path: Path) -> None:
    assert "no scenario 'storm'" in (await shell.run("play", "start", "storm"))[2]
    script = tmp_path / "wrong.json"
    script.write_text('{"step": [{"at": 1, "wind": 5}]}', encoding="utf-8")
    assert "wind" in (await shell.run("play", "start", str(script)))[2]
    script.write_text("[]", encoding="utf-8")
    assert "expected a table" in (await shell.run("play", "start", str(script)))[2]


@pytest.mark.asyncio
async def test_device_commands(shell: Operated) -> None:
    assert (await shell.run("wait", "bearer=up", "--timeout", "20"))[0] == 0
    assert json.loads(await shell.done("state"))["eid"] == shell.rig.card.eid
    assert json.loads(await shell.done("card", "show"))["kind"] == "iot"
    await shell.done("card", "reset")
    await shell.done("relay", "shut")
    assert not shell.rig.eim(FIRST_EIM).relay.is_open
    await shell.done("relay", "follow")
    await shell.done("modem", "power", "off")
    assert json.loads(await shell.done("modem", "show"))["powered"] is False
    await shell.done("modem", "power", "on")
    await shell.done("modem", "hang-up", "--seconds", "0.01")
    assert "BENCH" in await shell.done("trace", "--interface", "BENCH")
    assert json.loads(await shell.done("trace", "--json"))["lastEvent"] > 0


@pytest.mark.asyncio
async def test_wait_without_success_has_its_own_exit_code(shell: Operated) -> None:
    await shell.done("eim", "queue", "data")
    assert (await shell.run("wait", "idle=eim1", "--timeout", "0.05"))[0] == 3
    assert shell.rig.eim(FIRST_EIM).core.association(shell.rig.eid).packages[0].state is PackageState.QUEUED


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("eim", "queue", "enable", "12"), "18 to 20 digits"),
        (("eim", "queue", "order", "{"), "the order is no JSON"),
        (("eim", "queue", "order", "[]"), "must be a JSON object"),
        (("eim", "knob", "acknowledge"), "is not NAME=VALUE"),
        (("eim", "list", "--eim", "eim9"), "no eIM 'eim9'"),
        (("state", "--control", "http://127.0.0.1:9"), "no rig answers"),
    ],
)
async def test_failures_are_one_line(shell: Operated, words: tuple[str, ...], message: str) -> None:
    code, out, err = await shell.run(*words)
    assert (code, out) == (1, "")
    assert message in err
    assert err.startswith("ipad-hil: ")
    assert err.count("\n") == 1


def test_without_an_address_the_user_is_told_how_to_give_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(CONTROL_VARIABLE, raising=False)
    assert main(["state"]) == 1
    assert CONTROL_VARIABLE in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [[], ["eim"], ["rig", "--pace", "0"], ["rig", "--vpcd", "nowhere"], ["eim", "queue", "data", "--tags", "X"]],
)
def test_wrong_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(words)
    assert exit_.value.code == 2
    assert capsys.readouterr().err
