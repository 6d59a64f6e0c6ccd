"""eIM configuration (SGP.32 3.5): operations in packages (2.11.1.1.3), the first eIM (5.9.4), counters, tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil import codec, crypto
from hil.eim import content
from hil.eim.association import Outcome
from hil.eim.content import Command
from hil.suite.abilities import Answer, Card, CardBench, Eim, Gateway, PackageView, Timeline
from hil.suite.exchanges import esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, fresh, needs

LIST = content.psmo_package(content.list_profile_info())
GENERATE = -1


def changed(configuration: bytes, **members: Any) -> bytes:
    """EimConfigurationData with other members; None leaves one out."""
    value = {**codec.decode("EimConfigurationData", configuration), **members}
    return codec.encode("EimConfigurationData", {name: given for name, given in value.items() if given is not None})


def only(configuration: bytes, *names: str, **members: Any) -> bytes:
    """EimConfigurationData with these members of another one, and some more."""
    value = codec.decode("EimConfigurationData", configuration)
    return codec.encode("EimConfigurationData", {**{name: value[name] for name in ("eimId", *names)}, **members})


def run_eco(eim: Eim, *commands: Command) -> PackageView:
    """A package of eIM Configuration Operations."""
    return eim.run(content.eco_package(*commands))


def known(card: Card) -> list[str]:
    """The associated eIMs by eimId."""
    return [str(eim["eim_id"]) for eim in card.eims()]


@pytest.fixture(name="other")
def _other(eim: Eim, eim2: Eim) -> Eim:
    """The second eIM, which the first one has added."""
    assert run_eco(eim, content.add_eim(eim2.configuration())).outcome is Outcome.OK
    return eim2


# addEim


@needs("second-eim")
@case("3.5", "2.11.1.1.3", title="An eIM that is added gets an associationToken and is associated")
def test_eim_is_added(eim: Eim, eim2: Eim, card: Card) -> None:
    package = run_eco(eim, content.add_eim(eim2.configuration()))
    assert (package.outcome, package.verified) == (Outcome.OK, True)
    ((name, result),) = package.codes
    assert name == "addEimResult"
    (added,) = [item for item in card.eims() if item["eim_id"] == eim2.eim_id]
    assert result == {"associationToken": added["token"]}
    assert added["fqdn"] == eim2.fqdn


@needs("second-eim")
@case("3.5", "3.1.1.1", title="An eIM that is added is polled, with the trust that its data say")
def test_added_eim_is_polled(eim: Eim, eim2: Eim, gateway: Gateway) -> None:
    run_eco(eim, content.add_eim(eim2.configuration()))
    gateway.poll()
    assert eim2.polls() >= 1


@needs("second-eim")
@case("3.5", "5.9.1", title="An eIM that was added manages profiles, its packages signed with its own token")
def test_added_eim_manages_profiles(other: Eim) -> None:
    package = other.run(LIST)
    assert (package.outcome, package.verified) == (Outcome.OK, True)


@needs("second-eim")
@case("3.5", "5.9.1", title="An eIM without associationToken is associated, and its packages are accepted")
def test_eim_without_token(eim: Eim, eim2: Eim, card: Card) -> None:
    package = run_eco(eim, content.add_eim(changed(eim2.configuration(), associationToken=None)))
    assert package.codes == [("addEimResult", {"addEimResultCode": 0})]
    assert [item["token"] for item in card.eims() if item["eim_id"] == eim2.eim_id] == [None]
    answer = eim2.run(LIST)
    assert (answer.outcome, answer.verified) == (Outcome.OK, True)


ADD_ERRORS: dict[str, tuple[dict[str, Any], set[int]]] = {
    "CI that the eUICC does not have": ({"euiccCiPKId": bytes(20)}, {3}),
    "token that is not asked for": ({"associationToken": 5}, {5}),
    "counter above the largest": ({"counterValue": 0x7FFF_FFFF_FFFF}, {6}),
    "no counter": ({"counterValue": None}, {7}),
    "no key": ({"eimPublicKeyData": None}, {7}),
}


@pytest.mark.parametrize(("members", "codes"), ADD_ERRORS.values(), ids=ADD_ERRORS)
@needs("second-eim")
@case("2.11.1.1.3", "2.11.2", "3.5", title="addEim with wrong data is refused with the code of what is wrong")
def test_add_eim_refused(eim: Eim, eim2: Eim, card: Card, members: dict[str, Any], codes: set[int]) -> None:
    before = known(card)
    package = run_eco(eim, content.add_eim(changed(eim2.configuration(), **members)))
    assert (package.outcome, package.verified) == (Outcome.FAILED, True)
    ((name, result),) = package.codes
    assert name == "addEimResult"
    assert result["addEimResultCode"] in codes
    assert known(card) == before


@case("2.11.2", "3.5", title="An eIM that is associated already cannot be added again")
def test_add_eim_that_is_there(eim: Eim, card: Card) -> None:
    before = card.eims()
    package = run_eco(eim, content.add_eim(changed(eim.configuration(), counterValue=0)))
    assert package.codes == [("addEimResult", {"addEimResultCode": 2})]
    assert card.eims() == before
    assert eim.run(LIST).outcome is Outcome.OK


@needs("second-eim", "card-bench")
@case("2.11.2", "3.5", title="A table that is full takes no more eIM")
def test_add_eim_to_a_full_table(eim: Eim, eim2: Eim, card_bench: CardBench) -> None:
    card_bench.knobs(maximum_eims=1)
    package = run_eco(eim, content.add_eim(eim2.configuration()))
    assert package.codes == [("addEimResult", {"addEimResultCode": 1})]


@needs("second-eim")
@case("2.11.2", "3.3.1", title="An operation that fails ends the list: what follows it is not executed")
def test_failure_ends_the_list(eim: Eim, eim2: Eim, card: Card) -> None:
    package = run_eco(eim, content.delete_eim("nobody.example.com"), content.add_eim(eim2.configuration()))
    assert package.codes == [("deleteEimResult", 1)]
    assert eim2.eim_id not in known(card)


@needs("second-eim")
@case("3.5", "2.11.1.1.3", title="Each association has a token of its own: a new one gets another")
def test_new_association_has_another_token(eim: Eim, eim2: Eim) -> None:
    configuration = eim2.configuration()
    first = run_eco(eim, content.add_eim(configuration)).codes[0][1]["associationToken"]
    assert run_eco(eim, content.delete_eim(eim2.eim_id)).outcome is Outcome.OK
    again = run_eco(eim, content.add_eim(configuration)).codes[0][1]["associationToken"]
    assert again != first


@needs("second-eim")
@case("5.9.1", "3.5", title="A package for a former association is refused: its token is another")
def test_package_of_a_former_association(other: Eim) -> None:
    other.knob(unsigned_error="record")
    package = other.run(LIST, token=0x7FFF)
    assert package.outcome is Outcome.UNSIGNED
    assert "euiccPackageErrorUnsigned" in package.results[0]


# Counters


@needs("second-eim")
@case("3.3.1", "2.11.1.1.3", title="The counter of an association begins at counterValue, which is used up")
def test_counter_begins_at_the_given_value(eim: Eim, eim2: Eim) -> None:
    run_eco(eim, content.add_eim(changed(eim2.configuration(), counterValue=4000)))
    eim2.knob(recover_replays=False)
    package = eim2.run(LIST, counter=4000)
    assert package.outcome is Outcome.REFUSED
    assert signed_error(package) == 4
    assert eim2.run(LIST, counter=4001).outcome is Outcome.OK


def signed_error(package: PackageView) -> int:
    """euiccPackageErrorCode of a signed error."""
    return int(package.results[0]["euiccPackageErrorSigned"]["euiccPackageErrorDataSigned"]["euiccPackageErrorCode"])


@needs("second-eim")
@case("3.3.1", title="Each eIM has a counter of its own")
def test_counters_are_apart(eim: Eim, other: Eim) -> None:
    for _ in range(3):
        assert eim.run(LIST).outcome is Outcome.OK
    assert other.run(LIST).outcome is Outcome.OK


# updateEim


UPDATE_ERRORS: dict[str, tuple[dict[str, Any], set[int]]] = {
    "nothing to update": ({}, {7}),
    "with an associationToken": ({"associationToken": GENERATE}, {7}),
    "counter above the largest": ({"counterValue": 0x7FFF_FFFF_FFFF}, {6}),
    "counter below the present one": ({"counterValue": 0}, {6, 7}),
    "CI that the eUICC does not have": ({"euiccCiPKId": bytes(20)}, {3}),
}


@pytest.mark.parametrize(("members", "codes"), UPDATE_ERRORS.values(), ids=UPDATE_ERRORS)
@needs("second-eim")
@case("3.5", "2.11.2", title="updateEim with wrong data changes nothing")
def test_update_refused(eim: Eim, other: Eim, card: Card, members: dict[str, Any], codes: set[int]) -> None:
    assert other.run(LIST).outcome is Outcome.OK
    before = card.eims()
    package = run_eco(eim, content.update_eim(only(other.configuration(), **members)))
    ((name, code),) = package.codes
    assert (name, code in codes) == ("updateEimResult", True), code
    assert card.eims() == before


@case("3.5", "2.11.2", title="An eIM that is not associated cannot be updated")
def test_update_of_an_unknown_eim(eim: Eim) -> None:
    data = only(eim.configuration(), "eimFqdn")
    package = run_eco(eim, content.update_eim(changed(data, eimId="nobody.example.com")))
    assert package.codes == [("updateEimResult", 1)]


@needs("second-eim")
@case("3.5", title="updateEim replaces what it names and leaves the rest, the token too")
def test_update(eim: Eim, other: Eim, card: Card) -> None:
    (before,) = [item for item in card.eims() if item["eim_id"] == other.eim_id]
    package = run_eco(eim, content.update_eim(only(other.configuration(), eimFqdn="moved.example.com")))
    assert package.codes == [("updateEimResult", 0)]
    (after,) = [item for item in card.eims() if item["eim_id"] == other.eim_id]
    assert after == {**before, "fqdn": "moved.example.com"}


@needs("second-eim")
@case("3.5", "5.14.6", title="The result of a package that moves its own eIM still reaches this eIM")
def test_result_of_an_eim_that_moves(other: Eim) -> None:
    package = run_eco(other, content.update_eim(only(other.configuration(), eimFqdn="moved.example.com")))
    assert (package.outcome, package.verified) == (Outcome.OK, True)


@needs("second-eim")
@case("3.5", "5.9.1", title="After a new eimPublicKeyData packages with the old key are refused")
def test_new_key(eim: Eim, other: Eim) -> None:
    key = ("eimPublicKey", crypto.spki(crypto.generate_key(crypto.P256)))
    package = run_eco(eim, content.update_eim(only(other.configuration(), eimPublicKeyData=key)))
    assert package.codes == [("updateEimResult", 0)]
    other.knob(unsigned_error="record")
    assert other.run(LIST).outcome is Outcome.UNSIGNED


@needs("second-eim")
@case("3.5", "2.6.3", title="After a new trustedPublicKeyDataTls the server of before is no longer trusted")
def test_new_trust(eim: Eim, other: Eim, gateway: Gateway) -> None:
    key = ("trustedEimPkTls", crypto.spki(crypto.generate_key(crypto.P256)))
    package = run_eco(eim, content.update_eim(only(other.configuration(), trustedPublicKeyDataTls=key)))
    assert package.codes == [("updateEimResult", 0)]
    polls = other.polls()
    gateway.poll()
    assert other.polls() == polls


# deleteEim and listEim


@case("3.5", "2.11.2", title="An eIM that is not associated cannot be deleted")
def test_delete_of_an_unknown_eim(eim: Eim) -> None:
    assert run_eco(eim, content.delete_eim("nobody.example.com")).codes == [("deleteEimResult", 1)]


@needs("second-eim")
@case("3.5", "3.1.1.1", title="An eIM that is deleted is no longer polled")
def test_deleted_eim_is_not_polled(eim: Eim, other: Eim, card: Card, gateway: Gateway) -> None:
    gateway.poll()
    assert run_eco(eim, content.delete_eim(other.eim_id)).codes == [("deleteEimResult", 0)]
    assert other.eim_id not in known(card)
    polls = other.polls()
    gateway.poll()
    assert other.polls() == polls


@needs("second-eim")
@case("3.5", "5.14.6", title="An eIM that deletes itself gets the result of it")
def test_eim_that_deletes_itself(other: Eim, card: Card) -> None:
    package = run_eco(other, content.delete_eim(other.eim_id))
    assert package.codes == [("deleteEimResult", 0)]
    assert (package.outcome, package.verified) == (Outcome.OK, True)
    assert other.eim_id not in known(card)


@fresh
@case("3.5", "2.11.2", title="The last eIM may delete itself, is told so, and polling ends")
def test_last_eim_deletes_itself(eim: Eim, card: Card, gateway: Gateway, timeline: Timeline) -> None:
    package = run_eco(eim, content.delete_eim(eim.eim_id))
    assert package.codes == [("deleteEimResult", 2)]
    assert (package.outcome, package.verified) == (Outcome.OK, True)
    assert known(card) == []
    exchanges = len(esipa(timeline.events()))
    gateway.poll()
    assert len(esipa(timeline.events())) == exchanges


@needs("second-eim")
@case("3.5", title="listEim names all eIMs with their types")
def test_list(eim: Eim, other: Eim) -> None:
    package = run_eco(eim, content.list_eim())
    ((name, result),) = package.codes
    assert name == "listEimResult"
    assert {item["eimId"] for item in result["eimIdList"]} == {eim.eim_id, other.eim_id}
    assert all(item.get("eimIdType") in (1, 2, 3) for item in result["eimIdList"])


@needs("second-eim")
@case("3.3.1", "3.5", title="Operations see the state that those before them left")
def test_operations_in_order(eim: Eim, eim2: Eim, card: Card) -> None:
    package = run_eco(
        eim,
        content.add_eim(eim2.configuration()),
        content.list_eim(),
        content.delete_eim(eim2.eim_id),
        content.list_eim(),
    )
    assert [name for name, _ in package.codes] == ["addEimResult", "listEimResult", "deleteEimResult", "listEimResult"]
    counts = [len(result["eimIdList"]) for name, result in package.codes if name == "listEimResult"]
    assert counts == [2, 1]
    assert known(card) == [eim.eim_id]


@needs("second-eim")
@case("3.5", "3.5", title="Any associated eIM may manage the list of eIMs")
def test_second_eim_lists_and_adds(other: Eim) -> None:
    third = changed(other.configuration(), eimId="third.example.com", eimFqdn=None)
    package = run_eco(other, content.add_eim(third), content.list_eim(), content.delete_eim("third.example.com"))
    assert [name for name, _ in package.codes] == ["addEimResult", "listEimResult", "deleteEimResult"]
    assert (package.outcome, package.verified) == (Outcome.OK, True)


# Several eIMs


@needs("second-eim")
@case("3.1.1.1", "5.14.5", title="Packages of several eIMs are executed, each result for the eIM that asked")
def test_each_result_to_its_eim(eim: Eim, other: Eim, gateway: Gateway) -> None:
    numbers = eim.queue(LIST), other.queue(LIST)
    gateway.poll()
    for queue, number in zip((eim, other), numbers, strict=True):
        (package,) = queue.settle(number)
        assert (package.outcome, package.verified) == (Outcome.OK, True)
        assert {record.package for record in queue.records("result")} >= {number}


@needs("second-eim")
@case("3.1.1.1", title="An eIM that does not answer keeps nobody else waiting")
def test_one_eim_is_silent(eim: Eim, other: Eim, gateway: Gateway) -> None:
    eim.fault("drop-before", times=None)
    number = other.queue(LIST)
    gateway.poll()
    assert other.package(number).outcome is Outcome.OK


@needs("second-eim")
@case("3.1.1.1", title="An eIM with much to do does not starve another")
def test_one_eim_is_busy(eim: Eim, other: Eim, gateway: Gateway) -> None:
    for _ in range(18):
        eim.queue(LIST)
    number = other.queue(LIST)
    gateway.poll()
    assert other.package(number).outcome is Outcome.OK


UNUSABLE: dict[str, dict[str, Any]] = {
    "no eimFqdn": {"eimFqdn": None},
    "an eimFqdn with a line break": {"eimFqdn": "eim.example.com\r\nX-Evil: 1"},
    "an eimFqdn with a blank": {"eimFqdn": "eim.example.com evil"},
    "only a proprietary protocol": {"eimSupportedProtocol": codec.bits(4)},
}


@pytest.mark.parametrize("members", UNUSABLE.values(), ids=UNUSABLE)
@needs("second-eim")
@case("3.1.1", "2.11.1.1.3", title="An eIM that cannot be reached by its data is left alone and harms nobody")
def test_unusable_eim(eim: Eim, eim2: Eim, gateway: Gateway, members: dict[str, Any]) -> None:
    assert run_eco(eim, content.add_eim(changed(eim2.configuration(), **members))).outcome is Outcome.OK
    gateway.poll()
    assert eim2.polls() == 0
    assert eim.run(LIST).outcome is Outcome.OK


@needs("second-eim", "kill")
@case("3.5", "3.8.2", title="Associations are the eUICC's: an IPA that is started anew serves them all")
def test_restart(eim: Eim, other: Eim, gateway: Gateway) -> None:
    gateway.kill()
    gateway.start()
    assert eim.run(LIST).outcome is Outcome.OK
    assert other.run(LIST).outcome is Outcome.OK


# The first eIM


Associate = Callable[[bytes], Answer]


@pytest.fixture(name="associate")
def _associate(gateway: Gateway, tmp_path: Path) -> Associate:
    """Hand a provisioning file to the IPA, whatever comes of it."""

    def associate(request: bytes) -> Answer:
        file = tmp_path / "eim.der"
        file.write_bytes(request)
        return gateway.ipad("eim", "add", str(file), code=None)

    return associate


def initial(*configurations: bytes) -> bytes:
    """AddInitialEimRequest."""
    return codec.encode(
        "AddInitialEimRequest",
        {"eimConfigurationDataList": [codec.decode("EimConfigurationData", data) for data in configurations]},
    )


@needs("fresh", "second-eim")
@case("3.5.2.1", "5.9.4", title="AddInitialEim is refused while an eIM is associated, and changes nothing")
def test_initial_eim_beside_another(eim2: Eim, card: Card, associate: Associate) -> None:
    before = card.eims()
    answer = associate(initial(eim2.configuration()))
    assert not answer.value.get("added")
    assert card.eims() == before


@fresh(associate=False)
@case("3.5.2.1", "5.9.4", "3.1.1.1", title="The first eIMs are associated together, with tokens, and polled")
def test_initial_eims(eim: Eim, eim2: Eim, card: Card, gateway: Gateway, associate: Associate) -> None:
    answer = associate(initial(changed(eim.configuration(), counterValue=7), eim2.configuration()))
    assert answer.code == 0
    tokens = {item["eim_id"]: item["token"] for item in card.eims()}
    assert set(tokens) == {eim.eim_id, eim2.eim_id}
    assert len({token for token in tokens.values() if token is not None}) == 2
    gateway.poll()
    assert eim.polls() >= 1
    eim.knob(recover_replays=False)
    assert signed_error(eim.run(LIST, counter=7)) == 4
    assert eim.run(LIST, counter=8).outcome is Outcome.OK


@fresh(associate=False)
@case("3.5.2.1", "5.9.4", title="A list with one bad entry associates nobody, and the next list may be good")
def test_initial_eims_are_all_or_none(eim: Eim, eim2: Eim, card: Card, associate: Associate) -> None:
    bad = {
        "no counter": changed(eim2.configuration(), counterValue=None),
        "no key": changed(eim2.configuration(), eimPublicKeyData=None),
        "a token": changed(eim2.configuration(), associationToken=9),
        "twice": eim.configuration(),
        "unknown CI": changed(eim2.configuration(), euiccCiPKId=bytes(20)),
    }
    for what, entry in bad.items():
        assert associate(initial(eim.configuration(), entry)).code != 0, what
        assert card.eims() == [], what
    assert associate(initial(eim.configuration())).code == 0
    assert known(card) == [eim.eim_id]


@fresh(associate=False)
@case("3.1.1.1", "3.5.2.1", title="Without an eIM nobody is contacted")
def test_no_eim(gateway: Gateway, timeline: Timeline) -> None:
    gateway.poll()
    assert esipa(timeline.events()) == []


@fresh
@case("3.5.2.1", "3.5", "5.9.4", title="After the last eIM was deleted the first one may be associated again")
def test_first_eim_again(eim: Eim, associate: Associate, limits: Limits) -> None:
    configuration = eim.configuration()
    assert run_eco(eim, content.delete_eim(eim.eim_id)).codes == [("deleteEimResult", 2)]
    assert associate(initial(configuration)).code == 0
    assert eim.run(LIST, within=limits.poll).outcome is Outcome.OK
