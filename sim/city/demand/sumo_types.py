"""Vehicle types of SUMO demand: what a `<vType>` says, and what its class says otherwise.

The defaults are those of SUMO 1.28 (as `traci.vehicletype` reports them; also in its
documentation under "Vehicle Type Parameter Defaults"); the test asks SUMO again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sim.city.trips import Mode
from sim.importers.sumo_net_xml import CLASSES

FACTOR_RANGE = (0.2, 2.0)
"""SUMO cuts drivers' speed factors to this range."""
WALKING_M_PER_S = 5.0 / 3.6
CYCLING_M_PER_S = 20.0 / 3.6
NO_LIMIT_M_PER_S = 10_000.0 / 3.6


@dataclass(frozen=True, slots=True)
class VehicleType:
    """One type. A driver goes at most `speed_max_m_per_s` and his factor times `desired_m_per_s`."""

    v_class: str = "passenger"
    length_m: float = 5.0
    gap_m: float = 2.5
    accel_m_per_s2: float = 2.6
    decel_m_per_s2: float = 4.5
    speed_max_m_per_s: float = 200.0 / 3.6
    factor_mean: float = 1.0
    factor_deviation: float = 0.0
    factor_low: float = FACTOR_RANGE[0]
    factor_high: float = FACTOR_RANGE[1]
    desired_m_per_s: float = NO_LIMIT_M_PER_S

    def draw_factor(self, chance: np.random.Generator) -> float:
        """One driver's speed factor: normally distributed, redrawn until it lies in range, as SUMO does."""
        if self.factor_deviation <= 0.0:
            return self.factor_mean
        for _ in range(1000):
            factor = float(chance.normal(self.factor_mean, self.factor_deviation))
            if self.factor_low <= factor <= self.factor_high:
                return factor
        return min(max(self.factor_mean, self.factor_low), self.factor_high)

    def top_speed_m_per_s(self, factor: float) -> float:
        """What a driver or walker with this factor reaches where no limit stops him."""
        return min(self.speed_max_m_per_s, self.desired_m_per_s * factor)


def _type(
    v_class: str,
    length_m: float,
    gap_m: float,
    accel: float,
    decel: float,
    speed_max_km_per_h: float,
    deviation: float,
    desired_m_per_s: float = NO_LIMIT_M_PER_S,
) -> VehicleType:
    return VehicleType(
        v_class,
        length_m,
        gap_m,
        accel,
        decel,
        speed_max_km_per_h / 3.6,
        factor_deviation=deviation,
        desired_m_per_s=desired_m_per_s,
    )


_CARS = {c: _type(c, 5.0, 2.5, 2.6, 4.5, 200.0, 0.1) for c in ("passenger", "private", "evehicle", "hov")}
_OTHER_CARS = {c: _type(c, 5.0, 2.5, 2.6, 4.5, 200.0, 0.1) for c in ("vip", "custom1", "custom2")}
_SERVICE = {c: _type(c, 5.0, 2.5, 2.6, 4.5, 200.0, 0.0) for c in ("authority", "army")}
DEFAULTS: Mapping[str, VehicleType] = {
    **_CARS,
    **_OTHER_CARS,
    **_SERVICE,
    "taxi": _type("taxi", 5.0, 2.5, 2.6, 4.5, 200.0, 0.05),
    "delivery": _type("delivery", 6.5, 2.5, 2.6, 4.5, 200.0, 0.05),
    "emergency": _type("emergency", 6.5, 2.5, 2.6, 4.5, 200.0, 0.0),
    "truck": _type("truck", 7.1, 2.5, 1.3, 4.0, 130.0, 0.05),
    "trailer": _type("trailer", 16.5, 2.5, 1.1, 4.0, 130.0, 0.05),
    "motorcycle": _type("motorcycle", 2.2, 2.5, 6.0, 10.0, 200.0, 0.1),
    "moped": _type("moped", 2.1, 2.5, 1.1, 7.0, 60.0, 0.1),
    "bus": _type("bus", 12.0, 2.5, 1.2, 4.0, 100.0, 0.0),
    "coach": _type("coach", 14.0, 2.5, 2.0, 4.0, 100.0, 0.05),
    "tram": _type("tram", 22.0, 2.5, 1.0, 3.0, 80.0, 0.0),
    "rail_urban": _type("rail_urban", 109.5, 5.0, 1.0, 3.0, 100.0, 0.0),
    "bicycle": _type("bicycle", 1.6, 0.5, 1.2, 3.0, 50.0, 0.1, CYCLING_M_PER_S),
    "scooter": _type("scooter", 1.2, 0.5, 1.2, 3.0, 25.0, 0.1, CYCLING_M_PER_S),
    "pedestrian": _type("pedestrian", 0.215, 0.25, 1.5, 2.0, 37.58, 0.1, WALKING_M_PER_S),
    "wheelchair": _type("wheelchair", 1.2, 0.5, 1.5, 2.0, 30.0, 0.1, WALKING_M_PER_S),
}
"""By SUMO's vehicle class; classes that use no street are missing."""

