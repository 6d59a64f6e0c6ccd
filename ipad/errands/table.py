"""All errands: how the control API names them, who does them and what they may do. Importing it loads none of them."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ipad.daemon.operations import Effect
from ipad.records import dataclass

RESET_OPTIONS: Final = (
    "operational",
    "field-test",
    "default-smdp",
    "preloaded-test",
    "provisioning",
    "eim",
    "immediate-enable",
)
"""What `euicc reset` can do, in the order of the bits of resetOptions (SGP.22 5.7.19, SGP.32 5.9.5)."""


class Site(Enum):
    """What an errand works on."""

    CARD = "card"  # a CardAccess
    AGENT = "agent"  # a LocalAgent
    MODEM = "modem"  # a Modem
    VISIT = "visit"  # a LocalAgent with its guard


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One of them.

    `handler`: "module:function" in this package; it takes `Parameters` and gives what is done with the site. `path`: of
    the control API; what is in braces is a parameter. `title`: for people. `iot_only`: an agent is not even opened on
    a consumer eUICC.
    """

    handler: str
    method: str
    path: str
    title: str
    site: Site = Site.CARD
    effect: Effect = Effect.READ
    iot_only: bool = False


def _get(handler: str, path: str, title: str, site: Site = Site.CARD) -> Errand:
    return Errand(handler=handler, method="GET", path=path, title=title, site=site)


def _post(handler: str, path: str, title: str, effect: Effect, site: Site = Site.CARD) -> Errand:
    iot_only = site is Site.VISIT or handler == "notifications:send"
    return Errand(handler=handler, method="POST", path=path, title=title, site=site, effect=effect, iot_only=iot_only)


EUICC_INFO: Final = _get("euicc:info", "/v1/euicc", "read the eUICC")
EUICC_RESET: Final = _post("euicc:reset", "/v1/euicc/reset", "reset the eUICC", Effect.SWITCH, Site.AGENT)
PROFILE_LIST: Final = _get("profiles:listing", "/v1/profiles", "list profiles")
PROFILE_INFO: Final = _get("profiles:info", "/v1/profiles/{iccid}", "show a profile")
PROFILE_ENABLE: Final = _post("profiles:enable", "/v1/profiles/{iccid}/enable", "enable a profile", Effect.SWITCH)
PROFILE_DISABLE: Final = _post("profiles:disable", "/v1/profiles/{iccid}/disable", "disable a profile", Effect.SWITCH)
PROFILE_DELETE: Final = _post("profiles:delete", "/v1/profiles/{iccid}/delete", "delete a profile", Effect.CHANGE)
PROFILE_NICKNAME: Final = _post("profiles:nickname", "/v1/profiles/{iccid}/nickname", "name a profile", Effect.CHANGE)
PROFILE_DOWNLOAD: Final = _post(
    "downloads:download", "/v1/profiles/download", "download a profile", Effect.SWITCH, Site.AGENT
)
PROFILE_DISCOVER: Final = _post(
    "downloads:discover", "/v1/profiles/discover", "look for profiles at an SM-DS", Effect.SWITCH, Site.AGENT
)
EIM_LIST: Final = _get("eims:listing", "/v1/eims", "list eIMs")
EIM_ADD: Final = _post("eims:add", "/v1/eims", "add the first eIM", Effect.CHANGE)
POLL: Final = _post("polls:poll", "/v1/poll", "poll now", Effect.SWITCH, Site.VISIT)
NOTIFICATION_LIST: Final = _get("notifications:listing", "/v1/notifications", "list notifications")
NOTIFICATION_SEND: Final = _post(
    "notifications:send", "/v1/notifications/send", "send notifications", Effect.SWITCH, Site.AGENT
)
NOTIFICATION_REMOVE: Final = _post(
    "notifications:remove", "/v1/notifications/remove", "remove a notification", Effect.CHANGE
)
MODEM_INFO: Final = _get("modem:info", "/v1/modem", "read the modem", Site.MODEM)
MODEM_AT: Final = _post("modem:at", "/v1/modem/at", "send an AT command", Effect.CHANGE, Site.MODEM)
# An emergency does not wait for the trial of a profile, so these two are no SWITCH.
EMERGENCY_ENABLE: Final = _post(
    "emergency:enable", "/v1/emergency/enable", "enable the emergency profile", Effect.CHANGE, Site.AGENT
)
EMERGENCY_DISABLE: Final = _post(
    "emergency:disable", "/v1/emergency/disable", "disable the emergency profile", Effect.CHANGE, Site.AGENT
)

ERRANDS: Final = (
    EUICC_INFO,
    EUICC_RESET,
    PROFILE_LIST,
    PROFILE_DOWNLOAD,
    PROFILE_DISCOVER,
    PROFILE_INFO,
    PROFILE_ENABLE,
    PROFILE_DISABLE,
    PROFILE_DELETE,
    PROFILE_NICKNAME,
    EIM_LIST,
    EIM_ADD,
    POLL,
    NOTIFICATION_LIST,
    NOTIFICATION_SEND,
    NOTIFICATION_REMOVE,
    MODEM_INFO,
    MODEM_AT,
    EMERGENCY_ENABLE,
    EMERGENCY_DISABLE,
)
"""In the order in which paths are compared: fixed ones before those with a parameter."""
