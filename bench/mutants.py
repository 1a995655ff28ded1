"""`make mutants`: about 500 small wrongs in sequencer and monitor, one at a time; a list of survivors.

    python -m bench.mutants --results DIR [--count 500] [--minutes 45] [--only TEXT] [--again]    (resumable)

A wrong in the sequencer is driven (`mutant_drive`): what can show an unlawful lamp must be caught by the
monitor within 200 ms. A wrong in the monitor must be found by the monitor's own tests, or the reason
why none can must stand in `mutant_reasons.toml`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from importlib.abc import Loader
from pathlib import Path
from typing import Any

os.environ["NUMBA_DISABLE_JIT"] = "1"  # before anything of ours is imported

import hypothesis.strategies  # noqa: F401 - once here, and not in every child
import pytest

from bench import mutant_drive
from bench.mutant_report import REASONS, reasons_in, report
from bench.mutant_sites import Mutant, Site, mutants, mutated

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
DRIVEN_BY = ("bench/mutant_drive.py", "tests/lamp_law.py")
SEEDS = (1, 2)
SECONDS_MAX = 40
TESTS = (
    *(f"tests/test_monitor_{name}.py" for name in ("card", "yields", "shown", "silence", "alive")),
    *(f"tests/test_monitor_{name}.py" for name in ("patience", "effort", "transitions", "lamps", "frames")),
    "tests/test_card_adoption.py",
    "tests/test_monitor_twin.py",
)
"""The quick ones first: the first that fails ends a mutant."""
OPTIONS = (
    "-x", "-q", "--no-header", "--tb=no", "--hypothesis-seed=0", "--assert=plain", "--noconftest",
    "-p", "no:cacheprovider", "-p", "no:anyio", "-p", "no:syrupy",
)  # fmt: skip
"""Repeatable, and without what only costs time: it is started hundreds of times."""


def text_of(file: str) -> str:
    """A source file."""
    return (ROOT / file).read_text(encoding="utf-8")


def all_of(files: tuple[str, ...]) -> list[Mutant]:
    """Every mutant of some files, in an order that depends on each one's site alone."""
    every = [mutant for file in files for mutant in mutants(file, text_of(file))]
    return sorted(every, key=lambda mutant: hashlib.sha256("|".join(mutant.site).encode()).digest())


def chosen(count: int) -> list[Mutant]:
    """Every mutant of the engine and so many of the monitor's as fit."""
    engine = all_of(ENGINE)[:count]
    return engine + all_of(MONITOR)[: count - len(engine)]


# --- the engine ----------------------------------------------------------------------------------


def engine_verdict(mutant: Mutant, true: list[mutant_drive.Drive]) -> dict[str, Any]:
    """Drive a sequencer with this wrong and say what came of it."""
    sources = {file: text_of(file) for file in ENGINE}
    sources[mutant.file] = mutated(sources[mutant.file], mutant.number)
    kernels = mutant_drive.loaded("mutant_kernels", sources[ENGINE[0]])
    sequencer = mutant_drive.loaded("mutant_sequencer", sources[ENGINE[1]])
    return mutant_drive.judged([mutant_drive.drive(kernels, sequencer, seed) for seed in SEEDS], true)


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
            code = int(pytest.main([*OPTIONS, *files]))
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


def wanted(results: Path, count: int, only: list[str], again: bool) -> list[Mutant]:
    """The mutants of this run: so many, or those asked for by their site or by what became of them before."""
    if not only and not again:
        return chosen(count)
    every = [m for m in all_of(ENGINE + MONITOR) if not only or any(t in " | ".join(m.site) for t in only)]
    if not again:
        return every
    fates: dict[Site, str] = {}
    for kept in sorted(results.glob("mutants-*.jsonl"), key=lambda path: path.stat().st_mtime):
        fates |= {Site(*row["site"]): row["fate"] for row in _rows(kept)}
    return [m for m in every if fates.get(m.site) in ("survived", "missed")]


def run(results: Path, every: list[Mutant], minutes: float) -> int:
    """Go through what is not done yet while there is time; print what is known. 1 = a wrong was missed."""
    files = [ROOT / file for file in (*ENGINE, *MONITOR, *TESTS, *DRIVEN_BY)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
    kept_in = results / f"mutants-{digest}.jsonl"
    done = {row["mutant"]: row for row in _rows(kept_in)} if kept_in.exists() else {}
    kernels = mutant_drive.loaded("mutant_kernels", text_of(ENGINE[0]))
    sequencer = mutant_drive.loaded("mutant_sequencer", text_of(ENGINE[1]))
    true = [mutant_drive.drive(kernels, sequencer, seed) for seed in SEEDS]
    assert not any(t.unlawful or t.said or t.crash or t.overlong for t in true), true
    ends = time.monotonic() + 60 * minutes
    nothing = Mutant(MONITOR[0], -1, 0, "nothing wrong", Site("", "", ""))
    if monitor_verdict(nothing)["fate"] != "survived":
        raise SystemExit("mutants: the monitor's own tests fail without any wrong in it")
    with kept_in.open("a", encoding="utf-8") as file:
        for mutant in every:
            key = f"{mutant.file}:{mutant.number}"
            if key in done or time.monotonic() > ends:
                continue
            engine = mutant.file in ENGINE
            found = engine_verdict(mutant, true) if engine else monitor_verdict(mutant)
            row = {"mutant": key, "line": mutant.line, "what": mutant.what, "site": mutant.site, **found}
            done[key] = row
            file.write(json.dumps(row) + "\n")
            file.flush()
    rows = [done[key] for m in every if (key := f"{m.file}:{m.number}") in done]
    sites = [m.site for m in all_of(ENGINE + MONITOR)]
    text, code = report(rows, reasons_in(REASONS.read_text("utf-8")), sites, len(every))
    sys.stdout.write(text)
    return code


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


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
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="those with this text in their site"
    )
    parser.add_argument("--again", action="store_true", help="those that survived, or were missed, before")
    given = parser.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    every = wanted(given.results, given.count, given.only, given.again)
    return run(given.results, every, given.minutes)


if __name__ == "__main__":
    sys.exit(main())
