"""A message becomes a ticket of its own."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from helpdesk.actions import moves, tickets
from helpdesk.actions.journal import Line, record_all
from helpdesk.models import Agent, Entry, Mailbox, Message, Ticket
from helpdesk.routing.placement import (
    Placed,
    Rulebook,
    facts_of,
    follow_up,
    place,
    recipient_of,
    record_placed,
)


@transaction.atomic
def detach(*, message: Message, by: Agent, at: datetime | None = None) -> Ticket:
    """A message becomes a ticket of its own, placed like new mail; nothing is acknowledged again.

    Raises CannotMove for the only message of a ticket.
    """
    at = at or timezone.now()
    moves.require_detachable(message=message)
    rulebook = Rulebook.load()
    channel = message.ticket.channel
    ticket = moves.draft_apart(message=message, team=rulebook.home_of(channel))
    facts = facts_of(
        ticket=ticket,
        message=message,
        recipient=recipient_of(message),
        has_attachments=message.attachments.exists(),
        at=message.created_at,
    )
    placement = place(rulebook, ticket, facts, at=at, has_owner=message.kind == Message.Kind.CUSTOMER)
    tickets.open_tickets(drafts=[(ticket, placement.tags)])
    ours = frozenset(address for mailbox in Mailbox.objects.all() for address in mailbox.addresses)
    moves.take_part_apart(ticket=ticket, message=message, ours=ours)
    lines = [
        Line(kind=Entry.Kind.TICKET_OPENED, by=by, contact=ticket.contact, is_internal=False),
        Line(kind=Entry.Kind.ROUTED, data=placement.as_data()),
    ]
    record_all(lines, ticket=ticket, at=at)
    moves.move(message=message, into=ticket, by=by, at=at)
    follow_up(placement, ticket=ticket, at=at)
    record_placed([Placed(placement, ticket, message, at)])
    ticket.refresh_from_db(fields=["due_at"])
    return ticket
