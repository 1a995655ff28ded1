"""What fuzzing begins with: for each target some good inputs, and the words of its language."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np

from controller.explain import Decision, Terms, Waiting
from controller.frame import empty_frame
from controller.journal import FIRST_LINE
from controller.journal_codec import FORMAT, STREET, EndRecord, Header, pack_end, pack_header, pack_tick
from controller.journal_disk import block, framed
from controller.junction import StreetNetwork
from controller.policy import Policy, policy_to_text
from controller.street_file import street_to_text
from controller.vocabulary import Sensors
from override import z85
from override.flag_messages import Channel, FlagReply, FlagRequest, FlagStatusRequest, Kind
from override.layouts import Layout
from override.requests import Header as Asked
from override.requests import Leg, OrderRequest
from override.roles import Command
from override.street_layout import layout_of_street
from override.topics import TOPICS
from override.views import Delta, Outcome, Reply, Snapshot
from override.wire import SIGNATURE_BYTES, pack
from sim.city.people.gtfs_realtime import BusReport, Origin, encode
from sim.city.scenario import BUILT_IN
from tests import journal_street, paper_pictures
from tests.asking_anybody import anybody
from tests.conftest import ROOT

DOOR_SECRET = bytes(range(1, 33)), bytes(range(2, 34))
WIRE_WORDS = (
    b"\x80", b"\x90", b"\xc0", b"\xc1", b"\xdc\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff",
    b"\xca\x7f\xc0\x00\x00", b"\xcb\x7f\xf8" + bytes(6), b"\xa0\x00", b"\xd6\xff" + bytes(4), b"\xa5topic",
    b"\xa7version", b"\x91" * 1500, b"\xcf" + b"\xff" * 8, b"\xd3\x80" + bytes(7), b"raw ",
)  # fmt: skip
TOML_WORDS = (
    b"[", b"]", b"[[", b"{", b"= ", b'"""', b"'''", b"\n", b"# ", b'"\\u0000"', b'"\\u001b[31m"',
    b"[" * 3000,
    b"{a=" * 1500, b"a." * 3000, b"9" * 5000, b"0x" + b"f" * 5000,
    b"inf", b"nan", b"-", b"0x", b"true", b"1979-05-27", b"\r",
    b"\xff",
    b'"a list of\\n"', b"\n----\n", b'"\\n" = 1\n', b"person = 3\n",
)  # fmt: skip
TEXTS = tuple(
    text.encode()
    for text in (
        "4F7K", "4F7K button", "4f7k 1 pole fell over", "status 0123456789abcdef", "still 0123456789abcdef",
        "help", "?", "", "es 4F7K botón", "button 4F7K", "9QXR 9QYH4 button", "4F7K 按钮", "4F7K زر", "中文",
        "৪F7K বোতাম", "J7 dark", "nowhere at all", "english", "espanol help",
        "4F7K the lamp is out since noon",
    )
)  # fmt: skip
TEXT_WORDS = tuple(
    word.encode()
    for word in (
        "4F7K", "9QXR", "status ", "still ", "help", "es ", "bn ", "zh ", "ar ", "button", "按钮", "٣",
        "৪", "ﷺ" * 60,
        "\u202e", "\0", " ", "?", "1", "9", "0123456789abcdef", "x" * 400, "é", "€", "[", "😀", "İ", "ß",
        "½", "①",
    )
)  # fmt: skip
_FORM = b"application/x-www-form-urlencoded\n"
_PARTS = (
    b'multipart/form-data; boundary=x\n--x\r\nContent-Disposition: form-data; name="service_code"\r\n\r\n'
    b'button\r\n--x\r\nContent-Disposition: form-data; name="attribute[signal]"\r\n\r\n4F7K\r\n--x--\r\n'
)
FORMS = (
    _FORM + b"service_code=button-dead&attribute[signal]=4F7K&description=it+is+dead",
    _FORM + b"service_code=button-dead&address_id=9QXR-9QYH4&description=%C3%A4&api_key=k&lat=1&long=2",
    _FORM + b"service_code=other&address_string=Canal+St&description=" + b"x" * 201,
    _PARTS.replace(b"\nbutton\r", b"\nbutton-dead\r"), _FORM, b"text/plain\nx", b"\n%ff=%zz",
)  # fmt: skip
QUERIES = (
    b"", b"status=open,closed&service_code=button-dead&page=2&page_size=10",
    b"start_date=2025-11-01T00:00:00Z&end_date=2025-11-20T00:00:00%2B01:00",
    b"service_request_id=C00001,C00002", b"page=0000000001&page_size=50",
)  # fmt: skip
FORM_WORDS = (
    b"service_code=", b"attribute[signal]=", b"&", b"=", b"%00", b"%ed%a0%80", b"%ff", b"--x\r\n",
    b"--x--", b"\r\n\r\n",
    b'name="description"', b"; boundary=", b"; charset=utf-7", b"page=", b"page_size=", b"status=open",
    b"start_date=", b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59-14:00", b"0" * 9 + b"1",
    b"0" * 5000 + b"1",
    b"a=1&" * 120, b"filename=\"x\"", b"button-dead", b"2025-W01-1T00Z", b"%F0%9F%98%80",
)  # fmt: skip


