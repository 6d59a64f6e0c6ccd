"""What an IpaEuiccData teaches the eIM about an eUICC (SGP.32 2.11.2.2)."""

from hil import crypto
from hil.eim.association import Association
from hil.eim.history import Check
from hil.eim.messages import EuiccData, integer, outer, rewrapped


def store_objects(association: Association, data: EuiccData, *, learn: bool) -> tuple[Check, ...]:
    """Keep capabilities, infos, device info and certificates; compare token and certificates with what is known.

    `learn`: take the certificate as the key of an eUICC that has none yet (trust on first use).
    """
    objects = data.objects
    association.capabilities = objects.get(0xA8, association.capabilities)
    association.euicc_info1 = objects.get(0xBF20, association.euicc_info1)
    association.euicc_info2 = objects.get(0xBF22, association.euicc_info2)
    association.device_info = objects.get(0xA9, association.device_info)
    checks = []
    if 0x84 in objects:
        checks.append(_token(association, integer(outer(objects[0x84]).value)))
    if 0xA5 in objects:
        association.eum_certificate, check = _certificate(
            "eumCertificate", association.eum_certificate, rewrapped(objects[0xA5])
        )
        checks.append(check)
    if 0xA6 in objects:
        association.certificate, check = _certificate(
            "euiccCertificate", association.certificate, rewrapped(objects[0xA6])
        )
        checks.append(check)
        checks.append(_key(association, learn=learn))
    return tuple(checks)


def _token(association: Association, token: int) -> Check:
    if association.token is None:
        association.token = token
        return Check("associationToken", None, f"{token} learnt")
    return Check("associationToken", association.token == token, str(token))


def _certificate(name: str, known: bytes | None, received: bytes) -> tuple[bytes, Check]:
    if known is None:
        return received, Check(name, None, "stored")
    return known, Check(name, known == received, "the known one" if known == received else "differs from the known one")


def _key(association: Association, *, learn: bool) -> Check:
    assert association.certificate is not None
    try:
        key = crypto.spki(crypto.public_key_from_certificate(association.certificate))
    except crypto.CryptoError as error:
        return Check("publicKey", False, str(error))
    if association.public_key is None:
        if learn:
            association.public_key = key
        return Check("publicKey", None, "learnt" if learn else "not taken over")
    return Check("publicKey", association.public_key == key, "that of the certificate")
