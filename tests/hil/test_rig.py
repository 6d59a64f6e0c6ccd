"""The rig as its users start it: a process, one line of JSON, a clean end; and what it keeps."""

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hil import codec, crypto, tlv
from hil.cli.client import ControlClient
from hil.eim import TlsTrust, content
from hil.eim.history import RecordKind
from hil.euicc import EuiccKind
from hil.pki import Pki
from hil.rig import FIRST_EIM, SECOND_EIM, Rig, RigError, RigOptions
from hil.rig.foreground import start_control
from hil.webserver import LOOPBACK

KEYS = {"eid", "tty", "esipa_url", "ca_file", "initial_eim_file", "control_url"}


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hil", "rig", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.communicate()


async def ready(started: asyncio.subprocess.Process) -> dict[str, Any]:
    assert started.stdout is not None
    async with asyncio.timeout(40):
        line = await started.stdout.readline()
    assert line, await started.communicate()
    found = json.loads(line)
    assert isinstance(found, dict)
    return found


def check_files(line: dict[str, Any]) -> None:
    assert Path(line["tty"]).is_symlink()
    assert Path(line["ca_file"]).read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
    request = codec.decode("AddInitialEimRequest", Path(line["initial_eim_file"]).read_bytes())
    configuration = request["eimConfigurationDataList"][0]
    assert configuration["eimFqdn"] == line["eim_fqdn"] == line["esipa_url"].split("/")[2]
    assert configuration["associationToken"] == -1


def is_there(path: str) -> bool:
    return Path(path).is_symlink() or Path(path).exists()


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_rig_announces_itself_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    async with process("--state", str(tmp_path / "rig")) as started:
        line = await ready(started)
        assert line.keys() >= KEYS
        assert line["esipa_url"].endswith("/gsma/rsp2/asn1")
        assert line["esipa_json_url"] == line["esipa_url"].removesuffix("asn1") + "esipa/"
        check_files(line)
        client = ControlClient(line["control_url"])
        assert (await asyncio.to_thread(client.get, "/state"))["eid"] == line["eid"]
        started.send_signal(number)
        async with asyncio.timeout(20):
            output, errors = await started.communicate()
        assert (started.returncode, output, errors) == (0, b"", b"")
    assert not is_there(line["tty"])


@pytest.mark.asyncio
async def test_temporary_state_is_gone_afterwards() -> None:
    async with process() as started:
        line = await ready(started)
        assert is_there(line["state_dir"])
        started.terminate()
        async with asyncio.timeout(20):
            await started.communicate()
    assert not is_there(line["state_dir"])


@pytest.mark.asyncio
async def test_restarted_rig_serves_the_same_addresses_after_a_kill(tmp_path: Path) -> None:
    arguments = ("--state", str(tmp_path / "rig"))
    async with process(*arguments) as started:
        first = await ready(started)
        started.kill()
        await started.wait()
    for _ in range(8):
        async with process(*arguments) as started:
            assert started.stdout is not None
            line = await started.stdout.readline()
            if line:
                assert json.loads(line) == first
                return
            _, errors = await started.communicate()
        # For a moment a connection of another test may have the port; anything else is a failure.
        assert b"is in use" in errors
    pytest.fail("the port stayed in use")


@pytest.mark.asyncio
async def test_second_rig_on_the_same_state_is_told_why_not(tmp_path: Path) -> None:
    options = RigOptions(tmp_path / "rig", personality="plain")
    async with Rig(options):
        async with process("--state", str(tmp_path / "rig")) as second:
            output, errors = await second.communicate()
        assert (second.returncode, output) == (1, b"")
        assert b"is in use" in errors
        assert b"Traceback" not in errors


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--personality", "teapot"), b"no personality 'teapot'"),
        (("--pki", "/nonexistent"), b"there is no ci.pem"),
    ],
)
async def test_impossible_options_are_one_clear_line(
    tmp_path: Path, arguments: tuple[str, ...], message: bytes
) -> None:
    async with process("--state", str(tmp_path / "rig"), *arguments) as started:
        _, errors = await started.communicate()
    assert started.returncode == 1
    assert message in errors
    assert errors.count(b"\n") == 1


