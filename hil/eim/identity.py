"""Who an eIM is: its eimId, keys and address, and the EimConfigurationData that tells it to an eUICC.

Source: SGP.32 2.11.1.1.2 (EimConfigurationData), 5.9.4 (AddInitialEim), 2.6.3 (TLS trust).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hil import codec, crypto

ID_TYPE_FQDN: Final = 2
GENERATE_TOKEN: Final = -1
"""associationToken with which an eUICC is asked to make one up."""


class EimProtocol(StrEnum):
    """A bit of eimSupportedProtocol (SGP.32 2.11.1.1.2), in the order of the bits."""

    HTTPS = "https"
    COAPS = "coaps"
    INJECT_HTTPS = "inject-https"
    INJECT_COAPS = "inject-coaps"
    PROPRIETARY = "proprietary"

    @property
    def bit(self) -> int:
        """Number of the bit."""
        return list(EimProtocol).index(self)


class TlsTrust(StrEnum):
    """What trustedPublicKeyDataTls says about the eIM's server."""

    PIN = "pin"
    """SubjectPublicKeyInfo of the server's leaf certificate."""
    CERTIFICATE = "cert"
    """The leaf certificate itself."""
    CA = "ca"
    """The certificate of the CA that issued the leaf."""
    PUBLIC = "public"
    """Nothing: the IPA uses its public trust store."""


@dataclass(frozen=True)
class TlsAnchors:
    """The objects among which a `TlsTrust` chooses: SubjectPublicKeyInfo and certificates in DER."""

    leaf_spki: bytes
    leaf_certificate: bytes
    ca_certificate: bytes


@dataclass(frozen=True)
class EimIdentity:
    """The eIM as its eUICCs see it."""

    eim_id: str
    fqdn: str
    signing_key: crypto.PrivateKey
    anchors: TlsAnchors
    trust: TlsTrust = TlsTrust.PIN
    id_type: int = ID_TYPE_FQDN
    indirect_download: bool = False
    ci_key_id: bytes | None = None
    protocols: tuple[EimProtocol, ...] = (EimProtocol.HTTPS,)

    def configuration(
        self,
        *,
        counter: int = 0,
        token: int | None = GENERATE_TOKEN,
        protocols: tuple[EimProtocol, ...] | None = None,
    ) -> bytes:
        """EimConfigurationData in DER.

        `token` None asks for an association without token; `protocols` stand in place of the eIM's own.
        """
        supported = self.protocols if protocols is None else protocols
        value: dict[str, Any] = {
            "eimId": self.eim_id,
            "eimFqdn": self.fqdn,
            "eimIdType": self.id_type,
            "counterValue": counter,
            "eimPublicKeyData": ("eimPublicKey", crypto.spki(self.signing_key)),
            "eimSupportedProtocol": codec.bits(*(protocol.bit for protocol in supported)),
        }
        if token is not None:
            value["associationToken"] = token
        trusted = self._trusted()
        if trusted is not None:
            value["trustedPublicKeyDataTls"] = trusted
        if self.ci_key_id is not None:
            value["euiccCiPKId"] = self.ci_key_id
        if self.indirect_download:
            value["indirectProfileDownload"] = None
        return codec.encode("EimConfigurationData", value)

    def add_initial_eim(self, *, counter: int = 0, token: int | None = GENERATE_TOKEN) -> bytes:
        """AddInitialEimRequest (BF57) that names this eIM alone."""
        configuration = codec.decode("EimConfigurationData", self.configuration(counter=counter, token=token))
        return codec.encode("AddInitialEimRequest", {"eimConfigurationDataList": [configuration]})

    def _trusted(self) -> tuple[str, bytes] | None:
        match self.trust:
            case TlsTrust.PIN:
                return "trustedEimPkTls", self.anchors.leaf_spki
            case TlsTrust.CERTIFICATE:
                return "trustedCertificateTls", self.anchors.leaf_certificate
            case TlsTrust.CA:
                return "trustedCertificateTls", self.anchors.ca_certificate
            case TlsTrust.PUBLIC:
                return None
