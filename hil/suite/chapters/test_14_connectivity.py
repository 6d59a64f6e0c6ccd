"""State changes that eIMs are told (SGP.32 5.14.5), connectivity parameters (5.9.24) and the memory reset (5.9.5)."""

from __future__ import annotations

import pytest

from hil import tlv
from hil.eim import content
from hil.eim.association import Outcome
from hil.suite import es10
from hil.suite.abilities import Card, CardBench, Eim, Gateway, Modem, Timeline
from hil.suite.exchanges import Exchange, esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, fresh, needs

LIST = content.psmo_package(content.list_profile_info())
CHANGE = content.psmo_package(content.set_default_dp("changed.example.com"))
OTHER_EIM, RESET = 0, 4
"""stateChangeCause (SGP.32 5.14.5)."""
CONNECTIVITY = 0xBF5F


def polls(timeline: Timeline, server: str | None = None) -> list[Exchange]:
    """GetEimPackage, of one eIM or of all."""
    return esipa(timeline.events(), "GetEimPackage", server)


def causes(timeline: Timeline, server: str) -> list[int | None]:
    """stateChangeCause of each poll, None where nothing was told."""
    asked = [poll.asked for poll in polls(timeline, server)]
    assert all(("notifyStateChange" in item) == ("stateChangeCause" in item) for item in asked)
    return [item.get("stateChangeCause") for item in asked]


@pytest.fixture(name="other")
def _other(eim: Eim, eim2: Eim, gateway: Gateway) -> Eim:
    """The second eIM, added and polled until there is nothing to tell any more."""
    assert eim.run(content.eco_package(content.add_eim(eim2.configuration()))).outcome is Outcome.OK
    for _ in range(2):
        gateway.poll()
    return eim2


# GetEimPackage


@case("5.14.5", title="Each poll names the eUICC")
def test_eid(card: Card, gateway: Gateway, timeline: Timeline) -> None:
    gateway.poll()
    found = polls(timeline)
    assert {item.asked["eidValue"].hex() for item in found} == {card.eid}


@case("5.14.5", title="Nothing is told where nothing has changed: no cause, not even the one with the number 0")
def test_nothing_to_tell(gateway: Gateway, timeline: Timeline) -> None:
    gateway.poll()
    before = len(polls(timeline))
    gateway.poll()
    gateway.poll()
    assert causes(timeline, "eim1")[before:] == [None, None]


@case("5.14.5", title="The network that is told is the one in which the modem is registered")
def test_network(modem: Modem, gateway: Gateway, timeline: Timeline) -> None:
    gateway.poll()
    told = [item.asked["rPLMN"] for item in polls(timeline) if "rPLMN" in item.asked]
    modem.at("AT+COPS=3,2")
    (line,) = [line for line in modem.at("AT+COPS?") if line.startswith("+COPS:")]
    digits = line.split('"')[1]
    mcc, mnc = digits[:3], digits[3:].ljust(3, "F")
    coded = bytes.fromhex(mcc[1] + mcc[0] + mnc[2] + mcc[2] + mnc[1] + mnc[0])
    assert set(told) <= {coded}


