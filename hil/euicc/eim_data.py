"""EimConfigurationData between the wire and the card's memory (SGP.32 2.11.1.1.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hil import crypto, tlv
from hil.euicc.engine import Engine
from hil.euicc.state import CardState, EimRecord

_MAXIMUM_ID_BYTES: Final = 128
_TOKEN_WANTED: Final = -1

INSUFFICIENT_MEMORY: Final = 1
ALREADY_EXISTS: Final = 2
CI_UNKNOWN: Final = 3
INVALID_TOKEN: Final = 5
COUNTER_OUT_OF_RANGE: Final = 6
COMMAND_ERROR: Final = 7


class EimDataError(Exception):
    """The eIM cannot be added; `code` is that of AddEimResult and AddInitialEimResponse."""

    def __init__(self, code: int) -> None:
        super().__init__(f"addEim result {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class EimData:
    """EimConfigurationData as received; key data and protocol are whole TLVs."""

    eim_id: str
    fqdn: str | None
    id_type: int | None
    counter_value: int | None
    association_token: int | None
    public_key_data: bytes | None
    trusted_tls_data: bytes | None
    supported_protocol: bytes | None
    ci_pkid: bytes | None
    indirect_download: bool

    @classmethod
    def parse(cls, content: bytes) -> EimData:
        """Read the content of the SEQUENCE; ValueError if it is malformed. Unknown members are skipped."""
        parts = {part.tag: part for part in tlv.children(content)}

        def text(tag: int) -> str | None:
            return parts[tag].value.decode("utf-8") if tag in parts else None

        def number(tag: int) -> int | None:
            return integer(parts[tag].value) if tag in parts else None

        def raw(tag: int) -> bytes | None:
            return parts[tag].raw if tag in parts else None

        eim_id = text(0x80)
        if not eim_id or len(eim_id.encode()) > _MAXIMUM_ID_BYTES:
            raise ValueError("eimId is missing, empty or too long")
        return cls(
            eim_id=eim_id,
            fqdn=text(0x81),
            id_type=number(0x82),
            counter_value=number(0x83),
            association_token=number(0x84),
            public_key_data=raw(0xA5),
            trusted_tls_data=raw(0xA6),
            supported_protocol=raw(0x87),
            ci_pkid=parts[0x88].value if 0x88 in parts else None,
            indirect_download=0x89 in parts,
        )


def add_eim(engine: Engine, state: CardState, data: EimData) -> tuple[CardState, int | None]:
    """Associate an eIM: the new state and the generated token, if one was asked for. Raises EimDataError."""
    if state.eim(data.eim_id) is not None:
        raise EimDataError(ALREADY_EXISTS)
    if len(state.eims) >= engine.knobs.maximum_eims:
        raise EimDataError(INSUFFICIENT_MEMORY)
    if engine.keyring.find(data.ci_pkid) is None:
        raise EimDataError(CI_UNKNOWN)
    if data.association_token not in (None, _TOKEN_WANTED):
        raise EimDataError(INVALID_TOKEN)
    if data.counter_value is not None and not 0 <= data.counter_value <= engine.knobs.maximum_counter:
        raise EimDataError(COUNTER_OUT_OF_RANGE)
    if data.counter_value is None or data.public_key_data is None:
        raise EimDataError(COMMAND_ERROR)
    token = state.next_association_token if data.association_token == _TOKEN_WANTED else None
    if token is not None:
        state = replace(state, next_association_token=token + 1)
    record = EimRecord(
        eim_id=data.eim_id,
        counter_value=data.counter_value,
        public_key_data=data.public_key_data,
        fqdn=data.fqdn,
        id_type=data.id_type,
        association_token=token,
        trusted_tls_data=data.trusted_tls_data,
        supported_protocol=data.supported_protocol,
        ci_pkid=data.ci_pkid,
        indirect_download=data.indirect_download,
    )
    return state.with_eim(record), token


def configuration_tlv(eim: EimRecord) -> bytes:
    """EimConfigurationData to give back: never with the counter (SGP.32 5.9.18)."""
    parts = [tlv.build(0x80, eim.eim_id.encode())]
    if eim.fqdn is not None:
        parts.append(tlv.build(0x81, eim.fqdn.encode()))
    if eim.id_type is not None:
        parts.append(tlv.build(0x82, tlv.integer(eim.id_type)))
    if eim.association_token is not None:
        parts.append(tlv.build(0x84, tlv.integer(eim.association_token)))
    parts += [item for item in (eim.public_key_data, eim.trusted_tls_data, eim.supported_protocol) if item is not None]
    if eim.ci_pkid is not None:
        parts.append(tlv.build(0x88, eim.ci_pkid))
    if eim.indirect_download:
        parts.append(tlv.build(0x89))
    return tlv.build(0x30, *parts)


def verification_key(eim: EimRecord) -> crypto.PublicKey:
    """The key that signs this eIM's packages. Raises crypto.CryptoError if there is none in the data.

    The implicit tags A0 (SubjectPublicKeyInfo) and A1 (Certificate) replace the 30 of their content; peers also send
    the whole object under the tag, or a SubjectPublicKeyInfo without it.
    """
    try:
        data = tlv.single(eim.public_key_data, 0xA5).value
        arm = tlv.single(data)
        if arm.tag == 0x30:
            return crypto.public_key_from_spki(arm.raw)
        whole = arm.value if _is_single_sequence(arm.value) else tlv.build(0x30, arm.value)
    except tlv.TlvError as error:
        raise crypto.CryptoError(f"eimPublicKeyData: {error}") from error
    return crypto.public_key_from_spki(whole) if arm.tag == 0xA0 else crypto.public_key_from_certificate(whole)


def integer(content: bytes) -> int:
    """Value of an INTEGER's content; ValueError if it is empty."""
    if not content:
        raise ValueError("INTEGER without content")
    return int.from_bytes(content, "big", signed=True)


def _is_single_sequence(content: bytes) -> bool:
    parts = tlv.children(content)
    return len(parts) == 1 and parts[0].tag == 0x30
