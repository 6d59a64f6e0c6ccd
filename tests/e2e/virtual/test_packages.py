"""Packages that are wrong: what the card or the agent refuses is a result that the eIM gets, no failure of the run."""

from __future__ import annotations

import pytest

from hil.eim import content
from hil.eim.association import Outcome, PackageState, SigningFaults
from hil.eim.knobs import Acknowledge
from hil.euicc.engine import Engine
from hil.network import Service
from tests.e2e.virtual.device import ONE, TWO, Device, execute

FOREIGN = bytes.fromhex("89049032001234567890000000200079")

REFUSED = {
    "signature": (SigningFaults(bad_signature=True), "refused: signature or eIM not accepted", Outcome.UNSIGNED),
    "eID": (SigningFaults(eid=FOREIGN), "invalidEid(3)", Outcome.REFUSED),
    "counter": (SigningFaults(counter=0), "replayError(4)", Outcome.REFUSED),
    "counter too large": (SigningFaults(counter=0x800000), "counterValueOutOfRange(6)", Outcome.REFUSED),
    "token": (SigningFaults(token=7), "refused: signature or eIM not accepted", Outcome.UNSIGNED),
    "eIM": (SigningFaults(eim_id="other.example.com"), "refused: signature or eIM not accepted", Outcome.UNSIGNED),
}


@pytest.mark.parametrize(("faults", "result", "outcome"), REFUSED.values(), ids=REFUSED)
def test_package_that_the_card_refuses_is_a_delivered_result(
    device: Device, faults: SigningFaults, result: str, outcome: Outcome
) -> None:
    device.eim.knobs.recover_replays = False
    wrong = device.eim.queue(device.eid, content.psmo_package(content.enable(TWO)), faults)
    (right,) = device.queue(content.psmo_package(content.list_profile_info()))
    done = device.json("run", "--once")
    assert [package["result"] for package in done["packages"]] == [result, "list profile info (4)"]
    assert [package["handover"] for package in done["packages"]][-1] == "acknowledged"
    assert not wrong.open
    assert wrong.outcome is outcome
    assert (right.state, right.outcome) == (PackageState.CLOSED, Outcome.OK)
    assert device.states[ONE]
    assert device.json("run", "--once")["outcome"] == "nothingToDo"


def test_unknown_psmo_is_a_delivered_result(device: Device) -> None:
    (package,) = device.queue(content.psmo_package(content.list_profile_info(), content.unknown_command()))
    done = device.json("run", "--once")
    assert done["outcome"] == "done"
    assert package.state is PackageState.CLOSED
    assert package.outcome in (Outcome.REFUSED, Outcome.FAILED)
    assert len(device.loaded) == 1


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("BF6F00", "unknownPackage(2)"),
        ("BF7E03800101", "unknownPackage(2)"),
        ("BF510430020400", "invalidPackageFormat(1)"),
        ("BF5200", "invalidPackageFormat(1)"),
    ],
)
def test_package_that_the_agent_refuses_is_a_delivered_result(device: Device, body: str, result: str) -> None:
    (package,) = device.queue(content.raw_package(bytes.fromhex(body)))
    done = device.json("run", "--once")
    assert [package["result"] for package in done["packages"]] == [result]
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.IPA_ERROR)
    assert device.loaded == []
    assert device.json("run", "--once")["outcome"] == "nothingToDo"


REFUSED_COMMANDS = {
    "profile that is not there": (content.enable("89490000000000000098"), "enable iccidOrAidNotFound(1)"),
    "profile that is enabled": (content.enable(ONE), "enable profileNotInDisabledState(2)"),
    "deleting what is enabled": (content.delete(ONE), "delete profileNotInDisabledState(2)"),
    "disabling what is disabled": (content.disable(TWO), "disable profileNotInEnabledState(2)"),
}


@pytest.mark.parametrize(("command", "result"), REFUSED_COMMANDS.values(), ids=REFUSED_COMMANDS)
def test_command_that_the_card_refuses_is_a_delivered_result(
    device: Device, command: content.Command, result: str
) -> None:
    (package,) = device.queue(content.psmo_package(command))
    done = device.json("run", "--once")
    assert [package["result"] for package in done["packages"]] == [result]
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.FAILED)
    assert device.states[ONE]


def test_new_profile_without_service_is_rolled_back(device: Device) -> None:
    device.network.set_service(Service(coverage=False), imsi="001020000000002")
    (package,) = device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    began = device.clock.monotonic()
    done = device.json("run", "--once")
    assert [package["rolled_back"] for package in done["packages"]] == [True]
    assert (package.state, package.outcome) == (PackageState.CLOSED, Outcome.ROLLED_BACK)
    assert device.states[ONE]
    assert 300 < device.clock.monotonic() - began < 600
    assert len(device.loaded) == 1


class Asked:
    """What the ISD-R was asked, by the tags of the requests."""

    def __init__(self, device: Device) -> None:
        self.tags: list[bytes] = []
        device.card_fault = self._note

    def _note(self, engine: Engine, request: bytes) -> bytes:
        self.tags.append(request[:2])
        return execute(engine, request)


@pytest.mark.parametrize("command", [content.list_profile_info(), content.enable(TWO, rollback=True)])
def test_eim_that_never_acknowledges_costs_one_list_and_no_message(device: Device, command: content.Command) -> None:
    lists, results = [], []
    for acknowledge in (Acknowledge.ALL, Acknowledge.NONE):
        device.eim.knobs.acknowledge = acknowledge
        asked, sent = Asked(device), len(device.internet.sent)
        device.queue(content.psmo_package(command))
        device.json("run", "--once")
        lists.append(asked.tags.count(b"\xbf\x2b"))
        results.append([message[:2] for message in device.internet.sent[sent:]].count(b"\xbf\x50"))
        if device.states[TWO]:
            device.queue(content.psmo_package(content.enable(ONE)))
            device.json("run", "--once")
    assert results == [1, 1]
    assert lists[1] <= lists[0] + 1
