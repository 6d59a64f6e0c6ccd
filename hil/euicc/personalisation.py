"""The factory: from a CardConfig to the first state of a card, and the files of a pre-installed profile."""

from __future__ import annotations

import hashlib
from itertools import count
from typing import Final

from hil import tlv
from hil.aka import AkaKey, Algorithm
from hil.euicc.config import CardConfig, ProfileSpec
from hil.euicc.errors import EuiccError
from hil.euicc.files import ADF_CURRENT, EF_DIR, EF_ICCID, EF_IMSI, MF, USIM_AID, ElementaryFile
from hil.euicc.identifiers import eid_octets, iccid_octets, imsi_octets, plmn_octets
from hil.euicc.state import ISDP_AID_HEAD, CardState, Profile, isdp_aid

_FIRST_ISDP: Final = 0x10
_DIR_RECORD: Final = 38
_SERVICES: Final = (17, 18, 19, 71, 85)
"""Services of EF.UST: GID1, GID2, service provider name, equivalent HPLMN, EPS mobility (TS 31.102 4.2.8)."""
_SERVICE_TABLE_BYTES: Final = 17


def first_state(config: CardConfig) -> CardState:
    """Make the state of a new card. EuiccError for a configuration that contradicts itself."""
    try:
        eid_octets(config.eid)
        aids = _aids(config.profiles)
        profiles = tuple(
            _profile(spec, aid, config.capabilities.isdp_bytes) for spec, aid in zip(config.profiles, aids, strict=True)
        )
    except ValueError as error:
        raise EuiccError(f"card configuration: {error}") from error
    _check(profiles)
    return CardState(
        config=config,
        profiles=profiles,
        next_isdp=1 + max(_numbers(aids), default=_FIRST_ISDP - 1),
        next_sequence_number=config.first_sequence_number,
        next_association_token=config.first_association_token,
        default_smdp_address=config.default_smdp_address,
        root_smds_address=config.root_smds_address,
    )


def _aids(specs: tuple[ProfileSpec, ...]) -> tuple[bytes, ...]:
    """The AID of each profile: as configured, else the lowest number from 0010 that no profile has."""
    taken = _numbers(tuple(spec.isdp_aid for spec in specs if spec.isdp_aid))
    free = (number for number in count(_FIRST_ISDP) if number not in taken)
    return tuple(spec.isdp_aid or isdp_aid(next(free)) for spec in specs)


def _numbers(aids: tuple[bytes, ...]) -> set[int]:
    """The numbers in AIDs of the usual form."""
    head = len(ISDP_AID_HEAD)
    return {int.from_bytes(aid[head : head + 2], "big") for aid in aids if aid.startswith(ISDP_AID_HEAD)}


def _check(profiles: tuple[Profile, ...]) -> None:
    if len({profile.iccid for profile in profiles}) != len(profiles):
        raise EuiccError("card configuration: an ICCID is there twice")
    if len({profile.aid for profile in profiles}) != len(profiles):
        raise EuiccError("card configuration: an AID is there twice")
    if sum(profile.enabled for profile in profiles) > 1:
        raise EuiccError("card configuration: more than one enabled profile")
    if sum(profile.fallback_attribute for profile in profiles) > 1:
        raise EuiccError("card configuration: more than one fallback attribute")


def _profile(spec: ProfileSpec, aid: bytes, memory: int) -> Profile:
    return Profile(
        iccid=iccid_octets(spec.iccid),
        aid=aid,
        enabled=spec.enabled,
        profile_class=spec.profile_class,
        preloaded=spec.preloaded,
        imsi=spec.imsi,
        plmn=spec.plmn,
        service_provider_name=spec.service_provider_name,
        profile_name=spec.profile_name,
        nickname=spec.nickname,
        notifications=spec.notifications,
        owner=spec.owner,
        policy_rules=spec.policy_rules,
        ecall_indication=spec.ecall_indication,
        fallback_allowed=spec.fallback_allowed,
        fallback_attribute=spec.fallback_attribute,
        http_params=spec.http_params,
        memory=memory,
        usim_aid=USIM_AID,
        files=_files(spec),
        aka=_factory_key(spec.iccid),
    )


def _factory_key(iccid: str) -> AkaKey:
    """A key of its own for each pre-installed profile; whoever has the card's state knows it."""
    made = hashlib.sha256(f"factory key of {iccid}".encode()).digest()
    return AkaKey(Algorithm.MILENAGE, made[:16], made[16:])


def _files(spec: ProfileSpec) -> tuple[ElementaryFile, ...]:
    """The files that a modem reads at start-up (TS 31.102 5.1.1)."""
    mnc_length = len(spec.plmn.partition("-")[2])
    gids = (spec.owner.gid1, spec.owner.gid2) if spec.owner else (None, None)
    return (
        ElementaryFile(MF, EF_ICCID, iccid_octets(spec.iccid), short_id=0x02),
        ElementaryFile(MF, EF_DIR, _directory(), record_length=_DIR_RECORD, short_id=0x1E),
        ElementaryFile(MF, 0x2F05, b"en", short_id=0x05, writable=True),
        _usim(EF_IMSI, imsi_octets(spec.imsi), short_id=0x07),
        _usim(0x6FAD, bytes((0, 0, 0, mnc_length)), short_id=0x03),
        _usim(0x6F38, _service_table(), short_id=0x04),
        _usim(0x6F46, _service_provider(spec.service_provider_name)),
        _usim(0x6F78, (1 << int(spec.imsi[-1])).to_bytes(2, "big"), short_id=0x06),
        _usim(0x6F31, b"\x0a", short_id=0x12),
        _usim(0x6FD9, plmn_octets(spec.plmn), short_id=0x1D),
        _usim(0x6F3E, gids[0] or b"\xff"),
        _usim(0x6F3F, gids[1] or b"\xff"),
        _usim(0x6F7B, b"\xff" * 12, short_id=0x0D, writable=True),
        _usim(0x6F7E, b"\xff" * 7 + bytes.fromhex("0000FF01"), short_id=0x0B, writable=True),
        _usim(0x6F73, b"\xff" * 10 + bytes.fromhex("0000FF01"), short_id=0x0C, writable=True),
        _usim(0x6FE3, b"\xff" * 15 + bytes.fromhex("000001"), short_id=0x1E, writable=True),
        _usim(0x6F08, b"\x07" + b"\xff" * 32, short_id=0x08, writable=True),
        _usim(0x6F09, b"\x07" + b"\xff" * 32, short_id=0x09, writable=True),
    )


def _usim(file_id: int, content: bytes, *, short_id: int = 0, writable: bool = False) -> ElementaryFile:
    return ElementaryFile(ADF_CURRENT, file_id, content, short_id=short_id, writable=writable)


def _service_table() -> bytes:
    table = bytearray(_SERVICE_TABLE_BYTES)
    for service in _SERVICES:
        table[(service - 1) // 8] |= 1 << (service - 1) % 8
    return bytes(table)


def _directory() -> bytes:
    template = tlv.build(0x61, tlv.build(0x4F, USIM_AID), tlv.build(0x50, b"USIM"))
    return template.ljust(_DIR_RECORD, b"\xff")


def _service_provider(name: str) -> bytes:
    """EF.SPN: display condition, then up to 16 characters (TS 31.102 4.2.12)."""
    return (b"\x00" + name.encode("ascii", "replace")[:16]).ljust(17, b"\xff")
