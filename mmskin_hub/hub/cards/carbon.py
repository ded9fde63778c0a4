"""What the electricity of a training stands for in carbon, with the assumption it rests on.

``run.json`` says how much energy a run took. Where on Earth it was made, it does not say; so the world's average
electricity is assumed: 475 g CO2e a kWh, the figure of Green Algorithms (Lannelongue, Grealey and Inouye 2021, Advanced
Science 8(12):2100707), which took it from the International Energy Agency's report for 2018. A clean grid emits a tenth
of that, coal twice as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GRAMS_A_KWH = 475
"""Grams of CO2e that a kWh of the world's average electricity stands for."""


def grams(run: Mapping[str, Any]) -> float | None:
    """Grams of CO2e of the training that ``run`` (the content of ``run.json``) records; ``None`` without its energy."""
    kwh = (run.get("energy") or {}).get("kwh")
    return None if kwh is None else float(kwh) * GRAMS_A_KWH


def mass(value: float) -> str:
    """Grams in words: three digits, in g or kg."""
    return f"{value / 1000:.3g} kg" if value >= 1000 else f"{value:.3g} g"


def metadata(run: Mapping[str, Any]) -> dict[str, Any] | None:
    """The Hub's ``co2_eq_emissions``, in grams; ``None`` where the energy is not known."""
    found = grams(run)
    if found is None:
        return None
    record: dict[str, Any] = {
        "emissions": float(f"{found:.3g}"),
        "source": f"energy in run.json, at {GRAMS_A_KWH} g CO2e a kWh (world average)",
        "training_type": "fine-tuning",
    }
    if names := accelerators(run):
        record["hardware_used"] = ", ".join(names)
    return record


def accelerators(run: Mapping[str, Any]) -> list[str]:
    """The names of the accelerators of the last session, each once."""
    sessions = run.get("sessions") or [{}]
    kinds = sessions[-1].get("hardware") or ()
    return list(dict.fromkeys(kind["accelerator"]["name"] for kind in kinds if kind.get("accelerator")))
