"""Open311 GeoReport v2: what the standard calls services and requests, made of kinds and cases.

https://wiki.open311.org/GeoReport_v2/. It has only `open` and `closed`: where a case really
stands, and why, is in `status_notes` and in `extended_attributes`. What identifies a person
(name, mail, telephone, account, device, place, picture) is dropped before anything is kept.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from xml.etree import ElementTree

from override.bounds import NONCE_BYTES, REASON_CHARACTERS
from override.citizen.desk import CitizenDesk
from override.citizen.kinds import KINDS, words
from override.citizen.language import Language, language, plain
from override.citizen.pages import CasePage
from override.citizen.sentences import LIFE, done_words, kind_words, place
from override.flag_messages import Channel, FlagRequest, Kind
from override.poles import joined, parted

SIGNAL = "signal"
"""The one attribute of every service: the code on the pole."""
GROUP = words("Traffic light")
AGENCY = "Belisha"
CHANGESET = "2026-11-22T00:00:00+00:00"
"""When what is offered changed last, for clients that keep it."""
DAYS_MAX = 90
"""A list reaches back so far where no dates are given, and never spans more (GeoReport v2)."""
LISTED_MAX = 1000
DAY_MS = 86_400_000
Row = dict[str, Any]


class Open311Error(ValueError):
    """A request that cannot be answered; `status` is its HTTP status, the text its description."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status


def discovery(url: str, speak: Language, keys: bool = False) -> Row:
    """Where what is found, for a client that knows only this city's address.

    https://wiki.open311.org/Service_Discovery/; `url` is the address of the pages, without a `/` at its end;
    with `keys` only their holders file.
    """
    endpoint = {
        "specification": "http://wiki.open311.org/GeoReport_v2",
        "url": f"{url}/open311/v2",
        "changeset": CHANGESET,
        "type": "production",
        "formats": ["text/xml", "application/json"],
    }
    home, speak = f"{url}/{speak.tag}/", language(speak.tag, bare=True)  # nothing clings to an address
    contact = speak.say("Those who look after the traffic lights of this city: {url}", url=home)
    key = speak.say(
        "A program needs a key to send reports. Those who look after the lights give it: {url}", url=home
    )
    if not keys:
        key = speak.say("Nobody needs a key to send reports.")
    return {"changeset": CHANGESET, "contact": contact, "key_service": key, "endpoints": [endpoint]}


def services(speak: Language) -> list[Row]:
    """One service for each kind."""
    return [
        {
            "service_code": row.kind.value,
            "service_name": speak.say(row.english),
            "description": speak.say(row.english),
            "metadata": True,
            "type": "realtime",
            "keywords": "traffic signal",
            "group": speak.say(GROUP),
        }
        for row in KINDS.values()
    ]


def definition(service_code: str, speak: Language) -> Row:
    """The attributes of a service. Raises Open311Error for an unknown one."""
    kind_of(service_code)
    asked = speak.say("Code on the pole (like {example})", example="K7M 4XR")
    attribute = {
        "variable": True,
        "code": SIGNAL,
        "datatype": "string",
        "required": True,
        "datatype_description": asked,
        "order": 1,
        "description": asked,
    }
    return {"service_code": service_code, "attributes": [attribute]}


def kind_of(service_code: str) -> Kind:
    """The kind of a service. Raises Open311Error."""
    if not service_code:
        raise Open311Error(400, "service_code is missing")
    if service_code not in set(Kind):
        raise Open311Error(404, f"service_code {plain(service_code)[:40]} is unknown; see services")
    return Kind(service_code)


def names_in(form: Mapping[str, str]) -> list[str]:
    """What a posted request may mean its signal by, the likeliest first."""
    given = (form.get(f"attribute[{SIGNAL}]"), form.get("address_id"), form.get("address_string"))
    return [plain(name)[:64] for name in given if name and plain(name)]


def filed(form: Mapping[str, str], desk: CitizenDesk, speak: Language) -> FlagRequest:
    """The flag in a posted request; who sent it is not in it. Raises Open311Error.

    What people did wrong is told them in their language, what their program did in English.
    """
    kind = kind_of(form.get("service_code", ""))
    names = names_in(form)
    if not names:
        raise Open311Error(
            400, f"attribute[{SIGNAL}] or address_id is missing: the code on the signal's pole"
        )
    signal = next((page for name in names if (page := desk.signal(name))), None)
    if signal is None and desk.signals():
        unknown = speak.say("We know no signal “{code}”", code=names[0])
        raise Open311Error(404, f"{unknown}. {speak.coded('unknown-signal')}")
    said = plain(form.get("description", ""))
    if len(said) > REASON_CHARACTERS:
        most = speak.say("Please write at most {count} letters.", count=REASON_CHARACTERS)
        raise Open311Error(400, f"description: {most}")
    shown = next((code for name in names if (code := parted(name)[1])), "")
    name = (joined(signal.pole, shown) or signal.junction) if signal else names[0]
    return FlagRequest(secrets.token_bytes(NONCE_BYTES), name, kind, Channel.OPEN311, said)


