"""The eIM's side of an indirect profile download: four functions of ESipa, relayed to a SM-DP+ or SM-DS over ES9+ and
ES11 (SGP.32 3.2.3.2, 5.14.1 to 5.14.3 and 5.14.8).

Signed objects pass as the bytes in which they came; compact forms of minimizeEsipaBytes were expanded before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from hil import codec, tlv
from hil.eim import relay_codes
from hil.eim.association import Association, Package, PackageState
from hil.eim.content import ContentKind
from hil.eim.download import DownloadData, Source, download_data, from_activation_code, same_server
from hil.eim.history import RecordKind
from hil.eim.intake import Arrival, Recorder
from hil.eim.knobs import EimKnobs
from hil.eim.messages import MalformedRequestError, parts
from hil.eim.relay_facts import (
    CONTEXT_BIT,
    MATCHING_ID_BIT,
    METADATA_BIT,
    device_info,
    has_feature,
    same_metadata,
)
from hil.pki.certificates import ROLE_DS_AUTH
from hil.pki.chain import ChainError, parse, registered_id, roles
from hil.rsp.json_client import Answer, JsonClient, NoAnswerError, ServerRoute
from hil.rsp.status import RspStatus
from hil.smdp.orders import hash_of_code

FUNCTIONS: Final = {
    0xBF39: "InitiateAuthentication",
    0xBF3A: "GetBoundProfilePackage",
    0xBF3B: "AuthenticateClient",
    0xBF41: "CancelSession",
}
_ERROR_TAGS: Final = {0xBF39: 0x81, 0xBF3A: 0x81, 0xBF3B: 0x82, 0xBF41: 0x81}
_COMPACT: Final = 0xA2


class Routes(Protocol):
    """How the eIM reaches RSP servers."""

    def route(self, address: str, source: Source) -> ServerRoute | None:
        """The way to a server, None when there is none."""
        ...


class RelayError(Exception):
    """A request that is answered with an error code; `reason` is for the record."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass
class RelaySession:
    """One RSP session between an eUICC and a server."""

    association: Association
    package: Package
    data: DownloadData
    client: JsonClient
    transaction_id: str
    """As the server wrote it."""
    is_smds: bool
    metadata: bytes = b""


