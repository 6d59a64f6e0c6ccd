"""Profile Policy Rules of a profile against the Rules Authorisation Table (SGP.22 2.9.2.4, 3.1.3.3; SGP.32 3.2.3).

The eUICC decides again when it stores the metadata; the IPA refuses first, so that the server learns why.
"""

from __future__ import annotations

from collections.abc import Sequence

from ipad.codec.euicc_info import PprIds
from ipad.codec.profile import OperatorId, PprFlags, ProfilePolicyAuthorisationRule, StoreMetadataRequest
from ipad.codec.rsp import CancelSessionReason
from ipad.errors import DownloadCheckError
from ipad.records import dataclass

_RULES = (PprIds.PPR1, PprIds.PPR2)
_KNOWN = PprIds.PPR_UPDATE_CONTROL | PprIds.PPR1 | PprIds.PPR2
_ANY_DIGIT = 0xE
_NONE = PprIds(0)


@dataclass(frozen=True, kw_only=True)
class PolicyFacts:
    """What the eUICC says: its table in its order, what it forbids, whether an operational profile is installed."""

    rat: Sequence[ProfilePolicyAuthorisationRule]
    forbidden: PprIds = _NONE
    operational_profile_installed: bool = False


def policy_rules(metadata: StoreMetadataRequest) -> PprIds:
    """The rules of a profile that restrict something, and bits that are not known; 0 for none."""
    return PprIds(int(metadata.profile_policy_rules or 0) & ~int(PprIds.PPR_UPDATE_CONTROL))


def check_policy(metadata: StoreMetadataRequest, facts: PolicyFacts, *, consent: bool) -> None:
    """Raise DownloadCheckError unless each rule of the profile is allowed.

    `consent` is the answer where the table asks for that of the end user. What is not allowed at all is found before.
    """
    rules = policy_rules(metadata)
    if not rules:
        return
    if int(rules) & ~int(_KNOWN):
        raise _refused(f"the profile has policy rules that are not known ({int(rules):#x})")
    if metadata.profile_owner is None:
        raise _refused("the profile has policy rules but no owner")
    ask = False
    for rule in _RULES:
        if rules & rule:
            ask = _authorisation(rule, metadata.profile_owner, facts) or ask
    if ask and not consent:
        raise DownloadCheckError(
            "the profile has policy rules that need the consent of the end user, and nobody consented",
            reason=CancelSessionReason.END_USER_REJECTION,
        )


def _authorisation(rule: PprIds, owner: OperatorId, facts: PolicyFacts) -> bool:
    """Whether the rule that allows it asks for consent. Raises DownloadCheckError when there is none."""
    found = next((entry for entry in facts.rat if entry.ppr_ids & rule and _covers(entry, owner)), None)
    if found is None:
        raise _refused(f"{rule.name} is not allowed for the owner of the profile")
    if rule is PprIds.PPR1 and facts.operational_profile_installed:
        raise _refused("PPR1 is not allowed while an operational profile is installed")
    if facts.forbidden & rule:
        raise _refused(f"{rule.name} is forbidden on this eUICC")
    return bool(found.ppr_flags & PprFlags.CONSENT_REQUIRED)


def _covers(entry: ProfilePolicyAuthorisationRule, owner: OperatorId) -> bool:
    return any(operator_matches(allowed, owner) for allowed in entry.allowed_operators)


def operator_matches(allowed: OperatorId, owner: OperatorId) -> bool:
    """Whether an operator of the table is the owner: a digit E stands for any (SGP.22 2.4.5.3)."""
    digits = zip(_nibbles(allowed.mcc_mnc), _nibbles(owner.mcc_mnc), strict=True)
    return (
        all(wanted in (_ANY_DIGIT, digit) for wanted, digit in digits)
        and _gid_matches(allowed.gid1, owner.gid1)
        and _gid_matches(allowed.gid2, owner.gid2)
    )


def _gid_matches(allowed: bytes | None, given: bytes | None) -> bool:
    """An absent identifier is for profiles without one, an empty one for all."""
    return allowed in (b"", given)


def _nibbles(octets: bytes) -> list[int]:
    return [nibble for octet in octets for nibble in (octet >> 4, octet & 0xF)]


def _refused(message: str) -> DownloadCheckError:
    return DownloadCheckError(message, reason=CancelSessionReason.PPR_NOT_ALLOWED)
