"""A result that was misread on its way out of the eUICC: the one that is stored there is delivered in its place.

A serial line has no checksum, and the IPA checks no signatures, so a result may reach its eIM with another bit than the
eUICC signed. The eIM does not acknowledge what is not genuine (SGP.32 5.14.6), and the eUICC keeps what was not
acknowledged (SGP.32 3.3.1): only then the two are compared.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from ipad.codec.esipa import EimPackageResult
from ipad.codec.euicc_package import EuiccPackageResult
from ipad.codec.notification import RetrieveNotificationsListRequestSearchCriteria
from ipad.errors import CardError, CodecError, EuiccResultError
from ipad.procedures.context import Ipa
from ipad.procedures.package_facts import belongs_to, result_facts
from ipad.procedures.ports import Euicc
from ipad.procedures.stored_results import stored_results

log = logging.getLogger(__name__)

_STORED = (0xBF2B,)
"""RetrieveNotificationsList (SGP.32 5.9.11)."""


async def genuine_result(ipa: Ipa, delivered: bytes, acknowledged: Collection[int]) -> bytes | None:
    """The EimPackageResult TLV to deliver after one that the eIM answered with these acknowledgements.

    None: there is nothing to correct, or the eUICC does not say what it has stored. A genuine result that the eIM does
    not acknowledge costs one RetrieveNotificationsList; an error result, which is not stored, costs nothing. That of a
    ProfileRollback, which takes the place of the delivered one (SGP.32 3.3.2), is another result and corrects nothing.
    Raises PortError.
    """
    result = _package_result(delivered)
    facts = result_facts(result) if result is not None else None
    if result is None or facts is None or facts.seq_number is None or facts.seq_number in acknowledged:
        return None
    try:
        stored = await _stored(ipa.euicc, result, facts.seq_number)
    except (CardError, CodecError, EuiccResultError) as error:
        log.warning("a result that was not acknowledged cannot be compared with the stored one: %s", error)
        return None
    if stored is None or result_facts(stored).rolled_back is not facts.rolled_back or _same(stored, result):
        return None
    log.warning("result %d was misread on its way out of the eUICC: the stored one is delivered", facts.seq_number)
    return stored.encode()


async def _stored(euicc: Euicc, result: EuiccPackageResult, number: int) -> EuiccPackageResult | None:
    """What the eUICC has stored for the package of a result; the result itself if it finds that one first.

    Any part of the result may be what was misread, its number as well; and what now seems to be another result may be
    a misreading of its own. So whatever differs is looked for once more, in the list of all.
    """
    criteria = RetrieveNotificationsListRequestSearchCriteria(seq_number=number)
    response = await euicc.retrieve_notifications_list(criteria)
    if any(_same(found, result) for found in response.euicc_package_result_list or ()):
        return result
    euicc.forget(_STORED)
    everything = await stored_results(euicc)
    return next(
        (found for found in everything if _same_package(found, result)),
        next((found for found in everything if result_facts(found).seq_number == number), None),
    )


def _package_result(payload: bytes) -> EuiccPackageResult | None:
    read = EimPackageResult.decode(payload)
    result: EuiccPackageResult | None = read.euicc_package_result
    return result if read.epr_and_notifications is None else read.epr_and_notifications.euicc_package_result


def _same(one: EuiccPackageResult, other: EuiccPackageResult) -> bool:
    """Whether both are the same signed bytes, however they are wrapped."""
    first, second = one.euicc_package_result_signed, other.euicc_package_result_signed
    return first is not None and second is not None and first.encode() == second.encode()


def _same_package(one: EuiccPackageResult, other: EuiccPackageResult) -> bool:
    signed = other.euicc_package_result_signed
    assert signed is not None
    data = signed.euicc_package_result_data_signed
    return belongs_to(one, data.eim_id, data.counter_value, data.eim_transaction_id)
