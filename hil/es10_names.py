"""Names of the ES10 functions, for whoever shows what went over the interface."""

from __future__ import annotations

from typing import Final

LOAD_BOUND_PROFILE_PACKAGE: Final = "LoadBoundProfilePackage"

_FUNCTIONS: Final = {
    "BF20": "GetEUICCInfo1",
    "BF21": "PrepareDownload",
    "BF22": "GetEUICCInfo2",
    "BF23": "InitialiseSecureChannel",
    "BF28": "ListNotification",
    "BF29": "SetNickname",
    "BF2B": "RetrieveNotificationsList",
    "BF2D": "GetProfilesInfo",
    "BF2E": "GetEUICCChallenge",
    "BF30": "RemoveNotificationFromList",
    "BF31": "EnableProfile",
    "BF32": "DisableProfile",
    "BF33": "DeleteProfile",
    "BF34": "eUICCMemoryReset",
    "BF36": LOAD_BOUND_PROFILE_PACKAGE,
    "BF37": "ProfileInstallationResult",
    "BF38": "AuthenticateServer",
    "BF3C": "GetEuiccConfiguredAddresses",
    "BF3E": "GetEID",
    "BF3F": "SetDefaultDpAddress",
    "BF41": "CancelSession",
    "BF43": "GetRAT",
    "BF51": "LoadEuiccPackage",
    "BF55": "GetEimConfigurationData",
    "BF56": "GetCerts",
    "BF57": "AddInitialEim",
    "BF58": "ProfileRollback",
    "BF59": "ConfigureImmediateProfileEnabling",
    "BF5A": "ImmediateEnable",
    "BF5B": "EnableEmergencyProfile",
    "BF5C": "DisableEmergencyProfile",
    "BF5D": "ExecuteFallbackMechanism",
    "BF5E": "ReturnFromFallback",
    "BF5F": "GetConnectivityParameters",
    "BF64": "eUICCMemoryReset",
}
"""ES10 functions by the tag of request and response (SGP.22 5.7, SGP.32 5.9)."""


def function_of(data: str) -> str | None:
    """The ES10 function whose request or response begins so (hexadecimal); None for a tag that is none of them."""
    return _FUNCTIONS.get(data[:4])
