"""The control API of a rig: what it tells, what it changes, what it refuses."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hil.cli.client import ControlClient, ControlError
from hil.control import Call, ControlServer, Route
from hil.rig import FIRST_EIM
from tests.hil.eim import vectors as v
from tests.hil.operated import Operated, operated_rig


@pytest_asyncio.fixture
async def operated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Operated]:
    async with operated_rig(Operated, tmp_path, capsys) as operated:
        yield operated


@pytest.mark.asyncio
async def test_state_shows_card_modem_eims_and_totals(operated: Operated) -> None:
    await operated.get("/wait", bearer="up", timeout=20)
    state = await operated.get("/state")
    assert state["eid"] == operated.rig.card.eid
    assert [profile["enabled"] for profile in state["card"]["profiles"]] == [True, False, False, False]
    assert state["modem"]["personality"] == "plain"
    assert set(state["eims"]) == {"eim1", "eim2"}
    assert state["totals"]["APDU"]["out"] > 0


@pytest.mark.asyncio
async def test_bearer_can_be_waited_for_and_opens_the_relays(operated: Operated) -> None:
    assert (await operated.get("/wait", bearer="up", timeout=20))["met"] is True
    assert all(eim["relay"]["open"] for eim in (await operated.get("/state"))["eims"].values())
    for shut in (True, False):
        answer = await operated.post("/relay", {"shut": shut})
        assert answer == {name: {"open": not shut} for name in ("eim1", "eim2", "smdp", "smds")}


@pytest.mark.asyncio
async def test_relays_are_shut_whenever_the_modem_has_no_bearer(operated: Operated) -> None:
    await operated.get("/wait", bearer="up", timeout=20)
    await operated.post("/modem/power", {"on": False})
    assert (await operated.get("/wait", bearer="down", port="absent", timeout=20))["met"] is True
    assert not any(eim["relay"]["open"] for eim in (await operated.get("/state"))["eims"].values())
    await operated.post("/modem/power", {"on": True})
    assert (await operated.get("/wait", bearer="up", port="present", timeout=20))["met"] is True


@pytest.mark.asyncio
async def test_wait_ends_without_its_condition(operated: Operated) -> None:
    await operated.post("/eim/eim1/queue", {"type": "data"})
    assert (await operated.get("/wait", idle="eim1", timeout=0.05))["met"] is False
    await operated.post("/eim/eim1/cancel", {"number": 1})
    assert (await operated.get("/wait", idle="eim1", timeout=20))["met"] is True


@pytest.mark.asyncio
async def test_wait_wakes_up_when_a_record_arrives(operated: Operated) -> None:
    waiting = asyncio.create_task(operated.get("/wait", records="eim1:0", timeout=20))
    await operated.get("/eim")
    core = operated.rig.eim(FIRST_EIM).core
    core.handle(v.GEP2.replace(v.EID, operated.rig.eid))
    await operated.post("/trace", {"text": "polled"})
    assert (await waiting)["met"] is True


@pytest.mark.asyncio
async def test_package_is_queued_listed_and_cancelled(operated: Operated) -> None:
    iccid = operated.rig.card.profiles[1].iccid
    order = {"type": "psmo", "commands": [{"command": "enable", "iccid": iccid, "rollback": True}]}
    package = await operated.post("/eim/eim1/queue", order)
    assert (package["number"], package["state"]) == (1, "queued")
    assert package["label"] == f"enable {iccid} with rollback"
    await operated.post("/eim/eim1/cancel", {"number": 1})
    listed = (await operated.get("/eim/eim1/packages"))["packages"]
    assert [(item["state"], item["outcome"]) for item in listed] == [("closed", "cancelled")]
    assert (await operated.get("/eim/eim1/packages/1"))["results"] == []


@pytest.mark.asyncio
async def test_eim_of_the_rig_is_added_by_name(operated: Operated) -> None:
    order = {"type": "eco", "commands": [{"command": "addEim", "eim": "eim2"}]}
    assert (await operated.post("/eim/eim1/queue", order))["label"] == "addEim eim2.example.com"
    with pytest.raises(ControlError, match="no eIM 'eim9'"):
        await operated.post("/eim/eim1/queue", {"type": "eco", "commands": [{"command": "addEim", "eim": "eim9"}]})


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("order", "message"),
    [
        ({}, "missing key 'type'"),
        ({"type": "bogus"}, "expected psmo, eco, data, trigger or raw"),
        ({"type": "data", "tags": ["XY"]}, "tags in hexadecimal"),
        ({"type": "data", "stray": 1}, "unknown key 'stray'"),
        ({"type": "raw"}, "missing key 'hex'"),
        ({"type": "psmo", "commands": [{"command": "enabel"}]}, "expected one of enable"),
        ({"type": "psmo", "commands": [{"command": "enable"}]}, "missing key 'iccid'"),
        ({"type": "psmo", "commands": [{"command": "enable", "iccid": "12"}]}, "18 to 20 digits"),
        ({"type": "psmo", "commands": [{"command": "enable", "iccid": 5}]}, "expected str"),
        ({"type": "psmo", "commands": [], "faults": {"counter": "x"}}, "order.faults.counter"),
        ({"type": "trigger", "activationCode": "1$a$b", "defaultSmdp": True}, "one source"),
    ],
)
async def test_wrong_orders_say_where(operated: Operated, order: dict[str, Any], message: str) -> None:
    with pytest.raises(ControlError, match=message):
        await operated.post("/eim/eim1/queue", order)


@pytest.mark.asyncio
async def test_knobs_of_every_part_are_read_and_turned(operated: Operated) -> None:
    everything = await operated.get("/knobs")
    assert set(everything) == {"card", "modem", "network", "eim1", "eim2", "smdp", "smds"}
    assert (await operated.post("/knobs/eim1", {"acknowledge": "none"}))["acknowledge"] == "none"
    assert operated.rig.eim(FIRST_EIM).core.knobs.acknowledge == "none"
    assert (await operated.post("/knobs/card", {"cat_busy": True}))["cat_busy"] is True
    assert operated.rig.card.knobs.cat_busy is True
    assert (await operated.post("/knobs/modem", {"sim_busy": 2}))["sim_busy"] == 2
    assert (await operated.post("/knobs/network", {"reject_cause": 8}))["reject_cause"] == 8
    assert operated.rig.network.default_service.reject_cause == 8


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("part", "change"),
    [("eim1", {"acknowledge": "never"}), ("card", {"cat_bussy": True}), ("modem", {"silent": "yes"}), ("tv", {})],
)
async def test_wrong_knobs_change_nothing(operated: Operated, part: str, change: dict[str, Any]) -> None:
    before = await operated.get("/knobs")
    with pytest.raises(ControlError, match=part):
        await operated.post(f"/knobs/{part}", change)
    assert await operated.get("/knobs") == before


@pytest.mark.asyncio
async def test_http_faults_and_certificates(operated: Operated) -> None:
    added = await operated.post("/eim/eim2/faults", {"kind": "status", "value": 503, "times": 2})
    assert [(fault["kind"], fault["value"], fault["times"]) for fault in added["faults"]] == [("status", 503, 2)]
    assert await operated.delete("/eim/eim2/faults") == {"faults": []}
    with pytest.raises(ControlError, match=r"fault\.kind"):
        await operated.post("/eim/eim2/faults", {"kind": "flood"})
    await operated.post("/eim/eim2/tls", {"leaf": "expired"})
    assert (await operated.get("/eim/eim2"))["leaf"] == "expired"
    with pytest.raises(ControlError, match="leaf"):
        await operated.post("/eim/eim2/tls", {"leaf": "rotten"})


@pytest.mark.asyncio
async def test_foreign_euicc_is_associated_and_addressed(operated: Operated) -> None:
    foreign = "89049032001234567890000000100999"
    await operated.post("/eim/eim1/associate", {"eid": foreign, "token": 4, "counter": 9})
    package = await operated.post("/eim/eim1/queue", {"type": "data", "eid": foreign})
    assert package["number"] == 1
    listed = await operated.get("/eim/eim1/packages", eid=foreign)
    assert len(listed["packages"]) == 1
    assert (await operated.get("/eim/eim1/packages"))["packages"] == []
    with pytest.raises(ControlError, match="16 bytes"):
        await operated.post("/eim/eim1/associate", {"eid": "8904"})


@pytest.mark.asyncio
async def test_results_are_filtered(operated: Operated) -> None:
    core = operated.rig.eim(FIRST_EIM).core
    core.handle(v.GEP2.replace(v.EID, operated.rig.eid))
    core.handle(v.HN1)
    assert [record["kind"] for record in (await operated.get("/eim/eim1/results"))["results"]] == [
        "poll",
        "notification",
    ]
    assert [record["number"] for record in (await operated.get("/eim/eim1/results", after=1))["results"]] == [2]
    assert [record["number"] for record in (await operated.get("/eim/eim1/results", kind="poll"))["results"]] == [1]
    with pytest.raises(ControlError, match="kind"):
        await operated.get("/eim/eim1/results", kind="gossip")


@pytest.mark.asyncio
async def test_trace_is_paged_by_event_number(operated: Operated) -> None:
    await operated.get("/wait", bearer="up", timeout=20)
    await operated.post("/trace", {"text": "one"})
    mark = (await operated.post("/trace", {"text": "two"}))["lastEvent"]
    events = (await operated.get("/trace", after=mark - 1, interface="BENCH"))["events"]
    assert [(event["text"], event["direction"]) for event in events] == [("two", "")]
    assert len((await operated.get("/trace", interface="APDU", limit=3))["events"]) == 3
    with pytest.raises(ControlError, match="interface"):
        await operated.get("/trace", interface="SMOKE")


@pytest.mark.asyncio
async def test_card_and_modem_can_be_disturbed(operated: Operated) -> None:
    before = operated.rig.timeline.last_number
    await operated.post("/card/reset")
    assert [event.text for event in operated.rig.timeline.events(before)][:1] == ["reset"]
    await operated.post("/modem/hang-up", {"seconds": 0.01})
    assert (await operated.get("/wait", port="present", timeout=20))["met"] is True
    assert (await operated.get("/modem"))["counters"]["hang_ups"] == 1
    with pytest.raises(ControlError, match="seconds"):
        await operated.post("/modem/hang-up", {"seconds": -1})
    with pytest.raises(ControlError, match="on: expected"):
        await operated.post("/modem/power", {"on": "yes"})


@pytest.mark.asyncio
async def test_network_services_and_coverage(operated: Operated) -> None:
    answer = await operated.post("/network/service", {"imsi": "00101", "reject_cause": 3})
    assert answer["service"]["reject_cause"] == 3
    assert await operated.get("/network/service", imsi="00101") == answer
    usual = await operated.get("/network/service", imsi="00102")
    assert usual["service"] == await operated.get("/knobs/network")
    await operated.delete("/network/service")
    assert (await operated.get("/network/service", imsi="00101"))["service"] == usual["service"]
    await operated.post("/network/signal", {"plmn": "00101", "signal": None})
    assert operated.rig.network.operator("00101").signal is None
    await operated.post("/network/signal", {"plmn": "00101", "signal": {"rsrp": -120}})
    for body, message in (({"reject_cause": "x"}, "reject_cause"), ({"imsi": 5}, "digits")):
        with pytest.raises(ControlError, match=message):
            await operated.post("/network/service", body)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "message"),
    [("/nothing", "there is no /nothing"), ("/eim/eim7", "no eIM 'eim7'"), ("/eim/eim1/packages/77", "no package 77")],
)
async def test_unknown_things_are_named(operated: Operated, path: str, message: str) -> None:
    with pytest.raises(ControlError, match=message):
        await operated.get(path)


@pytest.mark.asyncio
@pytest.mark.parametrize("query", [{}, {"weather": "fine"}, {"idle": "eim7"}, {"bearer": "maybe"}, {"event": "x"}])
async def test_impossible_conditions_are_refused(operated: Operated, query: dict[str, str]) -> None:
    with pytest.raises(ControlError):
        await operated.get("/wait", **query)


@pytest.mark.asyncio
async def test_accident_in_a_handler_is_an_answer() -> None:
    async def accident(_call: Call) -> None:
        raise RuntimeError("oops")

    server = ControlServer([Route("GET", "/accident", accident)])
    await server.start()
    client = ControlClient(server.url)
    try:
        with pytest.raises(ControlError, match="RuntimeError: oops"):
            await asyncio.to_thread(client.get, "/accident")
        with pytest.raises(ControlError, match="takes GET"):
            await asyncio.to_thread(client.post, "/accident")
    finally:
        await server.close()
    with pytest.raises(ControlError, match="no rig answers"):
        await asyncio.to_thread(client.get, "/accident")
    with pytest.raises(ControlError, match="no control URL"):
        ControlClient("file:///etc/passwd")
