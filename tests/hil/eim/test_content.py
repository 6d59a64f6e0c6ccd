"""Every kind of package, built and signed, against reference bytes."""

import pytest

from hil import codec, crypto, tlv
from hil.eim import content
from hil.eim.association import SigningFaults
from hil.eim.content import Content
from hil.eim.orders import read_order
from hil.eim.signing import PackageHeader, sign_package
from hil.json_fields import FieldError
from tests.hil.eim import vectors as v

SIGNED = {
    "EP1": (
        "BF518181303C800F65696D2E6578616D706C652E636F6D5A10890490320012345678900000001000708101068204A1A2A3A4A00E"
        "A30C5A0A989420000000000010015F37405D81E942B8CE978144E008A04D04DB2156680E8ECDF9521933A9C1F190AB9AF94A1339"
        "544E5E0F4AB9F7291088D35F65B88A54E60E1F48AC96E7B6FC6465DA84"
    ),
    "EP2": (
        "BF518181303C800F65696D2E6578616D706C652E636F6D5A10890490320012345678900000001000708101078204A1A2A3A4A00E"
        "A40C5A0A989420000000000010015F3740ABDCDDCF2CC297339BEF14F8C56F77FEA8D04718FA4A89F4BB82ED0BE5B4A9C0F51B0F"
        "01F1153D550CF2987264BAC42882FFAA19F79AC46ECB0B428D63B663DE"
    ),
    "EP3": (
        "BF518192304D800F65696D2E6578616D706C652E636F6D5A10890490320012345678900000001000708101088204A1A2A3A4A01F"
        "A40C5A0A98942000000000001001A50C5A0A98942000000000001001BF2D005F3740D1C8F7378A808B1A1F335B8BFF4443D5A62E"
        "5344BAFE3CB1B6C06BEFEB25B24D4B820CEA71F7100F51D2B683AE7012FEA9D58430B24D36817C2644C4C1C4B11C"
    ),
    "EP4": (
        "BF51818D3048800F65696D2E6578616D706C652E636F6D5A10890490320012345678900000001000708101098204A1A2A3A4A01A"
        "BF2D17A00C5A0A989420000000000010015C075A9F709F269F675F3740206F44A428F4E8362BBA6C531311BDEBD742E4FB158DAA"
        "222268F24571103EE4BEECC34C4ED3499D0EF4F2C286E3D47C3C76AF92AB7CC3B07A170DF6D03FDE4B"
    ),
    "EP5": (
        "BF51753030800F65696D2E6578616D706C652E636F6D5A108904903200123456789000000010007081010A8204A1A2A3A4A002A6"
        "005F3740CD50439D352F9A4B71830EE1183BB189340A7AB3C92253E49F94CBCA1B2E52C04B5FD72ADB8C43DEB9897A0F02561538"
        "CE425B97A33147D3359264C91344DBF5"
    ),
    "EP6": (
        "BF51818E3049800F65696D2E6578616D706C652E636F6D5A108904903200123456789000000010007081010B8204A1A2A3A4A01B"
        "A719800081038837108210736D64702E6578616D706C652E636F6D5F3740DB38E14B740F2E57C39C64B9909396F35722801FF508"
        "42EA7F528B3324B9E62D36718976570B0BB232E5CED5B7A41D9DEE81323A8F96569D11C1037FCE4ACCBF"
    ),
    "EP7": (
        "BF518181303C800F65696D2E6578616D706C652E636F6D5A108904903200123456789000000010007081010C8204A1A2A3A4A00E"
        "A80C5A0A989420000000000022725F374093AF3A1A618482C4DB4088B47D72188ECCF440ADDF8E996C954B19B65CE310F7FC0A70"
        "8B8BB42DDF22087D7F95A6394BC1E75805946B8CF78499598611AA5E6F"
    ),
    "EP8": (
        "BF51753030800F65696D2E6578616D706C652E636F6D5A108904903200123456789000000010007081010D8204A1A2A3A4A002A9"
        "005F3740FEE90454E2BA551A3263D476680F7DB19D131AD8A16310A121059EB50200D7457476D023460CE09A9EFEA3FF70B91AD8"
        "DECA971C5866F4F3083BB4EFAD37A5E5"
    ),
    "EP9": (
        "BF5181883043800F65696D2E6578616D706C652E636F6D5A108904903200123456789000000010007081010E8204A1A2A3A4A015"
        "BF65128010736D64702E6578616D706C652E636F6D5F374076EDBE60816260A31DB191E0EEF97F63BAA5ABA69D2D6F8849F3B726"
        "5E43D1D720B8B1AEE062FC270A41CB304D97E4FAAE63A1F6B216DD4C4D9CA9512DD27302"
    ),
    "EP10": (
        "BF518201643082011D800F65696D2E6578616D706C652E636F6D5A108904903200123456789000000010007081010F8204A1A2A3"
        "A4A181EEA881EB801065696D322E6578616D706C652E636F6D811065696D322E6578616D706C652E636F6D8201028301018401FF"
        "A55BA059301306072A8648CE3D020106082A8648CE3D030107034200040217E617F0B6443928278F96999E69A23A4F2C152BDF6D"
        "6CDF66E5B80282D4ED194A7DEBCB97712D2DDA3CA85AA8765A56F45FC758599652F2897C65306E5794A65BA059301306072A8648"
        "CE3D020106082A8648CE3D0301070342000451A7580833898EA1B183CBD7350A4099078C6EF1C1E18E970CD7683035F25E7D0110"
        "522712B0B5A7CFF081685486984A94E6831EDAC46E7360FA9D834A7A81A1870207805F3740F915C4F652A1324F466F6D34700475"
        "2B22AB12F7ED12F123A00823E1F7A9121F3F8179FF9C0B8F9DC48282EF24A30CAF8DB850C397EC249CEC971D3F877E257F"
    ),
    "EP11": (
        "BF5181E430819E800F65696D2E6578616D706C652E636F6D5A10890490320012345678900000001000708101108204A1A2A3A4A1"
        "70AA6E800F65696D2E6578616D706C652E636F6DA65BA059301306072A8648CE3D020106082A8648CE3D0301070342000451A758"
        "0833898EA1B183CBD7350A4099078C6EF1C1E18E970CD7683035F25E7D0110522712B0B5A7CFF081685486984A94E6831EDAC46E"
        "7360FA9D834A7A81A15F3740156183D6FE3ADE4679927D712892C050F9331EFC918B3ABDEB062B580A3244335873BF37DB03A360"
        "CDEC1A60E7E4DC9015F8E9F403513F2E5938890CB076E61C"
    ),
    "EP12": (
        "BF5181873042800F65696D2E6578616D706C652E636F6D5A10890490320012345678900000001000708101118204A1A2A3A4A114"
        "A912801065696D322E6578616D706C652E636F6D5F37405B80E22B59861B47718FB12894CE446CF75EB01C4176E8BCB4BFB714D5"
        "F35B08A750B56A65FE46A6840103AAC6CC791AE94CFE32E9095F2F1092C679D0C1CA7D"
    ),
    "EP13": (
        "BF51753030800F65696D2E6578616D706C652E636F6D5A10890490320012345678900000001000708101128204A1A2A3A4A102AB"
        "005F374010459D85785E6A921C6A57BA14DC0E1E58C8FE6AF6FD6D52B715A6F163C7F2E85BE791E3BE23826C4B53D051B0FF0BDA"
        "6F1A19CE5E284B2E957FB45AE3D8E165"
    ),
}
PLAIN = {
    "DQ1": "BF52045C02A8A9",
    "DQ2": "BF52145C02A0A2A10380010CA2038001078304A1A2A3A4",
    "DQ3": "BF52275C03A0A5A60414F54172BDF98A95D65CBEB88A38A1C11D800A85C3A104810206408304A1A2A3A4",
    "DT1": "BF540AA00281008204A1A2A3A4",
    "DT2": "BF541CA014A2128010736D64732E6578616D706C652E636F6D8204A1A2A3A4",
    "DT3": "BF5404A002A200",
    "DT4": "BF54068204A1A2A3A4",
}
CI_KEY_ID = bytes.fromhex("F54172BDF98A95D65CBEB88A38A1C11D800A85C3")


