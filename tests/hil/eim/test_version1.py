"""The virtual eIM as one of v1.0: its forms, byte for byte, and what it refuses."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from hil import tlv
from hil.clock import LoopClock
from hil.eim import VirtualEim, content
from hil.eim.knobs import EimVersion
from hil.eim.messages import MalformedRequestError
from hil.eim.server import EimServer
from hil.eim.tls import Leaves
from hil.eim.version1 import read, written
from hil.webserver import Reply, Request
from tests.coaps import pki
from tests.hil.eim import vectors as v

V1 = bytes.fromhex("BF4F195A10890490320012345678900000001000708000810300F110")
V2 = tlv.build(0xBF50, v.EPR_5)
V7 = bytes.fromhex("BF500BBF54088204A1A2A3A43000")
V9 = bytes.fromhex("BF520F5C0D80BF20BF228384A5A688A9BF2B")


@pytest.mark.parametrize("body", [V1, v.GEP1, V2, V7, v.HN1, bytes.fromhex("BF5006BF5203810101")])
def test_messages_of_version_1_are_taken(body: bytes) -> None:
    assert read(body) == body


@pytest.mark.parametrize("body", [v.GEP2, v.PR1, v.PR2, v.PR6, v.PR8, v.PR10, v.HN3, v.IA1])
def test_messages_of_later_versions_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequestError, match=r"not in v1\.0"):
        read(body)


def test_data_are_understood_under_their_older_names() -> None:
    data = tlv.build(0xA0, tlv.build(0x80, b"smdp"), tlv.build(0xBF2B, bytes.fromhex("A000")))
    message = read(tlv.build(0xBF50, tlv.build(0xBF52, data)))
    assert tlv.find(message, 0xBF50, 0xBF52, 0xA0, 0x81).value == b"smdp"
    assert tlv.find(message, 0xBF50, 0xBF52, 0xA0, 0xA0).value == b""


def test_answers_are_written_in_the_older_form() -> None:
    asked = tlv.build(0xBF52, tlv.build(0x5C, bytes.fromhex("81BF20BF228384A5A6A8A9A0")), tlv.build(0x83, b"\xa1"))
    assert written(tlv.build(0xBF4F, asked)) == tlv.build(0xBF4F, V9)
    assert written(v.PA2) == bytes.fromhex("BF5000")
    for same in (v.GER1, v.GER6, v.PA1):
        assert written(same) == same


def test_stored_results_are_asked_for_with_their_criterion() -> None:
    asked = tlv.build(0xBF52, tlv.build(0x5C, b"\xa2"), tlv.build(0xA2, b"\x80\x01\x07"))
    assert written(tlv.build(0xBF4F, asked)) == tlv.build(0xBF4F, bytes.fromhex("BF52085C02BF2BA1028200"))


@pytest.mark.asyncio
async def test_knob_turns_the_eim_back(eim: VirtualEim) -> None:
    eim.knobs.version = EimVersion.V1_0
    eim.queue(v.EID, content.psmo_package(content.enable(v.ICCID1, rollback=True)))
    assert await eim.answer(V1) == v.GER6
    with pytest.raises(MalformedRequestError):
        await eim.answer(v.PR1)
    assert await eim.answer(V2) == bytes.fromhex("BF5006BF5303800107")


async def over_json(eim: VirtualEim, folder: Path, function: str, **members: Any) -> Reply:
    server = EimServer(eim, Leaves(pki(), pki().eim_tls, ("localhost",), folder), LoopClock())
    body = json.dumps(members).encode()
    headers = (("content-type", "application/json"),)
    return await server._answer(Request("POST", f"/gsma/rsp2/esipa/{function}", headers, body, len(body), 1))


@pytest.mark.asyncio
async def test_version_1_in_json(eim: VirtualEim, tmp_path: Path) -> None:
    eim.knobs.version = EimVersion.V1_0
    eim.queue(v.EID, content.psmo_package(content.enable(v.ICCID1, rollback=True)))
    eid = v.EID.hex()
    polled = await over_json(eim, tmp_path, "getEimPackage", eidValue=eid, notifyStateChange=True, rPLMN="00F110")
    assert polled.status == 200
    package = base64.b64encode(tlv.single(v.GER6).value).decode()
    assert json.loads(polled.body)["euiccPackageRequest"] == package
    assert eim.association(v.EID).registered_plmn == bytes.fromhex("00F110")
    result = base64.b64encode(v.EPR_5).decode()
    later = await over_json(eim, tmp_path, "provideEimPackageResult", eidValue=eid, eimPackageResult=result)
    assert later.status == 400, "v1.0 has no EID there"
    taken = await over_json(eim, tmp_path, "provideEimPackageResult", eimPackageResult=result)
    assert json.loads(taken.body)["eimAcknowledgements"] == base64.b64encode(bytes.fromhex("BF5303800107")).decode()
    late = base64.b64encode(tlv.build(0xBF50, v.EPR_5)).decode()
    assert (await over_json(eim, tmp_path, "handleNotification", provideEimPackageResult=late)).status == 204
    cause = await over_json(eim, tmp_path, "getEimPackage", eidValue=eid, notifyStateChange=True, stateChangeCause=1)
    assert cause.status == 400
