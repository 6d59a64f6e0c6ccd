"""Profile download from the SM-DP+ itself (SGP.32 3.2.3; with the SM-DP+ it is SGP.22 3.0 and 3.1.3)."""

from __future__ import annotations

import json

import pytest

from hil import tlv
from hil.eim import content
from hil.eim.association import Outcome
from hil.suite.abilities import Card, Eim, Gateway, Measure, OrderView, PackageView, Smdp, Timeline
from hil.suite.chapters.downloads import (
    CancelReason,
    cancel_reasons,
    download,
    is_installed,
    own_calls,
    trigger,
    trigger_result,
    use_default_smdp,
)
from hil.suite.exchanges import es9, es11, esipa, functions
from hil.suite.limits import Limits
from hil.suite.marks import case, needs

pytestmark = needs("test-profile")

INITIATE, AUTHENTICATE, GET_PACKAGE = "initiateAuthentication", "authenticateClient", "getBoundProfilePackage"
NOTIFY, CANCEL = "handleNotification", "cancelSession"


def failed(eim: Eim, smdp: Smdp, card: Card, order: OrderView) -> PackageView:
    """Trigger a download that must fail: the eIM is told, nothing is installed, and the next download works."""
    package = download(eim, order)
    assert package.outcome in (Outcome.IPA_ERROR, Outcome.FAILED)
    assert not is_installed(card, order)
    assert smdp.state(order.number).state != "Installed"
    return package


def works_again(eim: Eim, smdp: Smdp, card: Card) -> None:
    """What failed left neither a session nor half a profile behind."""
    order = smdp.order()
    assert download(eim, order).outcome is Outcome.OK
    assert is_installed(card, order)


@case("3.2.3", "SGP.22 3.1.3", title="A profile named by an activation code is installed and stays disabled")
def test_profile_is_installed_and_stays_disabled(
    eim: Eim, smdp: Smdp, card: Card, timeline: Timeline, measure: Measure
) -> None:
    before = card.enabled()
    order = smdp.order()
    package = download(eim, order)
    assert package.outcome is Outcome.OK
    (profile,) = [profile for profile in card.profiles() if profile.iccid == order.iccid]
    assert not profile.enabled
    assert card.enabled() == before
    assert smdp.state(order.number).state == "Installed"
    calls = own_calls(timeline)
    measure("download", calls[-1].seconds - calls[0].seconds)


@case("SGP.22 3.1.3", "SGP.22 5.6", title="The functions of ES9+ are called once each and in their order")
def test_functions_are_called_in_their_order(eim: Eim, smdp: Smdp, timeline: Timeline) -> None:
    assert download(eim, smdp.order()).outcome is Outcome.OK
    assert functions(own_calls(timeline)) == [INITIATE, AUTHENTICATE, GET_PACKAGE, NOTIFY]


@case("SGP.22 5.6.1", title="smdpAddress is the host of the activation code, letter by letter")
def test_address_is_given_as_in_the_activation_code(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline) -> None:
    order = smdp.order()
    assert download(eim, order).outcome is Outcome.OK
    (call,) = es9(timeline.events(), INITIATE)
    assert call.members["smdpAddress"] == smdp.fqdn.partition(":")[0]
    assert len(call.octets("euiccChallenge")) == 16
    assert call.octets("euiccInfo1").startswith(b"\xbf\x20")
    assert is_installed(card, order)


@case("SGP.22 5.6.3", title="transactionId is echoed as the server wrote it, and the eUICC signs it")
def test_transaction_id_is_echoed(eim: Eim, smdp: Smdp, timeline: Timeline) -> None:
    assert download(eim, smdp.order()).outcome is Outcome.OK
    calls = own_calls(timeline)
    given = calls[0].reply["transactionId"]
    assert [call.members["transactionId"] for call in calls[1:3]] == [given, given]
    signed = tlv.find(calls[1].octets("authenticateServerResponse"), 0xBF38, 0xA0, 0x30, 0x80)
    assert signed.value == bytes.fromhex(given)


@case("3.7", "SGP.22 5.6.4", title="The installation result goes to the SM-DP+, once and with a good signature")
def test_installation_result_reaches_the_smdp(eim: Eim, smdp: Smdp) -> None:
    order = smdp.order()
    assert download(eim, order).outcome is Outcome.OK
    (report,) = smdp.reports()["installations"]
    assert report["iccid"] == order.iccid
    assert (report["command"], report["reason"], report["verified"]) == (None, None, True)


