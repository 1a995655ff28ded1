"""What `belisha drill-processes` says of each cell, and of what it does not know."""

from __future__ import annotations

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
    assert table([row])[1].endswith("NO: flash after 700 ms")
    amiss = table_row([late, never, both])["amiss"]
    assert amiss == "conflicting groups active in 1 looks; flash after 700 ms; no flash"


def test_the_command_refuses_what_it_does_not_know() -> None:
    wrong = CliRunner().invoke(app, ["drill-processes", "--process", "gateway"])
    assert "allowed are engine, monitor, street" in str(wrong.exception)
    wrong = CliRunner().invoke(app, ["drill-processes", "--harm", "rain"])
    assert "allowed are kill, stop, hang" in str(wrong.exception)
