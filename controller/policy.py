"""Whose waiting counts how much. Published, versioned, the same for every planner that weighs people."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from controller.file_words import why_not
from controller.toml_text import NotToml, in_line, table_of

LATENESS_FACTOR_MAX = 3.0


class PolicyError(ValueError):
    """A policy file that cannot be used; the message names file, key, what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Weights of the adaptive planner's objective, in person-seconds."""

    version: int = 1
    persons_per_car: float = 1.3
    persons_per_bus: float = 30.0
    persons_per_walker: float = 1.0
    stop_s: float = 2.0
    """Seconds of waiting one stop of a vehicle is worth (braking and speeding up again)."""
    impatience_s: float = 120.0
    """Waiting counts double for somebody who has already waited this long: nobody is forgotten."""
    bus_late_after_s: float = 60.0
    """Behind its timetable by no more than this a bus counts for the people in it and for nothing more."""
    bus_lateness_s: float = 240.0
    """Each person on a bus that is so much later still counts double; three times at most."""

    def lateness_factor(self, late_s: float) -> float:
        """How many times a person on a bus counts that is so many seconds late; 1 when early or on time."""
        beyond_s = late_s - self.bus_late_after_s
        return min(LATENESS_FACTOR_MAX, 1.0 + max(0.0, beyond_s) / self.bus_lateness_s)

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise PolicyError(f"policy: {name} is {repr(value)[:40]}, allowed is {low} to {high}")


_BOUNDS = {
    "version": (1, 1),
    "persons_per_car": (0.5, 9.0),
    "persons_per_bus": (1.0, 300.0),
    "persons_per_walker": (0.1, 10.0),
    "stop_s": (0.0, 60.0),
    "impatience_s": (10.0, 3600.0),
    "bus_late_after_s": (0.0, 3600.0),
    "bus_lateness_s": (10.0, 36_000.0),
}


def read_policy(path: Path) -> Policy:
    """Read a policy from TOML. Raises PolicyError naming file and key; unknown keys are errors."""
    try:
        return policy_from_text(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: cannot be read as TOML: {why_not(error)}") from error
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from error


def policy_to_text(policy: Policy) -> str:
    """The policy as TOML text; the same policy always gives the same text."""
    return "".join(f"{f.name} = {getattr(policy, f.name)!r}\n" for f in fields(Policy))


def policy_from_text(text: str) -> Policy:
    """The policy in TOML text; what is not said is as usual. Raises PolicyError."""
    try:
        data = table_of(text)
    except NotToml as error:
        raise PolicyError(str(error)) from None
    allowed = {f.name for f in fields(Policy)}
    for key, value in data.items():
        if key not in allowed:
            raise PolicyError(f"unknown key {in_line(key)!r}; allowed are {', '.join(sorted(allowed))}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise PolicyError(f"{key} is {repr(value)[:80]}; a number is needed")
    return Policy(**data)
