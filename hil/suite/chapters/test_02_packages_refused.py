"""eUICC Packages that the eUICC refuses as a whole: signed and unsigned errors (SGP.32 3.3.1, 2.11.2.1, 5.9.1)."""

from __future__ import annotations

from typing import Any

import pytest

from hil import tlv
from hil.eim import content
from hil.eim.association import Outcome
from hil.eim.verification import SIGNED_ERROR, UNSIGNED_ERROR
from hil.suite.abilities import Card, CardBench, Eim, Gateway, Timeline
from hil.suite.chapters.packages import (
    DELIVER,
    POLL,
    delivered_result,
    enabled,
    is_ok,
    listing,
    psmo,
    result_of,
    signed_results,
)
from hil.suite.es10 import removed
from hil.suite.exchanges import esipa, functions
from hil.suite.marks import case, fresh, needs

FOREIGN_EID = bytes.fromhex("89049032001234567890000000200079")
INVALID_EID, REPLAY, OUT_OF_RANGE, SIZE_OVERFLOW, UNDEFINED = 3, 4, 6, 15, 127

UNSIGNED: dict[str, dict[str, Any]] = {
    "bad signature": {"bad_signature": True},
    "another token": {"token": 7_777},
    "unknown eIM": {"eim_id": "stranger.example.com"},
}
SIGNED: dict[str, tuple[dict[str, Any], int]] = {
    "another EID": ({"eid": FOREIGN_EID}, INVALID_EID),
    "counter 0": ({"counter": 0}, REPLAY),
}
ALL = {**UNSIGNED, **{name: faults for name, (faults, _) in SIGNED.items()}}


def _token(card: Card, eim: Eim) -> int | None:
    """The associationToken that the eUICC has for the eIM."""
    (found,) = [entry["token"] for entry in card.eims() if entry["eim_id"] == eim.eim_id]
    return None if found is None else int(found)


@needs("second-profile")
@pytest.mark.parametrize("faults", ALL.values(), ids=ALL)
@case("3.3.1", "5.9.1", title="Of a refused package nothing is executed, and the next one is served in the same poll")
def test_refused_package_executes_nothing(
    eim: Eim, card: Card, gateway: Gateway, timeline: Timeline, faults: dict[str, Any]
) -> None:
    spare, before = card.spare(), card.enabled()
    eim.knob(recover_replays=False)
    wrong, good = eim.queue(psmo(content.enable(spare)), **faults), eim.queue(listing())
    gateway.poll(eim.eim_id)
    refused, following = eim.wait(wrong, good)
    assert refused.outcome in (Outcome.REFUSED, Outcome.UNSIGNED)
    assert refused.closed
    assert is_ok(following)
    assert functions(esipa(timeline.events())) == [POLL, DELIVER, POLL, DELIVER, POLL]
    assert enabled(eim) == before


@pytest.mark.parametrize("faults", [UNSIGNED["bad signature"], UNSIGNED["another token"]], ids=["signature", "token"])
@case(
    "2.11.2.1",
    "3.3.1",
    title="A signature that is not good: an unsigned error with the associationToken",
)
def test_wrong_signature_is_answered_with_the_token(eim: Eim, card: Card, faults: dict[str, Any]) -> None:
    package = eim.run(listing(), **faults)
    result = result_of(package)
    assert result.arm == UNSIGNED_ERROR
    assert result.fields["eimId"] == eim.eim_id
    assert result.transaction_id == package.transaction_id
    assert result.fields.get("associationToken") == _token(card, eim)


@case("2.11.2.1", "3.3.1", title="An eIM that is not associated: an unsigned error that names it, without a token")
def test_unknown_eim_is_answered_without_a_token(eim: Eim) -> None:
    package = eim.run(listing(), eim_id="stranger.example.com")
    result = result_of(package)
    assert result.arm == UNSIGNED_ERROR
    assert result.fields["eimId"] == "stranger.example.com"
    assert result.transaction_id == package.transaction_id
    assert "associationToken" not in result.fields


@pytest.mark.parametrize(("faults", "code"), SIGNED.values(), ids=SIGNED)
@case("2.11.2.1", "3.3.1", title="A signed error names package and reason, under the signature of the eUICC")
def test_signed_error_names_package_and_reason(eim: Eim, faults: dict[str, Any], code: int) -> None:
    eim.knob(recover_replays=False)
    package = eim.run(listing(), **faults)
    result = result_of(package)
    assert result.arm == SIGNED_ERROR
    assert result.fields["eimId"] == eim.eim_id
    assert result.counter == package.counter
    assert result.transaction_id == package.transaction_id
    assert result.fields["euiccPackageErrorCode"] == code
    assert result.seq_number is None


@case("3.3.1", "5.9.1", title="The counterValue of the last package is a replay")
def test_counter_of_the_last_package_is_a_replay(eim: Eim) -> None:
    eim.knob(recover_replays=False)
    last = eim.run(listing())
    package = eim.run(listing(), counter=last.counter)
    assert result_of(package).fields["euiccPackageErrorCode"] == REPLAY


