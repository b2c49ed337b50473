"""Who gets a ticket, as a pure function: each strategy, each reason against somebody, and the ledger."""

import datetime as dt
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing_rules.assignment import (
    Candidate,
    Choice,
    Excluded,
    Need,
    Policy,
    Presence,
    Reason,
    Request,
    Strategy,
    TieBreak,
    Wanted,
    choose,
    next_turn,
)
from routing_rules.ledger import ledger_of, reproduce

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
MAIL = Request(kind="email", since=NOW)
CHAT = Request(kind="chat", since=NOW, is_live=True)
BEN = Candidate(1, "Ben")
CLEO = Candidate(2, "Cleo")
ELI = Candidate(3, "Eli")


def why(candidate: Candidate, request: Request = MAIL, policy: Policy | None = None) -> tuple[str, dict[str, Any]]:
    choice = choose(request, [candidate], policy or Policy(), NOW)
    exclusion = choice.exclusions[0]
    assert exclusion is not None
    assert (choice.agent_id, choice.reason) == (None, Reason.NOBODY_FREE)
    return exclusion.code, dict(exclusion.values)


def chosen(*candidates: Candidate, request: Request = MAIL, policy: Policy | None = None) -> Choice:
    return choose(request, candidates, policy or Policy(), NOW)


class TestEachReasonAgainstSomebody:
    EARLIER = NOW - dt.timedelta(hours=2)

    @pytest.mark.parametrize(
        ("candidate", "request_", "code", "values"),
        [
            (replace(BEN, load=5, capacity=5), MAIL, "at-capacity", {"load": 5, "capacity": 5}),
            (
                replace(BEN, kind_load=3, kind_limit=3),
                CHAT,
                "at-channel-capacity",
                {"load": 3, "capacity": 3, "kind": "chat"},
            ),
            (
                replace(BEN, presence=Presence.AWAY, present_since=EARLIER),
                MAIL,
                "away",
                {"since": "2026-03-02T10:00:00+00:00"},
            ),
            (replace(BEN, presence=Presence.DND), MAIL, "dnd", {}),
            (replace(BEN, presence=Presence.OFFLINE), CHAT, "offline", {}),
            (replace(BEN, absent_until=dt.date(2026, 3, 9)), MAIL, "absent", {"until": "2026-03-09"}),
            (replace(BEN, is_closed=True), MAIL, "outside-hours", {}),
            (
                replace(BEN, opens_at=NOW + dt.timedelta(hours=20)),
                MAIL,
                "outside-hours",
                {"until": "2026-03-03T08:00:00+00:00"},
            ),
            (
                replace(BEN, skills={"fi": 3}),
                replace(MAIL, needs=(Need("fi", 4),)),
                "lacks-skill",
                {"skill": "fi", "level": 4, "has": 3},
            ),
            (replace(BEN, weight=0), MAIL, "no-share", {}),
            (BEN, replace(MAIL, had_it=(1,)), "had-it", {}),
        ],
    )
    def test_is_said_with_its_values(
        self, candidate: Candidate, request_: Request, code: str, values: dict[str, object]
    ) -> None:
        assert why(candidate, request_) == (code, values)

    def test_being_offline_matters_only_to_chats_and_where_the_team_says_so(self) -> None:
        gone = replace(BEN, presence=Presence.OFFLINE)

        assert chosen(gone).agent_id == 1
        assert why(gone, CHAT)[0] == Excluded.OFFLINE
        assert why(gone, policy=Policy(needs_online=True))[0] == Excluded.OFFLINE


