"""What a mutation run is told as: who survived and why, and whether that is well.

A survivor of the monitor, and a wrong of the sequencer that changes no lamp of its drive, needs a reason,
written down in `mutant_reasons.toml` under its site. One without, one whose reason is of a site that is no
more, and a wrong of the sequencer nobody saw make the run fail.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.mutant_sites import Site

REASONS = Path(__file__).with_suffix("").parent / "mutant_reasons.toml"
NO_REASON = "no reason yet"
FOUND = ("caught", "crashed")
UNSEEN = ("survived", "same")
"""Nothing that was looked at tells these from what is right: each needs a reason."""


def reasons_in(text: str) -> dict[Site, str]:
    """Reason by site. Raises ValueError for a site that is told twice or has not three words."""
    found: dict[Site, str] = {}
    for entry in tomllib.loads(text)["reason"]:
        for words in entry["sites"]:
            if len(words) != len(Site._fields):
                raise ValueError(f"mutant reasons: {words}, expected where, line and change")
            if (site := Site(*words)) in found:
                raise ValueError(f"mutant reasons: {' | '.join(site)} has two")
            found[site] = entry["why"]
    return found


def report(
    rows: Iterable[Mapping[str, Any]], reasons: Mapping[Site, str], sites: Iterable[Site], count: int
) -> tuple[str, int]:
    """(text, exit code) for `rows` done of `count`; `sites` are all there are in the files now."""
    rows = sorted(rows, key=lambda row: (row["mutant"].partition(":")[0], row["line"]))
    told: list[str] = []
    fates: Counter[tuple[str, str]] = Counter()
    wrong = needless = 0
    for row in rows:
        file, fate, why = row["mutant"].partition(":")[0], row["fate"], row["reason"]
        of_monitor = "/monitor/" in file
        fates["monitor" if of_monitor else "sequencer", fate] += 1
        reason = reasons.get(Site(*row["site"]))
        if fate in UNSEEN:
            why = reason or f"{NO_REASON}: {why}"
        wrong += fate == "missed" or (fate in UNSEEN and reason is None)
        if fate in FOUND and reason is not None:
            needless += 1
            told.append(f"needless {file}:{row['line']}: {row['what']} | it has a reason and is caught")
        if fate not in FOUND:
            told.append(f"{fate:<9}{file}:{row['line']}: {row['what']} | {why}")
    gone = sorted(set(reasons) - set(sites))
    told += [f"gone     {' | '.join(site)} | a reason for what is no more" for site in gone]
    told += [f"{part:<10}{fate:<9}{n:>5}" for (part, fate), n in sorted(fates.items())]
    slowest = max((row.get("after_ms", 0) for row in rows), default=0)
    told.append(f"{len(rows)} of {count} done; slowest catch by the monitor {slowest} ms")
    told.append(f"{wrong} missed or without a reason, {len(gone)} reasons gone, {needless} needless")
    return "\n".join(told) + "\n", 1 if wrong or gone else 0