@case("3.2.3", "5.14.7", title="The eIM is told by HandleNotification, with the transaction of its trigger")
def test_eim_is_told_by_handle_notification(eim: Eim, smdp: Smdp, timeline: Timeline) -> None:
    package = download(eim, smdp.order())
    assert package.outcome is Outcome.OK
    (record,) = eim.records("download")
    assert record.function == "HandleNotification"
    assert record.package == package.number
    assert record.decoded["eimTransactionId"] == package.transaction_id.hex().upper()  # type: ignore[union-attr]
    assert b"\xbf\x37" in bytes.fromhex(record.raw)
    (told,) = [item for item in esipa(timeline.events(), "HandleNotification") if b"\xbf\x54" in item.request]
    assert tlv.find(told.request, 0xBF3D, 0xBF50, 0x5A).value.hex() == card_eid(record.eid)


def card_eid(eid: str) -> str:
    """An EID in lower case."""
    return eid.lower()


@case("3.7", "5.9.12", title="The installation result is removed from the eUICC when SM-DP+ and eIM have it")
def test_delivered_result_leaves_the_euicc(eim: Eim, smdp: Smdp, card: Card) -> None:
    order = smdp.order()
    assert download(eim, order).outcome is Outcome.OK
    assert [item for item in card.notifications() if item["iccid"] == order.iccid] == []


@case("3.2.3", "SGP.22 3.1.3", title="Without download source but the default SM-DP+, the order is found by EID")
def test_default_smdp(eim: Eim, smdp: Smdp, card: Card, gateway: Gateway, timeline: Timeline, limits: Limits) -> None:
    use_default_smdp(eim, smdp, gateway)
    order = smdp.order(eid=card.eid)
    package = eim.run(content.download_trigger(default_smdp=True), within=limits.download)
    assert package.outcome is Outcome.OK
    assert is_installed(card, order)
    (call,) = es9(timeline.events(), AUTHENTICATE)
    response = call.octets("authenticateServerResponse")
    context = tlv.children(tlv.find(response, 0xBF38, 0xA0, 0x30).value)[-1]
    given = [part.value for part in tlv.children(context.value) if part.tag == 0x80]
    assert given in ([], [b""])


@needs("smds")
@case("3.2.3", "SGP.22 3.6", title="The root SM-DS names the SM-DP+, whose matchingId is the event")
def test_event_of_the_root_smds(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline, limits: Limits) -> None:
    order = smdp.order(eid=card.eid, matchingId="SUITE-EVENT", event=True)
    package = eim.run(content.download_trigger(smds=""), within=limits.download)
    assert package.outcome is Outcome.OK
    assert is_installed(card, order)
    events = timeline.events()
    assert functions(es11(events)) == [INITIATE, AUTHENTICATE]
    (call,) = es9(events, AUTHENTICATE)
    assert b"SUITE-EVENT" in call.octets("authenticateServerResponse")
    assert es11(events)[-1].position < own_calls(timeline)[0].position


@needs("smds")
@case("3.2.3", "SGP.22 5.8", title="An SM-DS that is named in the trigger is asked in place of the root SM-DS")
def test_smds_of_the_trigger(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline, limits: Limits) -> None:
    order = smdp.order(eid=card.eid, matchingId="SUITE-NAMED", event=True)
    package = eim.run(content.download_trigger(smds=smdp.smds_fqdn), within=limits.download)
    assert package.outcome is Outcome.OK
    assert is_installed(card, order)
    (call,) = es11(timeline.events(), INITIATE)
    assert call.members["smdpAddress"] == smdp.smds_fqdn.partition(":")[0]


@needs("smds")
@case("3.2.3", "SGP.22 3.6", title="An SM-DS without an event ends the download, and the eIM is told")
def test_no_event(eim: Eim, smdp: Smdp, timeline: Timeline, limits: Limits) -> None:
    package = eim.run(content.download_trigger(smds=smdp.smds_fqdn), within=limits.download)
    assert package.outcome is Outcome.IPA_ERROR
    events = timeline.events()
    assert functions(es11(events)) == [INITIATE, AUTHENTICATE]
    assert own_calls(timeline) == []


@case("3.2.3", "3.6", title="Two triggers in one run are carried out one after the other")
def test_two_triggers(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline, limits: Limits) -> None:
    orders = [smdp.order(), smdp.order()]
    numbers = [eim.queue(trigger(order)) for order in orders]
    packages = eim.settle(*numbers, within=2 * limits.download)
    assert [package.outcome for package in packages] == [Outcome.OK, Outcome.OK]
    assert all(is_installed(card, order) for order in orders)
    calls = [call for call in functions(own_calls(timeline)) if call != NOTIFY]
    assert calls == [INITIATE, AUTHENTICATE, GET_PACKAGE] * 2


