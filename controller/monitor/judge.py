"""The judge: every frame comes here last, and leaves with the lamps that may be shown."""

from __future__ import annotations

import numpy as np

from controller.monitor.card import Card
from controller.monitor.card_parts import junctions_that_differ, only, same_ground
from controller.monitor.frame_gate import MIN_FLASH_MS, FrameGate, lamps_in_range
from controller.monitor.lamps import ACTIVE, FLASHING, RED, Bools, Int8s, Int64s
from controller.monitor.leases import LeaseChecks
from controller.monitor.memory import ConflictIndex, LampMemory
from controller.monitor.patience import PatienceChecks
from controller.monitor.shown import ShownChecks
from controller.monitor.transitions import TransitionChecks
from controller.monitor.verdict import WHOLE_STREET, Findings, Reset, Verdict, Violation


class SafetyMonitor:
    """Judges one frame every 100 ms against its card, its own memory and its own clock.

    C1-C5, C8-C10 latch the junction in flash until a person resets it; C12 puts the whole
    street to flash, which ends by itself after 6 s, the third time in 24 h latches; C6, C7,
    C13 are alarms. A flash ends only when the engine proposes all red (or the flash) for the
    junction, so that both start again from the same lamps; then R39's 6 s of red follow.

    `latched` (J) names junctions that were latched when the monitor last stopped: a latch
    survives a loss of power. `starts_in_flash`: as after a power-up, everything flashes first (R40).
    """

    def __init__(self, card: Card, latched: Bools | None = None, starts_in_flash: bool = False) -> None:
        self._card = card
        self._gate = FrameGate(card.group_count, card.junction_count)
        self._conflicts = conflicts = ConflictIndex(card)
        self._memory = LampMemory(card)
        self._transitions = TransitionChecks(card, self._memory, conflicts)
        self._shown = ShownChecks(card, conflicts)
        self._patience = PatienceChecks(card, self._memory, conflicts)
        self._leases = LeaseChecks(card)
        junctions, groups = card.junction_count, card.group_count
        self._latched: Bools = np.zeros(junctions, dtype=np.bool_)
        self._flash: Bools = np.zeros(junctions, dtype=np.bool_)
        self._flash_since_ms: Int64s = np.zeros(junctions, dtype=np.int64)
        self._flash_groups: Bools = np.zeros(groups, dtype=np.bool_)
        self._lamps: Int8s = np.zeros(groups, dtype=np.int8)
        self._first_group = np.searchsorted(card.junction, np.arange(junctions))
        self._seen: tuple[bytes, bytes, bytes] = (b"", b"", b"")
        self._compared = (b"", b"")
        self._permitted_bytes = self._memory.permitted.tobytes()
        self._due_ms = 0
        self._running = self._resumes = False
        self._flash_changed = self._any_flash = False
        if latched is not None:
            self._latched[:] = latched
            self._flash[:] = latched
            self._spread_flash()
        if starts_in_flash:
            self._flash[:] = True
            self._spread_flash()
            self._memory.permitted[:] = self._memory.flash_lamps
        self._quiet = Verdict(
            _read_only(self._flash), _read_only(self._latched), _read_only(self._memory.permitted), (), ()
        )

    @property
    def card(self) -> Card:
        """The card this monitor judges by."""
        return self._card

    @property
    def permitted(self) -> Int8s:
        """(G) the lamps to show now; the same read-only view as in every verdict."""
        return self._quiet.permitted

    @property
    def latched(self) -> Bools:
        """(J) only a person ends this flash; a read-only view."""
        return self._quiet.latched

    @property
    def quiet(self) -> Verdict:
        """What holds now, without anything new."""
        return self._quiet

    def judge(
        self, now_ms: int, sequence: int, lamps: Int8s, feedback: Int8s,
        calls: Bools, min_green_waived: Bools, promise_suspended: Bools, lease_until_ms: Int64s | None = None,
    ) -> Verdict:  # fmt: skip
        """Judge the frame proposed for `now_ms`.

        `sequence` counts frames by one; `lamps` (G int8) are proposed; `feedback` (G int8) is
        what the street showed for the frame before; `calls` (G bool) wait for service;
        `min_green_waived` and `promise_suspended` (J bool) are the engine's word on C6, C7 and
        C13 only, and `lease_until_ms` (J int64) until when somebody's order lasts that lets it say
        so (C14; None = not told, not checked). Never raises on what it is given: a frame it cannot
        believe is C12.
        """
        fault = self._gate.fault(
            now_ms, sequence, lamps, feedback, calls, min_green_waived, promise_suspended
        )
        if fault:
            return self._distrust(fault)
        now_ms = self._gate.now_ms
        seen = (lamps.tobytes(), calls.tobytes(), promise_suspended.tobytes())
        shown = (feedback.tobytes(), self._permitted_bytes)
        compared = shown == self._compared and now_ms < self._shown.due_ms
        ordered = lease_until_ms is not None and (min_green_waived.any() or promise_suspended.any())
        if compared and seen == self._seen and now_ms < self._due_ms and not ordered:
            return self._quiet
        if seen[0] != self._seen[0] and not lamps_in_range(lamps):
            return self._distrust("a lamp code is out of range")
        found = Findings(self._card)
        if lease_until_ms is not None:
            if lease_until_ms.shape != promise_suspended.shape or lease_until_ms.dtype.kind != "i":
                return self._distrust("an array of the frame has the wrong type or shape")
            self._leases.judge(now_ms, min_green_waived | promise_suspended, lease_until_ms, found)
        if self._resumes:
            self._resumes = False
            self._flash_since_ms[self._flash] = now_ms
        if not self._running:
            self._begin(now_ms, lamps, min_green_waived, found)
        else:
            if not compared:
                self._compared = shown
                self._shown.compare(now_ms, feedback, self._memory.permitted, self._flash, found)
            if seen[0] != self._seen[0] or found.violations or now_ms >= self._due_ms:
                self._judge_lamps(now_ms, lamps, min_green_waived, found)
        self._judge_waiting(now_ms, calls, promise_suspended, found)
        self._seen = seen
        return self._verdict(found)

    def lose(self, check: str, reason: str) -> Verdict:
        """Somebody has fallen silent who must always speak (`check` C11 or C12): the whole street flashes.

        Nothing is latched before the third time in 24 h. The next frame is taken as a first one, and
        the flash lasts 6 s from it.
        """
        self._gate.expect_anew()
        self._resumes = True
        return self._distrust(reason, check)

    def refuse(self, check: str, reason: str) -> Verdict:
        """This card, or this monitor, cannot be trusted (`check` C15 or C16): latched flash everywhere."""
        self._latched[:] = True
        self._distrust(reason, check)
        quiet = self._quiet
        violation = Violation(check, WHOLE_STREET, (), 0, 0, f"whole street: {reason}")
        return Verdict(quiet.flash, quiet.latched, quiet.permitted, (violation,), ())

    def reset(self, junction: int, by: str, reason: str) -> Reset:
        """A person ends the latch of `junction` (index). The flash itself ends when its 6 s are
        over and the engine proposes red. Raises `ValueError` when there is nothing to reset or
        nobody to answer for it. Whether `by` may do this is decided before."""
        if not 0 <= junction < self._card.junction_count:
            raise ValueError(f"reset: no junction {junction}, allowed 0 to {self._card.junction_count - 1}")
        if not self._latched[junction]:
            raise ValueError(f"reset: junction {self._card.junction_names[junction]} is not latched")
        if not by.strip() or not reason.strip():
            raise ValueError("reset: who resets a latch and why must be said")
        self._latched[junction] = False
        self._due_ms = 0
        return Reset(junction, by, reason, self._gate.now_ms)

    def take_card(self, junction: int, card: Card, version: int = 0, at_once: bool = False) -> None:
        """From now on judge by `card`, which differs from the one before at `junction` (index) at most.

        The junction goes into a flash of at least 6 s, as after a power-up, and begins from all red; what
        was latched stays latched. Without `at_once` that is refused while anybody has green, yellow or a
        clearance there. `version` is for judges elsewhere. Raises ValueError; the card before then stays.
        """
        if not 0 <= junction < self._card.junction_count or not same_ground(self._card, card):
            raise ValueError("a card of another ground")
        elsewhere = junctions_that_differ(self._card, card)
        elsewhere[junction] = False
        name = card.junction_names[junction]
        if elsewhere.any():
            raise ValueError(f"a card for {name} that changes other junctions too")
        permitted = self._memory.permitted[card.junction == junction]
        if not at_once and (ACTIVE[permitted] & ~FLASHING[permitted]).any():
            raise ValueError(f"{name} is not all red")
        if failed := self_test_of(only(card, junction)):
            raise ValueError(f"the monitor failed its test of the new card: {failed}")
        self._card = card
        self._conflicts.take_card(card)
        for checks in (self._transitions, self._shown, self._patience):
            checks.take_card(card)
        now_ms = self._gate.now_ms
        self._flash_since_ms[junction] = now_ms
        self._flash[junction] = True
        self._spread_flash()
        lamps = self._memory.permitted.copy()
        np.copyto(lamps, self._memory.flash_lamps, where=self._flash_groups)
        self._commit(now_ms, lamps)
        self._seen, self._compared, self._due_ms = (b"", b"", b""), (b"", b""), 0

    def keep_card(self) -> None:
        """The card in force is the one to come back to. Nothing to do here: who restarts brings his card."""

    def _begin(self, now_ms: int, lamps: Int8s, waived: Bools, found: Findings) -> None:
        """The first frame must be red or flash everywhere (R40); what was shown before is unknown."""
        self._flash_since_ms[self._flash] = now_ms
        self._running = True
        for group in np.flatnonzero(ACTIVE[lamps] & ~FLASHING[lamps] & ~self._flash_groups):
            found.violation(9, (int(group),), 0, 0, "active in the first frame")
        self._judge_lamps(now_ms, lamps, waived, found)
        self._memory.begin(now_ms)

    def _judge_lamps(self, now_ms: int, lamps: Int8s, waived: Bools, found: Findings) -> None:
        if now_ms >= self._transitions.due_ms:
            self._transitions.judge_overlong_yellow(now_ms, self._gate.before_ms, found)
        self._end_flashes(now_ms, lamps)
        proposed = self._lamps
        np.copyto(proposed, lamps)
        np.copyto(proposed, self._memory.flash_lamps, where=self._flash_groups)
        self._transitions.judge(now_ms, proposed, waived, found)
        if found.violations:
            self._latch(now_ms, sorted({violation.junction for violation in found.violations}))
            np.copyto(proposed, self._memory.flash_lamps, where=self._flash_groups)
        self._commit(now_ms, proposed)

    def _commit(self, now_ms: int, lamps: Int8s) -> None:
        changed = self._memory.commit(now_ms, lamps)
        if changed.size:
            self._transitions.note(now_ms, changed)
            self._patience.note(now_ms, changed)
            self._compared = (b"", b"")
        self._permitted_bytes = self._memory.permitted.tobytes()

    def _end_flashes(self, now_ms: int, lamps: Int8s) -> None:
        """End each flash nobody has latched, 6 s old, for which the engine proposes all red."""
        if not self._any_flash:
            return
        ready = self._flash & ~self._latched & (now_ms - self._flash_since_ms >= MIN_FLASH_MS)
        if not ready.any():
            return
        calm = (lamps == RED) | (lamps == self._memory.flash_lamps)
        ends = ready & np.logical_and.reduceat(calm, self._first_group)
        if ends.any():
            self._flash[ends] = False
            self._spread_flash()
            groups = np.flatnonzero(ends[self._card.junction])
            self._memory.restart(now_ms, groups, np.flatnonzero(ends))

    def _latch(self, now_ms: int, junctions: list[int]) -> None:
        self._latched[junctions] = True
        self._flash_since_ms[[j for j in junctions if not self._flash[j]]] = now_ms
        self._flash[junctions] = True
        self._spread_flash()

    def _spread_flash(self) -> None:
        self._flash_groups[:] = self._flash[self._card.junction]
        self._any_flash = bool(self._flash.any())
        self._flash_changed = True

    def _judge_waiting(self, now_ms: int, calls: Bools, suspended: Bools, found: Findings) -> None:
        if self._flash_changed or suspended.tobytes() != self._seen[2]:
            self._patience.pause(now_ms, suspended | self._flash)
            self._flash_changed = False
        self._patience.count(now_ms, calls)
        if now_ms >= self._patience.due_ms:
            self._patience.judge(now_ms, found)

    def _distrust(self, reason: str, check: str = "C12") -> Verdict:
        """C12: nothing in this frame is used; the whole street flashes from now on."""
        now_ms = self._gate.now_ms
        opens, latches = self._gate.count()
        self._flash[:] = True
        self._flash_since_ms[:] = now_ms
        if latches:
            self._latched[:] = True
        self._spread_flash()
        self._patience.pause(now_ms, self._flash)
        self._commit(now_ms, self._memory.flash_lamps)
        self._seen, self._compared = (b"", b"", b""), (b"", b"")
        if not opens:
            return self._quiet
        again = "; the third time in 24 h, latched" if latches else ""
        violation = Violation(check, WHOLE_STREET, (), 0, 0, f"whole street: {reason}{again}")
        quiet = self._quiet
        return Verdict(quiet.flash, quiet.latched, quiet.permitted, (violation,), ())

    def _verdict(self, found: Findings) -> Verdict:
        """Set when to look again though nothing changes, and answer."""
        due_ms = min(self._transitions.due_ms, self._patience.due_ms)
        if self._any_flash and (resting := self._flash & ~self._latched).any():
            due_ms = min(due_ms, int(self._flash_since_ms[resting].min()) + MIN_FLASH_MS)
        self._due_ms = due_ms
        if not found.violations and not found.alarms:
            return self._quiet
        quiet = self._quiet
        return Verdict(
            quiet.flash, quiet.latched, quiet.permitted, tuple(found.violations), tuple(found.alarms)
        )


def self_test_of(card: Card) -> str:
    """C16 for a card that is about to be taken: empty, or what was not seen."""
    from controller.monitor.self_test import self_test  # it needs monitors

    return self_test(card)


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.setflags(write=False)
    return view
