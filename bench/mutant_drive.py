"""A sequencer with a wrong in it, driven by chance before the eyes of the lamp law and of the monitor.

Runs without compilation (`NUMBA_DISABLE_JIT`), so that a mutant costs seconds. One junction with
crossings, drivers who give way, two short flashes; time in the steps of its street.
"""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from controller.junction import Junction, StreetNetwork, Yield
from controller.monitor import SafetyMonitor
from controller.monitor.memory import ALL_RED_AFTER_FLASH_MS
from controller.network import build_network
from controller.permissive import card_of
from controller.state import NEVER_MS, new_state
from controller.vocabulary import GroupKind, Lamp, Timing
from tests import toy_street
from tests.lamp_law import LampLaw

RESOLUTION_MS = 500
STEPS = 2_400
"""Twenty minutes of dithering, a green every few seconds."""
FLASHES_AT = (800, 1_700)
"""Steps at which the monitor flashes the junction, as if the engine had been silent. A third would latch."""
CATCH_MS = 200
COMPATIBLE = {("ns", "walk.ns"), ("ew", "walk.ew"), ("ns", "ns.left"), ("ns.left", "walk.ns")}
STAGES = (("ns", "walk.ns"), ("ns", "ns.left"), ("ew", "walk.ew"), ("ew.left",), ("walk.ns", "ns.left"))


@dataclass(frozen=True, slots=True)
class Drive:
    """What came of one drive."""

    lamps: bytes
    """Digest material: lamps of every step."""
    starts: int
    unlawful: str
    """The law's sentence, or nothing."""
    caught_after_ms: int
    """From the unlawful frame to the monitor's word; -1 = never within `CATCH_MS`."""
    said: str
    """The monitor's sentence."""
    crash: str
    overlong: str
    """Where people first had longer to cross than they need, which is lawful; or nothing."""


class StreetLaw(LampLaw):
    """The lamp law for any engine: a clearance may last longer, and six seconds after a flash are red."""

    overlong = ""
    red_until_ms = 0

    def too_long(self, where: str) -> None:
        self.overlong = self.overlong or where

    def look(self, now_ms: int, lamps: list[int]) -> None:
        super().look(now_ms, lamps)
        red = all(lamp == Lamp.RED for lamp in lamps)
        assert red or now_ms >= self.red_until_ms, f"not all red at {now_ms}, before {self.red_until_ms}"

    def after_flash(self, now_ms: int) -> StreetLaw:
        """The law from the end of a flash on."""
        law = StreetLaw(self.junction, self.resolution_ms, now_ms)
        law.starts, law.overlong = self.starts, self.overlong
        law.red_until_ms = now_ms + ALL_RED_AFTER_FLASH_MS
        return law


def junction() -> Junction:
    """The toy junction with left turns beside their through movement, who give way to a crossing."""
    plain = toy_street.junction(stages=STAGES, compatible=COMPATIBLE)
    return replace(plain, yields=(Yield("ns.left", "walk.ns"), Yield("ns", "ns.left")))


def loaded(name: str, source: str) -> types.ModuleType:
    """A module of that name from that text, in place of the true one."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, name, "exec"), module.__dict__)
    return module


def drive(kernels: types.ModuleType, sequencer: types.ModuleType, seed: int) -> Drive:
    """Drive until something unlawful is shown, or to the end."""
    street = StreetNetwork("square", Timing.COMPUTED, (junction(),), ())
    network = build_network(street, RESOLUTION_MS)
    state, chance = new_state(network, 0), np.random.default_rng(seed)
    sequencer.__dict__["kernels"] = kernels
    engine = sequencer.Sequencer(network)
    monitor = SafetyMonitor(card_of(street, RESOLUTION_MS))
    law, flashes = StreetLaw(street.junctions[0], RESOLUTION_MS, 0), False
    walks = network.group_kind == GroupKind.PEDESTRIAN
    none, nobody = np.zeros(network.n_groups, np.bool_), np.zeros(1, np.bool_)
    shown: list[bytes] = []
    tick = 0
    for step in range(STEPS):
        now_ms = RESOLUTION_MS * step
        if chance.random() < 0.06:
            state.wanted_stage[0] = chance.integers(network.n_stages)
            state.planned_end_ms[0] = NEVER_MS if chance.random() < 0.3 else now_ms + chance.integers(60_000)
        calls = walks & (chance.random(network.n_groups) < 0.06) & (state.lamp != Lamp.GREEN)
        state.call_since_ms[calls & (state.call_since_ms == NEVER_MS)] = now_ms
        if step % 40 == 0:
            state.recall[:] = walks & (chance.random(network.n_groups) < 0.3)
        if step in FLASHES_AT:
            flashes = bool(monitor.lose("C11", "as if the engine had been silent").flash[0])
        try:
            engine.advance(state, now_ms)
        except Exception as error:
            return Drive(b"".join(shown), law.starts, "", -1, "", f"{type(error).__name__}: {error}", "")
        shown.append(state.lamp.tobytes())
        broken = ""
        try:
            if not flashes:
                law.look(now_ms, state.lamp.tolist())
        except AssertionError as error:
            broken = str(error).splitlines()[0][:120]
        caught_ms, said = -1, ""
        for part in range(RESOLUTION_MS // 100):
            at_ms = now_ms + 100 * part
            verdict = monitor.judge(at_ms, tick, state.lamp, monitor.permitted.copy(), none, nobody, nobody)
            tick += 1
            found = [*verdict.violations, *verdict.alarms]
            if found and not said and 100 * part <= CATCH_MS:
                caught_ms, said = 100 * part, found[0].sentence
            if flashes and not verdict.flash[0]:
                law, flashes = law.after_flash(at_ms), False
            try:
                engine.follow_flash(state, verdict.flash.copy(), at_ms)
            except Exception as error:
                return Drive(b"".join(shown), law.starts, "", -1, "", f"{type(error).__name__}: {error}", "")
        if broken or said:
            return Drive(b"".join(shown), law.starts, broken, caught_ms, said, "", law.overlong)
    return Drive(b"".join(shown), law.starts, "", -1, "", "", law.overlong)


def judged(runs: list[Drive], true: list[Drive]) -> dict[str, Any]:
    """What became of a wrong: fate and reason. `true` are the drives without it."""
    for run in runs:
        if run.crash:
            return {"fate": "crashed", "reason": f"a dead engine is a flash at once: {run.crash[:80]}"}
        if run.said:
            caught = {"fate": "caught", "after_ms": run.caught_after_ms, "reason": run.said}
            return {**caught, "law": run.unlawful}
        if run.unlawful:
            return {"fate": "missed", "reason": run.unlawful}
    for run in runs:
        if run.overlong:
            return {"fate": "too long", "reason": f"people have longer than they need: {run.overlong}"}
    if all(run.lamps == other.lamps for run, other in zip(runs, true, strict=True)):
        return {"fate": "same", "reason": "the same lamps in every step: equivalent, or of no effect here"}
    starts, usual = sum(run.starts for run in runs), sum(run.starts for run in true)
    if starts < usual // 4:
        return {"fate": "lawful", "reason": f"people wait: {starts} greens instead of {usual} (liveness)"}
    stricter = "later or fewer" if starts <= usual else "earlier or more"
    return {
        "fate": "lawful",
        "reason": f"other lamps, all lawful: {starts} greens, {usual} usual ({stricter})",
    }
