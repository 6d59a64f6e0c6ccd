"""Start of the IPA (SGP.32 3.8.2, 3.8.4): what card is there, which eIMs can be used, what happened meanwhile."""

from __future__ import annotations

import logging
from enum import Enum

from ipad.codec import tlv
from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import StateChangeCause
from ipad.codec.euicc_info import EuiccConfiguration, EuiccInfo2, IsdrProprietaryApplicationTemplateIot
from ipad.errors import CardError, CodecError, StatusWordError
from ipad.ids import Eid
from ipad.procedures.context import EimConnections, Ipa
from ipad.procedures.eim_configuration import in_line_with
from ipad.procedures.ports import Euicc
from ipad.procedures.report import UnusableEim
from ipad.procedures.stored_results import EnabledState, read_enabled_profile
from ipad.records import dataclass, replace
from ipad.state.journal import EnabledProfile, JournalContent, Origin

log = logging.getLogger(__name__)

_TEMPLATE = IsdrProprietaryApplicationTemplateIot.TAG
_DEEPEST = 8
"""Levels that are searched for the template; cards have it at the third at the most."""


class EuiccKind(Enum):
    """Which functions a card offers."""

    IOT = "iot"  # SGP.32: signed eUICC Packages
    CONSUMER = "consumer"  # SGP.22 only


@dataclass(frozen=True, kw_only=True)
class EuiccFacts:
    """What the card says of itself. `template` is the ISD-R's configuration in the answer to SELECT, if it has one."""

    eid: Eid
    info: EuiccInfo2
    kind: EuiccKind
    template: EuiccConfiguration | None = None

    @property
    def ecall_supported(self) -> bool:
        """Whether there is an emergency profile function."""
        return self.info.iot_specific_info is not None and self.info.iot_specific_info.ecall_supported


@dataclass(frozen=True, kw_only=True)
class StartReport:
    """The state in which the IPA starts. `causes` are the state changes that eIMs will be told of."""

    eims: tuple[EimConfigurationData, ...]
    usable: tuple[EimConfigurationData, ...]
    unusable: tuple[UnusableEim, ...]
    enabled: EnabledState
    causes: tuple[StateChangeCause, ...] = ()


async def identify(euicc: Euicc) -> EuiccFacts:
    """Read EID and EUICCInfo2 and find out the kind of the card.

    It is an IoT eUICC if its answer to SELECT or its EUICCInfo2 says so, or if it answers GetEimConfigurationData. A
    negative answer is asked for twice and holds for this start only: a passing failure must not be remembered.
    """
    eid = await _read_eid(euicc)
    info = await euicc.get_euicc_info2()
    template = iot_template(euicc.fci)
    if template is not None or info.iot_specific_info is not None:
        kind = EuiccKind.IOT
    else:
        kind = await _probe(euicc)
    return EuiccFacts(eid=eid, info=info, kind=kind, template=template)


async def _read_eid(euicc: Euicc) -> Eid:
    """The EID; read twice if its check digits do not agree, for one bit on a serial line makes it another one.

    There are eUICCs whose check digits are wrong: what comes twice is theirs. Raises CardError.
    """
    eid = await euicc.get_eid()
    if eid.checked:
        return eid
    again = await read_eid_again(euicc)
    return again if again.checked else agreed(eid, again)


async def read_eid_again(euicc: Euicc) -> Eid:
    """The EID from the eUICC itself, whatever is remembered of it."""
    euicc.forget()
    return await euicc.get_eid()


def agreed(first: Eid, second: Eid) -> Eid:
    """The EID of two readings. Raises CardError where they differ."""
    if first != second:
        raise CardError(f"the eUICC named itself {first.masked()} and then {second.masked()}: the line is not reliable")
    return second


def iot_template(fci: bytes) -> EuiccConfiguration | None:
    """The ISDRProprietaryApplicationTemplateIoT inside the answer to SELECT, wherever the card puts it."""
    return _template_within(fci, _DEEPEST)


