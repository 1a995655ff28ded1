"""The public feed: `/data/signals`, `/data/flags` (JSON and CSV) and `/data/policy.json`.

Numbers below k are absent (null, or an empty cell); times are rounded and in ISO 8601.
"""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from override.citizen.desk import CitizenDesk
from override.citizen.language import plain
from override.citizen.pages import PUBLIC_K, OpenSignal, Outcome

Row = dict[str, Any]


class OpenDataRoutes:
    """The handlers; who reads the feed is asked nothing."""

    def __init__(self, desk: CitizenDesk) -> None:
        self.desk = desk

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/data/signals.json", self.signals_json),
            Route("/data/signals.csv", self.signals_csv),
            Route("/data/flags.json", self.flags_json),
            Route("/data/flags.csv", self.flags_csv),
            Route("/data/policy.json", self.policy_json),
        ]

    async def signals_json(self, request: Request) -> Response:
        """What each signal does: normal, fixed-plan, flash, dark, dark-by-report, unknown."""
        data = self.desk.open_data()
        rows = [_signal(signal) for signal in data.signals]
        return _json({"at": _iso(data.at_wall_ms), "street": data.street, "signals": rows})

    async def signals_csv(self, request: Request) -> Response:
        """The same as a table."""
        rows = [_signal(signal) for signal in self.desk.open_data().signals]
        return _csv([{**row, "poles": " ".join(row["poles"])} for row in rows], tuple(_signal(NO_SIGNAL)))

    async def flags_json(self, request: Request) -> Response:
        """Reports of the last 30 days and what came of them, by district and kind."""
        data = self.desk.open_data()
        rows = [_outcome(outcome) for outcome in data.outcomes]
        return _json({"at": _iso(data.at_wall_ms), "days": 30, "k": PUBLIC_K, "flags": rows})

    async def flags_csv(self, request: Request) -> Response:
        """The same as a table."""
        return _csv([_outcome(o) for o in self.desk.open_data().outcomes], tuple(Outcome.__slots__))

    async def policy_json(self, request: Request) -> Response:
        """The rules in force, who decided them and when."""
        policy = self.desk.open_data().policy
        return _json(
            {
                "version": policy.version,
                "decided_by": policy.decided_by,
                "decided_on": policy.decided_on,
                "rules": [{"name": name, "value": value} for name, value in policy.rows],
            }
        )


NO_SIGNAL = OpenSignal("", "", "", "unknown", 0, -1)


def _signal(signal: OpenSignal) -> Row:
    row = asdict(signal)
    row["since"] = _iso(row.pop("since_wall_ms"))
    row["poles"] = list(row["poles"])
    return row


def _outcome(outcome: Outcome) -> Row:
    return {**asdict(outcome), "kind": outcome.kind.value}


def _json(data: Row) -> Response:
    return JSONResponse(data, headers={"Access-Control-Allow-Origin": "*"})


def _csv(rows: list[Row], columns: tuple[str, ...]) -> Response:
    text = io.StringIO()
    table = csv.DictWriter(text, columns, lineterminator="\r\n")
    table.writeheader()
    table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return Response(
        text.getvalue(), media_type="text/csv; charset=utf-8", headers={"Access-Control-Allow-Origin": "*"}
    )


def _cell(value: Any) -> Any:
    """A name that a spreadsheet would take for a formula gets an apostrophe before it."""
    if not isinstance(value, str):
        return value
    value = plain(value)
    return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value


def _iso(wall_ms: int) -> str | None:
    return datetime.fromtimestamp(wall_ms // 1000, UTC).isoformat() if wall_ms else None
