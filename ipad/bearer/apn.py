"""Which access point belongs to a profile: the operator's table, then the profile's own word, then the network's."""

from __future__ import annotations

import logging

from ipad.bearer.backend import Apn, Auth, IpType
from ipad.bearer.settings import ApnConfig, BearerConfig, is_apn, is_credential
from ipad.codec.access_point import decode_access_point
from ipad.codec.es10_iot import ConnectivityParameters
from ipad.errors import CodecError
from ipad.ids import Iccid

logger = logging.getLogger(__name__)


def choose_apn(
    config: BearerConfig, iccid: Iccid | None, imsi: str | None, connectivity_parameters: Apn | None
) -> Apn | None:
    """The access point of a profile; None leaves the choice to the network.

    Of the configured entries that match, the one with the most digits counts (those of ICCID and IMSI together); of
    equals the first. Without any, what the profile itself says (`of_connectivity_parameters`).
    """
    digits = (str(iccid) if iccid is not None else "", imsi or "")
    matching = [entry for entry in config.apn if digits[0].startswith(entry.iccid) and digits[1].startswith(entry.imsi)]
    if not matching:
        return connectivity_parameters
    return _configured(max(matching, key=lambda entry: len(entry.iccid) + len(entry.imsi)))


def of_connectivity_parameters(parameters: ConnectivityParameters) -> Apn | None:
    """What GetConnectivityParameters (SGP.32 5.9.24) says about the access point; None when that is nothing usable.

    Never raises: parameters that cannot be read must not keep a device offline.
    """
    if not parameters.http_params:
        return None
    try:
        access = decode_access_point(parameters.http_params)
    except CodecError as error:
        logger.warning("the access point of the profile is not used: %s", error)
        return None
    if access is None:
        return None
    if not (is_apn(access.name) and is_credential(access.login) and is_credential(access.password)):
        logger.warning("the access point of the profile is not used: no modem would take it")
        return None
    auth = Auth.CHAP if access.login else Auth.NONE
    return Apn(access.name, user=access.login, password=access.password if access.login else "", auth=auth)


def _configured(entry: ApnConfig) -> Apn:
    auth = Auth(entry.auth) if entry.auth is not None else Auth.CHAP if entry.user else Auth.NONE
    return Apn(entry.apn, IpType(entry.ip_type), entry.user, entry.password, auth)
