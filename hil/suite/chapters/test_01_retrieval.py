"""Retrieval of eIM Packages (SGP.32 3.1.1.1, 5.14.5) with what may come in its way (6.1.1)."""

from __future__ import annotations

import pytest

from hil import tlv
from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.eim.content import Content
from hil.eim.messages import read_poll
from hil.suite.abilities import Card, CardBench, Eim, Gateway, Modem, Timeline
from hil.suite.chapters.packages import DELIVER, LOAD, POLL, is_ok, listing, loaded, psmo
from hil.suite.exchanges import esipa, functions
from hil.suite.marks import case, needs

NO_PACKAGE = ("eimPackageError", 1)


# What is asked


@case("3.1.1.1", "5.14.5", title="With nothing queued a poll is one exchange")
def test_poll_without_a_package_is_one_exchange(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    gateway.poll(eim.eim_id)
    before = len(timeline.events())
    gateway.poll(eim.eim_id, code=0)
    (exchange,) = esipa(timeline.events()[before:])
    assert exchange.function == POLL
    assert exchange.answered == NO_PACKAGE


@case("5.14.5", "6.3.2.6", title="GetEimPackage names the EID, first of all")
def test_request_names_the_eid(eim: Eim, card: Card, gateway: Gateway, timeline: Timeline) -> None:
    gateway.poll(eim.eim_id)
    exchange = esipa(timeline.events(), POLL)[-1]
    fields = tlv.children(tlv.single(exchange.request, 0xBF4F).value)
    assert fields[0].tag == 0x5A
    assert fields[0].value.hex() == card.eid


@case("5.14.5", "6.3.2.6", title="Fields of GetEimPackage come once and in the order of the type")
def test_fields_of_the_request_are_in_order(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    gateway.poll(eim.eim_id)
    exchange = esipa(timeline.events(), POLL)[-1]
    tags = [field.tag for field in tlv.children(tlv.single(exchange.request, 0xBF4F).value)]
    assert tags == sorted(set(tags), key=(0x5A, 0x80, 0x81, 0x82).index)


@case("5.14.5", title="Without a change of state none is notified")
def test_no_state_change_is_notified_without_one(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    gateway.poll(eim.eim_id)
    gateway.poll(eim.eim_id)
    last = esipa(timeline.events(), POLL)[-1]
    poll = read_poll(tlv.single(last.request, 0xBF4F).value)
    assert not poll.notify_state_change
    assert poll.cause is None


@case("5.14.5", "3GPP TS 24.008 10.5.1.3", title="rPLMN is the network in which the device is registered")
def test_registered_network_is_named_as_24008_says(
    eim: Eim, gateway: Gateway, modem: Modem, timeline: Timeline
) -> None:
    gateway.poll(eim.eim_id)
    exchange = esipa(timeline.events(), POLL)[-1]
    plmn = read_poll(tlv.single(exchange.request, 0xBF4F).value).plmn
    assert plmn is not None
    (line,) = modem.at("AT+COPS?")
    shown = line.split('"')[1]
    mcc, mnc = _digits(plmn)
    assert not shown.isdecimal() or shown == mcc + mnc


def _digits(plmn: bytes) -> tuple[str, str]:
    nibbles = [nibble for byte in plmn for nibble in (byte & 0xF, byte >> 4)]
    mcc, mnc = nibbles[:3], [*nibbles[4:], nibbles[3]]
    assert all(digit <= 9 for digit in (*mcc, *mnc[:2]))
    assert mnc[2] <= 9 or mnc[2] == 0xF
    return "".join(map(str, mcc)), "".join(str(digit) for digit in mnc if digit <= 9)


# The loop


@case("3.1.1.1", title="The agent asks until nothing is queued, and delivers each result before it asks again")
def test_loop_goes_on_until_nothing_is_queued(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    numbers = [eim.queue(listing()) for _ in range(3)]
    gateway.poll(eim.eim_id)
    assert all(is_ok(package) for package in eim.wait(*numbers))
    exchanges = esipa(timeline.events())
    assert functions(exchanges) == 3 * [POLL, DELIVER] + [POLL]
    assert exchanges[-1].answered == NO_PACKAGE


@case("3.1.1.1", "5.14.5", title="Packages of different kinds are served in the order in which they come")
def test_kinds_of_packages_are_served_in_order(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    numbers = [eim.queue(item) for item in (listing(), content.data_request((0xA8,)), listing())]
    gateway.poll(eim.eim_id)
    assert [package.outcome for package in eim.wait(*numbers)] == 3 * [Outcome.OK]
    delivered = [
        tlv.children(tlv.single(exchange.request).value)[1].tag for exchange in esipa(timeline.events(), DELIVER)
    ]
    assert delivered == [0xBF51, 0xBF52, 0xBF51]


@case("5.14.5", "6.3.2.6", title="An eimPackageError that no specification defines ends the poll and changes nothing")
def test_unknown_error_of_the_eim_ends_the_poll(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    eim.knob(get_package_error=99)
    number = eim.queue(listing())
    gateway.poll(eim.eim_id)
    assert functions(esipa(timeline.events())) == [POLL]
    assert eim.package(number).state is PackageState.QUEUED
    eim.knob(get_package_error=None)
    assert is_ok(eim.settle(number)[0])


# What cannot be understood


def _refused(eim: Eim, timeline: Timeline, body: str) -> tuple[int, bytes | None]:
    """The code and eimTransactionId of the error with which a raw package is answered; the next one is served."""
    bad, good = eim.queue(content.raw_package(bytes.fromhex(body))), eim.queue(listing())
    package, following = eim.settle(bad, good)
    assert package.outcome is Outcome.IPA_ERROR
    assert is_ok(following)
    assert functions(esipa(timeline.events()))[:4] == [POLL, DELIVER, POLL, DELIVER]
    (raw,) = package.raw
    fields = {part.tag: part.value for part in tlv.children(tlv.single(raw, 0xA0).value)}
    return int.from_bytes(fields[0x02]), fields.get(0x80)


@pytest.mark.parametrize("body", ["BF6F00", "BF7E03800101", "3003020101"])
@case("5.14.5", "5.14.6", title="A package of an unknown kind is answered with unknownPackage(2), the poll goes on")
def test_unknown_alternative_is_reported(eim: Eim, timeline: Timeline, body: str) -> None:
    code, _ = _refused(eim, timeline, body)
    assert code == 2


@pytest.mark.parametrize(
    "body",
    ["BF510430020400", "BF5200", "BF52025C05", "BF5403A0013F"],
    ids=["package", "no tagList", "overrun", "trigger"],
)
@case("5.14.5", "5.14.6", title="A damaged package is answered with invalidPackageFormat(1), the poll goes on")
def test_damaged_package_is_reported(eim: Eim, timeline: Timeline, body: str) -> None:
    code, _ = _refused(eim, timeline, body)
    assert code == 1


@case("5.14.6", "6.3.2.7", title="The error names the eimTransactionId of the damaged package where it can be read")
def test_transaction_of_a_damaged_package_is_named(eim: Eim, timeline: Timeline) -> None:
    code, transaction = _refused(eim, timeline, "BF52068304A1A2A3A4")
    assert code == 1
    assert transaction == bytes.fromhex("A1A2A3A4")


@needs("card-bench")
@pytest.mark.parametrize("body", ["BF6F00", "BF510430020400"])
@case("5.14.5", title="Nothing that the agent cannot read reaches the eUICC")
def test_unreadable_package_does_not_reach_the_card(eim: Eim, timeline: Timeline, body: str) -> None:
    number = eim.queue(content.raw_package(bytes.fromhex(body)))
    eim.settle(number)
    assert loaded(timeline.events()) == []


# What goes wrong on the way

BROKEN = ["truncated", "content-length", "wrong-tag", "trailing-bytes", "empty", "html", "drop-after"]


@needs("card-bench")
@pytest.mark.parametrize("kind", BROKEN)
@case("5.14.5", "6.1.1", title="A damaged answer is executed in no part; the package comes again and is executed once")
def test_damaged_answer_executes_nothing(
    eim: Eim, gateway: Gateway, card_bench: CardBench, timeline: Timeline, kind: str
) -> None:
    eim.fault(kind, POLL)
    number = eim.queue(listing())
    gateway.poll(eim.eim_id)
    assert eim.package(number).handed_out == 1
    assert loaded(timeline.events()) == []
    (package,) = eim.settle(number)
    assert is_ok(package)
    assert package.handed_out == 2
    assert card_bench.executed()[f"{LOAD:X}"] == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@case("6.1.1", "RFC 9110 15", title="An HTTP error is a failed poll and nothing more: the next one works")
def test_http_error_is_a_failed_poll(eim: Eim, gateway: Gateway, timeline: Timeline, status: int) -> None:
    eim.fault("status", POLL, value=status)
    number = eim.queue(listing())
    gateway.poll(eim.eim_id)
    assert functions(esipa(timeline.events())) == [POLL]
    assert is_ok(eim.settle(number)[0])


@case("6.1.1", title="A connection that ends before the answer is a failed poll")
def test_connection_lost_before_the_answer(eim: Eim, gateway: Gateway) -> None:
    eim.fault("drop-before", POLL)
    number = eim.queue(listing())
    gateway.poll(eim.eim_id)
    assert is_ok(eim.settle(number)[0])


# The bytes of a package


@needs("card-bench")
@pytest.mark.parametrize("wanted", [psmo(content.get_rat()), listing()], ids=["getRAT", "listProfileInfo"])
@case("3.3.1", "5.9.1", title="An eUICC Package goes to the eUICC byte for byte as it came, once")
def test_package_reaches_the_card_unchanged(eim: Eim, timeline: Timeline, wanted: Content) -> None:
    eim.run(wanted)
    events = timeline.events()
    (handed,) = [
        part.raw
        for exchange in esipa(events, POLL)
        for part in tlv.children(tlv.single(exchange.answer, 0xBF4F).value)
        if part.tag == LOAD
    ]
    assert loaded(events) == [handed]
