"""Who gets a ticket, with the database behind it: strategies, skills, hours, absence, overflow, and the books."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.actions import assignment, dealing, tickets
from helpdesk.actions.assignment import Asked, Choice
from helpdesk.models import (
    Absence,
    Agent,
    AgentSkill,
    Assignment,
    BusinessCalendar,
    CalendarVersion,
    Channel,
    ChannelWeight,
    Identity,
    Membership,
    Organisation,
    Overflow,
    QueuePlace,
    Shift,
    Skill,
    State,
    Team,
    Ticket,
)
from helpdesk.queries.workload import Staff
from routing_rules.assignment import Need
from routing_rules.ledger import reproduce
from tests import make
from tests.flows import desk

NOON = make.NOON  # a Monday


def hire(name: str, team: Team, *, weight: int = 1, **fields: Any) -> Agent:
    agent = Agent.objects.create(email=f"{name.lower()}@desk.example", name=name, **fields)
    Membership.objects.create(agent=agent, team=team, weight=weight)
    return agent


def draft(channel: Channel, team: Team, **fields: Any) -> Ticket:
    return tickets.draft_ticket(channel=channel, team=team, subject="Cannot log in", at=NOON, **fields)


def choose(ticket: Ticket, *, staff: Staff | None = None, at: datetime = NOON, **how: Any) -> Choice:
    return assignment.choose(staff=staff or Staff(), team=ticket.team, ticket=ticket, now=at, **how)


def why(choice: Choice) -> dict[str, str]:
    return {each["name"]: each["excluded"] for each in choice.ledger["candidates"]}


def works(calendar_name: str, zone: str, opens: str, closes: str) -> BusinessCalendar:
    """A calendar that is open between two o'clock times on each day."""
    calendar = BusinessCalendar.objects.create(name=calendar_name)
    minutes = [[int(opens) * 60, int(closes) * 60]]
    calendar.current = CalendarVersion.objects.create(
        calendar=calendar, number=1, zone=zone, week=[minutes] * 7, created_at=NOON
    )
    calendar.save()
    return calendar


class TestAStrategy:
    @pytest.mark.parametrize(
        ("strategy", "expected"),
        [
            ("least-load", ["Fia", "Gus", "Fia", "Gus"]),
            ("round-robin", ["Fia", "Gus", "Fia", "Gus"]),
            ("weighted", ["Fia", "Gus", "Gus", "Gus"]),
            ("manual", ["", "", "", ""]),
        ],
    )
    def test_deals_through_a_batch(self, channel: Channel, billing: Team, strategy: str, expected: list[str]) -> None:
        billing.strategy = strategy
        hire("Fia", billing)
        hire("Gus", billing, weight=3)
        staff = Staff()

        got = [choose(draft(channel, billing), staff=staff).ledger["agent"] for _ in range(4)]

        assert got == expected

    def test_goes_on_where_the_last_batch_ended(self, channel: Channel, billing: Team) -> None:
        Team.objects.filter(pk=billing.pk).update(strategy="round-robin")
        for name in ("Fia", "Gus", "Hal"):
            hire(name, billing)
        billing.refresh_from_db()
        got = []
        for _ in range(4):
            staff = Staff()
            got.append(choose(draft(channel, billing), staff=staff).ledger["agent"])
            assignment.note_turns(staff=staff)

        assert got == ["Fia", "Gus", "Hal", "Fia"]

    def test_most_idle_asks_who_was_last_given_one(self, channel: Channel, billing: Team, ann: Identity) -> None:
        billing.strategy = "most-idle"
        fia, gus = hire("Fia", billing), hire("Gus", billing)
        for agent, hours in ((fia, 1), (gus, 5)):
            ticket = make.ticket(channel=channel, team=billing, identity=ann, state=State.SOLVED)
            at = NOON - timedelta(hours=hours)
            Assignment.objects.create(ticket=ticket, team=billing, agent=agent, cause="routed", at=at)

        assert choose(draft(channel, billing)).agent == gus


