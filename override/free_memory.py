"""Free memory is given back to the machine, before processes are forked and now and then after.

What building a street has left free would be inherited by every process; each would write to its pages one by
one, and hold a copy of its own of what none of them needs: a hundred megabytes at a thousand junctions.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable


def _trim() -> Callable[[int], object] | None:
    """The C library's own; None where it has none."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


_malloc_trim = _trim()


def give_back() -> None:
    """All whole free pages, in the middle of the heap too (malloc_trim(3)); some milliseconds."""
    if _malloc_trim is not None:
        _malloc_trim(0)
