"""Jobs side by side: whoever asked for them dies, and they end without a word."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from sim.run_pool import Progress

PARENT = """
from sim.run_pool import run_in_processes
from tests.test_run_pool import tell_for_ever

if __name__ == "__main__":
    on_part = lambda job, part: print("told", flush=True)
    run_in_processes([1], tell_for_ever, 1, on_part, lambda *end: None)
"""


def tell_for_ever(job: object, progress: Progress) -> None:
    """Works until nobody listens any more."""
    while True:
        progress(0.5)
        time.sleep(0.02)


def test_a_job_whose_parent_was_killed_ends_and_says_nothing(root: Path, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, str(script)], cwd=root, env={"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    assert parent.stdout.readline() == "told\n"
    parent.send_signal(signal.SIGKILL)
    # The error stream is the job's, too: it ends when the job does.
    _, errors = parent.communicate(timeout=60)
    assert errors == ""
