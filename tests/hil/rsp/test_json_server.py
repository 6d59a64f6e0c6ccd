"""The JSON binding as clients meet it: HTTP level, members, status, and every fault on demand."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hil.euicc import VirtualEuicc
from hil.euicc.config import default_card
from hil.pki import Pki
from hil.pki.pki import Role
from hil.rsp import status
from hil.rsp.authentication import Identity
from hil.rsp.faults import Fault, FaultKind
from hil.rsp.json_server import PATH, Exchange
from hil.rsp.status import StatusCode
from hil.smdp.server import SmDpServer
from hil.smds.core import Event, SmDs
from hil.smds.server import SmDsServer
from tests.hil.smdp.conftest import ADDRESS, make_order, make_smdp
from tests.hil.smdp.lpa import Lpa


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def members(self) -> Any:
        return json.loads(self.body)

    @property
    def execution(self) -> Any:
        return self.members["header"]["functionExecutionStatus"]


async def send(port: int, data: bytes) -> bytes:
    """Everything that comes back until the server closes or a second passes without a byte."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await reader.read()
    finally:
        writer.close()


async def post(port: int, function: str, members: Any, path: str = PATH, **headers: str) -> Answer:
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    lines = {"Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.2.0", **headers}
    head = f"POST {path}{function} HTTP/1.1\r\nHost: {ADDRESS}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    answer = await send(port, head.encode() + b"\r\n" + body)
    first, _, content = answer.partition(b"\r\n\r\n")
    if not first:
        return Answer(0, {}, b"")
    status_line, *found = first.decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in found)
    return Answer(int(status_line.split()[1]), {name.lower(): value for name, value in pairs}, content)


@dataclass
class Bench:
    lpa: Lpa
    smdp: SmDpServer
    smds: SmDsServer
    exchanges: list[Exchange]

    def asked(self) -> dict[str, str]:
        info1 = self.lpa.call(bytes.fromhex("BF2000"))[0]
        return {
            "euiccChallenge": b64(self.lpa.challenge()),
            "euiccInfo1": b64(info1),
            "smdpAddress": ADDRESS,
        }


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    pki = Pki.generate(tmp_path / "pki", eid=default_card().eid)
    card = VirtualEuicc.create(tmp_path / "card", default_card(), pki)
    card.reset()
    lpa = Lpa(card)
    lpa.open()
    exchanges: list[Exchange] = []
    smdp = SmDpServer(make_smdp(pki), exchanges.append)
    smdp.smdp.orders.add(make_order())
    identity = Identity(
        ADDRESS, {pki.ci_key_id: pki[Role.SMDS_AUTH]}, {pki.ci_key_id: pki.ci.certificate}, status.SMDS_CODES
    )
    smds = SmDsServer(SmDs(identity, [Event(card.eid, "EVENT-1", ADDRESS)]))
    await smdp.start()
    await smds.start()
    yield Bench(lpa, smdp, smds, exchanges)
    await smdp.close()
    await smds.close()


@pytest.mark.asyncio
async def test_answer_has_the_headers_and_members_of_the_binding(bench: Bench) -> None:
    answer = await post(bench.smdp.port, "initiateAuthentication", bench.asked())
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    assert answer.headers["x-admin-protocol"] == "gsma/rsp/v2.2.0"
    assert answer.execution == {"status": "Executed-Success"}
    members = answer.members
    assert members.keys() == {
        "header",
        "transactionId",
        "serverSigned1",
        "serverSignature1",
        "euiccCiPKIdToBeUsed",
        "serverCertificate",
    }
    assert len(members["transactionId"]) == 32
    assert members["transactionId"] == members["transactionId"].upper()
    assert base64.b64decode(members["serverSignature1"])[:3] == bytes.fromhex("5F3740")
    assert base64.b64decode(members["euiccCiPKIdToBeUsed"])[:2] == bytes.fromhex("0414")
    assert base64.b64decode(members["serverCertificate"])[:1] == b"\x30"
    assert bench.smdp.functions.calls == ["initiateAuthentication"]
    assert (bench.exchanges[0].function, bench.exchanges[0].status) == ("initiateAuthentication", 200)


@pytest.mark.asyncio
async def test_base64_may_be_broken_into_lines_and_unknown_members_are_ignored(bench: Bench) -> None:
    asked = bench.asked()
    asked["euiccInfo1"] = "\r\n ".join((asked["euiccInfo1"][:20], asked["euiccInfo1"][20:]))
    answer = await post(bench.smdp.port, "initiateAuthentication", {**asked, "lpaRspCapability": "x"})
    assert answer.execution == {"status": "Executed-Success"}


