"""`ipad profile download` and `discover` against the virtual SM-DP+ over TLS on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil.euicc import VirtualEuicc
from hil.pki import Pki
from hil.pki.pki import SMDP_OID, Role
from hil.rsp.authentication import Identity
from hil.smdp.core import SmDpPlus
from hil.smdp.orders import Metadata, Order, ProfileState, confirmation_hash
from hil.smdp.server import SmDpServer
from hil.smds.core import Event, SmDs
from hil.smds.server import SmDsServer
from hil.upp.builder import UsimProfile, build
from ipad.cli.main import run
from tests.ipad.cli.agent_thread import AgentThread
from tests.ipad.cli.conftest import CARD

SMDP, SMDS = "smdp.example.com", "testrootsmds.example.com"
ICCID = "8988123456789012345"
CODE = f"LPA:1${SMDP}$TEST-1"


@dataclass
class Servers:
    """A SM-DP+ and a SM-DS, served by a loop in a thread of its own, and the configuration that names them."""

    smdp: SmDpPlus
    smds: SmDs
    config: Path

    def order(self, matching_id: str = "TEST-1", **options: object) -> Order:
        package = build(UsimProfile(iccid=ICCID, imsi="001020123456789"))
        order = Order(matching_id, Metadata(iccid=ICCID), package, **options)  # type: ignore[arg-type]
        self.smdp.orders.add(order)
        return order


def _tls(pki: Pki, folder: Path, name: str) -> ssl.SSLContext:
    certificate, key = pki.issue_tls([name], issuer=pki.ci).write(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert key is not None
    context.load_cert_chain(certificate, key)
    return context


@pytest.fixture
def servers(pki: Pki, tmp_path: Path) -> Iterator[Servers]:
    ci = {pki.ci_key_id: pki.ci.certificate}
    smdp = SmDpPlus(
        Identity(SMDP, {pki.ci_key_id: pki[Role.SMDP_AUTH]}, ci), SMDP_OID, {pki.ci_key_id: pki[Role.SMDP_PB]}
    )
    smds = SmDs(Identity(SMDS, {pki.ci_key_id: pki[Role.SMDS_AUTH]}, ci))
    running = (SmDpServer(smdp), SmDsServer(smds))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def on_loop(work: Callable[[], object]) -> None:
        asyncio.run_coroutine_threadsafe(work(), loop).result(10)  # type: ignore[arg-type]

    on_loop(lambda: running[0].start(0, _tls(pki, tmp_path, SMDP)))
    on_loop(lambda: running[1].start(0, _tls(pki, tmp_path, SMDS)))
    config = tmp_path / "ipad.toml"
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "ci.pem").write_bytes(pki.ci.pem)
    config.write_text(
        f'[state]\ndirectory = "state"\n[rsp]\nci_directory = "ci"\nretry_delays = []\ndownload_retry_delays = []\n'
        f'[net.addresses]\n"https://{SMDP}" = "127.0.0.1:{running[0].port}"\n'
        f'"https://{SMDS}" = "127.0.0.1:{running[1].port}"\n'
    )
    yield Servers(smdp, smds, config)
    for server in running:
        on_loop(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def ipad(servers: Servers, *arguments: str) -> int:
    return run(["profile", *arguments, "--config", str(servers.config), *CARD])


@contextlib.contextmanager
def agent_of(servers: Servers, folder: Path) -> Iterator[None]:
    """An agent that serves the card; commands of the same configuration go through it."""
    card = f'[modem]\ncard = "pcsc:"\n[control]\nsocket = "{folder}/ipad.sock"\n[log]\nevents = ""\n'
    servers.config.write_text(card + servers.config.read_text())
    agent = AgentThread(servers.config)
    agent.start()
    try:
        yield
    finally:
        agent.stop()


def installed(card: VirtualEuicc) -> bool:
    return ICCID in [profile.iccid for profile in card.profiles]


def test_download_with_an_activation_code(
    servers: Servers, iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]
) -> None:
    order = servers.order()
    assert ipad(servers, "download", CODE) == 0
    shown = capsys.readouterr()
    assert ICCID in shown.out
    lines = shown.err.splitlines()
    assert lines[0].split() == ["0", "%", "contacting", SMDP]
    assert lines[-1].split() == ["100", "%", "done", ICCID]
    assert any("installing" in line for line in lines)
    assert installed(iot_card)
    assert order.state is ProfileState.INSTALLED


def test_json_has_events_on_standard_error_and_one_object_on_standard_output(
    servers: Servers, iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]
) -> None:
    servers.order()
    assert ipad(servers, "download", CODE, "--json") == 0
    shown = capsys.readouterr()
    record = json.loads(shown.out)
    assert record["ok"]
    assert record["downloads"] == [
        {"address": SMDP, "iccid": ICCID, "installed": True, "enabled": False, "error": None}
    ]
    events = [json.loads(line) for line in shown.err.splitlines()]
    assert {event["event"] for event in events} == {"progress"}
    assert events[-1]["stage"] == "done"
    assert events[-1]["percent"] == 100


def test_consumer_euicc_downloads_too_and_sends_all_notifications(
    servers: Servers, consumer_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]
) -> None:
    servers.order()
    assert ipad(servers, "download", CODE, "-q") == 0
    assert capsys.readouterr().err == ""
    assert installed(consumer_card)
    assert len(servers.smdp.notifications) == 2


def test_default_sm_dp_without_a_code(servers: Servers, iot_card: VirtualEuicc) -> None:
    servers.order("", eid=iot_card.eid)
    assert ipad(servers, "download") == 0
    assert installed(iot_card)


def test_discovered_event_is_downloaded(servers: Servers, iot_card: VirtualEuicc) -> None:
    servers.order("EVENT-1")
    servers.smds.register(Event(iot_card.eid, "EVENT-1", SMDP))
    assert ipad(servers, "discover") == 0
    assert installed(iot_card)


def test_discovery_without_events_says_so(
    servers: Servers, iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ipad(servers, "discover", "--smds", SMDS) == 1
    assert "no event" in capsys.readouterr().err
    assert not installed(iot_card)


def test_confirmation_code_comes_from_a_file(servers: Servers, iot_card: VirtualEuicc, tmp_path: Path) -> None:
    servers.order(confirmation_hash=confirmation_hash("12345678"))
    secret = tmp_path / "code"
    secret.write_text("12345678\n")
    assert ipad(servers, "download", f"{CODE}$$1", "--confirmation-code-file", str(secret)) == 0
    assert installed(iot_card)


def test_both_codes_come_from_standard_input_line_by_line(
    servers: Servers, iot_card: VirtualEuicc, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers.order(confirmation_hash=confirmation_hash("12345678"))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{CODE}$$1\n12345678\n"))
    assert ipad(servers, "download", "-", "--confirmation-code-file", "-") == 0
    assert installed(iot_card)


@pytest.mark.usefixtures("iot_card")
def test_standard_input_without_a_code_is_wrong_usage(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert ipad(servers, "download", "-") == 2
    assert "- holds no activation code" in capsys.readouterr().err


def test_missing_confirmation_code_is_one_error_with_advice(
    servers: Servers, iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]
) -> None:
    servers.order(confirmation_hash=confirmation_hash("12345678"))
    assert ipad(servers, "download", CODE) == 1
    assert "hint: give it with --confirmation-code-file" in capsys.readouterr().err
    assert not installed(iot_card)


def test_refusal_of_the_server_has_its_exit_code_and_codes(
    servers: Servers, iot_card: VirtualEuicc, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ipad(servers, "download", CODE, "--json") == 5
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["class"], error["name"]) == ("rsp-status", "8.2.6/3.8")
    assert not installed(iot_card)


@pytest.mark.usefixtures("iot_card")
@pytest.mark.parametrize("code", ["1$smdp.example.com", "LPA:2$a$b", "hello"])
def test_malformed_code_is_wrong_usage(servers: Servers, code: str) -> None:
    assert ipad(servers, "download", code) == 2


@pytest.mark.usefixtures("iot_card")
def test_without_ci_certificates_nothing_is_trusted(
    servers: Servers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers.config.write_text('[state]\ndirectory = "state"\n')
    assert ipad(servers, "download", CODE) == 4
    assert "rsp.ci_files" in capsys.readouterr().err


@pytest.mark.usefixtures("iot_card")
@pytest.mark.parametrize(
    ("rsp", "message"),
    [
        ('ci_files = ["nothing.pem"]', "nothing.pem"),
        ('ci_files = ["ipad.toml"]', "no certificate in PEM or DER"),
        ('ci_directory = "state"', "rsp.ci_directory"),
    ],
)
def test_unusable_ci_certificate_is_a_wrong_configuration(
    servers: Servers, capsys: pytest.CaptureFixture[str], rsp: str, message: str
) -> None:
    servers.config.write_text(f'[state]\ndirectory = "state"\n[rsp]\n{rsp}\n')
    assert ipad(servers, "download", CODE) == 78
    assert message in capsys.readouterr().err


def test_other_ci_than_the_configured_one_is_not_trusted(
    servers: Servers, iot_card: VirtualEuicc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers.order()
    other = Pki.generate(tmp_path / "other")
    (tmp_path / "ci" / "ci.pem").write_bytes(other.ci.pem)
    assert ipad(servers, "download", CODE) == 6
    assert "certificate is not accepted" in capsys.readouterr().err
    assert not installed(iot_card)


def test_download_through_the_running_agent_shows_the_same(
    servers: Servers, iot_card: VirtualEuicc, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = servers.order()
    with agent_of(servers, tmp_path):
        assert ipad(servers, "download", CODE) == 0
        shown = capsys.readouterr()
        assert ICCID in shown.out
        stages = [line for line in shown.err.splitlines() if " % " in line]
        assert stages[0].split() == ["0", "%", "contacting", SMDP]
        assert stages[-1].split() == ["100", "%", "done", ICCID]
        assert (installed(iot_card), order.state) == (True, ProfileState.INSTALLED)
        assert ipad(servers, "download", CODE) == 5
        assert f"install {ICCID}" in (tmp_path / "state" / "audit.jsonl").read_text()