# Parts of a rig in this process


def initial(rig: Rig) -> dict[str, Any]:
    request = codec.decode("AddInitialEimRequest", rig.initial_eim_file.read_bytes())
    found = request["eimConfigurationDataList"][0]
    assert isinstance(found, dict)
    return found


@pytest.mark.asyncio
@pytest.mark.parametrize("trust", [TlsTrust.PIN, TlsTrust.CERTIFICATE, TlsTrust.CA, TlsTrust.PUBLIC])
async def test_initial_file_says_what_to_trust(tmp_path: Path, trust: TlsTrust) -> None:
    async with Rig(RigOptions(tmp_path, personality="plain", tls_trust=trust)) as rig:
        expected = {
            TlsTrust.PIN: ("trustedEimPkTls", crypto.spki(rig.pki.eim_tls.public_key)),
            TlsTrust.CERTIFICATE: ("trustedCertificateTls", rig.pki.eim_tls.certificate),
            TlsTrust.CA: ("trustedCertificateTls", rig.pki.tls_ca.certificate),
            TlsTrust.PUBLIC: None,
        }
        assert initial(rig).get("trustedPublicKeyDataTls") == expected[trust]
        assert initial(rig)["eimPublicKeyData"] == ("eimPublicKey", crypto.spki(rig.pki.eim.key))


@pytest.mark.asyncio
async def test_own_name_is_in_the_file_and_in_the_certificate(tmp_path: Path) -> None:
    async with Rig(RigOptions(tmp_path, personality="plain", eim_fqdn="eim.test.example:8443")) as rig:
        assert initial(rig)["eimFqdn"] == "eim.test.example:8443"
        context = ssl.create_default_context(cafile=str(rig.ca_file))

        def handshake() -> None:
            port = rig.eim(FIRST_EIM).server.port
            with (
                socket.create_connection((LOOPBACK, port), timeout=10) as raw,
                context.wrap_socket(raw, server_hostname="eim.test.example"),
            ):
                pass

        await asyncio.to_thread(handshake)
        assert rig.eim(FIRST_EIM).server.server_names == ["eim.test.example"]


@pytest.mark.asyncio
async def test_foreign_pki_is_used_as_it_is(tmp_path: Path) -> None:
    pki = Pki.generate(tmp_path / "theirs", eid="89049032001234567890000000100070", curve=crypto.BRAINPOOL)
    async with Rig(RigOptions(tmp_path / "rig", personality="plain", pki=tmp_path / "theirs")) as rig:
        assert rig.card.certificate == pki.euicc.certificate
        assert initial(rig)["euiccCiPKId"] == pki.ci_key_id


@pytest.mark.asyncio
async def test_state_of_another_kind_of_card_is_refused(tmp_path: Path) -> None:
    async with Rig(RigOptions(tmp_path, personality="plain", euicc=EuiccKind.CONSUMER)):
        pass
    with pytest.raises(RigError, match="card of kind consumer, not iot"):
        async with Rig(RigOptions(tmp_path, personality="plain")):
            pass


