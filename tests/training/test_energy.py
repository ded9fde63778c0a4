"""Energy: what is known is added up, what is not stays absent."""

from __future__ import annotations

import pytest

from mmskin_hub.training import energy
from mmskin_hub.training.energy import Meter, added, core_seconds, watts_a_core


@pytest.mark.parametrize(
    ("name", "watts"),
    [
        ("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 150 / 20),
        ("Intel(R) Xeon(R) Gold 6248R CPU @ 3.00GHz", 205 / 24),
        ("Intel(R) Xeon(R) Platinum 8480+", 350 / 56),
        ("Intel(R) Xeon(R) Platinum 8480C", None),
        ("AMD EPYC 7763 64-Core Processor", 280 / 64),
        ("Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz", 135 / 14),
        ("Intel(R) Xeon(R) Processor", None),
        ("", None),
    ],
)
def test_the_power_of_a_core(name: str, watts: float | None) -> None:
    assert watts_a_core(name) == watts


def test_cpu_energy_is_core_seconds_times_power(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "processor_name", lambda: "AMD EPYC 7763 64-Core Processor")
    clock = iter((100.0, 164.0))
    monkeypatch.setattr(energy, "core_seconds", lambda: next(clock))
    assert Meter().read() == {"core_seconds": 64.0, "cpu_joules": 280.0}


def test_an_unknown_processor_and_no_card_leave_energy_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "processor_name", lambda: "")
    found = Meter(uuid="GPU-00000000-0000-0000-0000-000000000000").read()
    assert set(found) == {"core_seconds"}
    assert added([found]) == {}
    assert added([]) == {}


def test_sessions_add_up_to_kilowatt_hours() -> None:
    one = {"core_seconds": 9.0, "cpu_joules": 1.8e6, "gpu_joules": 3.6e6, "gpu_source": "NVML"}
    two = {"core_seconds": 9.0, "gpu_joules": 7.2e6, "gpu_source": "NVML"}
    both = added([one, one])
    assert both["kwh"] == pytest.approx(3.0) and both["covers"] == ["cpu", "gpu"]
    assert both["parts"]["gpu"] == {"kwh": 2.0, "source": "NVML", "estimate": False}
    assert both["parts"]["cpu"]["estimate"] and "Lannelongue" in both["parts"]["cpu"]["source"]
    mixed = added([one, two])
    assert mixed["kwh"] == pytest.approx(3.0) and mixed["covers"] == ["gpu"] and "CPU" in mixed["without"]


def test_computing_takes_core_seconds() -> None:
    before = core_seconds()
    sum(range(3_000_000))
    assert core_seconds() > before
