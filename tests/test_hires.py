"""The event log for tools of others: what it says is what the lamps and loops did, and `atspm` reads it."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from controller.hires import Code, Event, HighResolution, detector_config
from controller.journal import JournalWriter, read_journal
from controller.journal_codec import TickRecord
from controller.orders import Deed
from controller.vocabulary import Lamp, Sensors
from sim.journal_commands import write_events
from tests.command_line import belisha
from tests.journal_street import Drive, network

MIDNIGHT = datetime.datetime(2026, 1, 1)
DRIVERS, WALKERS = (1, 2, 3, 4), (5, 6)


@pytest.fixture(scope="module")
def quarter_hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hires") / "day.journal"
    drive = Drive("actuated", Sensors.LOOPS)
    with JournalWriter(path, drive.controller, "actuated", Sensors.LOOPS) as journal:
        drive.run(900, journal)
    return path


@pytest.fixture(scope="module")
def log(quarter_hour: Path) -> list[Event]:
    reader = read_journal(quarter_hour)
    return list(HighResolution(reader.network).events(reader))


def lamps_of(path: Path) -> list[tuple[int, np.ndarray]]:
    """(time, lamps) of every change, from the journal's own records."""
    return [(tick.now_ms, tick.lamps) for tick in read_journal(path) if tick.lamps is not None]


def begins(path: Path, group: int, lamp: Lamp) -> list[int]:
    times, before = [], -1
    for now_ms, lamps in lamps_of(path):
        if lamps[group] == lamp != before:
            times.append(now_ms)
        before = int(lamps[group])
    return times


def times(log: list[Event], code: Code, parameter: int) -> list[int]:
    return [e.time_ms for e in log if e.code is code and e.parameter == parameter]


def test_every_change_of_lamp_is_said_when_it_was_shown(quarter_hour: Path, log: list[Event]) -> None:
    for phase in DRIVERS:
        assert times(log, Code.GREEN, phase) == begins(quarter_hour, phase - 1, Lamp.GREEN)
        assert times(log, Code.YELLOW, phase) == begins(quarter_hour, phase - 1, Lamp.YELLOW)
        assert len(times(log, Code.GREEN, phase)) > 3
    for phase in WALKERS:
        assert times(log, Code.WALK, phase) == begins(quarter_hour, phase - 1, Lamp.GREEN)
        assert times(log, Code.PEDESTRIAN_CLEARANCE, phase) == begins(quarter_hour, phase - 1, Lamp.CLEARANCE)


def test_every_cycle_has_one_end_one_reason_one_yellow_and_one_red_clearance(log: list[Event]) -> None:
    """As tools for split failures need it: exactly one 8 and one 10 after each 1."""
    why = {Code.GAP_OUT, Code.MAX_OUT, Code.FORCE_OFF}
    for phase in DRIVERS:
        story = [e for e in log if e.parameter == phase and e.code in {*why, *range(1, 12)}]
        cycles: list[list[Code]] = []
        for event in story:
            if event.code is Code.GREEN:
                cycles.append([])
            elif cycles:
                cycles[-1].append(event.code)
        for cycle in cycles[:-1]:
            assert cycle[0] in why
            assert cycle[1:] == [
                Code.GREEN_ENDS, Code.YELLOW, Code.YELLOW_ENDS, Code.RED_CLEARANCE, Code.RED_CLEARANCE_ENDS,
            ]  # fmt: skip
        clears = zip(
            times(log, Code.RED_CLEARANCE, phase), times(log, Code.RED_CLEARANCE_ENDS, phase), strict=False
        )
        assert {end - begin for begin, end in clears} == {1_000}, "the toy street's all-red"


