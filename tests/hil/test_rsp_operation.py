"""SM-DP+ and SM-DS of a rig: control API, commands, what is kept, who can reach them."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hil import crypto
from hil.cli.client import ControlClient, ControlError
from hil.eim.identity import TlsTrust
from hil.eim.tls import Leaf
from hil.pki import Pki, Role
from hil.rig import Rig, RigError, RigOptions
from hil.rig.foreground import start_control
from hil.rig.rsp import RspServers
from hil.smdp.catalogue import EVENT, SMALL
from hil.smdp.flaws import PackageFlaw
from hil.smdp.orders import ProfileState
from hil.upp.builder import UsimProfile, build
from tests.hil.operated import Operated, operated_rig
from tests.waiting import seen


class Shell(Operated):
    @property
    def rsp(self) -> RspServers:
        assert self.rig.rsp is not None
        return self.rig.rsp


@pytest_asyncio.fixture
async def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Shell]:
    async with operated_rig(Shell, tmp_path, capsys) as shell:
        yield shell


@pytest.mark.asyncio
async def test_ready_line_names_the_servers(shell: Shell) -> None:
    line = shell.rig.ready_line("http://127.0.0.1:1")
    assert line["smdp_url"] == f"https://{line['smdp_fqdn']}/gsma/rsp2/es9plus"
    assert line["smds_url"] == f"https://{line['smds_fqdn']}/gsma/rsp2/es9plus"
    assert line["smdp_oid"] == "2.999.10"
    assert line["ci_file"] == str(shell.rsp.ci_file)
    assert shell.rsp.ci_file.read_bytes() == shell.rig.pki.ci.pem
    codes = line["activation_codes"]
    assert codes[0] == f"1${line['smdp_fqdn']}${SMALL}"
    assert [code.endswith("$$1") for code in codes].count(True) == 1
    card = await get_card(shell)
    assert (card["defaultSmdpAddress"], shell.rig.card.engine.state.root_smds_address) == (
        line["smdp_fqdn"],
        line["smds_fqdn"],
    )


async def get_card(shell: Shell) -> Any:
    return await shell.get("/card")


@pytest.mark.asyncio
async def test_orders_are_added_listed_released_and_removed(shell: Shell) -> None:
    made = await shell.done("smdp", "order", "--imsi", "001010000000099", "--size", "2000", "--unreleased")
    number, code = made.split()
    assert code == f"1${shell.rsp.smdp.fqdn}$ORDER-{int(number):04}"
    listed = await shell.done("smdp", "list")
    assert "Confirmed" in listed
    await shell.done("smdp", "release", number)
    shown = await shell.get(f"/smdp/orders/{number}")
    assert (shown["state"], shown["history"]) == ("Released", ["Released: released"])
    found = json.loads(await shell.done("smdp", "list", "--json"))["orders"]
    assert [order["matchingId"] for order in found][-1] == f"ORDER-{int(number):04}"
    await shell.done("smdp", "remove", number)
    assert "there is no order" in await shell.failed("smdp", "release", number)


@pytest.mark.asyncio
async def test_all_terms_of_an_order_can_be_given(shell: Shell, tmp_path: Path) -> None:
    words = ("--eid", "card", "--matching-id", "A-1", "--confirmation-code", "1", "--code-limit", "2", "--event")
    words += ("--download-limit", "1", "--expires-in", "60", "--protection-keys", "--no-rebinding")
    words += ("--ppr", "ppr1", "--owner", "00101", "--name", "Meter", "--class", "operational", "--provider", "Net")
    number = (await shell.done("smdp", "order", *words)).split()[0]
    order = shell.rsp.core.orders.numbered(int(number))
    assert order is not None
    assert (order.eid, order.code_limit, order.download_limit) == (shell.rig.card.eid, 2, 1)
    assert (order.use_protection_keys, order.rebinding_allowed) == (True, False)
    assert order.metadata.policy_rules == (1,)
    assert order.expires is not None
    assert f"A-1 {shell.rig.card.eid}" in " ".join((await shell.done("smds", "list")).split())
    file = tmp_path / "profile.der"
    file.write_bytes(build(UsimProfile(iccid="8988123456789012345", imsi="001020123456789")))
    number = (await shell.done("smdp", "order", "--upp", str(file))).split()[0]
    assert (await shell.get(f"/smdp/orders/{number}"))["iccid"] == "8988123456789012345"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("smdp", "order", "--matching-id", SMALL), "in use"),
        (("smdp", "order", "--upp", "/nonexistent"), "No such file"),
        (("smdp", "order", "--upp", "/dev/null", "--imsi", "1"), "its own profile data"),
        (("smdp", "order", "--key", "00"), "16 bytes"),
        (("smdp", "fault", "explode"), "fault.kind"),
        (("smdp", "fault", "8.2/x"), "no status code"),
        (("smds", "event", EVENT), "is registered"),
        (("smdp", "knob", "package_flaw=hole"), "package_flaw"),
    ],
)
async def test_nonsense_is_one_clear_line(shell: Shell, words: tuple[str, ...], message: str) -> None:
    error = await shell.failed(*words)
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.asyncio
async def test_faults_knobs_and_certificates_are_switched(shell: Shell) -> None:
    await shell.done("smdp", "fault", "8.2.6/3.8", "--function", "authenticateClient", "--times", "0")
    found = json.loads(await shell.done("smdp", "fault", "list"))["faults"]
    assert [(fault["kind"], fault["text"], fault["times"]) for fault in found] == [("failed", "8.2.6/3.8", None)]
    await shell.done("smds", "fault", "delay", "--seconds", "2")
    assert len(shell.rsp.smds.server.faults.faults) == 1
    await shell.done("smdp", "fault", "clear")
    assert shell.rsp.smdp.server.faults.faults == []
    await shell.done("smdp", "knob", "package_flaw=truncated", 'mistakes=["server-signature"]')
    assert shell.rsp.core.knobs.package_flaw is PackageFlaw.TRUNCATED
    assert json.loads(await shell.done("smds", "knob"))["mistakes"] == []
    for leaf in ("expired", "wrong-name", "other-key", "other-oid", "untrusted", "good"):
        await shell.done("smdp", "tls", leaf)
        assert (await shell.get("/smdp"))["leaf"] == leaf
    with pytest.raises(ControlError, match="an eIM has no OID"):
        await shell.post("/eim/eim1/tls", {"leaf": "other-oid"})


@pytest.mark.asyncio
async def test_another_certificate_is_shown_to_former_clients_when_their_sessions_are_forgotten(
    shell: Shell,
) -> None:
    endpoint = shell.rsp.smdp
    context = ssl.create_default_context(cafile=str(shell.rsp.ci_file))
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def connect(session: ssl.SSLSession | None = None) -> tuple[bool, ssl.SSLSession | None]:
        with (
            socket.create_connection(("127.0.0.1", endpoint.server.port), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=session) as secure,
        ):
            return bool(secure.session_reused), secure.session

    _, session = await asyncio.to_thread(connect)
    endpoint.show_leaf(Leaf.EXPIRED)
    assert (await asyncio.to_thread(connect, session))[0]
    await endpoint.forget_sessions()
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        await asyncio.to_thread(connect, session)


@pytest.mark.asyncio
async def test_event_follows_its_order(shell: Shell) -> None:
    events = shell.rsp.smds.server.smds.events
    assert [event.event_id for event in events] == [EVENT]
    order = next(order for order in shell.rsp.orders if order.matching_id == EVENT)
    order.enter(ProfileState.ERROR, "test")
    shell.rsp.changed(order)
    assert shell.rsp.smds.server.smds.events == []
    await shell.done("smdp", "release", str(order.number))
    assert [event.event_id for event in shell.rsp.smds.server.smds.events] == [EVENT]
    await shell.done("smds", "event", "OTHER-1", "--address", "smdp.example.com")
    assert "smdp.example.com" in await shell.done("smds", "list")
    await shell.done("smds", "remove", "OTHER-1")
    assert len((await shell.get("/smds/events"))["events"]) == 1


@pytest.mark.asyncio
async def test_end_of_an_order_can_be_waited_for(shell: Shell) -> None:
    order = next(iter(shell.rsp.orders))
    waiting = asyncio.create_task(shell.get("/wait", order=f"{order.number}:Error", timeout=20))
    await asyncio.sleep(0)
    order.enter(ProfileState.ERROR, "test")
    shell.rsp.changed(order)
    shell.rig.timeline.note(next(iter(shell.rig.timeline.totals)), "", "something")
    assert (await waiting)["met"] is True
    with pytest.raises(ControlError, match="there is no order 99"):
        await shell.get("/wait", order="99:Error")
    assert (await shell.get("/smdp"))["orders"]["Error"] == 1
    assert (await shell.get("/smdp/reports")) == {"installations": [], "notifications": []}
    assert (await shell.get("/smds"))["events"] == 1


def through_relay(rig: Rig, name: str) -> int:
    """Status of a request that a device sends to a server of the rig."""
    assert rig.rsp is not None
    context = ssl.create_default_context(cafile=str(rig.rsp.ci_file))
    connection = http.client.HTTPSConnection("localhost", rig.relays[name].address[1], timeout=10, context=context)
    try:
        connection.request("POST", "/gsma/rsp2/es9plus/none", b"{}", {"Content-Type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["smdp", "smds"])
async def test_device_reaches_the_servers_only_over_a_bearer(shell: Shell, name: str) -> None:
    assert (await shell.get("/wait", bearer="up", timeout=20))["met"]
    assert await asyncio.to_thread(through_relay, shell.rig, name) == 404
    await shell.done("relay", "shut")
    with pytest.raises(ConnectionError):
        await asyncio.to_thread(through_relay, shell.rig, name)


@pytest.mark.asyncio
async def test_orders_events_and_addresses_survive_a_restart(tmp_path: Path) -> None:
    options = RigOptions(tmp_path, personality="plain")
    async with Rig(options) as rig:
        assert rig.rsp is not None
        first = rig.ready_line("")
        order = next(iter(rig.rsp.orders))
        order.enter(ProfileState.ERROR, "test")
        rig.rsp.changed(order)
    async with Rig(options) as rig:
        assert rig.rsp is not None
        again = rig.ready_line("")
        assert next(iter(rig.rsp.orders)).state is ProfileState.ERROR
        assert [event.event_id for event in rig.rsp.smds.server.smds.events] == [EVENT]
    removed = first.pop("activation_codes")[1:]
    assert again.pop("activation_codes") == removed
    assert first == again


@pytest.mark.asyncio
async def test_own_name_of_the_smdp_is_in_codes_and_certificates(tmp_path: Path) -> None:
    options = RigOptions(tmp_path, personality="plain", smdp_fqdn="smdp.test.example", tls_trust=TlsTrust.PIN)
    async with Rig(options) as rig:
        assert rig.rsp is not None
        assert rig.ready_line("")["activation_codes"][0] == f"1$smdp.test.example${SMALL}"
        context = ssl.create_default_context(cafile=str(rig.rsp.ci_file))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", rig.rsp.smdp.server.port, ssl=context, server_hostname="smdp.test.example"
        )
        assert not reader.at_eof()
        writer.close()
        await writer.wait_closed()
        identity = rig.rsp.smdp.identity
        port = rig.rsp.smdp.relay.address[1]
        for own in ("smdp.test.example", "SMDP.test.example", f"smdp.test.example:{port}"):
            assert identity.is_own(own)
        assert not identity.is_own("smdp.test.example:1")


@pytest.mark.asyncio
async def test_certificates_of_another_ci_are_used_as_they_are(tmp_path: Path) -> None:
    Pki.generate(tmp_path / "theirs", hosts=("smdp.other.example", "localhost"))
    (tmp_path / "theirs" / "ci.key.pem").unlink()
    pki = Pki.load(tmp_path / "theirs")
    options = RigOptions(tmp_path / "rig", personality="plain", pki=tmp_path / "theirs", smdp_fqdn="smdp.other.example")
    async with Rig(options) as rig:
        assert rig.rsp is not None
        credential = rig.rsp.core.identity.credentials[pki.ci_key_id]
        assert credential.certificate == pki[Role.SMDP_AUTH].certificate
    with pytest.raises(RigError, match="no key to issue it"):
        async with Rig(RigOptions(tmp_path / "rig2", pki=tmp_path / "theirs", smdp_fqdn="elsewhere.example")):
            pass


@pytest.mark.asyncio
async def test_rig_without_certificates_for_them_has_no_rsp_servers(tmp_path: Path) -> None:
    Pki.generate(tmp_path / "theirs")
    for file in (tmp_path / "theirs").iterdir():
        if file.name.startswith(("smdp", "smds")) or file.name == "ci.key.pem":
            file.unlink()
    async with Rig(RigOptions(tmp_path / "rig", personality="plain", pki=tmp_path / "theirs")) as rig:
        assert rig.rsp is None
        assert "smdp_url" not in rig.ready_line("")
        control = await start_control(rig)
        client = ControlClient(control.url)
        with pytest.raises(ControlError, match="no RSP servers"):
            await asyncio.to_thread(client.get, "/smdp")
        await control.close()


@pytest.mark.asyncio
async def test_brainpool_keys_are_served_under_p256_tls(tmp_path: Path) -> None:
    Pki.generate(tmp_path / "theirs", curve=crypto.BRAINPOOL)
    async with Rig(RigOptions(tmp_path / "rig", personality="plain", pki=tmp_path / "theirs")) as rig:
        assert rig.rsp is not None
        assert rig.rsp.ci_file.read_bytes() == rig.pki.ci.pem + rig.pki.tls_ca.pem
        rig.rsp.smdp.relay.open()
        assert await asyncio.to_thread(through_relay, rig, "smdp") == 404


@pytest.mark.asyncio
async def test_operator_challenges_the_profiles_whose_keys_it_knows(shell: Shell) -> None:
    assert (await shell.get("/wait", bearer="up", timeout=20))["met"]
    texts = [event.text for event in shell.rig.timeline.events()]
    assert "AUTHENTICATE" in texts
    subscriber = {"imsi": shell.rig.card.profiles[0].imsi, "key": "00" * 16, "opc": "00" * 16}
    await shell.post("/network/subscriber", subscriber)
    await shell.post("/modem/restart")
    await seen(lambda: shell.rig.modem.device.radio.view.cause == 3, "the operator refused the subscriber")
    assert not shell.rig.bearer
    with pytest.raises(ControlError, match="16 bytes each"):
        await shell.post("/network/subscriber", {"imsi": "00101", "key": "00"})
