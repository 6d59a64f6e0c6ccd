"""Activation codes as people meet them go through the agent's parser; what their headers say is written here."""

from __future__ import annotations

import pytest

from ipad.codec.activation_code import ActivationCode
from ipad.errors import CodecError
from tests.captures import samples
from tests.captures.samples import Sample

FILE = "activation-codes.txt"
WBG = "wbg.prod.ondemandconnectivity.com"

EXPECTED = {
    "ac-01": ActivationCode("rsp.truphone.com", "QRF-BETTERROAMING-WTYKNPY0LHYKLPA9"),
    "ac-05": ActivationCode("huk.prod.ondemandconnectivity.com", "SIODYLU8HZJSAVAM", None, True),
    "ac-07": ActivationCode(
        "dp-plus-par07-01.oasis-smartsim.com", "72150-29259-92770-0A5AK", "1.3.6.1.2.1.53860.7.5.1.1"
    ),
    "ac-08": ActivationCode("t-mobile.idemia.io", "0123456789ABCDEF0123456789ABCDEF"),
    "ac-10": ActivationCode("smdp.io", "6R-7T5S1U-7MNN01U"),
    "ac-12": ActivationCode("smdpp.test.rsp.sysmocom.de", "TS48V1-A-UNIQUE"),
    "ac-13": ActivationCode("testsmdpplus1.example.com", "VWeSK-BCYbJ-qfzWP-FrVdA"),
    "ac-14": ActivationCode("rsp.truphone.com", "QRF-BETTERROAMING-WTYKNPY0LHYKLPA9"),
    "ac-16": ActivationCode(WBG, "F5TYX882MJKQK6YO"),
}
REFUSED = {"ac-06": "'x' is no SM-DP+ OID", "ac-19": "the token holds other characters"}


@samples.needs_captures
@samples.each(FILE)
def test_code_is_read_or_refused_as_the_header_says(sample: Sample) -> None:
    [text] = sample.lines
    if sample.id in REFUSED:
        with pytest.raises(CodecError, match=REFUSED[sample.id].replace("+", r"\+")):
            ActivationCode.parse(text)
    else:
        assert ActivationCode.parse(text) == EXPECTED[sample.id]


@samples.needs_captures
def test_every_sample_has_an_expectation() -> None:
    assert samples.read(FILE).keys() == EXPECTED.keys() | REFUSED.keys()