def _template_within(value: bytes, levels: int) -> EuiccConfiguration | None:
    try:
        for element in tlv.children(value):
            if element.tag == _TEMPLATE:
                return IsdrProprietaryApplicationTemplateIot.decode(element.raw).euicc_configuration
            if levels and element.constructed:
                found = _template_within(bytes(element.value), levels - 1)
                if found is not None:
                    return found
    except CodecError as error:
        log.debug("answer to SELECT is not understood: %s", error)
    return None


async def _probe(euicc: Euicc) -> EuiccKind:
    for _ in range(2):
        try:
            await euicc.get_eim_configuration_data()
        except (StatusWordError, CodecError) as error:
            log.debug("GetEimConfigurationData is not answered: %s", error)
        else:
            return EuiccKind.IOT
    return EuiccKind.CONSUMER


def unusable_reason(eim: EimConfigurationData, connections: EimConnections) -> str | None:
    """Why this IPA cannot retrieve packages from an eIM, or None (SGP.32 3.1.1)."""
    trust = eim.trusted_public_key_data_tls
    if trust is not None and trust.unknown is not None:
        return "its trustedPublicKeyDataTls cannot be read"
    return connections.unusable(eim)


def split_eims(
    eims: tuple[EimConfigurationData, ...], connections: EimConnections
) -> tuple[tuple[EimConfigurationData, ...], tuple[UnusableEim, ...]]:
    """The eIMs that can be used, and the others with reasons."""
    reasons = [(eim, unusable_reason(eim, connections)) for eim in eims]
    usable = tuple(eim for eim, reason in reasons if reason is None)
    unusable = tuple(UnusableEim(eim_id=eim.eim_id, reason=reason) for eim, reason in reasons if reason is not None)
    return usable, unusable


async def start_up(ipa: Ipa, *, facts: EuiccFacts, announce: bool) -> StartReport:
    """Compare card and journal and note what eIMs are to be told.

    Another card than before: every eIM is told deviceChange. Another profile enabled than the IPA knows of, or a lost
    journal: undefined. `announce` (the device has booted): undefined for each eIM on the first poll of this process,
    without a trace in the journal. Results of interrupted runs are delivered by the next run. Only for IoT eUICCs.
    """
    ipa.session.ecall_supported = facts.ecall_supported
    eims = await ipa.euicc.get_eim_configuration_data()
    enabled = await read_enabled_profile(ipa.euicc, ecall_supported=facts.ecall_supported)
    content = in_line_with(ipa.journal.content, eims)
    if content.marker is None:
        # With a marker the interrupted package explains the change; its own steps bring the journal in line.
        cause = _cause(ipa, content, enabled)
        notify = dict(content.notify)
        if cause is not None:
            notify.update((eim.eim_id, cause) for eim in eims if eim.eim_id not in notify)
        content = replace(content, notify=notify, enabled=EnabledProfile(iccid=enabled.iccid), switching=None)
    # A power cut leaves either the old journal, from which the same follows again, or all of it. So nothing is lost
    # where it cannot be written, and a device that were not served for that could not be looked after either.
    await ipa.journal.hold(content)
    if announce:
        ipa.session.announce.update((eim.eim_id, StateChangeCause.UNDEFINED) for eim in eims)
    usable, unusable = split_eims(eims, ipa.eims)
    for eim in unusable:
        log.warning("eIM %s is not used: %s", eim.eim_id, eim.reason)
    told = tuple(dict.fromkeys([*ipa.journal.content.notify.values(), *ipa.session.announce.values()]))
    return StartReport(eims=eims, usable=usable, unusable=unusable, enabled=enabled, causes=told)


def _cause(ipa: Ipa, content: JournalContent, enabled: EnabledState) -> StateChangeCause | None:
    if ipa.journal.origin is Origin.OTHER_EUICC:
        return StateChangeCause.DEVICE_CHANGE
    if ipa.journal.origin is Origin.DAMAGED:
        return StateChangeCause.UNDEFINED
    if content.enabled is not None and content.enabled.iccid != enabled.iccid:
        if content.switching is not None:
            log.info("the change of profile that was interrupted has taken place")
            return content.switching
        log.info("another profile is enabled than this IPA left")
        return StateChangeCause.UNDEFINED
    return None
