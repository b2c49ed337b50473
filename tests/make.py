"""Things that tests need, made in one line each. Only what differs is said by the caller."""

import atexit
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from typing import Any

from helpdesk.intake.accept import Envelope, accept
from helpdesk.intake.queue import work_once
from helpdesk.intake.reader import Reader
from helpdesk.intake.standing import Outlook
from helpdesk.models import Agent, Channel, Contact, Identity, InboundEvent, Mailbox, Message, State, Team, Ticket
from helpdesk.models.tickets import MessageKind

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def mailbox(address: str, **fields: Any) -> Mailbox:
    """An e-mail channel with its mailbox."""
    slug = address.partition("@")[0].replace(".", "-")
    channel = Channel.objects.create(slug=slug, name=slug.title(), kind=Channel.Kind.EMAIL)
    return Mailbox.objects.create(channel=channel, address=address, **fields)


def identity(address: str, *, name: str = "", language: str = "en") -> Identity:
    """A customer with one address."""
    contact = Contact.objects.create(name=name, language=language)
    return Identity.objects.create(contact=contact, value=address)


def ticket(
    *,
    channel: Channel,
    team: Team,
    identity: Identity | None = None,
    owner: Agent | None = None,
    subject: str = "Cannot log in",
    state: State = State.OPEN,
    at: datetime = NOON,
    **fields: Any,
) -> Ticket:
    """A ticket without messages; its requester takes part."""
    row = Ticket.objects.create(
        channel=channel,
        team=team,
        contact=identity.contact if identity else None,
        owner=owner,
        subject=subject,
        state=state,
        created_at=at,
        last_activity_at=at,
        **({"state_since": at} | fields),
    )
    if identity is not None:
        row.participants.create(identity=identity, role="requester")
    return row


def message(*, ticket: Ticket, kind: MessageKind = MessageKind.CUSTOMER, text: str = "Hello", **fields: Any) -> Message:
    """A message that is simply there: no journal line, no delivery."""
    fields.setdefault("created_at", NOON)
    return Message.objects.create(ticket=ticket, kind=kind, text=text, **fields)


def mail(
    *,
    sender: str = "Ann Archer <ann@customer.example>",
    to: str = "support@desk.example",
    subject: str = "Cannot log in",
    text: str = "Hello,\n\nI cannot log in since the update this morning.\n\nAnn\n",
    message_id: str = "",
    in_reply_to: str = "",
    references: Sequence[str] = (),
    headers: Sequence[tuple[str, str]] = (),
    date: datetime = NOON,
) -> bytes:
    """A well-formed mail as bytes; Message-IDs are given without angle brackets."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, to, subject
    letter["Date"] = format_datetime(date)
    if message_id:
        letter["Message-ID"] = f"<{message_id}>"
    if in_reply_to:
        letter["In-Reply-To"] = f"<{in_reply_to}>"
    if references:
        letter["References"] = " ".join(f"<{each}>" for each in references)
    for name, value in headers:
        letter[name] = value
    letter.set_content(text)
    return letter.as_bytes()


def arrive(
    channel: Channel,
    raw: bytes,
    *,
    external_id: str = "",
    mail_from: str = "ann@customer.example",
    recipients: Sequence[str] = ("support@desk.example",),
    peer: str = "127.0.0.1",
    received_at: datetime | None = None,
    is_silent: bool = False,
) -> InboundEvent:
    """Accept a mail as the SMTP receiver does; it waits to be processed."""
    return accept(
        channel=channel,
        external_id=external_id or f"test:{InboundEvent.objects.count() + 1}",
        raw=raw,
        envelope=Envelope(mail_from=mail_from, recipients=tuple(recipients), peer=peer),
        received_at=received_at or datetime.now(UTC),
        is_silent=is_silent,
    )


@cache
def reader() -> Reader:
    """The real reader, one for all tests of this process as for all mails of a desk: its start costs half a second."""
    shared = Reader()
    atexit.register(shared.close)
    return shared


def process_all() -> None:
    """Work on everything that waits, in both lanes, with the real reader."""
    while any(work_once(reader(), Outlook(seconds=0), is_slow=is_slow) for is_slow in (False, True)):
        pass


def deliver(channel: Channel, raw: bytes, **how: Any) -> Message:
    """Accept and process one mail; returns its message."""
    event = arrive(channel, raw, **how)
    process_all()
    return Message.objects.get(event=event)
