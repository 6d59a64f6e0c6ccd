"""What is put together for `ipad run`."""

from __future__ import annotations

import pytest

from ipad.cli.serve import check_injection
from ipad.config import Config, InjectionConfig, ModemConfig
from ipad.errors import ConfigError

LISTENING = InjectionConfig(https=("192.0.2.1:443",))


@pytest.mark.parametrize(
    ("interfaces", "injection"),
    [
        (("", ""), LISTENING),
        (("wwan0", ""), LISTENING),
        (("wwan0", "wwan0"), LISTENING),
        (("wwan0", "wwan1"), InjectionConfig(https=("0.0.0.0:443",), interface="eth0")),
    ],
)
def test_eim_that_comes_to_one_of_several_modems_must_find_the_right_one(
    interfaces: tuple[str, str], injection: InjectionConfig
) -> None:
    modems = {f"modem{n}": ModemConfig(interface=name) for n, name in enumerate(interfaces)}
    with pytest.raises(ConfigError, match=r"modem\.NAME\.interface"):
        check_injection(Config(modems=modems, injection=injection))


def test_interface_of_each_modem_tells_them_apart() -> None:
    modems = {"wan": ModemConfig(interface="wwan0"), "spare": ModemConfig(interface="wwan1")}
    config = Config(modems=modems, injection=LISTENING)
    check_injection(config)
    assert config.for_modem("spare").net.interface == "wwan1"
    assert tuple(config.for_modem("wan").modems) == ("wan",)


def test_single_modem_needs_no_interface() -> None:
    check_injection(Config(injection=LISTENING))
