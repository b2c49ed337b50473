"""What counts as a reaction of whoever has a ticket."""

from helpdesk.models import Entry, Ticket

#: A reply, a note, a change of state, a time to wait for.
REACTIONS = (Entry.Kind.MESSAGE_ADDED, Entry.Kind.NOTE_ADDED, Entry.Kind.STATE_CHANGED, Entry.Kind.SNOOZED)


def has_reacted(ticket: Ticket) -> bool:
    """Whether the owner has replied, noted, snoozed or changed the state since the ticket is theirs."""
    since = ticket.assignments.filter(ended_at=None).values_list("at", flat=True).first() or ticket.created_at
    return ticket.entries.filter(agent=ticket.owner, kind__in=REACTIONS, created_at__gte=since).exists()
