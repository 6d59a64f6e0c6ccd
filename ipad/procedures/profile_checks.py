"""What the IPA checks of an offered profile before the eUICC prepares, and of the package before it is loaded.

SGP.22 3.1.3 and SGP.32 3.2.3. Each failure is a DownloadCheckError with the reason that the server is told.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Final

from ipad.codec.bpp import BoundProfilePackage
from ipad.codec.euicc_info import PprIds
from ipad.codec.profile import ProfileClass, StoreMetadataRequest
from ipad.codec.rsp import CancelSessionReason, SmdpSigned2
from ipad.codec.x509 import Certificate
from ipad.errors import CodecError, DownloadCheckError, EuiccResultError, StatusWordError
from ipad.ids import Iccid
from ipad.procedures.certificate_dates import DateCheck
from ipad.procedures.mutual_authentication import RspSession
from ipad.procedures.ports import Euicc
from ipad.procedures.profile_policy import PolicyFacts, check_policy, policy_rules
from ipad.procedures.rsp_server import ProfileOffer
from ipad.records import dataclass

log = logging.getLogger(__name__)

_ICCID: Final = bytes.fromhex("5A")
_ICCID_AND_CLASS: Final = bytes.fromhex("5A95")
_COMPARED: Final = (
    "iccid",
    "service_provider_name",
    "profile_name",
    "profile_class",
    "profile_policy_rules",
    "profile_owner",
    "notification_configuration_info",
)
"""Metadata that must not differ between the offer and the package (SGP.22 3.1.3 step 7)."""

_NO_CODE: Final = CancelSessionReason.POSTPONED
"""A session that lacks the confirmation code can be taken up again with it (SGP.22 3.0.2)."""


@dataclass(frozen=True, kw_only=True)
class ProfileRules:
    """`check_metadata`: the IPA judges the profile; False where it reported that the eIM does. `consent`: the answer
    where the eUICC's table asks for the consent of the end user."""

    check_metadata: bool = True
    consent: bool = False


def check_offer(session: RspSession, offer: ProfileOffer, dates: DateCheck) -> None:
    """Transaction, owner and dates of CERT.DPpb (SGP.22 3.1.3 step 4)."""
    if offer.smdp_signed2.transaction_id != session.transaction_id:
        raise _stopped("smdpSigned2 carries another transactionId than the session")
    try:
        certificate = Certificate.parse(offer.smdp_certificate)
    except CodecError as error:
        raise _stopped(f"smdpCertificate cannot be read: {error}") from error
    if session.server_oid is not None and session.server_oid not in certificate.registered_ids:
        raise _stopped(
            f"the certificate for binding is for OID {', '.join(certificate.registered_ids) or 'none'}, "
            f"the one for authentication for {session.server_oid}"
        )
    dates.check(certificate, "the binding certificate of the SM-DP+", CancelSessionReason.UNDEFINED_REASON)


async def check_profile(euicc: Euicc, metadata: StoreMetadataRequest, rules: ProfileRules) -> None:
    """ICCID and Profile Policy Rules. Reads the eUICC; raises what it raises."""
    judged = rules.check_metadata and bool(policy_rules(metadata))
    installed = await euicc.get_profiles_info(tag_list=_ICCID_AND_CLASS if judged else _ICCID)
    if any(profile.iccid == metadata.iccid for profile in installed):
        raise _stopped(f"profile {Iccid(metadata.iccid)} is on the eUICC already")
    if not judged:
        return
    try:
        rat = await euicc.get_rat()
        forbidden = (await euicc.get_euicc_info2()).forbidden_profile_policy_rules
    except (CodecError, EuiccResultError, StatusWordError) as error:
        raise _stopped(f"the Rules Authorisation Table cannot be read: {error}") from error
    facts = PolicyFacts(
        rat=rat,
        forbidden=forbidden or PprIds(0),
        operational_profile_installed=any(
            profile.profile_class in (None, ProfileClass.OPERATIONAL) for profile in installed
        ),
    )
    check_policy(metadata, facts, consent=rules.consent)


def confirmation_hash(offer: ProfileOffer, code: str | None) -> bytes | None:
    """hashCc where the SM-DP+ wants it (SGP.22 4.7): from the code of a person, or as the eIM made it."""
    signed: SmdpSigned2 = offer.smdp_signed2
    if not signed.cc_required_flag:
        return None
    if code is not None:
        inner = hashlib.sha256(code.encode()).digest()
        return hashlib.sha256(inner + signed.transaction_id).digest()
    if offer.hash_cc is None:
        raise DownloadCheckError(
            "the SM-DP+ wants a confirmation code and there is none",
            reason=_NO_CODE,
            hint="give it with --confirmation-code-file",
        )
    return offer.hash_cc


def check_package(package: BoundProfilePackage, session: RspSession, offer: ProfileOffer) -> StoreMetadataRequest:
    """Transaction and metadata of the package; returns the metadata that will be stored.

    Raises DownloadCheckError, and CodecError for parts that cannot be read.
    """
    if package.transaction_id != session.transaction_id:
        raise _stopped("the Bound Profile Package is for another transactionId than the session")
    stored = package.metadata
    if offer.metadata is None:
        return stored
    for name in _COMPARED:
        if getattr(stored, name) != getattr(offer.metadata, name):
            raise DownloadCheckError(
                f"{name} in the Bound Profile Package differs from what the SM-DP+ announced",
                reason=CancelSessionReason.METADATA_MISMATCH,
            )
    return stored


def _stopped(message: str) -> DownloadCheckError:
    return DownloadCheckError(message, reason=CancelSessionReason.UNDEFINED_REASON)
