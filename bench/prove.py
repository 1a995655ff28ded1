"""`make prove`: every junction of a folder of street networks, explored; a table, resumable.

    python -m bench.prove --scenarios DIR --results DIR [--minutes 18] [--seconds 180] [--jobs 2]

Every kind of junction has its share of the time, the small ones first: what they leave is for the large
ones. How far each was explored in its share is told. Junctions alike in everything a sequencer knows are
proved once. What is done is kept by the digest of the sources that decide a step, so that a second run goes
on where the first one was stopped, and a change of the sequencer begins anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import proof_calls_kernels as calls
from bench import proof_model as model
from bench.proof_space import Cell, Exploration, Explored, NoRoom, sets_of_crossings, up
from controller import stage_play_kernels
from controller.junction import Junction
from controller.numba_cache import with_imports
from controller.stage_play_kernels import ALWAYS, NEVER, PERHAPS
from controller.vocabulary import Timing

ROOT = Path(__file__).resolve().parent.parent
ROOM = 16_000_000
"""States of one exploration that fit into a gigabyte and a half."""
ROOM_OF_CALLS = 400_000
"""Where more states can be reached with another crossing in use, none is in use before the tagged call."""
EXPLORING = 0.7
"""Share of a junction's time that is for its states; the rest is for its calls."""
AT_A_TIME = 64
"""States at rest whose calls are followed before the clock is looked at."""
ORDERS = ("no orders", "orders taken back once all is red", "orders given and taken back at any step")
NETS = ("*.net.xml", "*.net.xml.gz")


@dataclass(frozen=True, slots=True)
class Proved:
    """What was proved of one junction."""

    junction: str
    groups: int
    stages: int
    crossings: int
    at_once: int
    """Crossings that may be called in one exploration; every set of so many was explored."""
    orders: str
    more: str
    """Sets of crossings explored beyond that; empty = none."""
    states: int
    steps: int
    changes: int
    calls: int
    """Tagged calls followed to their service."""
    calls_at_once: int
    """Crossings that may have been called before the tagged call, every set of so many."""
    rest_share: float
    """Of the states at rest, how many were followed: 1 = every one; else so many by chance."""
    least_left_ms: int
    """Of a promise when its call was served, the worst of all."""
    seconds: float
    """Of the processor, not of the clock."""


def prove(junction: Junction, timing: Timing, seconds: float, room: int = ROOM) -> Proved:
    """Explore as much as so many seconds of the clock allow, each exploration to its end.

    Raises `proof_space.Unlawful` with the whole way to the first wrong step or broken promise.
    """
    began_s, used_s = time.monotonic(), time.process_time()
    depth = deepest(junction, timing, EXPLORING * seconds, room)
    left_s = seconds - (time.monotonic() - began_s)
    calls_kept = kept(junction, timing, min(depth.at_once, 1), max(left_s, (1 - EXPLORING) / 2 * seconds))
    return Proved(
        junction.name, len(junction.groups), len(junction.stages), len(Cell(junction, timing).crossings),
        depth.at_once, ORDERS[depth.orders], depth.more, depth.found.states, depth.found.steps,
        depth.found.changes, calls_kept.followed, calls_kept.at_once, round(calls_kept.rest_share, 4),
        calls_kept.least_left_ms, round(time.process_time() - used_s, 1),
    )  # fmt: skip


@dataclass(slots=True)
class Depth:
    """How far a junction was explored."""

    at_once: int
    orders: int
    found: Explored
    more: str = ""
    """Of the next level, which sets of crossings there was time for."""


