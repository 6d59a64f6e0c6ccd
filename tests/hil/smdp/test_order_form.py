"""Orders in JSON: what they become, and what is refused where."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hil import tlv
from hil.json_fields import FieldError
from hil.smdp.order_form import package_facts, read_order
from hil.smdp.orders import ProfileState, confirmation_hash
from hil.upp.builder import UsimProfile, build
from tests.hil.smdp.conftest import ICCID, IMSI

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PROFILE = {"iccid": ICCID, "imsi": IMSI}
EID = "89049032000000000000000000000021"


def test_all_terms_are_taken_over() -> None:
    order = read_order(
        {
            "matchingId": "A-1",
            "profile": {**PROFILE, "size": 5000, "serviceProviderName": "Net", "mncLength": 2, "key": "AB" * 16},
            "metadata": {"profileName": "Meter", "policyRules": ["ppr1", "ppr2"], "owner": "00102"},
            "eid": EID,
            "confirmationCode": "1234",
            "protectionKeys": True,
            "rebinding": False,
            "expiresIn": 60,
            "downloadLimit": 1,
            "codeLimit": 2,
            "event": True,
            "released": False,
        },
        NOW,
    )
    assert order.metadata.profile_name == "Meter"
    assert order.metadata.service_provider_name == "Net"
    assert order.metadata.policy_rules == (1, 2)
    assert order.metadata.owner_mcc_mnc == b"\x00\xf1\x20"
    assert (order.eid, order.confirmation_hash) == (EID, confirmation_hash("1234"))
    assert (order.use_protection_keys, order.rebinding_allowed, order.event) == (True, False, True)
    assert order.expires == NOW + timedelta(seconds=60)
    assert (order.download_limit, order.code_limit, order.state) == (1, 2, ProfileState.CONFIRMED)
    assert 5000 <= len(order.package) < 5100
    assert bytes.fromhex("AB" * 16) in order.package


def test_package_from_elsewhere_says_what_it_is() -> None:
    package = build(UsimProfile(iccid=ICCID, imsi=IMSI))
    order = read_order({"matchingId": "A-1", "upp": package.hex()}, NOW)
    assert order.package == package
    assert order.metadata.iccid == ICCID
    assert package_facts(package).imsi == IMSI


def test_package_that_cards_refuse_is_taken_only_unchecked() -> None:
    package = build(UsimProfile(iccid=ICCID, imsi=IMSI))[:-9] + tlv.build(0xAA, bytes.fromhex("A005800081010A"))
    broken = package.replace(b"\x80\x01\x02\x81", b"\x80\x01\x07\x81", 1)
    with pytest.raises(FieldError, match="UNSUPPORTED_PROFILE_VERSION"):
        read_order({"matchingId": "A-1", "upp": broken.hex()}, NOW)
    assert read_order({"matchingId": "A-1", "upp": broken.hex(), "unchecked": True}, NOW).metadata.iccid == ICCID


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "either upp or profile"),
        ({"profile": PROFILE, "upp": "00"}, "either upp or profile"),
        ({"profile": {"iccid": ICCID}}, "missing key 'imsi'"),
        ({"profile": {**PROFILE, "iccid": "12"}}, "18 to 20 digits"),
        ({"profile": {**PROFILE, "imsi": "x"}}, "6 to 15 digits"),
        ({"profile": {**PROFILE, "size": 9_000_000}}, "at most"),
        ({"profile": {**PROFILE, "key": "00"}}, "16 bytes"),
        ({"profile": {**PROFILE, "colour": 1}}, "unknown key 'colour'"),
        ({"profile": PROFILE}, "bound to an EID"),
        ({"profile": PROFILE, "matchingId": "A", "event": True}, "an event needs"),
        ({"profile": PROFILE, "matchingId": "A", "eid": "89"}, "32 digits"),
        ({"profile": PROFILE, "matchingId": "A", "metadata": {"policyRules": ["ppr9"]}}, "policyRules"),
        ({"profile": PROFILE, "matchingId": "A", "metadata": {"profileClass": "toy"}}, "profileClass"),
        ({"profile": PROFILE, "matchingId": "A", "metadata": {"owner": "0010"}}, "5 or 6 digits"),
        ({"profile": PROFILE, "matchingId": "A", "metadata": {"profileName": "x" * 65}}, "profileName"),
        ({"upp": "zz", "matchingId": "A"}, "hexadecimal"),
        ({"upp": "3000", "matchingId": "A"}, "cannot be installed"),
        ({"upp": "3000", "matchingId": "A", "unchecked": True}, "no profile package"),
        ([], "expected an object"),
    ],
)
def test_order_without_sense_names_its_place(value: Any, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        read_order(value, NOW)
