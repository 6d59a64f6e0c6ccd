"""The policy file: strict, with the place of every fault, and refusals that say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipad.errors import ConfigError
from ipad.policy.events import EuiccKind, Power
from ipad.policy.explain import duration, explain
from ipad.policy.hints import parse_hints
from ipad.policy.policy_file import digest, from_document
from ipad.policy.rules import Deed, Trigger
from ipad.policy.settings import Settings
from ipad.toml import Document, read

GOOD = """
euicc = "iot"

[supervision]
deadline = 120
registration = 60

[fallback]
loss_time = 900

[rule.weak]
when = "weak-signal"
do = "poll"
below = -112
access = ["lte"]
hold = 1800

[rule.brazil]
when = "permanent-roaming"
do = "poll"
countries = ["BR", "TR"]
days = 85
again = 86400

[rule.border]
when = "roaming-refused"
do = "fallback"
hold = 300

[rule.dead-data]
when = "data-path-broken"
do = "recover"
rung = "cfun0"

[rule.tell]
when = "loss-of-service"
do = "hook"
program = "/usr/lib/ipad/tell"

[rule.end]
when = "expiry"
do = "poll"
date = "2027-03-31"

[rule.trial]
when = "slow-data"
do = "rollback"
kbps = 64

[rule.weekly]
when = "refresh"
do = "poll"
every = 604800
"""


def parse(tmp_path: Path, text: str, rungs: tuple[str, ...] | None = None) -> Settings:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return from_document(read(path), rungs=rungs)


def test_rules_keep_their_order_and_numbers_their_place(tmp_path: Path) -> None:
    settings = parse(tmp_path, GOOD, ("cfun4", "cfun0"))
    assert list(settings.rules) == ["weak", "brazil", "border", "dead-data", "tell", "end", "trial", "weekly"]
    assert settings.supervision.deadline == 120.0
    assert settings.fallback.loss_time == 900.0
    assert settings.rules["weak"].trigger is Trigger.WEAK_SIGNAL
    assert settings.rules["border"].deed is Deed.FALLBACK
    assert settings.rules["dead-data"].holding == 300.0
    assert from_document(Document()) == Settings()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[fallback]\nlos_time = 3", 2, "did you mean fallback.loss_time"),
        ("[fallback]\nloss_time = 0", 2, "out of range"),
        ("[poll]\nquiet = '25:00-06:00'", 2, "local times"),
        ("[poll]\nquiet = '06:00-06:00'", 2, "begins and ends at the same time"),
        ("[supervision]\nregistration = 900", 2, "must not be above supervision.deadline, which is 600"),
        ("[fallback]\nreturn_limit = 3600", 2, "must not be above fallback.return_limit, which is 3600"),
        ("euicc = 'uicc'", 1, "expected one of"),
        ("[rule.x]\nwhen = 'weak-signal'", 1, "rule.x.do is missing"),
        ("[rule.x]\nwhen = 'weak'\ndo = 'poll'", 2, "expected one of"),
        ("[rule.x]\nwhen = 'refresh'\ndo = 'poll'", 1, "refresh needs the key every"),
        ("[rule.x]\nwhen = 'weak-signal'\ndo = 'hook'", 1, "hook needs the key program"),
        ("[rule.x]\nwhen = 'weak-signal'\ndo = 'hook'\nprogram = 'tell'", 4, "absolute path"),
        ("[rule.x]\nwhen = 'first-boot'\ndo = 'poll'\nbelow = -100", 4, "no meaning with first-boot and poll"),
        ("[rule.x]\nwhen = 'first-boot'\ndo = 'poll'\nhold = 10", 4, "no meaning with first-boot"),
        ("[rule.x]\nwhen = 'expiry'\ndo = 'poll'\ndate = '2027-02-30'", 4, "a date such as"),
        ("[rule.x]\nwhen = 'permanent-roaming'\ndo = 'poll'\ndays = 3\ncountries = ['XX']", 5, "ISO 3166"),
        (
            "[rule.x]\nwhen = 'weak-signal'\ndo = 'enable'\nprofiles = ['8949000000000000001']",
            3,
            "SGP.32 leaves the choice of a profile to the eIM",
        ),
        (
            "euicc = 'consumer'\n[rule.x]\nwhen = 'loss-of-service'\ndo = 'fallback'",
            4,
            "an SGP.22 eUICC has no such function",
        ),
        ("[rule.x]\nwhen = 'expiry'\ndo = 'fallback'\ndate = '2027-02-20'", 3, "which expiry does not say"),
        ("[rule.x]\nwhen = 'first-boot'\ndo = 'rollback'", 3, "undoes a profile that does not serve"),
        ("[rule.x]\nwhen = 'weak-signal'\ndo = 'fallback'\nhold = 5", 4, "would follow every short outage"),
        ("[rule.x]\nwhen = 'weak-signal'\ndo = 'recover'\nrung = 'power'", 4, "the board has no rung 'power'"),
        (
            (
                "euicc = 'consumer'\n[rule.x]\nwhen = 'weak-signal'\ndo = 'enable'\n"
                "profiles = ['8949000000000000001', '8949000000000000001']"
            ),
            5,
            "named twice",
        ),
    ],
)
def test_fault_is_refused_with_its_place(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(tmp_path, text, ("cfun4", "reset"))
    assert f"policy.toml:{line}:" in str(caught.value)
    assert message in str(caught.value)


def test_refusal_says_what_would_do(tmp_path: Path) -> None:
    text = "[rule.x]\nwhen = 'weak-signal'\ndo = 'enable'\nprofiles = ['8949000000000000001']"
    with pytest.raises(ConfigError) as caught:
        parse(tmp_path, text)
    assert caught.value.hint is not None
    assert "fallback" in caught.value.hint


def test_consumer_card_may_enable_profiles_itself(tmp_path: Path) -> None:
    settings = parse(
        tmp_path,
        "euicc = 'consumer'\n[rule.x]\nwhen = 'loss-of-service'\ndo = 'enable'\nprofiles = ['8949000000000000001']",
    )
    assert settings.euicc is EuiccKind.CONSUMER


def test_digest_follows_the_content_and_not_the_comments(tmp_path: Path) -> None:
    def of(text: str) -> str:
        path = tmp_path / "policy.toml"
        path.write_text(text)
        return digest(read(path))

    assert of("[fallback]\nspread = 5") == of("# why\n[fallback]\nspread   = 5 # s")
    assert of("[fallback]\nspread = 5") != of("[fallback]\nspread = 6")


def test_explanation_names_every_rule_and_the_promise(tmp_path: Path) -> None:
    text = explain(parse(tmp_path, GOOD))
    for sentence in (
        "weak: when the signal on lte is below -112 dBm for 30 min, poll the eIM early with cause undefined",
        "brazil: when the device roams in BR, TR for 85 days",
        "border: when the network refuses roaming for 5 min, enable the fallback profile",
        "dead-data: when nothing comes back over a good registration for 5 min, climb the rung cfun0",
        "end: from 14 days before 2027-03-31 on, poll",
        "weekly: every 7 days, poll",
        "online again within",
        "rolled back if the package allowed it",
    ):
        assert sentence in text
    assert max(map(len, text.splitlines())) < 400
    consumer = explain(parse(tmp_path, "euicc = 'consumer'"))
    assert "No rules." in consumer
    assert "rolled back" not in consumer
    assert "replaced by the profile that was enabled before" in consumer


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(30, "30 s"), (90, "90 s"), (1800, "30 min"), (3600, "1 h"), (86400, "1 day"), (172800, "2 days")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_hints_are_read_strictly() -> None:
    hints = parse_hints('metered = true\npower = "low"', "/run/ipad/hints.toml")
    assert (hints.metered, hints.power) == (True, Power.LOW)
    assert parse_hints("", "control") == parse_hints("metered = false", "control")
    for text in ("metered = 1", "power = 'solar'", "meterd = true", "= ="):
        with pytest.raises(ConfigError, match="hints"):
            parse_hints(text, "hints.toml")
