"""A status with everything in it, and what else several tests begin with."""

from __future__ import annotations

from ipad.ids import Eid, Iccid, Imei
from ipad.observe.failure import Failure
from ipad.observe.status import (
    BearerStatus,
    CounterStatus,
    DecisionStatus,
    DeviceStatus,
    DurationStatus,
    EimStatus,
    PolicyStatus,
    ProfileStatus,
    Provisioning,
    RadioStatus,
    ServiceState,
    Status,
    UsageRow,
    WindowStatus,
    WriteStatus,
)

EID = "89049032001234567890123456789012"
ONE, TWO = "8949000000000000015", "8949000000000000023"
NOON = 1_800_000_000.0

FULL = Status(
    modem="modem",
    state=ServiceState.IDLE,
    version="1.2.3",
    provisioning=Provisioning.ON_TRIAL,
    text="idle, next poll 12:00",
    read_at=NOON,
    running_seconds=3600.5,
    device=DeviceStatus(
        port="/dev/ttyUSB2", board="quectel-eg25", manufacturer="Quectel", model="EG25", imei=Imei("352906110000001")
    ),
    eid=Eid.parse(EID),
    kind="iot",
    profiles=(
        ProfileStatus(
            iccid=Iccid.parse(ONE), state="enabled", profile_class="operational", provider="Op", fallback=True
        ),
        ProfileStatus(iccid=Iccid.parse(TWO), state="disabled"),
    ),
    eims=(
        EimStatus(
            eim_id="eim.example.com",
            host="eim.example.com",
            binding="https",
            last_contact_at=NOON - 60,
            last_result="ok",
            next_poll_seconds=60.0,
        ),
    ),
    radio=RadioStatus(
        modem="on", registration="roaming", plmn="26201", country="DE", access="lte", signal_dbm=-95.0, reject_cause=11
    ),
    bearer=BearerStatus(connected=True, session="1", verdict="proven", proven_seconds=12.0),
    policy=PolicyStatus(
        window=WindowStatus(origin="package", iccid=Iccid.parse(ONE), remedies=("rollback", "fallback")),
        loss_layer="dns",
        loss_seconds=31.0,
        decisions=(DecisionStatus(what="commit", why=f"profile {ONE} is good", taken_at=NOON, age_seconds=5.0),),
    ),
    last_error=Failure(kind="network", code=None, name="tcp", message="refused", hint=None, exit_code=6),
    last_error_at=NOON - 120,
    next_poll_seconds=60.0,
    notifications_waiting=2,
    undelivered=1,
    durations=(DurationStatus(name="download", count=2, total_seconds=61.5, last_seconds=30.0, longest_seconds=31.5),),
    counters=(
        CounterStatus(name="packages", code="ok", count=3),
        CounterStatus(name="polls", code='odd "code"\\\n', count=1),
    ),
    usage=(
        UsageRow(
            server="eim.example.com",
            procedure="poll",
            exchanges=1,
            bytes_sent=100,
            bytes_received=200,
            packets_sent=3,
            packets_received=4,
            headers_sent=156,
            headers_received=208,
            handshakes=2,
            resumed_handshakes=1,
        ),
    ),
    writes=WriteStatus(count=4, bytes=2048),
)
