"""A mail of ours never arrived: what follows for its delivery, the address and the ticket (MAIL.md 24, 25)."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from helpdesk.actions import tickets
from helpdesk.actions.journal import record
from helpdesk.models import Agent, Delivery, Entry, Identity, State, Ticket
from helpdesk.models.transport import DeliveryState
from mail_gateway.bounce_reasons import Reason

#: Only a mail that was handed over can come back; FAILED: another of its recipients has been heard of before.
_RETURNABLE = (DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.FAILED)


@transaction.atomic(savepoint=False)
def came_back(*, delivery: Delivery, ticket: Ticket, addresses: Collection[str], reason: Reason, at: datetime) -> bool:
    """Note that ``delivery`` came back from ``addresses`` (empty: nobody knows which of its recipients).

    ``ticket`` is where it stands now. False, and nothing changed, for a mail that has never left: the report is made
    up.
    """
    row = Delivery.objects.select_for_update(of=("self",)).defer("mime").filter(pk=delivery.pk, state__in=_RETURNABLE)
    current = row.first()
    if current is None:
        return False
    bounced = sorted({*current.bounced, *addresses})
    row.update(state=DeliveryState.FAILED, error=reason.words, bounced=bounced, lease_until=None)
    if len(delivery.recipients) == 1:  # each of several knows enough to make up a report about another
        suppress(addresses=addresses, reason=reason, at=at)
    record(
        kind=Entry.Kind.DELIVERY_CHANGED,
        ticket=ticket,
        message=delivery.message,
        data={"state": DeliveryState.FAILED.value, "addresses": sorted(addresses), "reason": "bounced"},
        at=at,
    )
    if not delivery.is_automatic:
        bring_back(ticket=ticket, at=at)
    return True


@transaction.atomic(savepoint=False)
def is_delayed(*, delivery: Delivery, ticket: Ticket, at: datetime) -> None:
    """A server on the way still tries: that is shown at the message, and is no failure."""
    if Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENT).update(delayed_at=at):
        record(
            kind=Entry.Kind.DELIVERY_CHANGED,
            ticket=ticket,
            message=delivery.message,
            data={"state": DeliveryState.SENT.value, "reason": "delayed"},
            at=at,
        )


def suppress(*, addresses: Collection[str], reason: Reason, at: datetime) -> None:
    """Mark addresses that mail comes back from, if they are at fault themselves; since when stays as it was."""
    if not reason.is_address_at_fault:
        return
    rows = Identity.objects.mail(addresses)
    rows.filter(undeliverable_at=None).update(undeliverable_at=at)
    rows.update(undeliverable_reason=reason.words[:300])


def bring_back(*, ticket: Ticket, at: datetime) -> None:
    """The customer never received an answer: somebody has to look, first of all whoever wrote it."""
    ticket.refresh_from_db(fields=["state", "merged_into"])
    if ticket.state in {State.WAITING, State.SOLVED, State.CLOSED} and ticket.merged_into_id is None:
        tickets.set_state(ticket=ticket, state=State.OPEN, by=None, at=at)


@transaction.atomic
def try_again(*, ticket: Ticket, identity: Identity, by: Agent, at: datetime) -> bool:
    """An agent says that mail to the address arrives again. False when it wasn't marked."""
    marked = Identity.objects.filter(pk=identity.pk).exclude(undeliverable_at=None)
    moved = marked.update(undeliverable_at=None, undeliverable_reason="")
    if moved:
        record(kind=Entry.Kind.CONTACT_CHANGED, ticket=ticket, by=by, data={"deliverable": identity.value}, at=at)
    return bool(moved)
