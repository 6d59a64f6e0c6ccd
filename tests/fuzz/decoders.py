"""Every decoder of the agent that reads what comes from outside, each as a function of bytes.

A decoder may refuse what it is given, by an error of the agent's own tree; it must not do anything else. The property
tests of this folder and `make fuzz` run the same table.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from ipad.apdu.exchange import ExchangeRules, StoreDataExchange
from ipad.bearer.interface import interface_of
from ipad.board.library import BoardLibrary
from ipad.card.answers import apdu_from_answer, session_id
from ipad.codec import json_binding, tlv
from ipad.codec.access_point import decode_access_point
from ipad.codec.activation_code import ActivationCode
from ipad.codec.x509 import Certificate, check_spki, read_certificates
from ipad.config import from_document as config_of
from ipad.control.calls import read_call
from ipad.control.peer import Peer
from ipad.errors import IpadError
from ipad.esipa import json_messages, version10
from ipad.esipa.injection import answer_body, request_message
from ipad.esipa.metering import procedure_of
from ipad.helper import protocol as helper_protocol
from ipad.modem import bearer, identity, network, nitz, power_timers, registration, signal, sim
from ipad.modem.answer import AtAnswer
from ipad.modem.at import AtParser
from ipad.modem.errortext import describe_error, error_code, is_transient
from ipad.modem.name_servers import parse_name_servers
from ipad.modem.urc import UrcTable, is_boot
from ipad.net import dns_message, hello_verify
from ipad.net.authority import Authority
from ipad.net.blockwise import Block, BlockwiseExchange, CoapResponse
from ipad.net.blockwise_service import BlockMessage, BlockwiseService
from ipad.net.http import HttpConversation
from ipad.net.http_exchange import HttpExchange
from ipad.net.http_service import HttpRequest, HttpService
from ipad.observe import redaction
from ipad.observe.audit import read_trail
from ipad.observe.traffic import read_recording
from ipad.policy.hints import parse_hints
from ipad.policy.memory import restore
from ipad.policy.policy_file import from_document as policy_of
from ipad.procedures.start import iot_template
from ipad.state.journal import decode_content
from ipad.state.store import StateStore
from ipad.toml import read as read_toml
from ipad.uci import toml_of
from tests.crosscheck import agent_schema
from tests.fuzz import seeds

MAX_BODY = 4096
"""Bytes that decoders with a limit are given as theirs."""


@dataclass(frozen=True)
class Decoder:
    """`decode` reads bytes; `seeds` are some that it takes."""

    name: str
    decode: Callable[[bytes], object]
    seeds: Sequence[bytes]
    refusals: tuple[type[Exception], ...] = (IpadError,)

    def run(self, data: bytes) -> None:
        """Let it read; whatever is no refusal goes on."""
        try:
            self.decode(data)
        except self.refusals:
            return


def decoders() -> list[Decoder]:
    """All of them."""
    return [*_data_objects(), *_messages(), *_line(), *_network(), *_files(), *_local()]


def decoder(name: str) -> Decoder:
    """The one of that name. Raises KeyError."""
    return {one.name: one for one in decoders()}[name]


# Data objects


def _walk(data: bytes, depth: int = 0) -> None:
    for element in tlv.children(data):
        if element.constructed and depth < 40:
            _walk(bytes(element.value), depth + 1)


@cache
def _classes() -> list[Any]:
    return agent_schema.classes()


def _any_object(data: bytes) -> None:
    """The first byte chooses the class; what was read is written again and read back the same."""
    if not data:
        return
    classes = _classes()
    cls = classes[data[0] % len(classes)]
    made = cls.decode(data[1:])
    assert cls.decode(made.encode()) == made


def _by_tag(data: bytes) -> None:
    """Every class whose own tag the bytes begin with."""
    for cls in _classes():
        try:
            cls.decode(data)
        except IpadError:
            continue


def _data_objects() -> Iterator[Decoder]:
    yield Decoder("tlv", _walk, seeds.MESSAGES)
    yield Decoder(
        "data object", _any_object, [bytes([number % 256]) + seed for number, seed in enumerate(seeds.MESSAGES)]
    )
    yield Decoder("data object by tag", _by_tag, seeds.MESSAGES)
    yield Decoder("certificate", Certificate.parse, seeds.CERTIFICATES)
    yield Decoder("certificates of a file", read_certificates, seeds.CERTIFICATES)
    yield Decoder("public key", check_spki, seeds.CERTIFICATES)
    yield Decoder("access parameters", decode_access_point, seeds.ACCESS_POINTS)
    yield Decoder("activation code", lambda data: ActivationCode.parse(_text(data)), seeds.ACTIVATION_CODES)


# Messages of servers


def _json_messages(data: bytes) -> None:
    """The first byte chooses the function that is answered."""
    if data:
        calls = seeds.json_calls()
        json_messages.message(calls[data[0] % len(calls)], data[1:])


def _es9(data: bytes) -> None:
    answer = json_binding.Answer.parse("authenticateClient", data)
    for name in ("profileMetadata", "smdpSigned2", "boundProfilePackage"):
        try:
            answer.required(name)
        except IpadError:
            continue
    answer.transaction_id()
    answer.entries("eventEntries")


def _messages() -> Iterator[Decoder]:
    yield Decoder("JSON answer of an eIM", _json_messages, [bytes([0]) + body for body in seeds.JSON_ANSWERS])
    yield Decoder("JSON answer of a SM-DP+", _es9, seeds.JSON_ANSWERS)
    yield Decoder("JSON call of an eIM", request_message, seeds.INJECTED)
    yield Decoder("answer in JSON", answer_body, seeds.TRANSFERRED)
    yield Decoder("message for the JSON binding", json_messages.call, seeds.MESSAGES)
    yield Decoder("message of version 1.0", version10.upgraded, seeds.MESSAGES)
    yield Decoder("message for version 1.0", version10.downgraded, seeds.MESSAGES)
    yield Decoder("name of a procedure", procedure_of, seeds.MESSAGES)
    yield Decoder("recorded message", redaction.message, seeds.MESSAGES)
    yield Decoder("recorded body", redaction.json_body, seeds.JSON_ANSWERS)


# The AT line and the eUICC


def _at_parser(data: bytes) -> None:
    """The first byte chooses the pieces in which the rest arrives."""
    parser = AtParser(UrcTable())
    parser.begin('AT+CSIM=10,"00A4040000"')
    step = data[0] % 16 + 1 if data else 1
    for start in range(1, len(data), step):
        parser.feed(data[start : start + step])
    parser.abandon()
    parser.reset()


def _answer(read: Callable[[AtAnswer], object], command: str, data: bytes) -> None:
    read(AtAnswer(command, _lines(data)))


def _status_words(data: bytes) -> None:
    """An ISD-R whose answers are the data, each with its length before it; a modem that goes on for ever."""
    rules = ExchangeRules()
    exchange = StoreDataExchange(bytes.fromhex("BF3E035C015A"), rules)
    exchange.start()
    answers = list(_pieces(data))
    # The block and each GET RESPONSE may be asked for once more, with the length that the card wants.
    for turn in range(2 * (1 + rules.max_fetches)):
        if not answers or exchange.receive(answers[turn % len(answers)]) is None:
            return
    raise AssertionError("an exchange without end")


_LINE_READERS: dict[str, Callable[[str], object]] = {
    "registration": registration.parse_registration,
    "operator": network.parse_cops,
    "search": network.parse_cops_search,
    "PLMN": network.parse_plmn,
    "context": bearer.parse_cgcontrdp,
    "address": bearer.parse_addresses,
    "clock": nitz.parse_clock,
    "eDRX": power_timers.parse_edrx,
    "connection": power_timers.parse_connection,
    "SIM": sim.parse_cpin,
    "SIM change": sim.is_sim_change,
    "boot": is_boot,
    "active time": power_timers.active_time,
    "error": lambda line: (error_code(line, None), describe_error(line, 13), is_transient(line, 14)),
}
_LINES_READERS: dict[str, Callable[[Sequence[str]], object]] = {
    "attach": bearer.parse_cgatt,
    "contexts": bearer.parse_cgact,
    "addresses": bearer.parse_cgpaddr,
    "identity": identity.parse_ati,
    "IMEI": identity.parse_imei,
    "ICCID": identity.parse_iccid,
    "IMSI": identity.parse_imsi,
    "signal": signal.parse_signal,
    "name servers": parse_name_servers,
    "cause": registration.parse_ceer,
}


def _line() -> Iterator[Decoder]:
    yield Decoder("AT line", _at_parser, [b"\x03" + text for text in seeds.AT_LINES])
    yield Decoder(
        "APDU of an AT answer", partial(_answer, partial(apdu_from_answer, "+CSIM"), "AT+CSIM"), seeds.AT_LINES
    )
    yield Decoder("session of an AT answer", partial(_answer, session_id, "AT+CCHO"), seeds.AT_LINES)
    for name, read in _LINE_READERS.items():
        yield Decoder(f"AT answer: {name}", lambda data, read=read: read(_text(data)), seeds.AT_LINES)  # type: ignore[misc]
    for name, read_lines in _LINES_READERS.items():
        yield Decoder(f"AT answer: {name}", lambda data, read=read_lines: read(_lines(data)), seeds.AT_LINES)  # type: ignore[misc]
    yield Decoder("status words", _status_words, seeds.RESPONSES)
    yield Decoder("FCI of the ISD-R", iot_template, seeds.FCIS)


# The network


def _http_answer(data: bytes) -> None:
    conversation = HttpConversation("eim.example.com")
    conversation.request("/gsma/rsp2/asn1", (), b"\x30\x00", MAX_BODY)
    _feed(conversation.receive, data)


def _http_stream(data: bytes) -> None:
    exchange = HttpExchange("agent")
    exchange.request("GET", "/v1/events", ())
    _feed(lambda part: exchange.receive(part)[-1:] == [None] or None, data)


def _http_request(data: bytes) -> None:
    service = HttpService(MAX_BODY)
    for piece in _cut(data):
        if service.receive(piece) is not None:
            return


def _coap_answer(data: bytes) -> None:
    """Each answer is: code, number, more and exponent of Block1 and Block2, and a payload with its length before it."""
    exchange = BlockwiseExchange("eim", bytes(3000), block_size=512, single_limit=1024, max_body=MAX_BODY)
    for piece in _pieces(data):
        if len(piece) < 4:
            continue
        code, first, second, flags = piece[:4]
        exchange.next_request()
        whole = exchange.receive(
            CoapResponse(
                code=code,
                payload=piece[4:],
                block1=Block(first, bool(flags & 1), flags >> 1 & 7) if flags & 0x40 else None,
                block2=Block(second, bool(flags & 8), flags >> 4 & 3) if flags & 0x80 else None,
            )
        )
        if whole is not None:
            return


def _coap_request(data: bytes) -> None:
    service = BlockwiseService(MAX_BODY)
    for piece in _pieces(data):
        if len(piece) >= 3:
            number, other, flags = piece[:3]
            first = Block(number, bool(flags & 1), flags >> 1 & 7) if flags & 0x40 else None
            second = Block(other, bool(flags & 8), flags >> 4 & 3) if flags & 0x80 else None
            service.take(BlockMessage(payload=piece[3:], block1=first, block2=second, tag=bytes(flags & 1)))


def _dns(data: bytes) -> None:
    dns_message.decode_answer(data, 0x1234, dns_message.Question("eim.example.com", dns_message.RecordType.A))


def _netlink(data: bytes) -> None:
    middle = len(data) // 2
    interface_of("wwan0", data[:middle], data[middle:])


def _network() -> Iterator[Decoder]:
    yield Decoder("HTTP answer", _http_answer, seeds.HTTP_ANSWERS)
    yield Decoder("HTTP answer of the agent", _http_stream, seeds.HTTP_ANSWERS)
    yield Decoder("HTTP request", _http_request, seeds.HTTP_REQUESTS)
    yield Decoder("CoAP answer in blocks", _coap_answer, seeds.BLOCKS)
    yield Decoder("CoAP request in blocks", _coap_request, seeds.BLOCKS)
    yield Decoder("DNS answer", _dns, seeds.DNS_ANSWERS)
    yield Decoder("netlink", _netlink, seeds.NETLINK)
    yield Decoder("first datagram of a server", hello_verify.is_answer, seeds.DATAGRAMS)
    yield Decoder("first datagram of a client", hello_verify.begins_handshake, seeds.DATAGRAMS)
    yield Decoder("address of a server", lambda data: Authority.parse(_text(data)), seeds.AUTHORITIES)


# Files


def _in_file(read: Callable[[Path], object], name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        read(path)


_FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None


def _state(path: Path) -> None:
    loaded = StateStore(path).load()
    if loaded.content is not None:
        decode_content(loaded.content)
        policy = loaded.content.get("policy")
        restore(policy if isinstance(policy, dict) else None, "boot", 0.0)


def _files() -> Iterator[Decoder]:
    readers: list[tuple[str, str, Callable[[Path], object], Sequence[bytes]]] = [
        ("configuration", "ipad.toml", lambda path: config_of(read_toml(path)), seeds.configurations()),
        ("policy file", "policy.toml", lambda path: policy_of(read_toml(path)), seeds.POLICIES),
        ("board file", "fuzzed.toml", lambda path: BoardLibrary().check(path), seeds.boards()),
        ("configuration of OpenWrt", "ipad", toml_of, seeds.UCI),
        ("state file", "journal.cbor", _state, seeds.states()),
        ("trail of changes", "audit.jsonl", lambda path: list(read_trail(path)), seeds.JSON_LINES),
        ("recording", "traffic.jsonl", lambda path: list(read_recording(path)), seeds.JSON_LINES),
    ]
    for name, file, read, given in readers:
        yield Decoder(name, partial(_in_file, read, file), given)
    yield Decoder("hints", lambda data: parse_hints(_text(data), "hints"), seeds.HINTS)


# Local sockets


def _call(data: bytes) -> None:
    query, _, body = data.partition(b"\n")
    request = HttpRequest("POST", "/v1/poll", "application/json", body, _text(query))
    read_call(request, {"iccid": "89490000000000000015"}, Peer(0, 0, frozenset()), operator=True)


def _local() -> Iterator[Decoder]:
    yield Decoder("call of the control API", _call, seeds.CALLS)
    yield Decoder("request to the helper", helper_protocol.decode_request, seeds.HELPER)
    yield Decoder("answer of the helper", helper_protocol.decode_answer, seeds.HELPER)


# Bytes as something else


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def _lines(data: bytes) -> tuple[str, ...]:
    return tuple(line for line in _text(data).splitlines() if line)


def _pieces(data: bytes) -> Iterator[bytes]:
    """Pieces with their length in the byte before them."""
    while data:
        yield data[1 : 1 + data[0]]
        data = data[1 + data[0] :]


def _cut(data: bytes) -> Iterator[bytes]:
    """The data in two pieces; the first byte says where."""
    if data:
        middle = data[0] * len(data) // 256
        yield data[1 : 1 + middle]
        yield data[1 + middle :]


def _feed(receive: Callable[[bytes], object], data: bytes) -> None:
    for piece in (*_cut(data), b""):
        if receive(piece) is not None:
            return