def deepest(junction: Junction, timing: Timing, seconds: float, room: int) -> Depth:
    """The greatest freedom there is time for, and as many sets of crossings of the one after it.

    The first level is explored however long it takes. Raises NoRoom where even that has too many states.
    """
    began_s, cell, states = time.monotonic(), Cell(junction, timing), 0
    depth: Depth | None = None
    for at_once, orders in levels(len(cell.crossings)):
        sets, found, done = list(sets_of_crossings(cell, at_once)), Explored(0, 0, 0, 0.0), 0
        least = 0 if depth is None else depth.found.states // comb(len(cell.crossings), depth.at_once)
        for called in sets:
            # No more states than there is time for at the pace so far, and no set begun that cannot end: each
            # has as many as one of the level before, if not more.
            passed_s = time.monotonic() - began_s
            allowed = room if depth is None else int(states * (seconds - passed_s) / max(passed_s, 0.001))
            if allowed < least:
                break
            try:
                one = Exploration(cell_of(junction, timing, called, orders), min(room, allowed)).run()
            except NoRoom:
                break
            found, done, states = found + one, done + 1, states + one.states
        if done == len(sets):
            depth = Depth(at_once, orders, found)
            continue
        if depth is None:
            raise NoRoom(junction.name)
        if done:
            depth.more = f"{done} of {len(sets)} sets of {at_once}: {ORDERS[orders]}"
            depth.found += found
        break
    assert depth is not None, "there is a first level"
    return depth


def levels(crossings: int) -> Iterator[tuple[int, int]]:
    """(crossings called at once, kind of orders), each with more freedom than the one before.

    The first is small at any junction, and its pace says which of the others can end in time.
    """
    yield 0, 0
    yield 0, 1
    if not crossings:
        yield 0, 2
    for at_once in range(1, crossings + 1):
        yield at_once, 1
        if at_once > 1 or crossings == 1:
            yield at_once, 2


def cell_of(junction: Junction, timing: Timing, called: frozenset[int], orders: int) -> Cell:
    """A cell whose crossings in `called` may be called, under that kind of orders."""
    cell = Cell(junction, timing, called)
    cell.law.orders[0] = orders
    return cell


class BrokenPromise(AssertionError):
    """A call served late, or never; the message tells the state and what the planner wanted."""


@dataclass(slots=True)
class Kept:
    """What came of the tagged calls."""

    at_once: int
    """Crossings that may have been in use before."""
    followed: int = 0
    rests: int = 0
    """States at rest, and those of them whose calls were followed."""
    rests_followed: int = 0
    least_left_ms: int = stage_play_kernels.NEVER_MS

    @property
    def rest_share(self) -> float:
        """1 = every state at rest."""
        return self.rests_followed / max(1, self.rests)


def kept(junction: Junction, timing: Timing, at_once: int, seconds: float = 1e9) -> Kept:
    """Follow one tagged call at a time from every state at rest, or from as many as there is time for.

    Nobody else calls, whoever the urgency expects: nobody, people at every crossing, or at some.

    Raises `BrokenPromise` naming the first call served late.
    """
    ends_s = time.monotonic() + seconds
    if at_once:
        try:
            return _kept(junction, timing, at_once, ends_s, ROOM_OF_CALLS)
        except NoRoom:
            pass
    return _kept(junction, timing, 0, ends_s, ROOM)


def _kept(junction: Junction, timing: Timing, at_once: int, ends_s: float, room: int) -> Kept:
    told, sets = Kept(at_once), list(sets_of_crossings(Cell(junction, timing), at_once))
    for k, called in enumerate(sets):
        cell = cell_of(junction, timing, called, 0).tell_groups_apart()
        exploration = Exploration(cell, room)
        exploration.run()
        now_s = time.monotonic()
        _follow(cell, exploration, now_s + (ends_s - now_s) / (len(sets) - k), told)
    return told


