"""Citizens' cases in the order in which they need somebody, and each in words. Pure."""

from __future__ import annotations

from rich.text import Text

from override.flag_messages import FlagAction, FlagLife, FlagView, Kind
from override.layouts import JunctionLayout
from override.roles import Command
from tui.ages import ago, countdown, short
from tui.attention import CLOSED
from tui.cut import cut
from tui.model import Sight
from tui.rows import Row

KINDS: dict[Kind, str] = {
    Kind.GREEN_TOGETHER: "walk green with cars",
    Kind.DARK: "dark or flashing",
    Kind.STUCK: "stuck, never changes",
    Kind.BUTTON_DEAD: "button does nothing",
    Kind.WALK_SHORT: "walk too short",
    Kind.WAITED_LONG: "waited too long",
    Kind.BUS_STUCK: "bus gets no green",
    Kind.TURNED: "turned or damaged",
    Kind.SOUND: "sound signal broken",
    Kind.OTHER: "something else",
}
"""As a person would say it, the most dangerous first."""
PLACE_CELLS = 18
"""At least."""
ROW_CELLS = 22 + 42
"""Of a row without its place: every other column, and a bar to scroll with."""
DANGER = {kind: rank for rank, kind in enumerate(KINDS)}
LIVES: dict[FlagLife, tuple[str, str]] = {
    FlagLife.WITH_A_PERSON: ("wants YOU", "bold bright_yellow"),
    FlagLife.REOPENED: ("reopened", "bold bright_yellow"),
    FlagLife.RECEIVED: ("received", ""),
    FlagLife.KNOWN: ("known", ""),
    FlagLife.CONFIRMED: ("confirmed", "bright_cyan"),
    FlagLife.REMEDIED: ("remedied", "green"),
    FlagLife.NOT_CONFIRMED: ("not confirmed", "bright_black"),
    FlagLife.FIXED: ("fixed", "bright_black"),
}
"""Words and style, and the order in which they need somebody."""
NEED = {life: rank for rank, life in enumerate(LIVES)}
CREW = {"": "nobody sent", "sent": "crew sent", "on-site": "crew on site", "done": "crew done"}
PROMOTED: dict[Kind, Command] = {
    Kind.BUTTON_DEAD: Command.CALL,
    Kind.WAITED_LONG: Command.CALL,
    Kind.STUCK: Command.MANUAL_STEP,
    Kind.BUS_STUCK: Command.CALL,
    Kind.GREEN_TOGETHER: Command.ALL_RED,
    Kind.DARK: Command.FLASH,
}
"""The order that is offered first for a kind of complaint; others are on the dialog's list."""


def flag_order(flag: FlagView, began_ms: int) -> tuple[bool, bool, int, int, bool, int, str]:
    """Open before closed, urgent first, then who waits for a person, then danger, evidence and age."""
    return (
        flag.life in CLOSED, not flag.urgent, NEED[flag.life], DANGER[flag.kind], not flag.agrees,
        began_ms, flag.flag,
    )  # fmt: skip


def matching(sight: Sight, words: str, closed: bool) -> list[FlagView]:
    """Cases that have all these words somewhere, most urgent first; closed ones only where asked for."""

    def fits(flag: FlagView) -> bool:
        if flag.life in CLOSED and not closed:
            return False
        text = f"{flag.flag} {flag.junction} {sight.title(flag.junction)} {flag.district} {flag.group} "
        text = f"{text}{flag.kind} {KINDS[flag.kind]} {flag.life} {flag.evidence} {flag.crew}".casefold()
        return all(word in text for word in words.casefold().split())

    return sorted(
        (flag for flag in sight.flags.values() if fits(flag)),
        key=lambda flag: flag_order(flag, sight.flag_began_ms(flag)),
    )


