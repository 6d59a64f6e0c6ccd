"""Which access point belongs to a profile."""

from __future__ import annotations

import logging

import pytest

from ipad.bearer.apn import choose_apn, of_connectivity_parameters
from ipad.bearer.backend import Apn, Auth, BearerReason, BearerRequest, IpType
from ipad.bearer.settings import ApnConfig, BearerConfig
from ipad.codec.es10_iot import ConnectivityParameters
from ipad.ids import Iccid

ICCID = Iccid.parse("89490000000000000015")
IMSI = "262011234567890"
OF_PROFILE = Apn("profile.example")


def chosen(*entries: ApnConfig, iccid: Iccid | None = ICCID, imsi: str | None = IMSI) -> str | None:
    apn = choose_apn(BearerConfig(apn=entries), iccid, imsi, OF_PROFILE)
    return apn.name if apn is not None else None


def test_longest_prefix_wins_in_any_order() -> None:
    entries = (
        ApnConfig(apn="all"),
        ApnConfig(iccid="8949", apn="issuer"),
        ApnConfig(imsi="26201", apn="operator"),
        ApnConfig(iccid="894900", apn="issuer-long"),
        ApnConfig(iccid="8933", imsi="26201", apn="other"),
    )
    assert chosen(*entries) == "issuer-long"
    assert chosen(*reversed(entries)) == "issuer-long"
    assert chosen(*entries[:3]) == "operator"
    assert chosen(*entries[:1], *entries[4:]) == "all"


def test_digits_of_iccid_and_imsi_count_together() -> None:
    assert chosen(ApnConfig(iccid="894900", apn="six"), ApnConfig(iccid="8949", imsi="262", apn="seven")) == "seven"


def test_of_equal_entries_the_first_counts() -> None:
    assert chosen(ApnConfig(iccid="89490", apn="first"), ApnConfig(imsi="26201", apn="second")) == "first"


def test_an_entry_matches_only_what_is_known() -> None:
    entries = (ApnConfig(iccid="8949", apn="issuer"), ApnConfig(imsi="26201", apn="operator"))
    assert chosen(*entries, iccid=None) == "operator"
    assert chosen(*entries, imsi=None) == "issuer"
    assert chosen(*entries, iccid=None, imsi=None) == "profile.example"


def test_without_an_entry_the_profile_speaks_and_then_the_network() -> None:
    assert chosen() == "profile.example"
    assert choose_apn(BearerConfig(), ICCID, IMSI, None) is None


def test_an_empty_entry_hands_the_choice_to_the_network() -> None:
    assert chosen(ApnConfig(imsi="26201")) == ""


def test_a_user_without_auth_is_told_by_chap() -> None:
    config = BearerConfig(apn=(ApnConfig(apn="a", user="u", password="p", ip_type="ipv4"),))
    assert choose_apn(config, None, None, None) == Apn("a", IpType.IPV4, "u", "p", Auth.CHAP)
    config = BearerConfig(apn=(ApnConfig(apn="a", user="u", password="p", auth="pap"),))
    assert choose_apn(config, None, None, None) == Apn("a", IpType.IPV4V6, "u", "p", Auth.PAP)


def test_no_representation_shows_a_password() -> None:
    entry = ApnConfig(apn="a", user="u", password="hush")
    apn = choose_apn(BearerConfig(apn=(entry,)), None, None, None)
    request = BearerRequest(ICCID, IMSI, apn, BearerReason.BOOT)
    assert not any("hush" in shown for shown in (repr(entry), repr(apn), repr(request), str(request)))


# Bearer description, network access name iot.example.com, login and password in 8-bit text strings.
FULL = bytes.fromhex("3501034710" + "03696f74076578616d706c6503636f6d" + "0D050464657631" + "0D0704736563726574")


def test_parameters_of_the_profile_name_access_point_and_login() -> None:
    apn = of_connectivity_parameters(ConnectivityParameters(http_params=FULL))
    assert apn == Apn("iot.example.com", user="dev1", password="secret", auth=Auth.CHAP)


@pytest.mark.parametrize("params", [None, b"", bytes.fromhex("350103"), bytes.fromhex("4705FF")])
def test_parameters_that_name_nothing_usable_are_no_access_point(params: bytes | None) -> None:
    assert of_connectivity_parameters(ConnectivityParameters(http_params=params)) is None


def test_parameters_that_cannot_be_read_are_reported_without_their_content(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    damaged = FULL[:-1]
    assert of_connectivity_parameters(ConnectivityParameters(http_params=damaged)) is None
    assert "not used" in caplog.text
    assert "secre" not in caplog.text
    assert b"secre".hex() not in caplog.text.lower()
