"""Which eIM can be contacted, and how the configuration changes that."""

from collections.abc import Mapping
from typing import Literal

import pytest

from ipad.clock import SystemClock
from ipad.codec.compact import CompactKnowledge
from ipad.codec.eim import EimConfigurationData, EimSupportedProtocol, TrustedPublicKeyDataTls
from ipad.config import Config, EimConfig, EsipaConfig, NetConfig
from ipad.daemon import bindings
from ipad.daemon.bindings import EimBindings, EimMemory, JournalKnowledge
from ipad.daemon.connector import ConfiguredConnector
from ipad.errors import CodecError, ConfigError, NetworkError
from ipad.ids import Eid
from ipad.net.known_time import KnownTime
from ipad.procedures.ports import EimConnector
from ipad.state.journal import Journal, JournalContent, Origin, decode_content, encode_content
from ipad.state.store import Loaded

SPKI = bytes.fromhex(
    "3059301306072A8648CE3D020106082A8648CE3D030107034200"
    "0451A7580833898EA1B183CBD7350A4099078C6EF1C1E18E970CD7683035F25E7D"
    "0110522712B0B5A7CFF081685486984A94E6831EDAC46E7360FA9D834A7A81A1"
)
EID = Eid(bytes.fromhex("89049032001234567890000000100070"))


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


INJECTION = EimSupportedProtocol.EIM_INJECT_HTTPS
COAPS = EimSupportedProtocol.EIM_RETRIEVE_COAPS


@pytest.mark.parametrize("extra", [True, False])
@pytest.mark.parametrize(
    ("protocol", "binding", "without_extra", "with_extra"),
    [
        (None, "auto", None, None),
        (INJECTION, "auto", "names no mode of retrieval", "names no mode of retrieval"),
        (INJECTION, "json", None, None),
        (COAPS, "auto", "over CoAPS only", None),
        (COAPS, "asn1", None, None),
        (None, "coaps", 'needs the extra "coap"', None),
    ],
)
def test_eim_needs_a_common_binding(
    monkeypatch: pytest.MonkeyPatch,
    extra: bool,
    protocol: EimSupportedProtocol | None,
    binding: Literal["auto", "asn1", "json", "coaps"],
    without_extra: str | None,
    with_extra: str | None,
) -> None:
    monkeypatch.setattr(bindings, "coaps_available", lambda: extra)
    ports = connector(Config(eim={"eim1": EimConfig(binding=binding)}))
    reason, expected = ports.unusable(eim(eim_supported_protocol=protocol)), with_extra if extra else without_extra
    assert (reason is None) == (expected is None)
    assert reason is None or expected is None or expected in reason


@pytest.mark.asyncio
async def test_coaps_is_a_way_too(unused_udp_port: int) -> None:
    config = Config(
        eim={"eim1": EimConfig(binding="coaps")},
        esipa=EsipaConfig(exchange_timeout=1.0),
        net=NetConfig(addresses={"coaps://eim.example.com": f"127.0.0.1:{unused_udp_port}"}),
    )
    connection = connector(config).connect(eim())
    with pytest.raises(NetworkError) as caught:
        await connection.handle_notification(_Message())  # type: ignore[arg-type]
    assert caught.value.layer in ("udp", "dtls"), "refused by ICMP, or not answered"
    await connection.close()


@pytest.mark.asyncio
async def test_knowledge_of_compact_messages_is_in_the_journal() -> None:
    journal = Journal(MemoryStore(), JournalContent(eid=EID), Origin.NEW)
    store = JournalKnowledge(journal)
    assert store.get("eim1") == CompactKnowledge()
    await store.put("eim1", CompactKnowledge(info1=b"1"))
    await store.put("eim2", CompactKnowledge(refused=True))
    assert journal.content.compact == {"eim1": CompactKnowledge(info1=b"1"), "eim2": CompactKnowledge(refused=True)}
    assert decode_content(encode_content(journal.content)) == journal.content


class MemoryStore:
    def load(self) -> Loaded:
        return Loaded()

    def set_aside(self, reason: str) -> str:
        return reason

    async def save(self, _content: Mapping[str, object]) -> bool:
        return True


def test_overrides_that_cannot_be_used_are_a_wrong_configuration() -> None:
    with pytest.raises(ConfigError, match=r"net\.addresses"):
        connector(Config(net=NetConfig(addresses={"https://-": "1.2.3.4:5"})))


@pytest.mark.parametrize(("timer", "handshake"), [(None, 1.0), (10.0, 10.0)])
def test_timer_of_coaps_is_that_of_its_handshakes(timer: float | None, handshake: float) -> None:
    ports = connector(Config(net=NetConfig(coaps_timer=timer)))
    assert ports._bindings._dtls(ports.target(eim())).settings.first_timer == handshake


def test_sessions_outlive_the_connector_and_belong_to_trust_and_server() -> None:
    memory = EimMemory()

    def tls_and_dtls(data: EimConfigurationData, config: Config | None = None) -> tuple[object, object]:
        ports = ConfiguredConnector(config or Config(), KnownTime(SystemClock()), memory)
        made = EimBindings(ports._bindings._time, ports._bindings._settings, memory)
        target = ports.target(data)
        return made.server_tls(target)._memory, made._dtls(target)

    pinned = eim(trusted_public_key_data_tls=TrustedPublicKeyDataTls(trusted_eim_pk_tls=SPKI))
    first = tls_and_dtls(pinned)
    assert tls_and_dtls(pinned) == first
    assert all(mine is its for mine, its in zip(tls_and_dtls(pinned), first, strict=True))
    elsewhere = Config(eim={"eim1": EimConfig(fqdn="other.example.com")})
    for other in (tls_and_dtls(eim()), tls_and_dtls(pinned, elsewhere)):
        assert not any(mine is its for mine, its in zip(other, first, strict=True))


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
