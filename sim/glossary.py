"""What every measure means, in plain words with unit and formula, as the reports print it."""

from __future__ import annotations

from controller.policy import Policy

_PERSONS = Policy()

GRIDLOCK_LEFT_FACTOR = 3.0
"""Gridlock also means more trips left over than this many times the fixed plan's median..."""
GRIDLOCK_LEFT_VEH = 10
"""...and more than this many, so that one late car is no gridlock where the fixed plan leaves none."""
GLOSSARY: tuple[tuple[str, str, str], ...] = (
    ("delay", "s per trip",
     "Time loss (driving slower than the street allows) + departure delay (waiting to enter the map), "
     "averaged over every vehicle trip of the run, unfinished and never-departed ones included."),
    ("mean, median, worst", "s per trip",
     "Each seed gives one mean delay; over the seeds: their mean, their median, the largest."),
    ("car, bus, pedestrian", "s per trip",
     "The same delay by mode (for people on foot: time loss of the walk). p95: 95 of 100 trips lose "
     "less; the mean of the seeds' p95. worst: the largest single loss in any seed."),
    ("worst wait", "s",
     "The longest uninterrupted standstill (below 0.1 m/s) of anybody on the street in any seed; "
     "waiting to enter the map is not in it."),
    ("person-seconds", "person-s",
     f"Delay summed over people: cars × {_PERSONS.persons_per_car:g}, buses × {_PERSONS.persons_per_bus:g}, "
     f"people on foot × {_PERSONS.persons_per_walker:g}; mean of the seeds. "
     "The table shows person-hours (/ 3600)."),
    ("gridlock", "share of seeds",
     "Ten or more vehicles stand longer than 300 s at the same time; or unfinished + never-departed "
     f"vehicles exceed both {GRIDLOCK_LEFT_FACTOR:.0f} × the fixed plan's median on this map and "
     f"{GRIDLOCK_LEFT_VEH}."),
    ("not arrived", "vehicles",
     "Unfinished plus never departed when the run ends; mean of the seeds."),
    ("×delay, ×person", "ratio",
     "Mean delay (person-seconds) divided by that of the best of fixed, actuated, greedy and "
     "max-pressure on this map in the same sweep. Below 1 is better than all four."),
    ("rank", "–",
     "By mean person-seconds, 1 is best; `=` marks a tie. Only controllers that finished every seed are "
     "ranked; yardsticks never are."),
    ("oversaturated", "yes/no",
     "Under the fixed plan the queue of vehicles waiting to enter the map still grows in the last 30 "
     "minutes: no signal plan could serve this demand."),
    ("promise broken", "count",
     "A call that waited longer for its green or WALK than promised; all seeds together."),
    ("all-green floor", "s per trip",
     "Every signal green and collisions ignored: what streets alone cost. Nobody can reach it; shown only "
     "where it is below every controller."),
)  # fmt: skip
"""Name, unit and definition of every measure, in plain words, as the reports print them."""