@pytest.mark.asyncio
async def test_notification_is_accepted_without_a_body(bench: Bench) -> None:
    answer = await post(bench.smdp.port, "handleNotification", {"pendingNotification": b64(bytes.fromhex("BF3700"))})
    assert answer.execution["status"] == "Failed"
    pir = "BF37" + "05" + "BF27" + "0280" + "00"
    answer = await post(bench.smdp.port, "handleNotification", {"pendingNotification": b64(bytes.fromhex(pir))})
    assert answer.status == 200
    bench.lpa.download(bench.smdp.smdp, "TEST-1")
    result = bench.lpa.call(bytes.fromhex("BF2B00"))[0]
    pending = result[result.index(b"\xbf\x37") :]
    length = 2 + 1 + (pending[2] & 0x7F) + int.from_bytes(pending[3 : 3 + (pending[2] & 0x7F)], "big")
    answer = await post(bench.smdp.port, "handleNotification", {"pendingNotification": b64(pending[:length])})
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["x-admin-protocol"].startswith("gsma/rsp/v2.")
    assert bench.smdp.smdp.reports[-1].verified


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"path": "/gsma/rsp2/asn1/"}, 404),
        ({"function": "noSuchFunction"}, 404),
        ({"Content-Type": "text/plain"}, 415),
        ({"X-Admin-Protocol": "gsma/rsp/v3.0.0"}, 400),
        ({"members": b"[]"}, 400),
        ({"members": b"{"}, 400),
        ({"X-Admin-Protocol": ""}, 200),
        ({"Content-Type": "application/json;charset=UTF-8"}, 200),
    ],
)
async def test_http_level_is_judged_before_the_function(bench: Bench, change: dict[str, Any], expected: int) -> None:
    request = {"function": "initiateAuthentication", "members": bench.asked(), **change}
    assert (await post(bench.smdp.port, **request)).status == expected


@pytest.mark.asyncio
async def test_other_methods_are_not_allowed(bench: Bench) -> None:
    answer = await send(
        bench.smdp.port, f"GET {PATH}initiateAuthentication HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 405 ")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("function", "members", "code"),
    [
        ("initiateAuthentication", {}, status.MALFORMED),
        ("initiateAuthentication", {"euiccChallenge": "?", "euiccInfo1": "", "smdpAddress": ADDRESS}, status.MALFORMED),
        ("initiateAuthentication", {"euiccChallenge": "", "euiccInfo1": "", "smdpAddress": ADDRESS}, status.MALFORMED),
        ("authenticateClient", {"transactionId": "XY"}, status.UNKNOWN_TRANSACTION),
        (
            "authenticateClient",
            {"transactionId": "00" * 16, "authenticateServerResponse": ""},
            status.UNKNOWN_TRANSACTION,
        ),
        ("getBoundProfilePackage", {"transactionId": "0A", "prepareDownloadResponse": ""}, status.UNKNOWN_TRANSACTION),
        ("cancelSession", {"transactionId": "0a", "cancelSessionResponse": ""}, status.UNKNOWN_TRANSACTION),
        ("handleNotification", {"pendingNotification": "AAAA"}, status.MALFORMED),
    ],
)
async def test_request_that_cannot_be_executed_fails_with_its_status(
    bench: Bench, function: str, members: dict[str, str], code: StatusCode
) -> None:
    answer = await post(bench.smdp.port, function, members)
    data = answer.execution["statusCodeData"]
    assert (answer.status, answer.execution["status"]) == (200, "Failed")
    assert (data["subjectCode"], data["reasonCode"]) == (code.subject, code.reason)
    assert answer.members.keys() == {"header"}


@pytest.mark.asyncio
async def test_transaction_id_is_taken_in_either_case(bench: Bench) -> None:
    asked = (await post(bench.smdp.port, "initiateAuthentication", bench.asked())).members
    lower = asked["transactionId"].lower()
    answer = await post(
        bench.smdp.port,
        "cancelSession",
        {"transactionId": lower, "cancelSessionResponse": b64(b"\xbf\x41\x03\x81\x01\x05")},
    )
    assert answer.execution == {"status": "Executed-Success"}


