"""Messages of real IoT eUICCs, IPAs and eIMs go through the agent's parsers; what their headers say is written here."""

from __future__ import annotations

import json
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from hil import crypto
from ipad.card.toolkit import ProactiveCommand, parse_proactive
from ipad.codec import tlv
from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import GetEimPackageRequest, GetEimPackageResponse, IpaEuiccData
from ipad.codec.euicc_info import DeviceInfo, IpaCapabilities
from ipad.codec.euicc_package import EuiccPackageRequest, EuiccPackageSigned
from ipad.codec.notification import ListNotificationResponse, NotificationMetadata
from ipad.codec.profile import ProfileInfoListResponse
from ipad.errors import CodecError
from ipad.procedures.euicc_data import checked_tags
from tests.captures import facts, samples
from tests.captures.facts import Facts, Read
from tests.captures.samples import Sample

FILE = "sgp32.txt"


def printed_configuration(sample: Sample) -> Facts:
    """The log prints the contents of members; they are put into TLVs again to be read."""
    printed = dict(line.split(": ") for line in sample.lines)
    built = tlv.tlv(
        0x30,
        tlv.tlv(0x80, b"eim"),
        tlv.tlv(0x87, b"\0", bytes.fromhex(printed["eimSupportedProtocol"])),
        tlv.tlv(0x88, bytes.fromhex(printed["euiccCiPKId"])),
        tlv.tlv(0x89),
    )
    data = EimConfigurationData.decode(built)
    assert data.eim_supported_protocol is not None
    assert data.euicc_ci_pk_id is not None
    return {
        "protocols": facts.names(data.eim_supported_protocol),
        "key": data.euicc_ci_pk_id.hex()[:8],
        "indirect": data.indirect_profile_download,
    }


def signed_package(signed: EuiccPackageSigned) -> Facts:
    commands = signed.euicc_package.psmo_list
    assert commands is not None
    return {
        "eim": signed.eim_id,
        "eid": facts.eid(signed.eid_value),
        "counter": signed.counter_value,
        "transaction": signed.eim_transaction_id.hex() if signed.eim_transaction_id else None,
        "commands": [command.chosen for command in commands],
    }


def package(data: bytes) -> Facts:
    request = EuiccPackageRequest.decode(data)
    assert request.encode() == data
    return {**signed_package(request.euicc_package_signed), "signature": len(request.eim_signature)}


def retrieved_package(sample: Sample) -> Facts:
    response = GetEimPackageResponse.decode(sample.data)
    assert response.euicc_package_request is not None
    raw = response.euicc_package_request.raw
    return {"size": len(raw), **package(raw)}


def poll(sample: Sample) -> Facts:
    request = GetEimPackageRequest.decode(sample.data)
    return {
        "eid": facts.eid(request.eid_value),
        "notify": request.notify_state_change,
        "cause": facts.code(request.state_change_cause),
        "v12_plmn": request.r_plmn.hex() if request.r_plmn else None,
    }


def profiles(sample: Sample) -> list[Any]:
    answer = ProfileInfoListResponse.decode(sample.data)
    assert answer.raw == sample.data
    return [
        (
            facts.iccid(item.iccid),
            facts.code(item.profile_state),
            item.profile_name,
            item.ecall_indication,
            item.fallback_attribute,
            item.fallback_allowed,
        )
        for item in answer.profile_info_list_ok or ()
    ]


def cut_off_notifications(sample: Sample) -> Facts:
    outer = tlv.read_header(sample.data)
    assert outer is not None
    inner = tlv.read_header(sample.data, outer.content)
    assert inner is not None
    first = tlv.read_element(sample.data, outer.content + inner.content)
    return {
        "refused": facts.failure(lambda: ListNotificationResponse.decode(sample.data)),
        "length": outer.end - outer.content,
        "first": facts.metadata(NotificationMetadata.decode(first.raw)),
    }


def cut_off_package(sample: Sample) -> Facts:
    outer = tlv.read_header(sample.data)
    assert outer is not None
    signed = EuiccPackageSigned.decode(tlv.read_element(sample.data, outer.content).raw)
    assert signed.euicc_package.psmo_list is not None
    enable = signed.euicc_package.psmo_list[0].enable
    assert enable is not None
    return {
        "refused": facts.failure(lambda: EuiccPackageRequest.decode(sample.data)),
        **signed_package(signed),
        "iccid_octets": enable.iccid.hex(),
    }


def certificate(data: bytes) -> x509.Certificate:
    parsed = x509.load_der_x509_certificate(data)
    assert crypto.point(crypto.public_key_from_certificate(data)) == crypto.point(parsed.public_key())  # type: ignore[arg-type]
    return parsed


def euicc_certificate(data: bytes) -> Facts:
    parsed = certificate(data)
    [serial] = parsed.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    return {"eid": serial.value, "until": parsed.not_valid_after_utc.year}


def eum_certificate(data: bytes) -> Facts:
    parsed = certificate(data)
    constraints = parsed.extensions.get_extension_for_class(x509.NameConstraints).value
    authority = parsed.extensions.get_extension_for_class(x509.BasicConstraints).value
    [subtree] = constraints.permitted_subtrees or []
    [prefix] = [item.value for item in subtree.value if item.oid == NameOID.SERIAL_NUMBER]
    return {"prefix": prefix, "ca": authority.ca, "path_length": authority.path_length}


def capabilities(data: bytes) -> Facts:
    read = IpaCapabilities.decode(data)
    assert read.ipa_supported_protocols is not None
    return {"features": facts.names(read.ipa_features), "protocols": facts.names(read.ipa_supported_protocols)}


