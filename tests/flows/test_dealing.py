"""Tickets change hands by themselves: from the queue, from those who are gone, from those who leave."""

import threading
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connections

from helpdesk.actions import dealing, handover, people, presence, replies, tickets
from helpdesk.actions.handover import Way
from helpdesk.models import (
    Absence,
    Agent,
    Assignment,
    Channel,
    Entry,
    Identity,
    Membership,
    Message,
    PresenceChoice,
    Priority,
    QueuePlace,
    State,
    Team,
    Ticket,
)
from helpdesk.queries.workload import Staff
from routing_rules.ledger import reproduce
from tests import make
from tests.flows.test_assignment import hire

NOON = make.NOON
AN_HOUR = timedelta(hours=1)


def away(agent: Agent, *, since: timedelta = timedelta(0)) -> None:
    presence.choose_presence(agent=agent, presence=PresenceChoice.AWAY, at=NOON - since)


def waiting(channel: Channel, team: Team, ann: Identity, **fields: object) -> Ticket:
    """A ticket that somebody has put into the queue."""
    ticket = make.ticket(channel=channel, team=team, identity=ann, **fields)  # type: ignore[arg-type]
    QueuePlace.objects.create(ticket=ticket, team=team, since=ticket.created_at)
    return ticket


def owner_of(ticket: Ticket) -> str:
    return Ticket.objects.values_list("owner__name", flat=True).get(pk=ticket.pk) or ""


class TestTheQueue:
    def test_is_given_out_when_somebody_comes_back_most_urgent_first(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity
    ) -> None:
        Agent.objects.filter(pk=ben.pk).update(capacity=2)
        away(ben)
        late, early = (waiting(channel, billing, ann, at=NOON - n * AN_HOUR) for n in (1, 2))
        urgent = waiting(channel, billing, ann, priority=Priority.URGENT)
        nobody = dealing.deal_queue(now=NOON)

        presence.choose_presence(agent=ben, presence=PresenceChoice.AVAILABLE, at=NOON)
        given = dealing.deal_queue(now=NOON)

        assert (nobody, given) == (0, 2)
        assert [owner_of(each) for each in (urgent, early, late)] == ["Ben", "Ben", ""]
        row = urgent.assignments.get()
        assert (row.cause, reproduce(row.ledger).agent_id) == ("queue", ben.pk)
        assert QueuePlace.objects.get().reason == "nobody-free"

    def test_says_why_nobody_had_it_at_the_last_look(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity
    ) -> None:
        ticket = waiting(channel, billing, ann)
        away(ben)

        dealing.deal_queue(now=NOON)

        place = QueuePlace.objects.get(pk=ticket.pk)
        assert [each["excluded"] for each in place.ledger["candidates"]] == ["away"]

    def test_forgets_what_is_settled_and_leaves_what_waits_for_the_customer(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity
    ) -> None:
        solved = waiting(channel, billing, ann, state=State.SOLVED)
        resting = waiting(channel, billing, ann, state=State.WAITING)

        assert dealing.deal_queue(now=NOON) == 0
        assert list(QueuePlace.objects.values_list("pk", flat=True)) == [resting.pk]
        assert owner_of(solved) == ""

    def test_gives_what_somebody_put_back_to_somebody_else(
        self, channel: Channel, billing: Team, ben: Agent, eli: Agent, ann: Identity
    ) -> None:
        ticket = make.ticket(channel=channel, team=billing, identity=ann)
        for _ in range(2):
            tickets.set_owner(ticket=ticket, owner=ben, by=ben, at=NOON)
            tickets.set_owner(ticket=ticket, owner=None, by=ben, at=NOON)

        dealing.deal_queue(now=NOON)

        assert owner_of(ticket) == "Eli"

    def test_of_a_team_that_pulls_is_left_to_people(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity
    ) -> None:
        Team.objects.filter(pk=billing.pk).update(strategy="manual")
        ticket = waiting(channel, billing, ann)

        assert dealing.deal_queue(now=NOON) == 0
        assert QueuePlace.objects.get(pk=ticket.pk).reason == "manual"


class TestTakingTheNext:
    def test_gives_the_most_urgent_then_the_oldest(
        self, channel: Channel, billing: Team, tech: Team, ben: Agent, ann: Identity
    ) -> None:
        make.ticket(channel=channel, team=tech, identity=ann, priority=Priority.URGENT)
        later, first = (make.ticket(channel=channel, team=billing, identity=ann, at=NOON - n * AN_HOUR) for n in (1, 2))
        urgent = make.ticket(channel=channel, team=billing, identity=ann, priority=Priority.HIGH)

        taken = [dealing.take_next(agent=ben, at=NOON) for _ in range(4)]

        assert taken == [urgent, first, later, None]
        assert first.assignments.get().cause == "taken"

    def test_passes_over_what_asks_for_a_skill_they_lack(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity
    ) -> None:
        ticket = waiting(channel, billing, ann)
        QueuePlace.objects.update(request={"needs": [["fi", 4, True]]})

        assert dealing.take_next(agent=ben, at=NOON) is None
        QueuePlace.objects.update(request={"needs": [["fi", 4, False]]})
        assert dealing.take_next(agent=ben, at=NOON) == ticket


