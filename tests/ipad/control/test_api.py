"""The control API over a real socket: what is answered to whom, and what wrong requests get."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from hil.euicc import EuiccKind
from ipad.control.server import ControlSettings
from ipad.errands import table
from ipad.errors import ExitCode, NoDaemonError, RemoteError
from tests.ipad.control.conftest import OWN, STRANGER, Launcher, Running
from tests.waiting import seen

ONE, TWO = "89490000000000000015", "89490000000000000023"


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def post(path: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def body_of(answer: bytes) -> object:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.asyncio
async def test_status_metrics_and_service_tell_of_the_agent(launch: Launcher) -> None:
    async with launch(EuiccKind.IOT) as agent:
        await agent.ready()
        (modem,) = await agent.client.modems()
        assert (modem.name, modem.card) == ("modem", "pcsc:")
        status = (await agent.client.call("GET", "/v1/status")).record
        assert (status["modem"], status["kind"]) == ("modem", "iot")
        assert len(str(status["eid"])) == 32
        assert 'ipad_build_info{modem="modem"' in await agent.client.text("/metrics")
        policy = (await agent.client.call("GET", "/v1/policy")).record
        assert policy["hints"] == {"metered": False, "power": "mains"}


@pytest.mark.asyncio
async def test_profiles_are_listed_switched_and_written_into_the_trail(launch: Launcher) -> None:
    async with launch() as agent:
        rows = (await agent.client.call("GET", "/v1/profiles")).record["profiles"]
        states = {row["iccid"]: row["state"] for row in rows}  # type: ignore[union-attr, call-overload, index]
        target = next(iccid for iccid, state in states.items() if state == "disabled")
        done = await agent.client.call("POST", table.PROFILE_ENABLE.path, {"iccid": target})
        assert done.record == {"iccid": target, "changed": True}
        again = await agent.client.call("POST", table.PROFILE_ENABLE.path, {"iccid": target})
        assert again.record["changed"] is False
        with pytest.raises(RemoteError) as refused:
            await agent.client.call("POST", table.PROFILE_DELETE.path, {"iccid": target, "yes": True})
        assert (refused.value.kind, refused.value.exit_code) == ("euicc-result", ExitCode.REFUSED_BY_EUICC)
        await asyncio.sleep(0.05)
        entries = (await agent.client.call("GET", "/v1/audit")).record["changes"]
        told = [(row["who"], row["what"], row["after"]) for row in entries]  # type: ignore[union-attr, call-overload, index]
        assert told[0] == ("user:root", f"enable {target}", "enabled")
        assert told[-1][1] == f"delete {target}"


@pytest.mark.asyncio
async def test_stranger_reads_masked_identifiers_and_changes_nothing(launch: Launcher) -> None:
    async with launch() as agent:
        await agent.ready()
        agent.peer = STRANGER
        rows = (await agent.client.call("GET", "/v1/profiles")).record["profiles"]
        assert all("…" in row["iccid"] for row in rows)  # type: ignore[union-attr, call-overload, index]
        assert "…" in str((await agent.client.call("GET", "/v1/status")).record["eid"])
        for path in ("/v1/poll", "/v1/hints", "/v1/profiles/download", "/v1/modem/at", "/v1/traffic/start"):
            answer = await agent.raw(post(path, b"{}"))
            assert status_of(answer) == 403, path
        assert status_of(await agent.raw(get("/v1/audit"))) == 403
        agent.peer = replace(STRANGER, groups=frozenset({77}))
        assert status_of(await agent.raw(post("/v1/hints", b'{"power":"low"}'))) == 200
        agent.peer = replace(STRANGER, uid=1000)
        assert status_of(await agent.raw(post("/v1/hints", b"{}"))) == 200


@pytest.mark.asyncio
async def test_stranger_may_be_kept_out_altogether(launch: Launcher) -> None:
    async with launch(others=False) as agent:
        agent.peer = STRANGER
        assert await agent.raw(get("/v1/status")) == b""
        assert agent.path.stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"\x16\x03\x01\x00\x05hello\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000, 431),
        (get("/nothing"), 404),
        (get("/v1/poll"), 405),
        (get("/v1/status?modem=other"), 404),
        (get("/v1/status?colour=red"), 400),
        (get("/v1/status?masked=yes"), 400),
        (get("/v1/status?masked=1&masked=1"), 400),
        (get("/v1/operations/99"), 404),
        (post("/v1/poll", b"[]"), 400),
        (post("/v1/poll", b"{"), 400),
        (post("/v1/poll", b'{"eim_id": 5}'), 400),
        (post("/v1/poll", b'{"colour": 5}'), 400),
        (post("/v1/poll", b"[" * 100_000), 400),
        (post("/v1/poll", b"{}", "text/plain"), 400),
        (post("/v1/hints", b'{"power": "solar"}'), 400),
        (post("/v1/hints", b'{"metered": 1}'), 400),
        (post("/v1/profiles/12/enable", b""), 400),
        (post(f"/v1/profiles/{ONE}/enable", b'{"iccid": "1"}'), 400),
        (post(f"/v1/profiles/{ONE}/delete", b""), 400),
        (post("/v1/profiles/download", b'{"code": "nonsense"}'), 400),
        (post("/v1/eims", b'{"request": "zz"}'), 400),
        (post("/v1/notifications/remove", b'{"seq": true}'), 400),
        (post("/v1/euicc/reset", b'{"options": ["all"], "yes": true}'), 400),
        (b"POST /v1/poll HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n", 413),
    ],
)
@pytest.mark.asyncio
async def test_wrong_request_is_refused_with_a_reason(launch: Launcher, request_bytes: bytes, status: int) -> None:
    async with launch(EuiccKind.IOT) as agent:
        answer = await agent.raw(request_bytes)
        assert status_of(answer) == status
        found = body_of(answer)
        assert isinstance(found, dict)
        assert found["ok"] is False
        assert found["error"]["message"]


@pytest.mark.asyncio
async def test_request_that_never_ends_is_let_go(launch: Launcher) -> None:
    async with launch(settings=ControlSettings(timeout=0.05)) as agent:
        assert status_of(await agent.raw(b"GET /v1/status HTTP/1.1\r\n")) == 408


@pytest.mark.asyncio
async def test_strangers_cannot_take_all_places(launch: Launcher) -> None:
    async with launch(settings=ControlSettings(connections=3, public=1)) as agent:
        agent.peer = STRANGER
        idle = [await asyncio.open_unix_connection(str(agent.path)) for _ in range(3)]
        assert [await reader.read() for reader, _ in idle[1:]] == [b"", b""]
        agent.peer = OWN
        assert status_of(await agent.raw(get("/v1/service"))) == 200
        for _, writer in idle:
            writer.close()


@pytest.mark.asyncio
async def test_events_tell_of_operations(launch: Launcher) -> None:
    async with launch() as agent:
        await agent.ready()
        lines = agent.client.lines("/v1/events")
        reading = asyncio.ensure_future(anext(lines))
        await followed(agent, wanted=True)
        await agent.client.call("GET", "/v1/notifications")
        first = await asyncio.wait_for(reading, 5)
        assert (first["event"], first["title"], first["state"]) == ("operation", "list notifications", "running")
        assert (await anext(lines))["state"] == "done"
        await lines.aclose()  # type: ignore[attr-defined]
        await followed(agent, wanted=False)


async def followed(agent: Running, *, wanted: bool) -> None:
    """The server has seen that somebody follows, or that the reader has left."""
    await seen(lambda: agent.modem.broadcast.followed is wanted, "the server noticed its reader")


@pytest.mark.asyncio
async def test_reader_that_is_too_slow_is_dropped_and_told_so(launch: Launcher) -> None:
    async with launch(settings=ControlSettings(timeout=5.0)) as agent:
        await agent.ready()
        reader, writer = await asyncio.open_unix_connection(str(agent.path), limit=1 << 24)
        writer.write(get("/v1/events"))
        await followed(agent, wanted=True)
        for number in range(300):
            agent.modem.broadcast.publish({"event": "test", "number": number})
        text = await asyncio.wait_for(reader.read(), 5)
        assert b'"number":255' in text
        assert b'"number":256' not in text
        assert b'"event":"dropped"' in text
        writer.close()


@pytest.mark.asyncio
async def test_operation_can_be_followed_found_and_is_not_kept_from_others(launch: Launcher) -> None:
    async with launch() as agent:
        begun = (await agent.client.call("POST", "/v1/profiles/download", {})).record["operation"]
        assert isinstance(begun, dict)
        number = begun["operation"]
        lines = [line async for line in agent.client.lines("/v1/operations/{operation}/events", {"operation": number})]
        assert lines[-1]["state"] == "failed"
        assert lines[-1]["answer"]["error"]["message"]
        rows = (await agent.client.call("GET", "/v1/operations")).record["operations"]
        assert [row["operation"] for row in rows] == [number]  # type: ignore[union-attr, call-overload, index]


@pytest.mark.asyncio
async def test_modem_is_not_asked_of_a_reader_and_return_needs_a_fallback(launch: Launcher) -> None:
    async with launch(EuiccKind.CONSUMER) as agent:
        with pytest.raises(RemoteError, match="there is no modem") as refused:
            await agent.client.call("GET", "/v1/modem")
        assert refused.value.exit_code == ExitCode.NETWORK
        with pytest.raises(RemoteError, match="fallback profile is not enabled"):
            await agent.client.call("POST", "/v1/policy/return")


@pytest.mark.asyncio
async def test_return_can_be_asked_for_wherever_the_fallback_profile_is_enabled(launch: Launcher) -> None:
    async with launch(EuiccKind.IOT) as agent:
        await seen(lambda: agent.modem.guard.engine.state.situation.card_read, "the eUICC is read")
        assert (await agent.client.call("POST", "/v1/policy/return")).record == {"asked": True}


@pytest.mark.asyncio
async def test_emergency_profile_silences_the_agent_until_it_is_disabled(launch: Launcher) -> None:
    async with launch(EuiccKind.IOT) as agent:
        assert (await agent.client.call("POST", "/v1/emergency/enable")).record == {"emergency": True}
        assert (await agent.client.call("GET", "/v1/policy")).record["emergency"] is True
        assert (await agent.client.call("POST", "/v1/emergency/disable")).record == {"emergency": False}
        assert (await agent.client.call("GET", "/v1/policy")).record["emergency"] is False
        with pytest.raises(RemoteError, match="the emergency profile cannot be disabled"):
            await agent.client.call("POST", "/v1/emergency/disable")


@pytest.mark.asyncio
async def test_traffic_is_recorded_on_demand(launch: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    async with launch(EuiccKind.IOT) as agent:
        await agent.ready()
        started = (await agent.client.call("POST", "/v1/traffic/start", {"limit": 65536})).record
        assert started["limit"] == 65536
        assert (await agent.client.call("POST", "/v1/traffic/stop")).record["stopped"] is True
        assert (await agent.client.call("POST", "/v1/traffic/stop")).record["stopped"] is False


@pytest.mark.asyncio
async def test_client_says_that_nobody_serves_the_socket(launch: Launcher) -> None:
    async with launch() as agent:
        client = agent.client
        await agent.ready()
    with pytest.raises(NoDaemonError, match="does not run") as missing:
        await client.call("GET", "/v1/status")
    assert missing.value.exit_code == ExitCode.NO_DAEMON
