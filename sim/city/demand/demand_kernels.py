"""Kernels of demand: quickest ways from one edge to many, with every driver's own idea of time."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

import numpy as np

from controller.compiling import inner_kernel, kernel


@kernel("float64(int64, int64)")
def opinion(edge: int, salt: int) -> float:
    """A number from -1 to 1 that depends on edge and salt alone (splitmix64's finaliser)."""
    z = np.uint64(edge) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt) * np.uint64(0xD1B54A32D192ED03)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * (2.0 / 9007199254740992.0) - 1.0


@inner_kernel("int64(float64[:], int64[:], int64, float64, int64)")
def push(heap_s, heap_edge, n, seconds, edge):
    """Put an entry into a binary heap of `n` entries; the new number of entries."""
    at = n
    while at > 0:
        up = (at - 1) // 2
        if heap_s[up] <= seconds:
            break
        heap_s[at], heap_edge[at] = heap_s[up], heap_edge[up]
        at = up
    heap_s[at], heap_edge[at] = seconds, edge
    return n + 1


@inner_kernel("int64(float64[:], int64[:], int64)")
def drop_first(heap_s, heap_edge, n):
    """Remove the smallest entry of a binary heap of `n` entries; the new number of entries."""
    n -= 1
    seconds, edge = heap_s[n], heap_edge[n]
    at = 0
    while True:
        down = 2 * at + 1
        if down >= n:
            break
        if down + 1 < n and heap_s[down + 1] < heap_s[down]:
            down += 1
        if heap_s[down] >= seconds:
            break
        heap_s[at], heap_edge[at] = heap_s[down], heap_edge[down]
        at = down
    heap_s[at], heap_edge[at] = seconds, edge
    return n


@kernel(
    "int64(int64, int64[:], float64[:], int64[:], int64[:], float64[:], int64, float64, int64,"
    " int64[:], int64[:], int64[:], float64[:], int64[:], float64[:], int64[:])"
)
def grow_tree(
    origin,
    targets,
    edge_s,
    next_start,
    next_edge,
    next_s,
    salt,
    spread,
    stamp,
    reached,
    settled,
    wanted,
    best_s,
    before,
    heap_s,
    heap_edge,
):
    """Dijkstra's quickest ways from the end of `origin` until every target is settled.

    Every edge takes its `edge_s` times 1 + `spread` times the driver's `opinion` of it. E edges,
    A ways from edge to edge. `reached`, `settled` and `wanted` hold the stamp of the tree they
    were last set in, so that nothing is cleared between trees.

    targets: (T) edges; edge_s: (E) s; next_start: (E+1); next_edge: (A); next_s: (A) s over the
    node; reached, settled, wanted: (E) stamps; best_s: (E) s; before: (E) edge it is reached
    from, -1 at the origin; heap_s, heap_edge: (A+1) work. Returns the number of distinct targets settled.
    """
    missing = 0
    for k in range(targets.shape[0]):
        if wanted[targets[k]] != stamp:
            wanted[targets[k]] = stamp
            missing += 1
    found = 0
    best_s[origin] = 0.0
    before[origin] = -1
    reached[origin] = stamp
    n = push(heap_s, heap_edge, 0, 0.0, origin)
    while n > 0 and found < missing:
        now_s, edge = heap_s[0], heap_edge[0]
        n = drop_first(heap_s, heap_edge, n)
        if settled[edge] == stamp:
            continue
        settled[edge] = stamp
        if wanted[edge] == stamp:
            found += 1
        for a in range(next_start[edge], next_start[edge + 1]):
            onto = next_edge[a]
            if settled[onto] == stamp:
                continue
            then_s = now_s + next_s[a] + edge_s[onto] * (1.0 + spread * opinion(onto, salt))
            if reached[onto] != stamp or then_s < best_s[onto]:
                reached[onto] = stamp
                best_s[onto] = then_s
                before[onto] = edge
                n = push(heap_s, heap_edge, n, then_s, onto)
    return found


@kernel("int64(int64, int64[:], int64[:], int64)")
def write_way(edge, before, out, at):
    """Write the way that `before` tells from its origin to `edge` into `out` from `at` on.

    before, out: int64. Returns the index after the last edge, or -1 if `out` is too short.
    """
    length = 0
    e = edge
    while e >= 0:
        length += 1
        e = before[e]
    if at + length > out.shape[0]:
        return -1
    e = edge
    for k in range(length - 1, -1, -1):
        out[at + k] = e
        e = before[e]
    return at + length