class TestThoseWhoAreGone:
    @pytest.fixture
    def held(self, channel: Channel, billing: Team, ben: Agent, eli: Agent, ann: Identity) -> Ticket:
        """Ben has a ticket, Eli is there too."""
        ticket = make.ticket(channel=channel, team=billing, identity=ann)
        tickets.set_owner(ticket=ticket, owner=ben, by=eli, at=NOON - AN_HOUR)
        return ticket

    @pytest.mark.parametrize(
        ("setting", "answers", "since", "expected"),
        [
            ("", False, 60, "Ben"),
            ("unanswered", False, 60, "Eli"),
            ("unanswered", False, 9, "Ben"),
            ("unanswered", True, 60, "Ben"),
            ("open", True, 60, "Eli"),
        ],
    )
    def test_lose_what_the_team_says(
        self, held: Ticket, ben: Agent, setting: str, answers: bool, since: int, expected: str
    ) -> None:
        Team.objects.update(reassigns_away=setting, away_minutes=10)
        if answers:
            replies.note(ticket=held, agent=ben, text="I look into it", at=NOON)
        away(ben, since=timedelta(minutes=since))

        dealing.reassign_from_absent(now=NOON)

        assert owner_of(held) == expected
        if expected == "Eli":
            former, present = held.assignments.order_by("id")
            assert (former.outcome, present.cause) == ("away", "away")

    def test_keep_their_mail_when_they_are_merely_offline(self, held: Ticket, ben: Agent) -> None:
        Team.objects.update(reassigns_away="open")
        offline = dealing.reassign_from_absent(now=NOON)
        Team.objects.update(needs_online=True)
        Agent.objects.exclude(pk=ben.pk).update(seen_at=NOON)

        assert (offline, dealing.reassign_from_absent(now=NOON), owner_of(held)) == (0, 1, "Eli")

    def test_are_stood_in_for_by_their_substitute(self, held: Ticket, billing: Team, ben: Agent) -> None:
        Team.objects.update(reassigns_away="open")
        gus = hire("Gus", billing)
        make.ticket(channel=held.channel, team=billing, owner=gus)  # busier than Eli
        Absence.objects.create(agent=ben, begins_on=NOON.date(), ends_on=NOON.date(), substitute=gus)

        dealing.reassign_from_absent(now=NOON)

        assert owner_of(held) == "Gus"

    def test_keep_their_tickets_when_nobody_else_is_free(self, held: Ticket, ben: Agent, eli: Agent) -> None:
        Team.objects.update(reassigns_away="open")
        away(ben, since=AN_HOUR)
        away(eli)

        assert (dealing.reassign_from_absent(now=NOON), owner_of(held)) == (0, "Ben")


class TestThoseWhoDoNotReact:
    @pytest.fixture
    def mail(self, channel: Channel, billing: Team, ben: Agent) -> Message:
        """Ben has half an hour for it."""
        Team.objects.filter(pk=billing.pk).update(reaction_minutes=30)
        Channel.objects.filter(pk=channel.pk).update(team=billing)
        return make.deliver(channel, make.mail(), received_at=NOON)

    def test_lose_it_to_whoever_is_online_and_is_not_asked_twice(
        self, mail: Message, billing: Team, eli: Agent
    ) -> None:
        early = dealing.reassign_unanswered(now=NOON + timedelta(minutes=29))
        alone = dealing.reassign_unanswered(now=NOON + timedelta(minutes=30))
        Agent.objects.filter(pk=eli.pk).update(seen_at=NOON + AN_HOUR)
        again = dealing.reassign_unanswered(now=NOON + AN_HOUR)
        Agent.objects.update(seen_at=NOON + 2 * AN_HOUR)
        back = dealing.reassign_unanswered(now=NOON + 2 * AN_HOUR)

        assert (early, alone, again, back) == (0, 0, 1, 0)
        assert owner_of(mail.ticket) == "Eli"
        assert mail.ticket.assignments.order_by("id")[0].outcome == "reassigned"

    def test_keep_it_once_they_have(self, mail: Message, ben: Agent, eli: Agent) -> None:
        Agent.objects.update(seen_at=NOON + AN_HOUR)
        tickets.set_priority(ticket=mail.ticket, priority=Priority.HIGH, by=ben, at=NOON + timedelta(minutes=1))
        tickets.set_state(ticket=mail.ticket, state=State.OPEN, by=ben, at=NOON + timedelta(minutes=2))

        assert dealing.reassign_unanswered(now=NOON + AN_HOUR) == 0
        assert mail.ticket.assignments.get().look_at is None