_MODES = {"bus": Mode.BUS, "coach": Mode.BUS, "tram": Mode.BUS, "rail_urban": Mode.BUS}
_MODES |= {"bicycle": Mode.BICYCLE, "scooter": Mode.BICYCLE, "emergency": Mode.EMERGENCY}
_MODES |= {"pedestrian": Mode.WALK, "wheelchair": Mode.WALK}

_NUMBERS = {
    "length": "length_m",
    "minGap": "gap_m",
    "accel": "accel_m_per_s2",
    "decel": "decel_m_per_s2",
    "maxSpeed": "speed_max_m_per_s",
    "desiredMaxSpeed": "desired_m_per_s",
    "speedDev": "factor_deviation",
}
_POSITIVE = ("length", "accel", "decel", "maxSpeed", "desiredMaxSpeed")
_NORMAL = re.compile(r"normc?\(([^)]*)\)")


def mode_of(v_class: str) -> Mode:
    """How somebody in a vehicle of this class travels."""
    return _MODES.get(v_class, Mode.CAR)


def read_type(attributes: Mapping[str, str]) -> VehicleType:
    """The type a `<vType>` describes. Raises ValueError: what was found and what is allowed."""
    v_class = attributes.get("vClass", "passenger")
    if v_class not in CLASSES:
        raise ValueError(f"vClass={v_class!r}; allowed: {', '.join(sorted(CLASSES))}")
    found = replace(
        DEFAULTS.get(v_class, VehicleType(v_class)), **read_factor(attributes.get("speedFactor", ""))
    )
    for key, name in _NUMBERS.items():
        if key in attributes:
            value: Any = _number(key, attributes[key], key in _POSITIVE)
            found = replace(found, **{name: value})
    return found


def read_factor(text: str) -> dict[str, Any]:
    """`1.1`, `norm(1,0.1)` or `normc(1,0.1,0.2,2)` as fields of a type; nothing for an empty text."""
    names = ("factor_mean", "factor_deviation", "factor_low", "factor_high")
    if not text:
        return {}
    bracketed = _NORMAL.fullmatch(text.strip())
    parts = bracketed[1].split(",") if bracketed else [text]
    if len(parts) > len(names):
        raise ValueError(f"speedFactor={text!r}; allowed: a number, norm(mean,dev), normc(mean,dev,low,high)")
    return {name: _number("speedFactor", part, False) for name, part in zip(names, parts, strict=False)}


def _number(key: str, text: str, positive: bool) -> float:
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not (value > 0.0 if positive else value >= 0.0) or not np.isfinite(value):
        raise ValueError(f"{key}={text!r}; allowed: a number {'above' if positive else 'of at least'} 0")
    return value
