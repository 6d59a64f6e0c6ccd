"""Activation codes on the virtual target: those of its own SM-DP+, made when a case wants some."""

from __future__ import annotations

from typing import Final

from hil.suite.abilities import Smdp
from hil.suite.activation import ActivationCode

_CONFIRMATION_CODE: Final = "4711"


class BenchCodes:
    """The ability `external-profile`. A code that an eIM need not pass on has a confirmation code besides."""

    def __init__(self, smdp: Smdp) -> None:
        self._smdp = smdp

    @property
    def address(self) -> str:
        return self._smdp.fqdn

    def take(self, count: int = 1, *, by_eim: bool = False) -> list[ActivationCode]:
        return [self._made(None if by_eim else _CONFIRMATION_CODE) for _ in range(count)]

    def _made(self, confirmation_code: str | None) -> ActivationCode:
        order = self._smdp.order(confirmationCode=confirmation_code) if confirmation_code else self._smdp.order()
        return ActivationCode(str(order.code), confirmation_code)

    def hide(self, text: str) -> str:
        """All of it: nobody else can use a code of a bench that ends with the run."""
        return text
