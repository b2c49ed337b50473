"""Promises and reminders: written down, told in time and once, shown to whom they concern."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from helpdesk import due
from helpdesk.actions import handover, people, promises, reminders, tickets
from helpdesk.actions.promises import CannotPromise, Terms
from helpdesk.models import (
    Agent,
    Channel,
    Delivery,
    Entry,
    Identity,
    Promise,
    PromiseState,
    Reminder,
    Team,
    Ticket,
)
from helpdesk.queries import promises as found
from helpdesk.queries.promise_lists import MINE, OPEN, OVERDUE, SETTLED, page
from tests import make

HOUR = timedelta(hours=1)
NOW = make.NOON
DUE = NOW + 4 * HOUR

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(channel: Channel, billing: Team, ann: Identity, ben: Agent) -> Ticket:
    return make.ticket(channel=channel, team=billing, identity=ann, owner=ben)


@pytest.fixture
def promise(ticket: Ticket, ben: Agent) -> Promise:
    """Ben calls back in four hours, and wants to hear of it an hour before."""
    terms = Terms(text="Call back", due_at=DUE, owner=ben, remind_minutes=60)
    return promises.make(terms=terms, by=ben, at=NOW, ticket=ticket)


def told(agent: Agent) -> list[str]:
    return [card.reminder.purpose for card in found.cards_of(agent=agent)]


def listed(agent: Agent, which: str, now: object = DUE) -> list[int]:
    return [row.pk for row in page(agent=agent, which=which, now=now).rows]  # type: ignore[arg-type]


def open_console(agent: Agent, at: object) -> None:
    Agent.objects.filter(pk=agent.pk).update(seen_at=at)


class TestAPromise:
    def test_is_told_before_and_when_it_is_due_and_each_once(self, promise: Promise, ben: Agent) -> None:
        assert [due.carry_out(now=NOW + hours * HOUR) for hours in (2, 3, 3.5)] == [0, 1, 0]
        assert told(ben) == ["promise"]

        assert [due.carry_out(now=NOW + hours * HOUR) for hours in (4, 5)] == [1, 0]
        assert told(ben) == ["due"]

    def test_that_is_kept_is_told_to_nobody(self, promise: Promise, ben: Agent) -> None:
        due.carry_out(now=DUE - HOUR)

        assert promises.settle(promise=promise, state=PromiseState.KEPT, by=ben, at=DUE - HOUR)

        assert due.carry_out(now=DUE) == 0
        assert told(ben) == []
        assert not promises.settle(promise=promise, state=PromiseState.DROPPED, by=ben, at=DUE)

    def test_is_told_at_its_new_time(self, promise: Promise, ben: Agent) -> None:
        terms = Terms(text="Call back", due_at=DUE + HOUR, owner=ben)

        promises.change(promise=promise, terms=terms, by=ben, at=NOW)

        assert [due.carry_out(now=DUE), due.carry_out(now=DUE + HOUR)] == [0, 1]

    def test_is_overdue_until_somebody_settles_it(self, promise: Promise, ben: Agent, eli: Agent, cleo: Agent) -> None:
        assert (listed(ben, OVERDUE, DUE - HOUR), listed(ben, OPEN, DUE - HOUR)) == ([], [promise.pk])
        assert (listed(eli, OVERDUE), listed(eli, MINE), listed(ben, MINE)) == ([promise.pk], [], [promise.pk])
        assert [listed(cleo, which) for which in (OVERDUE, OPEN, MINE, SETTLED)] == [[], [], [], []]

        promises.settle(promise=promise, state=PromiseState.KEPT, by=eli, at=DUE + HOUR)

        assert (listed(ben, OVERDUE), listed(ben, SETTLED)) == ([], [promise.pk])
        line = promise.ticket.entries.filter(kind=Entry.Kind.PROMISED).latest("pk")  # type: ignore[union-attr]
        assert (line.data["event"], line.data["late"], line.agent) == ("kept", True, eli)

    def test_can_be_opened_again(self, promise: Promise, ben: Agent) -> None:
        promises.settle(promise=promise, state=PromiseState.KEPT, by=ben, at=NOW)

        promises.reopen(promise=promise, by=ben, at=NOW)

        assert due.carry_out(now=DUE) == 2

    @pytest.mark.parametrize("text", ["", " \n ", "\x00"])
    def test_says_something(self, ticket: Ticket, ben: Agent, text: str) -> None:
        with pytest.raises(CannotPromise):
            promises.make(terms=Terms(text=text, due_at=DUE, owner=ben), by=ben, at=NOW, ticket=ticket)

    def test_is_nobodys_who_could_not_see_the_ticket(self, ticket: Ticket, ben: Agent, cleo: Agent) -> None:
        with pytest.raises(CannotPromise, match="Cleo"):
            promises.make(terms=Terms(text="Call", due_at=DUE, owner=cleo), by=ben, at=NOW, ticket=ticket)

    def test_follows_its_ticket_into_another(
        self, promise: Promise, ticket: Ticket, channel: Channel, billing: Team, ann: Identity, ben: Agent
    ) -> None:
        other = make.ticket(channel=channel, team=billing, identity=ann)

        tickets.join(ticket=ticket, into=other, by=ben, at=NOW)

        assert list(found.about(ticket=other)) == [promise]

    def test_about_a_customer_needs_no_ticket(self, ann: Identity, ben: Agent) -> None:
        terms = Terms(text="Send the price list", due_at=DUE, owner=ben)
        promises.make(terms=terms, by=ben, at=NOW, contact=ann.contact)

        due.carry_out(now=DUE)

        assert told(ben) == ["due"]
        assert len(found.about_contact(agent=ben, contact=ann.contact)) == 1


class TestWhoIsTold:
    def test_is_the_substitute_of_who_is_absent(self, promise: Promise, ben: Agent, eli: Agent) -> None:
        today = date(2026, 3, 2)
        ben.absences.create(begins_on=today, ends_on=today, substitute=eli)

        due.carry_out(now=DUE)

        assert (told(ben), told(eli)) == ([], ["due"])

    def test_is_who_has_the_ticket_once_the_owner_is_gone(self, promise: Promise, ben: Agent, eli: Agent) -> None:
        handover.hand_over(agent=ben, way=handover.Way.PERSON, person=eli, by=eli, at=NOW)
        people.update_agent(agent=ben, values={"is_active": False}, teams=None, by=eli, at=NOW)

        due.carry_out(now=DUE)

        assert told(eli) == ["due"]
        promise.refresh_from_db()
        assert promise.owner == eli

    def test_hears_nothing_of_a_ticket_they_no_longer_see(self, ticket: Ticket, ben: Agent, tech: Team) -> None:
        reminders.remind(ticket=ticket, agent=ben, due_at=DUE, at=NOW, text="Mine")
        tickets.set_team(ticket=ticket, team=tech, by=None, at=NOW)

        due.carry_out(now=DUE)

        card = found.cards_of(agent=ben)[0]
        assert (card.ticket, card.reminder.text) == (None, "Mine")

    def test_gets_a_mail_besides_when_away_and_once(self, promise: Promise, ben: Agent) -> None:
        Agent.objects.filter(pk=ben.pk).update(time_zone="Europe/Helsinki")
        due.carry_out(now=DUE)

        assert [due.mail_the_absent(now=DUE), due.mail_the_absent(now=DUE + HOUR)] == [1, 0]

        letter = Delivery.objects.get(message=None)
        assert (letter.recipients, letter.subject) == (["ben@desk.example"], "[Luotsi] Promised for now: Call back")
        assert b"18:00 EET" in bytes(letter.mime)

    def test_gets_none_while_the_console_is_open(self, promise: Promise, ben: Agent) -> None:
        due.carry_out(now=DUE)
        open_console(ben, DUE)

        assert due.mail_the_absent(now=DUE) == 0
        assert due.mail_the_absent(now=DUE + HOUR) == 1  # closed since, and nothing was put away

    def test_can_put_it_away_or_have_it_come_again(self, ticket: Ticket, ben: Agent) -> None:
        reminders.remind(ticket=ticket, agent=ben, due_at=DUE, at=NOW)
        due.carry_out(now=DUE)

        reminders.again(reminder=found.cards_of(agent=ben)[0].reminder, due_at=DUE + HOUR, at=DUE)

        assert told(ben) == []
        due.carry_out(now=DUE + HOUR)
        assert told(ben) == ["ticket"]
        reminders.put_away(reminder=found.cards_of(agent=ben)[0].reminder, at=DUE + HOUR)
        assert told(ben) == []


class TestPages:
    def test_snooze_by_form_and_wake(self, client: Client, ticket: Ticket, ben: Agent) -> None:
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")
        address = f"/tickets/{ticket.reference}/"

        answer = client.post(f"{address}later/", {"what": "snooze", "when": "tomorrow 9:00", "seen": "0"})

        assert (answer.status_code, answer["Location"]) == (302, f"{address}?view=teams&state=active")
        assert b"Snoozed until" in client.get(address).content
        client.post(f"{address}wake/")
        ticket.refresh_from_db()
        assert ticket.snoozed_until is None

    def test_refuse_what_is_no_time_and_keep_the_ticket(self, client: Client, ticket: Ticket, ben: Agent) -> None:
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        answer = client.post(f"/tickets/{ticket.reference}/later/", {"what": "snooze", "when": "<b>soon"})

        assert answer.status_code == 422
        assert b"No time that we understand" in answer.content
        assert not Reminder.objects.exists()

    def test_are_not_there_for_another_team(
        self, client: Client, promise: Promise, ticket: Ticket, cleo: Agent
    ) -> None:
        client.force_login(cleo, backend="django.contrib.auth.backends.ModelBackend")
        reminder = Reminder.objects.first()
        assert reminder is not None

        asked = [
            client.post(f"/tickets/{ticket.reference}/later/", {"what": "snooze", "when": "tomorrow"}),
            client.post(f"/tickets/{ticket.reference}/wake/"),
            client.post(f"/promises/{promise.pk}/", {"step": "kept"}),
            client.post(f"/reminders/{reminder.pk}/", {"step": "seen"}),
        ]

        assert [answer.status_code for answer in asked] == [404, 404, 404, 404]
        assert b"Call back" not in client.get("/inbox/promises/?state=open").content

    def test_list_overdue_promises_first(self, client: Client, ticket: Ticket, ben: Agent) -> None:
        now = timezone.now()
        for hours in (1, 2):
            terms = Terms(text=f"Promise {hours}", due_at=now + hours * HOUR, owner=ben)
            promises.make(terms=terms, by=ben, at=now, ticket=ticket)
        Promise.objects.filter(text="Promise 1").update(due_at=now - HOUR)
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")

        late, coming = client.get("/inbox/promises/"), client.get("/inbox/promises/?state=open")

        assert (b"Promise 1" in late.content, b"Promise 2" in late.content) == (True, False)
        assert (b"Promise 1" in coming.content, b"Promise 2" in coming.content) == (False, True)

    def test_count_in_the_report_what_was_kept(self, client: Client, promise: Promise, ben: Agent, eli: Agent) -> None:
        terms = [Terms(text=f"Promise {n}", due_at=DUE, owner=ben) for n in range(3)]
        late, dropped, _overdue = [promises.make(terms=each, by=ben, at=NOW, ticket=promise.ticket) for each in terms]
        promises.settle(promise=promise, state=PromiseState.KEPT, by=ben, at=DUE)
        promises.settle(promise=late, state=PromiseState.KEPT, by=ben, at=DUE + HOUR)
        promises.settle(promise=dropped, state=PromiseState.DROPPED, by=ben, at=NOW)
        client.force_login(eli, backend="django.contrib.auth.backends.ModelBackend")

        lines = client.get("/reports/promises/csv/?week=2026-W10").content.decode().splitlines()

        assert lines == ["week,owner,in_time,late,dropped,overdue,ahead", "2026-W10,Ben,1,1,1,1,0"]
        assert "33 %" in client.get("/reports/promises/?week=2026-W10").content.decode()

    def test_count_nothing_of_other_teams_in_the_report(self, client: Client, promise: Promise, tech: Team) -> None:
        lead = Agent.objects.create(email="lead@desk.example", name="Lena", role="lead")
        lead.teams.add(tech)
        client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")

        assert "Ben" not in client.get("/reports/promises/csv/?week=2026-W10").content.decode()

    def test_take_a_promise_to_a_customer_without_a_ticket(self, client: Client, ann: Identity, ben: Agent) -> None:
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")
        page = f"/customers/{ann.contact_id}/"

        refused = client.post(f"{page}promise/", {"text": "Send the price list", "when": "soon"})
        taken = client.post(f"{page}promise/", {"text": "Send the price list", "when": "in 2 days"})

        assert (refused.status_code, taken.status_code, taken["Location"]) == (422, 302, page)
        assert b"Send the price list" in client.get(page).content
        assert b"Send the price list" in client.get("/inbox/promises/?state=mine").content
        assert Promise.objects.get().owner == ben

    def test_show_cards_until_they_are_put_away(self, client: Client, promise: Promise, ben: Agent) -> None:
        due.carry_out(now=DUE)
        client.force_login(ben, backend="django.contrib.auth.backends.ModelBackend")
        script = {"HX-Request": "true"}

        assert client.get("/reminders/", headers=script).content.count(b"<article") == 1
        number = found.cards_of(agent=ben)[0].reminder.pk
        assert client.post(f"/reminders/{number}/", {"step": "seen"}, headers=script).status_code == 204
        assert client.get("/reminders/", headers=script).content.count(b"<article") == 0
