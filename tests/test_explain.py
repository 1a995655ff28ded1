"""Why a stage began: the deciding term is the one that decides, and the words are true and short."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decision_log import DecisionLog
from controller.explain import (
    REGISTERS,
    RULES,
    SENTENCE_MAX,
    TERMS,
    Decision,
    Terms,
    UnknownJunction,
    Waiting,
    clock,
    deciding_term,
    explain,
    explanation,
    junction_to_explain,
)  # fmt: skip
from controller.junction import StreetNetwork
from controller.network import Network, build_network
from controller.vocabulary import CONTROLLERS, Timing
from tests import toy_street
from tests.journal_street import Drive, network
from tests.toy_street import EW, EW_LEFT, NS, NS_LEFT, WALK_EW, WALK_NS

AT_0814 = 8 * 3_600_000 + 14 * 60_000 + 5_000


def bits(*groups: int) -> int:
    return sum(1 << g for g in groups)


def decision(**changes: Any) -> Decision:
    """North-south ends and east-west begins, with fourteen people at its crossing."""
    fields: dict[str, Any] = {
        "time_ms": AT_0814,
        "junction": 0,
        "from_stage": 0,
        "to_stage": 2,
        "source": "adaptive",
        "winner": Terms(100.0, 0.0, 40.0, 0.0, 20.0, 50.0),
        "loser": Terms(60.0, 0.0, 310.0, 0.0, 10.0, 40.0),
        "urgent_group": None,
        "from_groups": bits(NS),
        "to_groups": bits(EW, WALK_EW),
        "totals": (210.0, 420.0),
        "waiting": (Waiting(WALK_EW, 13.6, 62_000), Waiting(EW, 2.0, 30_000)),
    }
    return Decision(**{**fields, **changes})


def costs(**terms: float) -> Terms:
    return Terms(**{**dict.fromkeys(TERMS, 0.0), **terms})


# --- what decided ----------------------------------------------------------------------------


def test_the_deciding_term_is_the_one_without_which_it_would_have_stayed() -> None:
    assert deciding_term(decision()) == "pedestrians"
    bus = decision(winner=costs(cars=100), loser=costs(cars=90, buses=50))
    assert deciding_term(bus) == "buses"


def test_of_several_the_largest_is_named() -> None:
    both = decision(winner=costs(later=700, cars=10), loser=costs(promise=600, stops=550))
    assert deciding_term(both) == "promise"


def test_when_no_term_alone_decides_none_is_named() -> None:
    together = decision(winner=costs(), loser=costs(cars=50, buses=50))
    assert deciding_term(together) is None
    assert "decided by all together" in explain(together, network(), "operator")
    assert deciding_term(decision(winner=costs(cars=5), loser=costs(cars=4))) is None
    assert deciding_term(decision(winner=None)) is None


amount = st.integers(-1000, 1000).map(float)
terms = st.builds(Terms, *[amount] * len(TERMS))


@given(winner=terms, loser=terms)
def test_without_the_named_term_it_would_have_stayed_and_no_other_weighs_more(
    winner: Terms, loser: Terms
) -> None:
    """The slow way: take each term out of both plans and look who wins then."""
    named = deciding_term(decision(winner=winner, loser=loser))
    flips = {}
    for term in TERMS:
        without = [dataclasses.replace(t, **{term: 0.0}).total() for t in (winner, loser)]
        if winner.total() < loser.total() and without[1] <= without[0]:
            flips[term] = getattr(loser, term) - getattr(winner, term)
    if named is None:
        assert not flips
    else:
        assert flips[named] == max(flips.values())


# --- the words -------------------------------------------------------------------------------


def test_the_operator_reads_who_waited_and_what_staying_would_have_cost() -> None:
    assert explain(decision(), network(), "operator") == (
        "J1 08:14:05 ns -> ew+walk.ew: 14 people at walk.ew have waited up to 62 s of 120 s promised; "
        "staying would cost 210 person-seconds, decided by people on foot."
    )


def test_the_engineer_reads_every_number() -> None:
    sentence = explain(decision(time_ms=AT_0814 + 300), network(), "engineer")
    assert sentence == (
        "J1 08:14:05.3 s0>s2 adaptive/cost: 210 vs 420 person-s; by pedestrians: "
        "cars -40 buses +0 pedestrians +270 promise +0 stops -10 later -10"
    )


def test_the_citizen_reads_the_reason_in_everybodys_words() -> None:
    assert explain(decision(), network(), "citizen") == (
        "Green now for ew, walk ew: people at walk ew had waited 62 s, "
        "and this way people on foot wait least."
    )


def test_what_nobody_sees_is_said_as_a_person_says_it() -> None:
    def told(*groups: int) -> str:
        return explain(decision(by_history=bits(*groups)), network(), "operator")

    assert told(EW).endswith("; ew cannot be seen: usual traffic is assumed.")
    assert "; ns and ew cannot be seen: " in told(NS, EW)
    assert re.search(r"; \S+(, \S+)? and \d more cannot be seen: ", told(NS, EW, NS_LEFT, EW_LEFT))


def test_a_promise_about_to_run_out_is_named_with_its_group() -> None:
    urgent = decision(source="greedy", winner=None, loser=None, rule="promise", urgent_group=EW)
    assert "2 vehicles at ew have waited up to 30 s of 120 s promised; ew must start in time" in explain(
        urgent, network(), "operator"
    )
    assert "nobody here shall wait longer than 120 s" in explain(urgent, network(), "citizen")


@pytest.mark.parametrize(
    ("rule", "operator", "citizen"),
    [
        ("plan", "fixed plan", "plan made beforehand"),
        ("gap-out", "no more traffic", "nobody was coming the other way"),
        ("max-green", "maximum", "longest green"),
        ("pressure", "longest queues", "longest queues"),
        ("most-vehicles", "most traffic", "most traffic"),
    ],
)
def test_planners_without_costs_are_explained_by_their_rule(rule: Any, operator: str, citizen: str) -> None:
    plain = decision(winner=None, loser=None, totals=None, rule=rule, source="actuated")
    assert operator in explain(plain, network(), "operator")
    assert citizen in explain(plain, network(), "citizen")
    assert f"actuated/{rule}" in explain(plain, network(), "engineer")


def test_one_person_is_not_people() -> None:
    one = decision(waiting=(Waiting(WALK_EW, 0.4, 7_000),))
    assert "1 person at walk.ew has waited 7 s" in explain(one, network(), "operator")


def test_without_an_admissible_alternative_no_price_is_made_up() -> None:
    forced = decision(winner=costs(cars=10), loser=costs(promise=1e9), totals=(10.0, 1e9))
    assert "staying would break a promise" in explain(forced, network(), "operator")
    assert "person-seconds" not in explain(forced, network(), "operator")


def test_what_decided_is_the_last_thing_to_be_left_out() -> None:
    long = named("The Great Northern Junction", [f"{k} a very long name of a group" for k in range(6)])
    sentence = explain(decision(), long, "operator")
    assert sentence.endswith("decided by people on foot.")
    assert "+1 more" in sentence


def test_a_stage_nobody_called_is_no_green_for_anybody() -> None:
    empty = decision(to_groups=0, waiting=())
    assert "ns -> all red" in explain(empty, network(), "operator")
    assert explain(empty, network(), "citizen").startswith("No green for a moment: ")


def test_nothing_is_said_to_save_what_it_does_not() -> None:
    level = decision(winner=costs(cars=10), loser=costs(cars=10), totals=(10.0, 10.0))
    assert "cost about the same" in explain(level, network(), "operator")


def named(junction_title: str, group_names: list[str]) -> Network:
    """The toy street with other names."""
    plain = toy_street.junction("square")
    renamed = dict(zip([g.name for g in plain.groups], group_names, strict=True))
    groups = [dataclasses.replace(g, name=renamed[g.name], approach=renamed[g.name]) for g in plain.groups]
    stages = [dataclasses.replace(s, groups=tuple(renamed[g] for g in s.groups)) for s in plain.stages]
    junction = dataclasses.replace(
        plain,
        title=junction_title,
        groups=tuple(groups),
        lanes=(),
        intergreens=(),
        plans=(),
        stages=tuple(stages),
    )
    return build_network(StreetNetwork("odd", Timing.COMPUTED, (junction,)), 1000)


names = st.lists(st.text(min_size=1, max_size=300), min_size=6, max_size=6, unique=True)
group_bits = st.integers(0, 63)
waiting = st.builds(Waiting, st.integers(0, 5), st.floats(0, 1e9), st.integers(0, 1 << 50))
waits = st.lists(waiting, max_size=6).map(tuple)
wild = st.floats(-1e18, 1e18)
decisions = st.builds(
    Decision,
    time_ms=st.integers(0, 1 << 53),
    junction=st.just(0),
    from_stage=st.integers(0, 3),
    to_stage=st.integers(0, 3),
    source=st.sampled_from(CONTROLLERS),
    winner=st.none() | st.builds(Terms, *[wild] * len(TERMS)),
    loser=st.none() | st.builds(Terms, *[wild] * len(TERMS)),
    urgent_group=st.none() | st.integers(0, 5),
    rule=st.sampled_from(RULES),
    from_groups=group_bits,
    to_groups=group_bits,
    totals=st.none() | st.tuples(wild, wild),
    waiting=waits,
    by_history=group_bits,
)


@given(decision=decisions, title=st.text(min_size=1, max_size=300), names=names)
def test_every_sentence_fits_two_lines_whatever_the_names(
    decision: Decision, title: str, names: list[str]
) -> None:
    net = named(title, names)
    told = explanation(decision, net)
    for register in REGISTERS:
        sentence = explain(decision, net, register)
        assert told[register] == sentence
        assert 0 < len(sentence) <= SENTENCE_MAX == 160
        assert not re.search(r"[\n\r]", sentence)


def test_unknown_words_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="operator, engineer, citizen"):
        explain(decision(), network(), "poet")  # type: ignore[arg-type]
    with pytest.raises(UnknownJunction, match=r"no junction J7; known are J1 \(square\)"):
        junction_to_explain(network(), "J7")
    assert junction_to_explain(network(), "square") == junction_to_explain(network(), "J1") == 0


def test_the_clock_is_the_streets() -> None:
    assert (clock(AT_0814), clock(AT_0814 + 24 * 3_600_000), clock(999, decimals=True)) == (
        "08:14:05", "08:14:05", "00:00:00.9",
    )  # fmt: skip


# --- watching a controller -------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTROLLERS)
def test_every_change_of_stage_has_one_decision_and_watching_changes_nothing(name: str) -> None:
    watched = Drive(name).run(240)
    alone = Drive(name)
    stages = []
    for tick in range(2400):
        if tick % 10 == 0:
            alone._read()
        before = int(alone.controller.state.target_stage[0]), int(alone.controller.state.target_bits[0])
        alone.controller.tick(alone.frame, alone.now_ms)
        after = int(alone.controller.state.target_stage[0]), int(alone.controller.state.target_bits[0])
        if before[0] not in (-1, after[0]) and before[1] != after[1]:
            stages.append((alone.now_ms, before[0], after[0]))
        alone.now_ms += 100
    assert len(stages) > 3
    assert [(d.time_ms, d.from_stage, d.to_stage) for d in watched.decisions] == stages
    assert alone.controller.state.digest() == watched.controller.state.digest()
    assert {d.source for d in watched.decisions} == {name}


def test_waiting_people_are_seen_even_when_their_walk_starts_at_once() -> None:
    """A walk beside a green that goes on begins in the tick of the decision: its call is gone after it."""
    drive = Drive("greedy")
    log = DecisionLog(drive.controller)
    state = drive.controller.state
    state.target_stage[0], state.target_bits[0] = 0, bits(NS)
    state.call_since_ms[WALK_NS] = drive.now_ms - 40_000
    state.waiting_people[WALK_NS] = 3.0
    log.observe(drive.now_ms)
    state.target_stage[0], state.target_bits[0] = 2, bits(NS, WALK_NS)
    state.call_since_ms[WALK_NS] = 1 << 60
    (seen,) = log.observe(drive.now_ms + 100)
    assert seen.waiting == (Waiting(WALK_NS, 3.0, 40_100),)


def test_a_promise_that_forces_a_greedy_planner_is_told_as_a_promise() -> None:
    """Ever more traffic on one road: only the promise gets the left turn its green."""
    drive = Drive("greedy")
    log = DecisionLog(drive.controller)
    found: list[Decision] = []
    for tick in range(3000):
        frame = drive.frame
        if tick % 10 == 0:
            frame.sequence += 1
            frame.time_ms = drive.now_ms
            frame.lamps_shown[:] = drive.controller.monitor.permitted
            frame.detector_on[:] = False
            frame.detector_count[:] = 0
            frame.detector_on[[2 * NS, 2 * NS + 1, 2 * EW_LEFT]] = True
            frame.detector_count[2 * NS + 1] = 1
        drive.controller.tick(frame, drive.now_ms)
        found += log.observe(drive.now_ms)
        drive.now_ms += 100
    forced = [d for d in found if d.to_groups & bits(EW_LEFT) and d.rule in ("promise", "max-green")]
    assert forced
    assert {d.urgent_group for d in forced} == {EW_LEFT}
    waited_s = [w.waited_ms / 1000 for d in forced for w in d.waiting if w.group == EW_LEFT]
    assert min(waited_s) > 20
    assert all(w <= 120 for w in waited_s)


def test_terms_of_an_adaptive_planner_are_taken_as_it_leaves_them() -> None:
    drive = Drive("adaptive")
    planner: Any = drive.controller.planner
    planner.terms = np.arange(12.0).reshape(1, 2, 6)
    planner.terms[0, 1, 3] = np.inf
    log = DecisionLog(drive.controller)
    state = drive.controller.state
    state.target_stage[0], state.target_bits[0] = 0, bits(NS)
    log.observe(0)
    state.target_stage[0], state.target_bits[0] = 1, bits(NS_LEFT)
    (seen,) = log.observe(100)
    assert seen.winner == Terms(0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
    assert seen.loser == Terms(6.0, 7.0, 8.0, 1e18, 10.0, 11.0)  # finite, so that it can be written down
    assert seen.totals == (15.0, seen.loser.total())
    assert deciding_term(seen) == "promise"