class TestThoseWhoLeave:
    @pytest.fixture(autouse=True)
    def held(self, channel: Channel, billing: Team, tech: Team, ben: Agent, eli: Agent, ann: Identity) -> None:
        """Ben has three tickets of billing and one of tech, where nobody else is; a fifth is solved."""
        Membership.objects.create(agent=ben, team=tech)
        for team in (billing, billing, billing, tech):
            make.ticket(channel=channel, team=team, identity=ann, owner=ben)
        make.ticket(channel=channel, team=billing, identity=ann, owner=ben, state=State.SOLVED)

    @pytest.mark.parametrize(
        ("way", "expected"),
        [
            (Way.SPREAD, {("Billing", "Eli", 2), ("Billing", "Gus", 1), ("Tech", "", 1)}),
            (Way.PERSON, {("Billing", "Eli", 3), ("Tech", "", 1)}),
            (Way.QUEUE, {("Billing", "", 3), ("Tech", "", 1)}),
        ],
    )
    def test_hand_over_what_the_preview_said(
        self, billing: Team, ben: Agent, eli: Agent, dora: Agent, way: Way, expected: set[tuple[str, str, int]]
    ) -> None:
        hire("Gus", billing)
        preview = handover.shares(handover.plan(agent=ben, way=way, person=eli, now=NOON))
        before = Entry.objects.count()

        done = handover.shares(handover.hand_over(agent=ben, way=way, person=eli, by=dora, at=NOON))

        assert preview == done
        assert {(each.team, each.to, each.count) for each in done} == expected
        assert list(Ticket.objects.filter(owner=ben).values_list("state", flat=True)) == ["solved"]
        assert Entry.objects.filter(kind="owner-changed", agent=dora).count() == 4
        assert Entry.objects.count() == before + 5

    def test_leave_nothing_behind_when_their_account_is_closed(self, ben: Agent, dora: Agent) -> None:
        people.update_agent(agent=ben, values={"is_active": False}, teams=None, by=dora, at=NOON)

        assert QueuePlace.objects.count() == 4
        assert dealing.deal_queue(now=NOON) == 3

    def test_leave_a_team_without_its_tickets(self, billing: Team, ben: Agent, dora: Agent) -> None:
        people.update_agent(agent=ben, values={}, teams=[billing], by=dora, at=NOON)

        assert QueuePlace.objects.get().ticket.team.slug == "tech"

    def test_don_t_come_back_with_a_ticket_that_is_opened_again(self, ben: Agent, dora: Agent) -> None:
        people.update_agent(agent=ben, values={"is_active": False}, teams=None, by=dora, at=NOON)
        solved = Ticket.objects.get(state=State.SOLVED)
        tickets.set_state(ticket=solved, state=State.OPEN, by=None, at=NOON)

        assert dealing.rescue(now=NOON) == 1
        dealing.deal_queue(now=NOON)
        assert owner_of(solved) == "Eli"


@pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
class TestTwoWorkersAtOnce:
    def test_give_each_ticket_once_and_nobody_beyond_capacity(self) -> None:
        channel = make.mailbox("support@desk.example").channel
        team = Team.objects.create(slug="billing", name="Billing", is_default=True)
        for name in ("Fia", "Gus"):
            hire(name, team, capacity=3)
        for number in range(10):
            ticket = make.ticket(channel=channel, team=team, subject=f"No. {number}")
            QueuePlace.objects.create(ticket=ticket, team=team, since=NOON)
        together, given = threading.Barrier(2), []

        def work() -> None:
            try:
                together.wait()
                given.append(dealing.deal_queue(now=NOON))
            finally:
                connections.close_all()

        workers = [threading.Thread(target=work) for _ in range(2)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()

        held = Assignment.objects.filter(ended_at=None)
        assert sum(given) == held.count() == Ticket.objects.exclude(owner=None).count() == 6
        assert (
            sorted(Ticket.objects.exclude(owner=None).values_list("owner__name", flat=True))
            == ["Fia"] * 3 + ["Gus"] * 3
        )
        assert Entry.objects.filter(kind="owner-changed").count() == 6


class TestWhoIsThere:
    def test_is_seen_by_open_consoles_and_forgotten_soon_after(self, ben: Agent, billing: Team) -> None:
        def presence_at(seconds: int) -> str:
            return Staff().of(billing, now=NOON + timedelta(seconds=seconds)).members[0].presence

        before = presence_at(0)
        presence.note_seen(agent_id=ben.pk, at=NOON)
        presence.note_seen(agent_id=ben.pk, at=NOON + timedelta(seconds=1))

        assert Agent.objects.get(pk=ben.pk).seen_at == NOON
        assert [before, presence_at(90), presence_at(91)] == ["offline", "online", "offline"]
