"""The console as a process in a terminal of its own: first screen, key to redraw, processor, memory.

Before it stands a city of 1,000 junctions over real, encrypted sockets; each of them changes every second.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest

from bench.measurements import Measurements
from tests.conftest import ROOT

JUNCTIONS = 1_000
COLUMNS, ROWS = 160, 50
KEYS = 60
WATCH_S = 20.0
READY = re.compile(r"ready: orders at (\S+), pictures at (\S+)")
CHOSEN = re.compile(rb"\[.{1,3}\] (c\d+r\d+) | (c\d+r\d+) \[.{1,3}\]")
"""How the map marks what is chosen."""


class Terminal:
    """A program on a pseudo-terminal, and all it has written."""

    def __init__(self, command: list[str]) -> None:
        self.begun_s = time.perf_counter()
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execvpe(
                command[0], command, {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            )
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.written = b""

    def read(self, timeout_s: float) -> bytes:
        """What comes within this time; at once when something does."""
        if not select.select([self.file], [], [], timeout_s)[0]:
            return b""
        piece = os.read(self.file, 1 << 16)
        self.written += piece
        return piece

    def wait(self, pattern: bytes, timeout_s: float) -> float:
        """Seconds since the start when this had been written."""
        end_s = time.perf_counter() + timeout_s
        while time.perf_counter() < end_s:
            self.read(0.05)
            if re.search(pattern, self.written):
                return time.perf_counter() - self.begun_s
        raise AssertionError(f"never written: {pattern!r}; it ended in {self.written[-300:]!r}")

    def until_redrawn(self, key: bytes) -> float:
        """Seconds from a key that chooses another junction until its mark has been drawn."""
        self.drain(0.15)
        self.written = b""
        begun_s = time.perf_counter()
        os.write(self.file, key)
        while not CHOSEN.search(self.written):
            self.read(0.01)
            assert time.perf_counter() - begun_s < 20, self.written[-300:]
        return time.perf_counter() - begun_s

    def drain(self, seconds: float) -> None:
        """Read for so long; a terminal that reads nothing would stop the program."""
        end_s = time.perf_counter() + seconds
        while (left_s := end_s - time.perf_counter()) > 0:
            self.read(left_s)
        self.written = self.written[-4096:]

    def processor_s(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Peak of resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def leave(self) -> None:
        """Press q."""
        os.write(self.file, b"q")
        for _ in range(200):
            try:
                self.read(0.05)
            except OSError:
                break
        os.waitpid(self.pid, 0)
        os.close(self.file)


@pytest.mark.long
def test_a_console_before_a_thousand_junctions(measurements: Measurements, tmp_path: Path) -> None:
    """Warm: a first console is opened and left; the second is measured."""
    gateway = subprocess.Popen(
        [sys.executable, "-m", "tests.paper_gateway", str(tmp_path), str(JUNCTIONS), "300"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert gateway.stdout is not None
        found = READY.search(gateway.stdout.readline())
        assert found is not None
        command = [
            sys.executable, "-m", "belisha", "console", "--connect", found[1], "--pictures", found[2],
            "--keys", str(tmp_path / "keys"), "--as", "ana",
        ]  # fmt: skip
        first_ms = []
        for _ in range(3):
            terminal = Terminal(command)
            first_ms.append(1000 * terminal.wait(b"live", 60))
            terminal.drain(1.0)
            terminal.leave()
        terminal = Terminal(command)
        terminal.wait(b"live", 60)
        terminal.drain(3.0)
        before_s, begun_s = terminal.processor_s(), time.perf_counter()
        terminal.drain(WATCH_S)
        share = (terminal.processor_s() - before_s) / (time.perf_counter() - begun_s)
        keys = [b"\x1b[C", b"\x1b[D"]
        took_ms = [1000 * terminal.until_redrawn(keys[k % len(keys)]) for k in range(KEYS)]
        memory_mb = terminal.memory_mb()
        terminal.leave()
    finally:
        gateway.terminate()
        gateway.communicate(timeout=10)
    measurements.budgeted("console-first", float(min(first_ms)))
    measurements.budgeted("console-key-p95", float(np.percentile(took_ms, 95)))
    measurements.told("console key to redraw: median", float(np.median(took_ms)), "ms")
    measurements.budgeted("console-processor", 100 * share)
    measurements.budgeted("console-memory", memory_mb)
