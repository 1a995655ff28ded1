"""What the user gives after -- reaches SUMO, unless it contradicts what the run is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.sumo_options import BadOptions, SumoOptions


def merged(*given: str, additional: tuple[Path, ...] = ()) -> SumoOptions:
    net, routes = Path("a.net.xml"), [Path("a.rou.xml"), Path("b.rou.xml")]
    return SumoOptions.merge(net, routes, 0, 60, 7, 1000, Path("folder"), given, additional)


def value(options: SumoOptions, name: str) -> str:
    assert options.arguments.count(name) == 1
    return options.arguments[options.arguments.index(name) + 1]


def test_a_run_never_teleports_and_counts_everybody() -> None:
    options = merged()
    assert value(options, "--time-to-teleport") == "-1"
    assert value(options, "--tripinfo-output.write-unfinished") == "true"
    assert value(options, "--tripinfo-output.write-undeparted") == "true"
    assert value(options, "--seed") == "7"
    assert value(options, "--route-files") == "a.rou.xml,b.rou.xml"


def test_unknown_options_pass_unchanged() -> None:
    given = ("--fcd-output", "f.xml", "--lateral-resolution=0.8", "--max-depart-delay", "-1")
    assert merged(*given).arguments[-len(given) :] == given


@pytest.mark.parametrize("given", [("--tripinfo-output", "mine.xml"), ("--tripinfo-output=mine.xml",)])
def test_the_users_own_tripinfo_is_the_one_measured(given: tuple[str, ...]) -> None:
    options = merged(*given)
    assert options.tripinfo == Path("mine.xml")
    assert (
        sum(
            word.startswith("--tripinfo-output=") or word == "--tripinfo-output" for word in options.arguments
        )
        == 1
    )


@pytest.mark.parametrize("name", ["-a", "--additional", "--additional-files"])
def test_additional_files_are_one_list_with_ours(name: str) -> None:
    options = merged(name, "x.xml,y.xml", "--fcd-output", "f.xml", additional=(Path("ours.xml"),))
    assert value(options, "--additional-files") == "ours.xml,x.xml,y.xml"
    assert options.arguments[-2:] == ("--fcd-output", "f.xml")
    assert name == "--additional-files" or name not in options.arguments


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        (("--net-file", "b.net.xml"), "--net "),
        (("-n=b.net.xml",), "--net "),
        (("-r", "c.rou.xml"), "--route "),
        (("--begin=5",), "--begin "),
        (("-e", "5"), "--end "),
        (("--seed", "3"), "--seed "),
        (("--random",), "--seed "),
        (("--step-length", "0.5"), "one second"),
        (("-c", "x.sumocfg"), "--net, --route"),
        (("--time-to-teleport", "300"), "measures"),
    ],
)
def test_contradictions_name_both_sides_in_one_line(given: tuple[str, ...], ours: str) -> None:
    with pytest.raises(BadOptions, match="after -- contradicts") as refusal:
        merged(*given)
    assert ours in f"{refusal.value} "
    assert "\n" not in str(refusal.value)


def test_a_word_that_belongs_to_no_option_is_refused() -> None:
    with pytest.raises(BadOptions, match="'stray' belongs to no option"):
        merged("stray")
    with pytest.raises(BadOptions, match="'soon' is no number"):
        merged("--time-to-teleport", "soon")
    assert value(merged("--time-to-teleport", "0"), "--time-to-teleport") == "0"
