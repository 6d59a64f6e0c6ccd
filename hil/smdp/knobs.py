"""Behaviour of the virtual SM-DP+ that can be switched while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from hil.rsp.authentication import Mistake
from hil.smdp.flaws import PackageFlaw


@dataclass
class SmDpKnobs:
    """All switches with their conforming defaults."""

    strict_address: bool = False
    """Take and sign the own name without a port and letter by letter, as deployed servers do."""
    ignore_eligibility: bool = False
    """Offer a profile also to an eUICC that cannot take it, so that the eUICC has to refuse."""
    mistakes: tuple[Mistake, ...] = ()
    """What is wrong with certificates and signed objects."""
    package_flaw: PackageFlaw | None = None
    """What is wrong with bound packages."""
