"""The small interface behind which the data link is brought up, and what is asked of it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from ipad.bearer.settings import BearerConfig
from ipad.clock import Clock
from ipad.errors import ConfigError
from ipad.ids import Iccid
from ipad.records import dataclass, field

if TYPE_CHECKING:
    from ipad.modem.modem import Modem


class IpType(StrEnum):
    """IP families of a link."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    IPV4V6 = "ipv4v6"


class Auth(StrEnum):
    """How user name and password are proven to the packet gateway."""

    NONE = "none"
    PAP = "pap"
    CHAP = "chap"


@dataclass(frozen=True, slots=True)
class Apn:
    """An access point and what it takes to get in. An empty name is the network's own choice (TS 23.003 9)."""

    name: str
    ip_type: IpType = IpType.IPV4V6
    user: str = ""
    password: str = field(default="", repr=False)
    auth: Auth = Auth.NONE


class BearerReason(StrEnum):
    """Why the link is to be brought up or taken down."""

    BOOT = "boot"
    PROFILE_CHANGED = "profile-changed"
    LOST = "lost"
    RECOVERED = "recovered"
    ASKED = "asked"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class BearerRequest:
    """The link of one profile. What is not known is None; `apn` None is the network's own choice."""

    iccid: Iccid | None
    imsi: str | None
    apn: Apn | None
    reason: BearerReason

    @property
    def access(self) -> Apn:
        """The access point, that of the network where none is known: never what an earlier profile left behind."""
        return self.apn if self.apn is not None else Apn("")


class BearerBackend(Protocol):
    """One way to bring the link up. Belongs to one event loop; calls may overlap."""

    async def bring_up(self, request: BearerRequest) -> None:
        """Ask for the link. Idempotent; returns when asked, not when up: `session` shows that.

        Raises BearerError when it cannot be asked for, PortError when the modem is away.
        """
        ...

    async def take_down(self, reason: BearerReason) -> None:
        """End the link, and do not bring it up again by itself. Raises BearerError, PortError."""
        ...

    async def session(self) -> str | None:
        """A name that differs for each new link; None while there is none. Raises PortError, BearerError."""
        ...

    def package(self) -> AbstractAsyncContextManager[None]:
        """Hold while the eUICC executes a package: whoever shares the modem leaves it alone. Raises BearerError."""
        ...

    async def close(self) -> None:
        """Let go of everything but the link itself. Idempotent."""
        ...


def make_backend(config: BearerConfig, modem: Modem | None, clock: Clock, interface: str) -> BearerBackend:
    """The back end that is configured, for the network interface `interface` ("": not known).

    `modem` is None where the card sits in a reader. Raises ConfigError when the back end needs a modem or a library
    that is not there.
    """
    match config.backend:
        case "at":
            from ipad.bearer.at import AtBearer  # noqa: PLC0415 - one back end is loaded, not all

            if modem is None:
                raise ConfigError('bearer.backend "at" needs a modem, but the card sits in a reader')
            return AtBearer(modem, clock, interface, cid=config.cid)
        case "exec":
            from ipad.bearer.exec import HookBearer  # noqa: PLC0415

            return HookBearer(config, modem, clock, interface)
        case "modemmanager":
            from ipad.bearer.modemmanager import make_modemmanager_bearer  # noqa: PLC0415

            return make_modemmanager_bearer(config.modemmanager, modem, clock, interface)
        case "none":
            from ipad.bearer.none import WatchedBearer  # noqa: PLC0415

            return WatchedBearer(modem, interface)
