"""Buses at stops, one step: people come, doors open, people alight and board, buses leave.

The movement kernels let a bus stand from `halt_until_ms` >= 0 on and leave when that moment has
passed; here the moment is moved on for as long as people board. Times are integer milliseconds.
"""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from numba import types

from controller.compiling import inner_kernel, kernel
from sim.city.movement.status import ARRIVED, DRIVING
from sim.city.people.transit_model import SERVICE, TRANSIT


_I = types.int64
_I1, _F1 = types.int64[::1], types.float64[::1]


@inner_kernel(types.void(_I, TRANSIT, SERVICE))
def leave_stop(b, transit, service):
    """Doors are closed and the bus has begun to move, at the first full second after its time."""
    h = transit.bus_serving[b]
    departed_ms = (transit.bus_leaves_ms[b] + 999) // 1000 * 1000
    transit.halt_departed_ms[h] = departed_ms
    if service.schedule_ms[h] >= 0:
        transit.bus_left_late_ms[b] = departed_ms - service.schedule_ms[h]
    transit.halt_aboard[h] = transit.bus_load[b]
    transit.bus_serving[b] = -1
    transit.bus_next[b] = h + 1


@inner_kernel(types.void(_I, _I, _I, TRANSIT, SERVICE))
def open_doors(b, h, at_ms, transit, service):
    """The bus stands: everybody who goes here, or to a stop it has passed without halting, alights."""
    alighting = 0
    if service.bus_first_stop[b] >= 0:
        for k in range(h - service.bus_first_halt[b] + 1):
            alighting += transit.bus_to[b, k]
            transit.bus_to[b, k] = 0
    transit.bus_load[b] -= alighting
    transit.bus_serving[b] = h
    transit.halt_arrived_ms[h] = at_ms
    transit.halt_alighted[h] = alighting
    transit.bus_ready_ms[b] = at_ms + alighting * service.bus_alight_ms[b]


@inner_kernel(types.void(_I, _I, TRANSIT, SERVICE))
def board(b, until_ms, transit, service):
    """Everybody boards who has come by `until_ms`, first come first served, while there is room."""
    h = transit.bus_serving[b]
    k = h - service.bus_first_halt[b]
    s = service.bus_first_stop[b] + k
    if service.bus_first_stop[b] < 0 or k == service.bus_halts[b] - 1:
        return
    ready_ms = transit.bus_ready_ms[b]
    q = transit.stop_next[s]
    last = service.stop_passenger[s + 1]
    boarded = 0
    room = service.bus_capacity[b] - transit.bus_load[b]
    while q < last and service.come_ms[q] <= until_ms and boarded < room:
        ready_ms = max(ready_ms, service.come_ms[q]) + service.bus_board_ms[b]
        transit.passenger_halt[q] = h
        transit.passenger_boarded_ms[q] = ready_ms
        transit.bus_to[b, service.to_stop[q]] += 1
        boarded += 1
        q += 1
    left = q
    while left < last and service.come_ms[left] <= until_ms:
        left += 1
    transit.halt_left_behind[h] = left - q
    transit.stop_next[s] = q
    transit.bus_load[b] += boarded
    transit.halt_boarded[h] += boarded
    transit.bus_ready_ms[b] = ready_ms


@inner_kernel(_I(_I, _I, _I, _I), inline="always")
def lateness_ms(due_ms, leaves_ms, left_late_ms, now_ms):
    """How late a bus is that stands at a stop, or drives to one, which it should leave at due_ms.

    leaves_ms: when it will leave the stop where it stands, -1 = it is under way, as late as when
    it left the stop before, and at least as late as it has already become. due_ms -1: no time there.
    """
    if due_ms < 0:
        return left_late_ms
    if leaves_ms >= 0:
        return leaves_ms - due_ms
    return max(left_late_ms, now_ms - due_ms)


@inner_kernel(types.void(_I, TRANSIT, SERVICE))
def count_waiting(now_ms, transit, service):
    """Who stands at the stops, and since when."""
    for s in range(transit.stop_next.size):
        came = transit.stop_came[s]
        while came < service.stop_passenger[s + 1] and service.come_ms[came] <= now_ms:
            came += 1
        transit.stop_came[s] = came
        q = transit.stop_next[s]
        transit.stop_waiting[s] = came - q
        transit.stop_since_ms[s] = service.come_ms[q] if came > q else -1


@kernel(types.void(_I, types.int8[::1], _I1, _I1, _F1, _F1, TRANSIT, SERVICE))
def serve_buses(now_ms, status, halt_at, halt_until_ms, lost_s, persons, transit, service):
    """Serve every bus from now_ms to now_ms + 1000 ms, after the vehicles have moved that second.

    status: (V) Status; halt_at: (V) row of halt_*; halt_until_ms: (V) ms, -1 = does not stand at
    a stop; lost_s: (V) s; persons: (V). Written: halt_until_ms, persons, and all of transit.
    """
    end_ms = now_ms + 1000
    transit.time_ms[0] = end_ms
    for b in range(service.bus_vehicle.size):
        v = service.bus_vehicle[b]
        serving = transit.bus_serving[b]
        stands = status[v] == DRIVING and halt_until_ms[v] >= 0
        if serving >= 0 and (not stands or halt_at[v] != serving):
            leave_stop(b, transit, service)
        if status[v] != DRIVING:
            if status[v] == ARRIVED and transit.bus_load[b] > 0:
                # Whose stop was passed without a halt rode to the end of the line.
                last = service.bus_first_halt[b] + service.bus_halts[b] - 1
                transit.halt_alighted[last] += transit.bus_load[b]
                transit.bus_load[b] = 0
                transit.bus_to[b, :] = 0
            continue
        if stands:
            h = halt_at[v]
            if transit.bus_serving[b] < 0:
                transit.halt_lost_s[h] = lost_s[v]
                open_doors(b, h, end_ms, transit, service)
            board(b, end_ms, transit, service)
            halt_until_ms[v] = max(halt_until_ms[v], transit.bus_ready_ms[b])
            transit.bus_leaves_ms[b] = halt_until_ms[v]
        elif halt_at[v] > transit.bus_next[b]:
            transit.bus_next[b] = halt_at[v]
        if service.bus_line[b] >= 0:
            persons[v] = transit.bus_load[b]
        ahead = transit.bus_serving[b] if stands else transit.bus_next[b]
        has_more = ahead < service.bus_first_halt[b] + service.bus_halts[b]
        transit.bus_late_ms[b] = lateness_ms(
            service.schedule_ms[ahead] if has_more else -1,
            halt_until_ms[v] if stands else -1,
            transit.bus_left_late_ms[b],
            end_ms,
        )
    count_waiting(end_ms, transit, service)
