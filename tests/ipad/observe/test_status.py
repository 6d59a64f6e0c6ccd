"""The status as programs read it."""

from __future__ import annotations

import json
from enum import IntEnum

import pytest

from ipad.errors import (
    EuiccResultError,
    HttpStatusError,
    IpadError,
    NetworkError,
    RspStatusError,
    StatusWordError,
    TlsTrustError,
)
from ipad.observe.failure import failure_of
from ipad.observe.status import Provisioning, ServiceState, Status, as_plain, iso
from tests.ipad.observe.facts import EID, FULL, ONE

KEYS = {
    "schema",
    "modem",
    "state",
    "version",
    "provisioning",
    "text",
    "read_at",
    "running_seconds",
    "device",
    "eid",
    "kind",
    "profiles",
    "eims",
    "radio",
    "bearer",
    "policy",
    "last_error",
    "last_error_at",
    "next_poll_seconds",
    "notifications_waiting",
    "undelivered",
    "durations",
    "counters",
    "usage",
    "writes",
}


def test_names_are_those_of_the_manual() -> None:
    plain = as_plain(FULL, masked=False)
    assert set(plain) == KEYS
    assert set(plain["profiles"][0]) == {"iccid", "state", "class", "name", "provider", "nickname", "fallback"}
    assert plain["last_error"] == {"class": "network", "code": None, "name": "tcp", "message": "refused", "hint": None}
    assert json.loads(json.dumps(plain)) == plain


def test_moments_are_text_in_utc_and_durations_are_seconds() -> None:
    plain = as_plain(FULL, masked=False)
    assert plain["read_at"] == "2027-01-15T08:00:00Z"
    assert plain["eims"][0]["last_contact_at"] == "2027-01-15T07:59:00Z"
    assert plain["running_seconds"] == 3600.5


def test_a_clock_that_was_never_set_gives_no_moment() -> None:
    assert iso(12.0) is None
    assert iso(None) is None


def test_identifiers_are_whole_unless_they_are_masked() -> None:
    plain = as_plain(FULL, masked=False)
    assert plain["eid"] == EID
    assert plain["profiles"][0]["iccid"] == ONE
    masked = json.dumps(as_plain(FULL, masked=True))
    assert EID not in masked
    assert ONE not in masked, "not in the reason of a decision either"
    assert "352906110000001" not in masked
    assert as_plain(FULL, masked=True)["profiles"][0]["iccid"] == "894900…0015"


def test_what_is_not_known_is_null() -> None:
    plain = as_plain(Status(modem="m", state=ServiceState.STARTING, version="1"), masked=False)
    assert set(plain) == KEYS
    assert plain["provisioning"] == Provisioning.UNKNOWN.value
    assert plain["eid"] is None
    assert plain["radio"]["registration"] is None
    assert plain["policy"]["window"] is None


class Code(IntEnum):
    """A result code."""

    CAT_BUSY = 5


@pytest.mark.parametrize(
    ("error", "kind", "label"),
    [
        (EuiccResultError("EnableProfile", Code.CAT_BUSY), "euicc-result", "euicc-result CAT_BUSY"),
        (StatusWordError("refused", sw=0x6985), "status-word", "status-word 6985"),
        (NetworkError("no", layer="dns"), "network", "network dns"),
        (TlsTrustError("no"), "tls-trust", "tls-trust tls"),
        (HttpStatusError("no", status=503, transient=True), "http-status", "http-status 503"),
        (
            RspStatusError("x", status="Failed", subject="8.2.6", reason="3.8", message=""),
            "rsp-status",
            "rsp-status 8.2.6/3.8",
        ),
        (IpadError("?"), "ipad", "ipad"),
    ],
)
def test_errors_have_a_kind_and_a_short_code(error: IpadError, kind: str, label: str) -> None:
    failure = failure_of(error)
    assert (failure.kind, failure.label) == (kind, label)


def test_codes_of_peers_are_bounded_and_printable() -> None:
    label = failure_of(RspStatusError("x", status="", subject="8\n\x1b" + "9" * 500, reason="ä", message="")).label
    assert len(label) <= 48
    assert label.isascii()
    assert label.isprintable()