class DownloadRelay:
    """Answers the relay functions of one eIM."""

    def __init__(
        self,
        knobs: EimKnobs,
        associations: Callable[[], Iterable[Association]],
        routes: Routes,
        recorder: Recorder,
        user_agent: str,
    ) -> None:
        self._knobs = knobs
        self._associations = associations
        self._routes = routes
        self._record = recorder
        self._user_agent = user_agent
        self._sessions: dict[bytes, RelaySession] = {}
        self._redirected: dict[bytes, DownloadData] = {}
        """What a SM-DS event turned a trigger into, by eimTransactionId."""

    async def answer(self, message: tlv.Tlv) -> bytes:
        """Relay one request; the answer for the IPA. Raises MalformedRequestError."""
        function = FUNCTIONS[message.tag]
        handlers = {
            0xBF39: self._initiate,
            0xBF3B: self._authenticate,
            0xBF3A: self._get_package,
            0xBF41: self._cancel,
        }
        fields = {part.tag: part for part in parts(message.value)}
        session = self._sessions.get(fields[0x80].value) if 0x80 in fields else None
        try:
            self._check_knobs(function)
            content, summary = await handlers[message.tag](fields)
        except RelayError as error:
            content, summary = self._error(message.tag, error.code), f"answered {error.code}: {error}"
        except RspStatus as error:
            code = relay_codes.esipa_code(function, error.code)
            content, summary = self._error(message.tag, code), f"answered {code}: the server said {error}"
        except NoAnswerError as error:
            content, summary = self._error(message.tag, relay_codes.UNDEFINED), f"answered 127: {error}"
        association = session.association if session is not None else None
        package = session.package if session is not None else None
        arrival = Arrival(RecordKind.RELAY, f"{function} {summary}", message.raw, package=package)
        self._record(association, function, arrival)
        return tlv.build(message.tag, content)

    def _check_knobs(self, function: str) -> None:
        code = self._knobs.relay_errors.get(function)
        if code is not None:
            raise RelayError(code, "on demand")

    @staticmethod
    def _error(tag: int, code: int) -> bytes:
        return tlv.build(_ERROR_TAGS[tag], tlv.integer(code))

    async def _initiate(self, fields: dict[int, tlv.Tlv]) -> tuple[bytes, str]:
        """ESipa.InitiateAuthentication (5.14.1)."""
        if 0x81 not in fields:
            raise MalformedRequestError("InitiateAuthentication without euiccChallenge")
        association, package = self._trigger(fields.get(0x82))
        data = self._data(package)
        told = fields[0x83].value.decode("utf-8", "replace") if 0x83 in fields else None
        if told is not None and data.address is not None and not same_server(told, data.address):
            raise RelayError(relay_codes.SMDP_ADDRESS_MISMATCH, f"smdpAddress {told}, the trigger says {data.address}")
        address = data.address or told
        info1 = fields[0xBF20].raw if 0xBF20 in fields else association.euicc_info1
        if address is None or info1 is None:
            raise RelayError(relay_codes.UNDEFINED, "no address of the server" if address is None else "no EUICCInfo1")
        route = self._routes.route(address, data.source)
        if route is None:
            raise RelayError(relay_codes.UNDEFINED, f"there is no way to {address}")
        client = JsonClient(route, self._user_agent)
        answer = await client.call(
            "initiateAuthentication",
            {
                "euiccChallenge": fields[0x81].value,
                "euiccInfo1": info1,
                "smdpAddress": address.partition(":")[0],
            },
        )
        return self._initiated(association, package, data, client, answer), f"to {address}"

    def _initiated(
        self, association: Association, package: Package, data: DownloadData, client: JsonClient, answer: Answer
    ) -> bytes:
        """Checks on the server's answer (3.2.3.2), and the answer for the IPA."""
        signed1, certificate = answer.binary("serverSigned1"), answer.binary("serverCertificate")
        try:
            fields = codec.decode("ServerSigned1", signed1)
            parsed = parse(certificate)
        except (codec.CodecError, ChainError) as error:
            raise NoAnswerError(f"initiateAuthentication: {error}") from error
        if data.address is not None and not same_server(fields["serverAddress"], data.address):
            raise RelayError(relay_codes.SMDP_ADDRESS_MISMATCH, f"serverAddress {fields['serverAddress']}")
        if data.oid is not None and registered_id(parsed) != data.oid:
            raise RelayError(relay_codes.SMDP_OID_MISMATCH, f"the server is {registered_id(parsed)}")
        transaction_id: bytes = fields["transactionId"]
        text = answer.text("transactionId")
        session = RelaySession(association, package, data, client, text, ROLE_DS_AUTH in roles(parsed))
        self._sessions[transaction_id] = session
        return tlv.build(
            0xA0,
            tlv.build(0x80, transaction_id),
            signed1,
            answer.binary("serverSignature1"),
            answer.binary("euiccCiPKIdToBeUsed"),
            certificate,
            self._context(association, data, is_smds=session.is_smds),
        )

    def _context(self, association: Association, data: DownloadData, *, is_smds: bool) -> bytes:
        """matchingId (0C) and ctxParams1 (A2), as far as they are the eIM's business."""
        matching_id = self._knobs.matching_id
        if matching_id is None:
            matching_id = "" if is_smds else data.matching_id
        if has_feature(association, CONTEXT_BIT):
            params: dict[str, Any] = {"deviceInfo": device_info(association)}
            if matching_id is not None:
                params["matchingId"] = matching_id
            context = codec.encode("CtxParams1", ("ctxParamsForCommonAuthentication", params))
            return tlv.build(0xA2, context)
        chosen = self._knobs.matching_id is not None or data.held or has_feature(association, MATCHING_ID_BIT)
        return tlv.build(0x0C, matching_id.encode()) if chosen and matching_id is not None else b""

    async def _authenticate(self, fields: dict[int, tlv.Tlv]) -> tuple[bytes, str]:
        """ESipa.AuthenticateClient (5.14.3)."""
        session = self._session("AuthenticateClient", fields)
        response = _complete(fields, 0xBF38)
        answer = await session.client.call(
            "authenticateClient",
            {"transactionId": session.transaction_id, "authenticateServerResponse": response},
        )
        if session.is_smds:
            return self._events(fields[0x80].value, session, answer)
        session.metadata = answer.binary("profileMetadata")
        signed2 = answer.binary("smdpSigned2")
        try:
            needs_code = codec.decode("SmdpSigned2", signed2)["ccRequiredFlag"]
            metadata = codec.decode("StoreMetadataRequest", session.metadata)
        except codec.CodecError as error:
            raise NoAnswerError(f"authenticateClient: {error}") from error
        if self._verifies_metadata(session.association):
            self._check_rules(metadata)
        content = tlv.build(
            0xA0,
            tlv.build(0x80, fields[0x80].value),
            session.metadata,
            signed2,
            answer.binary("smdpSignature2"),
            answer.binary("smdpCertificate"),
            self._hash_cc(session, fields[0x80].value, needed=needs_code),
        )
        return content, "profile " + metadata["profileName"]

    @staticmethod
    def _hash_cc(session: RelaySession, transaction_id: bytes, *, needed: bool) -> bytes:
        if not needed or session.data.code_hash is None:
            return b""
        return tlv.build(0x04, hash_of_code(session.data.code_hash, transaction_id))

    def _events(self, transaction_id: bytes, session: RelaySession, answer: Answer) -> tuple[bytes, str]:
        """A SM-DS has no profile but says where there is one: a new trigger, or none (SGP.32 6.3.2.2)."""
        del self._sessions[transaction_id]
        entries = answer.entries("eventEntries")
        head = tlv.build(0x80, transaction_id)
        if not entries:
            return tlv.build(0xA1, head), "no event"
        code = f"1${entries[0].get('rspServerAddress')}${entries[0].get('eventId')}"
        eim_transaction_id = session.package.transaction_id or b""
        self._redirected[eim_transaction_id] = from_activation_code(code, code_hash=session.data.code_hash)
        trigger = tlv.build(0xA0, tlv.build(0x80, code.encode())) + tlv.build(0x82, eim_transaction_id)
        return tlv.build(0xA1, head, tlv.build(0xBF54, trigger)), f"event {code}"

    def _check_rules(self, metadata: dict[str, Any]) -> None:
        rules: codec.BitString = metadata.get("profilePolicyRules", (b"", 0))
        for bit in range(rules[1]):
            if codec.has_bit(rules, bit) and bit not in self._knobs.allowed_policy_rules:
                raise RelayError(relay_codes.PPR_NOT_ALLOWED, f"profile policy rule {bit} is not allowed")

    async def _get_package(self, fields: dict[int, tlv.Tlv]) -> tuple[bytes, str]:
        """ESipa.GetBoundProfilePackage (5.14.2)."""
        session = self._session("GetBoundProfilePackage", fields)
        response = _complete(fields, 0xBF21)
        answer = await session.client.call(
            "getBoundProfilePackage",
            {"transactionId": session.transaction_id, "prepareDownloadResponse": response},
        )
        package = answer.binary("boundProfilePackage")
        if self._verifies_metadata(session.association) and not same_metadata(package, session.metadata):
            raise RelayError(relay_codes.METADATA_MISMATCH, "StoreMetadata differs from profileMetadata")
        return tlv.build(0xA0, tlv.build(0x80, fields[0x80].value), package), f"{len(package)} bytes"

    async def _cancel(self, fields: dict[int, tlv.Tlv]) -> tuple[bytes, str]:
        """ESipa.CancelSession (5.14.8). The response of the eUICC comes in three forms."""
        session = self._session("CancelSession", fields)
        if 0xBF41 in fields:
            response = fields[0xBF41].raw
        elif 0xA1 in fields:
            inner = parts(fields[0xA1].value)
            response = inner[0].raw if inner and inner[0].tag == 0xBF41 else tlv.build(0xBF41, fields[0xA1].value)
        else:
            raise MalformedRequestError("CancelSession without the eUICC's response")
        if tlv.children(tlv.single(response).value)[:1] == []:
            raise MalformedRequestError("CancelSession with an empty response")
        await session.client.call(
            "cancelSession", {"transactionId": session.transaction_id, "cancelSessionResponse": response}
        )
        return tlv.build(0xA0), "done"

    def _trigger(self, transaction_id: tlv.Tlv | None) -> tuple[Association, Package]:
        """The trigger that an InitiateAuthentication belongs to; one without number if only one is handed out."""
        found = [
            (association, package)
            for association in self._associations()
            for package in association.packages
            if package.content.kind is ContentKind.DOWNLOAD_TRIGGER and package.handed_out
        ]
        if transaction_id is not None:
            found = [item for item in found if item[1].transaction_id == transaction_id.value]
        else:
            found = [item for item in found if item[1].state in (PackageState.HANDED_OUT, PackageState.RECEIVED)]
        if len(found) != 1:
            raise RelayError(relay_codes.INVALID_EIM_TRANSACTION_ID, f"{len(found)} triggers fit")
        return found[0]

    def _data(self, package: Package) -> DownloadData:
        if package.transaction_id in self._redirected:
            return self._redirected[package.transaction_id]
        try:
            data = download_data(package.content)
        except (ValueError, codec.CodecError) as error:
            raise RelayError(relay_codes.UNDEFINED, str(error)) from error
        if data is None:
            raise RelayError(relay_codes.UNDEFINED, "the eIM holds no download data for this trigger")
        return data

    def _session(self, function: str, fields: dict[int, tlv.Tlv]) -> RelaySession:
        session = self._sessions.get(fields[0x80].value) if 0x80 in fields else None
        if session is None:
            raise RelayError(relay_codes.UNKNOWN_TRANSACTION[function], "unknown transaction")
        return session

    def _verifies_metadata(self, association: Association) -> bool:
        return self._knobs.verify_metadata or has_feature(association, METADATA_BIT)


def _complete(fields: dict[int, tlv.Tlv], tag: int) -> bytes:
    """An object of the eUICC as it came. Raises RelayError for a compact one."""
    if tag not in fields:
        raise MalformedRequestError(f"the eUICC's response {tag:X} is missing")
    arms = parts(fields[tag].value)
    if arms and arms[0].tag == _COMPACT:
        raise RelayError(relay_codes.UNDEFINED, "compact forms are not expanded")
    return fields[tag].raw
