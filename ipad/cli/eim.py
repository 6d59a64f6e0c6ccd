"""`ipad eim`: the eIMs that may manage the eUICC."""

from __future__ import annotations

from pathlib import Path

from ipad.cli.invocation import Invocation
from ipad.cli.output import Json, Report
from ipad.cli.runs import verdict_report
from ipad.clock import SystemClock
from ipad.codec.eim import EimConfigurationData, EimSupportedProtocol
from ipad.daemon.assembly import AgentFactory
from ipad.daemon.card_access import CardAccess, open_card
from ipad.daemon.once import poll_until_idle
from ipad.errors import CodecError, RefusedError, UsageError
from ipad.procedures.eim_configuration import add_initial_eim, read_initial_eims

_MAX_FILE = 1 << 20
_COLUMNS = ("eim_id", "fqdn", "protocols", "tls_trust", "token")


async def list_eims(call: Invocation) -> Report:
    """ES10b.GetEimConfigurationData (SGP.32 5.9.18)."""
    async with open_card(call.config, SystemClock()) as card:
        await _need_iot(card)
        rows: list[Json] = [describe(eim) for eim in await card.euicc.get_eim_configuration_data()]
    return Report({"eims": rows}, tables={"eims": _COLUMNS})


async def add(call: Invocation) -> Report:
    """ES10b.AddInitialEim (SGP.32 5.9.4) with the entries of a file."""
    path = Path(call.args.file)
    try:
        eims = read_initial_eims(_read(path))
    except CodecError as error:
        raise UsageError(f"{path}: no AddInitialEimRequest in DER: {error}") from error
    async with open_card(call.config, SystemClock()) as card:
        await _need_iot(card)
        report = await add_initial_eim(card.euicc, eims)
    if report.already_provisioned:
        raise RefusedError(
            "the eUICC has an eIM already, so it accepts no initial one (associatedEimAlreadyExists)",
            hint="an associated eIM can add others; `ipad euicc reset --eim --yes` forgets all",
        )
    rows: list[Json] = [{"eim_id": item.eim_id, "token": item.association_token} for item in report.added]
    return Report({"added": rows}, tables={"added": ("eim_id", "token")})


async def poll(call: Invocation) -> Report:
    """One poll of every eIM, or of one, until nothing is queued."""
    async with AgentFactory(call.config, SystemClock()).open() as agent:
        return verdict_report(await poll_until_idle(agent, call.args.eim_id))


def describe(eim: EimConfigurationData) -> dict[str, Json]:
    """The keys of an eIM."""
    protocols = eim.eim_supported_protocol
    trust = eim.trusted_public_key_data_tls
    key = eim.eim_public_key_data
    return {
        "eim_id": eim.eim_id,
        "fqdn": eim.eim_fqdn,
        "id_type": eim.eim_id_type.spec_name if eim.eim_id_type is not None else None,
        "protocols": _protocols(protocols) if protocols is not None else [],
        "tls_trust": trust.chosen if trust is not None else "public_pki",
        "signature_key": key.chosen if key is not None else None,
        "token": eim.association_token,
        "ci_key": eim.euicc_ci_pk_id.hex().upper() if eim.euicc_ci_pk_id is not None else None,
        "indirect_profile_download": eim.indirect_profile_download,
    }


def _protocols(protocols: EimSupportedProtocol) -> list[str]:
    return [flag.name.removeprefix("EIM_").lower() for flag in EimSupportedProtocol if flag & protocols and flag.name]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if len(data) > _MAX_FILE:
        raise UsageError(f"{path}: more than {_MAX_FILE} bytes, expected an AddInitialEimRequest in DER")
    return data


async def _need_iot(card: CardAccess) -> None:
    if not await card.is_iot():
        raise RefusedError("this is a consumer eUICC (SGP.22): it knows no eIMs")
