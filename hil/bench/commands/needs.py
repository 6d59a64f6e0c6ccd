"""What each procedure cannot do without, whoever carries it out."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from hil.bench.floor.dialogue import Need, Needs
from hil.es10_names import LOAD_BOUND_PROFILE_PACKAGE

_ISDR: Final = "SGP.32 5.9, SGP.22 5.7: ES10 goes to the ISD-R on a logical channel"
_PACKAGE: Final = Need("LoadEuiccPackage", "SGP.32 3.3.1")
_RESULT_REMOVED: Final = Need("RemoveNotificationFromList", "SGP.32 3.3.1: the result that the eIM acknowledged")
_AUTHENTICATION: Final = (
    Need("GetEUICCInfo1", "SGP.22 3.0.1, step 2"),
    Need("GetEUICCChallenge", "SGP.22 3.0.1, step 3"),
    Need("AuthenticateServer", "SGP.22 3.0.1, step 11"),
)
_INSTALLED: Final = Need(
    "RetrieveNotificationsList",
    "SGP.32 3.7, SGP.22 3.5: the notification of the installation, which the metadata of the profile ask for",
    filled=True,
)
_DOWNLOAD: Final = (
    *_AUTHENTICATION,
    Need("PrepareDownload", "SGP.22 3.1.3, step 4"),
    Need(LOAD_BOUND_PROFILE_PACKAGE, "SGP.22 3.1.3.3 and 2.5.5: each segment is a request", times=0),
    _INSTALLED,
    Need(
        "RemoveNotificationFromList",
        "SGP.22 3.1.3.3, step 9, and 3.5: the ProfileInstallationResult and the notification that were delivered",
        times=2,
    ),
)
_FOUND: Final = "V.250 5.2: whether a modem listens, and at which rate"
_TOLD: Final = "TS 27.007 10.1.22, 10.1.20: the modem tells of changes, so that nobody asks for them"


class Procedure(StrEnum):
    """The rows of the table, in the order in which one device goes through them."""

    START = "start"
    IDLE = "idle"
    LIST = "list"
    DATA = "data-request"
    ECO = "eco"
    DIRECT = "direct-download"
    DELETE = "delete"
    ENABLE = "enable"
    INDIRECT = "indirect-download"

    @property
    def heading(self) -> str:
        """For people."""
        return _TITLES[self]

    @property
    def needs(self) -> Needs:
        """What the specifications ask for."""
        return _NEEDS[self]


_TITLES: Final = {
    Procedure.START: "start of the process, to the end of the first poll",
    Procedure.IDLE: "poll without a package",
    Procedure.LIST: "package: listProfileInfo",
    Procedure.DATA: "IpaEuiccDataRequest: EUICCInfo2, certificates, notifications",
    Procedure.ECO: "package: listEim",
    Procedure.DIRECT: "download trigger, direct download of a small profile",
    Procedure.DELETE: "package: delete, with its notification",
    Procedure.ENABLE: "package: enable, with notifications, until committed",
    Procedure.INDIRECT: "download trigger, indirect download of a small profile",
}

_NEEDS: Final = {
    Procedure.START: Needs(
        (
            Need("GetEID", "SGP.32 5.14.5: eidValue of each request"),
            Need("GetEUICCInfo2", "SGP.32 4.1: whether it is an eUICC for IoT"),
            Need(
                "GetProfilesInfo",
                "SGP.32 5.9.22: whether the emergency profile is enabled, for then nothing is polled",
                filled=True,
            ),
            Need("GetEimConfigurationData", "SGP.32 3.1.1.1: which eIMs there are"),
            Need(
                "RetrieveNotificationsList",
                "SGP.32 3.3.1, 5.9.11: results that no eIM has; 3.7: notifications",
                times=2,
            ),
        ),
        channels=1,
        closed=1,
        others=(
            ("AT", _FOUND),
            ("ATE0V1Q0", "V.250 6.2: form of the answers"),
            ("AT+CMEE=1", "TS 27.007 9.1: errors with a number"),
            ("AT+CEREG=2", _TOLD),
            ("AT+CGEREP=2,1", _TOLD),
            ("AT+CEREG?", "TS 27.007 10.1.22: what was before the modem was told to tell"),
            ("AT+CGACT?", "TS 27.007 10.1.10: the same for the data session"),
            ("AT+COPS?", "SGP.32 5.14.5: rPlmn"),
        ),
    ),
    Procedure.IDLE: Needs(),
    Procedure.LIST: Needs((_PACKAGE, _RESULT_REMOVED), channels=1, closed=1),
    Procedure.DATA: Needs(
        (
            Need("GetEUICCInfo2", "SGP.32 2.11.1.2"),
            Need("GetCerts", "SGP.32 2.11.1.2"),
            Need("RetrieveNotificationsList", "SGP.32 2.11.1.2"),
        ),
        channels=1,
        closed=1,
    ),
    Procedure.ECO: Needs((_PACKAGE, _RESULT_REMOVED), channels=1, closed=1),
    Procedure.DIRECT: Needs(_DOWNLOAD, channels=1, closed=1),
    Procedure.DELETE: Needs(
        (
            _PACKAGE,
            Need("RetrieveNotificationsList", "SGP.32 3.3.1: notifications that go with the result", filled=True),
            Need("RemoveNotificationFromList", "SGP.32 3.3.1: result and notification", times=2),
        ),
        channels=1,
        closed=1,
    ),
    Procedure.ENABLE: Needs(
        (
            _PACKAGE,
            Need("RetrieveNotificationsList", "SGP.32 3.3.1: notifications that go with the result", filled=True),
            Need("RemoveNotificationFromList", "SGP.32 3.3.1: result, disable and enable", times=3),
        ),
        channels=2,
        closed=2,
        others=(
            ("AT+QCCID", "whether the modem has read the new profile: no event of TS 27.007 tells"),
            ("AT+CGACT?", "SGP.32 3.3.1: there has to be a new data session"),
        ),
    ),
    Procedure.INDIRECT: Needs(_DOWNLOAD, channels=1, closed=1),
}