def test_loops_and_buttons_go_on_and_off_in_turn_as_often_as_they_counted(
    quarter_hour: Path, log: list[Event]
) -> None:
    counts = np.zeros(len(network().detectors), np.int64)
    rising, on, sequence = counts.copy(), np.zeros(len(counts), np.bool_), -1
    for tick in read_journal(quarter_hour):
        if tick.frame is not None and tick.frame.sequence != sequence:
            sequence = tick.frame.sequence
            rises = tick.frame.detector_on & ~on
            rising += np.maximum(tick.frame.detector_count, rises)
            on = tick.frame.detector_on.copy()
    by_channel: dict[int, list[Code]] = defaultdict(list)
    for event in log:
        if event.code in (Code.DETECTOR_ON, Code.DETECTOR_OFF):
            by_channel[event.parameter].append(event.code)
    for channel, codes in by_channel.items():
        assert (
            codes
            == [Code.DETECTOR_ON, Code.DETECTOR_OFF] * (len(codes) // 2) + codes[2 * (len(codes) // 2) :]
        )
        assert codes.count(Code.DETECTOR_ON) == rising[channel - 1]
    buttons = [d for d, detector in enumerate(network().detectors) if detector.group]
    presses = [len(times(log, Code.PRESS, phase)) for phase in WALKERS]
    assert presses == [int(rising[d]) for d in buttons]


def test_a_call_is_said_once_until_it_is_served(log: list[Event]) -> None:
    for phase in DRIVERS:
        codes = [e.code for e in log if e.parameter == phase and e.code in (Code.CALL, Code.CALL_DROPPED)]
        assert codes[::2] == [Code.CALL] * len(codes[::2])
        assert codes[1::2] == [Code.CALL_DROPPED] * len(codes[1::2])
    assert all(times(log, Code.PEDESTRIAN_CALL, phase) for phase in WALKERS)


def test_an_idle_signal_is_heard_often_enough_not_to_be_taken_for_dead(log: list[Event]) -> None:
    heard = [e.time_ms for e in log if e.code is Code.CONTROL_STATUS]
    assert max(b - a for a, b in pairwise(heard)) <= 60_000
    assert [e.time_ms for e in log] == sorted(e.time_ms for e in log)
    assert all(0 <= e.parameter < 1 << 15 for e in log)


def tick(now_ms: int, lamps: list[int] | None = None, *deeds: Deed) -> TickRecord:
    return TickRecord(now_ms, None, None if lamps is None else np.array(lamps, np.int8), (), tuple(deeds))


def test_what_people_ordered_is_said_and_taken_back_when_it_ends() -> None:
    ticks = [
        tick(0, [0] * 6),
        tick(1_000, None, ("hold", (0, 2, 20_000, False))),
        tick(5_000, None, ("omit", (0, 3, 60_000))),
        tick(7_000, None, ("release", (0,))),
        tick(9_000, None, ("hold", (0, 0, 10_000, True))),
        tick(10_000),
    ]
    said = [(e.time_ms, e.code, e.parameter) for e in HighResolution(network()).events(ticks)]
    assert [row for row in said if row[0] > 0] == [
        (1_000, Code.HOLD, 3), (5_000, Code.HOLD_RELEASED, 1), (5_000, Code.OMIT, 4),
        (7_000, Code.OMIT_RELEASED, 1), (9_000, Code.HOLD, 1), (10_000, Code.HOLD_RELEASED, 1),
    ]  # fmt: skip


def test_a_flash_by_order_is_told_apart_from_one_by_the_monitor() -> None:
    flash = [Lamp.FLASH_RED] * 4 + [Lamp.RED] * 2
    ticks = [
        tick(0, [0] * 6), tick(1_000, flash), tick(9_000, [0] * 6),
        tick(10_000, None, ("flash", (0, 99_000))), tick(11_000, flash),
    ]  # fmt: skip
    events = HighResolution(network()).events(ticks)
    said = [(e.time_ms, e.parameter) for e in events if e.code is Code.FLASH_STATUS]
    assert said == [(1_000, 5), (9_000, 2), (11_000, 3)]


def test_the_command_writes_a_torn_journal_up_to_the_tear(quarter_hour: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    torn, out = tmp_path / "torn.journal", tmp_path / "events.parquet"
    whole = quarter_hour.read_bytes()
    torn.write_bytes(whole[: len(whole) // 2 + 7])
    words = ("journal", "export", torn, "-o", out)
    done = belisha(*words)
    assert done.returncode == 0, done.stderr
    assert "no whole record" in done.stdout
    table = pyarrow.parquet.read_table(out)
    assert table.column_names == ["TimeStamp", "DeviceId", "EventId", "Parameter"]
    assert table.num_rows > 0
    assert (tmp_path / "events-detectors.parquet").exists()
    wrong = belisha(*words, "--date", "soon")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)


# --- read by the tool itself -----------------------------------------------------------------

AGGREGATIONS: list[dict[str, Any]] = [
    {"name": "has_data", "params": {"no_data_min": 5, "min_data_points": 3}},
    {"name": "actuations", "params": {}},
    {"name": "arrival_on_green", "params": {"latency_offset_seconds": 0}},
    {"name": "split_failures", "params": {
        "red_time": 5, "red_occupancy_threshold": 0.8, "green_occupancy_threshold": 0.8,
        "by_approach": True, "by_cycle": False}},
    {"name": "terminations", "params": {}},
    {"name": "timeline", "params": {"min_duration": 0.1, "cushion_time": 60}},
    {"name": "ped_delay", "params": {"by_cycle": False}},
]  # fmt: skip


def ask(log: Path, detectors: Path, out: Path) -> dict[str, list[dict[str, Any]]]:
    """Every aggregation of the package, as rows."""
    from atspm import SignalDataProcessor

    processor = SignalDataProcessor(
        raw_data=str(log), detector_config=str(detectors), bin_size=15, output_dir=str(out),
        output_to_separate_folders=False, output_format="parquet", output_file_prefix="",
        remove_incomplete=False, to_sql=False, verbose=0, aggregations=AGGREGATIONS,
    )  # fmt: skip
    processor.load()
    processor.aggregate()
    rows = {}
    for aggregation in AGGREGATIONS:
        found = processor.conn.query(f"select * from {aggregation['name']}")
        rows[aggregation["name"]] = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    return rows


def weighted(rows: list[dict[str, Any]], value: str, weight: str) -> dict[int, float]:
    """The mean of all bins by phase."""
    phases = {row["Phase"] for row in rows}
    return {
        p: sum(r[value] * r[weight] for r in rows if r["Phase"] == p)
        / sum(r[weight] for r in rows if r["Phase"] == p)
        for p in phases
    }


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_atspm_measures_from_our_log_what_happened(
    quarter_hour: Path, log: list[Event], tmp_path: Path
) -> None:
    pytest.importorskip("atspm")
    out = tmp_path / "events.parquet"
    assert write_events(read_journal(quarter_hour), out, MIDNIGHT) == len(log)
    rows = ask(out, tmp_path / "events-detectors.parquet", tmp_path)
    assert rows["has_data"]

    reasons = {Code.GAP_OUT: "GapOut", Code.MAX_OUT: "MaxOut", Code.FORCE_OFF: "ForceOff"}
    ended = Counter((e.parameter, reasons[e.code]) for e in log if e.code in reasons)
    told: Counter[tuple[int, str]] = Counter()
    for row in rows["terminations"]:
        told[row["Phase"], row["PerformanceMeasure"]] += row["Total"]
    assert told == ended

    counted: Counter[int] = Counter()
    for row in rows["actuations"]:
        counted[row["Detector"]] += row["Total"]
    assert counted == Counter(e.parameter for e in log if e.code is Code.DETECTOR_ON)

    for phase, told_s in weighted(rows["ped_delay"], "AvgPedDelay", "Samples").items():
        begun, presses = times(log, Code.WALK, phase), times(log, Code.PRESS, phase)
        cleared = times(log, Code.PEDESTRIAN_CLEARANCE, phase)
        waits = []
        for walk_ms, before_ms in zip(begun[1:], cleared, strict=False):
            first_ms = next((t for t in presses if before_ms < t <= walk_ms), None)
            waits += [] if first_ms is None else [(walk_ms - first_ms) / 1000]
        assert told_s == pytest.approx(float(np.mean(waits)), abs=2.0)
    assert {row["Phase"] for row in rows["ped_delay"]} == set(WALKERS)

    advance = {
        channel: phase for _, phase, channel, function in detector_config(network()) if function == "Advance"
    }
    for phase, share in weighted(rows["arrival_on_green"], "Percent_AOG", "Total_Actuations").items():
        greens = list(zip(times(log, Code.GREEN, phase), times(log, Code.YELLOW, phase), strict=False))
        came = [e.time_ms for e in log if e.code is Code.DETECTOR_ON and advance.get(e.parameter) == phase]
        came = [t for t in came if t >= greens[0][0]]
        on_green = sum(any(a <= t < b for a, b in greens) for t in came)
        assert share == pytest.approx(on_green / len(came), abs=0.05)
    assert {row["Phase"] for row in rows["split_failures"]} == set(DRIVERS)
    assert rows["timeline"]
