"""The eIM's part in minimizeEsipaBytes: compact messages become full ones before anybody else reads them (SGP.32 4.1).

Every expansion is checked with the eUICC's signature. Where that fails a relay function is answered with
euiccSignatureInvalid, where something is not stored with undefinedError; any other message is refused with 400.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from hil import crypto, tlv
from hil.eim import expansion
from hil.eim.association import Association
from hil.eim.expansion import Expanded, ExpansionError, Session, Stored, WrongSignatureError
from hil.eim.knobs import CompactForms, EimKnobs
from hil.eim.messages import MalformedRequestError, outer, parts
from hil.pki.chain import ChainError, parse, registered_id

_SIGNATURE_INVALID: Final = {0xBF3B: (0x82, 5), 0xBF3A: (0x81, 1), 0xBF41: (0x81, 2)}
_UNDEFINED: Final = 127
_RELAYED: Final = {0xBF3B: 0xBF38, 0xBF3A: 0xBF21, 0xBF41: 0xA1}
_COMPACT_ARM: Final = 0xA2
_SHORT_KEY_ID: Final = 2


class CompactError(Exception):
    """A compact message that cannot be used; `answer` is what the IPA is told, None for HTTP 400."""

    def __init__(self, reason: str, answer: bytes | None = None) -> None:
        super().__init__(reason)
        self.answer = answer


class CompactFront:
    """Expands what comes in and, on demand, makes compact what goes out."""

    def __init__(self, knobs: EimKnobs, associations: Callable[[], Iterable[Association]]) -> None:
        self._knobs = knobs
        self._associations = associations
        self._sessions: dict[bytes, Session] = {}
        self._owners: dict[bytes, Association] = {}
        self.expanded: list[bytes] = []
        """The compact messages that were expanded, as received."""

    def read(self, body: bytes) -> bytes:
        """The full message of a request. Raises CompactError, MalformedRequestError."""
        message = outer(body)
        try:
            full = self._full(message)
        except (ExpansionError, tlv.TlvError, KeyError, ValueError) as error:
            if isinstance(error, MalformedRequestError):
                raise
            wrong = isinstance(error, WrongSignatureError)
            reason = f"{error.args[0]:X} is missing" if isinstance(error, KeyError) else str(error)
            raise CompactError(
                f"compact form not expanded: {reason}", self._refusal(message.tag, wrong=wrong)
            ) from error
        if full != body:
            if self._knobs.compact_forms is CompactForms.REFUSE:
                raise MalformedRequestError("compact forms are not understood")
            self.expanded.append(body)
        return full

    def write(self, request: bytes, answer: bytes) -> bytes:
        """Note what an answer says of its session; the answer as it goes out."""
        asked, message = tlv.single(request), tlv.single(answer)
        content = tlv.children(message.value)
        if not content or content[0].tag != 0xA0 or message.tag not in (0xBF39, 0xBF3B, 0xBF3A):
            return answer
        fields = tlv.children(content[0].value)
        if message.tag == 0xBF39:
            self._begin(asked, fields)
        elif message.tag == 0xBF3B:
            self._continue(asked, fields)
        if not self._knobs.compact_answers:
            return answer
        return tlv.build(message.tag, tlv.build(0xA0, *(_shortened(field) for field in fields if field.tag != 0x80)))

    def _full(self, message: tlv.Tlv) -> bytes:
        match message.tag:
            case 0xBF3A | 0xBF3B | 0xBF41:
                return self._relayed(message)
            case 0xBF3D:
                fields = (
                    tlv.build(0xA0, self._notification(tlv.single(field.value))) if field.tag == 0xA0 else field.raw
                    for field in parts(message.value)
                )
                return tlv.build(0xBF3D, *fields)
            case 0xBF50:
                return tlv.build(0xBF50, *(self._with_list(field) for field in parts(message.value)))
            case _:
                return message.raw

    def _relayed(self, message: tlv.Tlv) -> bytes:
        fields = parts(message.value)
        transaction = next((field.value for field in fields if field.tag == 0x80), b"")
        inner = next((field for field in fields if field.tag == _RELAYED[message.tag]), None)
        arm = next(iter(parts(inner.value)), None) if inner is not None else None
        if inner is None or arm is None or arm.tag != _COMPACT_ARM:
            self._learn(message.tag, transaction, arm)
            return message.raw
        session = self._sessions.get(transaction)
        owner = self._owners.get(transaction)
        if session is None or owner is None:
            raise ExpansionError("there is no such session")
        match message.tag:
            case 0xBF3B:
                found: Sequence[Expanded] = [expansion.authenticate_response(arm.value, _stored(owner), session)]
            case 0xBF3A:
                found = [expansion.prepare_download_response(arm.value, session)]
            case _:
                found = expansion.cancel_session_response(arm.value, session)
        raw = _genuine(owner, found)
        if message.tag == 0xBF41:
            raw = tlv.build(0xA1, tlv.single(raw).value)
        return tlv.build(message.tag, *(raw if field is inner else field.raw for field in fields))

    def _learn(self, tag: int, transaction: bytes, arm: tlv.Tlv | None) -> None:
        """A full AuthenticateServerResponse brings EUICCInfo2 and the certificates."""
        owner = self._owners.get(transaction)
        if tag != 0xBF3B or owner is None or arm is None or arm.tag != 0xA0:
            return
        signed, _, certificate, eum = parts(arm.value)
        owner.euicc_info2 = next((field.raw for field in parts(signed.value) if field.tag == 0xBF22), None)
        owner.certificate = owner.certificate or certificate.raw
        owner.eum_certificate = owner.eum_certificate or eum.raw

    def _with_list(self, field: tlv.Tlv) -> bytes:
        if field.tag != 0x30:
            return field.raw
        items = (
            tlv.build(0xA0, *(self._notification(one) for one in parts(item.value))) if item.tag == 0xA0 else item.raw
            for item in parts(field.value)
        )
        return tlv.build(0x30, *items)

    def _notification(self, notification: tlv.Tlv) -> bytes:
        if notification.tag == 0xA1:
            eid = next((part.value for part in parts(notification.value) if part.tag == 0x5A), None)
            owner = self._owner(eid)
            return _genuine(owner, [expansion.other_notification(notification.value, _stored(owner))])
        if notification.tag != 0xA0:
            return notification.raw
        transaction = tlv.find(notification.raw, 0xA0, 0xA0, 0x80).value
        session = self._sessions.get(transaction)
        if session is None:
            raise ExpansionError("there is no such session")
        return _genuine(self._owners[transaction], [expansion.installation_result(notification.value, session)])

    def _owner(self, eid: bytes | None) -> Association:
        known = [association for association in self._associations() if eid in (None, association.eid)]
        if len(known) != 1:
            raise ExpansionError(f"{len(known)} eUICCs fit")
        return known[0]

    def _begin(self, asked: tlv.Tlv, fields: list[tlv.Tlv]) -> None:
        number = next((field.value for field in parts(asked.value) if field.tag == 0x82), None)
        owner = next(
            (
                association
                for association in self._associations()
                for package in association.packages
                if package.handed_out and number in (None, package.transaction_id)
            ),
            None,
        )
        signed, certificate = (field.raw for field in fields if field.tag == 0x30)
        server = {field.tag: field for field in parts(tlv.single(signed).value)}
        context = next((field.value for field in fields if field.tag == 0xA2), b"")
        session = Session(
            server[0x80].raw, server[0x83].raw, server[0x84].raw, server[0x83].value, _oid(certificate), context
        )
        if owner is not None:
            self._sessions[server[0x80].value] = session
            self._owners[server[0x80].value] = owner

    def _continue(self, asked: tlv.Tlv, fields: list[tlv.Tlv]) -> None:
        transaction = next((field.value for field in parts(asked.value) if field.tag == 0x80), b"")
        session = self._sessions.get(transaction)
        if session is None:
            return
        signed = next(field for field in fields if field.tag == 0x30)
        session.otpk = next((field.raw for field in parts(signed.value) if field.tag == 0x5F49), b"")
        session.hash_cc = next((field.raw for field in fields if field.tag == 0x04), b"")
        session.server_signature2 = next((field.raw for field in fields if field.tag == 0x5F37), b"")
        metadata = next((field for field in fields if field.tag == 0xBF25), None)
        if metadata is not None:
            session.iccid = next(field.value for field in parts(metadata.value) if field.tag == 0x5A)

    @staticmethod
    def _refusal(tag: int, *, wrong: bool) -> bytes | None:
        if tag not in _SIGNATURE_INVALID:
            return None
        error_tag, code = _SIGNATURE_INVALID[tag]
        return tlv.build(tag, tlv.build(error_tag, tlv.integer(code if wrong else _UNDEFINED)))


def _stored(association: Association) -> Stored:
    return Stored(association.euicc_info2, association.certificate, association.eum_certificate)


def _genuine(association: Association, candidates: Sequence[Expanded]) -> bytes:
    """The candidate that the eUICC signed. Raises ExpansionError when there is none."""
    if association.public_key is None:
        return candidates[0].raw
    key = crypto.public_key_from_spki(association.public_key)
    for candidate in candidates:
        if crypto.verify_lenient(key, candidate.signature, candidate.signed):
            return candidate.raw
    raise WrongSignatureError("the signature is not over what was rebuilt")


def _shortened(field: tlv.Tlv) -> bytes:
    return tlv.build(0x04, field.value[:_SHORT_KEY_ID]) if field.tag == 0x04 and len(field.value) == 20 else field.raw


def _oid(certificate: bytes) -> bytes:
    """Content of the OBJECT IDENTIFIER in the server's certificate, b"" without one."""
    try:
        text = registered_id(parse(certificate))
    except ChainError:
        return b""
    if text is None:
        return b""
    first, second, *rest = (int(arc) for arc in text.split("."))
    return b"".join(_arc(arc) for arc in (first * 40 + second, *rest))


def _arc(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(0x80 | value & 0x7F)
    return bytes(reversed(octets))