# --- the wire --------------------------------------------------------------------------------------


def _order(command: Command, **what: object) -> OrderRequest:
    header = Asked(1, 1, bytes(16), 1_700_000_000_000, 1_700_000_010_000, bytes(8), 0)
    made = OrderRequest(header, "ana", command, 7, ("J7",), (3,), lease_ms=60_000)
    return replace(made, **what)  # type: ignore[arg-type]


def _named(message: object) -> bytes:
    topic = next(topic for topic in TOPICS.values() if topic.message is type(message))
    return topic.name.encode() + b"\n" + pack(message)


@cache
def frames() -> tuple[bytes, ...]:
    """A message of many topics, the vectors of the page, and a frame that is only noise."""
    hold = _order(Command.HOLD, stage="2", reason="march")
    corridor = _order(Command.CORRIDOR, junctions=(), legs=(Leg("J1", "2", 0, 9_000),), reason="Feuer ä")
    sight = paper_pictures.city(9)
    view = next(iter(sight.junctions.values()))
    vectors = json.loads((ROOT / "docs" / "wire-vectors.json").read_text(encoding="utf-8"))["frames"]
    told = [vector["topic"].encode() + b"\n" + bytes.fromhex(vector["frame"])[SIGNATURE_BYTES:]
            for vector in vectors]  # fmt: skip
    messages = (
        hold, corridor, Reply(bytes(32), Outcome.DONE), paper_pictures.pulse(),
        paper_pictures.detail("c0r0"),
        Delta(bytes(8), 1, 2, 3, (view,), tuple(sight.orders.values()), tuple(sight.alarms.values())),
        FlagRequest(bytes(16), "4F7K", Kind.BUTTON_DEAD, Channel.TEXT, "ä"), FlagReply(bytes(16), True,
        "t"),
        FlagStatusRequest(bytes(16), "0123456789abcdef"), sight.events[0],
    )  # fmt: skip
    raw = [b"raw order\n" + bytes.fromhex(vectors[0]["frame"]), b"raw flag\n" + bytes(80), b"other\n"]
    bare = [topic.name.encode() + b"\n\x80" for topic in TOPICS.values()]
    return (*(_named(message) for message in messages), *told, *raw, *bare)


def _told(*messages: tuple[int, object]) -> bytes:
    records = [bytes([number]) + pack(message) for number, message in messages]
    return b"\0" + b"".join(len(record).to_bytes(2, "big") + record for record in records)


@cache
def console() -> tuple[bytes, ...]:
    """A picture in one part and in two, what changed after it, a gap, another station."""
    sight = paper_pictures.city(9)
    views = tuple(sight.junctions.values())
    orders, alarms = tuple(sight.orders.values()), tuple(sight.alarms.values())
    flags = tuple(sight.flags.values())
    whole = Snapshot(bytes(8), 1, 5, 0, 1, views, orders, alarms, flags)
    halves = [Snapshot(bytes(8), 1, 5, k, 2, (views[k],), ()) for k in range(2)]
    deltas = [Delta(bytes(8), k, 6, 7, (replace(views[0], version=k),), (replace(orders[0],
    state="ended"),),
                    (replace(alarms[0], active=False, acknowledged=True),), (), (flags[0].flag,))
              for k in range(1, 5)]  # fmt: skip
    other = replace(deltas[2], boot=b"\1" * 8)
    paper = layout_of_street(street_of_the_ground())
    layout = Layout(bytes(8), 0, 1, paper.street, paper.junctions, paper.roads)
    return (
        _told((0, whole)), _told((0, halves[0]), (0, halves[1]), (1, deltas[1])),
        _told((0, halves[1]), (0, halves[0]), (1, deltas[0]), (0, whole), (1, deltas[1]), (1, deltas[2])),
        _told((0, whole), (1, deltas[3]), (0, replace(whole, seq=4)), (1, other), (0, replace(whole,
        seq=9))),
        _told((0, whole), (3, sight.events[0]), (4, paper_pictures.detail("c0r0")), (5,
        paper_pictures.pulse()),
              (2, layout), (9, Reply(bytes(32), Outcome.DONE))),
    )  # fmt: skip


# --- files -----------------------------------------------------------------------------------------


@cache
def street_of_the_ground() -> StreetNetwork:
    """The street that a proposal is for, and a journal is of: one junction with detectors."""
    return journal_street.network().street


@cache
def streets() -> tuple[bytes, ...]:
    """It in a file."""
    return (street_to_text(street_of_the_ground()).encode(), b"format = 1\n")


