"""The configuration file of the agent."""

from pathlib import Path

import pytest

from ipad import config
from ipad.addresses import split_host_port
from ipad.config import Config, EimConfig, ModemConfig, flatten, load
from ipad.errors import ConfigError, UsageError


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "ipad.toml"
    path.write_text(text, encoding="utf-8")
    return path


def parse(tmp_path: Path, text: str) -> Config:
    return load(write(tmp_path, text))[0]


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(tmp_path, text)
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_without_any_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DEFAULT_PATH", tmp_path / "none.toml")
    loaded, document = load(None)
    assert loaded == Config()
    assert document.path is None


def test_default_file_is_read_when_it_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DEFAULT_PATH", write(tmp_path, 'log.level = "debug"'))
    assert load(None)[0].log.level == "debug"


def test_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml")


def test_whole_file(tmp_path: Path) -> None:
    loaded = parse(
        tmp_path,
        """
        [state]
        directory = "state"
        [modem]
        port = "/dev/ttyUSB2"
        board = "quectel-eg25-g"
        apdu = ["csim"]
        max_data = 255
        terminal_capability = "80AA000005A903830107"
        [modem.timeouts]
        apdu = 60
        [esipa]
        poll_interval = 3600
        retry_delays = []
        [net]
        interface = "wwan0"
        ca_file = "/etc/ssl/private-ca.pem"
        [net.addresses]
        "https://eim.example.com" = "127.0.0.1:8443"
        "https://eim2.example.com:444" = "[::1]:8444"
        [rsp]
        ci_files = ["ci.pem", "/etc/ipad/other.pem"]
        clock = "always"
        retry_delays = [1]
        prefer_direct = true
        [eim."eim.example.com"]
        fqdn = "private.example"
        enabled = false
        [timers]
        session = 60
        [log]
        level = "trace"
        """,
    )
    modem = loaded.modem()
    assert modem.port == "/dev/ttyUSB2"
    assert modem.apdu == ("csim",)
    assert modem.terminal_capability == bytes.fromhex("80AA000005A903830107")
    assert modem.timeouts.apdu == 60.0
    assert modem.timeouts.default is None
    assert loaded.state.directory == tmp_path / "state"
    assert loaded.esipa.retry_delays == ()
    assert loaded.net.addresses["https://eim2.example.com:444"] == "[::1]:8444"
    assert loaded.rsp.ci_files == (tmp_path / "ci.pem", Path("/etc/ipad/other.pem"))
    assert (loaded.rsp.clock, loaded.rsp.retry_delays, loaded.rsp.prefer_direct) == ("always", (1.0,), True)
    assert loaded.rsp.trusts_servers
    assert loaded.eim == {"eim.example.com": EimConfig(enabled=False, fqdn="private.example")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[modem]\nprot = 'x'", "ipad.toml:2: unknown key modem.prot; did you mean modem.port?"),
        ("[esip]\n", "ipad.toml:1: unknown key esip; did you mean esipa?"),
        ("[modem]\nport = 1", "ipad.toml:2: modem.port: expected text"),
        ("modem = 3", "ipad.toml:1: modem: expected a table"),
        ("[modem]\nmax_data = 256", "ipad.toml:2: modem.max_data: 256 is out of range, expected 1 to 255 bytes"),
        ("[modem]\napdu = []", "ipad.toml:2: modem.apdu: (): expected at least one method"),
        ("[modem]\napdu = ['ccho', 'ccho']", "ipad.toml:2: modem.apdu: "),
        ("[modem]\napdu = ['qmi']", "ipad.toml:2: modem.apdu: 'qmi': expected one of 'ccho', 'csim'"),
        ("[modem]\ncard = 'reader'", "ipad.toml:2: modem.card: 'reader': expected \"pcsc:\""),
        ("[modem]\nport = 'a'\ncard = 'pcsc:'", "ipad.toml:3: modem.card: cannot stand beside a port"),
        ("[modem]\nterminal_capability = '80'", "ipad.toml:2: modem.terminal_capability: "),
        (
            "[modem.a]\nport = 'x'\n[modem.b]\nprot = 'y'",
            "ipad.toml:4: unknown key modem.b.prot; did you mean modem.b.",
        ),
        ("[modem]\nport = 'x'\n[modem.b]\nport = 'y'", "ipad.toml:2: modem.port: cannot stand beside the table"),
        ("[modem.'../x']\nport = 'y'", 'ipad.toml:1: modem."../x": expected a name'),
        ("[esipa]\npoll_interval = 5", "ipad.toml:2: esipa.poll_interval: 5 is out of range"),
        ('[esipa]\nx_admin_protocol = "a\\r\\nb"', "ipad.toml:2: esipa.x_admin_protocol: "),
        ("[net.addresses]\n'eim.example' = '1.2.3.4:5'", 'ipad.toml:2: net.addresses."eim.example": expected a key'),
        ("[net.addresses]\n'https://e x' = '1.2.3.4:5'", "ipad.toml:2: net.addresses."),
        ("[net.addresses]\n'https://e' = 'name:5'", "ipad.toml:2: net.addresses.\"https://e\": 'name:5': expected"),
        ("[net.addresses]\n'https://e' = '1.2.3.4'", 'ipad.toml:2: net.addresses."https://e": '),
        ("[net.addresses]\n'https://e' = '1.2.3.4:70000'", 'ipad.toml:2: net.addresses."https://e": '),
        ("[eim.'e']\nfqdn = 'a b'", "ipad.toml:2: eim.e.fqdn: 'a b': expected a host name, and maybe a port"),
        ("[rsp]\nclock = 'maybe'", "ipad.toml:2: rsp.clock: 'maybe': expected one of 'when-set'"),
        ("[rsp]\nretry_delays = [4000]", "ipad.toml:2: rsp.retry_delays"),
        ("[rsp]\nci_file = 'a'", "ipad.toml:2: unknown key rsp.ci_file; did you mean rsp.ci_files?"),
        ("[log]\nlevel = 'loud'", "ipad.toml:2: log.level: 'loud': expected one of 'error'"),
    ],
)
def test_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(tmp_path, text).startswith(message)


