"""Profile State Management Operations of eUICC Packages (SGP.32 3.4.1 to 3.4.7, 2.11.1.1.3): what each one does."""

from __future__ import annotations

from typing import Any

import pytest

from hil import tlv
from hil.eim import content
from hil.euicc.config import PolicyRule
from hil.suite.abilities import Card, CardBench, Eim, Network, OrderView, Smdp, Timeline
from hil.suite.chapters.packages import (
    DELIVER,
    UNKNOWN_ICCID,
    Listed,
    code_of,
    delivered_result,
    enabled,
    is_ok,
    profiles,
    psmo,
    run,
)
from hil.suite.exchanges import esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, fresh, needs

OK = 0
NOT_FOUND = 1
WRONG_STATE = 2
POLICY = 3
CAT_BUSY = 5
ROLLBACK_NOT_AVAILABLE = 20

DEFAULT_TAGS = {0x5A, 0x4F, 0x9F70, 0x91, 0x92, 0x95, 0x9F7B, 0x9F26, 0x9F67}


# enable and disable


@needs("second-profile")
@case("3.4.1", title="enable: the profile is enabled, the one of before is disabled")
def test_enable_switches(eim: Eim, card: Card) -> None:
    spare = card.spare()
    assert code_of(eim, content.enable(spare)) == OK
    assert enabled(eim) == spare


@needs("second-profile", "network")
@case("3.4.1", "3.3.1", title="After enable the device is on the network of the new profile")
def test_enable_leads_to_a_connection_of_the_new_profile(eim: Eim, card: Card, network: Network) -> None:
    package = eim.run(psmo(content.enable(card.spare())))
    assert is_ok(package)
    assert network.bearer()


@needs("second-profile")
@case("3.4.1", "3.4.2", title="disable and enable in one package are a switch, both with result ok")
def test_disable_and_enable_are_a_switch(eim: Eim, card: Card) -> None:
    spare, before = card.spare(), card.enabled()
    assert before is not None
    assert run(eim, content.disable(before), content.enable(spare)) == [("disableResult", OK), ("enableResult", OK)]
    assert enabled(eim) == spare


@case("3.4.1", title="enable of a profile that is not there: iccidOrAidNotFound(1)")
def test_enable_of_an_unknown_profile(eim: Eim) -> None:
    before = enabled(eim)
    assert code_of(eim, content.enable(UNKNOWN_ICCID)) == NOT_FOUND
    assert enabled(eim) == before


@case("3.4.1", title="enable of the enabled profile: profileNotInDisabledState(2)")
def test_enable_of_the_enabled_profile(eim: Eim, card: Card) -> None:
    before = card.enabled()
    assert before is not None
    assert code_of(eim, content.enable(before)) == WRONG_STATE
    assert enabled(eim) == before


@case("3.4.2", title="disable of a profile that is not there: iccidOrAidNotFound(1)")
def test_disable_of_an_unknown_profile(eim: Eim) -> None:
    assert code_of(eim, content.disable(UNKNOWN_ICCID)) == NOT_FOUND


@needs("second-profile")
@case("3.4.2", title="disable of a disabled profile: profileNotInEnabledState(2)")
def test_disable_of_a_disabled_profile(eim: Eim, card: Card) -> None:
    assert code_of(eim, content.disable(card.spare())) == WRONG_STATE


@needs("card-bench", "second-profile")
@pytest.mark.parametrize("operation", ["enable", "disable"])
@case("3.4.1", "3.4.2", "SGP.22 2.9", title="A profile with PPR1 is not disabled, nor left for another: policy(3)")
def test_policy_rule_one_keeps_the_profile_enabled(eim: Eim, card: Card, card_bench: CardBench, operation: str) -> None:
    spare, before = card.spare(), card.enabled()
    assert before is not None
    card_bench.change(before, policy_rules=PolicyRule.PPR1)
    command = content.enable(spare) if operation == "enable" else content.disable(before)
    assert code_of(eim, command) == POLICY
    assert enabled(eim) == before


@needs("card-bench", "second-profile")
@pytest.mark.parametrize("operation", ["enable", "disable"])
@case("3.4.1", "3.4.2", title="While a proactive session runs no profile is switched: catBusy(5)")
def test_busy_card_does_not_switch(eim: Eim, card: Card, card_bench: CardBench, operation: str) -> None:
    spare, before = card.spare(), card.enabled()
    assert before is not None
    card_bench.knobs(cat_busy=True)
    command = content.enable(spare) if operation == "enable" else content.disable(before)
    assert code_of(eim, command) == CAT_BUSY
    card_bench.knobs(cat_busy=False)
    assert enabled(eim) == before


