"""`make mutants`: about 500 small wrongs in sequencer and monitor, one at a time; a list of survivors.

    python -m bench.mutants --results DIR [--count 500] [--minutes 45]      (resumable)

A wrong in the sequencer is driven (`mutant_drive`): what can show an unlawful lamp must be caught by the
monitor within 200 ms. A wrong in the monitor must be found by the monitor's own tests.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from importlib.abc import Loader
from pathlib import Path
from typing import Any

os.environ["NUMBA_DISABLE_JIT"] = "1"  # before anything of ours is imported

import numpy as np
import pytest

from bench import mutant_drive
from bench.mutant_sites import Mutant, mutants, mutated

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ("controller/sequencer_kernels.py", "controller/sequencer.py")
MONITOR = tuple(
    f"controller/monitor/{name}.py"
    for name in (
        "card",
        "card_parts",
        "frame_gate",
        "judge",
        "lamps",
        "memory",
        "patience",
        "shown",
        "transitions",
    )
)
SEEDS = (1, 2)
SECONDS_MAX = 40
TESTS = (
    *(f"tests/test_monitor_{name}.py" for name in ("card", "frames", "lamps", "patience", "shown")),
    *(f"tests/test_monitor_{name}.py" for name in ("transitions", "twin")),
    "tests/test_card_adoption.py",
)
"""The quick ones first: the first that fails ends a mutant."""


def text_of(file: str) -> str:
    """A source file."""
    return (ROOT / file).read_text(encoding="utf-8")


def chosen(count: int, seed: int = 1) -> list[Mutant]:
    """Every mutant of the engine and so many of the monitor's as fit, in a shuffled order."""
    engine = [m for file in ENGINE for m in mutants(file, text_of(file))]
    monitor = [m for file in MONITOR for m in mutants(file, text_of(file))]
    chance = np.random.default_rng(seed)
    engine = [engine[k] for k in chance.permutation(len(engine))]
    rest = max(0, count - len(engine))
    monitor = [monitor[k] for k in chance.permutation(len(monitor))[:rest]]
    mixed = engine[:count] + monitor
    return [mixed[k] for k in chance.permutation(len(mixed))]


# --- the engine ----------------------------------------------------------------------------------


def engine_verdict(mutant: Mutant, true: list[mutant_drive.Drive]) -> dict[str, Any]:
    """Drive a sequencer with this wrong and say what came of it."""
    sources = {file: text_of(file) for file in ENGINE}
    sources[mutant.file] = mutated(sources[mutant.file], mutant.number)
    kernels = mutant_drive.loaded("mutant_kernels", sources[ENGINE[0]])
    sequencer = mutant_drive.loaded("mutant_sequencer", sources[ENGINE[1]])
    runs = [mutant_drive.drive(kernels, sequencer, seed) for seed in SEEDS]
    for run in runs:
        if run.crash:
            return {"fate": "crashed", "reason": f"a dead engine is a flash at once: {run.crash[:80]}"}
        if run.said:
            return {
                "fate": "caught",
                "after_ms": run.caught_after_ms,
                "reason": run.said,
                "law": run.unlawful,
            }
        if run.unlawful:
            return {"fate": "missed", "reason": run.unlawful}
    if all(run.lamps == other.lamps for run, other in zip(runs, true, strict=True)):
        return {"fate": "same", "reason": "the same lamps in every step: equivalent, or of no effect here"}
    starts, usual = sum(run.starts for run in runs), sum(run.starts for run in true)
    if starts < usual // 4:
        return {"fate": "lawful", "reason": f"people wait: {starts} greens instead of {usual} (liveness)"}
    stricter = "later or fewer" if starts <= usual else "earlier or more"
    return {
        "fate": "lawful",
        "reason": f"other lamps, all lawful: {starts} greens, {usual} usual ({stricter})",
    }


# --- the monitor ---------------------------------------------------------------------------------


