"""Compact forms on the way to one eIM (SGP.32 4.1 minimizeEsipaBytes), and the way back to full ones.

Nothing tells the IPA what an eIM has stored. So an object is left out after an exchange that carried it in full was
answered well; what changed on the eUICC since then goes in full again. When an eIM cannot use a compact message, the
same message goes in full at once; if that is taken, all messages are full from then on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from ipad.codec import compact, tlv
from ipad.codec.compact import CompactKnowledge, SessionFacts
from ipad.codec.tlv import Buffer, Element
from ipad.codec.values import OID
from ipad.codec.x509 import Certificate
from ipad.errors import CodecError, HttpStatusError
from ipad.esipa.binding import EsipaBinding
from ipad.records import replace

logger = logging.getLogger(__name__)

_POLL, _RESULT, _NOTIFICATION = 0xBF4F, 0xBF50, 0xBF3D
_INITIATE, _AUTHENTICATE, _GET_PACKAGE, _CANCEL = 0xBF39, 0xBF3B, 0xBF3A, 0xBF41
_REFUSALS: Final = frozenset({400, 500})
"""A server that cannot read a message says the first; one that stumbles over it says the second."""

_UNDEFINED: Final = 127
_NOT_USABLE: Final[Mapping[int, tuple[int, frozenset[int]]]] = {
    _INITIATE: (0x81, frozenset({_UNDEFINED})),
    _AUTHENTICATE: (0x82, frozenset({5, _UNDEFINED})),
    _GET_PACKAGE: (0x81, frozenset({1, _UNDEFINED})),
    _CANCEL: (0x81, frozenset({2, _UNDEFINED})),
}
"""Tag of the error and the codes that may mean a wrong expansion: euiccSignatureInvalid and undefinedError."""

_SESSIONS_KEPT: Final = 4


class KnowledgeStore(Protocol):
    """Where it is kept, for longer than the process, what an eIM has stored."""

    def get(self, eim_id: str) -> CompactKnowledge:
        """What is known of an eIM."""
        ...

    async def put(self, eim_id: str, knowledge: CompactKnowledge) -> None:
        """Keep it. Raises StateError."""
        ...


class SessionMemory:
    """The RSP sessions that eIMs relayed in this process, the newest ones."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, bytes], SessionFacts] = {}

    def get(self, eim_id: str, transaction_id: bytes) -> SessionFacts | None:
        """What is known of a session."""
        return self._facts.get((eim_id, transaction_id))

    def put(self, eim_id: str, transaction_id: bytes, facts: SessionFacts) -> None:
        """Keep it; the oldest is forgotten."""
        self._facts[(eim_id, transaction_id)] = facts
        while len(self._facts) > _SESSIONS_KEPT:
            del self._facts[next(iter(self._facts))]


