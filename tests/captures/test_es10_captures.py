"""Answers of real eUICCs go through the agent's parsers; what their headers say is written here as facts."""

from __future__ import annotations

from typing import Any

import pytest

from ipad.codec import tlv
from ipad.codec.bpp import BoundProfilePackage
from ipad.codec.es10 import EuiccConfiguredAddressesResponse, GetEuiccDataRequest, GetEuiccDataResponse
from ipad.codec.euicc_info import EuiccConfiguration
from ipad.codec.notification import (
    NotificationMetadata,
    ProfileInstallationResult,
    RetrieveNotificationsListResponse,
)
from ipad.codec.profile import GetRatResponse, ProfileInfoListResponse
from ipad.codec.rsp import GetEuiccChallengeResponse
from ipad.ids import Eid
from ipad.procedures.start import iot_template
from tests.captures import facts, samples
from tests.captures.facts import Facts, Read
from tests.captures.samples import Sample

FILE = "es10-euicc.txt"
ROOT = "81370f51"
TEST_P256, TEST_BRAINPOOL = "f54172bd", "c0bc70ba"
IOT_CARD = EuiccConfiguration.IPAE_SUPPORTED | EuiccConfiguration.ENABLED_PROFILE


def applications(sample: Sample) -> list[EuiccConfiguration | None]:
    return [iot_template(item.data) for item in sample.exchanges if item.data[:1] == b"\x6f"]


def selection(sample: Sample) -> Facts:
    fci = sample.exchanges[0].data
    aid, largest = tlv.find(fci, 0x6F, 0x84), tlv.find(fci, 0x6F, 0xA5, 0x9F65)
    assert aid is not None
    assert largest is not None
    return {
        "application": applications(sample)[0],
        "aid": bytes(aid.value).hex().upper(),
        "largest": bytes(largest.value).hex(),
        "status": facts.statuses(sample),
    }


def ecasd(sample: Sample) -> Facts:
    eid = sample.exchanges[-1].data
    return {
        "application": applications(sample)[0],
        "no_tlv": facts.failure(lambda: tlv.read_single(eid)),
        "eid": str(Eid(eid))[:8],
    }


def configured_eid(sample: Sample) -> str:
    return facts.eid(GetEuiccDataResponse.decode(sample.data).eid_value)


def fetched_eid(sample: Sample) -> str:
    return facts.eid(GetEuiccDataResponse.decode(facts.response(sample)).eid_value)


