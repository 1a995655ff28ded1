"""Another version of a running street: two people, one version in force whatever dies, back by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from controller.policy import Policy
from controller.street_file import street_to_text
from controller.vocabulary import Lamp
from override.audit import entry_of
from override.deploy_messages import DeployAction, VersionState, Way
from override.forecast import _counted_as
from override.keys import new_secret
from override.refused import Refused
from override.version import is_signed, statement
from override.views import Outcome
from override.what_if import Run
from tests.deploy_room import ANA, ENG, LONG, SAM, SUE, Deployment, with_plan


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path).run(30)
    yield made
    made.close()


def in_force(room: Deployment) -> int:
    assert sum(v.state is VersionState.IN_FORCE for v in room.deploying.book.versions.values()) == 1
    return room.deploying.book.in_force.number


def test_two_people_bring_a_plan_onto_the_street_and_it_stays_signed(room: Deployment) -> None:
    reply = room.propose(with_plan(room.street, LONG, "J1"))
    assert (reply.outcome, reply.order, reply.why) == (Outcome.WAITING, "version-2", "it is being checked")
    version = room.until(VersionState.PROPOSED, 2)
    assert version.junctions == ("J1",)
    assert version.words == (
        "J1: plan day: s0 35 s1 15 s2 35 s3 15 s, offset 0 s becomes s0 70 s1 20 s2 30 s3 20 s, offset 0 s",
    )
    room.run(60)
    assert in_force(room) == 1, "one person changes nothing"
    assert room.approve(2, ENG).why == "the second person must be another one"
    assert room.approve(2, ANA).code == "approval"
    assert room.approve(2).outcome is Outcome.ACCEPTED
    version = room.until(VersionState.IN_FORCE, 2)
    assert (in_force(room), room.version(1).state) == (2, VersionState.FORMER)
    room.run(1)
    assert room.engine.adopting.stand().runs == 2
    assert room.engine.network.street.junctions[1].plans == (LONG,)
    assert room.engine.orders.network.street.junctions[1].plans == (LONG,)
    assert is_signed(ENG.secret.sign_public, version.digest, version.signature)
    assert is_signed(SUE.secret.sign_public, version.digest, version.second_signature)
    assert room.storage is not None
    chain = [entry_of(record) for _, record, _ in room.storage.chain()]
    steps = [(e.order, e.before, e.after) for e in chain if e.kind == "version"]
    assert steps == [
        ("version-1", "", "in force"), ("version-2", "checking", "proposed"),
        ("version-1", "in force", "former"), ("version-2", "adopting", "in force"),
    ]  # fmt: skip
    assert [e.actor for e in chain if e.kind == "request"] == ["eng", "eng", "ana", "sue"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda j: replace(j, x_m=j.x_m + 5), "J0: x_m is decided by the ground"),
        (lambda j: replace(j, lanes=j.lanes[1:]), "which lanes there are is decided by the ground"),
        (lambda j: replace(j, name="J9", title="J9"), "no junction J9 on this street"),
        (lambda j: replace(j, intergreens=j.intergreens[1:]), "J0"),
        (lambda j: replace(j, groups=tuple(replace(g, yellow_ms=g.yellow_ms // 2) for g in j.groups)), "J0"),
        (lambda j: j, "it changes nothing of version 1"),
    ],
)
def test_what_cannot_come_onto_the_street_is_refused_in_words(
    room: Deployment, change: object, why: str
) -> None:
    assert callable(change)
    first = room.street.junctions[0]
    text = street_to_text(replace(room.street, junctions=(change(first),), links=()))
    room.propose(text)
    assert why in room.until(VersionState.REFUSED, 2).why
    assert "no version 2" in room.approve(2).why


def test_rubbish_forgeries_and_stale_proposals_are_not_taken(room: Deployment) -> None:
    assert room.propose("format = 1\njunction = 5").outcome is Outcome.WAITING
    assert room.until(VersionState.REFUSED, 2).why == "name: missing"
    text = with_plan(room.street)
    assert room.propose(text, who=ANA).code == "role"
    assert room.propose(text, base=7).code == "basis"
    assert room.propose(text, reason=" ").code == "arguments"
    forged = new_secret("eng").sign(statement(bytes(32)))
    assert room.propose(text, signature=forged).code == "signature"
    assert room.propose(text, break_glass=True).code == "role"
    room.propose(policy="persons_per_bus = 60.0")
    room.propose(text)
    room.until(VersionState.PROPOSED, 4)
    room.approve(4)
    room.until(VersionState.IN_FORCE, 4)
    assert room.approve(3).why == "it was made from version 1; now 4 is in force"


def test_a_policy_is_taken_up_and_rolled_back_and_the_baseline_comes_back(room: Deployment) -> None:
    room.propose(policy="persons_per_bus = 60.0")
    room.until(VersionState.PROPOSED, 2)
    room.approve(2)
    room.until(VersionState.IN_FORCE, 2)
    room.run(1)
    assert room.engine.controller.policy.persons_per_bus == 60.0
    room.propose(with_plan(room.street))
    room.until(VersionState.PROPOSED, 3)
    room.approve(3)
    room.until(VersionState.IN_FORCE, 3)
    room.back(2)
    assert room.until(VersionState.PROPOSED, 4).returns_to == 2
    room.approve(4)
    room.until(VersionState.IN_FORCE, 4)
    room.run(1)
    assert room.engine.controller.network.street == room.street
    assert room.engine.controller.policy.persons_per_bus == 60.0
    assert (
        room.ask(SUE, DeployAction.BASELINE, room.version(1).digest, break_glass=True).outcome
        is Outcome.WAITING
    )
    room.until(VersionState.IN_FORCE, 5)
    room.run(1)
    assert room.engine.controller.policy.persons_per_bus == 30.0
    assert any("glass broken" in alarm for alarm in room.alarms)
    assert "never in force" in room.ask(SUE, DeployAction.ROLLBACK, bytes(32), number=77).why


def test_lamps_that_do_not_prove_it_take_it_back_with_an_alarm(room: Deployment) -> None:
    room.propose(with_plan(room.street))
    room.until(VersionState.PROPOSED, 2)
    room.approve(2)
    while room.engine.adopting.stand().adopted < 3:
        room.tick()
    while room.version(2).state is VersionState.ADOPTING:
        lamps = room.toy.frame.lamps_shown
        if lamps[0] == Lamp.GREEN:
            lamps[0] = Lamp.DARK
        room.deploying.turn(room.now_ms, 0)
        with suppress(AssertionError):  # the monitor sees the dark lamp too, as it should
            room.tick()
    assert room.version(2).state is VersionState.RETURNED
    assert in_force(room) == 1
    assert "version-2 was taken back, version-1 is in force" in room.alarms[-1]
    assert room.engine.controller.network.street == room.street


@pytest.mark.parametrize("dies", ["gateway", "engine", "both"])
@pytest.mark.parametrize("adopted", [0, 1, 3])
def test_whatever_dies_in_the_middle_one_version_is_in_force_and_the_engine_runs_it(
    room: Deployment, dies: str, adopted: int
) -> None:
    room.propose(with_plan(room.street))
    room.until(VersionState.PROPOSED, 2)
    room.approve(2)
    while room.engine.adopting.stand().adopted < adopted:
        room.tick()
    if dies in ("gateway", "both"):
        room.open()
    if dies in ("engine", "both"):
        room.engine_anew()
    assert in_force(room) == 1
    for _ in range(6_000):
        room.tick()
        if room.version(2).state is not VersionState.ADOPTING:
            break
    told_again = dies == "engine" and not adopted  # it had not even begun
    expected = 2 if dies == "gateway" or told_again else 1
    assert in_force(room) == expected
    assert room.version(2).state is (VersionState.IN_FORCE if expected == 2 else VersionState.RETURNED)
    room.run(5)
    assert room.engine.adopting.stand().runs == expected


def test_a_version_of_the_time_when_stages_came_through_flash_comes_back_if_it_is_not_proved(
    room: Deployment,
) -> None:
    room.propose(with_plan(room.street))
    room.until(VersionState.PROPOSED, 2)
    room.deploying.book.take([replace(room.version(2), way=Way.FLASH)])
    room.approve(2)
    room.run(1)
    assert room.anew[-1] == (2, True)
    room.until(VersionState.IN_FORCE, 2)
    room.back(1)
    room.until(VersionState.PROPOSED, 3)
    room.deploying.book.take([replace(room.version(3), way=Way.FLASH)])
    room.approve(3, SAM)
    room.tick()
    room.now_ms += 200_000  # nobody comes back after that flash
    room.deploying.stand = None
    room.deploying.turn(room.now_ms, 0)
    assert room.version(3).state is VersionState.RETURNED
    assert room.anew[-1] == (2, True), "engine and monitor begin anew with what is in force"
    assert in_force(room) == 2


def test_a_station_started_with_another_street_has_another_baseline(room: Deployment, tmp_path: Path) -> None:
    room.propose(with_plan(room.street))
    room.until(VersionState.PROPOSED, 2)
    room.installation = replace(room.installation, street=replace(room.street, name="elsewhere"))
    room.open()
    assert in_force(room) == 3
    assert room.version(2).state is VersionState.REFUSED
    assert room.ask(SUE, DeployAction.BASELINE, room.version(1).digest).code == "arguments"


def test_what_is_in_force_can_be_had_as_a_file_edited_and_proposed(room: Deployment) -> None:
    street_file, policy_file = room.file_of("J1")
    assert policy_file.startswith("version = 1\npersons_per_car = 1.3\n")
    room.propose(street_file.replace("duration_ms = 35000 }", "duration_ms = 36000 }", 1)
                 .replace("cycle_ms = 100000", "cycle_ms = 101000"), policy_file)  # fmt: skip
    assert room.until(VersionState.PROPOSED, 2).words == (
        "J1: plan day: s0 35 s1 15 s2 35 s3 15 s, offset 0 s becomes s0 36 s1 15 s2 35 s3 15 s, offset 0 s",
    )
    with pytest.raises(Refused, match="no junction J9"):
        room.file_of("J9")


def test_what_was_foreseen_of_a_proposal_is_kept_with_it(room: Deployment) -> None:
    asked: list[tuple[int, tuple[str, ...]]] = []

    def foresee(number: int, junctions: tuple[str, ...], then: Callable[[str], None]) -> None:
        asked.append((number, junctions))
        then("forecast for 1 junctions: nobody waits longer")

    room.deploying.forecast = foresee
    room.propose(with_plan(room.street, LONG, "J2"))
    room.until(VersionState.PROPOSED, 2)
    assert asked == [(2, ("J2",))]
    room.open()
    assert room.version(2).forecast == "forecast for 1 junctions: nobody waits longer"


def test_another_policy_changes_who_waits_and_not_how_persons_are_counted() -> None:
    run = Run(np.full((2, 1, 3), 60), np.zeros((1, 3), np.int64), np.zeros(1, np.int64), {})
    other = Policy(persons_per_car=2.6, persons_per_walker=3.0)
    assert _counted_as(Policy(), other, run).waited_s[0, 0].tolist() == [30, 60, 20]
    assert _counted_as(Policy(), Policy(), run) is run