class Finder(Loader):
    """Gives one module of the monitor with a wrong in it to whoever imports it."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.file.removesuffix(".py").replace("/", ".")
        source = text_of(mutant.file)
        self.source = mutated(source, mutant.number) if mutant.number >= 0 else source

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        """As the import system asks."""
        import importlib.util

        return importlib.util.spec_from_loader(name, self) if name == self.name else None

    def create_module(self, spec: object) -> None:
        """As usual."""

    def exec_module(self, module: Any) -> None:
        """Run the wrong source in place of the true one."""
        exec(compile(self.source, f"{self.name} with a wrong", "exec"), module.__dict__)


def monitor_verdict(mutant: Mutant) -> dict[str, Any]:
    """Run the monitor's own tests in a process of their own, with this wrong in it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.close(read)
            os.dup2(write, 1)
            os.dup2(write, 2)
            for name in [
                n for n in sys.modules if n.startswith(("controller.monitor", "tests.test_", "tests.slow"))
            ]:
                del sys.modules[name]
            sys.meta_path.insert(0, Finder(mutant))  # type: ignore[arg-type]
            files = [str(ROOT / name) for name in TESTS]
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no", *files]))
        finally:
            os._exit(code)
    os.close(write)
    deadline, hung = time.monotonic() + 4 * SECONDS_MAX, False
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
            ended, hung = os.waitpid(child, 0), True
            break
        time.sleep(0.02)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read().decode(errors="replace").splitlines()
    if hung:
        return {"fate": "caught", "reason": "the tests hung: a hung monitor is a flash (C11)"}
    if os.waitstatus_to_exitcode(ended[1]) == 0:
        return {"fate": "survived", "reason": "no test of the monitor tells it from the true one"}
    failed = next(
        (line for line in told if line.startswith(("FAILED", "ERROR"))), "the tests cannot be loaded"
    )
    return {"fate": "caught", "reason": failed[:140]}


# --- all of them -----------------------------------------------------------------------------------


def run(results: Path, count: int, minutes: float) -> int:
    """Go through what is not done yet while there is time; print what is known. 1 = a wrong was missed."""
    results.mkdir(parents=True, exist_ok=True)
    files = [ROOT / file for file in (*ENGINE, *MONITOR, *TESTS)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    kept_in = results / f"mutants-{digest}.jsonl"
    done: dict[str, dict[str, Any]] = {}
    if kept_in.exists():
        done = {row["mutant"]: row for row in map(json.loads, kept_in.read_text("utf-8").splitlines())}
    kernels = mutant_drive.loaded("mutant_kernels", text_of(ENGINE[0]))
    sequencer = mutant_drive.loaded("mutant_sequencer", text_of(ENGINE[1]))
    true = [mutant_drive.drive(kernels, sequencer, seed) for seed in SEEDS]
    assert not any(t.unlawful or t.said or t.crash for t in true), true
    every, ends = chosen(count), time.monotonic() + 60 * minutes
    if monitor_verdict(Mutant(MONITOR[0], -1, 0, "nothing wrong"))["fate"] != "survived":
        raise SystemExit("mutants: the monitor's own tests fail without any wrong in it")
    with kept_in.open("a", encoding="utf-8") as file:
        for mutant in every:
            key = f"{mutant.file}:{mutant.number}"
            if key in done or time.monotonic() > ends:
                continue
            engine = mutant.file in ENGINE
            found = engine_verdict(mutant, true) if engine else monitor_verdict(mutant)
            row = {"mutant": key, "line": mutant.line, "what": mutant.what, **found}
            done[key] = row
            file.write(json.dumps(row) + "\n")
            file.flush()
    return _report(every, done)


def _report(every: list[Mutant], done: dict[str, dict[str, Any]]) -> int:
    rows = [done[key] for m in every if (key := f"{m.file}:{m.number}") in done]
    fates: Counter[tuple[str, str]] = Counter()
    for row in rows:
        fates["sequencer" if row["mutant"].startswith(ENGINE) else "monitor", row["fate"]] += 1
    for row in sorted(rows, key=lambda row: (row["mutant"].partition(":")[0], row["line"])):
        if row["fate"] not in ("caught", "crashed"):
            sys.stdout.write(f"{row['fate']:<9}{row['mutant'].partition(':')[0]}:{row['line']}: "
                             f"{row['what']} | {row['reason']}\n")  # fmt: skip
    for (part, fate), n in sorted(fates.items()):
        sys.stdout.write(f"{part:<10}{fate:<9}{n:>5}\n")
    slowest = max((row.get("after_ms", 0) for row in rows), default=0)
    sys.stdout.write(f"{len(rows)} of {len(every)} done; slowest catch by the monitor {slowest} ms\n")
    return 1 if any(row["fate"] == "missed" for row in rows) else 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.mutants", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--results", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument(
        "--minutes", type=float, default=45, help="stop then; the next run goes on from there"
    )
    given = parser.parse_args()
    return run(given.results, given.count, given.minutes)


if __name__ == "__main__":
    sys.exit(main())
