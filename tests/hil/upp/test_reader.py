"""Installing a profile package: what is taken over and how each defect is reported."""

import pytest

from hil import tlv
from hil.upp import elements, reader, templates
from hil.upp.builder import UsimProfile, build
from hil.upp.elements import ElementTag, PeStatusCode
from hil.upp.reader import PeStatus, UppError

PROFILE = UsimProfile(iccid="8988123456789012345", imsi="310260123456789", mnc_length=3, gid1=b"\x0a", size=3000)
PACKAGE = build(PROFILE)


def replaced(tag: int, raw: bytes) -> bytes:
    return b"".join(raw if part.tag == tag else part.raw for part in tlv.children(PACKAGE))


def test_operator_data_are_taken_over() -> None:
    content = reader.read(PACKAGE)
    assert content.iccid == PROFILE.iccid_file
    assert content.imsi == PROFILE.imsi
    assert content.mnc_length == 3
    assert content.gid1 == b"\x0a"
    assert content.aka is not None
    assert (content.aka.algorithm, content.aka.key, content.aka.opc) == (1, PROFILE.key, PROFILE.opc)
    assert content.statuses == (PeStatus(PeStatusCode.OK),)
    assert content.size == len(PACKAGE)


def test_files_follow_template_and_package() -> None:
    content = reader.read(PACKAGE)
    directory = content.file(templates.MF, 0x2F00)
    assert directory is not None
    assert directory.record_length == 0x26
    assert directory.content.startswith(b"\x61\x18\x4f\x10" + content.usim_aid)  # type: ignore[operator]
    rules = content.file(templates.ADF, 0x6F06)
    assert rules is not None
    assert len(rules.content) == 14 * 32
    assert rules.content[32:35] == b"\x80\x01\x01"
    location = content.file(templates.ADF, 0x6F7E)
    assert location is not None
    assert location.content == bytes.fromhex("FFFFFFFFFFFFFF0000FF01")
    assert content.file(templates.ADF, 0x6F3F) is None


def test_response_of_a_success_is_the_nine_bytes_of_the_default() -> None:
    assert reader.response((PeStatus(PeStatusCode.OK),)).hex() == "3007a0053003800100"


def test_response_of_an_abort_names_the_element() -> None:
    status = PeStatus(PeStatusCode.PE_NOT_SUPPORTED, 5)
    assert reader.response((status,), aborted=True).hex() == "300ca0083006800101810105" + "8100"


def unknown_element(*, mandated: bool) -> bytes:
    flag = b"\x80\x00" if mandated else b""
    return tlv.build(0xBF2A, tlv.build(0xA0, flag, b"\x81\x01\x63"))


def test_unknown_element_is_skipped_and_reported_when_not_mandated() -> None:
    package = replaced(ElementTag.SECURITY_DOMAIN, unknown_element(mandated=False))
    assert reader.read(package).statuses == (PeStatus(PeStatusCode.PE_NOT_SUPPORTED, 0x63),)


USIM = next(part for part in tlv.children(PACKAGE) if part.tag == ElementTag.USIM)
HEADER = next(part for part in tlv.children(PACKAGE) if part.tag == ElementTag.HEADER)
MF = next(part for part in tlv.children(PACKAGE) if part.tag == ElementTag.MF)


def without(part: tlv.Tlv, tag: int) -> bytes:
    return tlv.build(part.tag, *(child.raw for child in tlv.children(part.value) if child.tag != tag))


def header_with(tag: int, content: bytes) -> bytes:
    return tlv.build(
        HEADER.tag,
        *(tlv.build(tag, content) if child.tag == tag else child.raw for child in tlv.children(HEADER.value)),
    )


@pytest.mark.parametrize(
    ("package", "code"),
    [
        (replaced(ElementTag.SECURITY_DOMAIN, unknown_element(mandated=True)), PeStatusCode.PE_NOT_SUPPORTED),
        (replaced(ElementTag.USIM, without(USIM, 0xA3)), PeStatusCode.BAD_VALUES),
        (replaced(ElementTag.USIM, without(USIM, 0xA2)), PeStatusCode.BAD_VALUES),
        (replaced(ElementTag.END, b""), PeStatusCode.INVALID_REQUEST_FORMAT),
        (replaced(ElementTag.MF, MF.raw + MF.raw), PeStatusCode.BAD_VALUES),
        (PACKAGE[:-1], PeStatusCode.INVALID_REQUEST_FORMAT),
        (replaced(ElementTag.HEADER, header_with(0x80, b"\x09")), PeStatusCode.UNSUPPORTED_PROFILE_VERSION),
        (replaced(ElementTag.HEADER, header_with(0xA5, b"\x86\x00")), PeStatusCode.FEATURE_NOT_SUPPORTED),
        (replaced(ElementTag.HEADER, header_with(0xA6, b"\x06\x02\x55\x04")), PeStatusCode.TEMPLATE_NOT_SUPPORTED),
        (replaced(ElementTag.HEADER, header_with(0x83, bytes(10))), PeStatusCode.BAD_VALUES),
        (replaced(ElementTag.PUK_CODES, b"\xa3\x00"), PeStatusCode.INVALID_REQUEST_FORMAT),
    ],
)
def test_defect_aborts_with_its_status(package: bytes, code: PeStatusCode) -> None:
    with pytest.raises(UppError) as caught:
        reader.read(package)
    assert caught.value.code is code


def test_keys_do_not_show_in_a_representation() -> None:
    assert PROFILE.key.hex() not in repr(reader.read(PACKAGE)).lower()


def test_template_arc_is_that_of_the_interoperable_format() -> None:
    assert elements.TEMPLATE_USIM.hex() == "67810f010204"
