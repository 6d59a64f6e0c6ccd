"""Dialling by AT commands, against tables of answers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

import pytest

from ipad.bearer.at import AtBearer
from ipad.bearer.backend import Apn, Auth, BearerReason, BearerRequest, IpType
from ipad.bearer.context import (
    Credentials,
    Definition,
    credentials_command,
    define_command,
    parse_credentials,
    parse_definition,
)
from ipad.board import BoardLibrary
from ipad.board.behaviour import BearerRules
from ipad.errors import BearerError
from ipad.modem.modem import Modem
from ipad.modem.port import TRACE
from tests.ipad.modem.peer import FakeModem
from tests.ipad.modem.test_modem import modem_with

IOT = Apn("iot.example", user="dev", password="hush", auth=Auth.CHAP)
PLAIN = Apn("iot.example")
RIGHT = '+CGDCONT: 1,"IPV4V6","IOT.example","0.0.0.0",0,0'
UP: dict[str, object] = {
    "AT+CREG?": ["+CREG: 2,0"],
    "AT+CEREG?": ["+CEREG: 3,1"],
    "AT+CGATT?": ["+CGATT: 1"],
    "AT+CGACT?": ["+CGACT: 1,1"],
    "AT+CGPADDR=1": ['+CGPADDR: 1,"10.0.0.1"'],
    "AT+CGDCONT?": [RIGHT],
    "AT+CGAUTH?": (),
}
WRITES = ("AT+CGDCONT=", "AT+CGAUTH=", "AT+CGACT=", "AT+CFUN=", "AT$Q", "AT#E", "AT#P", "AT+QI", "AT+QN", "AT+UA")


def request(apn: Apn | None = PLAIN, reason: BearerReason = BearerReason.BOOT) -> BearerRequest:
    return BearerRequest(None, None, apn, reason)


def bearer_with(table: Mapping[str, object], rules: BearerRules | None = None) -> tuple[AtBearer, FakeModem, Modem]:
    board = BoardLibrary().load("generic-3gpp")
    board = board if rules is None else replace(board, bearer=rules)
    modem, fake = modem_with({**UP, **table}, board)
    fake.table |= {command: () for command in ("AT+CFUN=4", "AT+CFUN=1", "AT+CGACT=0,1") if command not in table}
    return AtBearer(modem, modem.clock), fake, modem


def sent(fake: FakeModem) -> list[str]:
    return [command for command in fake.commands if command.startswith(WRITES)]


@pytest.mark.asyncio
async def test_what_is_right_already_is_not_written() -> None:
    bearer, fake, _ = bearer_with({})
    await bearer.bring_up(request())
    assert sent(fake) == []


@pytest.mark.asyncio
async def test_another_access_point_is_written_while_the_modem_is_detached() -> None:
    bearer, fake, _ = bearer_with({'AT+CGDCONT=1,"IPV4V6","new.example"': ()})
    await bearer.bring_up(request(Apn("new.example")))
    assert sent(fake) == ["AT+CGACT=0,1", "AT+CFUN=4", 'AT+CGDCONT=1,"IPV4V6","new.example"', "AT+CFUN=1"]


@pytest.mark.asyncio
async def test_without_an_attach_it_is_only_written() -> None:
    bearer, fake, _ = bearer_with(
        {"AT+CGATT?": ["+CGATT: 0"], "AT+CEREG?": ["+CEREG: 3,2"], 'AT+CGDCONT=1,"IP","new.example"': ()}
    )
    await bearer.bring_up(request(Apn("new.example", IpType.IPV4)))
    assert sent(fake) == ['AT+CGDCONT=1,"IP","new.example"']


@pytest.mark.asyncio
async def test_no_access_point_takes_that_of_the_earlier_profile_away() -> None:
    bearer, fake, _ = bearer_with({'AT+CGDCONT=1,"IPV4V6",""': ()})
    await bearer.bring_up(request(None, BearerReason.PROFILE_CHANGED))
    assert 'AT+CGDCONT=1,"IPV4V6",""' in fake.commands


@pytest.mark.asyncio
async def test_the_modem_comes_back_when_the_context_is_refused() -> None:
    bearer, fake, _ = bearer_with({'AT+CGDCONT=1,"IPV4V6","new.example"': "+CME ERROR: 50"})
    with pytest.raises(BearerError, match="the context cannot be set"):
        await bearer.bring_up(request(Apn("new.example")))
    assert sent(fake)[-1] == "AT+CFUN=1"


@pytest.mark.asyncio
async def test_another_context_than_that_of_the_attach_leaves_the_attach_alone() -> None:
    table = {'AT+CGDCONT=3,"IPV4V6","iot.example"': (), "AT+CGACT=0,3": (), "AT+CGACT=1,3": ()}
    bearer, fake, modem = bearer_with(table)
    bearer = AtBearer(modem, modem.clock, cid=3)
    fake.table["AT+CGACT=1,3"] = lambda: (
        fake.table.update({"AT+CGACT?": ["+CGACT: 1,1", "+CGACT: 3,1"], "AT+CGPADDR=3": ['+CGPADDR: 3,"10.0.0.3"']})
        or ()
    )
    await bearer.bring_up(request())
    assert sent(fake) == ["AT+CGACT=0,3", 'AT+CGDCONT=3,"IPV4V6","iot.example"', "AT+CGACT=1,3"]


@pytest.mark.asyncio
async def test_credentials_are_written_once_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(TRACE)
    command = 'AT+CGAUTH=1,2,"dev","hush"'
    bearer, fake, _ = bearer_with({command: ()})
    await bearer.bring_up(request(IOT))
    assert sent(fake) == ["AT+CGACT=0,1", "AT+CFUN=4", command, "AT+CFUN=1"]
    fake.commands.clear()
    fake.table["AT+CGAUTH?"] = ['+CGAUTH: 1,2,"dev","hush"']
    await bearer.bring_up(request(IOT))
    assert sent(fake) == []
    assert "hush" not in caplog.text
    assert "AT+CGAUTH=" in caplog.text


@pytest.mark.asyncio
async def test_credentials_that_cannot_be_compared_do_not_interrupt_a_link() -> None:
    command = 'AT+CGAUTH=1,2,"dev","hush"'
    other = 'AT+CGAUTH=1,2,"dev","other"'
    bearer, fake, _ = bearer_with({command: (), other: (), "AT+CGAUTH?": ['+CGAUTH: 1,2,"dev"']})
    await bearer.bring_up(request(IOT))
    assert sent(fake) == [command]
    await bearer.bring_up(request(replace(IOT, password="other")))
    assert "AT+CFUN=4" in sent(fake)


@pytest.mark.asyncio
async def test_credentials_of_the_earlier_profile_are_taken_away() -> None:
    bearer, fake, _ = bearer_with({"AT+CGAUTH=1,0": (), "AT+CGAUTH?": ['+CGAUTH: 1,1,"old"']})
    await bearer.bring_up(request())
    assert "AT+CGAUTH=1,0" in sent(fake)


@pytest.mark.asyncio
async def test_a_modem_without_credentials_serves_who_needs_none_and_refuses_the_others() -> None:
    bearer, fake, _ = bearer_with({"AT+CGAUTH?": "ERROR", "AT+CGACT?": ["+CGACT: 1,0"]})
    fake.table["AT+CGACT=1,1"] = lambda: fake.table.update({"AT+CGACT?": ["+CGACT: 1,1"]}) or ()
    await bearer.bring_up(request())
    assert sent(fake) == ["AT+CGAUTH=1,0", "AT+CGACT=1,1"]
    assert await bearer.session() is not None
    with pytest.raises(BearerError, match="AT\\+CGAUTH=…"):
        await bearer.bring_up(request(IOT))
    assert fake.commands.count("AT+CGACT=1,1") == 1


@pytest.mark.asyncio
async def test_a_command_of_the_vendor_takes_what_the_standard_one_does_not() -> None:
    bearer, fake, _ = bearer_with({"AT+CGAUTH?": "ERROR", 'AT$QCPDPP=1,2,"hush","dev"': ()}, QUALCOMM)
    await bearer.bring_up(request(IOT))
    assert sent(fake) == ['AT+CGAUTH=1,2,"dev","hush"', 'AT$QCPDPP=1,2,"hush","dev"']


@pytest.mark.parametrize(
    ("style", "with_user", "without"),
    [
        ("cgauth", 'AT+CGAUTH=2,2,"dev","hush"', "AT+CGAUTH=2,0"),
        ("qicsgp", 'AT+QICSGP=2,3,"iot.example","dev","hush",2', 'AT+QICSGP=2,3,"iot.example","","",0'),
        ("qcpdpp", 'AT$QCPDPP=2,2,"hush","dev"', "AT$QCPDPP=2,0"),
        ("pdpauth", 'AT#PDPAUTH=2,2,"dev","hush"', "AT#PDPAUTH=2,0"),
        ("uauthreq", 'AT+UAUTHREQ=2,2,"dev","hush"', "AT+UAUTHREQ=2,0"),
    ],
)
def test_every_vendor_is_told_in_its_own_order(style: str, with_user: str, without: str) -> None:
    assert credentials_command(IOT, 2, style) == with_user
    assert credentials_command(PLAIN, 2, style) == without


@pytest.mark.parametrize("password", ['qu"ote', "back\\slash", "new\rline"])
def test_what_an_at_string_cannot_hold_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(BearerError) as caught:
        credentials_command(replace(IOT, password=password), 1, "cgauth")
    assert not caught.value.transient
    assert password not in str(caught.value)


def test_contexts_are_read_as_modems_print_them() -> None:
    lines = ["+CGDCONT:1,IP,internet,,0,0", '+CGDCONT: 2,"IPV4V6",""', '+CGACT: 2,"x","y"']
    assert parse_definition(lines, 1) == Definition("IP", "internet")
    assert parse_definition(lines, 2) == Definition("IPV4V6", "")
    assert parse_definition(lines, 3) is None
    assert parse_credentials(['+CGAUTH: 2,1,"dev","pw"'], 2) == Credentials(1, "dev")
    assert parse_credentials(['+CGAUTH: 2,1,"dev","pw"'], 1) == Credentials(0, "")
    assert define_command(Apn("a.b", IpType.IPV6), 4) == 'AT+CGDCONT=4,"IPV6","a.b"'


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "transient"), [("+CME ERROR: 127", False), ("+CME ERROR: 30", True), ("ERROR", True)]
)
async def test_a_refused_link_says_whether_waiting_helps(answer: str, transient: bool) -> None:
    bearer, _, _ = bearer_with({"AT+CGACT?": ["+CGACT: 1,0"], "AT+CGACT=1,1": answer})
    with pytest.raises(BearerError, match="the network gives no link") as caught:
        await bearer.bring_up(request())
    assert caught.value.transient is transient


@pytest.mark.asyncio
async def test_ok_without_an_active_context_is_no_link() -> None:
    bearer, _, _ = bearer_with({"AT+CGACT?": ["+CGACT: 1,0"], "AT+CGACT=1,1": ()})
    with pytest.raises(BearerError, match="was activated, but"):
        await bearer.bring_up(request())


@pytest.mark.asyncio
async def test_a_lost_link_is_dialled_again_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    bearer, fake, modem = bearer_with({"AT+CGACT=1,1": "+CME ERROR: 148"})
    await bearer.bring_up(request())
    fake.table["AT+CGACT?"] = ["+CGACT: 1,0"]
    fake.commands.clear()
    for _ in range(300):
        assert await bearer.session() is None
        await modem.clock.sleep(1.0)
    assert 4 <= fake.commands.count("AT+CGACT=1,1") <= 6
    assert "the network gives no link" in caplog.text


@pytest.mark.asyncio
async def test_a_link_that_nobody_asked_for_is_not_dialled() -> None:
    bearer, fake, _ = bearer_with({"AT+CGACT?": ["+CGACT: 1,0"], "AT+CGACT=1,1": ()})
    assert await bearer.session() is None
    fake.table["AT+CGACT?"] = ["+CGACT: 1,1"]
    await bearer.bring_up(request())
    await bearer.take_down(BearerReason.STOP)
    fake.table["AT+CGACT?"] = ["+CGACT: 1,0"]
    assert await bearer.session() is None
    assert sent(fake) == ["AT+CGACT=0,1"]


QUALCOMM = BearerRules(auth=("cgauth", "qcpdpp"))
ECM = BearerRules(start=("AT+QNETDEVCTL=1,{cid},1", "AT#ECM={cid},0"), stop=("AT+QNETDEVCTL=0,{cid}",))


@pytest.mark.asyncio
async def test_the_interface_of_the_host_is_connected_once_for_each_link(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bearer, fake, modem = bearer_with({"AT#ECM=1,0": ()}, ECM)
    await bearer.bring_up(request())
    assert sent(fake) == ["AT+QNETDEVCTL=1,1,1", "AT#ECM=1,0"]
    first = await bearer.session()
    assert first == await bearer.session()
    assert sent(fake) == ["AT+QNETDEVCTL=1,1,1", "AT#ECM=1,0"]
    fake.table["AT+CEREG?"] = ["+CEREG: 3,2"]
    assert await bearer.session() is None
    fake.table["AT+CEREG?"] = ["+CEREG: 3,1"]
    await modem.clock.sleep(12.0)
    assert await bearer.session() not in (None, first)
    assert sent(fake) == ["AT+QNETDEVCTL=1,1,1", "AT#ECM=1,0"] * 2
    await bearer.take_down(BearerReason.STOP)
    assert sent(fake)[-2:] == ["AT+QNETDEVCTL=0,1", "AT+CGACT=0,1"]


@pytest.mark.asyncio
async def test_a_modem_that_knows_no_such_command_is_dialled_by_the_standard() -> None:
    bearer, fake, _ = bearer_with({"AT+CGACT?": ["+CGACT: 1,0"]}, ECM)
    fake.table["AT+CGACT=1,1"] = lambda: fake.table.update({"AT+CGACT?": ["+CGACT: 1,1"]}) or ()
    await bearer.bring_up(request())
    assert sent(fake) == ["AT+QNETDEVCTL=1,1,1", "AT#ECM=1,0", "AT+CGACT=1,1"]
    assert await bearer.session() is not None
