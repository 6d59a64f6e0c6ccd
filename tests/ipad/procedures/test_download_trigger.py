"""Direct or relayed, as a table; and what is read of key identifiers, addresses and cancellations."""

from __future__ import annotations

import pytest

from ipad.codec.esipa_rsp import AuthenticateClientErrorEsipa, CancelSessionError, GetBoundProfilePackageErrorEsipa
from ipad.codec.euicc_info import IpaFeatures
from ipad.codec.rsp import CancelSessionReason, DownloadErrorCode
from ipad.errors import (
    CardError,
    CodecError,
    DownloadCheckError,
    EuiccResultError,
    ExchangeError,
    IpadError,
    NetworkError,
    RspStatusError,
    ServerResultError,
)
from ipad.procedures.cancel_session import Cancellation, cancellation_for
from ipad.procedures.download_trigger import Way, WayFacts, choose_way
from ipad.procedures.rsp_server import expand_key_identifier, host_of

DIRECT = IpaFeatures.DIRECT_RSP_SERVER_COMMUNICATION
INDIRECT = IpaFeatures.INDIRECT_RSP_SERVER_COMMUNICATION
HELD = IpaFeatures.EIM_DOWNLOAD_DATA_HANDLING
R = CancelSessionReason


@pytest.mark.parametrize(
    ("features", "relays", "trusts", "prefer_direct", "way"),
    [
        (DIRECT | INDIRECT, True, True, False, Way.RELAYED),
        (DIRECT | INDIRECT, True, True, True, Way.DIRECT),
        (DIRECT | INDIRECT, False, True, False, Way.DIRECT),
        (DIRECT | INDIRECT, False, False, False, None),
        (DIRECT | INDIRECT, True, False, True, Way.RELAYED),
        (DIRECT, True, True, False, Way.DIRECT),
        (DIRECT, True, False, False, None),
        (INDIRECT, True, True, True, Way.RELAYED),
        (INDIRECT, False, True, True, None),
        (IpaFeatures(0), True, True, True, None),
    ],
)
def test_way_with_download_data(
    features: IpaFeatures, relays: bool, trusts: bool, prefer_direct: bool, way: Way | None
) -> None:
    facts = WayFacts(features=features, relays=relays, trusts_servers=trusts, prefer_direct=prefer_direct)
    assert choose_way(facts) is way


@pytest.mark.parametrize(
    ("features", "way"),
    [(DIRECT | INDIRECT | HELD, Way.RELAYED), (DIRECT | INDIRECT, None), (DIRECT | HELD, None)],
)
def test_way_without_download_data(features: IpaFeatures, way: Way | None) -> None:
    facts = WayFacts(features=features, relays=True, trusts_servers=True, prefer_direct=True)
    assert choose_way(facts, with_data=False) is way


KEYS = (bytes.fromhex("F54172BDF98A"), bytes.fromhex("F5A1B2C3D4E5"))


@pytest.mark.parametrize("given", ["F541", "F54172BDF98A", "F54172"])
def test_cut_key_identifier_is_expanded(given: str) -> None:
    assert expand_key_identifier(bytes.fromhex(given), KEYS) == KEYS[0]


@pytest.mark.parametrize("given", ["", "F5", "00", "F54172BDF98A00"])
def test_key_identifier_that_fits_none_or_several_is_refused(given: str) -> None:
    with pytest.raises(ExchangeError):
        expand_key_identifier(bytes.fromhex(given), KEYS)


def test_same_key_twice_in_the_list_is_one_key() -> None:
    assert expand_key_identifier(b"\xf5\x41", (KEYS[0], KEYS[0])) == KEYS[0]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("SMDP.Example.com", "SMDP.Example.com"),
        ("smdp.example.com:8443", "smdp.example.com"),
        ("smdp.example.com.", "smdp.example.com"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("192.0.2.1:443", "192.0.2.1"),
    ],
)
def test_server_knows_itself_by_its_host(address: str, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("error", "reason", "tell_server"),
    [
        (DownloadCheckError("x", reason=R.PPR_NOT_ALLOWED), R.PPR_NOT_ALLOWED, True),
        (DownloadCheckError("x"), R.UNDEFINED_REASON, True),
        (NetworkError("x", layer="tcp"), R.TIMEOUT, True),
        (ExchangeError("x"), R.TIMEOUT, True),
        (RspStatusError("f", status="Failed", subject="8.2.7", reason="3.8", message=""), R.UNDEFINED_REASON, False),
        (EuiccResultError("PrepareDownload", DownloadErrorCode.INVALID_SIGNATURE), R.UNDEFINED_REASON, False),
        (ServerResultError("f", AuthenticateClientErrorEsipa.PPR_NOT_ALLOWED), R.PPR_NOT_ALLOWED, True),
        (ServerResultError("f", AuthenticateClientErrorEsipa(3)), R.UNDEFINED_REASON, True),
        (ServerResultError("f", GetBoundProfilePackageErrorEsipa.METADATA_MISMATCH), R.METADATA_MISMATCH, True),
        (ServerResultError("f", GetBoundProfilePackageErrorEsipa.CONFIRMATION_CODE_REFUSED), R.POSTPONED, True),
        (ServerResultError("f", CancelSessionError.UNDEFINED_ERROR), R.UNDEFINED_REASON, True),
        (CodecError("x"), R.UNDEFINED_REASON, True),
        (CardError("x"), R.UNDEFINED_REASON, True),
    ],
)
def test_reason_of_a_cancellation_follows_from_the_error(error: IpadError, reason: R, tell_server: bool) -> None:
    assert cancellation_for(error) == Cancellation(reason, tell_server)
