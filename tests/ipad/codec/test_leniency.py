"""What must not be taken for a form of another version; the forms themselves are in the vectors."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ipad.codec import leniency, tlv
from ipad.codec.esipa import GetEimPackageRequest, StateChangeCause
from ipad.codec.tlv import Element
from tests.vectors.sgp32 import VECTORS

EID = bytes.fromhex("89049032001234567890000000100070")


def inside(key: str, *path: int) -> Element:
    found = tlv.find(bytes.fromhex(VECTORS[key]["hex"]), *path)
    assert found is not None
    return found


def element(data: str) -> Element:
    return tlv.read_single(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("rule", "conforming"),
    [
        (leniency.empty_response, inside("PA2", 0xBF50)),
        (leniency.empty_response, inside("PA5", 0xBF50)),
        (leniency.notification_list, inside("PR2", 0xBF50, 0x30)),
        (leniency.registered_plmn, inside("GEP2", 0xBF4F)),
        (leniency.registered_plmn, element("BF4F058000810101")),
        (leniency.registered_plmn, element("BF4F0A8103000001820362F210")),
        (leniency.download_error, inside("PR8", 0xBF50, 0xBF54, 0x30)),
        (leniency.download_error, inside("PR9", 0xBF50, 0xBF54, 0x30)),
        (leniency.download_error, element("300480020080")),
        (leniency.euicc_data, inside("PR5", 0xBF50, 0xBF52)),
        (leniency.euicc_data, inside("PR6", 0xBF50, 0xBF52)),
        (leniency.euicc_data, inside("TS3", 0xBF4E, 0xBF52)),
        (leniency.euicc_data, element("BF5202A000")),
        (leniency.euicc_data, element("BF5200")),
    ],
)
def test_conforming_element_stays_as_it_is(rule: Callable[[Element], Element], conforming: Element) -> None:
    assert rule(conforming) is conforming


def test_cause_without_a_plmn_stays_a_cause() -> None:
    request = GetEimPackageRequest(
        eid_value=EID, notify_state_change=True, state_change_cause=StateChangeCause.OTHER_EIM
    )
    assert GetEimPackageRequest.decode(request.encode()) == request