def cut_off_eid(sample: Sample) -> Facts:
    request, answer = (bytes.fromhex(line[2 : 2 + len(line[2:]) // 2 * 2]) for line in sample.lines)
    return {
        "asked": GetEuiccDataRequest.decode(request).tag_list.hex(),
        "refused": facts.failure(lambda: GetEuiccDataResponse.decode(answer)),
        "begins": answer[5:9].hex(),
    }


def profiles(data: bytes) -> list[Any]:
    found = ProfileInfoListResponse.decode(data).profile_info_list_ok
    assert found is not None
    return [
        (
            facts.iccid(item.iccid),
            facts.code(item.profile_state),
            item.profile_nickname,
            item.service_provider_name,
            item.profile_name,
            facts.code(item.profile_class),
            (facts.code(item.icon_type), len(item.icon)) if item.icon is not None else None,
        )
        for item in found
    ]


def notification_error(sample: Sample) -> int | None:
    answer = RetrieveNotificationsListResponse.decode(sample.data)
    assert answer.notification_list is None
    return facts.code(answer.notifications_list_result_error)


def rules(sample: Sample) -> list[Any]:
    return [
        (
            facts.names(rule.ppr_ids),
            [(item.mcc_mnc.hex(), item.gid1, item.gid2) for item in rule.allowed_operators],
            facts.names(rule.ppr_flags),
        )
        for rule in GetRatResponse.decode(sample.data).rat
    ]


def package_head(sample: Sample) -> Facts:
    outer = tlv.read_header(sample.data)
    assert outer is not None
    inner = tlv.read_header(sample.data, outer.content)
    assert inner is not None
    start = outer.content + inner.content
    operation = tlv.read_element(sample.data, start)
    transaction = tlv.read_element(sample.data, start + len(operation.raw))
    return {
        "tags": (f"{outer.tag:X}", f"{inner.tag:X}"),
        "length": outer.end - outer.content,
        "operation": bytes(operation.raw).hex(),
        "transaction": len(transaction.value),
        "refused": facts.failure(lambda: BoundProfilePackage.parse(sample.data)),
    }


def listed(sample: Sample) -> list[Any]:
    return [facts.metadata(NotificationMetadata.decode(bytes.fromhex(line))) for line in sample.lines]


def addresses(sample: Sample) -> Any:
    answer = EuiccConfiguredAddressesResponse.decode(sample.data)
    return answer.default_dp_address, answer.root_ds_address


def eastcompeace(free_nvm: int, free_ram: int) -> Facts:
    return {
        "profile_version": "2.3.1",
        "svn": "2.2.2",
        "firmware": "4.2.0",
        "free_nvm": free_nvm,
        "free_ram": free_ram,
        "ts102241": "9.2.0",
        "category": 0,
        "forbidden": ["PPR1"],
        "pp_version": "1.0.0",
        "sas": "ED-ZI-UP-0826",
        "iot_versions": None,
    }


KIGEN = {
    "profile_version": "2.3.1",
    "svn": "2.6.0",
    "firmware": "38.1.22",
    "free_nvm": 191496,
    "free_ram": 9439,
    "ts102241": "17.2.0",
    "category": None,
    "forbidden": ["PPR1"],
    "pp_version": "255.255.255",
    "sas": "KN-DN-UP-0327",
    "iot_versions": ["1.2.0"],
}
INSTALL, ENABLE, DISABLE = (["NOTIFICATION_INSTALL"], ["NOTIFICATION_ENABLE"], ["NOTIFICATION_DISABLE"])
FAILED = {
    "notification": (2, INSTALL, "testsmdpplus1.example.com", "8949445350784440606"),
    "smdp_oid": "2.999.10",
    "command": 2,
    "reason": 9,
    "signature": 64,
}

EXPECTED: dict[str, tuple[Read, Any]] = {
    "es10-01": (
        selection,
        {"application": IOT_CARD, "aid": "A0000005591010FFFFFFFF8900000100", "largest": "ff", "status": ["9000"]},
    ),
    "es10-02": (ecasd, {"application": None, "no_tlv": "CodecError", "eid": "89049032"}),
    "es10-03": (facts.statuses, ["6982", "9000", "9000", "6A80", "9000", "6881"]),
    "es10-04": (
        lambda sample: (facts.statuses(sample), applications(sample)),
        (["9000", "9000", "6982"], [IOT_CARD]),
    ),
    "es10-08": (fetched_eid, "89049032879389355179076062009579"),
    "es10-11": (lambda sample: iot_template(sample.data), IOT_CARD),
    "es10-13": (
        selection,
        {"application": None, "aid": "A0000005591010FFFFFFFF8900001000", "largest": "ff", "status": ["9000"]},
    ),
    "es10-16": (configured_eid, "89086030673520350570800612710338"),
    "es10-17": (fetched_eid, "89033023515759503079060779897217"),
    "es10-18": (
        lambda sample: facts.eid(GetEuiccDataResponse.decode(sample.exchanges[0].data).eid_value),
        "89044050055000076850030409492863",
    ),
    "es10-19": (cut_off_eid, {"asked": "5a", "refused": "CodecError", "begins": "35840574"}),
    "es10-20": (
        lambda sample: facts.info1(facts.response(sample)),
        {"svn": "2.2.2", "verification": ["0b135963", ROOT], "signing": ["0b135963", ROOT]},
    ),
    "es10-22": (
        lambda sample: facts.info1(sample.data),
        {"svn": "2.3.0", "verification": [ROOT], "signing": [ROOT]},
    ),
    "es10-23": (
        lambda sample: GetEuiccChallengeResponse.decode(sample.data).euicc_challenge.hex(),
        "fdc5a60071053abb4c0f91bc0620bcfd",
    ),
    "es10-25": (
        lambda sample: facts.info1(sample.data),
        {"svn": "2.5.0", "verification": [TEST_P256, TEST_BRAINPOOL], "signing": [TEST_P256, TEST_BRAINPOOL]},
    ),
    "es10-26": (
        lambda sample: facts.info1(sample.data),
        {"svn": "2.6.0", "verification": [ROOT], "signing": [ROOT]},
    ),
    "es10-27": (lambda sample: facts.info2(sample.data), eastcompeace(162256, 2953)),
    "es10-28": (lambda sample: facts.info2(sample.data), eastcompeace(152521, 4090)),
    "es10-29": (lambda sample: facts.info2(sample.data), KIGEN),
    "es10-31": (addresses, (None, "testrootsmds.gsma.com")),
    # The header speaks of nicknames and of a PNG; the bytes have no 90, and 0 is JPG.
    "es10-34": (
        lambda sample: profiles(sample.data[:-2]),
        [
            ("8944508506789424003", 0, None, "china unicom", "chi", 1, (0, 16)),
            ("89860404388690383106", 1, None, "GAGA", "redtea_profile", 2, None),
            ("8986111554820294820", 0, None, "GAGA", "redtea_profile", 2, None),
            ("89860441960694715704", 0, None, "13", "redteatest4_1688954783171", 2, None),
            ("89860400881955737732", 0, None, None, "46008", 2, None),
        ],
    ),
    "es10-35": (
        lambda sample: profiles(sample.data),
        [("89103009030240591978", 1, None, "Lab (EU 01)", "Lab (Domain-A 01)", 2, None)],
    ),
    "es10-38": (
        listed,
        [
            (19, INSTALL, "smdp.io", "8944477640830043608"),
            (20, INSTALL, "smdp.io", "8944473400100446872"),
            (21, INSTALL, "smdp.io", "8944471770080705501"),
            (22, INSTALL, "smdp.io", "8944474000030227472"),
            (28, DISABLE, "rsp.truphone.com", "8944477640830043608"),
            (29, ENABLE, "rsp.truphone.com", "8944475100143430200"),
            (30, DISABLE, "rsp.truphone.com", "8944475100143430200"),
            (31, INSTALL, "smdp.io", "8944473259800876600"),
            (32, ENABLE, "rsp.truphone.com", "8944473259800876600"),
            (33, DISABLE, "rsp.truphone.com", "8944473259800876600"),
        ],
    ),
    "es10-39": (notification_error, 127),
    "es10-42": (lambda sample: facts.installation(ProfileInstallationResult.decode(sample.data)), FAILED),
    "es10-45": (rules, [(["PPR1", "PPR2"], [("eeeeee", b"", b"")], ["CONSENT_REQUIRED"])]),
    "es10-46": (
        package_head,
        {
            "tags": ("BF36", "BF23"),
            "length": 0x4B76,
            "operation": "820101",
            "transaction": 8,
            "refused": "CodecError",
        },
    ),
}
NOT_READ = {"es10-47": "the agent reads no ATR: it asks the card for its ISD-R"}


@samples.needs_captures
@samples.each(FILE)
def test_parser_finds_what_the_header_says(sample: Sample) -> None:
    if sample.id in NOT_READ:
        pytest.skip(NOT_READ[sample.id])
    read, expected = EXPECTED[sample.id]
    assert read(sample) == expected


@samples.needs_captures
def test_every_sample_has_an_expectation() -> None:
    assert samples.read(FILE).keys() == EXPECTED.keys() | NOT_READ.keys()
