"""The life of a case is one table: every pair of it is tried, and what it leaves out cannot happen."""

from __future__ import annotations

from dataclasses import replace

import msgpack  # type: ignore[import-untyped]
import pytest

from override.citizen.cases import (
    CLOSED,
    NEXT,
    STEPS_MAX,
    Case,
    Event,
    WrongStep,
    can,
    case_id,
    flagged,
    pack_case,
    step,
    unpack_case,
)
from override.citizen.pages import Step
from override.citizen.phrases import PHRASES, Phrase, say
from override.citizen.presence import Voice
from override.citizen.store import case_number
from override.flag_messages import Channel, FlagLife, Kind

CASE = Case("C00001", "J7", "walk.ns", "North", Kind.BUTTON_DEAD, 1_000, 1_000)


@pytest.mark.parametrize("life", FlagLife)
@pytest.mark.parametrize("event", Event)
def test_the_whole_product_of_lives_and_events(life: FlagLife, event: Event) -> None:
    case = replace(CASE, life=life)
    if not can(case, event):
        with pytest.raises(WrongStep, match=life):
            step(case, event, say("known"), 2_000)
        return
    after = step(case, event, say("known"), 2_000)
    assert after.life is NEXT[life, event]
    assert after.closed_ms == (2_000 if after.life in CLOSED else 0)


def test_what_was_closed_is_opened_by_people_only_and_ends_only_by_proof_or_a_name() -> None:
    opens = {event for (life, event), after in NEXT.items() if life in CLOSED and after not in CLOSED}
    assert opens == {Event.ANOTHER, Event.STILL}
    ends = {event for (life, event), after in NEXT.items() if life not in CLOSED and after in CLOSED}
    assert ends == {Event.PROVE, Event.SIGN, Event.REJECT, Event.REFUTE}
    assert not can(replace(CASE, life=FlagLife.REOPENED), Event.REFUTE), "the record had its word already"
    assert not can(replace(CASE, life=FlagLife.REMEDIED), Event.REFUTE), "a remedy ends by proof"


def test_every_life_can_be_reached_and_every_open_one_can_end() -> None:
    reached, more = {FlagLife.RECEIVED}, True
    while more:
        further = {after for (life, _), after in NEXT.items() if life in reached} - reached
        reached |= further
        more = bool(further)
    assert reached == set(FlagLife)
    for life in set(FlagLife) - CLOSED:
        assert any(after in CLOSED for (before, _), after in NEXT.items() if before is life)


def test_a_case_is_the_same_after_it_was_stored() -> None:
    case = flagged(CASE, Voice(Channel.PAGE), 700_000)
    case = step(case, Event.AGREE, say("confirmed"), 700_000)
    case = replace(
        case, evidence=say("rec-button-silent", minutes=4), records=(say("rec-moving", changes=3, minutes=2),)
    )
    assert unpack_case(pack_case(case)) == case


def test_a_case_kept_before_poles_showed_codes_is_read_with_all_its_voices() -> None:
    data = msgpack.unpackb(pack_case(replace(CASE, count=4, windows=(1, 2), channels=("page", "text"))))
    del data["voices"], data["codes"]
    read = unpack_case(msgpack.packb(data))
    assert (read.voices, read.windows, read.channels, read.codes) == (4, (1, 2), ("page", "text"), ())


def test_long_lives_keep_their_beginning() -> None:
    case = replace(CASE, steps=(Step(FlagLife.RECEIVED, 0, say("received")),))
    for k in range(200):
        event, why = (Event.HAND, say("with-a-person")) if k % 2 else (Event.AGREE, say("confirmed"))
        case = step(case, event, why, k)
    assert len(case.steps) == STEPS_MAX
    assert case.steps[0].life is FlagLife.RECEIVED


def test_public_ids_say_their_number() -> None:
    assert [case_number(case_id(n)) for n in (0, 1, 31, 32, 10**7)] == [0, 1, 31, 32, 10**7]


def test_every_phrase_can_be_said_with_the_values_it_names() -> None:
    import string

    for code, english in PHRASES.items():
        names = {name for _, name, _, _ in string.Formatter().parse(english) if name}
        assert Phrase(code, tuple((name, 1) for name in sorted(names))).english
    with pytest.raises(KeyError):
        say("no such code")
