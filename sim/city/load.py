"""A scenario becomes a city: streets, signals and everybody's trips, ready for a world to run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from controller.junction import StreetNetwork
from controller.network import Network, build_network
from sim.city.net_roads import roads_of_net
from sim.city.roads import Roads
from sim.city.scenario import CityScenario
from sim.city.trips import Drives, Walks
from sim.importers.sumo import street_of_net
from sim.importers.sumo_net_xml import SumoNet, read_net

if TYPE_CHECKING:
    from sim.city.transit import Line

EDGE_DISTRICT = "edge"
"""The district of a generated city in which few detectors were ever installed."""


@dataclass(frozen=True, slots=True, eq=False)
class City:
    """Everything about a city that never changes while it runs."""

    scenario: CityScenario
    seed: int
    """Of who travels, and of whatever else chance decides during a run."""
    street: StreetNetwork
    network: Network
    roads: Roads
    drives: Drives
    walks: Walks
    lines: tuple[Line, ...]
    detector_fitted: NDArray[np.bool_]
    """(detectors of the network) whether it was ever installed; the others never see anything."""
    net: SumoNet
    """The same streets as SUMO's records, for whoever plays or shows them there."""
    notes: tuple[str, ...] = ()
    """What had to be assumed or left out of the demand, one plain sentence each."""
