"""Messages on social platforms: what is queued for them, what they are called there, and what became of them."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from helpdesk import live
from helpdesk.actions import letters, returns, tickets
from helpdesk.actions.indexing import forget, index_message
from helpdesk.actions.journal import record
from helpdesk.connectors.base import Named
from helpdesk.models import Delivery, Entry, Message, SocialPart, SocialPost, SocialThread, Ticket
from helpdesk.models.transport import DeliveryState
from helpdesk.text import counted_as, excerpt

log = logging.getLogger(__name__)

#: Of a text that the customer has changed, so much of the former one is kept in the journal.
_FORMER_LETTERS = 4_000
_MARKS = {"delivered": ("delivered_at",), "read": ("read_at", "delivered_at")}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A stored file that goes along."""

    name: str
    content_type: str
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is to be sent; ``template`` as `connectors.social.Template` has it, with its values."""

    text: str
    files: tuple[File, ...] = ()
    reply_to: str = ""
    template: Mapping[str, Any] | None = None


def queue_post(
    *,
    message: Message,
    thread: SocialThread,
    content: Content,
    at: datetime,
    send_at: datetime,
    is_automatic: bool = False,
    is_held: bool = False,
) -> Delivery:
    """Queue a stored message for its platform, in the caller's transaction; what is sent is fixed here."""
    SocialPost.objects.create(thread=thread, message=message, is_public=thread.is_public)
    recipient = thread.identity.value if thread.identity is not None else thread.external_id.lower()
    delivery = Delivery(
        message=message,
        channel_id=thread.account.channel_id,
        sender="" if is_automatic else thread.account.name[:320],
        recipients=[recipient[:320]],
        recipient=recipient[:320],
        counted_as=counted_as(recipient)[:320],
        subject=excerpt(content.text, max_length=120),
        mime=json.dumps({"thread": thread.external_id, "is_public": thread.is_public, **asdict(content)}).encode(),
        is_automatic=is_automatic,
        held_at=at if is_held else None,
        state=Delivery.State.HELD if is_held else Delivery.State.QUEUED,
        next_attempt_at=send_at,
        created_at=at,
    )
    letters.post_all(deliveries=[delivery])
    return delivery


def note_sent(*, names: Mapping[int, Named]) -> None:
    """Messages are sent: by number, what the platform calls each.

    A name that another message has already is no reason to send this one again: it stays without.
    """
    for message_id, named in names.items():
        posts, url = SocialPost.objects.filter(message=message_id), named.url
        try:
            with transaction.atomic():
                posts.update(external_id=named.external_id[:250], url=url[:500] if url.startswith("https://") else "")
                if named.parts:
                    _keep_parts(posts.get(), named.parts)
        except IntegrityError:
            log.warning("message %s: the platform has called another message the same", message_id)


def _keep_parts(post: SocialPost, names: Sequence[str]) -> None:
    post.parts.all().delete()  # of an earlier try
    SocialPart.objects.bulk_create(
        SocialPart(post=post, place=place, external_id=name[:250]) for place, name in enumerate(names)
    )


@transaction.atomic(savepoint=False)
def edit(*, post: SocialPost, text: str, at: datetime) -> bool:
    """The customer has changed a message. False for a change that is older than what is there."""
    message = post.message
    if message is None or post.deleted_at is not None or (post.edited_at is not None and post.edited_at >= at):
        return False
    former, message.text = message.text, text
    message.save(update_fields=["text"])
    post.edited_at = at
    post.save(update_fields=["edited_at"])
    forget(message_ids=[message.pk])
    index_message(message=message)
    _renew_preview(message)
    record(
        kind=Entry.Kind.MESSAGE_EDITED,
        ticket=message.ticket,
        message=message,
        contact=message.contact,
        data={"from": former[:_FORMER_LETTERS]},
        at=at,
    )
    return True


