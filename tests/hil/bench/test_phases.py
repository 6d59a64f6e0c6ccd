"""One phase of the measurement, from the rig to the figures, with the agent as a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.bench import peer
from hil.bench.agent import AgentSetup
from hil.bench.errors import AgentError
from hil.bench.phases import measure
from hil.bench.rows import Procedure, Start, Transport
from hil.eim.tls import TlsKnobs, TlsVersion
from hil.rig import FIRST_EIM, Rig, RigOptions


@pytest.mark.asyncio
async def test_idle_poll_is_counted_and_nothing_else(tmp_path: Path) -> None:
    (one,) = await measure(tmp_path, Transport.COAPS, Start.COLD, [Procedure.IDLE])
    assert one.functions == ("GetEimPackage",)
    assert one.traffic.connections == 0
    assert one.floor.payload <= one.traffic.payload <= 1.15 * one.floor.payload
    assert (one.traffic.packets, one.traffic.round_trips) == (10, 5)


@pytest.mark.asyncio
async def test_agent_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=r"eim add .* ended with exit code 2"):
        await measure(tmp_path, Transport.COAPS, Start.COLD, [Procedure.IDLE], agent=AgentSetup("sh -c 'exit 2'"))


@pytest.mark.asyncio
@pytest.mark.parametrize(("version", "tickets"), [(TlsVersion.V1_2, (1, 0)), (TlsVersion.V1_3, (3, 1))])
async def test_choices_of_the_server_are_found_out(
    tmp_path: Path, version: TlsVersion, tickets: tuple[int, int]
) -> None:
    async with Rig(RigOptions(tmp_path, tls=TlsKnobs(version, tickets=3))) as rig:
        server = rig.eim(FIRST_EIM)
        before = rig.link.snapshot()
        choices = await peer.ask(server.server.port, "localhost")
        assert rig.link.since(before).payload == 0, "asked beside the link"
    assert choices.certificates == (len(rig.pki.eim_tls.certificate),)
    assert (len(choices.tickets_full), len(choices.tickets_resumed)) == tickets
    message = choices.ticket + (10 if version is TlsVersion.V1_2 else 25)
    assert set(choices.tickets_full) == {message}


@pytest.mark.asyncio
async def test_server_without_tickets(tmp_path: Path) -> None:
    async with Rig(RigOptions(tmp_path, tls=TlsKnobs(session_tickets=False))) as rig:
        choices = await peer.ask(rig.eim(FIRST_EIM).server.port, "localhost")
    assert (choices.ticket, choices.tickets_full, choices.tickets_resumed) == (0, (), ())
