"""Tickets that wait for a time: out of the working queue until it comes or the customer writes (docs/adr/0024).

Whoever snoozes a ticket holds its row's lock and has looked at what came since the agent did; whatever ends a snooze
does so after it has changed the same row. So a customer's message and a snooze at the same moment end with the ticket
in the queue, whichever is first.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from helpdesk.actions.journal import record
from helpdesk.models import ACTIVE_STATES, Agent, Entry, Message, Reminder, Ticket

Why = Reminder.Outcome
#: These bring the ticket to the top of its lists, unread: somebody is to look at it now.
_CALLS = (Why.CAME, Why.HANDED_ON)


class CannotSnooze(ValueError):
    """The ticket stays where it is; the text says why."""


class CustomerWrote(CannotSnooze):
    """The customer wrote while the agent chose the time."""


@transaction.atomic
def snooze(*, ticket: Ticket, until: datetime, by: Agent, at: datetime, seen: int | None = None) -> None:
    """Take the ticket out of the working queue until ``until``.

    ``seen``: the journal id up to which the agent has read; what the customer wrote after it refuses the snooze.
    Raises CannotSnooze.
    """
    fresh = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    if until <= at:
        raise CannotSnooze(_("That time has passed."))
    if fresh.state not in ACTIVE_STATES:
        raise CannotSnooze(_("Nobody works on this ticket any more; there is nothing to wait for."))
    if seen is not None and _has_written_since(fresh, seen):
        raise CustomerWrote(_("The customer has just written. Read that first; the ticket stays in the queue."))
    _waiting(fresh).update(outcome=Why.MOVED, settled_at=at)
    Reminder.objects.create(purpose=Reminder.Purpose.WAKE, ticket=fresh, agent=by, due_at=until, created_at=at)
    ticket.snoozed_until = until
    ticket.save(update_fields=["snoozed_until"])
    record(kind=Entry.Kind.SNOOZED, ticket=ticket, by=by, data={"until": until.isoformat()}, at=at)


@transaction.atomic
def wake(*, ticket: Ticket, why: Why, by: Agent | None, at: datetime) -> bool:
    """Bring a snoozed ticket back into the queue; False when it was there. The caller holds or changed the row."""
    if not _waiting(ticket).update(outcome=why, settled_at=at):
        return False
    ticket.snoozed_until = None
    changed = ["snoozed_until"]
    entry = record(kind=Entry.Kind.SNOOZED, ticket=ticket, by=by, data={"ended": why.value}, at=at)
    if why in _CALLS:
        ticket.message_cursor, ticket.last_activity_at = entry.pk, max(at, ticket.last_activity_at)
        changed += ["message_cursor", "last_activity_at"]
    ticket.save(update_fields=changed)
    return True


def customers_wrote(tickets: Iterable[Ticket], *, at: datetime) -> None:
    """Wake those of these that are snoozed, in the caller's transaction, which has changed their rows."""
    found: dict[int | None, Ticket] = {ticket.pk: ticket for ticket in tickets}
    asleep = Reminder.objects.filter(purpose=Reminder.Purpose.WAKE, outcome="", ticket__in=found) if found else ()
    for reminder in asleep:
        wake(ticket=found[reminder.ticket_id], why=Why.CUSTOMER, by=None, at=at)


def _waiting(ticket: Ticket) -> QuerySet[Reminder]:
    return Reminder.objects.filter(ticket=ticket, purpose=Reminder.Purpose.WAKE, outcome="")


def _has_written_since(ticket: Ticket, seen: int) -> bool:
    lines = ticket.entries.filter(pk__gt=seen, kind=Entry.Kind.MESSAGE_ADDED, message__kind=Message.Kind.CUSTOMER)
    return lines.exists()
