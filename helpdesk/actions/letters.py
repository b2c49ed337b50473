"""A message of ours becomes a finished mail and its delivery row, in the caller's transaction (MAIL.md 23)."""

import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.conf import settings
from django.template.loader import render_to_string

from helpdesk import keys, live
from helpdesk.models import Channel, Delivery, Mailbox, Message, Purpose, Ticket
from helpdesk.text import counted_as
from mail_gateway import ids
from mail_gateway.compose import compose
from mail_gateway.mail import Address, Attachment, OutgoingMail

#: How many earlier Message-IDs a mail names; the newest ones thread it everywhere (RFC 5322, 3.6.4).
MAX_REFERENCES = 12

# Customers' Message-IDs are stored as they came; only well-formed ones go out again.
_USABLE = re.compile(r"[!-;=?-~]{1,200}@[!-;=?-~]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be sent about a ticket. ``text`` is the whole plain text, quotation included."""

    sender_name: str
    to: tuple[Address, ...]
    cc: tuple[Address, ...] = ()
    subject: str
    text: str
    language: str = ""
    automatic: Literal["", "auto-replied", "auto-generated"] = ""
    attachments: tuple[Attachment, ...] = ()
    purpose: Purpose = Purpose.SERVICE


def with_reference(subject: str, ticket: Ticket) -> str:
    """The subject with the ticket's reference at its end, once."""
    return subject if ticket.reference in subject else f"{subject} [{ticket.reference}]".strip()


def new_message_id(*, ticket: Ticket, recipient: str, mailbox: Mailbox) -> str:
    """A Message-ID that proves, when it comes back in a reply, which ticket it belongs to (MAIL.md 16)."""
    return ids.make_message_id(
        keys.mail_keys(),
        ticket_id=ticket.pk,
        recipient=recipient,
        domain=mailbox.address.rpartition("@")[2],
        nonce=secrets.token_hex(4),  # within one ticket; short, since long ids get folded on their way
    )


def post_all(*, deliveries: Sequence[Delivery]) -> None:
    """Queue finished mails, in the transaction of their messages."""
    if deliveries:
        Delivery.objects.bulk_create(deliveries)
        live.wake(live.OUTBOX)


def finish(
    *,
    message: Message,
    mailbox: Mailbox,
    letter: Letter,
    parents: Sequence[str],
    at: datetime,
    send_at: datetime,
    is_held: bool = False,
) -> Delivery:
    """The delivery of a stored ``message``, not stored itself: its bytes are fixed here.

    The message has its Message-ID from `new_message_id`. ``parents`` are the Message-IDs of the conversation, oldest
    first; the last is the one that is answered. Automatic mail has an empty envelope sender, so that nothing can bounce
    back and forth.
    """
    named = [each for each in parents if _USABLE.fullmatch(each)][-MAX_REFERENCES:]
    mime = compose(
        OutgoingMail(
            sender=Address(name=letter.sender_name, addr=mailbox.address),
            to=letter.to,
            cc=letter.cc,
            reply_to=_reply_to(message, mailbox, letter),
            subject=letter.subject,
            text=letter.text,
            html=render_to_string("mail/letter.html", {"text": letter.text, "language": letter.language}),
            message_id=message.message_id,
            in_reply_to=named[-1] if named else "",
            references=tuple(named),
            date=at,
            automatic=letter.automatic,
            attachments=letter.attachments,
            language=letter.language,
        )
    )
    addresses = [each.addr for each in (*letter.to, *letter.cc)]
    return Delivery(
        message=message,
        channel_id=mailbox.channel_id,
        sender="" if letter.automatic else mailbox.address,
        recipients=list(dict.fromkeys(addresses)),
        recipient=addresses[0].lower(),
        counted_as=counted_as(addresses[0]),
        subject=letter.subject[:998],
        mime=mime,
        is_automatic=bool(letter.automatic),
        purpose=letter.purpose,
        held_at=at if is_held else None,
        state=Delivery.State.HELD if is_held else Delivery.State.QUEUED,
        next_attempt_at=send_at,
        created_at=at,
    )


def _reply_to(message: Message, mailbox: Mailbox, letter: Letter) -> Address | None:
    """The ticket's own address, so that an answer finds it even from a mail program that names no parents."""
    if not mailbox.has_plus_addresses:
        return None
    try:
        address = ids.make_reply_address(
            keys.mail_keys(), ticket_id=message.ticket_id, recipient=letter.to[0].addr, mailbox=mailbox.address
        )
    except ValueError:  # the address is so long that no token fits beside it
        return None
    return Address(name=letter.sender_name, addr=address)


def sign_return_path(*, delivery: Delivery, mailbox: Mailbox) -> None:
    """Give a stored mail the return path by which its bounce is known (VERP), if the mailbox gets what goes there."""
    if not delivery.sender or not mailbox.has_plus_addresses:
        return
    with suppress(ValueError):  # too long: the plain address stays
        sender = ids.make_bounce_address(keys.mail_keys(), delivery_id=delivery.pk, mailbox=mailbox.address)
        delivery.sender = sender
        delivery.save(update_fields=["sender"])


def parents_of(ticket: Ticket) -> list[str]:
    """Message-IDs of the conversation so far, oldest first."""
    rows = (
        Message.objects.filter(ticket=ticket)
        .exclude(message_id="")
        .exclude(kind=Message.Kind.MACHINE)
        .order_by("-id")
        .values_list("message_id", flat=True)[:MAX_REFERENCES]
    )
    return list(dict.fromkeys(reversed(rows)))


def mailbox_of(ticket: Ticket) -> Mailbox | None:
    """Which mailbox writes about a ticket: its channel's; for a chat its site's, else the first one that is at work."""
    if ticket.channel.kind == Channel.Kind.EMAIL:
        return ticket.channel.mailbox
    chosen = ticket.channel.chat_site.mailbox if ticket.channel.kind == Channel.Kind.CHAT else None
    if chosen is not None and chosen.channel.is_active:
        return chosen
    rows = Mailbox.objects.select_related("channel").filter(channel__is_active=True)
    return rows.order_by("channel__paused_reason", "pk").first()


def sender_name(mailbox: Mailbox) -> str:
    """The name that the desk itself signs with."""
    return mailbox.display_name or str(settings.DESK_NAME)