def _follow(cell: Cell, exploration: Exploration, ends_s: float, told: Kept) -> None:
    """The calls of one exploration's states at rest, in an order of chance, until then by the clock."""
    wait = calls.empty_wait(cell.network.n_groups)
    wait.max_green_ms[:] = cell.network.max_green_ms
    space = exploration.space
    rows = space.rows[: int(space.counts[0])]
    rows = rows[(rows[:, model.FLAGS] == 0) & (rows[:, model.STAGE] >= 0)]
    chance = np.random.default_rng(1)
    rows = rows[chance.permutation(len(rows))]
    told.rests += len(rows)
    for first in range(0, len(rows), AT_A_TIME):
        some = np.ascontiguousarray(rows[first : first + AT_A_TIME])
        for walks in expectations(cell, chance):
            wait.people_per_s[:] = walks
            cell.scene.starts_uncalled[:] = np.where(cell.law.walks, np.where(walks, PERHAPS, NEVER), ALWAYS)
            if not calls.all_kept(some, len(some), cell.scene, wait):
                raise BrokenPromise(_late(cell.junction, wait, some, walks))
        told.rests_followed += len(some)
        if time.monotonic() > ends_s:
            break
    told.followed += int(wait.counts[0])
    told.least_left_ms = min(told.least_left_ms, int(wait.least_left_ms.min()))


def _late(junction: Junction, wait: calls.Wait, rows: NDArray[np.int16], expected: NDArray[np.bool_]) -> str:
    """The call served late, in words."""
    at, group, stage, age_ms = (int(x) for x in wait.late)
    where = ", ".join(g.name for g, comes in zip(junction.groups, expected, strict=True) if comes)
    return (
        f"{junction.name}/{junction.groups[group].name}: called {age_ms} ms before, served late when"
        f" stage {junction.stages[stage].name} was wanted in state {rows[at].tolist()};"
        f" people were expected, who did not come, at: {where or 'no crossing'}"
    )


def expectations(cell: Cell, chance: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """Where people are expected, who then do not come: (n) nowhere, at all crossings, at some by chance."""
    walks = cell.law.walks
    yield np.zeros_like(walks)
    if walks.any():
        yield walks
    if walks.sum() > 1:
        yield walks & (chance.random(len(walks)) < 0.5)


# --- a folder of networks ----------------------------------------------------------------------


def likeness(junction: Junction) -> str:
    """A digest of everything a sequencer knows of a junction; names and places are not among it."""
    index = {g.name: k for k, g in enumerate(junction.groups)}
    times = ("min_green_ms", "max_green_ms", "yellow_ms", "clearance_ms", "promise_ms")
    known = (
        [(int(g.kind), *(up(getattr(g, name)) for name in times)) for g in junction.groups],
        sorted((index[i.ending], index[i.starting], up(i.duration_ms)) for i in junction.intergreens),
        sorted((index[y.group], index[y.to]) for y in junction.yields),
        [(sorted(index[g] for g in s.groups), str(s.source)) for s in junction.stages],
    )
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]


def sources() -> str:
    """A digest of every source that decides a step, and of the proof itself."""
    digest = hashlib.sha256()
    for path in with_imports([ROOT / "bench" / "prove.py"], ROOT):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def junctions_of(folder: Path) -> list[tuple[str, Junction]]:
    """Every signalled junction of every network below `folder`, computed timing."""
    from sim.importers.sumo import import_sumo

    nets = sorted({net for pattern in NETS for net in folder.rglob(pattern)})
    return [
        (net.name.partition(".")[0], j) for net in nets for j in import_sumo(net, Timing.COMPUTED).junctions
    ]


def share_s(ends_s: float, kinds: int, jobs: int, at_most_s: float) -> float:
    """Seconds of the clock for the next of so many kinds, when all shall end by `ends_s`."""
    return min(at_most_s, max(0.0, ends_s - time.monotonic()) * min(jobs, kinds) / kinds)