@pytest.mark.asyncio
async def test_events_are_listed_by_the_smds(bench: Bench) -> None:
    core = bench.smds.smds
    transaction_id, response = bench.lpa.authenticate(core, "")  # type: ignore[arg-type]
    members = {"transactionId": transaction_id.hex().upper(), "authenticateServerResponse": b64(response)}
    answer = (await post(bench.smds.port, "authenticateClient", members)).members
    assert answer["eventEntries"] == [{"eventId": "EVENT-1", "rspServerAddress": ADDRESS}]
    assert answer["transactionId"] == members["transactionId"]
    again = await post(bench.smds.port, "authenticateClient", members)
    assert again.execution["statusCodeData"]["subjectCode"] == "8.10.1"
    assert (await post(bench.smds.port, "getBoundProfilePackage", members)).status == 404


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(FaultKind.STATUS, value=503), (503, "text/html")),
        (Fault(FaultKind.STATUS), (500, "text/html")),
        (Fault(FaultKind.HTML), (200, "text/html")),
        (Fault(FaultKind.CONTENT_TYPE), (200, "text/html")),
        (Fault(FaultKind.EMPTY), (200, "application/json;charset=UTF-8")),
        (Fault(FaultKind.NOT_JSON, text="{oops"), (200, "application/json;charset=UTF-8")),
        (Fault(FaultKind.REDIRECT), (307, None)),
        (Fault(FaultKind.DROP_BEFORE), (0, None)),
        (Fault(FaultKind.DROP_AFTER), (0, None)),
        (Fault(FaultKind.TRUNCATED), (200, "application/json;charset=UTF-8")),
        (Fault(FaultKind.CONTENT_LENGTH, value=5), (200, "application/json;charset=UTF-8")),
        (Fault(FaultKind.CHUNKED), (200, "application/json;charset=UTF-8")),
        (Fault(FaultKind.OVERSIZED, value=20_000), (200, "application/json;charset=UTF-8")),
        (Fault(FaultKind.DELAY, seconds=0.001), (200, "application/json;charset=UTF-8")),
        (Fault(FaultKind.DRIP, value=500), (200, "application/json;charset=UTF-8")),
        (Fault(FaultKind.FAILED, text="8.2.6/3.8"), (200, "application/json;charset=UTF-8")),
        (Fault(FaultKind.MEMBER, text="serverSigned1"), (200, "application/json;charset=UTF-8")),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else None,
)
async def test_fault_happens_once_and_then_no_more(
    bench: Bench, fault: Fault, expected: tuple[int, str | None]
) -> None:
    bench.smdp.faults.add(fault)
    try:
        answer = await post(bench.smdp.port, "initiateAuthentication", bench.asked())
    except ConnectionError:
        answer = Answer(0, {}, b"")
    assert (answer.status, answer.headers.get("content-type")) == expected
    checks: dict[FaultKind, bool] = {
        FaultKind.FAILED: b"8.2.6" in answer.body,
        FaultKind.MEMBER: b"serverSigned1" not in answer.body,
        FaultKind.TRUNCATED: len(answer.body) < int(answer.headers.get("content-length", "0")),
        FaultKind.CONTENT_LENGTH: len(answer.body) + 5 == int(answer.headers.get("content-length", "0")),
        FaultKind.CHUNKED: answer.headers.get("transfer-encoding") == "chunked",
        FaultKind.OVERSIZED: len(answer.body) == 20_000,
        FaultKind.NOT_JSON: answer.body == b"{oops",
        FaultKind.EMPTY: answer.body == b"",
    }
    assert checks.get(fault.kind, True)
    assert bench.exchanges[-1].fault is fault.kind
    after = await post(bench.smdp.port, "initiateAuthentication", bench.asked())
    assert after.execution == {"status": "Executed-Success"}


def test_every_kind_of_fault_has_a_case() -> None:
    marks = test_fault_happens_once_and_then_no_more.pytestmark  # type: ignore[attr-defined]
    cases = next(mark for mark in marks if mark.name == "parametrize").args[1]
    assert {fault.kind for fault, _ in cases} == set(FaultKind)


@pytest.mark.asyncio
async def test_fault_waits_for_its_function_and_turn(bench: Bench) -> None:
    bench.smdp.faults.add(Fault(FaultKind.STATUS, "initiateAuthentication", times=2, after=1))
    seen = [(await post(bench.smdp.port, "initiateAuthentication", bench.asked())).status for _ in range(4)]
    assert seen == [200, 500, 500, 200]
    assert (await post(bench.smdp.port, "cancelSession", {})).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": FaultKind.FAILED, "text": "8"},
        {"kind": FaultKind.FAILED},
        {"kind": FaultKind.MEMBER},
        {"kind": FaultKind.DELAY, "seconds": -1.0},
        {"kind": FaultKind.HTML, "times": 0},
    ],
)
def test_fault_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=wrong["kind"].value):
        Fault(**wrong)
