"""Every step the real sequencer can take from a set of states, judged by a lamp law of its own.

A state is one row of int16: target stage, flags, target bits (15 and 15), red steps left after a
flash, spare, and per group 512 * lamp + age in steps of 0.5 s. `advance` and `lay_orders` are the
controller's own compiled functions, called on arrays that a row is written into.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import numpy as np
from numba import types

from controller.compiling import inner_kernel, kernel
from controller.overlay_kernels import lay_orders
from controller.overlay_model import BOOK, PLANS, SCENE
from controller.sequencer_kernels import advance
from bench.proof_key_kernels import write_key
from bench.proof_model import (
    AFTER_FLASH_STEPS, ALL_RED, BAD_FLASH, BITS_HIGH, BITS_LOW, FLAGS, FLASH, FLASHING,
    GREEN_AFTER_FLASH, HASTY_REVERT, HASTY_START, LAMP, LAMPS, LAW, LAWFUL, MOVING, NO_ORDER, RED_LEFT,
    SHORT_GREEN, SKIPPED, SPACE, STAGE, STEP_MS, SUCCESSORS_MAX, SURPRISED, T_MS, TOGETHER,
    WRONG_CLEARING, WRONG_CLOCK,
)  # fmt: skip
from controller.codes import CLEARANCE, FLASH_RED, GREEN, NEVER_MS, RED, YELLOW

_I, _V, _B = types.int64, types.void, types.boolean
_ROW = types.int16[::1]


@kernel(_V(_ROW, SCENE))
def write_scene(row, scene):
    """A state's row into the controller's arrays, as they stand right after the step at `T_MS`."""
    scene.target_stage[0] = row[STAGE]
    scene.in_transition[0] = row[FLAGS] & MOVING != 0
    scene.in_flash[0] = row[FLAGS] & FLASHING != 0
    scene.target_bits[0] = row[BITS_LOW] | (np.int64(row[BITS_HIGH]) << 15)
    scene.all_red_until_ms[0] = T_MS + STEP_MS * row[RED_LEFT]
    scene.stage_since_ms[0] = T_MS
    scene.recovers_until_ms[0] = 0
    for g in range(len(scene.lamp)):
        lamp, age = row[LAMPS + g] // LAMP, row[LAMPS + g] % LAMP
        scene.lamp[g] = lamp
        scene.lamp_since_ms[g] = T_MS if lamp == RED else T_MS - STEP_MS * age
        scene.green_ended_ms[g] = 0 if lamp == GREEN else T_MS - STEP_MS * age
        scene.call_since_ms[g] = NEVER_MS


@kernel(_V(_I, SCENE, LAW, _ROW))
def read_scene(now_ms, scene, law, row):
    """The controller's arrays after the step at `now_ms` as a row, every age clamped."""
    row[STAGE] = scene.target_stage[0]
    row[FLAGS] = scene.in_transition[0] * MOVING + scene.in_flash[0] * FLASHING
    bits = scene.target_bits[0] if scene.in_transition[0] else 0
    row[BITS_LOW], row[BITS_HIGH] = bits & 0x7FFF, bits >> 15
    row[RED_LEFT] = max(0, (scene.all_red_until_ms[0] - now_ms) // STEP_MS)
    row[LAMPS - 1] = 0
    for g in range(len(scene.lamp)):
        lamp = scene.lamp[g]
        age = (now_ms - (scene.green_ended_ms[g] if lamp == RED else scene.lamp_since_ms[g])) // STEP_MS
        if lamp == FLASH_RED:
            age = 0
        elif lamp in (RED, GREEN):
            age = min(age, law.clamp[lamp, g])
        row[LAMPS + g] = lamp * LAMP + age


@inner_kernel(_I(_I, _I, _I, _I, _B, _ROW, LAW))
def change_broken(g, before, after, lasted_ms, waived, row, law):
    """Which rule a change of lamp of group g breaks by itself; `lasted_ms` of the lamp before."""
    clearing = CLEARANCE if law.walks[g] else YELLOW
    if before == RED and after == GREEN:
        if lasted_ms < law.revert_ms[g]:
            return HASTY_REVERT
        if row[RED_LEFT] > 1:
            return GREEN_AFTER_FLASH
    elif before == GREEN and after == clearing:
        if lasted_ms < law.least_green_ms[g] and (law.walks[g] or not waived):
            return SHORT_GREEN
    elif before == clearing and after == RED:
        if lasted_ms != law.clearing_ms[g]:
            return WRONG_CLEARING
    elif (before == RED and after == FLASH_RED) or (before == FLASH_RED and after == RED):
        if law.walks[g]:
            return BAD_FLASH
    else:
        return SKIPPED
    return LAWFUL


@inner_kernel(_I(_I, _I, _ROW, types.int8[::1], LAW))
def pair_broken(b, starts, row, lamps, law):
    """Which rule group b, active after a step, breaks with another; `starts` = it began in it."""
    for a in range(len(lamps)):
        if law.between_ms[a, b] >= 0 or law.between_ms[b, a] >= 0:
            if lamps[a] != RED and a != b:
                return TOGETHER
            before, age = row[LAMPS + a] // LAMP, row[LAMPS + a] % LAMP
            if starts and (before == GREEN or STEP_MS * (age + 1) < law.between_ms[a, b]):
                return HASTY_START
        if starts and law.gives_way[a, b] and lamps[a] == YELLOW:
            return SURPRISED
    return LAWFUL


@inner_kernel(_I(_I, _ROW, _B, SCENE, LAW))
def clocks_broken(now_ms, row, leaves_flash, scene, law):
    """Whether what the sequencer wrote down about times is what its lamps say."""
    for g in range(len(scene.lamp)):
        before, age = row[LAMPS + g] // LAMP, row[LAMPS + g] % LAMP
        since_ms = T_MS if before == RED else T_MS - STEP_MS * age
        ended_ms = 0 if before == GREEN else T_MS - STEP_MS * age
        if scene.lamp[g] != before:
            since_ms = now_ms
        if before == GREEN and scene.lamp[g] != GREEN:
            ended_ms = now_ms
        if leaves_flash:
            since_ms = ended_ms = now_ms
        if scene.lamp_since_ms[g] != since_ms or scene.green_ended_ms[g] != ended_ms:
            return g + 1
    until_ms = T_MS + STEP_MS * row[RED_LEFT]
    left_ms = now_ms + STEP_MS * AFTER_FLASH_STEPS if leaves_flash else max(until_ms, now_ms + 1)
    if scene.all_red_until_ms[0] > left_ms or (scene.all_red_until_ms[0] < left_ms and left_ms > now_ms + 1):
        return 1
    return 0


@inner_kernel(_I(_I, _ROW, SCENE, LAW))
def step_broken(now_ms, row, scene, law):
    """Judge the step from `row` to the arrays as they are; 100 * rule + group, 0 = lawful."""
    lamps = scene.lamp
    leaves = row[FLAGS] & FLASHING != 0 and not scene.in_flash[0]
    calm = True
    for g in range(len(lamps)):
        calm = calm and (row[LAMPS + g] // LAMP == RED or row[LAMPS + g] // LAMP == FLASH_RED)
    for g in range(len(lamps)):
        before, after = row[LAMPS + g] // LAMP, lamps[g]
        if before != after:
            lasted_ms = STEP_MS * (row[LAMPS + g] % LAMP + 1)
            rule = change_broken(g, before, after, lasted_ms, scene.waived[0], row, law)
            if after == FLASH_RED and not calm:
                rule = BAD_FLASH
            if rule:
                return 100 * rule + g
        if after == FLASH_RED and not scene.in_flash[0]:
            return 100 * BAD_FLASH + g
        if after in (GREEN, YELLOW, CLEARANCE):
            rule = pair_broken(g, before == RED and after == GREEN, row, lamps, law)
            if rule:
                return 100 * rule + g
            if scene.in_flash[0]:
                return 100 * BAD_FLASH + g
    wrong = clocks_broken(now_ms, row, leaves, scene, law)
    return 100 * WRONG_CLOCK + wrong - 1 if wrong else 0


@kernel(_I(types.int16[:, ::1], _I, types.int32[::1], _I))
def slot_of(rows, at, slots, count):
    """Where row `at` stands in the table, or where it would: slot if empty, -1 - row if known."""
    width = rows.shape[1]
    mark = np.uint64(14695981039346656037)
    for k in range(width):
        mark = (mark ^ np.uint64(rows[at, k] & 0xFFFF)) * np.uint64(1099511628211)
    mark ^= mark >> np.uint64(29)
    slot = np.int64(mark & np.uint64(len(slots) - 1))
    while slots[slot]:
        other = slots[slot] - 1
        same = True
        for k in range(width):
            if rows[other, k] != rows[at, k]:
                same = False
                break
        if same:
            return -1 - other
        slot = (slot + 1) & (len(slots) - 1)
    return slot


@inner_kernel(_V(_I, SCENE, SPACE))
def note_lamps(source, scene, space):
    """Keep a step's lamps for the monitor to judge, each outcome of a state once."""
    lamps, changes = scene.lamp, space.counts[3]
    k = changes - 1
    while k >= 0 and space.sources[k] == source:
        same = space.waived[k] == scene.waived[0]
        for g in range(len(lamps)):
            same = same and space.lamps[k, g] == lamps[g]
        if same:
            return
        k -= 1
    for g in range(len(lamps)):
        space.lamps[changes, g] = lamps[g]
    space.sources[changes] = source
    space.waived[changes] = scene.waived[0]
    space.counts[3] += 1


@inner_kernel(_B(_I, _I, _I, _I, _I, SCENE, BOOK, PLANS, LAW, SPACE, types.int64[::1]))
def take(source, order, wanted, calls, left_ms, scene, book, plans, law, space, start_ms):
    """One step of the real thing from a state under one input; False = a rule is broken."""
    row = space.rows[source]
    now_ms = T_MS + STEP_MS
    write_scene(row, scene)
    book.kind[0], book.until_ms[0], book.suspends[0] = order, NEVER_MS, order != NO_ORDER
    scene.wanted_stage[0], scene.planned_end_ms[0] = wanted, now_ms + left_ms
    for g in range(len(scene.lamp)):
        if (calls >> g) & 1:
            scene.call_since_ms[g] = T_MS
    lay_orders(now_ms, book, plans, scene)
    advance(
        now_ms, scene.group_start, scene.group_kind, scene.min_green_ms, scene.yellow_ms,
        scene.conflict_bits, scene.intergreen_start, scene.intergreen_ms, scene.stage_bits, scene.recall,
        scene.wanted_stage, scene.planned_end_ms, scene.target_stage, scene.target_bits,
        scene.in_transition, scene.stage_since_ms, scene.all_red_until_ms, scene.lamp,
        scene.lamp_since_ms, scene.green_ended_ms, scene.call_since_ms, start_ms,
    )  # fmt: skip
    space.counts[2] += 1
    broken = step_broken(now_ms, row, scene, law)
    changes = False
    for g in range(len(scene.lamp)):
        changes = changes or scene.lamp[g] != row[LAMPS + g] // LAMP
    if changes:
        note_lamps(source, scene, space)
    if broken:
        space.broken[0], space.broken[1], space.broken[2] = broken // 100, source, broken % 100
        return False
    new = space.counts[0]
    read_scene(now_ms, scene, law, space.rows[new])
    write_key(space.rows[new], law, space.keys[new])
    slot = slot_of(space.keys, new, space.slots, new)
    if slot >= 0:
        space.slots[slot] = new + 1
        space.parent[new] = source
        space.counts[0] += 1
    return True


@inner_kernel(_B(_I, _I, _I, SCENE, BOOK, PLANS, LAW, SPACE, types.int64[::1]))
def take_all_calls(source, wanted, left_ms, scene, book, plans, law, space, start_ms):
    """One step for every set of crossings of the wanted stage that somebody may have called.

    Only crossings that are not green now: what a call changes is whether they start.
    """
    row = space.rows[source]
    callable_bits = 0
    for g in range(len(scene.lamp)):
        if law.may_call[g] and scene.stage_bits[wanted] >> g & 1 and row[LAMPS + g] // LAMP != GREEN:
            callable_bits |= 1 << g
    calls = callable_bits
    while True:
        if not take(source, NO_ORDER, wanted, calls, left_ms, scene, book, plans, law, space, start_ms):
            return False
        if not calls:
            return True
        calls = (calls - 1) & callable_bits


@inner_kernel(_B(_ROW))
def all_red(row):
    """Whether every group is red, or flashes red."""
    steady = 0
    for cell in row[LAMPS:]:
        steady += cell >= LAMP and cell < FLASH_RED * LAMP
    return steady == 0


@inner_kernel(_B(_I, _I, LAW))
def tried_before(stage, present, law):
    """Whether a stage before this one, other than the present one, is alike."""
    others = 0
    for k in range(law.alike[stage], stage):
        others += law.alike[k] == law.alike[stage] and k != present
    return others > 0


@kernel(_B(_I, SCENE, BOOK, PLANS, LAW, SPACE, types.int64[::1]))
def expand(at, scene, book, plans, law, space, start_ms):
    """Every step from one state, under every input; False = a rule is broken."""
    row = space.rows[at]
    for order in (ALL_RED, FLASH):
        if law.orders[0] and not take(at, order, 0, 0, NEVER_MS, scene, book, plans, law, space, start_ms):
            return False
    if row[STAGE] < 0 and law.orders[0] < 2 and not all_red(row):
        return True
    if row[FLAGS] != 0 or row[RED_LEFT] > 1:
        # What anybody wants changes nothing: a change is under way, or there is no green yet.
        return take(at, NO_ORDER, 0, 0, 0, scene, book, plans, law, space, start_ms)
    for stage in range(len(scene.stage_bits)):
        if stage == row[STAGE] or tried_before(stage, row[STAGE], law):
            continue
        if not take_all_calls(at, stage, 0, scene, book, plans, law, space, start_ms):
            return False
    if row[STAGE] >= 0:
        for left_ms in law.lefts_ms:
            if not take_all_calls(at, row[STAGE], left_ms, scene, book, plans, law, space, start_ms):
                return False
    return True


@kernel(_I(SCENE, BOOK, PLANS, LAW, SPACE, types.int64[::1]))
def explore(scene, book, plans, law, space, start_ms):
    """Expand states until all are, or there is no more room, or a rule is broken: 0, 1, 2.

    No room: fewer than SUCCESSORS_MAX states or lamp changes are left for one more state.
    """
    counts = space.counts
    while counts[1] < counts[0]:
        if counts[0] + SUCCESSORS_MAX > len(space.rows) or counts[3] + SUCCESSORS_MAX > len(space.lamps):
            return 1
        if not expand(counts[1], scene, book, plans, law, space, start_ms):
            return 2
        counts[1] += 1
    return 0