class TestCapacity:
    def test_counts_units_by_kind_of_channel_over_all_teams(
        self, channel: Channel, billing: Team, tech: Team, ben: Agent, ann: Identity
    ) -> None:
        ChannelWeight.objects.create(kind="email", units=4)
        Agent.objects.filter(pk=ben.pk).update(capacity=8)
        Membership.objects.create(agent=ben, team=tech)
        make.ticket(channel=channel, team=tech, owner=ben, identity=ann)
        staff = Staff()

        first, second = (choose(draft(channel, billing), staff=staff) for _ in range(2))

        assert (first.agent, first.units) == (ben, 4)
        assert second.ledger["candidates"][0]["values"] == {"load": 8, "capacity": 8}

    def test_has_a_limit_for_one_kind(self, channel: Channel, billing: Team, ben: Agent, ann: Identity) -> None:
        Agent.objects.filter(pk=ben.pk).update(channel_limits={"email": 1})
        make.ticket(channel=channel, team=billing, owner=ben, identity=ann)

        choice = choose(draft(channel, billing))

        assert choice.ledger["candidates"][0]["values"] == {"load": 1, "capacity": 1, "kind": "email"}


class TestSkills:
    @pytest.fixture(autouse=True)
    def finnish(self, billing: Team) -> None:
        skill = Skill.objects.create(kind="language", slug="fi", name="Finnish")
        AgentSkill.objects.create(agent=hire("Fia", billing), skill=skill, level=5)
        AgentSkill.objects.create(agent=hire("Gus", billing), skill=skill, level=2)
        hire("Hal", billing)

    def test_are_asked_for_by_the_language_of_the_ticket(self, channel: Channel, billing: Team) -> None:
        billing.language_need, billing.language_level = "require", 4

        finnish = choose(draft(channel, billing, language="fi"))
        greek = choose(draft(channel, billing, language="el"))

        assert finnish.ledger["agent"] == "Fia"
        assert why(finnish) == {"Fia": "", "Gus": "lacks-skill", "Hal": "lacks-skill"}
        assert why(greek) == {"Fia": "", "Gus": "", "Hal": ""}

    def test_are_preferred_or_required_by_a_rule(self, channel: Channel, billing: Team) -> None:
        able = choose(draft(channel, billing), asked=Asked((Need("fi", 2, is_required=False),)))
        nobody = choose(draft(channel, billing), asked=Asked((Need("printer", 1),)))

        assert able.ledger["agent"] == "Fia"
        assert (nobody.agent, nobody.reason) == (None, "nobody-free")


class TestWorkingHours:
    def test_follow_the_calendar_over_a_change_to_summer_time(
        self, channel: Channel, billing: Team, ben: Agent
    ) -> None:
        # Helsinki is two hours ahead of UTC before 29 March 2026, 3:00, and three hours after it.
        billing.calendar = works("Office", "Europe/Helsinki", "8", "16")
        before = [datetime(2026, 3, 28, 5, 59, tzinfo=UTC), datetime(2026, 3, 28, 6, 0, tzinfo=UTC)]
        after = [datetime(2026, 3, 29, 4, 59, tzinfo=UTC), datetime(2026, 3, 29, 5, 0, tzinfo=UTC)]

        found = [choose(draft(channel, billing), at=at).agent for at in (*before, *after)]
        closed = choose(draft(channel, billing), at=after[0]).ledger["candidates"][0]

        assert found == [None, ben, None, ben]
        assert (closed["excluded"], closed["values"]) == ("outside-hours", {"until": "2026-03-29T05:00:00+00:00"})

    def test_are_an_agents_own_before_the_teams(self, channel: Channel, billing: Team) -> None:
        billing.calendar = works("Office", "UTC", "8", "11")
        hire("Fia", billing)
        gus = hire("Gus", billing, hours="calendar", calendar=works("Late", "UTC", "12", "20"))
        hal = hire("Hal", billing, hours="shifts")
        Shift.objects.create(agent=hal, begins_at=NOON + timedelta(hours=9), ends_at=NOON + timedelta(hours=12))

        now, tonight = choose(draft(channel, billing)), choose(draft(channel, billing), at=NOON + timedelta(hours=9))

        assert (now.agent, why(now)) == (gus, {"Fia": "outside-hours", "Gus": "", "Hal": "outside-hours"})
        assert now.ledger["candidates"][2]["values"] == {"until": "2026-03-02T21:00:00+00:00"}
        assert tonight.agent == hal

    def test_without_an_end_to_the_waiting_are_said_so(self, channel: Channel, billing: Team) -> None:
        hire("Hal", billing, hours="shifts")

        candidate = choose(draft(channel, billing)).ledger["candidates"][0]

        assert (candidate["excluded"], candidate.get("values")) == ("outside-hours", None)


