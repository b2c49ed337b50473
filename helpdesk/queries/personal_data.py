"""What the desk holds of one person: everything for a copy of it, and the numbers for deciding about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Count, QuerySet

from helpdesk.models import Agent, Attachment, Contact, Erasure, Identity, Message, Ticket, Visitor
from helpdesk.models.fields import SealedTextField

#: Told with the tickets, or about others.
_TOLD_ELSEWHERE = frozenset({"Ticket", "Message", "Entry"})
#: Who has a common name has many namesakes.
LOOKALIKES = 20


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is of a person. ``shared`` are tickets in which other customers wrote as well."""

    addresses: tuple[str, ...]
    tickets: int
    shared: int
    messages: int
    files: int
    visits: int


@dataclass(frozen=True, slots=True)
class Named:
    """A name of the person. ``others``: who else is called so, and would be found by it too."""

    name: str
    others: int


def extent_of(contacts: Sequence[int]) -> Extent:
    """Count."""
    own = Ticket.objects.filter(contact__in=contacts)
    others = Message.objects.filter(
        ticket__in=own.values("pk"), kind=Message.Kind.CUSTOMER, contact__isnull=False, is_third_party=False
    ).exclude(contact__in=contacts)
    elsewhere = Message.objects.filter(contact__in=contacts).exclude(ticket__contact__in=contacts)
    written = models.Q(pk__in=others.order_by().values("ticket")) | models.Q(
        pk__in=elsewhere.order_by().values("ticket")
    )
    messages = Message.objects.filter(contact__in=contacts)
    return Extent(
        addresses=tuple(Identity.objects.filter(contact__in=contacts).order_by("pk").values_list("value", flat=True)),
        tickets=own.count(),
        shared=Ticket.objects.filter(written).count(),
        messages=messages.count(),
        files=Attachment.objects.filter(message__contact__in=contacts).count(),
        visits=Visitor.objects.filter(contact__in=contacts).count(),
    )


def called(names: Sequence[str], *, contacts: Sequence[int]) -> list[Named]:
    """Each name with the number of others who have it: customers and colleagues."""
    return [
        Named(
            name,
            Contact.objects.filter(name__iexact=name).exclude(pk__in=contacts).count()
            + Agent.objects.filter(name__iexact=name).count(),
        )
        for name in names
    ]


def lookalikes(contacts: Sequence[int], *, names: Sequence[str], limit: int = LOOKALIKES) -> QuerySet[Contact]:
    """Other contacts that may be the same person: of the same name, or who claimed one of the addresses in a chat.

    The oldest ``limit`` of them.
    """
    values = Identity.objects.filter(contact__in=contacts).values_list("value", flat=True)
    same = models.Q(visitors__claimed_address__in=list(values))
    for name in names:
        same |= models.Q(name__iexact=name)
    found = Contact.objects.filter(same).exclude(pk__in=contacts).distinct()
    return found.annotate(ticket_count=Count("tickets", distinct=True)).order_by("pk")[:limit]


def erasures() -> QuerySet[Erasure]:
    """All of them, newest first."""
    return Erasure.objects.select_related("by").order_by("-pk")


def rows_about(contacts: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
    """Every row that hangs on the person's contacts, by table. Tables are read from the models: none is forgotten."""
    found = {"Contact": [row_as_data(row) for row in Contact.objects.filter(pk__in=contacts)]}
    for relation in Contact._meta.related_objects:
        model: Any = relation.related_model
        name = model._meta.object_name
        if name in _TOLD_ELSEWHERE:
            continue
        rows = model._default_manager.filter(**{f"{relation.field.name}__in": contacts}).order_by("pk")
        found.setdefault(name, []).extend(row_as_data(row) for row in rows)
    return {name: rows for name, rows in found.items() if rows}


def row_as_data(row: models.Model) -> dict[str, Any]:
    """A row as JSON can say it, without what is sealed."""
    return {
        field.name: _plain(getattr(row, field.attname))
        for field in row._meta.local_concrete_fields
        if not isinstance(field, SealedTextField | models.BinaryField) and not field.name.endswith("_hash")
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def messages_for(ticket: Ticket, *, contacts: Sequence[int], has_notes: bool) -> Iterator[Message]:
    """What of a ticket is the person's to have: their own words and ours to them; notes on request, others' never."""
    rows = ticket.messages.select_related("event", "delivery", "agent").prefetch_related("attachments").order_by("pk")
    for message in rows:
        is_own = message.contact_id in contacts
        is_ours = message.kind in {Message.Kind.REPLY, Message.Kind.AUTOMATIC}
        if is_own or is_ours or (has_notes and message.kind == Message.Kind.NOTE):
            yield message
