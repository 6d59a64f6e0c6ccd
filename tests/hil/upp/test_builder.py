"""Profile packages as an operator would order them."""

import hashlib

import pytest

from hil import tlv
from hil.upp.builder import UsimProfile, build
from hil.upp.elements import ElementTag

WORKED_EXAMPLE = UsimProfile(iccid="89881234567890123456", imsi="001010123456789")
# SHA-256 of the worked example, 1292 bytes.
DIGEST = "0bd0dcb08f1682f4fb3abe3c71479ce2c157d9935cfeb3d530537176400e998c"


def element_tags(package: bytes) -> list[int]:
    return [element.tag for element in tlv.children(package)]


def test_worked_example_is_reproduced_byte_for_byte() -> None:
    package = build(WORKED_EXAMPLE)
    assert len(package) == 1292
    assert hashlib.sha256(package).hexdigest() == DIGEST


@pytest.mark.parametrize("size", [2_000, 60_000, 150_000])
def test_ballast_brings_a_package_to_the_size_of_a_real_one(size: int) -> None:
    package = build(UsimProfile(iccid="8988123456789012345", imsi="310260123456789", mnc_length=3, size=size))
    assert size <= len(package) < size + 100
    tags = element_tags(package)
    assert tags[0] == ElementTag.HEADER
    assert tags[-1] == ElementTag.END
    assert tags.count(ElementTag.APPLICATION) >= 1


def test_element_identifications_are_unique() -> None:
    package = build(UsimProfile(iccid="89881234567890123456", imsi="001010123456789", size=80_000))
    numbers = [tlv.find(element.value, 0xA0, 0x81).value for element in tlv.children(package)[1:]]
    assert len(set(numbers)) == len(numbers)


def test_operator_data_end_up_in_their_files() -> None:
    package = build(UsimProfile(iccid="8988123456789012345", imsi="310260123456789", mnc_length=3, gid1=b"\x0a\x0b"))
    by_tag = {element.tag: element for element in tlv.children(package)}
    assert tlv.find(by_tag[ElementTag.HEADER].value, 0x83).value.hex() == "8988123456789012345f"
    assert tlv.find(by_tag[ElementTag.MF].value, 0xA4, 0x83).value.hex() == "988821436587092143f5"
    assert tlv.find(by_tag[ElementTag.USIM].value, 0xA3, 0x83).value.hex() == "083901621032547698"
    assert tlv.find(by_tag[ElementTag.USIM].value, 0xB5, 0x83).value == b"\x00\x00\x00\x03"
    assert tlv.find(by_tag[ElementTag.OPT_USIM].value, 0xA5, 0x83).value == b"\x0a\x0b"
    assert tlv.find(by_tag[ElementTag.OPT_USIM].value, 0xB1, 0x83).value.startswith(bytes.fromhex("130062"))
