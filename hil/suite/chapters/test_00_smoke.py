"""Chapter 0: the way through all parts, before anything is judged in detail."""

from __future__ import annotations

from hil.eim import content
from hil.eim.association import Outcome
from hil.suite.abilities import Card, Eim
from hil.suite.marks import case, needs


@case("3.4.4", "5.14.5", "5.14.6", title="A package is fetched, executed, and its signed result delivered")
def test_package_goes_through(eim: Eim, card: Card) -> None:
    package = eim.run(content.psmo_package(content.list_profile_info()))
    assert package.outcome is Outcome.OK
    assert package.verified
    assert package.handed_out == 1
    assert not card.notifications()


@needs("second-profile")
@case("3.4.1", title="A package switches profiles, and the new one carries the result")
def test_switch_goes_through(eim: Eim, card: Card) -> None:
    spare = card.spare()
    package = eim.run(content.psmo_package(content.enable(spare, rollback=True)))
    assert package.outcome is Outcome.OK
    assert card.enabled() == spare
