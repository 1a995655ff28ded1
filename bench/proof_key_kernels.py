"""What of a state matters for its future: two states with one key have the same future, in every input.

Why each thing may be forgotten stands in `bench.proof_space`. Times are steps, counted from the state: a
green that may end in step 1 may end in the very next one.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel, kernel
from bench.proof_model import BITS_HIGH, BITS_LOW, FLAGS, FLASHING, LAMP, LAMPS, LAW, MOVING, STAGE
from controller.codes import CLEARANCE, FLASH_RED, GREEN, RED, YELLOW

_I, _V, _B = types.int64, types.void, types.boolean
_ROW = types.int16[::1]
NEVER = 1 << 30


@inner_kernel(_I(_I, _ROW, LAW))
def ready(b, row, law):
    """When the ends that have been would let group b start, 0 = now."""
    longest = 0
    for a in range(len(row) - LAMPS):
        lamp = row[LAMPS + a] // LAMP
        if law.wait[a, b] and lamp != GREEN and lamp != FLASH_RED:
            longest = max(longest, law.wait[a, b] - row[LAMPS + a] % LAMP)
    return longest


@inner_kernel(_I(_I, _ROW, LAW))
def free_to_end(a, key, law):
    """When the green of group a may end."""
    return max(1, law.clamp[GREEN, a] - key[LAMPS + a] % LAMP)


@inner_kernel(_I(_I, _I, _ROW, _ROW, LAW))
def start_of(b, but, row, key, law):
    """When group b may start if every green in its way ends as soon as it may, group `but` at once."""
    start = max(1, ready(b, row, law))
    for a in range(len(row) - LAMPS):
        if law.wait[a, b] and key[LAMPS + a] // LAMP == GREEN:
            start = max(start, law.wait[a, b] + (1 if a == but else free_to_end(a, key, law)))
    return start


@inner_kernel(_V(_I, _ROW, _ROW, LAW))
def forget_leaving(target, row, key, law):
    """Of drivers who shall leave: the age of their green, where those who wait for them start later."""
    n = len(row) - LAMPS
    for a in range(n):
        if key[LAMPS + a] // LAMP != GREEN or target >> a & 1 or law.walks[a]:
            continue
        longest, held = free_to_end(a, key, law), False
        for b in range(n):
            if law.wait[a, b] and target >> b & 1 and key[LAMPS + b] // LAMP != GREEN:
                held = longest + law.wait[a, b] <= start_of(b, a, row, key, law)
                if not held:
                    break
        if held:
            key[LAMPS + a] = GREEN * LAMP + law.clamp[GREEN, a]


@inner_kernel(_I(_I, _ROW, _ROW, LAW))
def complete(target, row, key, law):
    """The soonest step in which the change under way can be complete."""
    at = 1
    for g in range(len(row) - LAMPS):
        green = key[LAMPS + g] // LAMP == GREEN
        if green and not target >> g & 1:
            at = max(at, free_to_end(g, key, law))
        elif not green and target >> g & 1:
            at = max(at, start_of(g, -1, row, key, law))
    return at


@inner_kernel(_V(_I, _I, _ROW, LAW))
def forget_staying(target, end, key, law):
    """Of greens that stay: how old they are, where that is enough by the step after the change's end.

    An order does not wait for drivers' minimum, but for people's.
    """
    for g in range(len(key) - LAMPS):
        if key[LAMPS + g] // LAMP != GREEN or not target >> g & 1 or (law.walks[g] and law.orders[0]):
            continue
        if free_to_end(g, key, law) <= end + 1:
            key[LAMPS + g] = GREEN * LAMP + law.clamp[GREEN, g]


@inner_kernel(_I(_ROW, LAW))
def all_red_at(key, law):
    """The soonest step in which all can be red, if that is ordered at the next step."""
    at = 0
    for g in range(len(key) - LAMPS):
        lamp, age = key[LAMPS + g] // LAMP, key[LAMPS + g] % LAMP
        clearing = law.clearing[g]
        if lamp == GREEN:
            at = max(at, clearing + (free_to_end(g, key, law) if law.walks[g] else 1))
        elif lamp in (YELLOW, CLEARANCE):
            at = max(at, clearing - age)
    return at


@inner_kernel(_I(_I, _I, _I, _B, _ROW, _ROW, LAW))
def held_until(b, target, end, ordered, row, key, law):
    """When red group b can start at the soonest because of what is green or shall be, whatever its own waits.

    `end` of the change under way, 0 = none · `ordered`: as if an order might come, which waives minima
    """
    soonest = end + 1 if end and not ordered and not target >> b & 1 else 1
    for a in range(len(row) - LAMPS):
        if a == b or not law.wait[a, b]:
            continue
        if key[LAMPS + a] // LAMP == GREEN:
            ends = 1 if ordered and not law.walks[a] else free_to_end(a, key, law)
            if not ordered and target >> a & 1:
                ends = max(ends, end + 1)
            soonest = max(soonest, ends + law.wait[a, b])
        elif end and not ordered and target >> a & 1:
            starts = start_of(a, -1, row, key, law)
            soonest = max(soonest, max(end + 1, starts + law.clamp[GREEN, a]) + law.wait[a, b])
    return soonest


@inner_kernel(_V(_I, _I, _ROW, _ROW, LAW))
def forget_waits(target, end, row, key, law):
    """Of red groups: waits that are over before others would let them start anyhow."""
    reds = all_red_at(key, law) + 1
    stopped = row[STAGE] < 0 and law.orders[0] == 1 and reds > 1
    for b in range(len(row) - LAMPS):
        if key[LAMPS + b] // LAMP != RED or key[LAMPS + b] == 0:
            continue
        soonest = NEVER
        if not stopped:
            soonest = held_until(b, target, end, False, row, key, law)
        if law.orders[0]:
            by_order = held_until(b, target, end, True, row, key, law)
            if law.orders[0] == 1:
                by_order = max(by_order, reds)
            soonest = min(soonest, by_order)
        if key[LAMPS + b] <= soonest:
            key[LAMPS + b] = 0


@kernel(_V(_ROW, LAW, _ROW))
def write_key(row, law, key):
    """Of a red group, only how long others keep it from starting; and less, where the law merges."""
    n = len(row) - LAMPS
    for k in range(LAMPS + n):
        key[k] = row[k]
    flashing = law.merges[0] and row[FLAGS] & FLASHING
    for b in range(n):
        if flashing:
            key[LAMPS + b] = row[LAMPS + b] // LAMP * LAMP
        elif row[LAMPS + b] < LAMP:
            key[LAMPS + b] = ready(b, row, law) if law.starts[b] else 0
    if row[STAGE] >= 0:
        key[STAGE] = law.alike[row[STAGE]]
    if not law.merges[0] or flashing:
        return
    for g in range(n):
        # What may happen in step 1 and what may have happened before it: the next step is the same.
        if key[LAMPS + g] == 1:
            key[LAMPS + g] = 0
        elif key[LAMPS + g] == GREEN * LAMP + law.clamp[GREEN, g] - 1:
            key[LAMPS + g] += 1
    target, end = 0, 0
    if row[FLAGS] & MOVING:
        target = row[BITS_LOW] | row[BITS_HIGH] << 15
        forget_leaving(target, row, key, law)
        end = complete(target, row, key, law)
        forget_staying(target, end, key, law)
    forget_waits(target, end, row, key, law)
