"""Messages of other versions, of other functions, and what is no message."""

from __future__ import annotations

import pytest

from hil.eim import VirtualEim, content
from hil.eim.association import Outcome
from hil.eim.core import function_name
from hil.eim.history import RecordKind
from hil.eim.knobs import Acknowledge
from hil.eim.messages import MalformedRequestError
from tests.hil.eim import vectors as v
from tests.hil.eim.order import enabled, last


def test_old_result_without_eid_is_matched_and_answered_in_the_old_form(eim: VirtualEim) -> None:
    package = enabled(eim)
    assert eim.handle(v.V1_RESULT) == bytes.fromhex("BF5006BF5303800107")
    assert package.outcome is Outcome.OK


def test_old_empty_answer_is_an_empty_sequence(eim: VirtualEim) -> None:
    eim.knobs.acknowledge = Acknowledge.NONE
    enabled(eim)
    assert eim.handle(v.V1_RESULT_WITH_NOTIFICATIONS) == bytes.fromhex("BF5000")
    assert last(eim, RecordKind.NOTIFICATION).details["seqNumber"] == 9


def test_old_errors_are_read(eim: VirtualEim) -> None:
    request = eim.queue(v.EID, content.data_request())
    eim.handle(v.GEP1)
    assert eim.handle(v.V1_DATA_ERROR) == bytes.fromhex("BF5000")
    assert request.detail == "ipaEuiccDataError 1"
    trigger = eim.queue(v.EID, content.download_trigger())
    eim.handle(v.GEP1)
    assert eim.handle(v.V1_DOWNLOAD_ERROR) == bytes.fromhex("BF5000")
    assert trigger.outcome is Outcome.IPA_ERROR


def test_old_notification_with_a_result_is_read(eim: VirtualEim) -> None:
    trigger = eim.queue(v.EID, content.download_trigger())
    eim.handle(v.GEP1)
    assert eim.handle(v.V1_NOTIFICATION_WITH_RESULT) is None
    assert trigger.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("message", "response"),
    [
        (v.IA1, "BF3903810134"),
        (v.AC2, "BF3B0382017F"),
        (v.GB2, "BF3A0381017F"),
        (v.CS4, "BF410381017F"),
    ],
)
def test_relay_functions_are_refused_with_their_own_errors(eim: VirtualEim, message: bytes, response: str) -> None:
    assert eim.handle(message) == bytes.fromhex(response)


@pytest.mark.parametrize(
    "body", ["", "00", "BF4F", "BF4F125A10", "BF4F0030", "BF6F00", "BF4E020500", "BF500530033001FF", "BF3D00"]
)
def test_what_is_no_message_is_refused(eim: VirtualEim, body: str) -> None:
    with pytest.raises(MalformedRequestError):
        eim.handle(bytes.fromhex(body))


def test_function_names_come_from_the_outer_tag() -> None:
    names = [function_name(message) for message in (v.GEP1, v.PR1, v.HN1, v.IA1, b"", b"\x30\x00")]
    assert names == [
        "GetEimPackage",
        "ProvideEimPackageResult",
        "HandleNotification",
        "InitiateAuthentication",
        "unknown",
        "unknown",
    ]
