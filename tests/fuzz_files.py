"""Readers of files, feeds and pictures, as `tests.fuzz_targets` has them: each with its promise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from controller.conflicts import UnsafeJunction
from controller.journal import FIRST_LINE, JournalError, read_journal
from controller.journal_disk import framed
from controller.policy import Policy, PolicyError, policy_from_text, policy_to_text
from controller.street_file import StreetFileError, street_from_text, street_to_text
from override.citizen.presence import read_pole_codes
from override.client import Console, NoAnswer, View
from override.keys import PEOPLE_FILE, Keyring, KeysError, Secret, read_people, read_secret
from override.refused import Refused
from override.street_change import ChangeRefused, compared, prove, with_content
from override.version import pack_content
from sim.city.people.gtfs_realtime import BusReport, Expected, FeedError, decode, encode
from sim.city.scenario import read_scenario
from sim.scenarios import WINDOWS_FILE, ScenarioError, from_folder
from tests.fuzz_seeds import DOOR_SECRET, street_of_the_ground

CONSOLE_ERRORS = (Refused, NoAnswer)
STREET_ERRORS = (StreetFileError, UnsafeJunction)
PROPOSAL_ERRORS = (ChangeRefused,)
POLICY_ERRORS = (PolicyError,)
SCENARIO_ERRORS = (ScenarioError,)
KEYS_ERRORS = (KeysError,)
JOURNAL_ERRORS = (JournalError,)
FEED_ERRORS = (FeedError,)
TOPIC_NAMES = (
    b"snapshot", b"delta", b"layout", b"event", b"detail", b"pulse", b"record", b"flag-act", b"receipt",
    b"reply",
)  # fmt: skip
NOON_MS = 12 * 3_600_000
EXPECTED = Expected({"7-a": "7", "7-b": "7"}, {"7": 4}, (-500.0, 1500.0), (-500.0, 500.0))


def records_of(data: bytes) -> list[bytes]:
    """What stands behind the first byte, two bytes for the length of each."""
    records, at = [], 1
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        records.append(data[at + 2 : end])
        at = end
    return records


def of_records(first: bytes, records: list[bytes]) -> bytes:
    """The inverse."""
    return first + b"".join(len(r).to_bytes(2, "big") + r for r in records if len(r) < 1 << 16)


# --- what a console is told ----------------------------------------------------------------------


class _Told:
    """Both ends of a line on which everything has been said already."""

    def __init__(self, messages: list[tuple[bytes, bytes]]) -> None:
        self.messages = messages

    def poll(self, timeout_ms: int) -> bool:
        return bool(self.messages)

    def recv_multipart(self) -> tuple[bytes, bytes]:
        return self.messages.pop(0)

    def exchange(self, topic: bytes, frame: bytes, answers: Callable[[bytes, bytes], bool]) -> None:
        while self.messages:
            if answers(*self.messages.pop(0)):
                return
        raise NoAnswer("nothing more was said")


class _Console(Console):
    def __init__(self, told: _Told) -> None:
        self.view = View()
        self.events, self.details, self.records, self.receipts, self.acts = [], {}, [], [], []
        self.pulse, self.keep_records = None, True
        self._secret = Secret("fuzz", *DOOR_SECRET)
        self._wall_ms: Callable[[], int] = lambda: 1_700_000_000_000
        self._epoch, self._seq, self._heard_s = 1, 0, 0.0
        line: Any = told
        self._tries, self._hears = line, line


def console(data: bytes) -> None:
    """Messages one after the other: a byte, then for each two bytes for its length, one for its topic.

    A picture that says it is whole holds everything under its own name and only goes forward.
    """
    told = _Told([(TOPIC_NAMES[r[0] % len(TOPIC_NAMES)], r[1:]) for r in records_of(data) if r])
    mine = _Console(told)
    mine.look()
    seen = mine.view.boot, mine.view.seq
    while told.messages:
        mine.listen(0)
        view = mine.view
        for rows, name in ((view.junctions, "name"), (view.orders, "order"), (view.alarms, "alarm"),
                           (view.flags, "flag")):  # fmt: skip
            assert all(key == getattr(row, name) for key, row in rows.items())
        assert view.whole
        assert view.boot != seen[0] or view.seq >= seen[1], "the picture went back"
        seen = view.boot, view.seq


# --- text ----------------------------------------------------------------------------------------


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def street(data: bytes) -> None:
    """A street that is read is written and read again."""
    read = street_from_text(_text(data))
    assert street_from_text(street_to_text(read)) == read


def policy(data: bytes) -> None:
    """So is a policy."""
    read = policy_from_text(_text(data))
    assert policy_from_text(policy_to_text(read)) == read


def proposal(data: bytes) -> None:
    """Part of a street, a line of four dashes, and a policy: what comes of it has the ground's junctions."""
    part, _, weights = _text(data).partition("\n----\n")
    ground = street_of_the_ground()
    content, _ = pack_content(part, weights) if len(part) % 64 else (data, b"")
    made, wanted = with_content(ground, Policy(), content)
    prove(made)
    change = compared((ground, Policy()), (made, wanted), same_card=False)
    assert [j.name for j in made.junctions] == [j.name for j in ground.junctions]
    assert set(change.junctions) <= {j.name for j in ground.junctions}
    assert street_from_text(street_to_text(made)) == made