class TestEachStrategy:
    def test_least_load_takes_whoever_has_least(self) -> None:
        choice = chosen(replace(BEN, load=3), replace(CLEO, load=2), replace(ELI, load=4))

        assert (choice.agent_id, choice.tie_break, choice.tied) == (2, TieBreak.NONE, ())

    def test_says_the_tie_break(self) -> None:
        longer, shorter = replace(CLEO, newest=4), replace(ELI, newest=9)

        by_time = chosen(shorter, longer)
        by_order = chosen(CLEO, BEN)

        assert (by_time.agent_id, by_time.tie_break, by_time.tied) == (2, TieBreak.LONGEST_WITHOUT, (3, 2))
        assert (by_order.agent_id, by_order.tie_break) == (1, TieBreak.ORDER)

    def test_most_idle_takes_whoever_got_none_for_longest(self) -> None:
        hours = [replace(each, idle_since=NOW - dt.timedelta(hours=n)) for n, each in ((1, BEN), (5, CLEO), (3, ELI))]

        assert chosen(*hours, policy=Policy(Strategy.MOST_IDLE)).agent_id == 2

    def test_manual_gives_nothing_but_says_who_could(self) -> None:
        choice = chosen(BEN, replace(CLEO, presence=Presence.AWAY), policy=Policy(Strategy.MANUAL))

        assert (choice.agent_id, choice.reason) == (None, Reason.MANUAL)
        assert [each and each.code for each in choice.exclusions] == [None, Excluded.AWAY]

    def test_round_robin_goes_round_and_weights_make_shares(self) -> None:
        team = [BEN, replace(CLEO, weight=3), replace(ELI, weight=2)]

        in_turn = deal(team, Strategy.ROUND_ROBIN, count=9)
        by_weight = deal(team, Strategy.WEIGHTED, count=60)

        assert in_turn == [1, 2, 3] * 3
        assert Counter(by_weight) == {1: 10, 2: 30, 3: 20}

    def test_floods_nobody_who_comes_back(self) -> None:
        team = [replace(BEN, turn=2.0), replace(CLEO, turn=500.0), replace(ELI, turn=500.0)]

        assert Counter(deal(team, Strategy.ROUND_ROBIN, count=6)) == {1: 2, 2: 2, 3: 2}

    def test_preferred_skills_go_before_it(self) -> None:
        wants_finnish = replace(MAIL, needs=(Need("fi", 3, is_required=False),))
        fluent = replace(CLEO, load=9, skills={"fi": 6})

        assert chosen(BEN, fluent, request=wants_finnish).agent_id == 2
        assert chosen(BEN, replace(fluent, load=20), request=wants_finnish).agent_id == 1


def deal(team: list[Candidate], strategy: Strategy, *, count: int) -> list[int]:
    """Give out ``count`` tickets one after another; who got them."""
    got = []
    for number in range(1, count + 1):
        choice = chosen(*team, policy=Policy(strategy))
        place = next(place for place, each in enumerate(team) if each.agent_id == choice.agent_id)
        got.append(team[place].agent_id)
        team[place] = replace(team[place], turn=next_turn(team[place], team, strategy), newest=number)
    return got


class TestThePersonItIsMeantFor:
    BY_RULE = replace(MAIL, wanted=(Wanted(1, Reason.RULE),))
    KNOWN = replace(MAIL, wanted=(Wanted(1, Reason.KNOWS_CUSTOMER),))
    PATIENT = Policy(patience_s=3600)

    def test_gets_it_before_any_strategy(self) -> None:
        choice = chosen(replace(BEN, load=9), CLEO, request=self.KNOWN)

        assert (choice.agent_id, choice.reason) == (1, Reason.KNOWS_CUSTOMER)

    def test_named_by_a_rule_even_when_busy_or_away_and_in_a_team_that_pulls(self) -> None:
        busy = replace(BEN, load=30, presence=Presence.AWAY)

        choice = chosen(busy, CLEO, request=self.BY_RULE, policy=Policy(Strategy.MANUAL))

        assert (choice.agent_id, choice.reason) == (1, Reason.RULE)

    def test_is_stood_in_for_when_absent(self) -> None:
        absent = replace(BEN, absent_until=dt.date(2026, 3, 9), substitute_id=2)

        choice = chosen(absent, replace(CLEO, load=7), ELI, request=self.BY_RULE)
        without = chosen(absent, replace(CLEO, load=20), ELI, request=self.BY_RULE)

        assert (choice.agent_id, choice.reason, choice.for_id) == (2, Reason.SUBSTITUTE, 1)
        assert (without.agent_id, without.reason) == (3, Reason.STRATEGY)

    def test_is_waited_for_as_long_as_the_patience_lasts(self) -> None:
        full = replace(BEN, load=20)
        later = NOW + dt.timedelta(hours=1)

        waiting = chosen(full, CLEO, request=self.KNOWN, policy=self.PATIENT)
        over = choose(self.KNOWN, [full, CLEO], self.PATIENT, later)

        assert (waiting.agent_id, waiting.reason, waiting.waits_for, waiting.waits_until) == (
            None,
            Reason.WAITS_FOR,
            1,
            later,
        )
        assert (over.agent_id, over.reason) == (2, Reason.STRATEGY)

    def test_is_not_waited_for_when_they_come_too_late(self) -> None:
        tomorrow = replace(BEN, opens_at=NOW + dt.timedelta(hours=20))
        unable = replace(BEN, weight=0)

        assert chosen(tomorrow, CLEO, request=self.KNOWN, policy=self.PATIENT).agent_id == 2
        assert chosen(unable, CLEO, request=self.KNOWN, policy=self.PATIENT).agent_id == 2