@cache
def proposals() -> tuple[bytes, ...]:
    """All of it, with other times, and with a policy; and bytes that are no proposal."""
    text = street_to_text(street_of_the_ground())
    weights = policy_to_text(replace(Policy(), stop_s=3.0))
    texts = (text, text.replace("max_green_ms = 40000", "max_green_ms = 45000", 1) + "\n----\n" + weights,
             text.replace("offset_ms = 0", "offset_ms = 5000"), "\n----\n" + weights)  # fmt: skip
    return tuple(each.encode() for each in texts)


@cache
def policies() -> tuple[bytes, ...]:
    """The usual weights, and none."""
    return (policy_to_text(Policy()).encode(), b"", b"version = 1\nstop_s = 0x10\n")


@cache
def scenarios() -> tuple[bytes, ...]:
    """Those that come with Belisha, one of a map, and a file of hours."""
    built_in = tuple(path.read_bytes() for path in sorted(BUILT_IN.glob("*.toml")))
    sumo = (
        b'version = 1\n[sumo]\nnet = "one.toml"\nroutes = ["one.toml"]\nadditional = []\n[run]\nbegin_s = 0\n'
    )
    return (*built_in, sumo, b"windows\n[one]\nbegin_s = 0\nend_s = 3600\n", b"windows\n")


@cache
def keys() -> tuple[bytes, ...]:
    """Two people, a secret and the secret of the poles."""

    def key(k: int) -> tuple[str, str]:
        made = bytes((7 * k + 3 * i) % 256 for i in range(32))
        return z85.encode(made), made.hex()

    rows = [
        f'[[person]]\nname = "{name}"\nrole = "{role}"\ncurve = \'{key(k)[0]}\'\nsign = "{key(k + 50)[1]}"\n'
        f'revoked = "{gone}"\n'
        for k, (name, role, gone) in enumerate(
            [("ana", "operator", ""), ("station", "station", ""), ("ole", "viewer", "left")], 1
        )
    ]
    secret = f'secret\nname = "fuzz"\ncurve_secret = \'{key(4)[0]}\'\nsign_secret = "{key(5)[1]}"\n'
    poles = f'poles\nperiod_s = "600"\nsecret = "{key(6)[1]}"\n'
    return tuple(
        text.encode() for text in ("people\n" + "\n".join(rows), secret, poles, "people\nperson = []")
    )


def _records() -> list[bytes]:
    """Header, street, three ticks (one block of two), the end."""
    network, start_ms = journal_street.network(), 29_640_000
    header = Header(FORMAT, "1.0", "0" * 64, "max-pressure", Policy(), Sensors.LOOPS, 1000, start_ms)
    lamps = np.zeros(network.n_groups, np.int8).tobytes()
    frame, chance, ticks = empty_frame(network, Sensors.LOOPS), np.random.default_rng(1), []
    terms = Terms(*(float(k) for k in range(len(Terms.__dataclass_fields__))))
    for k in range(3):
        frame.sequence, frame.time_ms = k, start_ms + 100 * k
        frame.detector_on[:] = chance.random(len(frame.detector_on)) < 0.3
        anybody(frame, network, chance)
        decision = Decision(
            start_ms, 0, 0, 1, header.controller, terms, terms, 1, waiting=(Waiting(1, 2.0, 900),)
        )
        deeds = [("hold", (0, 1, start_ms, start_ms + 9_000))] if k == 1 else []
        ruling = [bytes(1), bytes(1), [], []] if k == 2 else None
        ticks.append(pack_tick(start_ms + 100 * k, frame, lamps, [decision] * (k > 0), deeds, ruling))
    street = STREET + street_to_text(network.street).encode()
    return [pack_header(header), street, ticks[0], block(ticks[1:]), pack_end(EndRecord(3, "0" * 64))]


@cache
def journals() -> tuple[bytes, ...]:
    """A whole journal; its records for us to frame; one without its end; one cut off."""
    records = _records()
    whole = b"\0" + FIRST_LINE + b"".join(framed(k, record) for k, record in enumerate(records))
    parts = [len(record).to_bytes(2, "big") + record for record in records]
    return (
        b"\1" + b"".join(parts),
        b"\1" + b"".join(parts[:3]),
        whole,
        whole[:-30],
        b"\1" + b"".join(parts[:2]),
    )


@cache
def feeds() -> tuple[bytes, ...]:
    """Two buses, one of which tells little."""
    now_ms = 12 * 3_600_000
    buses = (
        BusReport("7", "7-a", 95.0, 0.5, 640.0, -20.0, 2, False, now_ms - 2000),
        BusReport("7", "7-b", None, None, 10.0, 20.0, -1, False, now_ms - 9000),
    )
    return (encode(buses, now_ms, Origin()), encode((), now_ms, Origin()))
