"""A card on the table: constants of the published examples, ES10 over STORE DATA, and an eIM that signs packages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hil import codec, crypto, tlv
from hil.euicc import CardConfig, Keyring, ProfileSpec, VirtualEuicc
from hil.euicc.config import ALL_EVENTS, NotificationTarget
from hil.euicc.identifiers import iccid_octets
from hil.euicc.state import CardState, EimRecord

EID = "89049032001234567890000000100070"
OTHER_EID = "89049032123451234512345678901235"
ICCID1 = iccid_octets("89490200000000000110")
ICCID2 = iccid_octets("89490200000000002227")
UNKNOWN_ICCID = iccid_octets("89490200000000099990")
EIM_ID = "eim.example.com"
TRANSACTION_ID = bytes.fromhex("A1A2A3A4")
CI_PKID = bytes.fromhex("F54172BDF98A95D65CBEB88A38A1C11D800A85C3")
EIM_KEY = crypto.key_from_scalar(int("11" * 32, 16))
EUICC_KEY = crypto.key_from_scalar(int("22" * 32, 16))
OTHER_KEY = crypto.key_from_scalar(int("33" * 32, 16))
SELECT_ISDR = bytes.fromhex("00A4040010A0000005591010FFFFFFFF8900000100")
SMDP = "smdp.example.com"


def key_data(key: crypto.PrivateKey = EIM_KEY) -> bytes:
    """eimPublicKeyData with a SubjectPublicKeyInfo."""
    return tlv.build(0xA5, tlv.build(0xA0, tlv.single(crypto.spki(key)).value))


def eim_record(counter_value: int = 0, token: int | None = 1, eim_id: str = EIM_ID) -> EimRecord:
    """The eIM of the examples."""
    return EimRecord(eim_id, counter_value, key_data(), fqdn=eim_id, id_type=2, association_token=token)


def two_profiles(enabled: int | None = 2) -> CardConfig:
    """ICCID1 and ICCID2 of the examples; both tell one SM-DP+ of everything."""
    profiles = tuple(
        ProfileSpec(
            iccid=iccid,
            imsi=f"00101000000000{number}",
            plmn="001-01",
            service_provider_name="Op",
            profile_name="IoT",
            enabled=number == enabled,
            notifications=(NotificationTarget(ALL_EVENTS, SMDP),),
            fallback_allowed=True,
            fallback_attribute=number == 2,
            isdp_aid=bytes.fromhex(f"A0000005591010FFFFFFFF89000012{number - 1:02}"),
        )
        for number, iccid in ((1, "89490200000000000110"), (2, "89490200000000002227"))
    )
    return CardConfig(EID, profiles=profiles)


class Bench:
    """One powered card; ES10 goes over the basic channel in one block or more."""

    def __init__(self, folder: Path, config: CardConfig, keyring: Keyring) -> None:
        self.folder = folder
        self.keyring = keyring
        self.card = VirtualEuicc.create(folder, config, keyring)
        self.counter = 0
        self.power_up()

    def power_up(self) -> None:
        """Reset and select the ISD-R."""
        self.card.reset()
        assert self.card.transmit(SELECT_ISDR + b"\x00")[-2:] == b"\x90\x00"

    def reopen(self) -> None:
        """Take the card out of its folder again, as after the end of the process."""
        self.card = VirtualEuicc.open(self.folder, self.keyring)
        self.power_up()

    @property
    def state(self) -> CardState:
        return self.card.engine.state

    def change(self, **changes: object) -> None:
        """Put something into the card's memory from behind."""
        self.card.engine.commit(replace(self.state, **changes))  # type: ignore[arg-type]

    def associate(self, record: EimRecord | None = None) -> None:
        """Associate an eIM from behind."""
        self.card.engine.commit(self.state.with_eim(record or eim_record()))

    def change_profile(self, iccid: bytes, **changes: object) -> None:
        """Change a profile from behind."""

        def changed(profile):  # type: ignore[no-untyped-def]
            return replace(profile, **changes)

        self.card.engine.commit(self.state.with_profile(iccid, changed))

    def send(self, apdu: str) -> str:
        """One APDU in hexadecimal."""
        return self.card.transmit(bytes.fromhex(apdu)).hex().upper()

    def es10(self, request: bytes | str, block: int = 255) -> bytes:
        """One ES10 function; fails on any status word but 90xx and 91xx."""
        request = bytes.fromhex(request) if isinstance(request, str) else request
        answer, word = self.store_data(request, block)
        assert word >> 8 in (0x90, 0x91), f"{word:04X}"
        return answer

    def store_data(self, request: bytes, block: int = 255) -> tuple[bytes, int]:
        """STORE DATA and GET RESPONSE until the end."""
        blocks = [request[start : start + block] for start in range(0, len(request), block)]
        response = b""
        for number, part in enumerate(blocks):
            last = number == len(blocks) - 1
            header = bytes((0x80, 0xE2, 0x91 if last else 0x11, number, len(part)))
            response = self.card.transmit(header + part)
            if not last:
                assert response == b"\x90\x00"
        answer = response[:-2]
        while response[-2] == 0x61:
            response = self.card.transmit(bytes((0x00, 0xC0, 0x00, 0x00, response[-1])))
            answer += response[:-2]
        return answer, int.from_bytes(response[-2:], "big")

    def package(
        self,
        *commands: bytes | str,
        counter: int | None = None,
        token: int | None = 1,
        eco: bool = False,
        eid: str = EID,
        eim_id: str = EIM_ID,
        key: crypto.PrivateKey = EIM_KEY,
    ) -> bytes:
        """A signed EuiccPackageRequest."""
        if counter is None:
            self.counter += 1
            counter = self.counter
        listed = [bytes.fromhex(command) if isinstance(command, str) else command for command in commands]
        signed = tlv.build(
            0x30,
            tlv.build(0x80, eim_id.encode()),
            tlv.build(0x5A, bytes.fromhex(eid)),
            tlv.build(0x81, tlv.integer(counter)),
            tlv.build(0x82, TRANSACTION_ID),
            tlv.build(0xA1 if eco else 0xA0, *listed),
        )
        return sign_package(signed, token, key)

    def run(self, *commands: bytes | str, eco: bool = False, **options: object) -> list[tuple[str, object]]:
        """Execute commands in a package; the list of EuiccResultData, after checking the card's signature."""
        answer = self.es10(self.package(*commands, eco=eco, **options))  # type: ignore[arg-type]
        token = options.get("token", 1)
        verify_result(answer, token if isinstance(token, int) else None)
        kind, value = codec.decode("EuiccPackageResult", answer)
        assert kind == "euiccPackageResultSigned", (kind, value)
        return list(value["euiccPackageResultDataSigned"]["euiccResult"])

    def refused(self, request: bytes) -> tuple[str, int | None]:
        """Send a package that is not accepted: kind of error and code."""
        kind, value = codec.decode("EuiccPackageResult", self.es10(request))
        if kind == "euiccPackageErrorSigned":
            return kind, value["euiccPackageErrorDataSigned"]["euiccPackageErrorCode"]
        return kind, value.get("associationToken")


def sign_package(signed: bytes, token: int | None = 1, key: crypto.PrivateKey = EIM_KEY) -> bytes:
    """EuiccPackageRequest around EuiccPackageSigned."""
    tail = tlv.build(0x84, tlv.integer(token or 0))
    return tlv.build(0xBF51, signed, tlv.build(0x5F37, crypto.sign(key, signed + tail)))


def verify_result(result: bytes, token: int | None = 1) -> None:
    """Check the card's signature over a result or signed error."""
    body = tlv.children(tlv.single(result, 0xBF51).value)[0]
    data, signature = tlv.children(body.value)
    tail = tlv.build(0x84, tlv.integer(token or 0))
    assert crypto.verify(EUICC_KEY.public_key(), signature.value, data.raw + tail)


def psmo(tag: int, iccid: bytes = b"", *, rollback: bool = False) -> bytes:
    """A PSMO that names a profile."""
    return tlv.build(tag, tlv.build(0x5A, iccid) if iccid else b"", tlv.build(0x05) if rollback else b"")


ENABLE, DISABLE, DELETE, SET_FALLBACK, UNSET_FALLBACK = 0xA3, 0xA4, 0xA5, 0xA8, 0xA9
LIST = bytes.fromhex("BF2D00")
