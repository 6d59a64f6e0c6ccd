"""Messages of real SM-DP+ servers go through the agent's parsers; what their headers say is written here as facts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ipad.codec import json_binding, tlv
from ipad.codec.euicc_info import EuiccInfo1
from ipad.codec.json_binding import Answer
from ipad.codec.rsp import ServerSigned1
from ipad.errors import CodecError, RspStatusError
from ipad.ids import Iccid
from tests.captures import facts, samples
from tests.captures.facts import Facts, Read
from tests.captures.samples import Sample

FILE = "es9plus.txt"


def request(sample: Sample) -> Facts:
    """A request of another client: its members are complete TLVs or bare values, and ours would look the same."""
    body = "".join(sample.lines).encode()
    members = json.loads(body)
    read = Answer.parse("initiateAuthentication", body)
    info = read.required("euiccInfo1")
    assert json_binding.b64(EuiccInfo1.decode(info).encode()) == members["euiccInfo1"]
    assert json_binding.encode(members) == body
    return {
        "challenge": len(read.required("euiccChallenge")),
        "svn": facts.info1(info)["svn"],
        "address": read.text("smdpAddress"),
    }


def refusal(sample: Sample) -> Facts:
    """The fragment in the place where a whole answer has it."""
    data = json.loads("{" + "".join(sample.lines) + "}")
    body = json.dumps({"header": {"functionExecutionStatus": {"status": "Failed", "statusCodeData": data}}})
    with pytest.raises(RspStatusError) as caught:
        Answer.parse("authenticateClient", body.encode())
    return {"subject": caught.value.subject, "reason": caught.value.reason, "text": str(caught.value)}


def lpa_line(sample: Sample) -> Any:
    """A line that an LPA prints is JSON, but no answer of a server: it has no status and none of the members."""
    read = Answer.parse("authenticateClient", "".join(sample.lines).encode())
    return read.text("type"), facts.failure(lambda: read.required("smdpSigned2"))


def plain_text(sample: Sample) -> str:
    return facts.failure(lambda: Answer.parse("authenticateClient", "".join(sample.lines).encode()))


def shown_metadata(sample: Sample) -> Facts:
    line = json.loads("".join(sample.lines))
    data = Answer("metadata", line["payload"]["data"])
    [rule] = data.entries("accessRules")
    return {
        "iccid": str(Iccid.parse(data.text("iccid") or "")),
        "name": data.text("profileName"),
        "icon": data.text("icon"),
        "class": data.text("profileClass"),
        "rule": (len(bytes.fromhex(rule["certificateHash"])), rule["packageName"]),
    }


def signed(sample: Sample) -> Facts:
    data = ServerSigned1.decode(sample.data)
    assert data.encode() == sample.data
    assert [item.tag for item in tlv.children(tlv.read_single(sample.data).value)] == [0x80, 0x81, 0x83, 0x84]
    return {
        "transaction": len(data.transaction_id),
        "challenge": data.euicc_challenge.hex()[:8],
        "address": data.server_address,
        "server_challenge": len(data.server_challenge),
    }


def signature(sample: Sample) -> Facts:
    """Whether the header came along or not, the member is the same TLV."""
    whole = sample.data
    bare = bytes(tlv.read_single(whole).value)
    found = {
        Answer("f", {"serverSignature1": json_binding.b64(value)}).required("serverSignature1", tag=0x5F37)
        for value in (whole, bare)
    }
    return {"same": found == {whole}, "size": len(bare)}


HOST = "wbg.prod.ondemandconnectivity.com"
EXPECTED: dict[str, tuple[Read, Any]] = {
    "es9-01": (request, {"challenge": 16, "svn": "2.2.2", "address": HOST}),
    "es9-05": (
        refusal,
        {
            "subject": "8.2.6",
            "reason": "3.8",
            "text": "authenticateClient: the server answered Failed 8.2.6/3.8: Refused",
        },
    ),
    "es9-06": (lpa_line, ("lpa", "CodecError")),
    "es9-07": (plain_text, "CodecError"),
    "es9-09": (
        shown_metadata,
        {
            "iccid": "8944470811800594527",
            "name": "BetterRoaming",
            "icon": None,
            "class": None,
            "rule": (20, "com.truphone.betterroaming"),
        },
    ),
    "es9-11": (
        signed,
        {"transaction": 16, "challenge": "8bcf1be4", "address": HOST, "server_challenge": 16},
    ),
    "es9-12": (signature, {"same": True, "size": 64}),
}


@samples.needs_captures
@samples.each(FILE)
def test_parser_finds_what_the_header_says(sample: Sample) -> None:
    read, expected = EXPECTED[sample.id]
    assert read(sample) == expected


@samples.needs_captures
def test_every_sample_has_an_expectation() -> None:
    assert samples.read(FILE).keys() == EXPECTED.keys()


def test_codec_error_is_what_plain_text_gives() -> None:
    with pytest.raises(CodecError, match="no JSON"):
        Answer.parse("authenticateClient", b"EID doesn't match the expected value.")
