"""A target that is nothing but memory: `--target tests.hil.suite.fake_target:make`."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from hil import codec, tlv
from hil.eim import content
from hil.eim.association import Outcome, PackageState
from hil.eim.content import Content
from hil.suite.abilities import Answer, PackageView, Profile
from hil.suite.errors import TargetError
from hil.suite.limits import Limits
from hil.suite.record import EventRecord, SignalSample
from hil.suite.target import Facts, Observations

HOME, SPARE = "89490000000000000015", "89490000000000000023"
EID = "89049032001234567890000000100070"


def profile(iccid: str, *, enabled: bool = False) -> Profile:
    return Profile(iccid, enabled, fallback=False, name=iccid[-4:])


@dataclass
class Device:
    """What the owner of the device would see."""

    eid: str = EID
    profiles: list[Profile] = field(default_factory=lambda: [profile(HOME, enabled=True), profile(SPARE)])
    eims: list[dict[str, Any]] = field(default_factory=lambda: [{"eim_id": "eim.example.com", "fqdn": "eim:443"}])
    done: list[str] = field(default_factory=list)
    """Labels of the packages that it executed."""
    stubborn: bool = False
    """It refuses every package from now on."""

    @property
    def enabled(self) -> str | None:
        return next((item.iccid for item in self.profiles if item.enabled), None)

    def execute(self, command: str, value: Any) -> bool:
        if self.stubborn:
            return False
        match command:
            case "enable":
                wanted = content.iccid_text(value["iccid"])
                self.profiles = [replace(item, enabled=item.iccid == wanted) for item in self.profiles]
            case "delete":
                gone = content.iccid_text(value["iccid"])
                self.profiles = [item for item in self.profiles if item.iccid != gone]
            case "deleteEim":
                self.eims = [eim for eim in self.eims if eim["eim_id"] != value["eimId"]]
        return True


class FakeEim:
    eim_id = "eim.example.com"
    fqdn = "eim:443"

    def __init__(self, device: Device) -> None:
        self._device = device

    def run(self, package: Content, within: float | None = None, **faults: Any) -> PackageView:
        self._device.done.append(package.label)
        listed = tlv.single(package.body)
        name = "Psmo" if listed.tag == 0xA0 else "Eco"
        good = all(self._device.execute(*codec.decode(name, item.raw)) for item in tlv.children(listed.value))
        outcome = Outcome.OK if good else Outcome.FAILED
        return PackageView(1, package.label, PackageState.CLOSED, outcome, "", None, 1, 1, 1)

    queue = run

    def asked(self, command: str) -> bool:
        return False

    def configuration(self) -> bytes:
        return b""


class FakeGateway:
    running = True

    def __init__(self, device: Device) -> None:
        self._device = device

    def start(self) -> None:
        self.running = True

    def ipad(self, *words: str, within: float | None = None, code: int | None = 0) -> Answer:
        self._device.done.append(" ".join(words))
        return Answer(0, {"default_smdp_address": "smdp.example.com"})

    def poll(self, eim_id: str | None = None) -> Answer:
        return Answer(0, {})

    def status(self) -> Mapping[str, Any]:
        return {"provisioning": "operational"}


class FakeCard:
    def __init__(self, device: Device) -> None:
        self._device = device

    @property
    def eid(self) -> str:
        return self._device.eid

    def profiles(self) -> list[Profile]:
        return list(self._device.profiles)

    def enabled(self) -> str | None:
        return self._device.enabled

    def eims(self) -> list[Mapping[str, Any]]:
        return list(self._device.eims)

    def notifications(self) -> list[Mapping[str, Any]]:
        return []


class FakeTarget:
    """`made` are those of the test that runs, the last one last."""

    made: ClassVar[list[FakeTarget]] = []

    def __init__(self, facts: Facts, abilities: frozenset[str]) -> None:
        self.device = Device()
        self.facts = facts
        self.abilities = abilities
        self.limits = Limits(recovery=0.1)
        self.gateway = FakeGateway(self.device)
        self.eim = FakeEim(self.device)
        self.card = FakeCard(self.device)
        self.life: list[str] = []
        """What the suite called, in order."""
        FakeTarget.made.append(self)

    def __getattr__(self, name: str) -> Any:
        raise TargetError(f"this target has no {name}")

    def open(self) -> None:
        self.life.append("open")

    def begin(self, *, fresh: bool, options: Sequence[tuple[str, Any]] = ()) -> None:
        self.life.append("begin")

    def calm(self) -> None:
        self.life.append("calm")

    def seen(self) -> Sequence[EventRecord]:
        return [EventRecord(0.1, "AT", ">", "AT", 4)]

    def end(self) -> Observations:
        self.life.append("end")
        return Observations(tuple(self.seen()), (SignalSample(0.0, -90.0, registered=True),))

    def fingerprint(self) -> Hashable | None:
        return None

    def worn(self) -> bool:
        return False

    def renew(self) -> bool:
        return False

    def close(self) -> None:
        self.life.append("close")


def make(config: Any) -> FakeTarget:
    """For `--target`: a board whose file names the EID that the variable FAKE_EID has."""
    return FakeTarget(Facts("fake", os.environ.get("FAKE_EID", EID)), frozenset(("second-profile", "power")))
