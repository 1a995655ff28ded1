"""Fuzzing by what is reached: `python -m bench.fuzz TARGET... | all [--minutes 10] [--seed N]`.

Inputs of a corpus are changed by chance (`bench.fuzz_changes`) and given to a reader (`tests.fuzz_targets`);
what reaches a step between two lines that nothing has reached before, or is refused in words not heard
before, joins the corpus. A finding is whatever a reader does not promise: another error, an answer that
does not come out again as it went in, a second of processor time, or 64 MB more.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from bench.fuzz_changes import changed
from tests.conftest import ROOT
from tests.fuzz_corpus import CORPUS, FILE_BYTES_MAX, Entry, packed, read_corpus, write_corpus
from tests.fuzz_targets import TARGETS, Target, targets, verdict

CPU_S_MAX = 2.0
"""Of one input, watched: many times slower than it is otherwise."""
MEMORY_KB_MAX = 64 << 10
WORDINGS_MAX = 400
"""Ways of being refused that count as reached; a message could quote without end."""
FINDINGS_MAX = 20
WATCHED = ("controller", "override", "sim")
Reached = frozenset[int]


class TooLong(BaseException):
    """One input took more processor time than it may; no `except Exception` hides it."""


class Watch:
    """Which steps from line to line our own modules take."""

    def __init__(self) -> None:
        self._bases: dict[CodeType, int] = {}
        self._wordings: dict[str, int] = {}
        self._steps: set[int] = set()

    def over(self, read: Callable[[], str]) -> Reached:
        """The steps taken while `read` runs, and the wording it gives."""
        self._steps = set()
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            said = read()
        finally:
            sys.settrace(before)
        # Numbers and what is quoted from the input say nothing new.
        wording = re.sub(r"\d+|'[^']*'|\"[^\"]*\"", "", said)[:120]
        if len(self._wordings) < WORDINGS_MAX:
            self._wordings.setdefault(wording, -1 - len(self._wordings))
        return frozenset(self._steps | {self._wordings.get(wording, 0)})

    def _called(self, frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        base = self._bases.get(code)
        if base is None:
            ours = any(code.co_filename.startswith(f"{ROOT / package}/") for package in WATCHED)
            base = self._bases[code] = (len(self._bases) + 1) << 20 if ours else 0
        if not base:
            return None
        steps, last = self._steps, 0

        def line(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal last
            if event == "line":
                steps.add(base | last << 10 | frame.f_lineno & 1023)
                last = frame.f_lineno & 1023
            return line

        return line


class Fuzzer:
    """One target, its corpus and what was found. The same seed and number of inputs give the same."""

    def __init__(self, target: Target, seed: int, say: Callable[[str], None]) -> None:
        self.target = target
        self.chance = random.Random(f"{target.name} {seed}")
        self.findings: dict[str, bytes] = {}
        self.inputs = 0
        self.entries: list[tuple[bytes, Reached]] = []
        self.known: set[int] = set()
        self._watch = Watch()
        self._say = say
        for data in (*target.seeds, *(entry.data for entry in read_corpus(target.name))):
            self.give(data)

    def give(self, data: bytes) -> None:
        """One input."""
        self.inputs += 1
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            with cpu_limit(CPU_S_MAX):
                reached = self._watch.over(lambda: verdict(self.target, data, words=True))
        except (Exception, TooLong) as error:
            self._found(error, data)
            return
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kb > MEMORY_KB_MAX:
            self._found(MemoryError(f"more than {MEMORY_KB_MAX} kB for one input"), data)
            return
        if not reached <= self.known:
            self.known |= reached
            self.entries.append((data, reached))

    def run(self, until: Callable[[], bool]) -> None:
        """Change and give until told to end."""
        told = self.inputs
        while not until():
            k = min(len(self.entries) - 1, int(len(self.entries) * self.chance.random() ** 0.7))
            other = self.chance.choice(self.entries)[0]
            self.give(changed(self.entries[k][0], other, self.target, self.chance))
            if self.inputs - told >= 20_000:
                told = self.inputs
                self._say(self.told())

    def told(self) -> str:
        """How far it is."""
        return (
            f"{self.target.name}: {self.inputs} inputs, {len(self.known)} steps and wordings, "
            f"{len(self.entries)} of them new, {len(self.findings)} findings"
        )

    def least(self) -> list[bytes]:
        """Few and short inputs that reach all that was reached, those with most of it first to fit a file."""
        owed, kept, size = set(self.known), [], 0
        rest = sorted(self.entries, key=lambda entry: len(packed(entry[0])))
        while owed and rest:
            # What one byte buys decides, so that a file that is full holds as much as it can.
            best = max(rest, key=lambda entry: len(entry[1] & owed) / (60 + len(packed(entry[0]))))
            if not best[1] & owed:
                break
            rest.remove(best)
            if size + len(packed(best[0])) > FILE_BYTES_MAX:
                continue
            kept.append(best[0])
            size += len(packed(best[0])) + 32
            owed -= best[1]
            rest = [entry for entry in rest if entry[1] & owed]
        return sorted(kept, key=lambda data: (len(data), data))

    def _found(self, error: BaseException, data: bytes) -> None:
        steps = traceback.extract_tb(error.__traceback__)
        ours = [f for f in steps if "tests" not in f.filename and "bench" not in f.filename]
        at = (ours or steps)[-1] if steps else None
        where = f"{Path(at.filename).name}:{at.lineno}" if at else "?"
        name = f"{type(error).__name__} at {where}"
        if name not in self.findings and len(self.findings) < FINDINGS_MAX:
            self._say(f"{self.target.name}: FOUND {name}: {str(error)[:200]!r} by {data[:300]!r}")
        if len(data) < len(self.findings.get(name, data + b".")):
            self.findings[name] = data


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raises TooLong where what is inside takes more processor time than this."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise TooLong(f"more than {seconds:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def main() -> int:
    """Fuzz and keep the corpus; 1 where anything was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="+", choices=["all", *TARGETS], metavar="TARGET", help="or `all`")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each target; 0 = only the corpus")
    parser.add_argument("--inputs", type=int, default=0, help="at most so many for each target; 0 = no end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for findings, one file each")
    given = parser.parse_args()
    found = 0
    with tempfile.TemporaryDirectory(prefix="belisha-fuzz-") as folder:
        for target in targets(Path(folder)):
            if target.name in given.targets or "all" in given.targets:
                found += fuzz(target, given)
    return 1 if found else 0


def fuzz(target: Target, given: argparse.Namespace) -> int:
    """One target for its time; gives how many findings there are."""
    end_s = time.monotonic() + 60 * given.minutes
    fuzzer = Fuzzer(target, given.seed, lambda line: print(line, file=sys.stderr, flush=True))
    fuzzer.run(lambda: time.monotonic() >= end_s or bool(given.inputs and fuzzer.inputs >= given.inputs))
    CORPUS.mkdir(exist_ok=True)
    write_corpus(target.name, [Entry(verdict(target, data), data) for data in fuzzer.least()])
    print(fuzzer.told())
    for number, (name, data) in enumerate(sorted(fuzzer.findings.items())):
        print(f"  {name}: {data[:200]!r}")
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            (given.keep / f"{target.name}-{number}").write_bytes(data)
    return len(fuzzer.findings)


if __name__ == "__main__":
    sys.exit(main())