@case("SGP.22 2.5.4", "SGP.22 5.5", title="A package with session keys of its own for the profile is installed")
def test_profile_with_protection_keys(eim: Eim, smdp: Smdp, card: Card) -> None:
    order = smdp.order(protectionKeys=True, profile={"size": 6000})
    assert download(eim, order).outcome is Outcome.OK
    assert is_installed(card, order)


@case("SGP.22 4.1", title="An activation code may begin with LPA:")
def test_prefix_of_the_activation_code(eim: Eim, smdp: Smdp, card: Card, limits: Limits) -> None:
    order = smdp.order()
    package = eim.run(content.download_trigger(activation_code=f"LPA:{order.code}"), within=limits.download)
    assert package.outcome is Outcome.OK
    assert is_installed(card, order)


@case("SGP.22 4.1", "SGP.22 3.0.1", title="An SM-DP+ with another OID than the activation code says is left")
def test_other_oid_than_in_the_activation_code(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline) -> None:
    order = smdp.order()
    code = f"{order.code}$2.999.4711"
    package = eim.run(content.download_trigger(activation_code=code))
    assert package.outcome is Outcome.IPA_ERROR
    assert not is_installed(card, order)
    assert AUTHENTICATE not in functions(own_calls(timeline))


MALFORMED = {
    "no format": "$localhost$MATCH-1",
    "another format": "2$localhost$MATCH-1",
    "no address": "1$$MATCH-1",
    "control characters": "1$local\nhost$MATCH-1",
    "too long": f"1$localhost${'A' * 260}",
}


@pytest.mark.parametrize("code", MALFORMED.values(), ids=MALFORMED)
@case("SGP.22 4.1", "3.2.3", "5.14.6", title="A malformed activation code is refused without asking any server")
def test_malformed_activation_code(eim: Eim, timeline: Timeline, code: str) -> None:
    data = tlv.build(0xA0, tlv.build(0x80, code.encode()))
    package = eim.run(content.raw_package(tlv.build(0xBF54, data)))
    assert package.outcome is Outcome.IPA_ERROR
    assert own_calls(timeline) == []


@case(
    "SGP.22 3.1.3",
    "SGP.22 5.6.5",
    title="Without the confirmation code that the SM-DP+ wants, the session is cancelled",
)
def test_confirmation_code_that_nobody_has(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline) -> None:
    order = smdp.order(confirmationCode="4711")
    failed(eim, smdp, card, order)
    calls = own_calls(timeline)
    assert GET_PACKAGE not in functions(calls)
    assert cancel_reasons(calls)[0] in (
        CancelReason.POSTPONED,
        CancelReason.UNDEFINED_REASON,
        CancelReason.END_USER_REJECTION,
    )


REFUSALS = {
    "unknown order": ("8.2.6/3.8", AUTHENTICATE, [INITIATE, AUTHENTICATE]),
    "address": ("8.8.1/3.8", INITIATE, [INITIATE]),
    "confirmation code": ("8.2.7/3.8", GET_PACKAGE, [INITIATE, AUTHENTICATE, GET_PACKAGE]),
}


@pytest.mark.parametrize(("status", "function", "calls"), REFUSALS.values(), ids=REFUSALS)
@case("SGP.22 5.2.6", "3.2.3", title="A function that the SM-DP+ refuses ends the download, and the eIM is told why")
def test_refusal_of_the_smdp(
    eim: Eim, smdp: Smdp, card: Card, timeline: Timeline, status: str, function: str, calls: list[str]
) -> None:
    smdp.fault("failed", function, text=status)
    order = smdp.order()
    package = failed(eim, smdp, card, order)
    assert [name for name in functions(own_calls(timeline)) if name != CANCEL] == calls
    assert "profileDownloadError" in json.dumps(trigger_result(package))
    works_again(eim, smdp, card)


@case("SGP.22 3.1.6", "SGP.22 5.6.3", title="An order for another eUICC is not downloaded")
def test_order_for_another_euicc(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline) -> None:
    order = smdp.order(eid="89049032001234567890000000200065", matchingId="SUITE-OTHER-EID")
    failed(eim, smdp, card, order)
    assert GET_PACKAGE not in functions(own_calls(timeline))


