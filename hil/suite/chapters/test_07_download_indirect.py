"""Profile download that the eIM relays (SGP.32 3.2.3, ESipa functions 5.14.1 to 5.14.3 and 5.14.8)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hil import tlv
from hil.eim import content
from hil.eim.association import Outcome
from hil.eim.history import Record
from hil.suite import es10
from hil.suite.abilities import Card, Eim, Gateway, Measure, Modem, PackageView, Smdp, Timeline
from hil.suite.chapters.downloads import (
    CancelReason,
    cancel_reasons,
    download,
    error_response,
    is_installed,
    trigger,
    trigger_result,
    use_default_smdp,
)
from hil.suite.exchanges import es9, es11, esipa, functions
from hil.suite.limits import Limits
from hil.suite.marks import case, needs
from hil.suite.waiting import until

pytestmark = needs("test-profile", "second-eim")

INITIATE, AUTHENTICATE, GET_PACKAGE = "InitiateAuthentication", "AuthenticateClient", "GetBoundProfilePackage"
CANCEL, RESULT, POLL = "CancelSession", "ProvideEimPackageResult", "GetEimPackage"
INITIALISE_SECURE_CHANNEL = 0xBF23
FIRST_SEQUENCE_OF_87, SEQUENCE_OF_88, SECOND_SEQUENCE_OF_87, SEQUENCE_OF_86 = 0xA0, 0xA1, 0xA2, 0xA3
MORE_BLOCKS, LAST_BLOCK = 0x11, 0x91
"""P1 of STORE DATA."""
RELAY = (INITIATE, AUTHENTICATE, GET_PACKAGE, CANCEL)


@pytest.fixture(name="relay")
def _relay(eim: Eim, eim2: Eim) -> Eim:
    """An eIM whose configuration data say indirectProfileDownload; the first one has added it."""
    added = eim.run(content.eco_package(content.add_eim(eim2.configuration())))
    assert added.outcome is Outcome.OK
    return eim2


def removed_number(call: es10.Call) -> int:
    """seqNumber of a RemoveNotificationFromList."""
    return int.from_bytes(tlv.find(call.request, 0xBF30, 0x80).value, signed=True)


def relayed(timeline: Timeline) -> list[str]:
    """The functions of the relay in the order of their calls."""
    return [name for name in functions(esipa(timeline.events())) if name in RELAY]


def failed(package: PackageView, card: Card, before: list[str]) -> None:
    """The eIM was told of a failure, and the eUICC has the profiles that it had."""
    assert package.outcome in (Outcome.IPA_ERROR, Outcome.FAILED)
    assert [profile.iccid for profile in card.profiles()] == before


def installation_results(relay: Eim) -> list[Record]:
    """The ProfileInstallationResults that arrived; a profile may have other notifications of its installation."""
    return [record for record in relay.records("notification") if record.raw.startswith("BF37")]


@pytest.fixture(name="before")
def _before(card: Card) -> list[str]:
    """ICCIDs of the profiles at the beginning."""
    return [profile.iccid for profile in card.profiles()]


@case("3.2.3", "5.14.1", "5.14.2", "5.14.3", title="A relayed profile is installed and stays disabled")
def test_profile_is_installed(relay: Eim, smdp: Smdp, card: Card, timeline: Timeline, measure: Measure) -> None:
    enabled = card.enabled()
    order = smdp.order()
    package = download(relay, order)
    assert package.outcome is Outcome.OK
    assert is_installed(card, order)
    assert card.enabled() == enabled
    assert smdp.state(order.number).state == "Installed"
    exchanges = esipa(timeline.events(), INITIATE) + esipa(timeline.events(), RESULT, "eim2")
    measure("download", exchanges[-1].seconds - exchanges[0].seconds)


@case("3.2.3", title="The functions of the relay are called once each and in their order")
def test_functions_are_called_in_their_order(relay: Eim, smdp: Smdp, timeline: Timeline) -> None:
    assert download(relay, smdp.order()).outcome is Outcome.OK
    called = functions(esipa(timeline.events(), server="eim2"))
    first = called.index(INITIATE)
    assert called[first : first + 4] == [INITIATE, AUTHENTICATE, GET_PACKAGE, RESULT]
    assert relayed(timeline) == [INITIATE, AUTHENTICATE, GET_PACKAGE]


@case("3.2.3", "3.7", title="The IPA itself says nothing to the SM-DP+: everything comes from the eIM")
def test_only_the_eim_talks_to_the_smdp(relay: Eim, smdp: Smdp, timeline: Timeline) -> None:
    assert download(relay, smdp.order()).outcome is Outcome.OK
    calls = es9(timeline.events())
    assert len(calls) >= 3
    assert all(call.caller for call in calls), [f"{call.function} from {call.caller!r}" for call in calls]


@case("5.14.1", title="InitiateAuthentication names the transaction of the trigger, the address and the challenge")
def test_initiate_authentication(relay: Eim, smdp: Smdp, timeline: Timeline) -> None:
    package = download(relay, smdp.order())
    assert package.outcome is Outcome.OK
    (exchange,) = esipa(timeline.events(), INITIATE)
    assert exchange.asked["eimTransactionId"] == package.transaction_id
    assert exchange.asked["smdpAddress"] == smdp.fqdn
    assert len(exchange.asked["euiccChallenge"]) == 16
    assert tlv.find(exchange.request, 0xBF39, 0xBF20).raw


@case("5.14.2", "5.14.3", title="The further functions name the transaction of the server")
def test_transaction_of_the_server(relay: Eim, smdp: Smdp, timeline: Timeline) -> None:
    assert download(relay, smdp.order()).outcome is Outcome.OK
    events = timeline.events()
    given = tlv.find(esipa(events, INITIATE)[0].answer, 0xBF39, 0xA0, 0x30, 0x80).value
    asked = [
        tlv.find(item.request, tlv.first(item.request).tag, 0x80).value
        for item in esipa(events)
        if item.function in RELAY[1:]
    ]
    assert asked == [given, given]


@case("3.2.3", "5.14.6", title="The result goes back with the installation result of the eUICC, not altered")
def test_result(relay: Eim, smdp: Smdp) -> None:
    package = download(relay, smdp.order())
    assert package.outcome is Outcome.OK
    assert trigger_result(package)["eimTransactionId"] == package.transaction_id.hex().upper()  # type: ignore[union-attr]
    (record,) = relay.records("download")
    assert record.function == RESULT
    (told,) = installation_results(relay)
    assert told.verified
    assert [check.passed for check in told.checks if check.name == "signature"] == [True]


@case("3.7", "5.14.6", title="The installation result reaches the SM-DP+ through the eIM alone, and once")
def test_installation_result_goes_one_way(relay: Eim, smdp: Smdp, limits: Limits) -> None:
    assert download(relay, smdp.order()).outcome is Outcome.OK
    until(lambda: bool(smdp.reports()["installations"]), limits.poll, "the eIM passes the result on")
    (report,) = smdp.reports()["installations"]
    assert report["verified"]
    assert report["reason"] is None
    assert [record.function for record in installation_results(relay)] == [RESULT]


@needs("card-bench")
@case(
    "5.14.6",
    "3.7",
    "5.9.12",
    title="An installation result that was not acknowledged is removed only when it was accepted",
)
def test_unacknowledged_result(relay: Eim, smdp: Smdp, timeline: Timeline) -> None:
    relay.knob(acknowledge="none")
    assert download(relay, smdp.order()).outcome is Outcome.OK
    number = installation_results(relay)[0].details["seqNumber"]
    events = timeline.events()
    accepted = [
        item.position
        for item in esipa(events, "HandleNotification")
        if item.request.find(b"\xbf\x37") >= 0 and "HTTP 20" in item.status
    ]
    removals = [call.position for call in es10.calls(events, 0xBF30) if removed_number(call) == number]
    assert all(accepted and accepted[0] < removal for removal in removals)


@case("5.14.6", "5.9.12", title="An acknowledged installation result is removed from the eUICC")
def test_acknowledged_result_leaves_the_euicc(relay: Eim, smdp: Smdp, card: Card) -> None:
    order = smdp.order()
    assert download(relay, order).outcome is Outcome.OK
    assert card.notifications() == []


@case("5.14.1", "SGP.22 5.7.13", title="matchingId of the eIM stands in place of that of the activation code")
def test_matching_id_of_the_eim(relay: Eim, smdp: Smdp, card: Card) -> None:
    named, meant = smdp.order(), smdp.order(matchingId="SUITE-MEANT")
    relay.knob(matching_id="SUITE-MEANT")
    package = relay.run(trigger(named))
    assert package.outcome is Outcome.OK
    assert is_installed(card, meant)
    assert not is_installed(card, named)


@case("4.1", "5.14.1", "3.2.3", title="Download data that the eIM keeps to itself are not guessed")
def test_download_data_held_by_the_eim(relay: Eim, smdp: Smdp, card: Card, timeline: Timeline, limits: Limits) -> None:
    data = relay.run(content.data_request([0xA8]))
    order = smdp.order()
    package = relay.run(content.download_trigger(held=order.code), within=limits.download)
    handles = 2 in data.results[0]["ipaEuiccData"]["ipaCapabilities"]["ipaFeatures"]
    if handles:
        assert package.outcome is Outcome.OK
        assert is_installed(card, order)
        assert "smdpAddress" not in esipa(timeline.events(), INITIATE)[0].asked
    else:
        assert package.outcome is Outcome.IPA_ERROR
        assert relayed(timeline) == []


@case("3.2.3", "SGP.22 4.2", title="The eUICC signs a context with the TAC of the modem")
def test_device_info(relay: Eim, smdp: Smdp, modem: Modem, timeline: Timeline) -> None:
    imei = next(line for line in modem.at("AT+CGSN") if line.isdecimal())
    assert download(relay, smdp.order()).outcome is Outcome.OK
    (exchange,) = esipa(timeline.events(), AUTHENTICATE)
    signed = tlv.find(exchange.request, 0xBF3B, 0xBF38, 0xA0, 0x30)
    context = tlv.children(signed.value)[-1]
    tac = tlv.find(context.raw, 0xA0, 0xA1, 0x80).value
    digits = "".join(f"{octet & 15}{octet >> 4}" for octet in tac)
    assert imei.startswith((digits, tac.hex()))


@case("3.2.3", title="The default SM-DP+ is the one that the eUICC knows")
def test_default_smdp(relay: Eim, smdp: Smdp, card: Card, gateway: Gateway, timeline: Timeline, limits: Limits) -> None:
    use_default_smdp(relay, smdp, gateway)
    order = smdp.order(eid=card.eid)
    package = relay.run(content.download_trigger(default_smdp=True), within=limits.download)
    assert package.outcome is Outcome.OK
    assert is_installed(card, order)
    assert esipa(timeline.events(), INITIATE)[0].asked["smdpAddress"] == smdp.fqdn


@needs("smds")
@case("3.2.3", "5.14.3", title="What the SM-DS names is downloaded in a second session of the same transaction")
def test_event_of_an_smds(relay: Eim, smdp: Smdp, card: Card, timeline: Timeline, limits: Limits) -> None:
    order = smdp.order(eid=card.eid, matchingId="SUITE-RELAYED", event=True)
    package = relay.run(content.download_trigger(smds=smdp.smds_fqdn), within=limits.download)
    assert package.outcome is Outcome.OK
    assert is_installed(card, order)
    events = timeline.events()
    assert relayed(timeline) == [INITIATE, AUTHENTICATE, INITIATE, AUTHENTICATE, GET_PACKAGE]
    assert {item.asked.get("eimTransactionId") for item in esipa(events, INITIATE)} == {package.transaction_id}
    assert len(es11(events)) == 2


@needs("smds")
@case("3.2.3", "5.14.3", title="An SM-DS without an event ends the download")
def test_no_event(relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline, limits: Limits) -> None:
    package = relay.run(content.download_trigger(smds=smdp.smds_fqdn), within=limits.download)
    failed(package, card, before)
    assert relayed(timeline) == [INITIATE, AUTHENTICATE]


# Confirmation codes


@case("5.14.3", "SGP.22 5.7.5", title="hashCc of the eIM opens an order that wants a confirmation code")
def test_confirmation_code_of_the_eim(relay: Eim, smdp: Smdp, card: Card, limits: Limits) -> None:
    order = smdp.order(confirmationCode="4711")
    wanted = content.download_trigger(activation_code=order.code, confirmation_code="4711")
    assert relay.run(wanted, within=limits.download).outcome is Outcome.OK
    assert is_installed(card, order)


@case("5.14.2", "5.14.8", title="A wrong confirmation code ends the session and leaves the order for another try")
def test_wrong_confirmation_code(
    relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline, limits: Limits
) -> None:
    order = smdp.order(confirmationCode="4711")
    wrong = content.download_trigger(activation_code=order.code, confirmation_code="0000")
    failed(relay.run(wrong, within=limits.download), card, before)
    assert relayed(timeline)[:3] == [INITIATE, AUTHENTICATE, GET_PACKAGE]
    right = content.download_trigger(activation_code=order.code, confirmation_code="4711")
    assert smdp.state(order.number).state != "Installed"
    assert relay.run(right, within=limits.download).outcome in (Outcome.OK, Outcome.IPA_ERROR)


@case("5.14.3", "5.14.8", title="Without hashCc where a confirmation code is wanted, the session is cancelled")
def test_confirmation_code_that_nobody_has(
    relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline
) -> None:
    failed(download(relay, smdp.order(confirmationCode="4711")), card, before)
    assert relayed(timeline) == [INITIATE, AUTHENTICATE, CANCEL]
    (reason,) = cancel_reasons(esipa(timeline.events()))
    assert reason in (CancelReason.POSTPONED, CancelReason.UNDEFINED_REASON, CancelReason.END_USER_REJECTION)


# What the eIM refuses


@pytest.mark.parametrize("code", [1, 50, 51, 52, 127])
@case("5.14.1", "3.2.3", title="An error of InitiateAuthentication ends the download, with nothing to cancel")
def test_error_of_initiate_authentication(
    relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline, code: int
) -> None:
    relay.knob(relay_errors={INITIATE: code})
    package = download(relay, smdp.order())
    failed(package, card, before)
    assert relayed(timeline) == [INITIATE]
    assert trigger_result(package)["eimTransactionId"] == package.transaction_id.hex().upper()  # type: ignore[union-attr]
    answer = esipa(timeline.events(), INITIATE)[0].answer
    assert error_response(package) in (None, answer)


AUTHENTICATE_ERRORS = {
    "policy rule": (50, CancelReason.PPR_NOT_ALLOWED),
    "matching id": (6, CancelReason.UNDEFINED_REASON),
    "undefined": (127, CancelReason.UNDEFINED_REASON),
}


@pytest.mark.parametrize(("code", "reason"), AUTHENTICATE_ERRORS.values(), ids=AUTHENTICATE_ERRORS)
@case("5.14.3", "5.14.8", title="An error of AuthenticateClient cancels the session with the reason that fits")
def test_error_of_authenticate_client(
    relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline, code: int, reason: int
) -> None:
    relay.knob(relay_errors={AUTHENTICATE: code})
    failed(download(relay, smdp.order()), card, before)
    assert relayed(timeline) == [INITIATE, AUTHENTICATE, CANCEL]
    assert cancel_reasons(esipa(timeline.events())) == [reason]


PACKAGE_ERRORS = {
    "metadata": (50, CancelReason.METADATA_MISMATCH),
    "signature": (1, CancelReason.UNDEFINED_REASON),
    "undefined": (127, CancelReason.UNDEFINED_REASON),
}


@pytest.mark.parametrize(("code", "reason"), PACKAGE_ERRORS.values(), ids=PACKAGE_ERRORS)
@case("5.14.2", "5.14.8", title="An error of GetBoundProfilePackage cancels the session with the reason that fits")
def test_error_of_get_bound_profile_package(
    relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline, code: int, reason: int
) -> None:
    relay.knob(relay_errors={GET_PACKAGE: code})
    failed(download(relay, smdp.order()), card, before)
    assert relayed(timeline) == [INITIATE, AUTHENTICATE, GET_PACKAGE, CANCEL]
    assert cancel_reasons(esipa(timeline.events())) == [reason]


@case("5.14.8", title="A CancelSession that the eIM refuses changes nothing: the session is over")
def test_refused_cancel_session(relay: Eim, smdp: Smdp, card: Card, before: list[str]) -> None:
    relay.knob(relay_errors={AUTHENTICATE: 127, CANCEL: 1})
    failed(download(relay, smdp.order()), card, before)
    relay.knob(relay_errors={})
    order = smdp.order()
    assert download(relay, order).outcome is Outcome.OK
    assert is_installed(card, order)


@case("5.14.8", "5.14.6", title="A download after a cancelled one begins anew and succeeds")
def test_download_after_a_cancelled_one(relay: Eim, smdp: Smdp, card: Card, before: list[str]) -> None:
    relay.knob(relay_errors={GET_PACKAGE: 127})
    failed(download(relay, smdp.order()), card, before)
    relay.knob(relay_errors={})
    order = smdp.order()
    assert download(relay, order).outcome is Outcome.OK
    assert is_installed(card, order)


# What the eUICC refuses


@pytest.mark.parametrize("mistake", ["server-signature", "foreign-auth-certificate"])
@case("5.14.3", "SGP.22 5.7.13", title="The eUICC's refusal of the server is passed on by AuthenticateClient")
def test_euicc_refuses_the_server(
    relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline, mistake: str
) -> None:
    smdp.knob(mistakes=[mistake])
    failed(download(relay, smdp.order()), card, before)
    assert [name for name in relayed(timeline) if name != CANCEL] == [INITIATE, AUTHENTICATE]
    (exchange,) = esipa(timeline.events(), AUTHENTICATE)
    assert tlv.children(tlv.find(exchange.request, 0xBF3B, 0xBF38).value)[0].tag == 0xA1


@pytest.mark.parametrize("mistake", ["smdp-signature"])
@case("5.14.2", "SGP.22 5.7.5", title="The eUICC's refusal of the SM-DP+ is passed on by GetBoundProfilePackage")
def test_euicc_refuses_the_smdp(
    relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline, mistake: str
) -> None:
    smdp.knob(mistakes=[mistake])
    failed(download(relay, smdp.order()), card, before)
    assert [name for name in relayed(timeline) if name != CANCEL] == [INITIATE, AUTHENTICATE, GET_PACKAGE]
    (exchange,) = esipa(timeline.events(), GET_PACKAGE)
    assert tlv.children(tlv.find(exchange.request, 0xBF3A, 0xBF21).value)[0].tag == 0xA1


@case("5.14.2", "5.14.6", title="A package that the eUICC cannot load: its result is the result, nothing is cancelled")
def test_damaged_package(relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline) -> None:
    smdp.knob(package_flaw="flip-elements")
    package = download(relay, smdp.order())
    failed(package, card, before)
    assert package.outcome is Outcome.FAILED
    assert relayed(timeline) == [INITIATE, AUTHENTICATE, GET_PACKAGE]
    (told,) = installation_results(relay)
    assert told.verified


@case("5.14.8", "SGP.22 2.9", title="A policy rule that is not allowed cancels the session, and the SM-DP+ learns it")
def test_policy_rule_of_nobody(relay: Eim, smdp: Smdp, card: Card, before: list[str], timeline: Timeline) -> None:
    order = smdp.order(metadata={"policyRules": ["ppr2"]})
    failed(download(relay, order), card, before)
    assert relayed(timeline) == [INITIATE, AUTHENTICATE, CANCEL]
    assert cancel_reasons(esipa(timeline.events())) == [CancelReason.PPR_NOT_ALLOWED]
    assert cancel_reasons(es9(timeline.events())) == [CancelReason.PPR_NOT_ALLOWED]


# What gets lost


@pytest.mark.parametrize("function", [INITIATE, AUTHENTICATE, GET_PACKAGE])
@pytest.mark.parametrize("kind", ["drop-before", "drop-after"])
@case("3.6", "3.2.3", title="A connection that breaks during the download costs no profile")
def test_broken_connection(relay: Eim, smdp: Smdp, card: Card, kind: str, function: str) -> None:
    relay.fault(kind, function)
    order = smdp.order()
    package = download(relay, order)
    if package.outcome is not Outcome.OK:
        # Who gives up tells the eIM, and the next trigger works.
        assert package.outcome is Outcome.IPA_ERROR
        assert not is_installed(card, order)
        package = download(relay, smdp.order(profile={"iccid": order.iccid}))
    assert package.outcome is Outcome.OK
    assert [profile.iccid for profile in card.profiles()].count(order.iccid) == 1


@case("3.2.3", "5.14.6", title="A result whose acknowledgement got lost is sent again, the same to the last byte")
def test_lost_acknowledgement(relay: Eim, smdp: Smdp, card: Card, timeline: Timeline) -> None:
    relay.fault("drop-after", RESULT)
    order = smdp.order()
    number = relay.queue(trigger(order))
    (package,) = relay.settle(number)
    assert package.outcome is Outcome.OK
    results = [item.request for item in esipa(timeline.events(), RESULT, "eim2") if b"\xbf\x54" in item.request]
    assert len(results) >= 2
    assert len(set(results)) == 1
    assert [record.news for record in relay.records("download")].count(True) == 1
    assert card.notifications() == []


# Between eIM and eUICC


@needs("card-bench")
@case("3.2.3", "5.14.3", title="The eUICC's signed objects pass the IPA without a change")
def test_signed_objects_pass_unchanged(relay: Eim, smdp: Smdp, timeline: Timeline) -> None:
    order = smdp.order()
    assert download(relay, order).outcome is Outcome.OK
    events = timeline.events()
    authenticated, prepared = esipa(events, AUTHENTICATE)[0], esipa(events, GET_PACKAGE)[0]
    (given,) = es10.calls(events, 0xBF38)
    assert tlv.find(authenticated.request, 0xBF3B, 0xBF38).raw == given.answer
    (given,) = es10.calls(events, 0xBF21)
    assert tlv.find(prepared.request, 0xBF3A, 0xBF21).raw == given.answer


@needs("card-bench")
@case("SGP.22 5.7.6", "5.14.2", title="The package is loaded segment by segment, each a chain of its own")
def test_segments(relay: Eim, smdp: Smdp, timeline: Timeline) -> None:
    assert download(relay, smdp.order(profile={"size": 3000})).outcome is Outcome.OK
    events = timeline.events()
    package = tlv.find(esipa(events, GET_PACKAGE)[0].answer, 0xBF3A, 0xA0, 0xBF36)
    wanted = list(segments(package))
    loaded = [call for call in es10.calls(events) if call.request in wanted]
    assert [call.request for call in loaded] == wanted
    for call in loaded:
        assert [number for _, number in call.blocks] == list(range(len(call.blocks)))
        assert [kind for kind, _ in call.blocks] == [MORE_BLOCKS] * (len(call.blocks) - 1) + [LAST_BLOCK]


def segments(package: tlv.Tlv) -> Iterator[bytes]:
    """BoundProfilePackage in the pieces in which it is loaded (SGP.22 2.5.5)."""
    parts = tlv.children(package.value)
    header = package.raw[: len(package.raw) - len(package.value)]
    for part in parts:
        if part.tag == INITIALISE_SECURE_CHANNEL:
            yield header + part.raw
        elif part.tag in (FIRST_SEQUENCE_OF_87, SEQUENCE_OF_88, SECOND_SEQUENCE_OF_87, SEQUENCE_OF_86):
            whole = part.tag in (FIRST_SEQUENCE_OF_87, SECOND_SEQUENCE_OF_87)
            yield part.raw if whole else part.raw[: len(part.raw) - len(part.value)]
            if not whole:
                yield from (item.raw for item in tlv.children(part.value))
