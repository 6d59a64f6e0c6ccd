"""Profile Policy Rules against the Rules Authorisation Table, as a table."""

from __future__ import annotations

import pytest

from ipad.codec.euicc_info import PprIds
from ipad.codec.profile import OperatorId, PprFlags, ProfilePolicyAuthorisationRule, StoreMetadataRequest
from ipad.errors import DownloadCheckError
from ipad.procedures.profile_policy import PolicyFacts, check_policy, operator_matches, policy_rules

PPR1, PPR2, UPDATE = PprIds.PPR1, PprIds.PPR2, PprIds.PPR_UPDATE_CONTROL
ANY = b"\xee\xee\xee"
HOME = b"\x62\xf2\x10"  # 262-01
NOT_ALLOWED, REJECTION = 3, 0


def metadata(rules: PprIds | None, owner: OperatorId | None = OperatorId(mcc_mnc=HOME)) -> StoreMetadataRequest:  # noqa: B008
    return StoreMetadataRequest(
        iccid=bytes(10),
        service_provider_name="",
        profile_name="",
        profile_policy_rules=rules,
        profile_owner=owner,
    )


def rule(
    rules: PprIds, mcc_mnc: bytes = ANY, *, gid1: bytes | None = b"", gid2: bytes | None = b"", consent: bool = False
) -> ProfilePolicyAuthorisationRule:
    return ProfilePolicyAuthorisationRule(
        ppr_ids=rules,
        allowed_operators=(OperatorId(mcc_mnc=mcc_mnc, gid1=gid1, gid2=gid2),),
        ppr_flags=PprFlags.CONSENT_REQUIRED if consent else PprFlags(0),
    )


@pytest.mark.parametrize("rules", [None, PprIds(0), UPDATE])
def test_profile_without_restricting_rules_needs_no_authorisation(rules: PprIds | None) -> None:
    check_policy(metadata(rules, owner=None), PolicyFacts(rat=()), consent=False)
    assert not policy_rules(metadata(rules))


ALLOWED = [
    (PPR1, (rule(PPR1),)),
    (PPR1 | UPDATE, (rule(PPR1),)),
    (PPR1 | PPR2, (rule(PPR1), rule(PPR2))),
    (PPR1 | PPR2, (rule(PPR1 | PPR2, HOME),)),
    (PPR2, (rule(PPR1, consent=True), rule(PPR2))),
    (PPR2, (rule(PPR2, b"\x13\x00\x62"), rule(PPR2, b"\x62\xfe\xee"))),
]


@pytest.mark.parametrize(("rules", "rat"), ALLOWED)
def test_rules_that_the_table_allows(rules: PprIds, rat: tuple[ProfilePolicyAuthorisationRule, ...]) -> None:
    check_policy(metadata(rules), PolicyFacts(rat=rat), consent=False)


REFUSED = [
    pytest.param(metadata(PPR1), PolicyFacts(rat=()), NOT_ALLOWED, id="empty table"),
    pytest.param(metadata(PPR1), PolicyFacts(rat=(rule(PPR2),)), NOT_ALLOWED, id="rule for the other PPR"),
    pytest.param(metadata(PPR1 | PPR2), PolicyFacts(rat=(rule(PPR1),)), NOT_ALLOWED, id="one of two"),
    pytest.param(metadata(PPR1, owner=None), PolicyFacts(rat=(rule(PPR1),)), NOT_ALLOWED, id="no owner"),
    pytest.param(metadata(PprIds(8)), PolicyFacts(rat=(rule(PPR1),)), NOT_ALLOWED, id="unknown bit"),
    pytest.param(metadata(PPR2 | PprIds(16)), PolicyFacts(rat=(rule(PPR2),)), NOT_ALLOWED, id="known and unknown bit"),
    pytest.param(metadata(PPR1), PolicyFacts(rat=(rule(PPR1, b"\x13\x00\x62"),)), NOT_ALLOWED, id="other operator"),
    pytest.param(
        metadata(PPR1), PolicyFacts(rat=(rule(PPR1),), operational_profile_installed=True), NOT_ALLOWED, id="not alone"
    ),
    pytest.param(metadata(PPR2), PolicyFacts(rat=(rule(PPR2),), forbidden=PPR2), NOT_ALLOWED, id="forbidden"),
    pytest.param(metadata(PPR2), PolicyFacts(rat=(rule(PPR2, consent=True),)), REJECTION, id="no consent"),
    pytest.param(
        metadata(PPR2), PolicyFacts(rat=(rule(PPR2, consent=True), rule(PPR2))), REJECTION, id="first rule decides"
    ),
    pytest.param(
        metadata(PPR1 | PPR2),
        PolicyFacts(rat=(rule(PPR1, consent=True),)),
        NOT_ALLOWED,
        id="prohibition first",
    ),
]


@pytest.mark.parametrize(("profile", "facts", "reason"), REFUSED)
def test_rules_that_are_refused(profile: StoreMetadataRequest, facts: PolicyFacts, reason: int) -> None:
    with pytest.raises(DownloadCheckError) as caught:
        check_policy(profile, facts, consent=False)
    assert caught.value.reason == reason


def test_ppr2_is_allowed_beside_an_operational_profile() -> None:
    facts = PolicyFacts(rat=(rule(PPR2),), operational_profile_installed=True)
    check_policy(metadata(PPR2), facts, consent=False)


def test_consent_is_enough_where_only_that_is_missing() -> None:
    check_policy(metadata(PPR2), PolicyFacts(rat=(rule(PPR2, consent=True),)), consent=True)


def operator(mcc_mnc: bytes = HOME, gid1: bytes | None = None, gid2: bytes | None = None) -> OperatorId:
    return OperatorId(mcc_mnc=mcc_mnc, gid1=gid1, gid2=gid2)


@pytest.mark.parametrize(
    ("allowed", "owner", "matches"),
    [
        (operator(), operator(), True),
        (operator(ANY), operator(), True),
        (operator(b"\x62\xf2\xee"), operator(), True),
        (operator(b"\x62\xf2\x1e"), operator(), True),
        (operator(b"\x62\xf2\x2e"), operator(), False),
        (operator(b"\x62\x02\x10"), operator(), False),
        (operator(gid1=b"\x01"), operator(gid1=b"\x01"), True),
        (operator(gid1=b"\x01"), operator(gid1=b"\x02"), False),
        (operator(gid1=b"\x01"), operator(), False),
        (operator(), operator(gid1=b"\x01"), False),
        (operator(gid1=b""), operator(gid1=b"\x01"), True),
        (operator(gid1=b""), operator(), True),
        (operator(gid1=b"", gid2=b""), operator(gid1=b"\x01", gid2=b"\x02"), True),
        (operator(gid1=b"\x01", gid2=b"\x02"), operator(gid1=b"\x01", gid2=b"\x03"), False),
    ],
)
def test_operator_matching(allowed: OperatorId, owner: OperatorId, matches: bool) -> None:
    assert operator_matches(allowed, owner) is matches