@fresh
@needs("card-bench", "second-profile")
@case("3.4.1", "3.3.2", title="enable with rollbackFlag while no profile is enabled: rollbackNotAvailable(20)")
def test_enable_with_nothing_to_roll_back_to(eim: Eim, card: Card, card_bench: CardBench) -> None:
    spare, before = card.spare(), card.enabled()
    assert before is not None
    card_bench.change(before, enabled=False)
    assert code_of(eim, content.enable(spare, rollback=True)) == ROLLBACK_NOT_AVAILABLE
    assert card_bench.truth()["enabled"] is None
    assert not card_bench.truth()["rollbackPossible"]


@needs("card-bench", "second-profile")
@case("3.4.1", "3.7", "SGP.22 3.5", title="A switch is notified: disable of the old profile, enable of the new one")
def test_switch_makes_notifications_in_order(eim: Eim, card: Card) -> None:
    spare, before = card.spare(), card.enabled()
    assert is_ok(eim.run(psmo(content.enable(spare))))
    told = [record for record in eim.records("notification") if record.news]
    assert [record.summary for record in told] == [f"disable {before}", f"enable {spare}"]
    assert all(record.verified for record in told)


# delete


def _downloaded(eim: Eim, smdp: Smdp, limits: Limits) -> OrderView:
    """An order whose profile is installed."""
    order = smdp.order()
    eim.run(content.download_trigger(activation_code=order.code), limits.download)
    return order


@needs("test-profile")
@case("3.4.3", title="delete: the profile is gone")
def test_delete_removes_the_profile(eim: Eim, smdp: Smdp, limits: Limits) -> None:
    iccid = _downloaded(eim, smdp, limits).iccid
    assert iccid in profiles(eim)
    assert code_of(eim, content.delete(iccid)) == OK
    assert iccid not in profiles(eim)


@needs("card-bench")
@case("3.4.3", "SGP.22 3.5", title="delete is notified to the server that the profile names")
def test_delete_is_notified(eim: Eim, card_bench: CardBench) -> None:
    iccid = card_bench.install()
    assert code_of(eim, content.delete(iccid)) == OK
    (told,) = [record for record in eim.records("notification") if record.news]
    assert told.summary == f"delete {iccid}"
    assert told.verified


@case("3.4.3", title="delete of a profile that is not there: iccidOrAidNotFound(1)")
def test_delete_of_an_unknown_profile(eim: Eim) -> None:
    assert code_of(eim, content.delete(UNKNOWN_ICCID)) == NOT_FOUND


@needs("test-profile")
@case("3.4.3", title="delete of the enabled profile: profileNotInDisabledState(2)")
def test_delete_of_the_enabled_profile(eim: Eim, smdp: Smdp, limits: Limits) -> None:
    iccid = _downloaded(eim, smdp, limits).iccid
    assert code_of(eim, content.enable(iccid)) == OK
    assert code_of(eim, content.delete(iccid)) == WRONG_STATE
    assert enabled(eim) == iccid


@needs("card-bench")
@case("3.4.3", "SGP.22 2.9", title="A profile with PPR2 is not deleted: disallowedByPolicy(3)")
def test_policy_rule_two_keeps_the_profile(eim: Eim, card_bench: CardBench) -> None:
    iccid = card_bench.install(policy_rules=PolicyRule.PPR2)
    assert code_of(eim, content.delete(iccid)) == POLICY
    assert iccid in profiles(eim)
    card_bench.change(iccid, policy_rules=PolicyRule.NONE)
    assert code_of(eim, content.delete(iccid)) == OK


@needs("card-bench", "second-profile")
@case("3.4.3", "3.4.1", title="What a rollback would return to is not deleted in the same package: 20")
def test_profile_to_roll_back_to_is_not_deleted(eim: Eim, card: Card, card_bench: CardBench) -> None:
    spare, before = card.spare(), card_bench.install()
    assert code_of(eim, content.enable(before)) == OK
    results = run(eim, content.enable(spare, rollback=True), content.delete(before))
    assert results == [("enableResult", OK), ("deleteResult", ROLLBACK_NOT_AVAILABLE)]
    assert before in profiles(eim)


@needs("test-profile")
@case("3.4.3", "3.4.1", title="The profile that an earlier command marks for enabling is not deleted: 2")
def test_profile_marked_for_enabling_is_not_deleted(eim: Eim, smdp: Smdp, limits: Limits) -> None:
    iccid = _downloaded(eim, smdp, limits).iccid
    results = run(eim, content.enable(iccid), content.delete(iccid))
    assert results == [("enableResult", OK), ("deleteResult", WRONG_STATE)]
    assert enabled(eim) == iccid