@needs("second-eim")
@pytest.mark.usefixtures("other")
@case("5.14.5", "3.1.1.1", title="What one eIM did is told to the others, once, and not to itself")
def test_other_eim(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    before = len(causes(timeline, "eim1")), len(causes(timeline, "eim2"))
    assert eim.run(CHANGE).outcome is Outcome.OK
    for _ in range(3):
        gateway.poll()
    assert OTHER_EIM not in causes(timeline, "eim1")[before[0] :]
    assert causes(timeline, "eim2")[before[1] :].count(OTHER_EIM) == 1


@needs("second-eim")
@case("5.14.5", title="A change is told again until an answer came")
def test_cause_whose_answer_is_lost(eim: Eim, other: Eim, gateway: Gateway, timeline: Timeline) -> None:
    before = len(causes(timeline, "eim2"))
    other.fault("status", "GetEimPackage", value=503, times=2)
    assert eim.run(CHANGE).outcome is Outcome.OK
    for _ in range(4):
        gateway.poll(other.eim_id)
    told = causes(timeline, "eim2")[before:]
    # Refused polls are in the timeline too: each of them carried the cause, and the first that was answered.
    assert told[:3] == [OTHER_EIM] * 3
    assert set(told[3:]) == {None}


@needs("second-eim", "kill")
@case("5.14.5", "3.8.2", title="A change that nobody was told survives the IPA")
def test_cause_survives_a_restart(eim: Eim, other: Eim, gateway: Gateway, timeline: Timeline) -> None:
    other.fault("drop-before", times=None)
    assert eim.run(CHANGE).outcome is Outcome.OK
    gateway.kill()
    other.clear_faults()
    before = len(causes(timeline, "eim2"))
    gateway.start()
    gateway.poll()
    told = [cause for cause in causes(timeline, "eim2")[before:] if cause is not None]
    assert told[:1] == [OTHER_EIM]


# Connectivity parameters


@needs("second-profile", "configure", "card-bench")
@case("5.9.24", title="The access point of a new profile is that of its connectivity parameters")
def test_connectivity_parameters(
    eim: Eim, card: Card, modem: Modem, gateway: Gateway, timeline: Timeline, limits: Limits
) -> None:
    gateway.configure('[bearer]\nbackend = "at"\n')
    package = eim.run(content.psmo_package(content.enable(card.spare())), within=limits.switch)
    assert package.outcome is Outcome.OK
    answers = [call.answer for call in es10.calls(timeline.events(), CONNECTIVITY)]
    assert answers
    name = access_point(answers[-1])
    assert any(f'"{name}"' in line for line in modem.at("AT+CGDCONT?"))


def access_point(answer: bytes) -> str:
    """Network Access Name (tag 47) within httpParams: labels with their lengths (3GPP TS 23.003 9)."""
    parameters = tlv.find(answer, CONNECTIVITY, 0xA0, 0x81).value
    (value,) = [part.value for part in tlv.children(parameters) if part.tag == 0x47]
    labels, at = [], 0
    while at < len(value):
        labels.append(value[at + 1 : at + 1 + value[at]].decode())
        at += 1 + value[at]
    return ".".join(labels)


@needs("second-profile", "configure", "card-bench")
@case(
    "5.9.24",
    title="A profile without connectivity parameters, or a eUICC that fails to tell, comes online all the same",
)
def test_no_connectivity_parameters(
    eim: Eim, card: Card, card_bench: CardBench, gateway: Gateway, limits: Limits
) -> None:
    card_bench.knobs(forced_codes={"connectivityParametersError": 1})
    gateway.configure('[bearer]\nbackend = "at"\n')
    package = eim.run(content.psmo_package(content.enable(card.spare())), within=limits.switch)
    assert package.outcome is Outcome.OK


# Memory reset


@fresh
@case("5.9.5", "5.14.5", title="A reset of the default SM-DP+ address leaves the rest, and the eIM is told")
def test_reset_of_the_default_smdp(
    eim: Eim, card: Card, card_bench: CardBench, gateway: Gateway, timeline: Timeline
) -> None:
    gateway.poll()
    before, profiles = len(causes(timeline, "eim1")), card.profiles()
    gateway.ipad("euicc", "reset", "--default-smdp", "--yes")
    assert card_bench.truth()["defaultSmdpAddress"] == ""
    assert card.profiles() == profiles
    gateway.poll()
    gateway.poll()
    assert causes(timeline, "eim1")[before:].count(RESET) == 1
    package = eim.run(LIST)
    assert package.outcome is Outcome.OK


@fresh
@case("5.9.5", title="A reset with nothing to delete is no error and changes nothing")
def test_reset_of_nothing(eim: Eim, card: Card, gateway: Gateway) -> None:
    profiles = card.profiles()
    gateway.ipad("euicc", "reset", "--immediate-enable", "--yes")
    assert card.profiles() == profiles
    assert eim.run(LIST).outcome is Outcome.OK


@fresh
@case("5.9.5", "3.5", "3.1.1.1", title="After a reset of the eIM configuration nobody is contacted any more")
def test_reset_of_the_eim_configuration(card: Card, gateway: Gateway, timeline: Timeline) -> None:
    gateway.ipad("euicc", "reset", "--eim", "--yes")
    assert card.eims() == []
    before = len(esipa(timeline.events()))
    gateway.poll()
    assert len(esipa(timeline.events())) == before


@fresh
@case("5.9.5", "3.7", title="Deleted operational profiles are notified when somebody can be told")
def test_reset_of_operational_profiles(card: Card, gateway: Gateway) -> None:
    installed = [profile.iccid for profile in card.profiles()]
    gateway.ipad("euicc", "reset", "--operational", "--yes", code=None)
    assert card.profiles() == []
    told = {item["iccid"] for item in card.notifications() if "delete" in item["event"]}
    assert told == set(installed)


@needs("card-bench")
@case("5.9.5", title="A reset that the eUICC refuses is reported, and nothing else happens")
def test_refused_reset(card: Card, card_bench: CardBench, gateway: Gateway) -> None:
    before = card.profiles(), card.eims()
    card_bench.knobs(forced_codes={"resetResult": 104})
    answer = gateway.ipad("euicc", "reset", "--default-smdp", "--yes", code=None)
    assert answer.code != 0
    assert (card.profiles(), card.eims()) == before
