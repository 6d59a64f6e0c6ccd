"""What a case can ask of a target: one Protocol for each ability, and the plain data that they deal in.

A case takes the fixture of the same name. What not every target can do has a name in `Ability`, and the case says
`@pytest.mark.needs(...)`; where the target lacks it the case is skipped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from hil.eim.association import Outcome, PackageState
from hil.eim.content import Content
from hil.eim.history import Check, Record
from hil.suite.activation import ActivationCode
from hil.suite.record import EventRecord

_SIGNATURE: Final = "signature"
"""Name of the check of what the eUICC signed."""


@dataclass(frozen=True)
class Answer:
    """What one command of `ipad --json` answered. `errors` is what it wrote to standard error."""

    code: int
    value: Mapping[str, Any]
    errors: str = ""

    @property
    def error(self) -> Mapping[str, Any]:
        """The object `error` of a command that failed, else empty."""
        found = self.value.get("error")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True)
class Profile:
    """A profile as `ipad profile list` shows it; `fields` is everything that it says."""

    iccid: str
    enabled: bool
    fallback: bool
    name: str
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class PackageView:
    """A package at the eIM, as it stands now.

    `results` are the decoded objects that came back for it and were news, in order; `checks` all that the eIM verified
    of them, `verified` whether there was something to verify and nothing failed. `handed_out` counts how often.
    """

    number: int
    label: str
    state: PackageState
    outcome: Outcome | None
    detail: str
    transaction_id: bytes | None
    counter: int | None
    handed_out: int
    attempts: int
    records: tuple[Record, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether it is done with."""
        return self.state is PackageState.CLOSED

    @property
    def results(self) -> list[Any]:
        """What came back for it, decoded."""
        return [record.decoded for record in self.records if record.news]

    @property
    def raw(self) -> list[bytes]:
        """The same as it was received."""
        return [bytes.fromhex(record.raw) for record in self.records if record.news]

    @property
    def checks(self) -> tuple[Check, ...]:
        """What the eIM verified."""
        return tuple(check for record in self.records for check in record.checks)

    @property
    def verified(self) -> bool:
        """Whether every check that could be made was passed, and there was one. A signature has to be checked: an eIM
        that knows no key of the eUICC verifies nothing."""
        passed = [check.passed for check in self.checks if check.passed is not None or check.name == _SIGNATURE]
        return bool(passed) and all(passed)

    @property
    def codes(self) -> list[tuple[str, Any]]:
        """Result members of a signed EuiccPackageResult in order, such as ("enableResult", 0)."""
        return [item for decoded in self.results for item in _members(decoded)]


def _members(decoded: Any) -> list[tuple[str, Any]]:
    """The euiccResult list of an EuiccPackageResult in the JSON form of the eIM's history."""
    found: list[tuple[str, Any]] = []
    if isinstance(decoded, Mapping):
        for name, value in decoded.items():
            if name == "euiccResult" and isinstance(value, list):
                found += [pair for item in value if isinstance(item, Mapping) for pair in item.items()]
            else:
                found += _members(value)
    elif isinstance(decoded, list):
        for item in decoded:
            found += _members(item)
    return found


@dataclass(frozen=True)
class OrderView:
    """An order of the bench's SM-DP+. `code` is its activation code, None for the default SM-DP+ case."""

    number: int
    code: str | None
    iccid: str
    state: str
    history: tuple[Any, ...] = ()


class Gateway(Protocol):
    """The agent under test on its host."""

    def start(self) -> None:
        """Start the service and wait until it serves the modem."""
        ...

    def stop(self) -> None:
        """Stop the service in good order."""
        ...

    def kill(self) -> None:
        """End it as kill -9 does."""
        ...

    def restart(self) -> None:
        """`stop` and `start`."""
        ...

    @property
    def running(self) -> bool:
        """Whether the service is there."""
        ...

    def ipad(self, *words: str, within: float | None = None, code: int | None = 0) -> Answer:
        """One command with --json. AssertionError when its exit code is not `code` (None: any will do)."""
        ...

    def poll(self, eim_id: str | None = None, *, within: float | None = None, code: int | None = None) -> Answer:
        """Poll one eIM, or all."""
        ...

    def status(self) -> Mapping[str, Any]:
        """`ipad status`."""
        ...

    def configure(self, toml: str = "", *, policy: str = "") -> None:
        """Tables for the agent's configuration (and its policy file) besides, until the case is over. It restarts."""
        ...

    def download(self, code: ActivationCode, *, within: float | None = None) -> Answer:
        """`ipad profile download` with a code that nobody may read. AssertionError when it fails."""
        ...

    def journal(self) -> str:
        """What the service has logged since the case began."""
        ...


