"""Sizes that many data objects share (SGP.22 Annex H)."""

from ipad.codec.values import Octets

ICCID = Octets(10, 10)
TRANSACTION_ID = Octets(1, 16)
VERSION = Octets(3, 3)
EID = Octets(16, 16)