def flag_rows(flags: list[FlagView], sight: Sight, now_ms: int, width: int, plain: bool) -> list[Row]:
    """A row each; reports of the same trouble are folded into one with their number.

    `now_ms`: the station's clock. `width`: of the table in cells; the place has what is left of it.
    """
    out = []
    place_cells = max(PLACE_CELLS, width - ROW_CELLS)
    for flag in flags:
        words, style = LIVES[flag.life]
        mark = Text("#" if plain else "‼", "bold bright_red reverse") if flag.urgent else Text(" ")
        place = sight.title(flag.junction)
        evidence = ("yes" if plain else "✔") if flag.agrees else "-"
        out.append(
            Row(
                flag.flag,
                (
                    mark,
                    Text(short(now_ms - sight.flag_began_ms(flag)).rjust(5)),
                    Text(cut(place, place_cells), "bold"),
                    Text(KINDS[flag.kind], "bold bright_red" if flag.urgent else ""),
                    Text(f"×{flag.count}" if flag.count > 1 else "", "cyan"),
                    Text(evidence, "bright_green" if flag.agrees else ""),
                    Text(words, style),
                    Text(flag.crew, "italic"),
                ),
            )
        )
    return out


def flag_text(flag: FlagView, sight: Sight, now_ms: int) -> Text:
    """The case, the evidence beside it, what is being done. `now_ms`: the station's clock."""
    text = Text()
    where = sight.title(flag.junction) + (f", {flag.group}" if flag.group else "")
    text.append(f"{where}: {KINDS[flag.kind]}\n", "bold bright_red" if flag.urgent else "bold")
    people = "one report" if flag.count == 1 else f"{flag.count} reports of the same"
    text.append(f"{people}, first {ago(now_ms - sight.flag_began_ms(flag))}; ")
    text.append(f"{LIVES[flag.life][0]}; {flag.district}\n")
    text.append("Evidence: ", "bold")
    if flag.evidence:
        agrees = "the signal's record AGREES: " if flag.agrees else "the signal's record does not show it: "
        text.append(agrees, "bright_green" if flag.agrees else "bright_yellow").append(f"{flag.evidence}\n")
    else:
        text.append("the signal's record says nothing of it yet.\n", "italic")
    text.append("Remedy: ", "bold")
    if flag.remedy:
        left = countdown(sight.remedy_left_ms(flag, now_ms)) if flag.remedy_left_ms else ""
        text.append(f"{flag.remedy}{f', {left} left' if left else ''}\n", "green")
    else:
        text.append("nothing is being done.\n")
    text.append("Crew: ", "bold").append(f"{CREW.get(flag.crew, flag.crew)}\n")
    if flag.why:
        text.append("The citizen reads: ", "bold").append(f"{flag.why}\n", "italic")
    return text


def next_crew(flag: FlagView) -> FlagAction | None:
    """The next step of the work order; None = it is done."""
    return {
        "": FlagAction.CREW_SENT,
        "sent": FlagAction.CREW_ON_SITE,
        "on-site": FlagAction.CREW_DONE,
    }.get(flag.crew)


def may_do(flag: FlagView) -> frozenset[FlagAction]:
    """What a person can do with a case as it stands."""
    if flag.life in CLOSED:
        return frozenset()
    out = {FlagAction.REJECT, FlagAction.FIXED}
    if flag.life in (FlagLife.RECEIVED, FlagLife.KNOWN, FlagLife.WITH_A_PERSON, FlagLife.REOPENED):
        out.add(FlagAction.ACCEPT)
    if (crew := next_crew(flag)) is not None:
        out.add(crew)
    if flag.remedy:
        out.add(FlagAction.END_REMEDY)
    return frozenset(out)


def promoted(flag: FlagView, layout: JunctionLayout | None) -> tuple[Command | None, str]:
    """The order to begin with, and the group it is about; None = choose from all."""
    command = PROMOTED.get(flag.kind)
    known = layout is not None and any(group.name == flag.group for group in layout.groups)
    return command, flag.group if known else ""
