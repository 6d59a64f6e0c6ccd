"""Cases that do to a board what the suite must make good, or must not let happen. Run by test_board.py."""

from __future__ import annotations

import os
import signal
import time

import pytest

from hil.eim import content
from hil.eim.association import Outcome
from hil.suite.abilities import Card, Eim, Gateway, Smdp
from hil.suite.errors import ProtectionError
from hil.suite.limits import Limits
from hil.suite.marks import case, needs

SUITE = True


@needs("second-profile")
@case("3.4.3", title="Deletion of a profile that the suite did not install is not even queued")
def test_deletion_of_the_owners_profile(eim: Eim, gateway: Gateway, card: Card) -> None:
    spare = card.spare()
    with pytest.raises(ProtectionError, match=f"{spare} was not installed by the suite"):
        eim.queue(content.psmo_package(content.delete(spare)))
    with pytest.raises(ProtectionError, match="was not installed by the suite"):
        gateway.ipad("profile", "delete", spare, "--yes", code=None)
    assert spare in [profile.iccid for profile in card.profiles()]


@needs("second-profile", "test-profile")
@case("3.4.1", "3.2.3.2", title="A download and a switch that the case leaves behind, because it fails")
def test_failure_in_the_middle(eim: Eim, smdp: Smdp, card: Card, limits: Limits) -> None:
    order = smdp.order()
    assert eim.run(content.download_trigger(activation_code=order.code), limits.download).outcome is Outcome.OK
    assert order.iccid in [profile.iccid for profile in card.profiles()]
    assert eim.run(content.psmo_package(content.enable(card.spare()))).outcome is Outcome.OK
    raise AssertionError("a failure on purpose")


@needs("second-profile")
@case("3.4.1", title="An interrupt after a switch")
def test_interrupt_after_a_switch(eim: Eim, card: Card, limits: Limits) -> None:
    assert eim.run(content.psmo_package(content.enable(card.spare()))).outcome is Outcome.OK
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(limits.switch)
