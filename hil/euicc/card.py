"""The card as a reader or modem sees it: power, reset, and one command APDU at a time (TS 102 221, SGP.22, SGP.32).

T=0 habits: an answer to a command without Le waits behind 61xx for GET RESPONSE; with Le it comes at once, and 61xx
follows when there is more. 91xx takes the place of 9000 while a REFRESH waits to be fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hil import tlv
from hil.euicc import isdr, status
from hil.euicc.apdu import Command, parse_command
from hil.euicc.channels import Application, Channel, ChannelTable
from hil.euicc.config import CardConfig
from hil.euicc.engine import Engine
from hil.euicc.errors import EuiccError, PowerLoss, StatusError
from hil.euicc.identifiers import eid_octets
from hil.euicc.installation import recover as recover_interrupted
from hil.euicc.keyring import Keyring
from hil.euicc.knobs import Knobs
from hil.euicc.personalisation import first_state
from hil.euicc.store import StateStore
from hil.euicc.switching import finish_pending_switch
from hil.euicc.uicc import Uicc
from hil.euicc.usim import authenticate
from hil.pki import Pki

_MANAGE_CHANNEL: Final = 0x70
_GET_RESPONSE: Final = 0xC0
_STORE_DATA: Final = 0xE2
_LAST_BLOCK: Final = 0x80
_BER_TLV_DATA: Final = (0x10, 0x11)
_EID_TAG: Final = 0x005A
_SELECT_BY_NAME: Final = 0x04
_RETURN_NOTHING: Final = 0x0C
_DEVICE_LPA: Final = 0x07
_MAXIMUM_ANSWER: Final = 256


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A profile as the bench may look at it."""

    iccid: str
    imsi: str
    plmn: str
    enabled: bool
    service_provider_name: str
    profile_name: str
    nickname: str | None
    fallback_attribute: bool