moments = st.datetimes(
    min_value=dt.datetime.fromisoformat("2026-02-01"), max_value=dt.datetime.fromisoformat("2026-04-30")
).map(lambda moment: moment.replace(tzinfo=dt.UTC))
maybe_moment = st.none() | moments
candidates = st.builds(
    Candidate,
    agent_id=st.integers(1, 8),
    name=st.sampled_from(["Ben", "Ölga", "Дмитрий"]),
    load=st.integers(0, 4),
    capacity=st.integers(0, 4),
    kind_load=st.integers(0, 3),
    kind_limit=st.none() | st.integers(0, 3),
    presence=st.sampled_from(Presence),
    present_since=maybe_moment,
    absent_until=st.none() | st.dates(),
    substitute_id=st.none() | st.integers(1, 8),
    is_closed=st.booleans(),
    opens_at=maybe_moment,
    skills=st.dictionaries(st.sampled_from(["fi", "sv", "printer"]), st.integers(1, 6)),
    weight=st.integers(0, 5),
    turn=st.none() | st.floats(0, 1e6),
    newest=st.integers(0, 3),
    idle_since=maybe_moment,
)
requests = st.builds(
    Request,
    kind=st.sampled_from(["email", "chat"]),
    since=moments,
    is_live=st.booleans(),
    needs=st.lists(
        st.builds(Need, st.sampled_from(["fi", "printer"]), st.integers(1, 6), st.booleans()), max_size=2
    ).map(tuple),
    wanted=st.lists(
        st.builds(
            Wanted, st.integers(1, 8), st.sampled_from([Reason.RULE, Reason.ACCOUNT_OWNER, Reason.KNOWS_CUSTOMER])
        ),
        max_size=2,
    ).map(tuple),
    had_it=st.lists(st.integers(1, 8), max_size=2).map(tuple),
)
policies = st.builds(Policy, st.sampled_from(Strategy), st.booleans(), st.sampled_from([0, 600, 10**6]))


class TestTheLedger:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        request=requests,
        team=st.lists(candidates, max_size=6, unique_by=lambda each: each.agent_id),
        policy=policies,
        now=moments,
    )
    def test_reproduces_every_choice_from_what_is_stored(
        self, request: Request, team: list[Candidate], policy: Policy, now: dt.datetime
    ) -> None:
        choice = choose(request, team, policy, now)

        stored = json.loads(json.dumps(ledger_of(request, team, policy, now, choice)))

        assert reproduce(stored) == choice
        if choice.agent_id is not None:
            assert choice.agent_id in {each.agent_id for each in team}
        if choice.reason is Reason.STRATEGY:
            by_id = {each.agent_id: why for each, why in zip(team, choice.exclusions, strict=True)}
            assert by_id[choice.agent_id or 0] is None

    def test_names_people_and_leaves_out_what_is_as_usual(self) -> None:
        choice = chosen(BEN, replace(CLEO, presence=Presence.AWAY))

        stored = ledger_of(MAIL, [BEN, replace(CLEO, presence=Presence.AWAY)], Policy(), NOW, choice)

        assert (stored["agent"], stored["reason"]) == ("Ben", "strategy")
        assert stored["candidates"] == [
            {"agent_id": 1, "name": "Ben", "load": 0, "capacity": 20, "excluded": ""},
            {"agent_id": 2, "name": "Cleo", "load": 0, "capacity": 20, "excluded": "away", "presence": "away"},
        ]
