"""What brings a device back after a case, on a target that is nothing but memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hil.eim.association import Outcome, PackageState
from hil.eim.content import Content, ContentKind
from hil.suite.abilities import PackageView
from hil.suite.restoring import Restorer, look
from hil.suite.target import Facts
from tests.hil.suite.fake_target import EID, FakeCard, FakeEim, FakeTarget


class OwingCard(FakeCard):
    """It keeps results until they are asked for."""

    owed: tuple[Mapping[str, Any], ...] = ()

    def notifications(self) -> list[Mapping[str, Any]]:
        return list(self.owed)


class AskingEim(FakeEim):
    """Its requests for data fetch the results."""

    card: OwingCard

    def run(self, package: Content, within: float | None = None, **faults: Any) -> PackageView:
        if package.kind is not ContentKind.DATA_REQUEST:
            return super().run(package, within, **faults)
        assert package.label == "data request A2"
        self.card.owed = ()
        return PackageView(1, package.label, PackageState.CLOSED, Outcome.OK, "", None, 1, 1, 1)


def owing(*kinds: str) -> Any:
    """A target whose card owes things of these kinds, and nothing of them goes by itself."""
    target = FakeTarget(Facts("fake", EID), frozenset())
    target.card = card = OwingCard(target.device)
    target.eim = eim = AskingEim(target.device)
    eim.card = card
    card.owed = tuple({"type": kind} for kind in kinds)
    return target


def test_result_that_the_eim_refused_is_asked_for() -> None:
    target = owing("package_result")
    assert Restorer(target, look(target)).restore() == []


def test_notification_that_nobody_takes_is_told() -> None:
    target = owing("notification")
    target.limits = type(target.limits)(poll=0.01)
    (left,) = Restorer(target, look(target)).restore()
    assert "something is owed" in left
