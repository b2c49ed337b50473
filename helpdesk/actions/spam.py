"""Spam: tickets that are nobody's enquiry, and senders whose mail opens as such. Nothing of it is ever dropped."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from helpdesk.actions import tickets
from helpdesk.actions.journal import record
from helpdesk.models import Agent, Entry, Identity, Message, State, Ticket


@transaction.atomic
def mark(*, ticket: Ticket, by: Agent, sender: Identity | None = None, at: datetime | None = None) -> None:
    """Put the ticket among the spam and block ``sender``, if one is given. The owner stays, for the undo."""
    at = at or timezone.now()
    tickets.set_state(ticket=ticket, state=State.SPAM, by=by, at=at)
    if sender is not None:
        block(identity=sender, ticket=ticket, by=by, at=at)


@transaction.atomic
def clear(*, ticket: Ticket, by: Agent, at: datetime | None = None) -> None:
    """Not spam: the ticket is what it was before, and those who wrote in it aren't blocked any more."""
    if ticket.state != State.SPAM:
        return
    at = at or timezone.now()
    marked = ticket.entries.filter(kind=Entry.Kind.STATE_CHANGED, data__to=State.SPAM.value).order_by("-id").first()
    before = marked.data.get("from") if marked is not None else None
    tickets.set_state(ticket=ticket, state=State(before) if before else State.NEW, by=by, at=at)
    senders = ticket.messages.filter(kind=Message.Kind.CUSTOMER).values_list("sender_address", flat=True)
    for identity in Identity.objects.mail(senders).filter(blocked_at__isnull=False):
        unblock(identity=identity, ticket=ticket, by=by, at=at)


@transaction.atomic
def block(*, identity: Identity, ticket: Ticket, by: Agent, at: datetime | None = None) -> None:
    """From now on mail from this address opens as spam; ``ticket`` is where that is written down."""
    at = at or timezone.now()
    if Identity.objects.filter(pk=identity.pk, blocked_at=None).update(blocked_at=at):
        record(kind=Entry.Kind.CONTACT_CHANGED, ticket=ticket, by=by, data={"blocked": identity.value}, at=at)


@transaction.atomic
def unblock(*, identity: Identity, ticket: Ticket, by: Agent, at: datetime | None = None) -> None:
    """Mail from this address opens tickets like any other's again."""
    at = at or timezone.now()
    if Identity.objects.filter(pk=identity.pk, blocked_at__isnull=False).update(blocked_at=None):
        record(kind=Entry.Kind.CONTACT_CHANGED, ticket=ticket, by=by, data={"unblocked": identity.value}, at=at)