@transaction.atomic(savepoint=False)
def delete(*, post: SocialPost, at: datetime) -> bool:
    """The customer has taken a message back: its words and files are shown no more. False when they were not."""
    message = post.message
    if message is None or post.deleted_at is not None:
        return False
    message.text = message.new_text = message.html = ""
    message.save(update_fields=["text", "new_text", "html"])
    message.attachments.all().delete()
    post.deleted_at = at
    post.save(update_fields=["deleted_at"])
    forget(message_ids=[message.pk])
    index_message(message=message)
    _renew_preview(message)
    record(kind=Entry.Kind.MESSAGE_DELETED, ticket=message.ticket, message=message, contact=message.contact, at=at)
    return True


def _renew_preview(message: Message) -> None:
    """The list shows the newest words, which may be these."""
    newest = message.ticket.messages.exclude(kind=Message.Kind.NOTE).order_by("-id").first()
    if newest is not None and newest.pk == message.pk:
        Ticket.objects.filter(pk=message.ticket_id).update(preview=excerpt(message.said, max_length=160))


@transaction.atomic(savepoint=False)
def note_receipt(*, posts: Sequence[SocialPost], receipt: str, at: datetime, error: str = "", name: str = "") -> None:
    """The platform says what became of messages of ours: "sent", "delivered", "read" or "failed"; never back again.

    ``name``: what it called the message that it speaks of, which may be a part of one of ours. The whole is delivered
    when all its parts are, and read when the last one is: people read from the first on. '' speaks of the whole.
    """
    for post in posts:
        message = post.message
        if message is None:
            continue
        if receipt == "failed":
            _fail(message, error=error, at=at)
            continue
        if name and not _is_whole(post, receipt=receipt, name=name, at=at):
            continue
        missing = [name for name in _MARKS.get(receipt, ()) if getattr(post, name) is None]
        for name in missing:
            setattr(post, name, at)
        if missing:
            post.save(update_fields=missing)
            _hint(message.ticket)


def _is_whole(post: SocialPost, *, receipt: str, name: str, at: datetime) -> bool:
    """Write down what became of one part; whether it is true of all of them now."""
    parts = list(post.parts.all())
    told = next((part for part in parts if part.external_id == name), None)
    if told is None or receipt not in _MARKS:
        return not parts
    for part in parts:
        if part is not told and (receipt != "read" or part.place > told.place):
            continue
        missing = [mark for mark in _MARKS[receipt] if getattr(part, mark) is None]
        for mark in missing:
            setattr(part, mark, at)
        part.save(update_fields=missing)
    if receipt == "read":
        return parts[-1].read_at is not None
    return all(part.delivered_at is not None for part in parts)


def _fail(message: Message, *, error: str, at: datetime) -> None:
    """It was handed over, and the platform could not deliver it."""
    rows = Delivery.objects.filter(message=message, state__in=(DeliveryState.SENT, DeliveryState.UNKNOWN))
    delivery = rows.defer("mime").first()
    if delivery is None or not rows.update(state=DeliveryState.FAILED, error=error, lease_until=None):
        return
    record(
        kind=Entry.Kind.DELIVERY_CHANGED,
        ticket=message.ticket,
        message=message,
        data={
            "from": delivery.state,
            "to": DeliveryState.FAILED.value,
            "recipient": delivery.recipient,
            "error": error[:500],
        },
        at=at,
    )
    if not delivery.is_automatic:
        returns.bring_back(ticket=message.ticket, at=at)


def _hint(ticket: Ticket) -> None:
    """Whoever looks at the ticket looks again; the message itself says what is new."""
    cursor = Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    live.publish(groups=[f"ticket.{ticket.pk}"], cursor=cursor, ticket_id=ticket.pk)


@transaction.atomic(savepoint=False)
def note_echo(*, message: Message, at: datetime) -> None:
    """A stored message that somebody wrote in the platform's own app: it counts as our answer."""
    ticket = message.ticket
    tickets.note_arrivals(arrivals=[tickets.Arrival(ticket=ticket, message=message, at=at)])
    if ticket.first_reply_at is None:
        ticket.first_reply_at = at
        ticket.save(update_fields=["first_reply_at"])
