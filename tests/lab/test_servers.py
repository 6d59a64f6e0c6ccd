"""The bench without a device. Runs without labgrid, too."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from hil import crypto
from hil.eim import content
from hil.lab.servers import FIRST_EIM_ID, BoardServers
from hil.lab.settings import BenchSettings
from hil.rig import FIRST_EIM, SECOND_EIM, RigError

EID = "89049032001234567890000000100070"


@pytest.mark.asyncio
async def test_servers_are_the_same_at_the_same_places_when_they_come_back(tmp_path: Path) -> None:
    settings = BenchSettings(str(tmp_path / "bench"))
    async with BoardServers(settings, EID) as servers:
        ports, configuration = servers.ports(), servers.configuration(FIRST_EIM)
        number = servers.eim(FIRST_EIM).core.queue(servers.eid, content.data_request()).number
        assert set(ports) == {"eim1", "eim2", "smdp", "smds"}
        assert servers.eim(FIRST_EIM).core.identity.eim_id == FIRST_EIM_ID
    async with BoardServers(settings, EID) as servers:
        assert servers.ports() == ports
        assert servers.configuration(FIRST_EIM) == configuration
        assert servers.eim(FIRST_EIM).core.association(servers.eid).package(number) is not None


@pytest.mark.asyncio
async def test_servers_are_reached_without_any_modem(tmp_path: Path) -> None:
    async with BoardServers(BenchSettings(str(tmp_path)), EID) as servers:
        for port in servers.ports().values():
            socket.create_connection(("127.0.0.1", port), 5).close()


@pytest.mark.asyncio
async def test_eims_are_known_by_the_name_of_the_machine(tmp_path: Path) -> None:
    free = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    eim, smdp = (item.getsockname()[1] for item in free)
    for item in free:
        item.close()
    settings = BenchSettings(str(tmp_path), host="bench.example.com", listen="0.0.0.0", eim=eim, smdp=smdp)
    async with BoardServers(settings, EID) as servers:
        assert servers.eim(FIRST_EIM).fqdn == f"bench.example.com:{eim}"
        assert servers.eim(SECOND_EIM).fqdn.startswith("bench.example.com:")
        assert servers.rsp is not None
        assert servers.rsp.smdp.fqdn == f"bench.example.com:{smdp}"
        assert servers.eim(FIRST_EIM).relay.address == ("0.0.0.0", eim)
        pem = ssl.DER_cert_to_PEM_cert(servers.eim(FIRST_EIM).core.identity.anchors.leaf_certificate)
        assert "BEGIN CERTIFICATE" in pem


@pytest.mark.asyncio
async def test_sm_dp_with_a_name_needs_a_port(tmp_path: Path) -> None:
    with pytest.raises(RigError, match=r"bench\.smdp"):
        async with BoardServers(BenchSettings(str(tmp_path), host="bench.example.com"), EID):
            pass


@pytest.mark.asyncio
async def test_what_one_eim_knows_of_the_euicc_all_verify_with(tmp_path: Path) -> None:
    async with BoardServers(BenchSettings(str(tmp_path)), EID) as servers:
        first, second = (servers.eim(name).core for name in (FIRST_EIM, SECOND_EIM))
        servers.share_certificate()
        assert second.association(servers.eid).public_key is None, "nobody knows anything yet"
        key = crypto.generate_key(crypto.P256).public_key()
        first.associate(servers.eid, public_key=key, certificate=b"leaf", eum_certificate=b"EUM")
        servers.share_certificate()
        known = second.association(servers.eid)
        assert (known.public_key, known.certificate, known.eum_certificate) == (crypto.spki(key), b"leaf", b"EUM")


@pytest.mark.asyncio
async def test_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = BenchSettings(str(tmp_path), certificate=str(tmp_path / "euicc.der"))
    with pytest.raises(RigError, match=r"euicc\.der: No such file"):
        async with BoardServers(settings, EID):
            pass
