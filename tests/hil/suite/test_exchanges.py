"""Exchanges with servers, read from the events of a case; waiting with a limit."""

from __future__ import annotations

import base64
import json

import pytest

from hil.suite.exchanges import es9, esipa, functions
from hil.suite.record import EventRecord
from hil.suite.waiting import until

POLL = "BF4F125A1089049032001234567890000000100070"
NOTHING = "BF4F03020101"
CALL = json.dumps({"euiccChallenge": base64.b64encode(bytes(16)).decode()}).encode().hex()
EVENTS = [
    EventRecord(0.1, "ESIPA", ">", "eim1 GetEimPackage", data=POLL),
    EventRecord(0.1, "AT", ">", "AT+CEREG?"),
    EventRecord(0.2, "ESIPA", "<", "eim1 HTTP 200", data=NOTHING),
    EventRecord(0.3, "ES9+", ">", "smdp initiateAuthentication from eim1", data=CALL),
    EventRecord(0.4, "ES9+", "<", "smdp HTTP 200 in 2 ms", data=b'{"transactionId":"01"}'.hex()),
    EventRecord(0.5, "ESIPA", ">", "eim2 GetEimPackage", data=POLL),
    EventRecord(0.6, "ESIPA", "<", "eim2 HTTP 503", data=""),
]


def test_request_and_answer_belong_together_whatever_is_between() -> None:
    first, second = esipa(EVENTS)
    assert (first.server, first.function, first.status, first.position) == ("eim1", "GetEimPackage", "HTTP 200", 2)
    assert first.asked["eidValue"].hex() == "89049032001234567890000000100070"
    assert first.answered == ("eimPackageError", 1)
    assert second.status == "HTTP 503"


def test_exchanges_are_chosen_by_function_and_server() -> None:
    assert [item.server for item in esipa(EVENTS, "GetEimPackage", "eim2")] == ["eim2"]
    assert esipa(EVENTS, "ProvideEimPackageResult") == []


def test_call_of_an_smdp_names_its_caller_and_gives_octets() -> None:
    (call,) = es9(EVENTS)
    assert functions([call]) == ["initiateAuthentication"]
    assert call.caller == "eim1"
    assert call.octets("euiccChallenge") == bytes(16)
    assert call.reply == {"transactionId": "01"}


def test_waiting_ends_with_the_condition_or_says_what_was_waited_for() -> None:
    looks = iter([False, True])
    assert until(lambda: next(looks), 10.0, "the second look") < 10.0
    with pytest.raises(AssertionError, match=r"not within 0 s: rain"):
        until(lambda: False, 0.0, "rain")
