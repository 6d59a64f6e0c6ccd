"""AUTHENTICATE of the USIM (TS 31.102 7.1): the network proves itself, the card answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hil.aka import MacFailureError, SynchronisationFailure, kc, respond
from hil.euicc import status
from hil.euicc.apdu import Command
from hil.euicc.channels import Application, Channel
from hil.euicc.engine import Engine
from hil.euicc.errors import StatusError
from hil.euicc.files import ADF_CURRENT
from hil.euicc.state import Profile

_CONTEXT_3G: Final = 0x81
_BLOCK: Final = 16
_SUCCESSFUL, _SYNCHRONISATION_FAILURE = 0xDB, 0xDC
_SERVICE_TABLE: Final = 0x6F38
_GSM_ACCESS: Final = 27


def authenticate(engine: Engine, command: Command, channel: Channel) -> bytes:
    """Run the algorithm of the profile. StatusError 9862 for a challenge of somebody who does not know the key."""
    if command.p1 or command.p2 != _CONTEXT_3G:
        raise StatusError(status.WRONG_P1_P2)
    profile = engine.visible_profile
    if channel.application is not Application.USIM or profile is None or profile.aka is None:
        raise StatusError(status.CONDITIONS)
    if not profile.aka.known:
        raise StatusError(status.FUNCTION_NOT_SUPPORTED)
    rand, autn = _challenge(command.data)
    try:
        answer = respond(profile.aka, rand, autn, profile.sqn)
    except MacFailureError as error:
        raise StatusError(status.AUTHENTICATION_MAC) from error
    if isinstance(answer, SynchronisationFailure):
        return bytes([_SYNCHRONISATION_FAILURE]) + _value(answer.auts)
    engine.commit(engine.state.with_profile(profile.iccid, lambda item: replace(item, sqn=answer.sqn)))
    keys = (answer.cipher_key, answer.integrity_key)
    parts = [answer.response, *keys, *((kc(*keys),) if _has_gsm_access(profile) else ())]
    return bytes([_SUCCESSFUL]) + b"".join(map(_value, parts))


def _challenge(data: bytes) -> tuple[bytes, bytes]:
    """RAND and AUTN, each behind its length."""
    if len(data) != 2 * (_BLOCK + 1) or data[0] != _BLOCK or data[_BLOCK + 1] != _BLOCK:
        raise StatusError(status.WRONG_LENGTH if len(data) != 2 * (_BLOCK + 1) else status.WRONG_DATA)
    return data[1 : _BLOCK + 1], data[_BLOCK + 2 :]


def _value(content: bytes) -> bytes:
    return bytes([len(content)]) + content


def _has_gsm_access(profile: Profile) -> bool:
    """Service 27 of EF.UST."""
    table = next(
        (file.content for file in profile.files if (file.folder, file.file_id) == (ADF_CURRENT, _SERVICE_TABLE)), b""
    )
    index, bit = divmod(_GSM_ACCESS - 1, 8)
    return index < len(table) and bool(table[index] >> bit & 1)
