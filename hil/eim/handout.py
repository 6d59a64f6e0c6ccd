"""What a GetEimPackage is answered with (SGP.32 5.14.5): the unanswered package again, else the next one."""

import os
from collections.abc import Callable
from typing import Final

from hil import tlv
from hil.eim.association import Association, Outcome, Package, PackageState
from hil.eim.content import ContentKind
from hil.eim.identity import EimIdentity
from hil.eim.signing import PackageHeader, sign_package

NO_PACKAGE_AVAILABLE: Final = 1
EID_NOT_FOUND: Final = 2
INVALID_EID: Final = 3
MISSING_EID: Final = 4

_TRANSACTION_ID_SIZE: Final = 8
_TRANSACTION_ID_TAG: Final = {ContentKind.DATA_REQUEST: 0x83, ContentKind.DOWNLOAD_TRIGGER: 0x82}


def package_error(code: int) -> bytes:
    """GetEimPackageResponse with eimPackageError."""
    return tlv.build(0xBF4F, tlv.build(0x02, tlv.integer(code)))


class Dispatcher:
    """Prepares packages: transaction id, counter and signature are fixed at the first hand-out and then kept."""

    def __init__(self, identity: EimIdentity, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._identity = identity
        self._random_bytes = random_bytes

    def hand_out(self, association: Association, now: float, limit: int | None) -> bytes:
        """GetEimPackageResponse for one eUICC. `limit`: give a package up after so many hand-outs."""
        package = association.waiting()
        while package is not None and limit is not None and len(package.handed_out) >= limit:
            package.state, package.outcome = PackageState.CLOSED, Outcome.LOST
            package.detail = f"handed out {limit} times without an answer"
            package = association.waiting()
        if package is None:
            return package_error(NO_PACKAGE_AVAILABLE)
        if package.request is None:
            package.request = self._prepare(association, package)
        package.state = PackageState.HANDED_OUT
        package.handed_out.append(now)
        return tlv.build(0xBF4F, package.request)

    def _prepare(self, association: Association, package: Package) -> bytes:
        content = package.content
        if content.kind is ContentKind.RAW:
            return content.body
        transaction_id = self._random_bytes(_TRANSACTION_ID_SIZE)
        if content.kind is not ContentKind.EUICC_PACKAGE:
            package.transaction_id = transaction_id
            whole = tlv.single(content.body)
            own = tlv.build(_TRANSACTION_ID_TAG[content.kind], transaction_id)
            return tlv.build(whole.tag, whole.value, own)
        if not package.faults.no_transaction_id:
            package.transaction_id = transaction_id
        if package.faults.counter is None:
            association.counter += 1
            package.counter = association.counter
        else:
            package.counter = package.faults.counter
        header = PackageHeader(self._identity.eim_id, association.eid, package.counter, package.transaction_id)
        return sign_package(self._identity.signing_key, header, content.body, association.token, package.faults)
