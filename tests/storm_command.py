"""What commands of storms have in common: options, street, and how a failure is brought back."""

from __future__ import annotations

import argparse

from controller.junction import StreetNetwork


def storm_options(name: str, words: str | None, ticks: int, junctions: int) -> argparse.ArgumentParser:
    """What every command of storms can be asked."""
    parser = argparse.ArgumentParser(prog=name, description=words)
    parser.add_argument("--seed", type=int, default=1, help="of the first storm; the next ones follow")
    parser.add_argument("--ticks", type=int, default=ticks, help="of each storm, before the calm")
    parser.add_argument("--junctions", type=int, default=junctions)
    parser.add_argument("--once", action="store_true", help="only the storm of that seed")
    return parser


def generated(junctions: int) -> StreetNetwork:
    """The street of a generated city."""
    from sim.city.generator.generate import generate, street_of_city
    from sim.city.scenario import CityPlan

    return street_of_city(generate(CityPlan(junctions=junctions)))


def tell_failure(failure: AssertionError, seed: int, asked: argparse.Namespace) -> None:
    """What failed, and how it is brought back."""
    print(f"FAILED: {failure}; again with: --seed {seed} --ticks {asked.ticks}"
          f" --junctions {asked.junctions} --once")  # fmt: skip
