"""SUMO's own programs and the floor: the same phases with other clocks, and nothing of ours."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from controller.vocabulary import CONTROLLERS
from sim.importers.sumo_net_xml import UnusableNetwork
from sim.yardsticks import YARDSTICKS, additional_file

NET = """<net>
<edge id="a" from="n" to="m"><lane id="a_0" index="0" speed="13.9" length="100" shape="0,0 100,0"/></edge>
<tlLogic id="J" type="static" programID="night" offset="0"><phase duration="9" state="GGGG"/></tlLogic>
<tlLogic id="J" type="static" programID="day" offset="7">
<phase duration="31" state="GGrG"/><phase duration="6" state="GGrr"/><phase duration="4" state="yyrr"/>
<phase duration="2" state="rrrr"/><phase duration="20" state="rrGr" minDur="8" maxDur="40"/>
<phase duration="4" state="rryr"/>
</tlLogic>
<tlLogic id="R" type="rail_signal" programID="0" offset="0"><phase duration="9" state="G"/></tlLogic>
</net>"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "a.net.xml"
    path.write_text(NET)
    return path


def logics(net: Path, yardstick: str, timing: str = "computed") -> list[ElementTree.Element]:
    path = additional_file(net, yardstick, timing, net.parent)
    assert path is not None
    return list(ElementTree.parse(path).getroot())


def test_no_yardstick_can_be_taken_for_a_controller() -> None:
    assert not set(YARDSTICKS) & set(CONTROLLERS)


def test_the_networks_own_program_is_left_alone(net: Path) -> None:
    assert additional_file(net, "sumo-static", "comparison", net.parent) is None


@pytest.mark.parametrize(
    ("name", "kind"), [("sumo-actuated", "actuated"), ("sumo-delay-based", "delay_based")]
)
def test_greens_get_bounds_and_crossings_keep_their_clearance(net: Path, name: str, kind: str) -> None:
    (logic,) = logics(net, name)
    assert (logic.get("id"), logic.get("type")) == ("J", kind)
    bounds = [(phase.get("minDur"), phase.get("maxDur"), phase.get("duration")) for phase in logic]
    assert bounds == [
        ("5", "50", "31"), (None, None, "6"), (None, None, "4"),
        (None, None, "2"), ("8", "40", "20"), (None, None, "4"),
    ]  # fmt: skip


def test_comparison_timing_is_the_same_for_everyone(net: Path) -> None:
    (logic,) = logics(net, "sumo-actuated", "comparison")
    assert [(phase.get("state"), phase.get("duration")) for phase in logic] == [
        ("GGrG", "31"), ("GGrr", "6"), ("yyrr", "3"), ("rrGr", "20"), ("rryr", "3"),
    ]  # fmt: skip


def test_the_floor_is_green_for_everybody_for_ever(net: Path) -> None:
    (logic,) = logics(net, "all-green")
    assert [phase.get("state") for phase in logic] == ["GGGG"]


def test_a_broken_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.net.xml").write_text(NET[:300])
    with pytest.raises(UnusableNetwork, match=r"a\.net\.xml"):
        additional_file(tmp_path / "a.net.xml", "all-green", "computed", tmp_path)
    with pytest.raises(ValueError, match="allowed: sumo-static"):
        additional_file(tmp_path / "a.net.xml", "sumo-static ", "computed", tmp_path)
