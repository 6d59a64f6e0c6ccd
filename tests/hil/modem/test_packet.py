from __future__ import annotations

from hil.modem import Knobs
from hil.network import Network, Service
from tests.hil.modem.bench import ModemBench


def test_default_session_has_an_address_and_parameters() -> None:
    bench = ModemBench()
    assert bench.send("AT+CGATT?")[0] == "+CGATT: 1"
    assert bench.send("AT+CGACT?") == ["+CGACT: 1,1", "OK"]
    assert bench.send("AT+CGPADDR=1") == ['+CGPADDR: 1,"10.64.0.2"', "OK"]
    assert bench.send("AT+CGCONTRDP=1")[0] == (
        '+CGCONTRDP: 1,6,"internet","10.64.0.2.255.255.255.255","10.64.0.1","10.64.255.53","10.64.255.54"'
    )
    assert bench.send("AT+CSCON?")[0] == "+CSCON: 0,1"


def test_contexts_are_defined_activated_and_deleted() -> None:
    bench = ModemBench()
    assert bench.send('AT+CGDCONT=2,"IP","iot.example"') == ["OK"]
    assert bench.send("AT+CGDCONT?")[1] == '+CGDCONT: 2,"IP","iot.example","0.0.0.0",0,0,0,0'
    assert bench.send('AT+CGAUTH=2,1,"user","secret"') == ["OK"]
    assert bench.send("AT+CGAUTH?") == ['+CGAUTH: 2,1,"user"', "OK"]
    assert bench.send("AT+CGACT=1,2") == ["OK"]
    assert bench.send("AT+CGPADDR=2")[0] == '+CGPADDR: 2,"10.64.0.3"'
    assert bench.send("AT+CGDCONT=2") == ["+CME ERROR: 3"]
    assert bench.send("AT+CGACT=0,2") == ["OK"]
    assert bench.send("AT+CGPADDR=2")[0] == "+CGPADDR: 2"
    assert bench.send("AT+CGDCONT=2") == ["OK"]
    assert bench.send("AT+CGACT=1,7") == ["+CME ERROR: 50"]
    assert bench.send('AT+CGDCONT=2,"X25","a"') == ["+CME ERROR: 50"]


def test_detach_and_attach_give_a_new_address() -> None:
    bench = ModemBench()
    bench.send("AT+CGATT=0")
    assert bench.send("AT+CGATT?")[0] == "+CGATT: 0"
    bench.send("AT+CGATT=1")
    bench.clock.advance(2)
    assert bench.send("AT+CGPADDR=1")[0] == '+CGPADDR: 1,"10.64.0.3"'
    assert bench.bearer == [True, False, True]


def test_registered_but_no_session() -> None:
    network = Network()
    network.set_service(Service(session_cause=33))
    bench = ModemBench("quectel-eg25", network=network)
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,1"
    assert bench.send("AT+CGPADDR=1")[0] == '+CGPADDR: 1,"0.0.0.0"'
    assert bench.send("AT+CGACT=1,1") == ["+CME ERROR: 133"]
    assert bench.send("AT+CEER")[0] == '+CEER: "ESM cause 33"'
    assert bench.bearer == []
    network.set_service(Service())
    bench.clock.advance(1)
    assert bench.bearer == [True]


def test_session_knob_takes_the_session_and_gives_it_back() -> None:
    bench = ModemBench()
    bench.send("AT+CGEREP=2,1")
    bench.output.clear()
    bench.modem.set_knobs(Knobs(session_cause=27))
    assert bench.lines(bytes(bench.output)) == ["+CGEV: NW PDN DEACT 1"]
    assert bench.send("AT+CGACT=1,1") == ["+CME ERROR: 127"]
    bench.modem.set_knobs(Knobs())
    assert bench.wait(1) == ["+CGEV: ME PDN ACT 1,0"]
    assert bench.bearer == [True, False, True]


def test_address_but_no_traffic() -> None:
    bench = ModemBench()
    bench.modem.set_knobs(Knobs(no_traffic=True))
    assert bench.send("AT+CGPADDR=1")[0] == '+CGPADDR: 1,"10.64.0.2"'
    assert bench.bearer == [True, False]
    bench.modem.set_knobs(Knobs())
    bench.network.set_service(Service(data=False))
    assert bench.bearer == [True, False, True, False]
    assert bench.send("AT+CEREG?")[0] == "+CEREG: 0,1"


def test_settings_without_effect_are_kept() -> None:
    bench = ModemBench()
    assert bench.send('AT+CPSMS=1,,,"00000100","00000001"') == ["OK"]
    assert bench.send("AT+CPSMS?")[0] == '+CPSMS: 1,,,"00000100","00000001"'
    assert bench.send("AT+IPR?")[0] == "+IPR: 115200"
    assert bench.send("AT+CEDRXS=?") == ["OK"]