# --- files ---------------------------------------------------------------------------------------


class Files:
    """Readers of files; each writes what it is to read into a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._scenario = folder / "scenario" / "one.toml"
        self._windows = folder / "windows"
        self._keys = folder / "keys"
        self._journal = folder / "one.journal"
        for made in (self._scenario.parent, self._windows, self._keys):
            made.mkdir()
        self._keys.chmod(0o700)
        for kind in ("net", "rou"):
            (self._windows / f"one.{kind}.xml").write_text("<routes/>", encoding="utf-8")

    def scenario(self, data: bytes) -> None:
        """The first line says what: `windows`, or the scenario of a city."""
        first, _, rest = data.partition(b"\n")
        if first == b"windows":
            (self._windows / WINDOWS_FILE).write_bytes(rest)
            for found in from_folder(self._windows, begin_s=0):
                assert 0 <= found.begin_s < found.end_s
            return
        self._scenario.write_bytes(data)
        found_city = read_scenario(self._scenario)
        assert (found_city.city is None) != (found_city.sumo is None)
        assert found_city.run.duration_s > 0

    def keys(self, data: bytes) -> None:
        """The first line says which file: `secret`, `poles`, or everybody's keys."""
        first, _, rest = data.partition(b"\n")
        which = {b"secret": "fuzz.key", b"poles": "pole-codes"}.get(first, PEOPLE_FILE)
        path = self._keys / which
        path.touch(0o600)
        path.write_bytes(rest)
        if which == "fuzz.key":
            secret = read_secret(path)
            assert len(secret.curve_public) == len(secret.sign_public) == 32
        elif which == "pole-codes":
            assert read_pole_codes(path).period_ms > 0
        else:
            people = read_people(self._keys)
            assert len({p.curve_public for p in people}) == len(people) == len({p.name for p in people})
            ring = Keyring(self._keys)
            assert all(ring.holder(p.curve_public) == (None if p.revoked else p) for p in people)

    def journal(self, data: bytes) -> None:
        """Byte 0 even: the file itself; odd: its records, with two bytes for each length, framed by us."""
        whole = data[1:]
        if data[:1] and data[0] % 2:
            whole = FIRST_LINE + b"".join(framed(k, r) for k, r in enumerate(records_of(data)))
        self._journal.write_bytes(whole)
        reader = read_journal(self._journal)
        try:
            before_ms = -1
            for tick in reader:
                assert tick.now_ms > before_ms
                before_ms = tick.now_ms
                assert all(0 <= d.junction < reader.network.n_junctions for d in tick.decisions)
            assert 0 <= reader.dropped_bytes <= len(whole)
        finally:
            reader.close()


def feed(data: bytes) -> None:
    """What a feed is believed of is on the map, of the timetable, and can be told again."""
    reading = decode(data, NOON_MS + 30_000, EXPECTED)
    for bus in reading.buses:
        assert EXPECTED.line_of_trip[bus.trip] == bus.line
        assert EXPECTED.x_m[0] <= bus.x_m <= EXPECTED.x_m[1]
        assert -1 <= bus.next_stop < EXPECTED.stops_of_line[bus.line]
        assert bus.occupancy is None or 0.0 <= bus.occupancy <= 2.0
        assert isinstance(bus, BusReport)
    again = decode(encode(reading.buses, reading.sent_ms, EXPECTED.origin), NOON_MS + 30_000, EXPECTED)
    assert [bus.trip for bus in again.buses] == [bus.trip for bus in reading.buses]
