"""What a customer may see of an enquiry, through a link that needs no account.

The link holds the ticket's id and a signature of 256 bits; nobody can make one up, and a leaked one opens one ticket.
What it opens is an allow-list: fields are copied into :class:`Progress` one by one, so a column that is added to the
tables tomorrow stays inside until somebody puts it here on purpose.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.db.models import Q
from django.urls import reverse

from helpdesk.models import Delivery, Message, State, Ticket
from helpdesk.queries.conversation import MESSAGES, SHOWN_TEXT, cut_mark

_SALT = "luotsi.progress"

#: Kinds of messages that the customer wrote or received. Notes and machine mail are not among them.
PUBLIC_KINDS = (Message.Kind.CUSTOMER, Message.Kind.REPLY, Message.Kind.AUTOMATIC)


@dataclass(frozen=True)
class PublicMessage:
    """One message as the customer sees it; ``sender`` is empty for the desk's own automatic mail."""

    is_ours: bool
    is_automatic: bool
    sender: str
    text: str
    files: tuple[str, ...]
    at: datetime


@dataclass(frozen=True)
class Progress:
    """Where an enquiry stands. ``state`` is a value of models.State; ``language`` is empty when unknown."""

    reference: str
    subject: str
    state: str
    language: str
    opened_at: datetime
    changed_at: datetime
    messages: tuple[PublicMessage, ...]


def token_for(ticket_id: int) -> str:
    """The secret part of the link to the progress page of a ticket."""
    return signing.Signer(sep=".", salt=_SALT).sign(str(ticket_id))


def ticket_of(token: str) -> int | None:
    """The ticket that ``token`` opens; None when it was not made here. Compared in constant time."""
    try:
        return int(signing.Signer(sep=".", salt=_SALT).unsign(token))
    except (signing.BadSignature, ValueError):
        return None


def link_to(ticket_id: int) -> str:
    """The whole address of the progress page, as mails carry it."""
    return settings.SITE_URL + reverse("progress", args=[token_for(ticket_id)])


def progress_for(token: str, *, now: datetime) -> Progress | None:
    """What the holder of ``token`` may see; None for a token that opens nothing.

    A ticket that was joined into another shows the other: that is where the customer's answers go. A reply that can
    still be taken back, or was, does not show; of a very long conversation only the newest messages do. Nor does what
    others wrote, or what we wrote to others, without the customer among its recipients: whoever knows a Message-ID can
    bring other people's mail into their own ticket.
    """
    ticket_id = ticket_of(token)
    if ticket_id is None:
        return None
    ticket = Ticket.objects.select_related("contact", "merged_into__contact").filter(pk=ticket_id).first()
    if ticket is None:
        return None
    target = ticket.merged_into or ticket
    if target.contact_id is None or target.contact_id != ticket.contact_id:
        # Joined with another person's enquiry: the link keeps showing what its holder wrote, and no more.
        target = ticket
    can_be_undone = Q(delivery__state=Delivery.State.QUEUED, delivery__next_attempt_at__gt=now)
    messages = (
        target.messages.filter(kind__in=PUBLIC_KINDS, is_third_party=False)
        .exclude(can_be_undone | Q(delivery__state=Delivery.State.CANCELLED))
        .select_related("agent")
        .prefetch_related("attachments")
        .defer("text", "new_text", "html")
        .annotate(shown_text=SHOWN_TEXT)
        .order_by("-id")[:MESSAGES]
    )
    own = set(target.contact.identities.values_list("value", flat=True)) if target.contact else set()
    return Progress(
        reference=ticket.reference,
        subject=target.subject,
        state=State.OPEN if target.state == State.NEW and target.owner_id else target.state,
        language=target.language,
        opened_at=ticket.created_at,
        changed_at=target.last_activity_at,
        messages=tuple(_public(message) for message in reversed(messages) if _concerns(message, own)),
    )


def _concerns(message: Message, own: Collection[str]) -> bool:
    """Whether one of the addresses ``own`` wrote this message or got it; so does everybody if it has no addresses."""
    named = {address.lower() for field in ("to", "cc") for _name, address in message.recipients.get(field, ())}
    named = (named | {message.sender_address}) - {""}
    return not named or not named.isdisjoint(own)


def _public(message: Any) -> PublicMessage:
    is_ours = message.kind != Message.Kind.CUSTOMER
    is_automatic = message.kind == Message.Kind.AUTOMATIC
    sender = "" if is_automatic else message.agent.name if message.agent else message.sender_name
    return PublicMessage(
        is_ours=is_ours,
        is_automatic=is_automatic,
        sender=sender,
        text=cut_mark(message.shown_text),
        files=tuple(file.filename for file in message.attachments.all() if not file.is_inline),
        at=message.created_at,
    )