@needs("card-bench", "second-profile")
@case("3.4.3", "3.4.2", "3.3.1", title="disable, delete and enable in one package: each sees what those before it did")
def test_profile_disabled_in_the_same_package_can_be_deleted(eim: Eim, card: Card, card_bench: CardBench) -> None:
    spare, leaving = card.spare(), card_bench.install()
    assert code_of(eim, content.enable(leaving)) == OK
    results = run(eim, content.disable(leaving), content.delete(leaving), content.enable(spare))
    assert results == [("disableResult", OK), ("deleteResult", OK), ("enableResult", OK)]
    now = profiles(eim)
    assert leaving not in now
    assert now[spare].enabled


# listProfileInfo


def _entries(eim: Eim, timeline: Timeline, command: content.Command) -> list[dict[int, bytes]]:
    """The profiles in the answer to one listProfileInfo, as tags with their contents."""
    run(eim, command)
    result = delivered_result(esipa(timeline.events(), DELIVER)[-1])
    found = tlv.find(result, 0xBF51, 0xA0, 0x30, 0x30, 0xBF2D, 0xA0)
    return [{part.tag: part.value for part in tlv.children(entry.value)} for entry in tlv.children(found.value)]


@case("2.11.1.1.3", "5.9.14", title="listProfileInfo without a tag list: the objects of the default list, no others")
def test_list_without_tags_has_the_default_objects(eim: Eim, card: Card, timeline: Timeline) -> None:
    entries = _entries(eim, timeline, content.list_profile_info())
    assert len(entries) == len(card.profiles())
    for entry in entries:
        assert {0x5A, 0x4F, 0x9F70} <= set(entry) <= DEFAULT_TAGS


@pytest.mark.parametrize(
    "tags", [(0x5A,), (0x5A, 0x9F70), (0x4F, 0x95), (0x92, 0x91)], ids=lambda tags: "-".join(f"{tag:X}" for tag in tags)
)
@case("2.11.1.1.3", "5.9.14", title="listProfileInfo with a tag list: these objects")
def test_list_has_the_objects_that_are_asked_for(eim: Eim, timeline: Timeline, tags: tuple[int, ...]) -> None:
    entries = _entries(eim, timeline, content.list_profile_info(tags=tags))
    assert entries
    assert all(set(entry) <= set(tags) for entry in entries)
    assert any(set(entry) == set(tags) for entry in entries)


@case("2.11.1.1.3", "5.9.14", title="listProfileInfo by ICCID: that profile")
def test_list_by_iccid_has_one_profile(eim: Eim, card: Card, timeline: Timeline) -> None:
    before = card.enabled()
    assert before is not None
    (entry,) = _entries(eim, timeline, content.list_profile_info(iccid=before, tags=(0x5A, 0x9F70)))
    assert entry == {0x5A: content.iccid_bytes(before), 0x9F70: b"\x01"}


@case("2.11.1.1.3", "5.9.14", title="listProfileInfo by AID: that profile")
def test_list_by_aid_has_one_profile(eim: Eim, timeline: Timeline) -> None:
    every = _entries(eim, timeline, content.list_profile_info(tags=(0x5A, 0x4F)))
    (found,) = _entries(eim, timeline, content.list_profile_info(aid=every[-1][0x4F], tags=(0x5A, 0x4F)))
    assert found == every[-1]


@pytest.mark.parametrize("profile_class", [0, 1, 2], ids=["test", "provisioning", "operational"])
@case("2.11.1.1.3", "5.9.14", title="listProfileInfo by class: the profiles of that class")
def test_list_by_class_has_the_profiles_of_it(eim: Eim, timeline: Timeline, profile_class: int) -> None:
    every = _entries(eim, timeline, content.list_profile_info(tags=(0x5A, 0x95)))
    found = _entries(eim, timeline, content.list_profile_info(profile_class=profile_class, tags=(0x5A, 0x95)))
    assert found == [entry for entry in every if entry.get(0x95, b"\x02") == bytes([profile_class])]


@case("2.11.1.1.3", "5.9.14", title="listProfileInfo of a profile that is not there: an empty list, no error")
def test_list_of_an_unknown_profile_is_empty(eim: Eim, timeline: Timeline) -> None:
    assert _entries(eim, timeline, content.list_profile_info(iccid=UNKNOWN_ICCID)) == []


# Settings


