"""ES10b.LoadBoundProfilePackage: the segments of a package as they come (SGP.22 2.5, 5.5, 5.7.6).

The bytes of all segments are one stream; each complete TLV is processed when its last byte arrives. The answer is empty
until the package is complete or a check fails; then it is the ProfileInstallationResult.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from hil import codec, crypto, tlv
from hil.euicc import installation, status
from hil.euicc.engine import Engine
from hil.euicc.errors import StatusError
from hil.euicc.identifiers import eid_octets
from hil.euicc.information import free_memory
from hil.euicc.installation import InstallationError, NewProfile
from hil.euicc.session import AuthenticatedServer, FinishedDownload, PreparedDownload
from hil.euicc.state import Loading
from hil.scp03t import Scp03tSecurityError, Scp03tStructureError, SecureChannel
from hil.upp import reader
from hil.upp.elements import PeStatusCode
from hil.upp.files import UppError

_PACKAGE: Final = 0xBF36
_SECURE_CHANNEL: Final = 0xBF23
_INITIALISE, _CONFIGURE, _METADATA, _KEYS, _ELEMENTS = 0, 1, 2, 4, 5
_SEQUENCES: Final = {0xA0: (_CONFIGURE, 0x87), 0xA1: (_METADATA, 0x88), 0xA2: (_KEYS, 0x87), 0xA3: (_ELEMENTS, 0x86)}
_FOLLOWERS: Final = {None: (0xA0,), 0xA0: (0xA1,), 0xA1: (0xA2, 0xA3), 0xA2: (0xA3,), 0xA3: ()}
_SEGMENT_TAGS: Final = frozenset((0x86, 0x87, 0x88, *_SEQUENCES))
_STRUCTURE_ERROR, _SECURITY_ERROR, _PROCESSING_ERROR = 7, 8, 12
_INCORRECT_INPUT, _INVALID_SIGNATURE, _INVALID_TRANSACTION = 1, 2, 3
_UNSUPPORTED_CRT, _UNSUPPORTED_OPERATION = 4, 5
_REPLACED_KEYS: Final = (0x80, 0x81, 0x82)


def is_segment(request: bytes) -> bool:
    """Whether the data of a STORE DATA chain belong to a package and not to a function of their own."""
    return request[:1] != b"" and (request[0] in _SEGMENT_TAGS or request[:2] == _PACKAGE.to_bytes(2, "big"))


def load_segment(engine: Engine, segment: bytes) -> bytes:
    """Process a segment; b"" means go on. StatusError 6985 when no package is expected."""
    if segment[:2] == _PACKAGE.to_bytes(2, "big"):
        engine.session.loader = _begin(engine)
    if engine.session.loader is None:
        raise StatusError(status.CONDITIONS)
    return engine.session.loader.feed(segment)


def _begin(engine: Engine) -> PackageLoader:
    server, prepared = engine.session.server, engine.session.prepared
    if server is None or prepared is None:
        raise StatusError(status.CONDITIONS)
    loading = Loading(server.transaction_id, server.oid, server.address, _INITIALISE)
    engine.session.prepared = None
    return PackageLoader(engine, server, prepared, loading)


@dataclass
class _Sequence:
    """The sequence that is being filled: its outer tag and how many bytes are still to come."""

    tag: int
    left: int


class PackageLoader:
    """One package on its way into the card."""

    def __init__(
        self, engine: Engine, server: AuthenticatedServer, prepared: PreparedDownload, loading: Loading
    ) -> None:
        self._engine = engine
        self._server = server
        self._prepared = prepared
        self._loading = loading
        self._buffer = bytearray()
        self._started = False
        self._channel: SecureChannel | None = None
        self._sequence: _Sequence | None = None
        self._last_tag: int | None = None
        self._plain = bytearray()
        self._metadata: NewProfile | None = None
        self._handlers: dict[int, Callable[[bytes], None]] = {
            _CONFIGURE: self._configure,
            _METADATA: self._gather,
            _KEYS: self._replace_keys,
            _ELEMENTS: self._gather_elements,
        }

    def feed(self, data: bytes) -> bytes:
        """Take bytes in; returns the result once there is one."""
        self._buffer += data
        try:
            forced = self._engine.forced("errorReason")
            if forced is not None:
                raise InstallationError(forced)
            while self._step():
                if self._complete():
                    return self._install()
        except InstallationError as error:
            return self._failed(error)
        except Scp03tStructureError:
            return self._failed(InstallationError(_STRUCTURE_ERROR))
        except Scp03tSecurityError:
            return self._failed(InstallationError(_SECURITY_ERROR))
        return b""

    def _step(self) -> bool:
        """Process the next header or TLV of the stream; False when more bytes are needed."""
        if not self._buffer:
            return False
        if not self._started:
            return self._take_header(_PACKAGE) is not None and self._begin_package()
        if self._channel is None:
            element = self._take_element()
            if element is None:
                return False
            if element.tag != _SECURE_CHANNEL:
                raise InstallationError(_STRUCTURE_ERROR)
            self._initialise(element)
            return True
        if self._sequence is None:
            return self._open_sequence()
        return self._protected()

    def _begin_package(self) -> bool:
        self._started = True
        return True

    def _take_header(self, *tags: int) -> tuple[int, int] | None:
        """Tag and content length at the head of the stream, taken off it; None when they are not all there."""
        head = _header(bytes(self._buffer[:8]))
        if head is None:
            return None
        tag, size, length = head
        if tag not in tags:
            raise InstallationError(_STRUCTURE_ERROR)
        del self._buffer[:size]
        return tag, length

    def _take_element(self) -> tlv.Tlv | None:
        head = _header(bytes(self._buffer[:8]))
        if head is None or len(self._buffer) < head[1] + head[2]:
            return None
        element = tlv.first(bytes(self._buffer[: head[1] + head[2]]))
        del self._buffer[: len(element.raw)]
        return element

    def _open_sequence(self) -> bool:
        taken = self._take_header(*_FOLLOWERS[self._last_tag])
        if taken is None:
            return False
        self._sequence = _Sequence(*taken)
        self._last_tag = taken[0]
        self._loading = replace(self._loading, command=_SEQUENCES[taken[0]][0])
        if taken[0] == 0xA3:
            self._remember()
        return True

    def _protected(self) -> bool:
        assert self._sequence is not None
        assert self._channel is not None
        command, tag = _SEQUENCES[self._sequence.tag]
        head = _header(bytes(self._buffer[:8]))
        if head is None or len(self._buffer) < head[1] + head[2]:
            if head is not None and head[1] + head[2] > self._sequence.left:
                raise InstallationError(_STRUCTURE_ERROR)
            return False
        size = head[1] + head[2]
        if size > self._sequence.left:
            raise InstallationError(_STRUCTURE_ERROR)
        segment = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._sequence.left -= size
        self._handlers[command](self._channel.unprotect(segment, tag))
        if not self._sequence.left:
            self._sequence = None
            if command == _METADATA:
                self._store_metadata()
        return True

    def _complete(self) -> bool:
        return self._last_tag == 0xA3 and self._sequence is None

    def _initialise(self, element: tlv.Tlv) -> None:
        """ES8+.InitialiseSecureChannel (5.5.1)."""
        try:
            members = codec.decode("InitialiseSecureChannelRequest", element.raw)
            parts = tlv.children(element.value)
        except (codec.CodecError, tlv.TlvError) as error:
            raise InstallationError(_INCORRECT_INPUT) from error
        if members["remoteOpId"] != 1:
            raise InstallationError(_UNSUPPORTED_OPERATION)
        if members["transactionId"] != self._server.transaction_id:
            raise InstallationError(_INVALID_TRANSACTION)
        template = members["controlRefTemplate"]
        if (template["keyType"], template["keyLen"]) != (b"\x88", b"\x10"):
            raise InstallationError(_UNSUPPORTED_CRT)
        one_time = self._prepared.one_time_key
        signed = b"".join(part.raw for part in parts if part.tag != 0x5F37) + tlv.build(0x5F49, crypto.point(one_time))
        signer = crypto.public_key_from_certificate(self._prepared.binding_certificate)
        if not crypto.verify(signer, members["smdpSign"], signed):
            raise InstallationError(_INVALID_SIGNATURE)
        try:
            peer = crypto.public_key_from_point(members["smdpOtpk"], crypto.curve_of(one_time))
        except crypto.CryptoError as error:
            raise InstallationError(_INCORRECT_INPUT) from error
        secret = crypto.shared_secret(one_time, peer)
        eid = eid_octets(self._engine.config.eid)
        self._channel = SecureChannel(crypto.session_keys(secret, template["hostId"], eid))

    def _configure(self, plain: bytes) -> None:
        """ES8+.ConfigureISDP (5.5.2): from here on an interruption has something to clean up."""
        try:
            members = codec.decode("ConfigureISDPRequest", plain)
        except codec.CodecError as error:
            raise InstallationError(_INCORRECT_INPUT) from error
        data = members.get("dpProprietaryData")
        if data is not None and not (data["dpOid"] + ".").startswith(self._server.oid + "."):
            raise InstallationError(_INCORRECT_INPUT)
        if free_memory(self._engine) < installation.needed_memory(0):
            raise InstallationError(installation.INSUFFICIENT_MEMORY)
        self._remember()

    def _gather(self, plain: bytes) -> None:
        self._plain += plain

    def _store_metadata(self) -> None:
        """ES8+.StoreMetadata (5.5.3), once all its pieces are there."""
        self._metadata = installation.check_metadata(self._engine, bytes(self._plain))
        self._plain.clear()
        self._loading = replace(self._loading, iccid=self._metadata.iccid)
        self._remember()

    def _replace_keys(self, plain: bytes) -> None:
        """ES8+.ReplaceSessionKeys (5.5.4)."""
        try:
            parts = tlv.children(tlv.single(plain, 0xBF26).value)
        except tlv.TlvError as error:
            raise InstallationError(_INCORRECT_INPUT) from error
        values = [part.value for part in parts]
        if tuple(part.tag for part in parts) != _REPLACED_KEYS or any(len(value) != 16 for value in values):
            raise InstallationError(_INCORRECT_INPUT)
        self._channel = SecureChannel(crypto.SessionKeys(*values))

    def _gather_elements(self, plain: bytes) -> None:
        self._plain += plain
        if installation.needed_memory(len(self._plain)) > free_memory(self._engine):
            raise InstallationError(installation.INSUFFICIENT_MEMORY)

    def _remember(self) -> None:
        self._engine.commit(replace(self._engine.state, loading=self._loading))

    def _install(self) -> bytes:
        """ES8+.LoadProfileElements is complete (5.5.5)."""
        assert self._metadata is not None
        if self._buffer:
            return self._failed(InstallationError(_STRUCTURE_ERROR))
        try:
            content = reader.read(bytes(self._plain))
        except UppError as error:
            response = reader.response((reader.PeStatus(error.code, error.identification),), aborted=True)
            memory = error.code is PeStatusCode.NOT_ENOUGH_MEMORY
            reason = installation.INSUFFICIENT_MEMORY if memory else _PROCESSING_ERROR
            return self._failed(InstallationError(reason, response))
        try:
            installation.check_content(self._metadata, content)
        except InstallationError as error:
            return self._failed(error)
        sima = reader.response(content.statuses)
        result = installation.install(self._engine, self._server.key, self._loading, self._metadata, content, sima)
        self._engine.session.end()
        self._engine.session.finished = FinishedDownload(content.iccid, self._server.oid, self._server.address)
        return result

    def _failed(self, error: InstallationError) -> bytes:
        result = installation.fail(self._engine, self._server.key, self._loading, error)
        self._engine.session.end()
        return result


def _header(data: bytes) -> tuple[int, int, int] | None:
    """Tag, size of tag and length, content length; None when the header is not complete."""
    size = 2 if data[0] & 0x1F == 0x1F else 1
    if len(data) <= size:
        return None
    length, size_of_length = data[size], 1
    if length & 0x80:
        size_of_length += length & 0x7F
        if length == 0x80 or size_of_length > 4:
            raise InstallationError(_STRUCTURE_ERROR)
        if len(data) < size + size_of_length:
            return None
        length = int.from_bytes(data[size + 1 : size + size_of_length], "big")
    return int.from_bytes(data[:size], "big"), size + size_of_length, length