MISTAKES = {
    "euicc-challenge": ([INITIATE, AUTHENTICATE], "serverSigned1 without the challenge of the eUICC"),
    "server-address": ([INITIATE, AUTHENTICATE], "serverSigned1 of another server"),
    "server-signature": ([INITIATE, AUTHENTICATE], "a wrong serverSignature1"),
    "unknown-ci": ([INITIATE, AUTHENTICATE], "a CI that the eUICC does not have"),
    "expired-auth-certificate": ([INITIATE, AUTHENTICATE], "CERT.DPauth that has expired"),
    "foreign-auth-certificate": ([INITIATE, AUTHENTICATE], "CERT.DPauth under a foreign CI"),
    "expired-binding-certificate": ([INITIATE, AUTHENTICATE, GET_PACKAGE], "CERT.DPpb that has expired"),
    "other-binding-oid": ([INITIATE, AUTHENTICATE, GET_PACKAGE], "CERT.DPpb of another SM-DP+"),
    "smdp-signature": ([INITIATE, AUTHENTICATE, GET_PACKAGE], "a wrong smdpSignature2"),
    "smdp-transaction": ([INITIATE, AUTHENTICATE, GET_PACKAGE], "smdpSigned2 of another transaction"),
}


@pytest.mark.parametrize(
    ("mistake", "furthest"), [(name, calls) for name, (calls, _) in MISTAKES.items()], ids=MISTAKES
)
@case("SGP.22 3.0.1", "SGP.22 3.1.3", title="A server that does not prove itself gives no profile")
def test_server_that_does_not_prove_itself(
    eim: Eim, smdp: Smdp, card: Card, timeline: Timeline, mistake: str, furthest: list[str]
) -> None:
    smdp.knob(mistakes=[mistake])
    failed(eim, smdp, card, smdp.order())
    asked = [name for name in functions(own_calls(timeline)) if name not in (CANCEL, NOTIFY)]
    # The server may be told of the eUICC's error in the next function, in which it cannot give a package.
    assert asked == furthest[: len(asked)]


FLAWS = {
    "flip-initialise": "the signature of InitialiseSecureChannel",
    "flip-configure": "the MAC of ConfigureISDP",
    "flip-metadata": "the MAC of StoreMetadata",
    "flip-elements": "the MAC of the profile elements",
    "shortened": "profile elements that end early",
    "transaction": "a package of another transaction",
}


@pytest.mark.parametrize("flaw", FLAWS)
@case("SGP.22 2.5.5", "SGP.22 5.7.6", title="A package that is damaged leaves no profile, and somebody is told")
def test_damaged_package(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline, flaw: str) -> None:
    smdp.knob(package_flaw=flaw)
    package = failed(eim, smdp, card, smdp.order())
    calls = own_calls(timeline)
    reports = [item for item in smdp.reports()["installations"] if item["reason"] is not None]
    # Either the eUICC said what is wrong, or it was not even given to it and the session was cancelled.
    assert bool(reports) != bool(cancel_reasons(calls))
    assert all(item["verified"] for item in reports)
    assert (package.outcome is Outcome.FAILED) == bool(reports)


@case("SGP.22 3.1.3", "SGP.22 5.6.5", title="Metadata that differ from those of the package cancel the session")
def test_other_metadata(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline) -> None:
    smdp.knob(package_flaw="other-metadata")
    failed(eim, smdp, card, smdp.order())
    assert cancel_reasons(own_calls(timeline)) == [CancelReason.METADATA_MISMATCH]


@case("SGP.22 2.9", "SGP.22 3.1.3", title="A policy rule without an owner in the metadata is not allowed")
def test_policy_rule_of_nobody(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline) -> None:
    order = smdp.order(metadata={"policyRules": ["ppr2"]})
    failed(eim, smdp, card, order)
    calls = own_calls(timeline)
    assert GET_PACKAGE not in functions(calls)
    assert cancel_reasons(calls) == [CancelReason.PPR_NOT_ALLOWED]


@case("SGP.22 2.9", "SGP.22 3.1.3", title="PPR1 is not allowed where an operational profile is installed")
def test_ppr1_beside_another_profile(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline) -> None:
    smdp.knob(ignore_eligibility=True)
    order = smdp.order(metadata={"policyRules": ["ppr1"], "owner": "00101"})
    failed(eim, smdp, card, order)
    calls = own_calls(timeline)
    assert GET_PACKAGE not in functions(calls)
    assert cancel_reasons(calls)[0] in (CancelReason.PPR_NOT_ALLOWED, CancelReason.END_USER_REJECTION)


@case("SGP.22 3.1.3", title="A profile that is installed already is not installed again")
def test_profile_that_is_there(eim: Eim, smdp: Smdp, card: Card) -> None:
    known = card.profiles()
    first = smdp.order()
    assert download(eim, first).outcome is Outcome.OK
    again = smdp.order(profile={"iccid": first.iccid})
    package = download(eim, again)
    assert package.outcome in (Outcome.IPA_ERROR, Outcome.FAILED)
    assert [profile.iccid for profile in card.profiles()] == [*(profile.iccid for profile in known), first.iccid]


