"""What `belisha drill-processes` says of each cell, and of what it does not know."""

from __future__ import annotations

from dataclasses import replace

from typer.testing import CliRunner

from belisha import app
from override.lamp_drill import Harm, Outcome, Stated, stated
from sim.lamp_drill_commands import table, table_row


def test_every_cell_says_what_must_be() -> None:
    cells = {(p, h): stated(p, h) for p in ("engine", "monitor", "street") for h in Harm}
    assert len(cells) == 21
    assert sum(must is Stated.FLASH for must in cells.values()) == 12
    assert cells["engine", Harm.CLOCK_BACK] is Stated.GOES_ON


def test_the_table_tells_of_what_was_not_as_stated() -> None:
    good = Outcome("engine", Harm.KILL, 12.0, 3.0, 0)
    late, never, both = (
        Outcome("engine", Harm.KILL, 700.0, 3.0, 0),
        Outcome("engine", Harm.KILL, None, 3.0, 0),
        Outcome("engine", Harm.KILL, 12.0, 3.0, 1),
    )
    assert good.kept
    assert not any(outcome.kept for outcome in (late, never, both))
    assert not Outcome("engine", Harm.DISK_FULL, 100.0, 3.0, 0).kept
    row = table_row([good, late])
    assert (row["flash_ms_median"], row["times"], row["kept"]) == (700.0, 2, False)
    *_, told, reason = table([row])
    assert told.endswith(" NO")
    assert reason.strip() == "flash after 700 ms"
    amiss = table_row([late, never, both])["amiss"]
    assert amiss == "conflicting groups active in 1 looks; flash after 700 ms; no flash"


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    """A row was 84 columns wide, and its reason stood behind that."""
    slow = [Outcome("monitor", harm, 59_999.0, 59.9, 1_000, "it ends in the middle " * 5) for harm in Harm]
    rows = [table_row([outcome, replace(outcome, flash_ms=None)]) for outcome in slow]
    lines = table([*rows, table_row([Outcome("street", Harm.CLOCK_BACK, None, None, 0)])])
    assert max(map(len, lines)) <= 80
    assert "conflicting groups active in 1000 looks" in " ".join(lines)


def test_the_command_refuses_what_it_does_not_know() -> None:
    wrong = CliRunner().invoke(app, ["drill-processes", "--process", "gateway"])
    assert "allowed are engine, monitor, street" in str(wrong.exception)
    wrong = CliRunner().invoke(app, ["drill-processes", "--harm", "rain"])
    assert "allowed are kill, stop, hang" in str(wrong.exception)