def eim2_configuration() -> bytes:
    value = {
        "eimId": "eim2.example.com",
        "eimFqdn": "eim2.example.com",
        "eimIdType": 2,
        "counterValue": 1,
        "associationToken": -1,
        "eimPublicKeyData": ("eimPublicKey", crypto.spki(v.EIM_KEY)),
        "trustedPublicKeyDataTls": ("trustedEimPkTls", crypto.spki(v.TLS_KEY)),
        "eimSupportedProtocol": codec.bits(0),
    }
    return codec.encode("EimConfigurationData", value)


def new_tls_trust() -> bytes:
    value = {"eimId": v.EIM_ID, "trustedPublicKeyDataTls": ("trustedEimPkTls", crypto.spki(v.TLS_KEY))}
    return codec.encode("EimConfigurationData", value)


@pytest.mark.parametrize(
    ("name", "counter", "made"),
    [
        ("EP1", 6, content.psmo_package(content.enable(v.ICCID1))),
        ("EP2", 7, content.psmo_package(content.disable(v.ICCID1))),
        (
            "EP3",
            8,
            content.psmo_package(content.disable(v.ICCID1), content.delete(v.ICCID1), content.list_profile_info()),
        ),
        (
            "EP4",
            9,
            content.psmo_package(content.list_profile_info(iccid=v.ICCID1, tags=(0x5A, 0x9F70, 0x9F26, 0x9F67))),
        ),
        ("EP5", 10, content.psmo_package(content.get_rat())),
        (
            "EP6",
            11,
            content.psmo_package(
                content.configure_immediate_enable(smdp_oid="2.999.16", smdp_address="smdp.example.com")
            ),
        ),
        ("EP7", 12, content.psmo_package(content.set_fallback(v.ICCID2))),
        ("EP8", 13, content.psmo_package(content.unset_fallback())),
        ("EP9", 14, content.psmo_package(content.set_default_dp("smdp.example.com"))),
        ("EP10", 15, content.eco_package(content.add_eim(eim2_configuration()))),
        ("EP11", 16, content.eco_package(content.update_eim(new_tls_trust()))),
        ("EP12", 17, content.eco_package(content.delete_eim("eim2.example.com"))),
        ("EP13", 18, content.eco_package(content.list_eim())),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_signed_package(name: str, counter: int, made: Content) -> None:
    header = PackageHeader(v.EIM_ID, v.EID, counter, v.TRANSACTION_ID)
    signed = sign_package(v.EIM_KEY, header, made.body, 1, SigningFaults())
    assert signed.hex().upper() == SIGNED[name]


@pytest.mark.parametrize(
    ("name", "made", "transaction_id"),
    [
        ("DQ1", content.data_request((0xA8, 0xA9)), None),
        ("DQ2", content.data_request((0xA0, 0xA2), notification_seq=12, result_seq=7), 0x83),
        ("DQ3", content.data_request((0xA0, 0xA5, 0xA6), ci_key_id=CI_KEY_ID, notification_event=1), 0x83),
        ("DT1", content.download_trigger(default_smdp=True), 0x82),
        ("DT2", content.download_trigger(smds="smds.example.com"), 0x82),
        ("DT3", content.download_trigger(smds=""), None),
        ("DT4", content.download_trigger(), 0x82),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unsigned_package(name: str, made: Content, transaction_id: int | None) -> None:
    whole = tlv.single(made.body)
    own = b"" if transaction_id is None else tlv.build(transaction_id, v.TRANSACTION_ID)
    assert tlv.build(whole.tag, whole.value, own).hex().upper() == PLAIN[name]


def test_iccid_is_packed_with_swapped_nibbles_and_filler() -> None:
    assert content.iccid_bytes(v.ICCID1).hex().upper() == "98942000000000001001"
    assert content.iccid_bytes("8949020000000000011").hex().upper() == "989420000000000010F1"
    assert content.iccid_text(content.iccid_bytes("8949020000000000011")) == "8949020000000000011"


@pytest.mark.parametrize("iccid", ["", "1234", "8949020000000000011X", "8" * 21])
def test_what_is_no_iccid_is_refused(iccid: str) -> None:
    with pytest.raises(ValueError, match="18 to 20 digits"):
        content.iccid_bytes(iccid)


def test_list_profile_info_takes_one_criterion() -> None:
    with pytest.raises(ValueError, match="one search criterion"):
        content.list_profile_info(iccid=v.ICCID1, profile_class=2)


def test_order_in_json_becomes_the_same_package() -> None:
    order = {
        "type": "psmo",
        "commands": [
            {"command": "disable", "iccid": v.ICCID1},
            {"command": "delete", "iccid": v.ICCID1},
            {"command": "listProfileInfo"},
        ],
        "faults": {"token": 3},
    }
    made = read_order(order, {}.__getitem__)
    expected = content.psmo_package(content.disable(v.ICCID1), content.delete(v.ICCID1), content.list_profile_info())
    assert made.content == expected
    assert made.faults == SigningFaults(token=3)


def test_order_with_the_configuration_of_an_eim_in_hexadecimal() -> None:
    command = {"command": "addEim", "configuration": eim2_configuration().hex()}
    made = read_order({"type": "eco", "commands": [command]}, {}.__getitem__)
    assert made.content == content.eco_package(content.add_eim(eim2_configuration()))


def test_order_that_is_no_object_is_refused() -> None:
    with pytest.raises(FieldError, match="expected an object"):
        read_order([], {}.__getitem__)