@case("2.11.1.1.3", "SGP.22 2.9", title="getRAT: the Rules Authorisation Table")
def test_rules_authorisation_table_is_read(eim: Eim, timeline: Timeline) -> None:
    ((name, _),) = run(eim, content.get_rat())
    assert name == "getRATResult"
    table = tlv.find(delivered_result(esipa(timeline.events(), DELIVER)[-1]), 0xBF51, 0xA0, 0x30, 0x30, 0xA6)
    for rule in tlv.children(table.value):
        assert [part.tag for part in tlv.children(rule.value)] == [0x80, 0xA1, 0x82]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"smdp_address": "smdp.example.com"},
        {"smdp_oid": "2.999.10", "smdp_address": "smdp.example.com"},
        {"enabled": False},
    ],
    ids=["flag alone", "address", "OID and address", "off"],
)
@case("3.4.4", title="configureImmediateEnable: ok(0)")
def test_immediate_enabling_is_configured(eim: Eim, options: dict[str, Any]) -> None:
    try:
        assert code_of(eim, content.configure_immediate_enable(**options)) == OK
    finally:
        eim.run(psmo(content.configure_immediate_enable(enabled=False)))


@needs("card-bench")
@case("3.4.4", title="configureImmediateEnable without memory: insufficientMemory(1)")
def test_immediate_enabling_without_memory(eim: Eim, card_bench: CardBench) -> None:
    card_bench.knobs(configuration_memory=False)
    assert code_of(eim, content.configure_immediate_enable()) == 1


def _default_address(eim: Eim) -> str | None:
    """defaultSmdpAddress as the eIM is told."""
    package = eim.run(content.data_request((0x81,)))
    address = package.results[0]["ipaEuiccData"].get("defaultSmdpAddress")
    return None if address is None else str(address)


@case("2.11.1.1.3", "5.9.25", title="setDefaultDpAddress: the address is the default SM-DP+ from then on")
def test_default_address_is_set(eim: Eim) -> None:
    name, value = run(eim, content.set_default_dp("default.example.com"))[0]
    assert (name, value) == ("setDefaultDpAddressResult", {"setDefaultDpAddressResult": OK})
    assert _default_address(eim) == "default.example.com"


@case("2.11.1.1.3", "5.9.25", title="setDefaultDpAddress with an empty address: there is none")
def test_default_address_is_removed(eim: Eim) -> None:
    assert run(eim, content.set_default_dp(""))[0][1] == {"setDefaultDpAddressResult": OK}
    assert not _default_address(eim)


# Fallback Attribute


def _holder(found: dict[str, Listed]) -> str | None:
    return next((item.iccid for item in found.values() if item.fallback), None)


@needs("fallback")
@case("3.4.6", title="setFallbackAttribute for a profile that is not there: iccidOrAidNotFound(1)")
def test_fallback_attribute_for_an_unknown_profile(eim: Eim) -> None:
    assert code_of(eim, content.set_fallback(UNKNOWN_ICCID)) == NOT_FOUND


@needs("fallback", "card-bench")
@case("3.4.6", title="setFallbackAttribute for a profile that may not have it: fallbackNotAllowed(2)")
def test_fallback_attribute_for_a_profile_without_the_permission(eim: Eim, card_bench: CardBench) -> None:
    iccid = card_bench.install()
    before = _holder(profiles(eim))
    assert code_of(eim, content.set_fallback(iccid)) == 2
    assert _holder(profiles(eim)) == before


@needs("fallback", "second-profile")
@case("3.4.6", "3.4.7", title="Fallback Attribute: moved and taken away only while its holder is disabled")
def test_fallback_attribute_follows_the_state_of_its_holder(eim: Eim, card: Card) -> None:
    first, second = card.enabled(), card.spare()
    assert first is not None
    if _holder(profiles(eim)) != first:
        assert code_of(eim, content.set_fallback(first)) == OK
    assert code_of(eim, content.set_fallback(first)) == OK
    assert code_of(eim, content.set_fallback(second)) == 3
    assert code_of(eim, content.unset_fallback()) == 3
    assert code_of(eim, content.enable(second)) == OK
    assert code_of(eim, content.set_fallback(second)) == OK
    assert _holder(profiles(eim)) == second
    assert code_of(eim, content.set_fallback(first)) == 3


@needs("fallback", "second-profile")
@case("3.4.7", title="unsetFallbackAttribute: taken away; with none set noFallbackAttribute(2)")
def test_fallback_attribute_is_taken_away(eim: Eim, card: Card) -> None:
    first, second = card.enabled(), card.spare()
    assert first is not None
    if _holder(profiles(eim)) != first:
        assert code_of(eim, content.set_fallback(first)) == OK
    assert code_of(eim, content.enable(second)) == OK
    assert code_of(eim, content.unset_fallback()) == OK
    assert _holder(profiles(eim)) is None
    assert code_of(eim, content.unset_fallback()) == 2
    assert code_of(eim, content.set_fallback(first)) == OK
