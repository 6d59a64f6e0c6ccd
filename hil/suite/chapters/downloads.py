"""What the chapters on profile downloads have in common: triggers, what became of them, why a session was cancelled."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from hil import tlv
from hil.eim import content
from hil.eim.association import Outcome
from hil.eim.content import Content
from hil.suite.abilities import Card, Eim, Gateway, OrderView, PackageView, Smdp, Timeline
from hil.suite.exchanges import Exchange, es9


class CancelReason(IntEnum):
    """CancelSessionReason (SGP.22 5.7.14; SGP.32 5.14.8)."""

    END_USER_REJECTION = 0
    POSTPONED = 1
    TIMEOUT = 2
    PPR_NOT_ALLOWED = 3
    METADATA_MISMATCH = 4
    LOAD_BPP_EXECUTION_ERROR = 5
    UNDEFINED_REASON = 127


def trigger(order: OrderView) -> Content:
    """A ProfileDownloadTriggerRequest with the activation code of an order."""
    return content.download_trigger(activation_code=order.code)


def download(eim: Eim, order: OrderView) -> PackageView:
    """Have the eIM trigger the download of an order, to its end."""
    return eim.run(trigger(order))


def use_default_smdp(eim: Eim, smdp: Smdp, gateway: Gateway) -> None:
    """Make the bench's SM-DP+ the default one of the eUICC, where another one is; after the case it is that again."""
    if gateway.ipad("euicc", "info").value.get("default_smdp_address") != smdp.fqdn:
        package = eim.run(content.psmo_package(content.set_default_dp(smdp.fqdn)))
        assert package.outcome is Outcome.OK


def is_installed(card: Card, order: OrderView) -> bool:
    """Whether the profile of an order is on the eUICC."""
    return any(profile.iccid == order.iccid for profile in card.profiles())


def trigger_result(package: PackageView) -> Any:
    """The one ProfileDownloadTriggerResult that came back, decoded."""
    (result,) = package.results
    return result


def own_calls(timeline: Timeline) -> list[Exchange]:
    """The calls of the SM-DP+ that the IPA itself made; those of an eIM, which passes on what it got, apart."""
    return [call for call in es9(timeline.events()) if not call.caller]


def error_response(package: PackageView) -> bytes | None:
    """errorResponse of a profileDownloadError (SGP.32 2.11.2), None without one."""
    (raw,) = package.raw
    error = tlv.find(raw, 0xBF54, 0x30)
    return next((part.value for part in tlv.children(error.value) if part.tag == 0x04), None)


def cancel_reasons(exchanges: Iterable[Exchange]) -> list[int]:
    """The reasons that the eUICC signed, of each CancelSession of ESipa or ES9+ that carries one."""
    responses = []
    for exchange in exchanges:
        if exchange.function == "cancelSession":
            responses.append(tlv.single(exchange.octets("cancelSessionResponse"), 0xBF41))
        elif exchange.function == "CancelSession":
            responses.append(_of_esipa(exchange.request))
    return [int.from_bytes(reason) for response in responses if (reason := _signed_reason(response.value)) is not None]


def _of_esipa(request: bytes) -> tlv.Tlv:
    """The eUICC's response within CancelSessionRequestEsipa, in any of the three forms of the field."""
    found = tlv.children(tlv.single(request, 0xBF41).value)[-1]
    inner = tlv.children(found.value)
    return inner[0] if inner and inner[0].tag == 0xBF41 else found


def _signed_reason(value: bytes) -> bytes | None:
    """reason in EuiccCancelSessionSigned, None in an error of the eUICC."""
    arm = tlv.first(value)
    return tlv.find(arm.value, 0x30, 0x82).value if arm.tag == 0xA0 else None