@pytest.mark.parametrize("function", [INITIATE, AUTHENTICATE, GET_PACKAGE])
@case("SGP.22 3.1.3", "3.6", title="An answer that is lost on the way costs no profile")
def test_lost_answer(eim: Eim, smdp: Smdp, card: Card, function: str) -> None:
    smdp.fault("drop-after", function)
    order = smdp.order()
    package = download(eim, order)
    if package.outcome is not Outcome.OK:
        # Who gives up tells the eIM, and a new trigger for the same order works.
        assert package.outcome is Outcome.IPA_ERROR
        assert not is_installed(card, order)
        package = download(eim, order)
    assert package.outcome is Outcome.OK
    assert [profile.iccid for profile in card.profiles()].count(order.iccid) == 1
    assert [item["reason"] for item in smdp.reports()["installations"]] == [None]


@case("SGP.22 3.5", "3.7", title="A result that the SM-DP+ does not take stays on the eUICC and is delivered later")
def test_result_that_the_smdp_does_not_take(eim: Eim, smdp: Smdp, card: Card, gateway: Gateway) -> None:
    smdp.fault("status", NOTIFY, value=500, times=None)
    order = smdp.order()
    assert download(eim, order).outcome is Outcome.OK
    assert [item["iccid"] for item in card.notifications()] == [order.iccid]
    assert smdp.reports()["installations"] == []
    smdp.clear_faults()
    gateway.ipad("notification", "send")
    assert [item["reason"] for item in smdp.reports()["installations"]] == [None]
    assert card.notifications() == []


@case("3.2.3", "5.14.7", title="A result that the eIM does not take now is told later")
def test_result_that_the_eim_does_not_take(eim: Eim, smdp: Smdp, card: Card, gateway: Gateway, limits: Limits) -> None:
    eim.fault("status", "HandleNotification", value=503, times=None)
    eim.fault("status", "ProvideEimPackageResult", value=503, times=None)
    order = smdp.order()
    number = eim.queue(trigger(order))
    gateway.poll(within=limits.download)
    assert is_installed(card, order)
    assert eim.records("download") == []
    eim.clear_faults()
    (package,) = eim.settle(number)
    assert package.outcome is Outcome.OK
    assert package.handed_out == 1


@pytest.mark.parametrize("leaf", ["expired", "wrong-name", "untrusted", "other-oid"])
@case("SGP.22 2.6.6", "SGP.22 3.0.1", title="Nothing is said to an SM-DP+ whose TLS certificate is not its own")
def test_tls_certificate_of_the_smdp(eim: Eim, smdp: Smdp, card: Card, timeline: Timeline, leaf: str) -> None:
    smdp.tls(leaf)
    failed(eim, smdp, card, smdp.order())
    reached = functions(own_calls(timeline))
    # The OID can only be compared with that of CERT.DPauth, which the first answer brings.
    assert reached == ([INITIATE] if leaf == "other-oid" else [])


SPOILT = {
    "HTTP 500": {"kind": "status", "value": 500},
    "redirection": {"kind": "redirect"},
    "web page": {"kind": "html"},
    "no JSON": {"kind": "not-json", "text": '{"header":'},
    "no body": {"kind": "empty"},
    "without serverSigned1": {"kind": "member", "text": "serverSigned1"},
    "serverSigned1 that is no text": {"kind": "member", "text": "serverSigned1=7"},
    "no base64": {"kind": "member", "text": "serverSigned1=%%%"},
    "too large": {"kind": "oversized"},
}


@pytest.mark.parametrize("parameters", SPOILT.values(), ids=SPOILT)
@case("SGP.22 6.2", "SGP.22 6.5", title="An answer of the SM-DP+ that is none ends the download without harm")
def test_answer_that_is_none(
    eim: Eim, smdp: Smdp, card: Card, timeline: Timeline, parameters: dict[str, object]
) -> None:
    smdp.fault(function=INITIATE, times=None, **parameters)  # type: ignore[arg-type]
    failed(eim, smdp, card, smdp.order())
    assert AUTHENTICATE not in functions(own_calls(timeline))


@case("SGP.22 6.5", title="An answer in chunks is an answer")
def test_answer_in_chunks(eim: Eim, smdp: Smdp, card: Card) -> None:
    smdp.fault("chunked", times=None)
    order = smdp.order()
    assert download(eim, order).outcome is Outcome.OK
    assert is_installed(card, order)