def test_hint_of_an_unknown_key_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(tmp_path, "[log]\ncolour = 1")
    assert caught.value.hint == "known keys: audit_size, events, events_size, level, lines_per_hour, mask"
    assert caught.value.exit_code == 78


def test_several_modems_have_to_be_told_apart(tmp_path: Path) -> None:
    loaded = parse(tmp_path, "[modem.a]\nport = 'x'\n[modem.b]\ncard = 'pcsc:R'")
    assert loaded.modem("a").port == "x"
    assert loaded.modem("b").reader == "R"
    with pytest.raises(UsageError, match="several modems"):
        loaded.modem()
    with pytest.raises(UsageError, match="no modem 'c'"):
        loaded.modem("c")


def test_each_modem_has_a_journal_of_its_own(tmp_path: Path) -> None:
    several = parse(tmp_path, "[modem.a]\nport = 'x'\n[modem.b]\nport = 'y'\n[state]\ndirectory = '/s'")
    assert several.with_modem("b", several.modem("b")).journal_file == Path("/s/journal-b.cbor")
    assert parse(tmp_path, "[modem]\nport = 'x'\n[state]\ndirectory = '/s'").journal_file == Path("/s/journal.cbor")
    with pytest.raises(UsageError):
        _ = several.journal_file


def test_table_of_timeouts_is_no_modem_of_that_name(tmp_path: Path) -> None:
    loaded = parse(tmp_path, "[modem.timeouts]\ndefault = 1")
    assert list(loaded.modems) == ["modem"]
    assert loaded.modem().timeouts.default == 1.0


def test_reader_is_told_apart_from_no_reader() -> None:
    assert ModemConfig().reader is None
    assert ModemConfig(card="pcsc:").reader == ""


def test_flatten_names_keys_as_the_file_does(tmp_path: Path) -> None:
    loaded = parse(tmp_path, "[modem]\nport = 'x'\n[eim.'e.f']\nenabled = false")
    settings = dict(flatten(loaded))
    assert settings[("modem", "port")] == "x"
    assert settings[("eim", "e.f", "enabled")] is False
    named = dict(flatten(parse(tmp_path, "[modem.a]\nport = 'x'")))
    assert named[("modem", "a", "port")] == "x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host", ("host", None)),
        ("host:1", ("host", 1)),
        ("[::1]:443", ("::1", 443)),
        ("[::1]", ("::1", None)),
        ("::1", None),
        ("host:0", None),
        ("host:", None),
        ("", None),
    ],
)
def test_host_and_port_are_split(text: str, expected: tuple[str, int | None] | None) -> None:
    assert split_host_port(text) == expected


def test_files_and_servers_of_the_supervision(tmp_path: Path) -> None:
    loaded = parse(
        tmp_path,
        '[net]\ndns = ["10.0.0.53", "[2001:db8::53]:5353", "2001:db8::54"]\n'
        '[policy]\nfile = "policy.toml"\nhints = "/run/ipad/hints.toml"\n'
        '[probe]\nothers = ["one.one.one.one:443", "[2001:db8::1]:443"]\ndepth = "tcp"\ntimeout = 40\n'
        '[log]\nevents = ""\nevents_size = 65536\n',
    )
    assert loaded.net.dns == ("10.0.0.53", "[2001:db8::53]:5353", "2001:db8::54")
    assert loaded.policy.file == tmp_path / "policy.toml"
    assert loaded.policy.hints == Path("/run/ipad/hints.toml")
    assert (loaded.probe.depth, loaded.probe.timeout, len(loaded.probe.others)) == ("tcp", 40, 2)
    assert (loaded.log.events, loaded.log.events_size) == ("", 65536)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[net]\ndns = ["dns.example"]', "expected an IP address"),
        ('[net]\ndns = ["10.0.0.1:0"]', "expected an IP address"),
        ('[probe]\nothers = ["one.one.one.one"]', "expected a host name or address with a port"),
        ('[probe]\ndepth = "http"', "expected one of 'dns', 'tcp', 'tls'"),
        ('[log]\nevents = "events.jsonl"', "expected an absolute path, or nothing"),
    ],
)
def test_supervision_is_checked(text: str, problem: str, tmp_path: Path) -> None:
    assert problem in refusal(tmp_path, text)


def test_metrics_file_is_an_absolute_path_of_the_collector(tmp_path: Path) -> None:
    assert parse(tmp_path, "[metrics]\ntextfile = '/run/x/ipad.prom'").metrics.textfile == "/run/x/ipad.prom"
    for path in ("ipad.prom", "/run/x/ipad.txt"):
        with pytest.raises(ConfigError, match="textfile"):
            parse(tmp_path, f"[metrics]\ntextfile = '{path}'")
