"""What the decoders do take: where mutation begins."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ipad.board.library import shipped_directory
from ipad.errors import CodecError
from ipad.esipa.json_messages import JsonCall, call
from ipad.ids import Eid
from ipad.net.dns_message import Question, RecordType, encode_query
from ipad.state.journal import JournalContent, encode_content
from ipad.state.store import StateStore
from tests.vectors import sgp32

_ROOT = Path(__file__).resolve().parents[2]

MESSAGES: Sequence[bytes] = tuple(sgp32.MESSAGES.values())
FCIS = tuple(
    bytes.fromhex(text)
    for text in (
        "6F258410A0000005591010FFFFFFFF8900000100A5049F6501FFE005820302050 0E1048002064 0".replace(" ", ""),
        "6F1A8410A0000005591010FFFFFFFF8900000100A5069F6501FF9F6E00",
    )
)
ACCESS_POINTS = tuple(
    bytes.fromhex(text)
    for text in (
        "35070200 0003 000003".replace(" ", ""),
        "47110369 6F740867 7072732E 6E6574 0D0474657374".replace(" ", ""),
        "3507 02 00000300 0003".replace(" ", ""),
    )
)
ACTIVATION_CODES = (
    b"LPA:1$smdp.example.com$MATCH-01",
    b"1$smdp.example.com$MATCH-01$1.3.6.1.4.1.31746$1",
    b"1$smdp.example.com$$$1",
    b" lpa:1$SMDP.example.com$ABC\n",
    b"https://example.com/?carddata=LPA:1$smdp.example.com$X",
)
_B64 = base64.b64encode(bytes.fromhex("BF2503800101")).decode()
JSON_ANSWERS = tuple(
    json.dumps(members).encode()
    for members in (
        {"header": {"functionExecutionStatus": {"status": "Executed-Success"}}, "transactionId": "A1B2"},
        {
            "header": {
                "functionExecutionStatus": {
                    "status": "Failed",
                    "statusCodeData": {"subjectCode": "8.1", "reasonCode": "4.8"},
                }
            }
        },
        {"euiccPackageRequest": _B64, "eimTransactionId": "AABB"},
        {"eimPackageError": 1},
        {
            "profileMetadata": _B64,
            "smdpSigned2": _B64,
            "smdpSignature2": _B64,
            "smdpCertificate": _B64,
            "transactionId": "00",
        },
        {"boundProfilePackage": base64.b64encode(bytes.fromhex("BF3604BF230100")).decode()},
        {"eimAcknowledgements": _B64, "sequenceNumber": [1, 2]},
        {"eventEntries": [{"eventId": "E", "rspServerAddress": "smdp.example.com"}]},
    )
)
_PACKAGES = {
    b"\xbf\x51": "euiccPackageRequest",
    b"\xbf\x52": "ipaEuiccDataRequest",
    b"\xbf\x53": "eimAcknowledgements",
    b"\xbf\x54": "profileDownloadTriggerRequest",
}
INJECTED = tuple(
    json.dumps({_PACKAGES[message[:2]]: base64.b64encode(message).decode()}).encode()
    for message in MESSAGES
    if message[:2] in _PACKAGES
)
TRANSFERRED = tuple(
    bytes.fromhex(text) for text in ("BF4E020500", "BF4E03020101", "BF4E073005BF5100A000", "BF4E03BF5100")
)
AT_LINES = (
    b'AT+CSIM=10,"00A4040000"\r\r\n+CSIM: 4,"6F00"\r\n\r\nOK\r\n',
    b'+CGLA: 10,"BF3E009000"\r\nOK\r\n',
    b'+CEREG: 2,1,"142D","04F2C791",7,,,"00100100","01000111"\r\n',
    b'+CREG: 1,"142D","04F2C791",7\r\n',
    b'+COPS: (2,"Net","N","00101",7),(1,"",,"26202",2),,(0,1,2)\r\n+COPS: 0,2,"00101",7\r\n',
    b'+CGACT: 1,1\r\n+CGPADDR: 1,"10.64.0.22","2001:db8::1"\r\n+CGATT: 1\r\n',
    b'+CGCONTRDP: 1,5,"iot.net","10.0.0.1.255.0.0.0","","8.8.8.8","32.1.72.96.0.0.0.0.0.0.0.0.0.0.136.136"\r\n',
    b'+QCSQ: "LTE",52,-85,195,-9\r\n+CESQ: 99,99,255,255,20,55\r\n+CSQ: 31,99\r\n',
    b"+CPSI: LTE,Online,001-01,0x1,1,9,B3,1,5,5,-90,-850,-600,14\r\n",
    b"+QCCID: 89490000000000000015\r\n+ICCID: 8949000000000000001F\r\n123456789012345\r\n",
    b"+CPIN: READY\r\n+CPIN: SIM PIN\r\n^SIMST: 1\r\n+QIND: SMS DONE\r\nRDY\r\n",
    b'+CCLK: "26/11/21,14:57:23+04"\r\n+CTZV: "26/11/21,14:57:23",+04\r\n^NWTIME: "2026/11/21,14:57:23"\r\n',
    b'+CEDRXP: 4,"0010","0010","0001"\r\n+CSCON: 0,1\r\n+CEER: "No cause",33\r\n',
    b"+CME ERROR: SIM busy\r\n+CMS ERROR: 500\r\n+CME ERROR: 13\r\nERROR\r\n> ",
    b"Quectel\r\nEG25\r\nRevision: EG25GGBR07A08M2G\r\nOK\r\n",
    b"+CCHO: 1\r\n\r\nOK\r\n3\r\nOK\r\n0123456789ABCDEF\r\n",
)
RESPONSES = tuple(
    b"".join(bytes([len(answer)]) + answer for answer in answers)
    for answers in (
        (b"\x61\x10", b"\xbf\x3e\x02\x5a\x00\x90\x00"),
        (b"\x6c\x05", b"\x61\x00", b"\x90\x00"),
        (b"\x61\x00",),
        (b"\x91\x0b",),
        (b"\x69\x85",),
    )
)
HTTP_ANSWERS = tuple(
    bytes([128]) + text
    for text in (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-gsma-rsp-asn1\r\nContent-Length: 2\r\n\r\n0\x00",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n0\x00\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nConnection: close\r\n\r\nsorry",
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    )
)
HTTP_REQUESTS = tuple(
    bytes([128]) + text
    for text in (
        b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n0\x00",
        b"GET /v1/status?modem=a&masked=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    )
)
BLOCKS = (
    b"".join(bytes([4, 0x5F, number, 0, 0x4B]) for number in range(5)) + bytes([6, 0x44, 5, 0, 0x4A, 1, 2]),
    bytes([8, 0x44, 0, 0, 0xA0, 1, 2, 3, 4, 6, 0x44, 0, 1, 0x80, 5, 6]),
    bytes([4, 0x8D, 0, 0, 0x40]),
)
_QUERY = encode_query(0x1234, Question("eim.example.com", RecordType.A))
DNS_ANSWERS = (
    _QUERY[:2]
    + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
    + _QUERY[12:]
    + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01",
    _QUERY[:2] + b"\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00" + _QUERY[12:],
    _QUERY[:2]
    + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
    + _QUERY[12:]
    + b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x0c",
)
_LINK = struct.pack("=BxHiII", 0, 1, 7, 0x11043, 0) + struct.pack("=HH", 10, 3) + b"wwan0\x00\x00\x00"
_ADDRESS = struct.pack("=BBBBi", 2, 8, 0, 0, 7) + struct.pack("=HH4s", 8, 2, b"\x0a\x00\x00\x01")
NETLINK = (
    struct.pack("=IHHII", 16 + len(_LINK), 16, 2, 1, 0)
    + _LINK
    + struct.pack("=IHHII", 16 + len(_ADDRESS), 20, 2, 1, 0)
    + _ADDRESS,
)
DATAGRAMS = (
    bytes.fromhex("16FEFF0000000000000000002F03000023000000000000002 3FEFF20".replace(" ", "")) + bytes(32),
    bytes.fromhex("15FEFD00000000000000000002 0228".replace(" ", "")),
)
AUTHORITIES = (b"eim.example.com", b"localhost:8443", b"[2001:db8::1]:443", b"10.0.0.1")
POLICIES = (
    b"[supervision]\npath_alive = 60\n[rule.x]\nwhen = 'loss-of-service'\ndo = 'fallback'\n",
    b"euicc = 'consumer'\n[rule.x]\nwhen = 'loss-of-service'\ndo = 'enable'\nprofiles = ['8949000000000000001']\n",
)
UCI = (b"config ipad 'main'\n\toption enabled '1'\n\nconfig modem\n\toption port '/dev/ttyUSB2'\n",)
JSON_LINES = (
    b'{"time":"2026-01-01T00:00:00Z","layer":"at","way":">","with":"modem","text":"AT"}\n{"who":"user:root"}\n',
)
HINTS = (b"metered = true\npower = 'battery'\n", b"metered=1\npower=low\n")
CALLS = (b'modem=modem&masked=1&wait=0\n{"eim_id": "eim.example.com"}', b"\n{}")
HELPER = (
    b'{"action": "run-hook", "name": "pppd", "arguments": ["up", "boot"], "variables": {"IPAD_APN": "x"}}\n',
    b'{"action": "set-clock", "seconds": 1800000000}\n',
    b'{"ok": true, "code": 0}\n',
    b'{"ok": false, "kind": "failed", "message": "no"}\n',
)


_CERTIFICATE = base64.b64decode(
    "MIICBzCCAa2gAwIBAgIULgjBJS96fsHOpebgeArE7ksZ5BkwCgYIKoZIzj0EAwIwMzELMAkGA1UEBhMCREUxETAPBgNVBAoMCFRl"
    "c3QgRVVNMREwDwYDVQQDDAhUZXN0IEVVTTAgFw0yMDAxMDEwMDAwMDBaGA85OTk5MTIzMTIzNTk1OVowZTELMAkGA1UEBhMCREUx"
    "ETAPBgNVBAoMCFRlc3QgRVVNMSkwJwYDVQQFEyA4OTA0OTAzMjAwMTIzNDU2Nzg5MDAwMDAwMDEwMDA3MDEYMBYGA1UEAwwPVGVz"
    "dCBlVUlDQyAwMDcwMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3busXR1PHGA4mXQw8/tr2RVo5+ZiNmwLy6xkMBtWOne6y6yk"
    "JrDhBWlt65qD993zpQqsMReslhW3EHAgaVCqPaNrMGkwHQYDVR0OBBYEFKj/r+wnwhOzCaqhcsFBQrjtYmQ7MB8GA1UdIwQYMBaA"
    "FIq62FghyirpAjLb7pZrQFl5zkPRMA4GA1UdDwEB/wQEAwIHgDAXBgNVHSABAf8EDTALMAkGB2eBEgECAQEwCgYIKoZIzj0EAwID"
    "SAAwRQIhAJZmYM3t75mi/QKSIsNYfZ6kP6qTjTf62+I8OW3KxAGFAiA3jZabYLekH8yLnrN2rN1wCrrVYaGtHMvkOUT9hUeYGA=="
)
"""Of an eUICC of the bench, whose key nobody has kept."""
_SPKI = bytes.fromhex("3059301306072A8648CE3D020106082A8648CE3D030107034200") + b"\x04" + bytes(64)
CERTIFICATES = (
    _CERTIFICATE,
    b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(_CERTIFICATE) + b"-----END CERTIFICATE-----\n",
    _SPKI,
)


@cache
def json_calls() -> tuple[JsonCall, ...]:
    """Calls of the JSON binding to which an answer may come."""
    made = []
    for message in MESSAGES:
        try:
            made.append(call(message))
        except CodecError:  # most messages are none of the IPA
            continue
    return tuple({asked.function: asked for asked in made}.values())


def configurations() -> tuple[bytes, ...]:
    """Configuration files."""
    return ((_ROOT / "docs/examples/ipad.toml").read_bytes(), b'[modem]\nport = "/dev/ttyUSB2"\n')


def boards() -> tuple[bytes, ...]:
    """Board files under the name that the decoder gives them."""
    shipped = sorted(shipped_directory().glob("*.toml"))[::10]
    return tuple(path.read_bytes().replace(f'"{path.stem}"'.encode(), b'"fuzzed"') for path in shipped)


@cache
def states() -> tuple[bytes, ...]:
    """State files."""
    with tempfile.TemporaryDirectory() as folder:
        store = StateStore(Path(folder) / "journal.cbor")
        asyncio.run(
            store.save(encode_content(JournalContent(eid=Eid(bytes.fromhex("89049032001234567890000000100070")))))
        )
        return (store.path.read_bytes(),)
