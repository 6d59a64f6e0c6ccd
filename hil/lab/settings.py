"""What the owner of a board says of it: `options: suite:` of a labgrid environment file."""

from __future__ import annotations

import tomllib
from collections import UserString
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from hil.modem.loading import DataError, load
from hil.suite.ability import Ability
from hil.suite.activation import ActivationCode, read_codes
from hil.suite.errors import TargetError
from hil.suite.limits import HARDWARE, Limits, with_changes

OPTION: Final = "suite"
LOOPBACK_NAME: Final = "localhost"
_CODES: Final = "activation_codes"

DECLARED: Final = frozenset((Ability.TEST_PROFILE, Ability.SMDS, Ability.FALLBACK, Ability.EMERGENCY))
"""Abilities that only the owner of a card can know of."""


@dataclass(frozen=True)
class BenchSettings:
    """Where the bench's eIMs and SM-DP+ run, and how a board finds them.

    state: folder of their keys, queues and ports; a card remembers them, so it is kept. host: name or address under
    which the board reaches this machine. listen: address of this machine to listen at. eim, eim2, smdp: ports, 0:
    chosen once and kept. forward: the board's SSH connection brings its localhost here. pki: folder of certificates
    that the eUICC trusts, without it some are made. certificate, eum_certificate: of the eUICC (DER), to verify what it
    signs; without them the first certificate that it shows is believed. associate: load the first eIM on an eUICC that
    has none.
    """

    state: str
    host: str = LOOPBACK_NAME
    listen: str = "127.0.0.1"
    eim: int = 0
    eim2: int = 0
    smdp: int = 0
    forward: bool = False
    pki: str | None = None
    certificate: str | None = None
    eum_certificate: str | None = None
    associate: bool = False

    def __post_init__(self) -> None:
        for name in ("eim", "eim2", "smdp"):
            if not 0 <= getattr(self, name) <= 65_535:
                raise ValueError(f"{name}: expected a port, found {getattr(self, name)}")
        if self.forward and self.host != LOOPBACK_NAME:
            raise ValueError(f"forward brings the board's own {LOOPBACK_NAME} here: host cannot be {self.host!r}")


@dataclass(frozen=True)
class BoardSettings:
    """bench: above. abilities: what the card has besides (`DECLARED`). limits: seconds that replace those for hardware.

    configuration: tables (TOML) for the agent's configuration while the suite runs, policy: the same for a policy file
    of its own. files: folder on the board for what the suite puts there. sim_mux: where the multiplexer of the SIM
    lines has to stand for the eUICC. activation_codes: of an SM-DP+ that the eUICC trusts, where that is not the
    bench's.
    """

    bench: BenchSettings
    abilities: tuple[Ability, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    configuration: str = ""
    policy: str = ""
    files: str = "/var/lib/ipad/suite"
    sim_mux: bool | None = None
    activation_codes: tuple[ActivationCode, ...] = ()

    def __post_init__(self) -> None:
        odd = sorted(set(self.abilities) - DECLARED)
        if odd:
            raise ValueError(
                f"{odd[0]} shows by itself and is not declared; what can be: {', '.join(sorted(DECLARED))}"
            )
        for name in ("configuration", "policy"):
            try:
                tomllib.loads(getattr(self, name))
            except tomllib.TOMLDecodeError as error:
                raise ValueError(f"{name}: {error}") from error
        if not self.files.startswith("/"):
            raise ValueError(f"files: expected an absolute path on the board, found {self.files!r}")
        with_changes(HARDWARE, self.limits)

    @property
    def times(self) -> Limits:
        """Limits of this board."""
        return with_changes(HARDWARE, self.limits)


def _plain(value: Any) -> Any:
    """labgrid keeps the place of a text of several lines in an object of its own."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, UserString) else value


def read_settings(value: Any, folder: Path) -> BoardSettings:
    """The settings in a mapping; paths of this machine are relative to `folder`. Raises TargetError."""
    place = f"options.{OPTION}"
    plain = _plain(value)
    codes: tuple[ActivationCode, ...] = ()
    if isinstance(plain, dict) and _CODES in plain:
        # Not by `load`, whose messages quote what they found.
        codes = read_codes(plain.pop(_CODES), f"{place}.{_CODES}")
    try:
        settings = load(BoardSettings, plain, place)
    except DataError as error:
        raise TargetError(str(error)) from error
    bench = settings.bench
    paths: dict[str, Any] = {
        name: str(folder / Path(text).expanduser())
        for name in ("state", "pki", "certificate", "eum_certificate")
        if (text := getattr(bench, name)) is not None
    }
    return replace(settings, bench=replace(bench, **paths), activation_codes=codes)
