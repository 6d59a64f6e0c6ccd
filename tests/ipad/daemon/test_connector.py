"""Which eIM can be contacted, and how the configuration changes that."""

import pytest

from ipad.clock import SystemClock
from ipad.codec.eim import EimConfigurationData, TrustedPublicKeyDataTls
from ipad.config import Config, EimConfig, NetConfig
from ipad.daemon.connector import ConfiguredConnector
from ipad.errors import CodecError, ConfigError, NetworkError
from ipad.net.known_time import KnownTime
from ipad.procedures.ports import EimConnector


def connector(config: Config | None = None) -> ConfiguredConnector:
    return ConfiguredConnector(config or Config(), KnownTime(SystemClock()))


def eim(fqdn: str | None = "eim.example.com", **fields: object) -> EimConfigurationData:
    return EimConfigurationData(eim_id="eim1", eim_fqdn=fqdn, **fields)  # type: ignore[arg-type]


def test_contract_is_kept() -> None:
    ports: EimConnector = connector()
    assert ports.unusable(eim()) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (eim(None), "it has no eimFqdn and none is configured"),
        (eim("a b"), "server address 'a b': no host name"),
        (eim("eim\r\nHost: x"), "server address"),
        (
            eim(trusted_public_key_data_tls=TrustedPublicKeyDataTls(trusted_eim_pk_tls=b"\x30\x00")),
            "",
        ),
    ],
)
def test_eim_that_cannot_be_contacted_says_why(data: EimConfigurationData, reason: str) -> None:
    problem = connector().unusable(data)
    assert problem is not None
    assert problem.startswith(reason)
    with pytest.raises(CodecError):
        connector().connect(data)


def test_eim_can_be_disabled() -> None:
    config = Config(eim={"eim1": EimConfig(enabled=False)})
    assert connector(config).unusable(eim()) == "it is disabled in the configuration"


def test_configured_name_replaces_the_one_of_the_card() -> None:
    config = Config(eim={"eim1": EimConfig(fqdn="private.example:8443")})
    assert connector(config).unusable(eim(None)) is None


def test_overrides_that_cannot_be_used_are_a_wrong_configuration() -> None:
    with pytest.raises(ConfigError, match=r"net\.addresses"):
        connector(Config(net=NetConfig(addresses={"https://-": "1.2.3.4:5"})))


@pytest.mark.asyncio
async def test_connection_goes_where_the_override_says(unused_tcp_port: int) -> None:
    config = Config(net=NetConfig(addresses={"https://eim.example.com": f"127.0.0.1:{unused_tcp_port}"}))
    connection = connector(config).connect(eim())
    with pytest.raises(NetworkError, match=r"cannot connect to 127\.0\.0\.1 port") as caught:
        await connection.handle_notification(_Message())  # type: ignore[arg-type]
    assert caught.value.layer == "tcp"
    await connection.close()


class _Message:
    def encode(self) -> bytes:
        return b"\xbf\x3d\x00"
