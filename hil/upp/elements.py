"""Tags of profile elements and identifiers of their templates (PEDefinitions; 8, 9 and Annex A)."""

from __future__ import annotations

from enum import IntEnum


class ElementTag(IntEnum):
    """Outer tag of each ProfileElement that the bench looks into or writes."""

    HEADER = 0xA0
    GENERIC_FILE_MANAGEMENT = 0xA1
    PIN_CODES = 0xA2
    PUK_CODES = 0xA3
    AKA_PARAMETER = 0xA4
    CDMA_PARAMETER = 0xA5
    SECURITY_DOMAIN = 0xA6
    RFM = 0xA7
    APPLICATION = 0xA8
    NON_STANDARD = 0xA9
    END = 0xAA
    MF = 0xB0
    CD = 0xB1
    TELECOM = 0xB2
    USIM = 0xB3
    OPT_USIM = 0xB4
    ISIM = 0xB5
    OPT_ISIM = 0xB6
    PHONEBOOK = 0xB7
    GSM_ACCESS = 0xB8
    CSIM = 0xB9
    OPT_CSIM = 0xBA
    EAP = 0xBB
    DF_5GS = 0xBC
    DF_SAIP = 0xBD
    DF_SNPN = 0xBE
    DF_5G_PROSE = 0xBF1F
    IOT = 0xBF20
    OPT_IOT = 0xBF21


class PeStatusCode(IntEnum):
    """PEStatus.status (8.11)."""

    OK = 0
    PE_NOT_SUPPORTED = 1
    MEMORY_FAILURE = 2
    BAD_VALUES = 3
    NOT_ENOUGH_MEMORY = 4
    INVALID_REQUEST_FORMAT = 5
    INVALID_PARAMETER = 6
    RUNTIME_NOT_SUPPORTED = 7
    LIB_NOT_SUPPORTED = 8
    TEMPLATE_NOT_SUPPORTED = 9
    FEATURE_NOT_SUPPORTED = 10
    PIN_CODE_MISSING = 11
    UNSUPPORTED_PROFILE_VERSION = 31


TEMPLATE_ARC = bytes.fromhex("67810F0102")
"""Content octets of 2.23.143.1.2, the arc of the file templates."""

TEMPLATE_MF = TEMPLATE_ARC + b"\x01"
TEMPLATE_USIM = TEMPLATE_ARC + b"\x04"
TEMPLATE_OPT_USIM = TEMPLATE_ARC + b"\x05"
