"""SUMO's command line: what Belisha needs, merged with what the user gave after `--`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ALIASES = {
    "-n": "--net-file",
    "--net": "--net-file",
    "-r": "--route-files",
    "--routes": "--route-files",
    "-b": "--begin",
    "-e": "--end",
    "-a": "--additional-files",
    "--additional": "--additional-files",
    "-c": "--configuration-file",
    "--configuration": "--configuration-file",
    "-W": "--no-warnings",
    "--suppress-warnings": "--no-warnings",
}
"""SUMO's other names of options that matter here."""
REFUSED = {
    "--net-file": "--net",
    "--route-files": "--route",
    "--begin": "--begin",
    "--end": "--end",
    "--seed": "--seed",
    "--random": "--seed",
    "--step-length": "the steps of one second in which lamps are shown",
    "--configuration-file": "--net, --route, --begin and --end",
    "--remote-port": "the controller, which already drives this simulation",
}
"""SUMO's options that would contradict one of ours."""


class BadOptions(ValueError):
    """SUMO options that contradict ours; the message is one line naming both."""


@dataclass(frozen=True, slots=True)
class SumoOptions:
    """Arguments for SUMO and where the tripinfo will be."""

    arguments: tuple[str, ...]
    tripinfo: Path

    @staticmethod
    def merge(
        net: Path, routes: Sequence[Path], begin_s: int, end_s: int, seed: int, step_ms: int,
        folder: Path, given: Sequence[str], additional: Sequence[Path] = (),
    ) -> SumoOptions:  # fmt: skip
        """Our options and the user's. Raises BadOptions where they contradict each other.

        What the user gave follows unchanged, but for additional files: SUMO takes that option
        once, so theirs come after `additional` in one list.
        """
        theirs = parse(given)
        for name, value in theirs:
            if name in REFUSED:
                raise BadOptions(
                    f"SUMO option {name} after -- contradicts {REFUSED[name]} before it; leave it out"
                )
            if name == "--time-to-teleport" and _number(name, value) > 0:
                raise BadOptions(
                    f"SUMO option {name} {value} after -- contradicts the measures: a vehicle that is taken "
                    "away no longer waits; allowed are values of 0 or less"
                )
        named = {name: value for name, value in theirs}
        ours = {
            "--net-file": str(net),
            "--begin": str(begin_s),
            "--end": str(end_s),
            "--seed": str(seed),
            "--step-length": f"{step_ms / 1000:g}",
            "--time-to-teleport": "-1",
            "--tripinfo-output": str(folder / "tripinfo.xml"),
            "--tripinfo-output.write-unfinished": "true",
            "--tripinfo-output.write-undeparted": "true",
            "--no-step-log": "true",
            "--duration-log.disable": "true",
            "--no-warnings": "true",
        }
        if routes:
            ours["--route-files"] = ",".join(str(path) for path in routes)
        files = [str(path) for path in additional] + [v for name, v in theirs if name == "--additional-files"]
        if files:
            ours["--additional-files"] = ",".join(files)
        named.pop("--additional-files", None)
        arguments = [part for name, value in ours.items() if name not in named for part in (name, value)]
        tripinfo = Path(named.get("--tripinfo-output") or ours["--tripinfo-output"])
        return SumoOptions((*arguments, *_without(given, "--additional-files")), tripinfo)


def parse(given: Sequence[str]) -> list[tuple[str, str]]:
    """Options as (long name, value); value is empty for a bare switch."""
    found: list[tuple[str, str]] = []
    for word in given:
        if word.startswith("-") and not _is_number(word):
            name, equals, value = word.partition("=")
            found.append((ALIASES.get(name, name), value if equals else ""))
        elif found and not found[-1][1]:
            found[-1] = (found[-1][0], word)
        else:
            raise BadOptions(f"SUMO options after --: {word!r} belongs to no option")
    return found


def _without(given: Sequence[str], option: str) -> list[str]:
    """The words without `option` and its value."""
    kept: list[str] = []
    skipping = False
    for word in given:
        if word.startswith("-") and not _is_number(word):
            name, equals, _ = word.partition("=")
            skipping = ALIASES.get(name, name) == option
            if skipping:
                skipping = not equals
                continue
        elif skipping:
            skipping = False
            continue
        kept.append(word)
    return kept


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadOptions(f"SUMO option {name} after --: {value!r} is no number") from None
