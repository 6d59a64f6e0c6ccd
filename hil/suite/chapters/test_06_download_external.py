"""Profile download from an SM-DP+ that is not the bench's, by activation codes of its own (SGP.32 3.2.3, SGP.22 4.1).

What that server sees is not known here; what counts is what the eUICC has, signs and still owes. A code is worth a
profile: the first case makes the most of one, those that follow need others.
"""

from __future__ import annotations

import pytest

from hil.eim import content
from hil.eim.association import Outcome
from hil.suite.abilities import ActivationCodes, Card, Eim, Gateway, Measure, Timeline
from hil.suite.activation import ActivationCode, NoCodeError
from hil.suite.chapters.packages import code_of, enabled, is_ok, profiles, psmo
from hil.suite.exchanges import esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, needs

pytestmark = needs("external-profile")

OK = 0
WRONG_STATE = 2


def take(codes: ActivationCodes, count: int = 1, *, by_eim: bool = False) -> list[ActivationCode]:
    """Codes that nobody has used; without them the case is skipped."""
    try:
        return codes.take(count, by_eim=by_eim)
    except NoCodeError as error:
        pytest.skip(str(error))


def trigger(code: ActivationCode) -> content.Content:
    """A ProfileDownloadTriggerRequest with a code."""
    return content.download_trigger(activation_code=code.text)


def new(card: Card, known: set[str]) -> list[str]:
    """ICCIDs of profiles that were not known."""
    return [profile.iccid for profile in card.profiles() if profile.iccid not in known]


def owed(card: Card, iccid: str) -> list[object]:
    """What the eUICC still has to tell of a profile."""
    return [item for item in card.notifications() if item.get("iccid") == iccid]


def told(eim: Eim, iccid: str) -> list[tuple[str, bool]]:
    """Notifications of a profile that were news to the eIM: operation, and whether the signature is good."""
    return [
        (record.details["operation"], record.verified)
        for record in eim.records("notification")
        if record.news and record.details["iccid"] == iccid
    ]


@case(
    "3.2.3",
    "3.4.1",
    "3.4.2",
    "3.4.3",
    "3.7",
    title="A profile of its operator's SM-DP+ is downloaded, enabled, disabled and deleted, and everybody is told",
)
def test_life_of_a_profile(
    eim: Eim, card: Card, activation_codes: ActivationCodes, timeline: Timeline, limits: Limits, measure: Measure
) -> None:
    (code,) = take(activation_codes, by_eim=True)
    before, known = card.enabled(), {profile.iccid for profile in card.profiles()}
    package = eim.run(trigger(code), within=limits.download)
    assert package.outcome is Outcome.OK
    (iccid,) = new(card, known)
    assert card.enabled() == before
    # The SM-DP+ has acknowledged the installation, and the eIM knows which trigger it belongs to.
    assert owed(card, iccid) == []
    (record,) = eim.records("download")
    assert (record.function, record.package) == ("HandleNotification", package.number)
    asked, answered = esipa(timeline.events(), "GetEimPackage")[0], esipa(timeline.events(), "HandleNotification")[0]
    measure("external download", answered.seconds - asked.seconds)

    assert is_ok(eim.run(psmo(content.enable(iccid, rollback=True)), within=limits.switch))
    assert enabled(eim) == iccid
    assert code_of(eim, content.delete(iccid)) == WRONG_STATE

    if before is None:
        assert code_of(eim, content.disable(iccid)) == OK
    else:
        results = eim.run(psmo(content.disable(iccid), content.enable(before)), within=limits.switch)
        assert results.codes == [("disableResult", OK), ("enableResult", OK)]
    assert enabled(eim) == before

    assert code_of(eim, content.delete(iccid)) == OK
    assert iccid not in profiles(eim)
    assert owed(card, iccid) == []
    # Which events are notified is a matter of the profile; each of them is told once, and genuine.
    events = told(eim, iccid)
    assert all(verified for _, verified in events)
    changes = [operation for operation, _ in events if operation != "install"]
    assert changes == [operation for operation in ("enable", "disable", "delete") if operation in changes]


@case("SGP.22 3.1.3", "SGP.22 4.1", title="A code that a person gives to the IPA leads to the same, with confirmation")
def test_download_at_the_device(
    gateway: Gateway, card: Card, activation_codes: ActivationCodes, limits: Limits
) -> None:
    (code,) = take(activation_codes)
    before, known = card.enabled(), {profile.iccid for profile in card.profiles()}
    gateway.download(code, within=limits.download)
    (iccid,) = new(card, known)
    assert card.enabled() == before
    gateway.poll()
    assert owed(card, iccid) == []


@case("3.2.3", "3.6", title="Two triggers with codes of the operator's SM-DP+ in one run give two profiles")
def test_two_codes_in_one_run(eim: Eim, card: Card, activation_codes: ActivationCodes, limits: Limits) -> None:
    codes = take(activation_codes, 2, by_eim=True)
    known = {profile.iccid for profile in card.profiles()}
    packages = eim.settle(*[eim.queue(trigger(code)) for code in codes], within=2 * limits.download)
    assert [package.outcome for package in packages] == [Outcome.OK, Outcome.OK]
    found = new(card, known)
    assert len(found) == len(codes)
    assert [item for iccid in found for item in owed(card, iccid)] == []


@needs("kill")
@case(
    "3.2.3", "3.8.2", "3.7", title="What was installed for an eIM that could not be told then is told after a restart"
)
def test_told_after_a_restart(
    eim: Eim, gateway: Gateway, card: Card, activation_codes: ActivationCodes, limits: Limits
) -> None:
    (code,) = take(activation_codes, by_eim=True)
    known = {profile.iccid for profile in card.profiles()}
    eim.fault("status", "HandleNotification", value=503, times=None)
    eim.fault("status", "ProvideEimPackageResult", value=503, times=None)
    number = eim.queue(trigger(code))
    gateway.poll(within=limits.download)
    (iccid,) = new(card, known)
    assert eim.records("download") == []
    gateway.kill()
    eim.clear_faults()
    gateway.start()
    (package,) = eim.settle(number)
    assert (package.outcome, package.handed_out) == (Outcome.OK, 1)
    assert new(card, known) == [iccid]
    assert owed(card, iccid) == []


@case("3.2.3", "SGP.22 3.1.3", title="A matching identifier that the operator's SM-DP+ does not know installs nothing")
def test_code_that_the_server_does_not_know(
    eim: Eim, card: Card, activation_codes: ActivationCodes, limits: Limits
) -> None:
    known = {profile.iccid for profile in card.profiles()}
    unknown = ActivationCode(f"1${activation_codes.address}$IPAD-HIL-UNKNOWN")
    package = eim.run(trigger(unknown), within=limits.download)
    assert package.outcome is Outcome.IPA_ERROR
    assert new(card, known) == []
    assert card.notifications() == []
