"""The authentication centre of the operators (TS 33.102 6.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hil import aka
from hil.aka import AkaKey

Challenged = Callable[[bytes, bytes], bytes | None]
"""A USIM: RAND and AUTN in, the answer of AUTHENTICATE (TS 31.102 7.1.2.1) out, None when it refuses them."""
_SUCCESSFUL: Final = b"\xdb"
_OUT_OF_STEP: Final = b"\xdc\x0e"


@dataclass
class _AuthenticationRecord:
    """What the operator's authentication centre has of a subscriber."""

    key: AkaKey
    sqn: int = 0


class AuthenticationCentre:
    """The keys and sequence numbers of all subscribers."""

    def __init__(self) -> None:
        self._records: dict[str, _AuthenticationRecord] = {}

    def enrol(self, imsi: str, key: AkaKey) -> None:
        """Take the key of a subscriber, who is challenged from now on."""
        self._records[imsi] = _AuthenticationRecord(key)

    def authenticate(self, imsi: str, answer: Challenged) -> bool:
        """Challenge a subscriber (TS 33.102 6.3.3), once more after a synchronisation failure.

        A subscriber whose key was not given to the operator is believed, as all are in an open world.
        """
        record = self._records.get(imsi)
        if record is None or not record.key.known:
            return True
        for _ in range(2):
            record.sqn = aka.following(record.sqn)
            rand, autn, expected = aka.challenge(record.key, record.sqn)
            reply = answer(rand, autn) or b""
            if reply[:1] == _SUCCESSFUL:
                return reply[2 : 2 + reply[1]] == expected
            own = aka.resynchronised(record.key, rand, reply[2:16]) if reply[:2] == _OUT_OF_STEP else None
            if own is None:
                return False
            record.sqn = own
        return False