class TestAnAbsence:
    def test_holds_for_whole_days_where_the_agent_is(self, channel: Channel, billing: Team) -> None:
        # 2 March, 12:00 UTC, is already 3 March in Auckland (+13).
        kiwi = hire("Kim", billing, time_zone="Pacific/Auckland")
        Absence.objects.create(agent=kiwi, begins_on="2026-03-01", ends_on="2026-03-02")

        assert choose(draft(channel, billing)).agent == kiwi
        assert why(choose(draft(channel, billing), at=NOON - timedelta(hours=2))) == {"Kim": "absent"}

    def test_gives_what_was_meant_for_them_to_the_substitute(
        self, channel: Channel, billing: Team, ben: Agent, eli: Agent
    ) -> None:
        hire("Aki", billing)
        Absence.objects.create(agent=ben, begins_on="2026-03-01", ends_on="2026-03-09", substitute=eli)

        choice = choose(draft(channel, billing), asked=Asked(named_id=ben.pk))

        assert (choice.agent, choice.reason, choice.ledger["for"]) == (eli, "substitute", "Ben")


class TestWhoKnowsTheCustomer:
    @pytest.fixture
    def known(self, channel: Channel, billing: Team, ben: Agent, eli: Agent, ann: Identity) -> Ticket:
        """A new ticket of a customer whom Eli knows; Ben has nothing to do."""
        billing.prefers_known_agent = True
        make.ticket(channel=channel, team=billing, owner=ben, identity=ann, at=NOON - timedelta(days=9))
        make.ticket(channel=channel, team=billing, owner=eli, identity=ann, at=NOON - timedelta(days=2))
        make.ticket(channel=channel, team=billing, owner=eli, identity=ann, at=NOON - timedelta(days=3))
        return draft(channel, billing, contact=ann.contact)

    def test_gets_the_next_ticket(self, known: Ticket, eli: Agent) -> None:
        choice = choose(known)

        assert (choice.agent, choice.reason) == (eli, "knows-customer")

    def test_is_waited_for_and_then_no_more(self, known: Ticket, billing: Team, ben: Agent, eli: Agent) -> None:
        billing.patience_minutes = 30
        Agent.objects.filter(pk=eli.pk).update(presence="away")

        at_first, later = choose(known, since=NOON), choose(known, since=NOON, at=NOON + timedelta(minutes=30))

        assert (at_first.agent, at_first.reason, at_first.ledger["waits_for"]) == (None, "waits-for", "Eli")
        assert later.agent == ben

    def test_comes_after_the_owner_of_the_account(self, known: Ticket, billing: Team, ben: Agent) -> None:
        billing.prefers_account_owner = True
        assert known.contact is not None
        known.contact.organisation = Organisation.objects.create(name="Laine Oy", account_owner=ben)

        assert (choose(known).agent, choose(known).reason) == (ben, "account-owner")


class TestOverflow:
    @pytest.fixture(autouse=True)
    def teams(self, billing: Team, tech: Team, support: Team, cleo: Agent) -> None:
        hire("Sam", support)
        Overflow.objects.create(team=billing, to_team=support, position=2)
        Overflow.objects.create(team=billing, to_team=tech, position=1, after_minutes=20)

    def test_goes_to_others_at_once_or_after_a_while_in_order(
        self, channel: Channel, billing: Team, support: Team, tech: Team, cleo: Agent
    ) -> None:
        at_once = choose(draft(channel, billing))
        later = choose(draft(channel, billing), since=NOON - timedelta(minutes=20))

        assert (at_once.team, at_once.ledger["agent"]) == (support, "Sam")
        assert (later.team, later.agent) == (tech, cleo)
        assert [(each["team"], each["reason"]) for each in later.ledger["passed"]] == [("Billing", "no-members")]

    def test_moves_the_mail_to_the_team_of_whoever_gets_it(self, channel: Channel, billing: Team) -> None:
        Channel.objects.filter(pk=channel.pk).update(team=billing)

        ticket = make.deliver(channel, make.mail()).ticket

        assert (ticket.team.name, ticket.owner and ticket.owner.name) == ("Support", "Sam")
        assert ticket.entries.get(kind="routed").data["team"] == "Support"


