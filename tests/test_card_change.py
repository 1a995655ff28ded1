"""Another card on a running street: the engine asks for it, the monitor makes, tests and takes it itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from controller.adoption import Phase
from controller.junction import StreetNetwork
from controller.monitor import Card
from controller.monitor.lamps import FLASHING
from controller.policy import Policy
from controller.street_file import street_to_text
from override.deploy_messages import VersionState, Way
from override.keys import Identity
from override.street_change import ChangeRefused
from override.version import BASELINE, Builder, Version, pack_content, statement
from override.version_check import check_signed, stored
from tests.control_room import street
from tests.deploy_room import ENG, EVERYBODY, LONG, SUE, Deployment, wired, with_plan
from tests.lamp_loop import Loop


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    made = Loop(tmp_path)
    assert made.drives(0) or made.drives(1)
    assert not made.said
    made.flashed = [0, 0]
    yield made
    made.close()


def test_the_monitor_makes_and_takes_the_card_of_one_junction_while_the_other_goes_on(loop: Loop) -> None:
    adoption = loop.take()
    loop.until(lambda: adoption.phase is Phase.DONE)
    assert loop.monitor.monitor.card.digest() == loop.new_card.digest() == loop.link.card.digest()
    assert 60 <= loop.flashed[0] <= 75
    assert loop.flashed[1] == 0
    adoption.finish()
    loop.adoption = None
    loop.run(120)
    assert loop.monitor._changes.base is loop.monitor.monitor.card, (
        "what an engine may begin with from now on"
    )
    assert loop.said == ["monitor: J0 has the card of another version"]


@pytest.mark.parametrize("why", ["nobody has signed it", "another ground than the engine's word"])
def test_a_card_that_is_not_signed_or_not_the_engines_is_refused_and_the_old_one_kept(
    loop: Loop, why: str
) -> None:
    def card(number: int) -> Card:
        if why == "nobody has signed it":
            raise ChangeRefused("version 2 was not agreed to by a second person")
        return replace(loop.new_card, promise_ms=loop.new_card.promise_ms + 5_000)

    loop.cards = card
    adoption = loop.take()
    loop.until(lambda: adoption.phase is Phase.BACK)
    assert ("second person" if why == "nobody has signed it" else "(C15)") in adoption.why
    assert loop.monitor.monitor.card is loop.card
    loop.run(60)
    assert loop.flashed == [0, 0], "nobody has noticed"
    assert loop.drives(0) or loop.drives(1)
    assert not loop.said


def test_an_engine_that_dies_in_the_middle_begins_with_the_card_before(loop: Loop) -> None:
    adoption = loop.take()
    loop.until(lambda: adoption.proven[0])
    assert loop.monitor.monitor.card is not loop.card
    loop.link.lose()
    loop.engine_anew()
    loop.run(90)
    assert loop.monitor.monitor.card.digest() == loop.card.digest()
    assert not [line for line in loop.said if "C15" in line]
    assert loop.drives(0) or loop.drives(1)


def test_a_monitor_that_dies_in_the_middle_takes_the_new_card_with_it(loop: Loop) -> None:
    adoption = loop.take()
    loop.until(lambda: adoption.proven[0])
    loop.monitor.close()
    loop.street.close()
    loop.monitor = loop.monitor_anew()
    loop.until(lambda: adoption.phase is Phase.BACK)
    assert "begin anew" in adoption.why
    loop.run(90)
    assert loop.monitor.monitor.card is loop.card
    assert not [line for line in loop.said if "C15" in line]
    assert loop.drives(0) or loop.drives(1)


# --- from the proposal to the street ------------------------------------------------------------


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path)
    yield made
    made.close()


def longer_promise(street: StreetNetwork) -> str:
    first = street.junctions[0]
    groups = tuple(replace(g, promise_ms=g.promise_ms + 30_000) for g in first.groups)
    return street_to_text(replace(street, junctions=(replace(first, groups=groups),), links=()))


def test_two_people_bring_other_times_onto_one_junction_and_only_that_one_flashes(room: Deployment) -> None:
    room.run(60)
    room.propose(longer_promise(room.street))
    assert room.until(VersionState.PROPOSED, 2).way is Way.IN_TURN
    room.approve(2)
    flashed = [0, 0, 0]
    while room.version(2).state is VersionState.ADOPTING:
        room.tick()
        assert room.street_ms < 900_000
        for g, lamp in enumerate(room.toy.frame.lamps_shown.tolist()):
            flashed[int(room.toy.network.group_junction[g])] += bool(FLASHING[lamp])
    assert room.version(2).state is VersionState.IN_FORCE
    assert flashed[0] > 0
    assert flashed[1:] == [0, 0]
    assert (2, True) not in room.anew, "engine and monitor were never begun anew"
    before_ms = room.street.junctions[0].groups[0].promise_ms
    room.run(1)
    assert room.engine.controller.network.promise_ms[0] == before_ms + 30_000
    room.back(1)
    room.until(VersionState.PROPOSED, 3)
    room.approve(3, EVERYBODY["sam"])
    room.until(VersionState.IN_FORCE, 3)
    room.run(1)
    assert room.engine.controller.network.promise_ms[0] == before_ms
    assert not room.alarms


def somebody(name: str, revoked: tuple[str, ...] = ()) -> Identity | None:
    """Who has this name in the room; some have left."""
    who = EVERYBODY.get(name)
    if who is None:
        return None
    return replace(who.identity, revoked="left" if name in revoked else "")


def test_the_monitor_trusts_only_what_two_people_have_signed(room: Deployment) -> None:
    room.propose(longer_promise(room.street))
    version = room.until(VersionState.PROPOSED, 2)
    content = stored(room.file)(2)[1]

    def lies(number: int) -> tuple[Version, bytes]:
        return (version, content) if number == 2 else stored(room.file)(number)

    with pytest.raises(ChangeRefused, match="nobody may have it"):
        check_signed(lies, 2, somebody)
    room.approve(2)
    honest = version = room.version(2)
    assert version.base == BASELINE
    check_signed(lies, 2, somebody)
    for changed, words in (
        (replace(honest, second="eng", second_signature=honest.signature), "second person"),
        (replace(honest, second="sam"), "signature of sam"),
        (replace(honest, signature=SUE.secret.sign(statement(honest.digest))), "signature of eng"),
        (replace(honest, proposer="nobody"), "signature of nobody"),
    ):
        version = changed
        with pytest.raises(ChangeRefused, match=words):
            check_signed(lies, 2, somebody)
    version = honest
    with pytest.raises(ChangeRefused, match="signature of eng"):
        check_signed(lies, 2, lambda name: somebody(name, ("eng",)))
    content += b"\0"
    with pytest.raises(ChangeRefused, match="not what was signed"):
        check_signed(lies, 2, somebody)
    assert ENG.identity.name == "eng"


def agreed(number: int, content: bytes, state: VersionState, **more: Any) -> tuple[Version, bytes]:
    """A version that eng proposed and sue agreed to, made from the one before it."""
    digest = more.pop("digest", sha256(content).digest())
    signatures = {"signature": ENG.secret.sign(statement(digest)),
                  "second_signature": SUE.secret.sign(statement(digest))}  # fmt: skip
    return Version(
        number, digest, state, Way.LIVE, number - 1, "eng", second="sue", **signatures, **more
    ), content


def test_what_a_version_is_made_of_must_be_signed_as_well() -> None:
    """Whoever may write to the station's file, but has nobody's key, brings nothing onto the street."""
    base = wired(street(1))
    contents = [pack_content(with_plan(base, replace(LONG, offset_ms=k)), "")[0] for k in (0, 5_000)]
    file = {
        1: (Version(1, b"street", VersionState.FORMER), b""),
        2: agreed(2, contents[0], VersionState.FORMER),
        3: agreed(3, contents[1], VersionState.IN_FORCE),
        4: agreed(4, b"", VersionState.ADOPTING, returns_to=2, digest=sha256(contents[0]).digest()),
    }
    built = Builder(base, Policy(), file.__getitem__).build
    assert [built(number)[0].junctions[0].plans[0].offset_ms for number in (2, 3, 4)] == [0, 5_000, 0]
    for number in (3, 4):
        checked = check_signed(file.__getitem__, number, somebody)
        assert checked == [file[below] for below in ((3, 2, 1) if number == 3 else (4, 2, 1))]
    # What was agreed to long ago stays so, though all of them have left.
    check_signed(file.__getitem__, 3, lambda name: somebody(name, tuple(EVERYBODY)))

    honest = file[2][0]
    other, digest = pack_content(street_to_text(base), "")
    file[2] = honest, other
    for number in (3, 4):
        with pytest.raises(ChangeRefused, match="version 2 is not what was signed"):
            built(number)
    file[2] = replace(honest, digest=digest), other
    with pytest.raises(ChangeRefused, match="version 4 does not return to what was signed"):
        built(4)
    with pytest.raises(ChangeRefused, match="version 2 does not carry the signature of eng"):
        check_signed(file.__getitem__, 3, somebody)
    file[2] = replace(honest, base=3), contents[0]
    with pytest.raises(ChangeRefused, match="lies where another belongs"):
        built(3)
    file[2] = replace(honest, state=VersionState.REFUSED), contents[0]
    with pytest.raises(ChangeRefused, match="version 2 is refused: nobody may have it"):
        check_signed(file.__getitem__, 3, somebody)
