"""Promises and reminders as people see them. Permission is part of the fetch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from helpdesk.models import Agent, Contact, Promise, PromiseState, Reminder, Ticket
from helpdesk.queries.tickets import teams_of, visible_to
from helpdesk.queries.workload import local_zone

#: Cards that an agent sees at once; the rest follow when these are put away.
CARDS = 5
#: Settled promises that a ticket or a profile goes on showing.
SETTLED = 5


def promises_of(agent: Agent) -> QuerySet[Promise]:
    """The promises that ``agent`` may see and change: those about tickets of theirs, and those about contacts."""
    if agent.is_admin:
        return Promise.objects.all()
    return Promise.objects.filter(Q(ticket=None) | Q(ticket__team__in=teams_of(agent).values("pk")))


def promise_for(agent: Agent, promise_id: int) -> Promise:
    """One of these. Raises Promise.DoesNotExist."""
    return promises_of(agent).select_related("ticket__team", "owner", "contact").get(pk=promise_id)


def reminder_for(agent: Agent, reminder_id: int) -> Reminder:
    """One of the agent's own. Raises Reminder.DoesNotExist."""
    return Reminder.objects.select_related("ticket__team", "promise__ticket", "agent").get(pk=reminder_id, agent=agent)


def about(*, ticket: Ticket) -> Sequence[Promise]:
    """What was promised in a ticket: open ones by their time, then the last that were settled."""
    return _standing(ticket.promises.select_related("owner", "settled_by"))


def about_contact(*, agent: Agent, contact: Contact) -> Sequence[Promise]:
    """What was promised to a customer that ``agent`` may see: in tickets and besides."""
    rows = promises_of(agent).filter(Q(contact=contact) | Q(ticket__contact=contact))
    return _standing(rows.select_related("owner", "settled_by", "ticket"))


def _standing(rows: QuerySet[Promise]) -> Sequence[Promise]:
    """Open ones by their time, then the last that were settled. One query."""
    place = Window(RowNumber(), partition_by="state", order_by=[F("settled_at").desc(nulls_last=True), F("id").desc()])
    found = rows.annotate(place=place).filter(Q(state=PromiseState.OPEN) | Q(place__lte=SETTLED))
    open_ = sorted((row for row in found if row.state == PromiseState.OPEN), key=lambda row: (row.due_at, row.pk))
    settled = (row for row in found if row.settled_at is not None)
    return [*open_, *sorted(settled, key=lambda row: (row.settled_at, row.pk), reverse=True)[:SETTLED]]


def reminders_of(*, agent: Agent, ticket: Ticket) -> Sequence[Reminder]:
    """The agent's own reminders of a ticket that are still to come."""
    rows = ticket.reminders.filter(agent=agent, purpose=Reminder.Purpose.TICKET, outcome="")
    return list(rows.order_by("due_at", "id"))


def unseen() -> QuerySet[Reminder]:
    """Reminders whose time has come and that nobody has put away."""
    return Reminder.objects.filter(outcome=Reminder.Outcome.CAME, seen_at=None, agent__isnull=False)


@dataclass(frozen=True, slots=True)
class Card:
    """A reminder as its agent sees it; ``ticket`` is None when they may not see it (any more)."""

    reminder: Reminder
    ticket: Ticket | None


def cards_of(*, agent: Agent, limit: int = CARDS, among: Sequence[int] | None = None) -> Sequence[Card]:
    """What ``agent`` is to be told now, oldest first; ``among``: of these reminders only."""
    mine = unseen().filter(agent=agent) if among is None else unseen().filter(agent=agent, pk__in=among)
    rows = mine.select_related("ticket__contact", "promise__ticket__contact", "promise__contact")
    found = list(rows.order_by("due_at", "id")[:limit])
    tickets = {row.pk: ticket_of(row) for row in found}
    numbers = [ticket.pk for ticket in tickets.values() if ticket is not None]
    seen = set(visible_to(agent).filter(pk__in=numbers).values_list("pk", flat=True)) if numbers else set()
    return [
        Card(row, ticket if (ticket := tickets[row.pk]) is not None and ticket.pk in seen else None) for row in found
    ]


def ticket_of(reminder: Reminder) -> Ticket | None:
    """The ticket that a reminder is about, be it by a promise."""
    return reminder.promise.ticket if reminder.promise is not None else reminder.ticket


def substitute_of(*, agent: Agent, now: datetime) -> tuple[bool, Agent | None]:
    """Whether ``agent`` is absent today, on the calendar on their own wall, and who stands in for them."""
    today = now.astimezone(local_zone(agent.time_zone)).date()
    row = agent.absences.filter(begins_on__lte=today, ends_on__gte=today).select_related("substitute").first()
    return row is not None, row.substitute if row is not None else None
