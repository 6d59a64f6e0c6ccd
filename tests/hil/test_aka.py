"""Authentication and key agreement: published vectors, and network and USIM against each other."""

from __future__ import annotations

import pytest

from hil.aka import (
    Accepted,
    AkaKey,
    Algorithm,
    MacFailureError,
    SynchronisationFailure,
    challenge,
    following,
    kc,
    quantities,
    respond,
    resynchronised,
)

KEY = AkaKey(
    Algorithm.MILENAGE,
    bytes.fromhex("465B5CE8B199B49FAA5F0A2EE238A6BC"),
    bytes.fromhex("CD63CB71954A9F4E48A5994E37A02BAF"),
)
TEST_KEY = AkaKey(Algorithm.TEST, bytes(range(16)), b"")
RAND = bytes.fromhex("23553CBE9637A89D218AE64DAE47BF35")
SQN = bytes.fromhex("FF9BB4D0B607")
AMF = bytes.fromhex("B9B9")


def test_milenage_of_test_set_1() -> None:
    made = quantities(KEY, RAND, SQN, AMF)
    assert made.mac.hex().upper() == "4A9FFAC354DFAFB3"
    assert made.mac_resync.hex().upper() == "01CFAF9EC4E871E9"
    assert made.response.hex().upper() == "A54211D5E3BA50BF"
    assert made.cipher_key.hex().upper() == "B40BA9A3C58B2A05BBF0D987B21BF8CB"
    assert made.integrity_key.hex().upper() == "F769BCD751044604127672711C6D3441"
    assert made.anonymity_key.hex().upper() == "AA689C648370"
    assert made.anonymity_key_resync.hex().upper() == "451E8BECA43B"


def test_usim_takes_the_challenge_of_test_set_1() -> None:
    autn = bytes.fromhex("55F328B43577B9B94A9FFAC354DFAFB3")
    answer = respond(KEY, RAND, autn, 0)
    assert isinstance(answer, Accepted)
    assert answer.sqn == int.from_bytes(SQN)
    assert answer.response.hex().upper() == "A54211D5E3BA50BF"
    assert kc(answer.cipher_key, answer.integrity_key).hex().upper() == "EAE4BE823AF9A08B"


def test_test_algorithm_mixes_key_and_challenge() -> None:
    made = quantities(TEST_KEY, bytes(16), SQN, AMF)
    assert made.response == bytes(range(16))
    assert made.cipher_key == bytes([*range(1, 16), 0])
    assert made.integrity_key == bytes([*range(2, 16), 0, 1])
    assert made.anonymity_key == bytes(range(3, 9))
    assert made.mac == bytes(a ^ b for a, b in zip(range(8), SQN + AMF, strict=True))


@pytest.mark.parametrize("key", [KEY, TEST_KEY], ids=["milenage", "test"])
def test_network_and_usim_agree_and_resynchronise(key: AkaKey) -> None:
    rand, autn, expected = challenge(key, 64)
    answer = respond(key, rand, autn, 32)
    assert isinstance(answer, Accepted)
    assert (answer.response, answer.sqn) == (expected, 64)
    late = respond(key, rand, autn, 4096)
    assert isinstance(late, SynchronisationFailure)
    assert len(late.auts) == 14
    assert resynchronised(key, rand, late.auts) == 4096
    assert following(4096) == 4128
    assert resynchronised(key, rand, bytes(14)) is None


def test_challenge_of_another_key_is_refused() -> None:
    rand, autn, _ = challenge(AkaKey(Algorithm.MILENAGE, bytes(16), KEY.opc), 64)
    with pytest.raises(MacFailureError):
        respond(KEY, rand, autn, 0)


@pytest.mark.parametrize(
    "key", [AkaKey(Algorithm.TUAK, bytes(16), bytes(32)), AkaKey(1, bytes(8), bytes(16)), AkaKey(1, bytes(16), b"")]
)
def test_key_that_cannot_be_used_says_so(key: AkaKey) -> None:
    assert not key.known
    with pytest.raises(ValueError, match="cannot be calculated"):
        quantities(key, RAND, SQN, AMF)


def test_keys_do_not_show_in_a_representation() -> None:
    assert KEY.key.hex() not in repr(KEY).lower()
    assert repr(KEY.key) not in repr(KEY)
