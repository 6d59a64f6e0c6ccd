"""Who the n-th device of a fleet is: EID, ICCIDs, IMSIs, IMEI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hil.euicc.config import make_iccid
from hil.euicc.identifiers import luhn_digit, make_eid

_EUM: Final = "89049032"
FIRST_NETWORK, SECOND_NETWORK = "00101", "00102"
"""Home networks of the profile from the factory and of the one that is rolled out."""


@dataclass(frozen=True)
class Numbers:
    """Digits of one device; `number` counts from 0."""

    number: int

    @property
    def name(self) -> str:
        """The modem's name in the configuration of the agent."""
        return f"d{self.number:06}"

    @property
    def eid(self) -> str:
        """32 digits under the manufacturer of the bench's PKI."""
        return make_eid(f"{_EUM}{self.number:022}")

    @property
    def first_iccid(self) -> str:
        """Of the profile from the factory."""
        return make_iccid(f"89490001{self.number:011}")

    @property
    def second_iccid(self) -> str:
        """Of the profile that is rolled out."""
        return make_iccid(f"89490002{self.number:011}")

    @property
    def first_imsi(self) -> str:
        return f"{FIRST_NETWORK}{self.number:010}"

    @property
    def second_imsi(self) -> str:
        return f"{SECOND_NETWORK}{self.number:010}"

    @property
    def imei(self) -> str:
        """15 digits."""
        body = f"86769804{self.number:06}"
        return body + luhn_digit(body)

    @property
    def matching_id(self) -> str:
        """Of the order at the SM-DP+."""
        return f"FLEET-{self.number:06}"
