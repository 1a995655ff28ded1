"""`make coverage`: every branch of monitor, sequencer and ladder is taken by a test; else exit code 1.

Kernels run uncompiled (`NUMBA_DISABLE_JIT`), for coverage sees Python only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WATCHED = (
    "controller/monitor/*.py", "controller/sequencer.py", "controller/sequencer_kernels.py",
    "controller/ladder.py", "controller/ladder_kernels.py",
)  # fmt: skip
TESTS = (
    "test_monitor_*.py", "test_card_adoption.py", "test_ladder.py", "test_leading.py", "test_sequencer.py",
    "test_sequencer_flash.py",
)  # fmt: skip


def main() -> int:
    """Run the tests under coverage and print what is missing."""
    files = sorted(path for name in TESTS for path in (ROOT / "tests").glob(name))
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "COVERAGE_FILE": str(ROOT / ".coverage")}
    command = [sys.executable, "-m", "coverage"]
    include = "--include=" + ",".join(str(ROOT / pattern) for pattern in WATCHED)
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", *sys.argv[1:]]
    ran = subprocess.run(
        [*command, "run", "--branch", include, *options, *map(str, files)],
        env=environment, cwd=ROOT, check=False,
    )  # fmt: skip
    told = subprocess.run(
        [*command, "report", "--show-missing", "--fail-under=100"],
        env=environment, cwd=ROOT, check=False,
    )  # fmt: skip
    return ran.returncode or told.returncode


if __name__ == "__main__":
    sys.exit(main())