def device(data: bytes) -> Facts:
    read = DeviceInfo.decode(data)
    return {"tac": read.tac.hex(), "releases": read.device_capabilities.eutran_epc_supported_release, "imei": read.imei}


def notifications(data: bytes) -> list[Facts]:
    read = IpaEuiccData.decode(tlv.tlv(0x30, data))
    found = []
    for item in read.notifications_list or ():
        assert item.profile_installation_result is not None
        found.append(facts.installation(item.profile_installation_result))
    return found


def order(sample: Sample) -> Facts:
    """An eIM's answer to its operator: every member is a complete TLV or a certificate in hexadecimal digits."""
    document = json.loads("".join(sample.lines))
    result = document["outcome"][0]["euiccDataResult"]
    data = result["euiccData"]
    member = {name: bytes.fromhex(value) for name, value in data.items() if isinstance(value, str)}
    return {
        "result": result["edrResult"],
        "token": data["associationToken"],
        "info1": facts.info1(member["euiccInfo1"])["svn"],
        "eum": eum_certificate(member["eumCertificate"]),
        "euicc": euicc_certificate(member["euiccCertificate"]),
        "capabilities": capabilities(member["ipaCapabilities"]),
        "device": device(member["deviceInfo"]),
        "notifications": notifications(member["notificationsList"]),
    }


def tag_list(sample: Sample) -> Any:
    """Two of its tags are those of v1.0: a strict reader refuses, the lenient one answers the others."""
    asked = checked_tags(sample.data, strict=False)
    try:
        checked_tags(sample.data, strict=True)
    except CodecError:
        return [f"{tag:X}" for tag in asked], "refused when strict"
    return [f"{tag:X}" for tag in asked], "accepted"


POLLED = {"eid": "89044045425590004907008218161791", "notify": False, "cause": None, "v12_plmn": None}
LIST_PACKAGE = {
    "eim": "1.3.6.1.4.1.53775.1.5.1.1",
    "eid": "89044045425590004907008218161791",
    "counter": 49,
    "transaction": "000000000000049b",
    "commands": ["list_profile_info"],
    "signature": 64,
}
FAILED = {
    "notification": (2, ["NOTIFICATION_INSTALL"], "testsmdpplus1.example.com", "8949445350784440606"),
    "smdp_oid": "2.999.10",
    "command": 2,
    "reason": 9,
    "signature": 64,
}
BYTE_PER_BIT = {"features": ["15", "31"], "protocols": ["7"]}
"""Capabilities with a byte for each flag, as a peer sends them: bits that the specification does not name."""
NO_RELEASES = {"tac": "12345678", "releases": None, "imei": None}
EUM = {"prefix": "89049032", "ca": True, "path_length": 0}
EUICC = {"eid": "89044045746938396300692698623569", "until": 7500}

EXPECTED: dict[str, tuple[Read, Any]] = {
    "sgp32-06": (lambda sample: parse_proactive(sample.data), ProactiveCommand(1, 1, 4)),
    "sgp32-07": (printed_configuration, {"protocols": ["EIM_PROPRIETARY"], "key": "81370f51", "indirect": True}),
    "sgp32-12": (lambda sample: package(sample.data), LIST_PACKAGE),
    "sgp32-13": (retrieved_package, {"size": 136, **LIST_PACKAGE}),
    "sgp32-14": (poll, {**POLLED, "notify": True, "v12_plmn": "00f110"}),
    "sgp32-15": (poll, POLLED),
    "sgp32-17": (lambda sample: facts.code(GetEimPackageResponse.decode(sample.data).eim_package_error), 1),
    # The header says enabled; 9F70 holds 0, which is disabled.
    "sgp32-18": (profiles, [("8929900389430581405", 0, "Operational Profile Name 1", False, False, False)]),
    "sgp32-19": (
        cut_off_notifications,
        {
            "refused": "CodecError",
            "length": 0x18C,
            "first": (15, ["NOTIFICATION_INSTALL"], "testsmdpplus1.example.com", "8929900389430581405"),
        },
    ),
    "sgp32-21": (
        cut_off_package,
        {
            "refused": "CodecError",
            "eim": "testeim1",
            "eid": "89049032879389355179076062009579",
            "counter": 2,
            "transaction": None,
            "commands": ["enable"],
            "iccid_octets": "8929900389430581405f",
        },
    ),
    "sgp32-22": (
        order,
        {
            "result": "ok",
            "token": 1,
            "info1": "2.5.0",
            "eum": EUM,
            "euicc": EUICC,
            "capabilities": BYTE_PER_BIT,
            "device": NO_RELEASES,
            "notifications": [FAILED],
        },
    ),
    "sgp32-23": (lambda sample: capabilities(sample.data), BYTE_PER_BIT),
    "sgp32-24": (lambda sample: device(sample.data), NO_RELEASES),
    "sgp32-25": (lambda sample: notifications(sample.data), [FAILED]),
    "sgp32-26": (lambda sample: euicc_certificate(sample.data), EUICC),
    "sgp32-27": (lambda sample: eum_certificate(sample.data), EUM),
    "sgp32-28": (tag_list, (["BF20", "BF22", "83", "84", "A5", "A6", "A9"], "refused when strict")),
}


@samples.needs_captures
@samples.each(FILE)
def test_parser_finds_what_the_header_says(sample: Sample) -> None:
    read, expected = EXPECTED[sample.id]
    assert read(sample) == expected


@samples.needs_captures
def test_every_sample_has_an_expectation() -> None:
    assert samples.read(FILE).keys() == EXPECTED.keys()
