"""What the agent's parsers find in a recording, as plain facts that a table can hold."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, IntFlag
from typing import Any

from ipad.apdu.exchange import ExchangeRules, StoreDataExchange
from ipad.codec import tlv
from ipad.codec.euicc_info import EuiccInfo1, EuiccInfo2
from ipad.codec.notification import NotificationMetadata, ProfileInstallationResult
from ipad.errors import IpadError
from ipad.ids import Eid, Iccid
from tests.captures.samples import Sample

Facts = dict[str, Any]
Read = Callable[[Sample], Any]


def response(sample: Sample) -> bytes:
    """The response of the ES10 call in the sample, put together by the agent's own exchange."""
    first, *rest = sample.exchanges
    request = first.command[5 : 5 + first.command[4]] or b"\x00"
    exchange = StoreDataExchange(request, ExchangeRules())
    exchange.start()
    for item in (first, *rest):
        exchange.receive(item.data + item.sw.to_bytes(2, "big"))
    return exchange.response


def statuses(sample: Sample) -> list[str]:
    """All status words."""
    return [f"{item.sw:04X}" for item in sample.exchanges]


def failure(parse: Callable[[], object]) -> str:
    """The class of the error with which the agent refuses, or "" if it does not."""
    try:
        parse()
    except IpadError as error:
        return type(error).__name__
    return ""


def version(octets: bytes | None) -> str | None:
    """A VersionType as people write it."""
    return ".".join(map(str, octets)) if octets is not None else None


def eid(octets: bytes) -> str:
    """The digits of an EID."""
    return str(Eid(octets))


def iccid(octets: bytes | None) -> str | None:
    """The digits of an ICCID."""
    return str(Iccid(octets)) if octets is not None else None


def names(value: IntFlag) -> list[str]:
    """The names of the bits that are set; a number for a bit without name."""
    bits = [bit for bit in range(int(value).bit_length()) if int(value) >> bit & 1]
    known = {int(member).bit_length() - 1: str(member.name) for member in type(value)}
    return [known.get(bit, str(bit)) for bit in bits]


def code(value: IntEnum | None) -> int | None:
    """The number of a result."""
    return int(value) if value is not None else None


def info1(data: bytes) -> Facts:
    """EUICCInfo1: version and the beginnings of the key identifiers."""
    info = EuiccInfo1.decode(data)
    return {
        "svn": version(info.svn),
        "verification": [item.hex()[:8] for item in info.euicc_ci_pk_id_list_for_verification],
        "signing": [item.hex()[:8] for item in info.euicc_ci_pk_id_list_for_signing],
    }


def info2(data: bytes) -> Facts:
    """EUICCInfo2: versions, memory and rules."""
    info = EuiccInfo2.decode(data)
    resources = {item.tag: int.from_bytes(item.value, "big") for item in tlv.children(info.ext_card_resource)}
    iot = info.iot_specific_info
    rules = info.forbidden_profile_policy_rules
    assert info.raw == data
    return {
        "profile_version": version(info.profile_version),
        "svn": version(info.svn),
        "firmware": version(info.euicc_firmware_ver),
        "free_nvm": resources[0x82],
        "free_ram": resources[0x83],
        "ts102241": version(info.ts102241_version),
        "category": code(info.euicc_category),
        "forbidden": names(rules) if rules is not None else None,
        "pp_version": version(info.pp_version),
        "sas": info.sas_acreditation_number,
        "iot_versions": [version(item) for item in iot.iot_version] if iot else None,
    }


def metadata(item: NotificationMetadata) -> tuple[int, list[str], str, str | None]:
    """Number, events, address and ICCID of a notification."""
    return (
        item.seq_number,
        names(item.profile_management_operation),
        item.notification_address,
        iccid(item.iccid),
    )


def installation(result: ProfileInstallationResult) -> Facts:
    """A failed installation: which command and why."""
    data = result.profile_installation_result_data
    error = data.final_result.error_result
    assert error is not None
    return {
        "notification": metadata(data.notification_metadata),
        "smdp_oid": data.smdp_oid,
        "command": code(error.bpp_command_id),
        "reason": code(error.error_reason),
        "signature": len(result.euicc_sign_pir),
    }
