"""The eIMs that may manage the eUICC."""

from __future__ import annotations

from ipad.codec.eim import EimConfigurationData, EimSupportedProtocol
from ipad.daemon.card_access import CardAccess
from ipad.errands.envelope import Json, Result
from ipad.errands.parameters import Act, Parameters
from ipad.errors import CodecError, RefusedError, UsageError
from ipad.procedures.eim_configuration import add_initial_eim, read_initial_eims


def listing(given: Parameters) -> Act[CardAccess]:
    """ES10b.GetEimConfigurationData (SGP.32 5.9.18)."""
    given.known()

    async def act(card: CardAccess) -> Result:
        await _need_iot(card)
        rows: list[Json] = [describe(eim) for eim in await card.euicc.get_eim_configuration_data()]
        return Result({"eims": rows})

    return act


def add(given: Parameters) -> Act[CardAccess]:
    """ES10b.AddInitialEim (SGP.32 5.9.4); `request` is the AddInitialEimRequest in DER, as hexadecimal digits."""
    given.known("request")
    try:
        eims = read_initial_eims(given.octets("request"))
    except CodecError as error:
        raise UsageError(f"no AddInitialEimRequest in DER: {error}") from error

    async def act(card: CardAccess) -> Result:
        await _need_iot(card)
        report = await add_initial_eim(card.euicc, eims)
        if report.already_provisioned:
            raise RefusedError(
                "the eUICC has an eIM already, so it accepts no initial one (associatedEimAlreadyExists)",
                hint="an associated eIM can add others; `ipad euicc reset --eim --yes` forgets all",
            )
        rows: list[Json] = [{"eim_id": item.eim_id, "token": item.association_token} for item in report.added]
        return Result({"added": rows})

    return act


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


async def _need_iot(card: CardAccess) -> None:
    if not await card.is_iot():
        raise RefusedError("this is a consumer eUICC (SGP.22): it knows no eIMs")
