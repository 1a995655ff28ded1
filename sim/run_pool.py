"""Jobs in processes side by side: each has a process of its own, and a crash takes nothing else with it.

A process a job and not a pool of them: libsumo holds one simulation a process, and no run can
see what ran before it. What a job is and what is done with its result, the caller knows.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

Progress = Callable[[float], None]
"""Called by a job with the part of it that is done (0-1)."""
Work = Callable[[Any, Progress], Any]
"""Does a job in a process of its own; must be importable there by its name, its result picklable."""
OnPart = Callable[[Any, float], None]
"""Called with a job and the part of it that is done, below 1."""
OnEnd = Callable[[Any, Any, float], None]
"""Called once a job with its result or Failure and the seconds it took."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that gave no result, and why in one line."""

    reason: str
    trace: str = ""
    """The whole story where the reason is a mistake of ours."""


@dataclass(slots=True)
class _Running:
    job: Any
    process: SpawnProcess
    pipe: Connection
    started_s: float


def run_in_processes(jobs: Sequence[Any], work: Work, processes: int, on_part: OnPart, on_end: OnEnd) -> None:
    """Do every job, `processes` at a time; a job that fails or crashes stops nothing.

    Whatever the callbacks raise, and KeyboardInterrupt, ends the running processes and is raised again.
    """
    waiting = list(jobs)
    running: list[_Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                running.append(_start(waiting.pop(0), work))
            for one in _ready(running):
                kind, content = _receive(one)
                if kind == "part":
                    on_part(one.job, min(content, 0.999))
                    continue
                running.remove(one)
                on_end(one.job, content, time.monotonic() - one.started_s)
    finally:
        for one in running:
            one.process.terminate()
        for one in running:
            one.process.join(timeout=5)
            if one.process.exitcode is None:
                one.process.kill()
            one.pipe.close()


def failure_of(error: BaseException) -> Failure:
    """One line, and the trace where the error is not one of ours that says all there is to say."""
    lines = str(error).strip().splitlines() or [""]
    ours = type(error).__module__.partition(".")[0] in ("controller", "override", "sim")
    if lines[0] and (ours or type(error) in (ValueError, RuntimeError)):
        return Failure(lines[0])
    return Failure(f"{type(error).__name__}: {lines[0]}", "".join(traceback.format_exception(error)))


def _start(job: Any, work: Work) -> _Running:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_do, args=(job, work, theirs), daemon=True)
    process.start()
    theirs.close()
    return _Running(job, process, ours, time.monotonic())


def _ready(running: Sequence[_Running]) -> Iterator[_Running]:
    pipes: Mapping[Any, _Running] = {one.pipe: one for one in running}
    for pipe in wait(list(pipes)):
        yield pipes[pipe]


def _receive(one: _Running) -> tuple[str, Any]:
    """One message of a job: ("part", share done) or ("end", result or Failure)."""
    try:
        kind, content = one.pipe.recv()
    except (EOFError, OSError):
        one.process.join()
        return "end", Failure(f"the process ended without a result ({_ending(one.process.exitcode)})")
    if kind == "end":
        one.process.join()
        one.pipe.close()
    return kind, content


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _do(job: Any, work: Work, pipe: Connection) -> None:
    """In the job's own process: do it and send what came of it."""
    # Ctrl-C reaches the whole group; the parent alone decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        result = work(job, lambda part: _tell(pipe, ("part", part)))
    except Exception as error:
        result = failure_of(error)
    _tell(pipe, ("end", result))
    pipe.close()


def _tell(pipe: Connection, message: tuple[str, Any]) -> None:
    """Send it; where whoever asked for the job is gone, nobody wants its result either."""
    try:
        pipe.send(message)
    except BrokenPipeError:
        raise SystemExit(1) from None
