"""What eIMs and SM-DP+ are told of the device."""

from ipad.codec.euicc_info import DeviceCapabilities
from ipad.daemon.device_info import device_info, imei_octets, tac_octets
from ipad.ids import Imei
from ipad.modem.modem import DeviceFacts

IMEI = Imei("352906110000017")


def test_tac_is_a_tbcd_string() -> None:
    assert tac_octets(IMEI).hex() == "53926011"


def test_imei_is_a_tbcd_string_with_the_check_digit_apart() -> None:
    assert imei_octets(IMEI).hex() == "539260110000107f"


def test_highest_release_of_a_core_network_counts() -> None:
    info = device_info(DeviceFacts(IMEI, ("gsm", "lte", "nb-iot"), {"lte": 12}))
    assert info is not None
    assert info.device_capabilities == DeviceCapabilities(
        gsm_supported_release=bytes((4, 0, 0)), eutran_epc_supported_release=bytes((13, 0, 0))
    )


def test_board_says_which_release_the_modem_follows() -> None:
    info = device_info(DeviceFacts(IMEI, ("umts", "nr5g"), {"nr5g": 16, "umts": 9}))
    assert info is not None
    assert info.device_capabilities == DeviceCapabilities(
        utran_supported_release=bytes((9, 0, 0)), nr5gc_supported_release=bytes((16, 0, 0))
    )
    assert info.encode()


def test_without_an_imei_there_is_no_device_info() -> None:
    assert device_info(DeviceFacts(None, ("lte",), {})) is None