class MinimizedBinding:
    """Full messages on this side, compact ones on the other as far as the eIM can expand them."""

    def __init__(
        self, eim_id: str, eid: bytes, binding: EsipaBinding, store: KnowledgeStore, sessions: SessionMemory
    ) -> None:
        self._eim_id = eim_id
        self._eid = eid
        self._binding = binding
        self._store = store
        self._sessions = sessions

    async def exchange(self, message: bytes) -> bytes:
        """See `EsipaBinding`. Raises StateError when what was learnt cannot be kept."""
        compacted = self._compacted(message)
        if compacted is None:
            answer = await self._binding.exchange(message)
        else:
            answer = await self._exchange_compact(message, compacted)
        self._note_session(message, answer)
        await self._note_stored(message, answer)
        return answer

    async def close(self) -> None:
        """Close the connection; the next message opens it again."""
        await self._binding.close()

    async def _exchange_compact(self, message: bytes, compacted: bytes) -> bytes:
        try:
            answer = await self._binding.exchange(compacted)
        except HttpStatusError as error:
            if error.status not in _REFUSALS:
                raise
            reason = str(error)
        else:
            code = _error_code(answer)
            if code is None:
                return answer
            reason = f"error {code}"
        logger.info("eIM %s does not take a compact message (%s): sent in full", self._eim_id, reason)
        answer = await self._binding.exchange(message)
        if _error_code(answer) is None:
            logger.warning("eIM %s cannot expand compact messages: it gets full ones from now on", self._eim_id)
            await self._keep(CompactKnowledge(refused=True))
        return answer

    def _compacted(self, message: bytes) -> bytes | None:
        """The message in its compact form; None where there is none."""
        known = self._store.get(self._eim_id)
        element = tlv.read_single(message)
        rewrite = self._rewriters().get(element.tag)
        if known.refused or rewrite is None:
            return None
        try:
            rewritten = rewrite(element, known)
        except CodecError as error:
            # An object that cannot be taken apart is the eIM's to judge, in full.
            logger.debug("eIM %s: not compacted: %s", self._eim_id, error)
            return None
        return None if rewritten == message else rewritten

    def _rewriters(self) -> Mapping[int, Callable[[Element, CompactKnowledge], bytes]]:
        return {
            _INITIATE: self._initiate,
            _AUTHENTICATE: self._authenticate,
            _GET_PACKAGE: self._get_package,
            _CANCEL: self._cancel,
            _NOTIFICATION: self._notification,
            _RESULT: self._result,
        }

    def _initiate(self, element: Element, known: CompactKnowledge) -> bytes:
        parts = list(tlv.children(element.value))
        return tlv.tlv(
            _INITIATE,
            *(part.raw for part in parts if part.tag != 0xBF20 or compact.digest(part.raw) != known.info1),
        )

    def _authenticate(self, element: Element, known: CompactKnowledge) -> bytes:
        return self._of_session(
            element, 0xBF38, lambda part, facts: compact.authenticate_response(part.raw, facts, known)
        )

    def _get_package(self, element: Element, _known: CompactKnowledge) -> bytes:
        return self._of_session(element, 0xBF21, lambda part, facts: compact.prepare_download_response(part.raw, facts))

    def _cancel(self, element: Element, _known: CompactKnowledge) -> bytes:
        def rewrite(part: Element, facts: SessionFacts) -> bytes | None:
            found = compact.cancel_session_response(tlv.tlv(_CANCEL, part.value), facts)
            return None if found is None else tlv.tlv(0xA1, tlv.read_single(found).value)

        return self._of_session(element, 0xA1, rewrite)

    def _of_session(
        self, element: Element, tag: int, rewrite: Callable[[Element, SessionFacts], bytes | None]
    ) -> bytes:
        parts = list(tlv.children(element.value))
        facts = self._sessions.get(self._eim_id, _transaction(parts))
        if facts is None:
            return bytes(element.raw)
        return tlv.tlv(element.tag, *((part.tag == tag and rewrite(part, facts)) or part.raw for part in parts))

    def _notification(self, element: Element, known: CompactKnowledge) -> bytes:
        part = next(tlv.children(element.value), None)
        if part is None or part.tag != 0xA0:
            return bytes(element.raw)
        return tlv.tlv(_NOTIFICATION, tlv.tlv(0xA0, self._pending(tlv.read_single(part.value), known)))

    def _result(self, element: Element, known: CompactKnowledge) -> bytes:
        """ProvideEimPackageResult: the notifications beside a package result."""
        return tlv.tlv(_RESULT, *(self._with_list(part, known) for part in tlv.children(element.value)))

    def _with_list(self, part: Element, known: CompactKnowledge) -> Buffer:
        if part.tag != 0x30:
            return part.raw
        items = []
        for item in tlv.children(part.value):
            if item.tag == 0xA0:
                pending = [self._pending(notification, known) for notification in tlv.children(item.value)]
                items.append(tlv.tlv(0xA0, *pending))
            else:
                items.append(bytes(item.raw))
        return tlv.tlv(0x30, *items)

    def _pending(self, notification: Element, known: CompactKnowledge) -> Buffer:
        if notification.tag == 0x30:
            return compact.other_notification(notification.raw, self._eid, known) or notification.raw
        transaction = tlv.find(notification.value, 0xBF27, 0x80) if notification.tag == 0xBF37 else None
        if transaction is None:
            return notification.raw
        facts = self._sessions.get(self._eim_id, bytes(transaction.value))
        found = None if facts is None else compact.installation_result(notification.raw, facts)
        return found or notification.raw

    def _note_session(self, message: bytes, answer: bytes) -> None:
        """What the answers say of the session, which the eIM knows too."""
        request = tlv.read_single(message)
        try:
            ok = _ok(answer, request.tag)
            if ok is None:
                return
            if request.tag == _INITIATE:
                self._begin_session(ok)
            elif request.tag == _AUTHENTICATE:
                self._continue_session(_transaction(list(tlv.children(request.value))), ok)
        except CodecError as error:
            # The function that asked decodes the answer and says what is wrong with it.
            logger.debug("eIM %s: nothing learnt of the session: %s", self._eim_id, error)

    def _begin_session(self, ok: Element) -> None:
        parts = list(tlv.children(ok.value))
        sequences = [part for part in parts if part.tag == 0x30]
        if len(sequences) != 2:
            raise CodecError(f"expected serverSigned1 and serverCertificate, got {len(sequences)} sequences")
        signed, certificate = sequences
        server, address = compact.server_facts(signed.raw)
        context = next((part for part in parts if part.tag == 0xA2), None)
        facts = SessionFacts(
            server=server,
            address=address,
            oid=_registered_id(certificate),
            ctx_params1=None if context is None else bytes(context.value),
        )
        transaction = tlv.read_element(server)
        self._sessions.put(self._eim_id, bytes(transaction.value), facts)

    def _continue_session(self, transaction_id: bytes, ok: Element) -> None:
        facts = self._sessions.get(self._eim_id, transaction_id)
        if facts is None:
            return
        parts = list(tlv.children(ok.value))
        signed = next((part for part in parts if part.tag == 0x30), None)
        if signed is None:
            raise CodecError("smdpSigned2 is missing")
        otpk = tlv.find(signed.value, 0x5F49)
        hash_cc = next((part for part in parts if part.tag == 0x04), None)
        metadata = next((part for part in parts if part.tag == 0xBF25), None)
        iccid = None if metadata is None else tlv.find(metadata.value, 0x5A)
        facts = replace(
            facts,
            otpk=None if otpk is None else bytes(otpk.raw),
            hash_cc=None if hash_cc is None else bytes(hash_cc.raw),
            iccid=None if iccid is None else bytes(iccid.value),
        )
        self._sessions.put(self._eim_id, transaction_id, facts)

    async def _note_stored(self, message: bytes, answer: bytes) -> None:
        """What the eIM has stored, after it answered a message that carried it in full."""
        known = self._store.get(self._eim_id)
        if known.refused:
            return
        try:
            learnt = _learnt(tlv.read_single(message), answer, known)
        except CodecError as error:
            logger.debug("eIM %s: nothing learnt: %s", self._eim_id, error)
            return
        if learnt != known:
            await self._keep(learnt)

    async def _keep(self, knowledge: CompactKnowledge) -> None:
        await self._store.put(self._eim_id, knowledge)


