"""Kernels that draw a city: whether vehicles on two paths over a junction would touch."""

from controller import numba_cache  # noqa: F401, I001  (must come before numba)

from controller.compiling import kernel


@kernel("void(float64[:, :, ::1], int64[::1], float64, boolean[:, ::1])")
def find_touching(points_m, arm, near_m, touch):
    """Mark the pairs of paths from different arms that come closer than `near_m` anywhere.

    points_m: (W, S, 2) m, points of each path, no further apart than `near_m` is long;
    arm: (W) where each begins; touch: (W, W) bool, written in both directions.
    """
    ways, samples = points_m.shape[0], points_m.shape[1]
    for a in range(ways):
        touch[a, a] = False
        for b in range(a + 1, ways):
            found = False
            if arm[a] != arm[b]:
                for i in range(samples):
                    for k in range(samples):
                        dx = points_m[a, i, 0] - points_m[b, k, 0]
                        dy = points_m[a, i, 1] - points_m[b, k, 1]
                        if dx * dx + dy * dy < near_m * near_m:
                            found = True
                            break
                    if found:
                        break
            touch[a, b] = found
            touch[b, a] = found
