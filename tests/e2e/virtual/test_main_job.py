"""The main job over every modem and method, however the bytes of the line arrive."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.euicc import EuiccKind
from hil.modem import personality_names
from hil.modem.knobs import CommandFault, Knobs
from hil.pki import Pki
from tests.e2e.virtual.conftest import MakeDevice
from tests.e2e.virtual.device import PORT, Device, bytewise, connect_to, in_pieces, whole
from tests.e2e.virtual.main_job import check_main_job, do_main_job

THOROUGH = ("plain", "quectel-eg25", "simcom-a7600", "ublox-sara-r5", "sierra-em7565", "quectel-rg650e")
"""Families that are tried in both ways, byte by byte; the others in the way that is found, all at once."""


def use(device: Device, method: str) -> None:
    device.configure(modem=f'port = "{PORT}"\napdu = ["{method}"]')


@pytest.mark.parametrize("method", ["ccho", "csim"])
@pytest.mark.parametrize("personality", THOROUGH)
def test_both_methods_carry_the_main_job_byte_by_byte(make_device: MakeDevice, personality: str, method: str) -> None:
    device = make_device(EuiccKind.IOT)
    use(device, method)
    device.insert(personality, bytewise)
    check_main_job(device, do_main_job(device))
    assert not device.port.in_use


@pytest.mark.parametrize("personality", sorted({*personality_names()} - {*THOROUGH}))
def test_every_modem_carries_the_main_job_in_the_way_that_is_found(make_device: MakeDevice, personality: str) -> None:
    device = make_device(EuiccKind.IOT)
    device.insert(personality, whole)
    check_main_job(device, do_main_job(device))
    assert not device.port.in_use


@pytest.mark.parametrize("method", ["ccho", "csim"])
def test_unsolicited_lines_inside_every_answer_change_nothing(make_device: MakeDevice, method: str) -> None:
    device = make_device(EuiccKind.IOT)
    use(device, method)
    device.insert("quectel-eg25", bytewise)
    device.modem.set_knobs(Knobs(faults=(CommandFault(times=0, urc='+CMTI: "SM",3'),)))
    check_main_job(device, do_main_job(device))


@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(method=st.sampled_from(["ccho", "csim"]), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_the_line_may_be_cut_anywhere(pki: Pki, method: str, sizes: list[int]) -> None:
    folder = Path(tempfile.mkdtemp())
    with pytest.MonkeyPatch.context() as patch:
        device = Device(folder, pki, EuiccKind.IOT)
        connect_to(device, patch)
        use(device, method)
        device.insert("simcom-a7600", in_pieces(sizes))
        check_main_job(device, do_main_job(device))
    shutil.rmtree(folder)