@pytest.mark.asyncio
async def test_damaged_port_book_is_named(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("[]")
    with pytest.raises(RigError, match=r"ports\.json"):
        async with Rig(RigOptions(tmp_path, personality="plain")):
            pass


def on_card(rig: Rig, request: bytes) -> bytes:
    """One ES10 request over a logical channel of the card, as the device would send it."""
    card = rig.holder
    channel = card.transmit(bytes.fromhex("0070000001"))[0]
    try:
        aid = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
        assert card.transmit(bytes([channel, 0xA4, 4, 0, len(aid)]) + aid + b"\0")[-2:] == b"\x90\x00"
        blocks = [request[start : start + 200] for start in range(0, len(request), 200)]
        answer = b""
        for number, block in enumerate(blocks):
            p1 = 0x91 if number == len(blocks) - 1 else 0x11
            answer = card.transmit(bytes([0x80 | channel, 0xE2, p1, number, len(block)]) + block + b"\0")
        data = answer[:-2]
        while answer[-2] == 0x61:
            answer = card.transmit(bytes([channel, 0xC0, 0, 0, answer[-1]]))
            data += answer[:-2]
        return data
    finally:
        card.transmit(bytes([0, 0x70, 0x80, channel]))


def through_relay(rig: Rig, name: str, message: bytes) -> bytes:
    """One ESipa message the way a device goes: relay, TLS, HTTP."""
    port = rig.eim(name).relay.address[1]
    context = ssl.create_default_context(cafile=str(rig.ca_file))
    connection = http.client.HTTPSConnection("localhost", port, timeout=10, context=context)
    try:
        headers = {"Content-Type": "application/x-gsma-rsp-asn1", "User-Agent": "gsma-rsp-ipad"}
        connection.request("POST", "/gsma/rsp2/asn1", message, headers)
        return connection.getresponse().read()
    finally:
        connection.close()


def poll(rig: Rig) -> bytes:
    return tlv.build(0xBF4F, tlv.build(0x5A, rig.eid))


@pytest.mark.asyncio
async def test_card_eim_and_operator_agree_from_provisioning_to_the_second_eim(tmp_path: Path) -> None:
    async with Rig(RigOptions(tmp_path, personality="plain")) as rig:
        control = await start_control(rig)
        client = ControlClient(control.url)
        assert (await asyncio.to_thread(client.get, "/wait", bearer="up", timeout=20))["met"]
        on_card(rig, rig.initial_eim_file.read_bytes())
        first, second = rig.eim(FIRST_EIM).core, rig.eim(SECOND_EIM).core
        package = first.queue(rig.eid, content.eco_package(content.add_eim(rig.configuration(SECOND_EIM))))
        request = await asyncio.to_thread(through_relay, rig, FIRST_EIM, poll(rig))
        result = on_card(rig, tlv.single(request, 0xBF4F).value)
        delivery = tlv.build(0xBF50, tlv.build(0x5A, rig.eid), result)
        answer = await asyncio.to_thread(through_relay, rig, FIRST_EIM, delivery)
        assert codec.decode("ProvideEimPackageResultResponse", answer)[0] == "eimAcknowledgements"
        assert (package.outcome, package.detail) == ("ok", "addEimResult associationToken 2")
        signature = next(
            check
            for record in first.history.records
            if record.kind is RecordKind.RESULT
            for check in record.checks
            if check.name == "signature"
        )
        assert (signature.passed, signature.detail) == (True, "associationToken 1")
        assert second.association(rig.eid).token == 2
        ask = second.queue(rig.eid, content.eco_package(content.list_eim()))
        request = await asyncio.to_thread(through_relay, rig, SECOND_EIM, poll(rig))
        result = on_card(rig, tlv.single(request, 0xBF4F).value)
        await asyncio.to_thread(through_relay, rig, SECOND_EIM, tlv.build(0xBF50, tlv.build(0x5A, rig.eid), result))
        assert ask.outcome == "ok"
        texts = [event.text for event in rig.timeline.events() if event.interface == "CARD"]
        assert any(text.startswith("eIM eim2.example.com: associated") for text in texts)
        await control.close()


@pytest.mark.asyncio
async def test_nothing_gets_through_without_a_bearer(tmp_path: Path) -> None:
    async with Rig(RigOptions(tmp_path, personality="plain")) as rig:
        rig.force_shut(shut=True)
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(through_relay, rig, FIRST_EIM, poll(rig))
        rig.modem.power_off()
        rig.force_shut(shut=False)
        assert not rig.eim(FIRST_EIM).relay.is_open


@pytest.mark.asyncio
async def test_card_in_a_reader_leaves_the_modem_empty(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as reader:
        reader.setblocking(False)
        options = RigOptions(tmp_path, personality="plain", vpcd=(LOOPBACK, reader.getsockname()[1]))
        async with Rig(options) as rig:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(20):
                connection, _ = await loop.sock_accept(reader)
                with connection:
                    connection.setblocking(False)
                    await loop.sock_sendall(connection, bytes.fromhex("000104"))
                    size = int.from_bytes(await loop.sock_recv(connection, 2))
                    assert await loop.sock_recv(connection, size) == rig.card.atr
            assert rig.eim(FIRST_EIM).relay.is_open
            assert rig.modem.device.radio.subscriber is None