def run(folder: Path, results: Path, seconds: float, jobs: int, minutes: float) -> int:
    """Prove what is not yet proved, print the table; 1 where something is wrong."""
    ends_s = time.monotonic() + 60 * minutes
    results.mkdir(parents=True, exist_ok=True)
    kept_in = results / f"proof-{sources()}.jsonl"
    done: dict[str, dict[str, Any]] = {}
    if kept_in.exists():
        done = {row["likeness"]: row for row in map(json.loads, kept_in.read_text("utf-8").splitlines())}
    every = junctions_of(folder)
    kinds = {likeness(j): (net, j) for net, j in reversed(every)}
    small = sorted(kinds.items(), key=lambda kind: (len(kind[1][1].groups) * len(kind[1][1].stages), kind[0]))
    waiting = {key: j for key, (_, j) in small if key not in done}
    before = len(kinds) - len(waiting)
    say(f"{len(every)} junctions, {len(kinds)} kinds, {before} proved before; {kept_in.name}")
    wrong, queue = 0, list(waiting.items())
    with ProcessPoolExecutor(jobs) as pool, kept_in.open("a", encoding="utf-8") as file:
        futures: dict[Future[Proved], str] = {}
        while queue or futures:
            while queue and len(futures) < jobs:
                share = share_s(ends_s, len(queue), jobs, seconds)
                key, junction = queue.pop(0)
                futures[pool.submit(prove, junction, Timing.COMPUTED, share)] = key
            for future in wait(futures, return_when=FIRST_COMPLETED).done:
                row = _outcome(future, waiting[key := futures.pop(future)])
                wrong += row is None
                if row:
                    done[key] = {"likeness": key, **row}
                    file.write(json.dumps(done[key]) + "\n")
                    file.flush()
    _print_table(every, done)
    return 1 if wrong else 0


def _outcome(future: Future[Proved], junction: Junction) -> dict[str, Any] | None:
    """What was proved of a junction, as a row; empty where there is no room, None where it is wrong."""
    try:
        row = asdict(future.result())
    except AssertionError as error:
        say(f"WRONG {error}")
        return None
    except NoRoom:
        say(f"  {junction.name[:24]:<24} has more states than there is room for: not proved")
        return {}
    say(f"  {row['junction'][:24]:<24} {row['states']:>12,} states {row['seconds']:>7} s")
    return row


def _print_table(every: Sequence[tuple[str, Junction]], done: dict[str, dict[str, Any]]) -> None:
    say(f"\n{'net':<18}{'junction':<22}{'groups':>7}{'stages':>7}{'walks':>6}{'at once':>8}{'states':>13}"
        f"{'steps':>14}{'calls':>12}{'of rests':>9}{'left s':>8}{'cpu s':>7}  orders")  # fmt: skip
    first: dict[str, str] = {}
    total, seconds = np.zeros(3, np.int64), 0.0
    for net, junction in every:
        key = likeness(junction)
        row = done.get(key)
        if row is None:
            say(f"{net[:17]:<18}{junction.name[:21]:<22}not proved")
        elif key in first:
            say(f"{net[:17]:<18}{junction.name[:21]:<22}as {first[key]}")
        else:
            first[key] = junction.name
            total += row["states"], row["steps"], row["calls"]
            seconds += row["seconds"]
            say(f"{net[:17]:<18}{junction.name[:21]:<22}{row['groups']:>7}{row['stages']:>7}{row['crossings']:>6}"
                f"{row['at_once']:>8}{row['states']:>13,}{row['steps']:>14,}{row['calls']:>12,}"
                f"{row['rest_share']:>9.1%}{row['least_left_ms'] / 1000:>8.1f}{row['seconds']:>7.0f}"
                f"  {row['orders']}{row['more'] and '; ' + row['more']}")  # fmt: skip
    say(f"{'all':<60}{'':>8}{total[0]:>13,}{total[1]:>14,}{total[2]:>12,}{'':>17}{seconds:>7.0f}")


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.prove", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--scenarios", type=Path, required=True, metavar="DIR")
    parser.add_argument("--results", type=Path, required=True, metavar="DIR")
    parser.add_argument("--minutes", type=float, default=18, help="for all kinds together, about")
    parser.add_argument("--seconds", type=float, default=180, help="for one kind, at most, about")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    if not given.scenarios.is_dir():
        parser.error(f"{given.scenarios}: no such directory of street networks")
    return run(given.scenarios, given.results, given.seconds, given.jobs, given.minutes)


if __name__ == "__main__":
    sys.exit(main())
