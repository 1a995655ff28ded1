"""What every planner is to the tick: something that says which stage it wants."""

from __future__ import annotations

from typing import Protocol

from controller.state import State


class Planner(Protocol):
    """Chooses stages. Never touches lamps: the sequencer makes every step lawful."""

    def propose(self, state: State, now_ms: int) -> None:
        """Write `state.wanted_stage`, `state.planned_end_ms` and, if it likes, `state.recall`."""
