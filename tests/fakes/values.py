"""Identities and made-up signatures that all fakes share."""

from __future__ import annotations

from ipad.ids import Eid, Iccid

EID = Eid.parse("89049032001234567890000000100070")
ICCID1 = Iccid.parse("89490200000000000110")
ICCID2 = Iccid.parse("89490200000000002227")
ICCID3 = Iccid.parse("89490200000000003332")
CI = bytes.fromhex("F54172BDF98A95D65CBEB88A38A1C11D800A85C3")
CERTIFICATE = bytes.fromhex("300A30030201053000030100")
SIGNATURE = bytes.fromhex("DEADBEEF")
BAD_SIGNATURE = bytes.fromhex("BAD0BAD0")