def request_row(case: CasePage, speak: Language, zone: tzinfo, now_ms: int) -> Row:
    """A case as a service request."""
    done = done_words(case, speak, now_ms)
    told = [speak.say(LIFE[case.life]) + ".", speak.phrase(case.why), done]
    told += [speak.phrase(phrase) for phrase in (case.crew, case.evidence) if phrase]
    return {
        "service_request_id": case.case,
        "status": "closed" if case.closed else "open",
        "status_notes": " ".join(filter(None, dict.fromkeys(told))),
        "service_name": kind_words(case, speak),
        "service_code": case.kind.value,
        "description": kind_words(case, speak),
        "agency_responsible": AGENCY,
        "service_notice": done or None,
        "requested_datetime": _iso(case.known_since_wall_ms, zone),
        "updated_datetime": _iso(case.changed_wall_ms, zone),
        "expected_datetime": None,
        "address": place(case, speak),
        "address_id": case.pole or case.junction,
        "zipcode": None,
        "lat": None,
        "long": None,
        "media_url": None,
        "extended_attributes": {
            "state": case.life.value,
            "reason": case.why.code,
            "remedy": case.remedy.code if case.remedy else None,
            "remedy_until": _iso(case.until_wall_ms, zone) if case.until_wall_ms else None,
            "district": case.district,
            "reports": case.reports,
        },
    }


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a list of requests."""

    ids: tuple[str, ...]
    codes: frozenset[str]
    statuses: frozenset[str]
    begin_ms: int
    end_ms: int
    first: int
    count: int


def wanted(query: Mapping[str, str], now_ms: int) -> Wanted:
    """Read them. Raises Open311Error naming the parameter."""
    statuses = frozenset(_listed(query.get("status", "")))
    if statuses - {"open", "closed"}:
        raise Open311Error(400, "status is open, closed or both with a comma between")
    codes = frozenset(_listed(query.get("service_code", "")))
    for code in codes:
        kind_of(code)
    end_ms = _ms(query, "end_date") or now_ms + 1
    begin_ms = _ms(query, "start_date") or end_ms - DAYS_MAX * DAY_MS
    if not 0 <= end_ms - begin_ms <= DAYS_MAX * DAY_MS:
        raise Open311Error(400, f"start_date to end_date spans 0 to {DAYS_MAX} days")
    count = _whole(query, "page_size", LISTED_MAX, LISTED_MAX)
    first = (_whole(query, "page", 1, 1_000_000) - 1) * count
    ids = tuple(_listed(query.get("service_request_id", "")))[:LISTED_MAX]
    return Wanted(ids, codes, statuses, begin_ms, end_ms, first, count)


def cases_wanted(want: Wanted, desk: CitizenDesk) -> list[CasePage]:
    """The cases that a list is about, latest first; named ones whatever the other filters say."""
    if want.ids:
        return [case for name in want.ids if (case := desk.case(name))]
    found = [
        case
        for case in desk.cases(want.begin_ms, want.end_ms, LISTED_MAX)
        if (not want.codes or case.kind.value in want.codes)
        and (not want.statuses or ("closed" if case.closed else "open") in want.statuses)
    ]
    return found[want.first : want.first + want.count]


def update_rows(case: CasePage, speak: Language, zone: tzinfo) -> list[Row]:
    """The steps of a case as updates (FixMyStreet's extension)."""
    return [
        {
            "update_id": f"{case.case}-{number}",
            "service_request_id": case.case,
            "status": "CLOSED" if step.life.value in ("fixed", "not-confirmed") else "OPEN",
            "updated_datetime": _iso(step.wall_ms, zone),
            "description": f"{speak.sentence(speak.say(LIFE[step.life]))} {speak.phrase(step.why)}",
            "extended_attributes": {"state": step.life.value, "reason": step.why.code},
        }
        for number, step in enumerate(case.steps, 1)
    ]


def as_xml(top: str, each: str, rows: Iterable[Row] | Row) -> bytes:
    """The same as XML: a list of `each` in `top`, or one record called `top` when `each` is empty."""
    root = ElementTree.Element(top)
    if isinstance(rows, dict):
        _fill(root, rows)
    else:
        for row in rows:
            _fill(ElementTree.SubElement(root, each), row)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _fill(parent: ElementTree.Element, row: Row) -> None:
    for name, value in row.items():
        child = ElementTree.SubElement(parent, name)
        if isinstance(value, dict):
            _fill(child, value)
        elif isinstance(value, list):
            for item in value:
                inner = ElementTree.SubElement(child, name.removesuffix("s"))
                if isinstance(item, dict):
                    _fill(inner, item)
                else:
                    inner.text = str(item)
        elif value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            child.text = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _ms(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "").strip()
    if not text:
        return 0
    try:
        when = datetime.fromisoformat(text.replace(" ", "+"))
        if when.tzinfo is None:
            raise ValueError("no zone")
        return max(1, int(when.timestamp() * 1000))
    except (ValueError, OverflowError):
        raise Open311Error(400, f"{name} is a date like 2026-01-31T00:00:00Z, with its zone") from None


def _whole(query: Mapping[str, str], name: str, otherwise: int, most: int) -> int:
    text = query.get(name, "")
    if not text:
        return otherwise
    # Twenty digits: more than `most` has, few enough to be read at once.
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and 1 <= int(text) <= most):
        raise Open311Error(400, f"{name} is a whole number from 1 to {most}")
    return int(text)


def _iso(wall_ms: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(wall_ms // 1000, zone).isoformat()