class TestTheBooks:
    def test_hold_the_ledger_of_each_mail_and_reproduce_it(self, channel: Channel, support: Team) -> None:
        for name in ("Fia", "Gus"):
            hire(name, support)
        hire("Hal", support, presence="away")

        messages = [make.deliver(channel, make.mail(subject=f"No. {number}")) for number in range(3)]

        for message in messages:
            row = message.ticket.assignments.get()
            assert (row.agent, row.cause, row.team) == (message.ticket.owner, "routed", support)
            assert row.decision is not None
            ledger = row.decision.assignment
            assert reproduce(ledger).agent_id == row.agent_id
        assert not QueuePlace.objects.exists()

    def test_let_a_mail_that_nobody_can_take_wait(self, channel: Channel, support: Team) -> None:
        hire("Hal", support, presence="away")

        ticket = make.deliver(channel, make.mail()).ticket

        place = ticket.queue_place
        assert (place.team, place.reason, ticket.owner) == (support, "nobody-free", None)
        assert place.ledger["candidates"][0]["excluded"] == "away"
        assert reproduce(place.ledger).agent_id is None

    def test_follow_the_ticket_from_hand_to_hand(
        self, channel: Channel, billing: Team, ben: Agent, eli: Agent, ann: Identity
    ) -> None:
        ticket = make.ticket(channel=channel, team=billing, identity=ann)
        for owner, by in ((ben, eli), (eli, eli), (None, eli)):
            tickets.set_owner(ticket=ticket, owner=owner, by=by, at=NOON)

        rows = ticket.assignments.order_by("id").values_list("agent__name", "cause", "outcome")
        assert list(rows) == [("Ben", "by-hand", "moved"), ("Eli", "taken", "gave-back")]
        assert not ticket.assignments.filter(ended_at=None).exists()
        assert ticket.queue_place.team == billing

    def test_end_when_tickets_are_joined(self, channel: Channel, billing: Team, ben: Agent, ann: Identity) -> None:
        one, other = (make.ticket(channel=channel, team=billing, identity=ann) for _ in range(2))
        tickets.set_owner(ticket=one, owner=ben, by=None)

        tickets.join(ticket=one, into=other, by=ben)

        assert one.assignments.get().ended_at is not None

    def test_cost_no_more_queries_for_a_large_team(self, channel: Channel, billing: Team) -> None:
        def queries(count: int) -> int:
            for number in range(count):
                hire(f"A{count}-{number}", billing)
            with CaptureQueriesContext(connection) as asked:
                choose(draft(channel, billing))
            return len(asked)

        assert queries(2) == queries(30) <= 6


class TestWhatRulesAskFor:
    def test_counts_when_the_mail_is_given_and_later(self, channel: Channel, support: Team, dora: Agent) -> None:
        skill = Skill.objects.create(kind="language", slug="fi", name="Finnish")
        fia, gus = hire("Fia", support), hire("Gus", support, presence="away")
        AgentSkill.objects.create(agent=gus, skill=skill, level=4)
        desk.rule(by=dora, condition={"all": []}, effects=[{"kind": "require_skill", "value": "fi:4"}])

        ticket = make.deliver(channel, make.mail()).ticket
        waiting = ticket.queue_place.request
        Agent.objects.update(presence="available")
        dealing.deal_queue(now=NOON)

        assert waiting == {"needs": [["fi", 4, True]]}
        assert ticket.assignments.get().agent == gus
        assert why(Choice(None, None, "", ticket.assignments.get().ledger)) == {fia.name: "lacks-skill", "Gus": ""}

    def test_may_be_the_owner_of_the_account(self, channel: Channel, support: Team, dora: Agent) -> None:
        hire("Fia", support)
        gus = hire("Gus", support)
        customer = Organisation.objects.create(name="Customer", account_owner=gus)
        customer.domains.create(name="customer.example")
        desk.rule(by=dora, condition={"all": []}, effects=[{"kind": "prefer_person", "value": "account_owner"}])

        assert make.deliver(channel, make.mail()).ticket.owner == gus
