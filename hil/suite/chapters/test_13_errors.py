"""Answers that must not harm (SGP.32 6.1, 5.14.5, 5.14.6, 2.6.3): nothing is done twice, nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from hil import codec, tlv
from hil.eim import content
from hil.eim.association import Outcome
from hil.suite.abilities import Card, Eim, Gateway, PackageView, Timeline
from hil.suite.exchanges import esipa
from hil.suite.limits import Limits
from hil.suite.marks import case, needs, variant

POLL, RESULT = "GetEimPackage", "ProvideEimPackageResult"
LIST = content.psmo_package(content.list_profile_info())


def executed(package: PackageView) -> None:
    """Done once, verified, and told once."""
    assert (package.outcome, package.verified) == (Outcome.OK, True)
    assert [record.news for record in package.records].count(True) == 1


SPOILT: dict[str, dict[str, Any]] = {
    "HTTP 400": {"kind": "status", "value": 400},
    "HTTP 403": {"kind": "status", "value": 403},
    "HTTP 404": {"kind": "status", "value": 404},
    "HTTP 429": {"kind": "status", "value": 429},
    "HTTP 500": {"kind": "status", "value": 500},
    "HTTP 503": {"kind": "status", "value": 503},
    "redirection": {"kind": "redirect"},
    "closed without an answer": {"kind": "drop-before"},
    "truncated": {"kind": "truncated"},
    "longer than it says": {"kind": "content-length", "value": -3},
    "shorter than it says": {"kind": "content-length", "value": 7},
    "too large": {"kind": "oversized"},
    "no body": {"kind": "empty"},
    "another outer tag": {"kind": "wrong-tag"},
    "bytes behind the message": {"kind": "trailing-bytes"},
    "another media type": {"kind": "content-type"},
    "web page": {"kind": "html"},
    "compressed": {"kind": "gzip"},
}
"""Answers that are none, each for a reason of its own."""


@pytest.mark.parametrize("parameters", SPOILT.values(), ids=SPOILT)
@case("6.1.1", "5.14.5", title="A poll that gets no proper answer executes nothing, and the package is there next time")
def test_answer_to_a_poll(eim: Eim, gateway: Gateway, parameters: dict[str, Any]) -> None:
    number = eim.queue(LIST)
    eim.fault(function=POLL, times=None, **parameters)
    gateway.poll()
    assert eim.package(number).records == ()
    eim.clear_faults()
    (package,) = eim.settle(number)
    executed(package)


LOST = {
    name: SPOILT[name]
    for name in (
        "HTTP 400",
        "HTTP 500",
        "HTTP 503",
        "redirection",
        "closed without an answer",
        "truncated",
        "shorter than it says",
        "no body",
        "another outer tag",
        "web page",
    )
}
"""Those after which an IPA may believe that its result arrived."""


@pytest.mark.parametrize("parameters", LOST.values(), ids=LOST)
@case("6.1.1", "5.14.6", "3.3.1", title="A result that gets no proper answer is kept, and delivered as it was")
def test_answer_to_a_result(
    eim: Eim, card: Card, gateway: Gateway, timeline: Timeline, parameters: dict[str, Any]
) -> None:
    eim.fault(function=RESULT, times=None, **parameters)
    number = eim.queue(LIST)
    gateway.poll()
    assert [item["type"] for item in card.notifications()] == ["package_result"]
    eim.clear_faults()
    (package,) = eim.settle(number)
    executed(package)
    assert package.attempts == 0
    results = {_result(item.request) for item in esipa(timeline.events(), RESULT)}
    assert len(results) == 1
    assert card.notifications() == []


def _result(request: bytes) -> bytes:
    """The EuiccPackageResult of a ProvideEimPackageResult."""
    parts = tlv.children(tlv.single(request, 0xBF50).value)
    found = next(part for part in parts if part.tag in (0xBF51, 0x30))
    return found.raw if found.tag == 0xBF51 else tlv.find(found.raw, 0x30, 0xBF51).raw


@case("6.1.1", "5.14.5", title="A redirection is not followed: trust is for one eIM alone")
def test_redirection_to_another_eim(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    eim.fault("redirect", POLL, times=None)
    gateway.poll()
    assert all(item.server == "eim1" for item in esipa(timeline.events()))


@case("6.1.1", title="Retry-After is respected: whoever was asked to wait does not come back at once")
def test_retry_after(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    eim.fault("status", POLL, value=503, seconds=3600, times=None)
    gateway.poll()
    assert len(esipa(timeline.events(), POLL)) == 1


UNUSUAL: dict[str, dict[str, Any]] = {
    "chunked": {"kind": "chunked"},
    "1xx answers first": {"kind": "informational", "value": 3},
    "byte by byte": {"kind": "drip"},
}


@pytest.mark.parametrize("parameters", UNUSUAL.values(), ids=UNUSUAL)
@case("6.1.1", title="An answer that is unusual, but right, is taken")
def test_unusual_answer(eim: Eim, parameters: dict[str, Any]) -> None:
    eim.fault(function="any", times=None, **parameters)
    package = eim.run(LIST)
    executed(package)
    assert package.handed_out == 1


KNOBS: dict[str, dict[str, Any]] = {
    "chunked bodies": {"answer_framing": "chunked"},
    "bodies that end with the connection": {"answer_framing": "until-close"},
    "a connection for each answer": {"keep_alive": False},
    "names of headers in lower case": {"header_case": "lower"},
    "names of headers in upper case": {"header_case": "upper"},
    "an X-Admin-Protocol of its own": {"admin_protocol": "own", "own_protocol": "gsma/rsp/v1.3.0"},
    "no X-Admin-Protocol": {"admin_protocol": "absent"},
}


@pytest.mark.parametrize("knobs", KNOBS.values(), ids=KNOBS)
@case("6.1.1", title="A server that does it its own way, within HTTP, is understood")
def test_server_with_ways_of_its_own(eim: Eim, knobs: dict[str, Any]) -> None:
    eim.knob(**knobs)
    package = eim.run(LIST)
    executed(package)
    assert package.handed_out == 1


@pytest.mark.parametrize("header", ["x-admin-protocol", "user-agent", "content-type", "content-length", "host"])
@case("6.1.1", title="A server that overlooks nothing in the headers of requests has nothing to complain of")
def test_strict_headers(eim: Eim, header: str) -> None:
    eim.knob(strict_headers=[header], admin_protocol="strict")
    package = eim.run(LIST)
    executed(package)
    assert package.handed_out == 1


# Messages


MESSAGES = {
    "of an unknown kind": (bytes.fromhex("BF6F00"), 2),
    "of an unknown kind, with content": (bytes.fromhex("BF6F0380010A"), 2),
    "an eUICC Package without content": (bytes.fromhex("BF5100"), 1),
    "a data request without tagList": (bytes.fromhex("BF5200"), 1),
    "a trigger with data of no kind": (bytes.fromhex("BF5402A000"), 1),
}


@pytest.mark.parametrize(("message", "code"), MESSAGES.values(), ids=MESSAGES)
@case("5.14.5", "5.14.6", title="A package that cannot be understood is answered with the reason, and polling goes on")
def test_package_that_cannot_be_understood(eim: Eim, message: bytes, code: int) -> None:
    package = eim.run(content.raw_package(message))
    assert package.outcome is Outcome.IPA_ERROR
    (record,) = package.records
    if record.kind.value == "package-error":
        assert record.summary == f"eimPackageResultError {code}"
    assert eim.run(LIST).outcome is Outcome.OK


@pytest.mark.parametrize("code", [1, 2, 3, 4, 127])
@case("5.14.5", title="An eimPackageError ends the run, and the next one is as ever")
def test_package_error(eim: Eim, gateway: Gateway, timeline: Timeline, code: int) -> None:
    number = eim.queue(LIST)
    eim.knob(get_package_error=code)
    gateway.poll()
    assert len(esipa(timeline.events(), POLL)) == 1
    eim.knob(get_package_error=None)
    executed(eim.settle(number)[0])


@pytest.mark.parametrize("code", [2, 3, 4, 127])
@case("5.14.6", "3.3.2", title="An error in answer to a result is an answer: the result stays, nothing is rolled back")
def test_result_error(eim: Eim, card: Card, gateway: Gateway, code: int) -> None:
    number = eim.queue(LIST)
    eim.knob(result_error=code)
    gateway.poll()
    assert [item["type"] for item in card.notifications()] == ["package_result"]
    eim.knob(result_error=None)
    package = eim.run(content.data_request([0xA2]))
    assert package.outcome is Outcome.OK
    assert eim.package(number).outcome is Outcome.OK
    assert card.notifications() == []


@case("3.1.1.1", "5.14.5", title="However much is queued, each package is carried out once and in its order")
def test_many_packages(eim: Eim, limits: Limits) -> None:
    numbers = [eim.queue(content.data_request([0x83])) for _ in range(20)]
    packages = eim.settle(*numbers, within=3 * limits.poll)
    assert {package.outcome for package in packages} == {Outcome.OK}
    assert {package.handed_out for package in packages} == {1}
    assert [record.package for record in eim.records("data")] == numbers


@case("5.14.6", "3.3.1", title="A package that comes again although it was executed is executed once")
def test_package_that_comes_again(eim: Eim, gateway: Gateway, timeline: Timeline) -> None:
    eim.knob(result_error=127, recover_replays=False)
    number = eim.queue(LIST)
    for _ in range(3):
        gateway.poll()
    signed = {_result(item.request) for item in esipa(timeline.events(), RESULT)}
    good = [result for result in signed if tlv.first(tlv.single(result, 0xBF51).value).tag == 0xA0]
    assert len(good) == 1
    eim.knob(result_error=None)
    assert eim.run(content.data_request([0xA2])).outcome is Outcome.OK
    assert eim.package(number).outcome is Outcome.OK


# TLS


@pytest.mark.parametrize("leaf", ["expired", "not-yet-valid", "wrong-name"])
@case("2.6.3", "3.1.2", title="Where the key of the server is pinned, dates and name of its certificate do not matter")
def test_pinned_key(eim: Eim, leaf: str) -> None:
    eim.tls(leaf)
    executed(eim.run(LIST))


@pytest.mark.parametrize("leaf", ["other-key", "untrusted"])
@case("2.6.3", "3.1.2", title="A server with another key than the pinned one is told nothing")
def test_other_key(eim: Eim, gateway: Gateway, timeline: Timeline, leaf: str) -> None:
    number = eim.queue(LIST)
    eim.tls(leaf)
    gateway.poll()
    assert esipa(timeline.events()) == []
    eim.tls("good")
    executed(eim.settle(number)[0])


@pytest.mark.parametrize("leaf", ["expired", "not-yet-valid", "wrong-name", "untrusted"])
@variant(tls_trust="ca")
@case("2.6.3", "3.1.2", title="Where a CA is named, dates, name and issuer of the certificate must be right")
def test_wrong_certificate_under_a_ca(eim: Eim, gateway: Gateway, timeline: Timeline, leaf: str) -> None:
    number = eim.queue(LIST)
    eim.tls(leaf)
    gateway.poll()
    assert esipa(timeline.events()) == []
    eim.tls("good")
    executed(eim.settle(number)[0])


@variant(tls_trust="ca")
@case("2.6.3", "3.1.2", title="Where a CA is named, another key that it certified is as good")
def test_other_key_under_a_ca(eim: Eim) -> None:
    eim.tls("other-key")
    executed(eim.run(LIST))


@needs("second-eim")
@case("2.6.3", "3.1.2", title="A pin of one eIM does not hold for another")
def test_pins_are_apart(eim: Eim, eim2: Eim, gateway: Gateway) -> None:
    mine = codec.decode("EimConfigurationData", eim.configuration())["trustedPublicKeyDataTls"]
    theirs = codec.decode("EimConfigurationData", eim2.configuration())
    mixed = codec.encode("EimConfigurationData", {**theirs, "trustedPublicKeyDataTls": mine})
    assert eim.run(content.eco_package(content.add_eim(mixed))).outcome is Outcome.OK
    gateway.poll()
    same = theirs["trustedPublicKeyDataTls"] == mine
    assert (eim2.polls() > 0) == same


@needs("second-eim", "card-bench")
@case("2.6.3", "3.1.2", title="Trust data that cannot be read are no reason to trust others")
def test_unreadable_trust(eim: Eim, eim2: Eim, gateway: Gateway) -> None:
    data = codec.decode("EimConfigurationData", eim2.configuration())
    garbage = codec.encode(
        "EimConfigurationData",
        {**data, "trustedPublicKeyDataTls": ("trustedEimPkTls", bytes.fromhex("30050201010500"))},
    )
    package = eim.run(content.eco_package(content.add_eim(garbage)))
    gateway.poll()
    assert package.outcome is not None
    assert eim2.polls() == 0
    assert eim.run(LIST).outcome is Outcome.OK
