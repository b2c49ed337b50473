"""Tickets that wait: out of the queue until their time comes or the customer writes, and never lost."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connection

from helpdesk import due
from helpdesk.actions import assignment, dealing, handover, snoozing, tickets
from helpdesk.actions.snoozing import CannotSnooze, CustomerWrote
from helpdesk.models import (
    Agent,
    Assignment,
    Channel,
    Contact,
    Entry,
    Identity,
    Priority,
    Reminder,
    State,
    Team,
    Ticket,
)
from helpdesk.queries import inbox
from helpdesk.queries.inbox import View
from tests import make

HOUR = timedelta(hours=1)
NOW = make.NOON
LATER = NOW + 3 * HOUR


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity, ben: Agent) -> Ticket:
    return make.ticket(channel=channel, team=billing, identity=ann, owner=ben)


@pytest.fixture
def asleep(ticket: Ticket, ben: Agent) -> Ticket:
    snoozing.snooze(ticket=ticket, until=LATER, by=ben, at=NOW)
    return ticket


def listed(agent: Agent, state: str = inbox.ACTIVE, view: View = View.TEAMS) -> list[int]:
    return [row.id for row in inbox.page(agent=agent, view=view, state=state).rows]


def why(ticket: Ticket) -> list[str]:
    lines = ticket.entries.filter(kind=Entry.Kind.SNOOZED, data__has_key="ended").order_by("pk")
    return [line.data["ended"] for line in lines]


@pytest.mark.django_db
class TestASnoozedTicket:
    @pytest.mark.parametrize("view", [View.MINE, View.TEAMS, View.ALL])
    def test_is_in_its_own_list_and_in_no_working_one(self, asleep: Ticket, ben: Agent, view: View) -> None:
        assert listed(ben, view=view) == []
        assert listed(ben, inbox.SNOOZED, view) == [asleep.pk]
        assert listed(ben, State.OPEN, view) == []
        assert listed(ben, inbox.EVERY, view) == [asleep.pk]

    def test_is_nothing_to_other_teams(self, asleep: Ticket, cleo: Agent) -> None:
        assert listed(cleo, inbox.SNOOZED, View.ALL) == []

    def test_stands_before_those_that_come_back_later_page_by_page(
        self, channel: Channel, billing: Team, ben: Agent
    ) -> None:
        made = [make.ticket(channel=channel, team=billing) for _ in range(5)]
        for hours, each in zip((3, 1, 5, 2, 4), made, strict=True):
            snoozing.snooze(ticket=each, until=NOW + hours * HOUR, by=ben, at=NOW)
        expected = [made[place].pk for place in (1, 3, 0, 4, 2)]

        first = inbox.page(agent=ben, view=View.TEAMS, state=inbox.SNOOZED, limit=2)
        second = inbox.page(agent=ben, view=View.TEAMS, state=inbox.SNOOZED, limit=2, after=first.older)
        third = inbox.page(agent=ben, view=View.TEAMS, state=inbox.SNOOZED, limit=2, after=second.older)

        assert [row.id for each in (first, second, third) for row in each.rows] == expected
        assert third.older == ""

    def test_runs_its_state_and_keeps_its_owner(self, asleep: Ticket, ben: Agent) -> None:
        asleep.refresh_from_db()

        assert (asleep.state, asleep.owner, asleep.snoozed_until) == (State.OPEN, ben, LATER)

    def test_that_is_settled_cannot_be_snoozed(self, ticket: Ticket, ben: Agent) -> None:
        tickets.set_state(ticket=ticket, state=State.SOLVED, by=ben)

        with pytest.raises(CannotSnooze):
            snoozing.snooze(ticket=ticket, until=LATER, by=ben, at=NOW)

    def test_cannot_wait_for_the_past(self, ticket: Ticket, ben: Agent) -> None:
        with pytest.raises(CannotSnooze):
            snoozing.snooze(ticket=ticket, until=NOW, by=ben, at=NOW)

    def test_waits_for_the_new_time_when_another_is_set(self, asleep: Ticket, ben: Agent) -> None:
        snoozing.snooze(ticket=asleep, until=LATER + HOUR, by=ben, at=NOW)

        assert due.carry_out(now=LATER) == 0
        assert due.carry_out(now=LATER + HOUR) == 1
        assert why(asleep) == ["came"]


@pytest.mark.django_db
class TestItComesBack:
    def test_when_its_time_comes_at_the_top_and_unread(
        self, asleep: Ticket, ben: Agent, channel: Channel, billing: Team
    ) -> None:
        newer = make.ticket(channel=channel, team=billing, at=NOW + HOUR)

        assert due.carry_out(now=LATER - timedelta(seconds=1)) == 0
        assert due.carry_out(now=LATER) == 1

        assert listed(ben) == [asleep.pk, newer.pk]
        assert listed(ben, inbox.SNOOZED) == []
        row = inbox.page(agent=ben, view=View.MINE).rows[0]
        assert (row.is_unread, row.last_activity_at, row.owner_name) == (True, LATER, "Ben")

    def test_once_and_however_late_the_desk_looks(self, asleep: Ticket, ben: Agent) -> None:
        long_after = LATER + timedelta(days=20)

        assert [due.carry_out(now=long_after), due.carry_out(now=long_after)] == [1, 0]
        assert listed(ben) == [asleep.pk]
        assert why(asleep) == ["came"]

    def test_when_the_customer_writes_before(self, asleep: Ticket, ben: Agent, channel: Channel) -> None:
        reply = make.mail(subject=f"Re: {asleep.reference}", text="One more thing\n")
        make.deliver(channel, reply)

        assert listed(ben) == [asleep.pk]
        assert why(asleep) == ["customer"]
        assert due.carry_out(now=LATER) == 0

    def test_not_for_an_out_of_office(self, asleep: Ticket, ben: Agent, channel: Channel) -> None:
        headers = [("Auto-Submitted", "auto-replied")]
        make.deliver(channel, make.mail(subject=f"Re: {asleep.reference}", text="I am away\n", headers=headers))

        assert listed(ben, inbox.SNOOZED) == [asleep.pk]

    @pytest.mark.parametrize("state", [State.SOLVED, State.CLOSED, State.SPAM])
    def test_never_once_it_is_settled(self, asleep: Ticket, ben: Agent, state: State) -> None:
        tickets.set_state(ticket=asleep, state=state, by=ben, at=NOW)

        assert due.carry_out(now=LATER) == 0
        asleep.refresh_from_db()
        assert (asleep.snoozed_until, why(asleep)) == (None, ["state"])

    def test_when_somebody_hands_it_on(self, asleep: Ticket, ben: Agent, eli: Agent) -> None:
        tickets.set_owner(ticket=asleep, owner=eli, by=ben, at=NOW)

        assert listed(eli, view=View.MINE) == [asleep.pk]
        assert why(asleep) == ["handed-on"]

    def test_when_it_goes_to_another_team(self, asleep: Ticket, ben: Agent, cleo: Agent, tech: Team) -> None:
        tickets.set_team(ticket=asleep, team=tech, by=ben, at=NOW)

        assert listed(cleo) == [asleep.pk]

    def test_not_when_all_of_somebodys_work_is_handed_over(self, asleep: Ticket, ben: Agent, eli: Agent) -> None:
        handover.hand_over(agent=ben, way=handover.Way.PERSON, person=eli, by=eli, at=NOW)

        assert listed(eli, inbox.SNOOZED, View.MINE) == [asleep.pk]
        due.carry_out(now=LATER)
        assert listed(eli, view=View.MINE) == [asleep.pk]

    def test_when_a_ticket_that_was_in_the_queue_is_joined_into_it(
        self, asleep: Ticket, ben: Agent, channel: Channel, billing: Team, ann: Identity
    ) -> None:
        other = make.ticket(channel=channel, team=billing, identity=ann)

        tickets.join(ticket=other, into=asleep, by=ben, at=NOW)

        assert listed(ben) == [asleep.pk]

    def test_never_when_it_was_joined_into_another(
        self, asleep: Ticket, ben: Agent, channel: Channel, billing: Team, ann: Identity
    ) -> None:
        other = make.ticket(channel=channel, team=billing, identity=ann)

        tickets.join(ticket=asleep, into=other, by=ben, at=NOW)

        assert due.carry_out(now=LATER) == 0
        assert listed(ben) == [other.pk]

    def test_after_a_fault_of_ours_which_holds_up_no_other(
        self, asleep: Ticket, ben: Agent, channel: Channel, billing: Team, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = make.ticket(channel=channel, team=billing)
        snoozing.snooze(ticket=other, until=LATER + HOUR, by=ben, at=NOW)
        faults = iter([ZeroDivisionError("a fault of ours")])

        def fail_first(_point: str) -> None:
            if (fault := next(faults, None)) is not None:
                raise fault

        monkeypatch.setattr(due, "crash_point", fail_first)

        assert due.carry_out(now=LATER + HOUR) == 1
        assert listed(ben) == [other.pk]
        assert due.carry_out(now=LATER + HOUR + due.AFTER_A_FAULT) == 1
        assert listed(ben) == [asleep.pk, other.pk]


@pytest.mark.django_db
class TestAssignment:
    def test_leaves_a_waiting_ticket_alone_until_its_time(
        self, channel: Channel, billing: Team, ben: Agent, ann: Identity
    ) -> None:
        queued = make.ticket(channel=channel, team=billing, identity=ann, priority=Priority.URGENT)
        assignment.wait(ticket=queued, since=NOW)
        snoozing.snooze(ticket=queued, until=LATER, by=ben, at=NOW)

        assert dealing.deal_queue(now=NOW) == 0
        assert dealing.take_next(agent=ben, at=NOW) is None

        due.carry_out(now=LATER)
        assert dealing.deal_queue(now=LATER) == 1
        queued.refresh_from_db()
        assert queued.owner == ben

    def test_counts_a_snooze_as_a_reaction(self, ticket: Ticket, billing: Team, ben: Agent, eli: Agent) -> None:
        billing.reaction_minutes = 30
        billing.save()
        Assignment.objects.filter(ticket=ticket).delete()
        tickets.set_owner(ticket=ticket, owner=None, by=eli, at=NOW)
        tickets.set_owner(ticket=ticket, owner=ben, by=eli, at=NOW)
        snoozing.snooze(ticket=ticket, until=LATER, by=ben, at=NOW + timedelta(minutes=1))

        assert dealing.reassign_unanswered(now=NOW + HOUR) == 0


class TestAtTheSameMoment:
    @pytest.mark.django_db
    def test_what_the_customer_wrote_meanwhile_refuses_the_snooze(
        self, ticket: Ticket, ben: Agent, channel: Channel
    ) -> None:
        seen = ticket.message_cursor
        make.deliver(channel, make.mail(subject=f"Re: {ticket.reference}", text="Still broken\n"))

        with pytest.raises(CustomerWrote):
            snoozing.snooze(ticket=ticket, until=LATER, by=ben, at=NOW, seen=seen)

        assert listed(ben) == [ticket.pk]

    @pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
    def test_two_workers_bring_it_back_once(self, ticket: Ticket, ben: Agent) -> None:
        snoozing.snooze(ticket=ticket, until=LATER, by=ben, at=NOW)
        done: list[int] = []

        together(lambda: done.append(due.carry_out(now=LATER)), lambda: done.append(due.carry_out(now=LATER)))

        assert sorted(done) == [0, 1]
        assert why(ticket) == ["came"]

    @pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS)
    @pytest.mark.parametrize("turn", range(3))
    def test_a_mail_and_a_snooze_end_with_the_ticket_in_the_queue(
        self, ticket: Ticket, ben: Agent, channel: Channel, turn: int
    ) -> None:
        mail = make.mail(subject=f"Re: {ticket.reference}", text=f"Answer {turn}\n")
        event = make.arrive(channel, mail)

        def snooze() -> None:
            try:
                snoozing.snooze(ticket=ticket, until=LATER, by=ben, at=NOW, seen=0)
            except CustomerWrote:
                return

        together(make.process_all, snooze)

        event.refresh_from_db()
        assert event.state == "done"
        assert listed(ben) == [ticket.pk]
        assert not Reminder.objects.filter(outcome="").exists()
        assert Contact.objects.count() == 1


def together(*steps: Callable[[], object]) -> None:
    """Each in a thread of its own, from the same moment on; an error of one fails the test."""
    start, errors = threading.Barrier(len(steps)), []

    def run(step: Callable[[], object]) -> None:
        try:
            start.wait(10)
            step()
        except Exception as error:  # noqa: BLE001 - told to the test below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(step,)) for step in steps]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert errors == []