class VirtualEuicc:
    """An eUICC with its memory in a folder. Not powered until `reset`."""

    def __init__(self, store: StateStore, keyring: Keyring) -> None:
        if keyring.eid != store.state.config.eid:
            raise EuiccError(f"the PKI is of EID {keyring.eid}, the card of {store.state.config.eid}")
        self.knobs = Knobs()
        """Faults and limits, to be turned at any time."""
        self._engine = Engine(store, keyring, self.knobs)
        self._channels = ChannelTable(store.state.config.highest_channel)
        self._uicc = Uicc(self._engine, self._channels)
        self._powered = False
        self._device_lpa_announced = False
        self._instructions = self._instruction_table()

    @classmethod
    def create(cls, state_dir: Path, config: CardConfig, pki: Pki | Keyring) -> VirtualEuicc:
        """Make a new card in `state_dir`. EuiccError if there is one, or if EIDs or the configuration do not fit."""
        keyring = pki if isinstance(pki, Keyring) else Keyring.of(pki)
        if keyring.eid != config.eid:
            raise EuiccError(f"the PKI is of EID {keyring.eid}, the card of {config.eid}")
        return cls(StateStore.create(state_dir, first_state(config)), keyring)

    @classmethod
    def open(cls, state_dir: Path, pki: Pki | Keyring) -> VirtualEuicc:
        """Take the card out of `state_dir`. EuiccError if there is none, or it is corrupt or of another PKI."""
        return cls(StateStore.open(state_dir), pki if isinstance(pki, Keyring) else Keyring.of(pki))

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._engine.config.atr

    @property
    def eid(self) -> str:
        """32 digits."""
        return self._engine.config.eid

    @property
    def certificate(self) -> bytes:
        """CERT.EUICC of the preferred CI, DER."""
        return self._engine.keyring.preferred.certificate

    @property
    def eum_certificate(self) -> bytes:
        """CERT.EUM of the preferred CI, DER."""
        return self._engine.keyring.preferred.eum_certificate

    @property
    def powered(self) -> bool:
        """Whether commands are answered."""
        return self._powered

    @property
    def profiles(self) -> tuple[ProfileView, ...]:
        """What is installed, in the order of installation."""
        return tuple(
            ProfileView(
                profile.digits,
                profile.imsi,
                profile.plmn,
                profile.enabled,
                profile.service_provider_name,
                profile.profile_name,
                profile.nickname,
                profile.fallback_attribute,
            )
            for profile in self._engine.state.profiles
        )

    @property
    def visible_iccid(self) -> str | None:
        """ICCID of the profile whose files the terminal sees; it follows a switch at REFRESH or reset."""
        profile = self._engine.visible_profile
        return profile.digits if profile else None

    @property
    def open_channels(self) -> tuple[int, ...]:
        """The logical channels that are open beside the basic one."""
        return self._channels.numbers[1:]

    @property
    def engine(self) -> Engine:
        """The inside of the card, for the bench's own functions and tests."""
        return self._engine

    def reset(self) -> bytes:
        """Power up or warm reset: channels, session and CAT start anew, an unfinished switch is completed."""
        self._powered = True
        self._engine.session.end()
        self._engine.proactive.reset()
        self._device_lpa_announced = False
        recover_interrupted(self._engine)
        try:
            finish_pending_switch(self._engine)
        except PowerLoss:
            self.power_off()
            raise
        self._engine.proactive.reset()
        self._show_enabled_profile()
        return self.atr

    def power_off(self) -> None:
        """Nothing volatile is left."""
        self._powered = False
        self._channels.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """Answer a command APDU with data and status word. EuiccError without power; PowerLoss if a knob cuts it."""
        if not self._powered:
            raise EuiccError("the card has no power")
        try:
            command = parse_command(apdu)
            channel = self._channels.get(command.channel)
            answer, word = self._execute(command, channel)
        except StatusError as error:
            return error.status.to_bytes(2, "big")
        except PowerLoss:
            self.power_off()
            raise
        return answer + word.to_bytes(2, "big")

    def _execute(self, command: Command, channel: Channel) -> tuple[bytes, int]:
        if command.ins == _GET_RESPONSE:
            return self._get_response(command, channel)
        channel.answer = b""
        if command.ins != _STORE_DATA:
            channel.drop_chain()
        expected_proprietary, handler = self._instructions.get(command.ins, (None, None))
        if handler is None:
            raise StatusError(status.INS_NOT_SUPPORTED)
        if expected_proprietary is not None and expected_proprietary != command.proprietary:
            raise StatusError(status.CLA_NOT_SUPPORTED)
        return self._deliver(channel, handler(command, channel), command.le)

    def _instruction_table(
        self,
    ) -> dict[int, tuple[bool | None, Callable[[Command, Channel], bytes]]]:
        """INS -> (whether the class must be 8x/Cx, None for both; handler)."""
        uicc = self._uicc
        return {
            _MANAGE_CHANNEL: (False, lambda command, _channel: uicc.manage_channel(command)),
            0xA4: (False, self._select),
            0xB0: (False, uicc.read_binary),
            0xD6: (False, uicc.update_binary),
            0xB2: (False, uicc.read_record),
            0xDC: (False, uicc.update_record),
            0x88: (False, lambda command, channel: authenticate(self._engine, command, channel)),
            0xF2: (True, uicc.status),
            0x20: (False, lambda command, _channel: uicc.verify_pin(command)),
            0xCA: (None, self._get_data),
            0xAA: (True, self._terminal_capability),
            0x10: (True, self._terminal_profile),
            0x12: (True, self._fetch),
            0x14: (True, self._terminal_response),
            _STORE_DATA: (True, self._store_data),
        }

    def _deliver(self, channel: Channel, answer: bytes, le: int | None) -> tuple[bytes, int]:
        """Part of the answer that goes out now, and the status word that says what is left."""
        now = answer[: le or 0]
        channel.answer = answer[len(now) :]
        if channel.answer:
            left = len(channel.answer)
            return now, status.DATA_WAITING | (left if left < _MAXIMUM_ANSWER else 0)
        waiting = self._engine.proactive.waiting_bytes
        return now, status.PROACTIVE_WAITING | waiting if waiting else status.OK

    def _get_response(self, command: Command, channel: Channel) -> tuple[bytes, int]:
        if command.p1 or command.p2:
            raise StatusError(status.WRONG_P1_P2)
        if not channel.answer:
            raise StatusError(status.CONDITIONS)
        return self._deliver(channel, channel.answer, command.le or _MAXIMUM_ANSWER)

    def _select(self, command: Command, channel: Channel) -> bytes:
        for aid, application in ((isdr.ISDR_AID, Application.ISDR), (isdr.ECASD_AID, Application.ECASD)):
            if command.p1 == _SELECT_BY_NAME and len(command.data) >= 5 and aid.startswith(command.data):
                return self._select_domain(command, channel, aid, application)
        return self._uicc.select(command, channel)

    def _select_domain(self, command: Command, channel: Channel, aid: bytes, application: Application) -> bytes:
        if command.p2 not in (0x00, 0x04, _RETURN_NOTHING):
            raise StatusError(status.WRONG_P1_P2)
        blocked = self.knobs.require_terminal_capability and not self._device_lpa_announced
        if application is Application.ISDR and blocked:
            raise StatusError(status.FILE_NOT_FOUND)
        channel.select(application, channel.folder)
        if command.p2 == _RETURN_NOTHING:
            return b""
        return isdr.file_control_information(self._engine, aid)

    def _store_data(self, command: Command, channel: Channel) -> bytes:
        """STORE DATA with BER-TLV data, one function request per chain (SGP.22 5.7.2)."""
        if channel.application is not Application.ISDR:
            channel.drop_chain()
            refusal = status.SECURITY_STATUS if channel.application is Application.ECASD else status.INS_NOT_SUPPORTED
            raise StatusError(refusal)
        if command.p1 & ~_LAST_BLOCK not in _BER_TLV_DATA:
            channel.drop_chain()
            raise StatusError(status.WRONG_P1_P2)
        if not command.data:
            channel.drop_chain()
            raise StatusError(status.WRONG_LENGTH)
        channel.append_block(command.p2, command.data)
        if not command.p1 & _LAST_BLOCK:
            return b""
        return isdr.execute(self._engine, channel.take_chain())

    def _get_data(self, command: Command, channel: Channel) -> bytes:
        """GET DATA of the EID from the ECASD."""
        if channel.application is not Application.ECASD:
            raise StatusError(status.INS_NOT_SUPPORTED)
        if command.p1 << 8 | command.p2 != _EID_TAG:
            raise StatusError(status.NOT_FOUND)
        return tlv.build(_EID_TAG, eid_octets(self.eid))

    def _terminal_capability(self, command: Command, _channel: Channel) -> bytes:
        """TERMINAL CAPABILITY (TS 102 221 11.1.19): tag 83 tells who manages profiles."""
        try:
            template = tlv.single(command.data, 0xA9)
            capabilities = {part.tag: part.value for part in tlv.children(template.value)}
        except tlv.TlvError as error:
            raise StatusError(status.WRONG_DATA) from error
        if (capabilities.get(0x83) or b"\x00")[0] & _DEVICE_LPA:
            self._device_lpa_announced = True
            self._engine.leave_ipae()
        return b""

    def _terminal_profile(self, command: Command, _channel: Channel) -> bytes:
        if not command.data:
            raise StatusError(status.WRONG_LENGTH)
        self._engine.proactive.terminal_profile(command.data)
        return b""

    def _fetch(self, command: Command, channel: Channel) -> bytes:
        if channel.number:
            raise StatusError(status.CHANNEL_NOT_SUPPORTED)
        return self._engine.proactive.fetch(command.le)

    def _terminal_response(self, command: Command, channel: Channel) -> bytes:
        if channel.number:
            raise StatusError(status.CHANNEL_NOT_SUPPORTED)
        if self._engine.proactive.terminal_response(command.data):
            self._show_enabled_profile()
        return b""

    def _show_enabled_profile(self) -> None:
        """The terminal reads the card anew: only the basic channel is left."""
        self._channels.reset()
        self._engine.expose_enabled_profile()
