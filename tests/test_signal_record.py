"""What SUMO recorded the signals as showing is lawful, for every controller; and the auditor can fail."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from controller.vocabulary import CONTROLLERS, Sensors
from sim.demo import build_demo_street
from sim.importers.sumo import import_sumo
from tests.signal_audit import audit
from tests.small_nets import with_walkers

# Links of the small network: 0 from the west, 1 from the south, 2 the crossing over the southern arm.
PHASES = """        <phase duration="30" state="Grr"/>
"""


def recorded(directory: Path, *shown: tuple[int, str]) -> Path:
    """A record in SUMO's words of states held for so many seconds each."""
    rows, time_s = [], 0
    for duration_s, state in shown:
        for _ in range(duration_s):
            rows.append(f'<tlsState time="{time_s}.00" id="C" programID="0" phase="0" state="{state}"/>')
            time_s += 1
    path = directory / "record.xml"
    path.write_text("<tlsStates>\n" + "\n".join(rows) + "\n</tlsStates>\n", encoding="utf-8")
    return path


def found(directory: Path, *shown: tuple[int, str]) -> Counter[str]:
    net = with_walkers(directory, PHASES, crossing_length_m=14.0)
    return Counter(one.kind for one in audit(net, recorded(directory, *shown)))


LAWFUL = [(20, "Grr"), (4, "yrr"), (2, "rrr"), (20, "rGr"), (3, "ryr")]


def test_a_lawful_record_passes(tmp_path: Path) -> None:
    walk = [(2, "rrr"), (8, "GrG"), (14, "Grr"), (4, "yrr"), (2, "rrr"), (9, "rGr"), (4, "ryr"), (3, "rrr")]
    assert found(tmp_path, *LAWFUL, *walk) == Counter()


def test_two_crossing_streets_green_at_once_are_found(tmp_path: Path) -> None:
    assert found(tmp_path, (20, "rrr"), (20, "GGr"))["conflicting greens"] == 1


def test_yellow_still_counts_as_active(tmp_path: Path) -> None:
    assert found(tmp_path, (20, "Grr"), (4, "yGr"), (20, "rGr"))["conflicting greens"] == 1


def test_green_that_turns_red_at_once_is_found(tmp_path: Path) -> None:
    assert found(tmp_path, (20, "Grr"), (9, "rrr")) == {"green to red without yellow": 1}


def test_yellow_that_turns_green_again_is_found(tmp_path: Path) -> None:
    assert found(tmp_path, (20, "Grr"), (3, "yrr"), (9, "Grr")) == {"yellow back to green": 1}


@pytest.mark.parametrize(("yellow_s", "short"), [(2, 1), (3, 0)])
def test_yellow_must_last_three_seconds(tmp_path: Path, yellow_s: int, short: int) -> None:
    assert found(tmp_path, (9, "Grr"), (yellow_s, "yrr"), (9, "rrr"))["short yellow"] == short


@pytest.mark.parametrize(("green_s", "short"), [(4, 1), (5, 0)])
def test_green_must_last_five_seconds(tmp_path: Path, green_s: int, short: int) -> None:
    assert found(tmp_path, (9, "rrr"), (green_s, "Grr"), (4, "yrr"), (9, "rrr"))["short green"] == short


@pytest.mark.parametrize(("walk_s", "short"), [(6, 1), (7, 0)])
def test_walk_must_last_seven_seconds(tmp_path: Path, walk_s: int, short: int) -> None:
    assert found(tmp_path, (9, "rrr"), (walk_s, "rrG"), (9, "rrr"))["short walk"] == short


@pytest.mark.parametrize(("clearance_s", "cut"), [(5, 1), (11, 1), (12, 0)])
def test_fourteen_metres_take_twelve_seconds_to_clear(tmp_path: Path, clearance_s: int, cut: int) -> None:
    shown = [(5, "rrr"), (8, "rrG"), (clearance_s, "rrr"), (9, "rGr")]
    assert found(tmp_path, *shown)["pedestrian clearance cut"] == cut


def test_a_record_without_rows_is_no_proof(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no signal states"):
        found(tmp_path)


# --- SUMO itself --------------------------------------------------------------------------

MINUTES = 6


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    return build_demo_street(tmp_path_factory.mktemp("town"), seed=3, duration_s=60 * MINUTES)


def record_of(town: tuple[Path, list[Path]], controller: str | None, folder: Path) -> Path:
    """Play the town and let SUMO record its signals; None leaves them to SUMO's own program."""
    from sim.sumo_run import RunSpec, run

    record, additional = folder / "record.xml", folder / "record.add.xml"
    additional.write_text(
        f'<additional><timedEvent type="SaveTLSStates" dest="{record}"/></additional>', encoding="utf-8"
    )
    result = run(
        RunSpec(
            street=import_sumo(town[0]),
            net=town[0],
            routes=tuple(town[1]),
            begin_s=0,
            end_s=60 * MINUTES,
            controller=controller,
            sensors=Sensors.LOOPS,
            sumo_options=("--additional-files", str(additional)),
        )
    )
    assert result.modes["car"].trips > 100
    return record


@pytest.mark.sumo
def test_the_audit_catches_sumos_own_program_cutting_pedestrian_clearance(
    town: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    kinds = Counter(one.kind for one in audit(town[0], record_of(town, None, tmp_path)))
    assert kinds["pedestrian clearance cut"] > 0
    assert kinds["conflicting greens"] == kinds["green to red without yellow"] == 0


@pytest.mark.sumo
@pytest.mark.parametrize("controller", CONTROLLERS)
def test_every_controller_shows_only_lawful_signals(
    town: tuple[Path, list[Path]], tmp_path: Path, controller: str
) -> None:
    violations = audit(town[0], record_of(town, controller, tmp_path))
    assert [str(one) for one in violations] == []
