"""What is free goes back to the machine, so that forked processes do not each hold a copy of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from override import free_memory

HOLES = """
from pathlib import Path
from override.free_memory import give_back

def held_kb():
    rows = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("Rss:"))

kept = [bytearray(60_000) for _ in range(2_000)]
del kept[::2]
before = held_kb()
give_back()
print(before - held_kb())
"""


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="the kernel tells of no process' pages"
)
@pytest.mark.skipif(free_memory._malloc_trim is None, reason="this C library cannot give memory back")
def test_holes_in_the_heap_are_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 30_000, "of 60 MB of holes"
