"""Dates of server certificates with a clock that is right, wrong, or was never set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.pki import Pki
from hil.pki.pki import Role
from ipad.clock import EARLIEST_WALL
from ipad.codec.x509 import Certificate
from ipad.errors import DownloadCheckError
from ipad.procedures.certificate_dates import ClockPolicy, DateCheck

NOW = 1_800_000_000.0
UNSET = 86_400.0


@pytest.fixture
def certificate(pki: Pki) -> Certificate:
    read = Certificate.parse(pki[Role.SMDP_AUTH].certificate)
    return replace(read, not_before=NOW - 10, not_after=NOW + 10)


@pytest.mark.parametrize(
    ("policy", "now", "problem"),
    [
        (ClockPolicy.WHEN_SET, NOW, None),
        (ClockPolicy.WHEN_SET, NOW - 10, None),
        (ClockPolicy.WHEN_SET, NOW + 10, None),
        (ClockPolicy.WHEN_SET, NOW - 11, "is not valid before 2027-01-15"),
        (ClockPolicy.WHEN_SET, NOW + 11, "expired on 2027-01-15"),
        (ClockPolicy.WHEN_SET, EARLIEST_WALL, "is not valid before"),
        (ClockPolicy.WHEN_SET, EARLIEST_WALL - 1, None),
        (ClockPolicy.WHEN_SET, UNSET, None),
        (ClockPolicy.ALWAYS, NOW, None),
        (ClockPolicy.ALWAYS, UNSET, "the clock is not set"),
        (ClockPolicy.NEVER, NOW + 11, None),
        (ClockPolicy.NEVER, UNSET, None),
    ],
)
def test_dates(certificate: Certificate, policy: ClockPolicy, now: float, problem: str | None) -> None:
    check = DateCheck(policy, now)
    if problem is None:
        check.check(certificate, "a certificate")
        return
    with pytest.raises(DownloadCheckError, match=problem):
        check.check(certificate, "a certificate")