class Card(Protocol):
    """The eUICC as the agent's commands see it."""

    @property
    def eid(self) -> str:
        """32 digits."""
        ...

    def profiles(self) -> list[Profile]:
        """What is installed."""
        ...

    def enabled(self) -> str | None:
        """ICCID of the enabled profile."""
        ...

    def spare(self) -> str:
        """ICCID of a profile that tests may switch to, which is not enabled. Needs `second-profile`."""
        ...

    def eims(self) -> list[Mapping[str, Any]]:
        """The associated eIMs as `ipad eim list` shows them."""
        ...

    def notifications(self) -> list[Mapping[str, Any]]:
        """What waits on the eUICC, as `ipad notification list` shows it."""
        ...


class CardBench(Protocol):
    """A virtual eUICC from outside. Knobs are turned back after the case."""

    def knobs(self, **values: Any) -> None:
        """Turn knobs of the card (hil.euicc.knobs)."""
        ...

    def install(self, **members: Any) -> str:
        """Put one more profile on the card, disabled; its ICCID. `members` are those of hil.euicc.config.ProfileSpec,
        what is not said is made up. It is gone after the case."""
        ...

    def change(self, iccid: str, **members: Any) -> None:
        """Change metadata of a profile (hil.euicc.state.Profile), such as `policy_rules`; undone after the case."""
        ...

    def reset(self) -> None:
        """A reset that nobody asked for."""
        ...

    def truth(self) -> Mapping[str, Any]:
        """What really is on the card: profiles, eims, notifications, packageResults, rollbackPossible, ..."""
        ...

    def executed(self) -> Mapping[str, int]:
        """ES10 functions that the card was asked for since the case began: tag in hexadecimal -> how often."""
        ...


class Modem(Protocol):
    """The modem as its host can use it."""

    def at(self, command: str) -> list[str]:
        """One AT command: the information lines of its answer. AssertionError when it ends with an error."""
        ...

    def reset(self) -> None:
        """Restart it, and wait until the agent has it again."""
        ...


class ModemBench(Protocol):
    """A virtual modem from outside. Knobs are turned back after the case."""

    def knobs(self, **values: Any) -> None:
        """Turn knobs of the modem (hil.modem.knobs)."""
        ...

    def fault(self, **members: Any) -> None:
        """One more fault of single commands (hil.modem.knobs.CommandFault)."""
        ...

    def unplug(self, seconds: float) -> None:
        """The port vanishes for so long."""
        ...

    def restart(self) -> None:
        """The modem resets itself."""
        ...

    def lines(self) -> list[str]:
        """What the agent sent to it since the case began."""
        ...


class Power(Protocol):
    """The supply of modem and eUICC."""

    def off(self) -> None:
        """Take it away."""
        ...

    def on(self) -> None:
        """Give it back."""
        ...

    def cycle(self) -> None:
        """Both."""
        ...


class Network(Protocol):
    """What the radio networks grant. Everything is turned back after the case.

    `iccid` names the profile that is meant, None: all. Without the ability `network` (that is with `rf-block` alone)
    only `coverage` for all works. A network that cannot do one of these raises UnableError, which skips the case.
    """

    def coverage(self, *, on: bool, iccid: str | None = None) -> None:
        """Whether there is any."""
        ...

    def data(self, *, on: bool, iccid: str | None = None) -> None:
        """Whether packets get through; off, all looks well and nothing comes back."""
        ...

    def reject(self, cause: int | None, iccid: str | None = None) -> None:
        """EMM cause with which registrations are refused (3GPP TS 24.301 Annex A), None: they are taken."""
        ...

    def service(self, iccid: str | None = None, **members: Any) -> None:
        """Any members of hil.network.Service."""
        ...

    def signal(self, rsrp: float, rsrq: float = -9.0, sinr: float = 14.0) -> None:
        """What is received of the network of the enabled profile, in dBm and dB."""
        ...

    def cut(self, *, on: bool = True) -> None:
        """Cut the link to all servers while the radio looks well, or end that."""
        ...

    def play(self, scenario: str) -> None:
        """Start a radio scenario of the bench by its name."""
        ...

    def bearer(self) -> bool:
        """Whether the modem has IP traffic."""
        ...

    def online(self, *, up: bool = True, within: float | None = None) -> float:
        """Wait until the bearer is up (or down); seconds that it took. AssertionError when it does not come."""
        ...