@needs("card-bench")
@pytest.mark.parametrize(
    ("knob", "code"),
    [
        ({"maximum_package_commands": 1}, SIZE_OVERFLOW),
        ({"maximum_package_bytes": 64}, SIZE_OVERFLOW),
        ({"package_failure": True}, UNDEFINED),
    ],
    ids=["commands", "bytes", "failure"],
)
@case("2.11.2.1", "5.9.1", title="A package that the eUICC cannot take is a signed error that the eIM gets")
def test_package_that_the_card_cannot_take(eim: Eim, card_bench: CardBench, knob: dict[str, Any], code: int) -> None:
    card_bench.knobs(**knob)
    package = eim.run(psmo(content.get_rat(), content.get_rat()))
    result = result_of(package)
    assert (result.arm, result.fields.get("euiccPackageErrorCode")) == (SIGNED_ERROR, code)
    card_bench.knobs(maximum_package_commands=64, maximum_package_bytes=32_768, package_failure=False)
    assert is_ok(eim.run(listing()))


@needs("card-bench")
@case("2.11.2.1", "5.9.1", title="A counterValue above what the eUICC can count: counterValueOutOfRange(6)")
def test_counter_out_of_range(eim: Eim) -> None:
    package = eim.run(listing(), counter=0x800000)
    assert result_of(package).fields["euiccPackageErrorCode"] == OUT_OF_RANGE
    assert is_ok(eim.run(listing()))


@fresh
@case("5.9.4", "5.9.1", title="counterValue 0x7FFFFF is taken, and nothing comes after it")
def test_highest_counter_is_taken(eim: Eim) -> None:
    eim.knob(recover_replays=False)
    assert is_ok(eim.run(listing(), counter=0x7FFFFF))
    assert eim.run(listing(), counter=0x7FFFFE).outcome is Outcome.REFUSED


@pytest.mark.parametrize("faults", [UNSIGNED["bad signature"], SIGNED["another EID"][0]], ids=["signature", "EID"])
@case("3.3.1", "5.9.1", title="A refused package uses up no counterValue")
def test_refused_package_uses_no_counter(eim: Eim, faults: dict[str, Any]) -> None:
    refused = eim.run(listing(), **faults)
    assert refused.counter is not None
    assert not is_ok(refused)
    assert is_ok(eim.run(listing(), counter=refused.counter))


@pytest.mark.parametrize("faults", ALL.values(), ids=ALL)
@case("2.11.2.1", "5.9.11", title="An error is not stored on the eUICC")
def test_error_is_not_stored(eim: Eim, card: Card, faults: dict[str, Any]) -> None:
    eim.knob(recover_replays=False)
    eim.run(listing(), **faults)
    assert card.notifications() == []
    data = eim.run(content.data_request((0xA2,)))
    assert data.results[0]["ipaEuiccData"].get("euiccPackageResultList", []) == []


@needs("card-bench")
@case("5.14.6", title="After an error nothing is removed from the eUICC")
def test_nothing_is_removed_after_an_error(eim: Eim, timeline: Timeline) -> None:
    eim.run(listing(), bad_signature=True)
    assert removed(timeline.events()) == []


@needs("card-bench")
@case("2.11.2.1", title="A field of a later version in an unsigned error reaches the eIM untouched")
def test_unknown_field_of_an_error_reaches_the_eim(eim: Eim, card_bench: CardBench, timeline: Timeline) -> None:
    card_bench.knobs(unsigned_error_code=True)
    assert eim.run(listing(), bad_signature=True).outcome is Outcome.UNSIGNED
    (delivered,) = esipa(timeline.events(), DELIVER)
    assert tlv.find(delivered_result(delivered), 0xBF51, 0xA2, 0x8F).value == b"\x7f"


@needs("card-bench")
@case("5.9.1", "5.14.6", title="A package in which the eUICC finds no eIM is answered with an error, the poll goes on")
def test_package_without_an_eim_is_an_error(eim: Eim, card: Card) -> None:
    signed = tlv.build(0x30, tlv.build(0x5A, bytes.fromhex(card.eid)), tlv.build(0x81, b"\x05"), tlv.build(0xA0))
    wrong = eim.queue(content.raw_package(tlv.build(0xBF51, signed, tlv.build(0x5F37, bytes(64)))))
    package, following = eim.settle(wrong, eim.queue(listing()))
    assert package.outcome is Outcome.IPA_ERROR
    assert is_ok(following)


@case("3.3.1", "2.11.2.1", title="An eIM that learns its token from an unsigned error can go on")
def test_eim_repairs_its_token(eim: Eim) -> None:
    assert eim.run(listing(), token=7_777).outcome is Outcome.UNSIGNED
    package = eim.run(listing())
    assert signed_results(package)
    assert ("signature", True) in [(check.name, check.passed) for check in package.checks]