def _learnt(request: Element, answer: bytes, known: CompactKnowledge) -> CompactKnowledge:
    if request.tag == _AUTHENTICATE and _ok(answer, _AUTHENTICATE) is not None:
        full = tlv.find(request.value, 0xBF38, 0xA0)
        if full is None:
            return known
        parts = list(tlv.children(full.value))
        if [part.tag for part in parts] != [0x30, 0x5F37, 0x30, 0x30]:
            return known
        signed, _, euicc, eum = parts
        info2 = tlv.find(signed.value, 0xBF22)
        return replace(
            known,
            info2=None if info2 is None else compact.info2_digest(info2.raw),
            certificates=compact.digest(euicc.raw, eum.raw),
        )
    if request.tag == _RESULT and answer and tlv.find(tlv.read_single(answer).value, 0x02) is None:
        data = tlv.find(request.value, 0xBF52, 0xA0)
        return known if data is None else _learnt_data(data, known)
    return known


def _learnt_data(data: Element, known: CompactKnowledge) -> CompactKnowledge:
    """IpaEuiccData; its certificates are the content of the SEQUENCE."""
    fields = {field.tag: field for field in tlv.children(data.value)}
    if 0xBF20 in fields:
        known = replace(known, info1=compact.digest(fields[0xBF20].raw))
    if 0xBF22 in fields:
        known = replace(known, info2=compact.info2_digest(fields[0xBF22].raw))
    if 0xA5 in fields and 0xA6 in fields:
        eum, euicc = (tlv.tlv(0x30, fields[tag].value) for tag in (0xA5, 0xA6))
        known = replace(known, certificates=compact.digest(euicc, eum))
    return known


def _ok(answer: bytes, tag: int) -> Element | None:
    """The ok alternative of a relay function."""
    if not answer or tag not in _NOT_USABLE:
        return None
    arm = next(tlv.children(tlv.read_single(answer).value), None)
    return arm if arm is not None and arm.tag == 0xA0 else None


def _error_code(answer: bytes) -> int | None:
    """The error that may mean that a compact form was of no use."""
    try:
        element = tlv.read_single(answer) if answer else None
        if element is None or element.tag not in _NOT_USABLE:
            return None
        tag, codes = _NOT_USABLE[element.tag]
        error = tlv.find(element.value, tag)
    except CodecError:
        return None  # the function that asked decodes the answer and says what is wrong with it
    code = None if error is None else int.from_bytes(error.value, "big")
    return code if code in codes else None


def _transaction(parts: list[Element]) -> bytes:
    return next((bytes(part.value) for part in parts if part.tag == 0x80), b"")


def _registered_id(certificate: Element) -> bytes | None:
    try:
        text = Certificate.parse(bytes(certificate.raw)).registered_id
    except CodecError:
        return None  # whoever verifies the certificate says so
    return None if text is None else OID.encode(text)