class Eim(Protocol):
    """An eIM of the bench. Queue, knobs, faults and certificate are as before after the case."""

    @property
    def eim_id(self) -> str:
        """eimId."""
        ...

    @property
    def fqdn(self) -> str:
        """eimFqdn."""
        ...

    def queue(self, content: Content, **faults: Any) -> int:
        """Queue a content; `faults` are those of hil.eim.association.SigningFaults. Returns its number."""
        ...

    def package(self, number: int) -> PackageView:
        """A package as it stands."""
        ...

    def settle(self, *numbers: int, within: float | None = None) -> list[PackageView]:
        """Have the agent poll until these packages (without numbers: all of this case) are closed.

        Raises SettleError.
        """
        ...

    def wait(self, *numbers: int, within: float | None = None) -> list[PackageView]:
        """The same without asking for polls."""
        ...

    def run(self, content: Content, within: float | None = None, **faults: Any) -> PackageView:
        """`queue` and `settle` of one content."""
        ...

    def records(self, kind: str | None = None) -> list[Record]:
        """What arrived since the case began: of hil.eim.history.RecordKind `kind`, or all."""
        ...

    def asked(self, command: str) -> bool:
        """Whether the case queued a package with this command, by its name in the label."""
        ...

    def polls(self) -> int:
        """How often it was asked for a package since the case began."""
        ...

    def knob(self, **values: Any) -> None:
        """Turn knobs (hil.eim.knobs)."""
        ...

    def fault(self, kind: str, function: str = "any", **parameters: Any) -> None:
        """What goes wrong in exchanges (hil.eim.faults): `times`, `after`, `value`, `seconds`."""
        ...

    def clear_faults(self) -> None:
        """Nothing goes wrong any more."""
        ...

    def tls(self, leaf: str) -> None:
        """Show another certificate (hil.eim.tls.Leaf)."""
        ...

    def configuration(self) -> bytes:
        """EimConfigurationData (DER) with which others add this eIM."""
        ...


class Smdp(Protocol):
    """The SM-DP+ and SM-DS of the bench. Knobs, faults and orders of the case are gone after it."""

    @property
    def fqdn(self) -> str:
        """Address of the SM-DP+."""
        ...

    @property
    def smds_fqdn(self) -> str:
        """Address of the SM-DS."""
        ...

    def order(self, **members: Any) -> OrderView:
        """A new order; `members` are those of hil.smdp.order_form, what is not said is made up."""
        ...

    def state(self, number: int) -> OrderView:
        """An order as it stands."""
        ...

    def reports(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """`installations` and `notifications` that arrived since the case began."""
        ...

    def knob(self, **values: Any) -> None:
        """Turn knobs of the SM-DP+ (hil.smdp.knobs)."""
        ...

    def fault(self, kind: str, function: str = "any", *, server: str = "smdp", **parameters: Any) -> None:
        """What goes wrong in exchanges with `server` smdp or smds (hil.rsp.faults)."""
        ...

    def clear_faults(self) -> None:
        """Nothing goes wrong any more, with either server."""
        ...

    def tls(self, leaf: str, *, server: str = "smdp") -> None:
        """Show another certificate (hil.eim.tls.Leaf)."""
        ...


class ActivationCodes(Protocol):
    """Activation codes of an SM-DP+ that the eUICC trusts. Each is worth one profile, and given out once."""

    @property
    def address(self) -> str:
        """Of the SM-DP+ of the first of them."""
        ...

    def take(self, count: int = 1, *, by_eim: bool = False) -> list[ActivationCode]:
        """The next ones. `by_eim`: such as need no confirmation code, for which a trigger of an eIM has no room
        (SGP.32 2.11.1.3). Raises NoCodeError (hil.suite.activation) when there are not so many."""
        ...

    def hide(self, text: str) -> str:
        """A text for the report or the terminal without them."""
        ...


class Timeline(Protocol):
    """What went over the interfaces since the case began, in order, with all data."""

    def events(self, interface: str | None = None) -> list[EventRecord]:
        """Everything so far, or what one interface saw: AT, APDU, ESIPA, ES9+, ES11, RADIO, CARD, BENCH.

        On a board there is what the servers of the bench see.
        """
        ...


class Measure(Protocol):
    """Notes a duration of the case for the report."""

    def __call__(self, name: str, seconds: float) -> None:
        """`name`: download, activation, post-activation connectivity, recovery, rollback, or another one."""
        ...


def missing(wanted: Collection[str], present: Collection[str]) -> list[str]:
    """The abilities that are wanted and not there, in order."""
    return sorted(set(wanted) - set(present))
