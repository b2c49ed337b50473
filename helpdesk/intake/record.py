"""Mails become messages: senders, tickets, files, what they wait for. Runs inside the transaction of process.

Drafts are made for one mail at a time, rows are stored for all of them at once: what a statement costs is its making,
hardly its rows (docs/adr/0010).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from helpdesk import routing
from helpdesk.actions import tickets
from helpdesk.actions.contacts import Person
from helpdesk.actions.indexing import index_messages
from helpdesk.actions.journal import Line
from helpdesk.intake.guards import SenderCheck
from helpdesk.intake.matching import Match
from helpdesk.intake.passage import Passage, ReadMail
from helpdesk.intake.standing import Standing
from helpdesk.models import (
    Attachment,
    AwaitedParent,
    Entry,
    Identity,
    InboundEvent,
    Message,
    Participant,
    State,
    Ticket,
)
from mail_gateway.mail import Address, Kind, ParsedMail
from mail_gateway.mail import Attachment as File

MAX_COPIES = 20
#: What stands before the kind and the sign of mail that no person wrote, among its problems.
MACHINE = "machine mail: "


def sender_of(mail: ParsedMail, standing: Standing, check: SenderCheck) -> Person | None:
    """The customer who wrote; None for a sender who can't be read, is ourselves, or is a machine that bounces mail.

    A forged mail doesn't say what its supposed sender is called: the name would stay, and stand in our mails to them.
    """
    if mail.sender is None or mail.automatic.kind in {Kind.BOUNCE, Kind.DELAY} or standing.is_ours(mail.sender.addr):
        return None
    if check.verdict == Message.Verdict.FAILED:
        return Person(mail.sender.addr)
    return Person(mail.sender.addr, mail.sender.name, mail.language)


def copies_of(mail: ParsedMail, sender: Person | None, standing: Standing) -> list[Person]:
    """Those whom a person's mail openly includes take part: they may answer by reference number (MAIL.md 16).

    What the mail calls them is shown with it and nowhere else: the words would stand in our mails to them.
    """
    if sender is None or mail.automatic.kind is not Kind.PERSON:
        return []
    others = {each.addr.lower(): each for each in (*mail.to, *mail.cc) if each.addr and not standing.is_ours(each.addr)}
    others.pop(sender.address.lower(), None)
    return [Person(each.addr) for each in list(others.values())[:MAX_COPIES]]


def draft_ticket(event: InboundEvent, mail: ParsedMail, identity: Identity | None, standing: Standing) -> Ticket:
    """A new ticket for a mail that belongs to none, not saved yet."""
    contact = identity.contact if identity else None
    ticket = tickets.draft_ticket(
        channel=event.channel,
        team=standing.rulebook.home_of(event.channel),
        subject=mail.subject,
        contact=contact,
        language=mail.language or (contact.language if contact else ""),
        state=_first_state(event, identity),
        at=event.received_at,
    )
    if mail.automatic.kind is Kind.PERSON:  # stored with the ticket, so that nothing is left to update
        ticket.last_customer_message_at = event.received_at
    return ticket


def _first_state(event: InboundEvent, identity: Identity | None) -> State:
    if identity is not None and identity.blocked_at is not None:
        return State.SPAM
    return State.CLOSED if event.is_silent else State.NEW


def draft_message(
    read: ReadMail, *, ticket: Ticket, found: Match, identity: Identity | None, check: SenderCheck
) -> Message:
    """The message of a mail, not saved yet: nor may its ticket be."""
    mail, event = read.mail, read.event
    is_person = mail.automatic.kind is Kind.PERSON
    return Message(
        ticket=ticket,
        contact=identity.contact if identity else None,
        event=event,
        verdict=check.verdict,
        verdict_reason=check.reason[:200],
        threading=found.threading,
        is_third_party=found.ticket is not None and is_person and not found.is_participant,
        created_at=_shown_at(event, found),
        **reads_as(mail),
    )


def reads_as(mail: ParsedMail) -> dict[str, Any]:
    """The columns of a message that come from its raw mail alone: reading it again gives them again."""
    is_person = mail.automatic.kind is Kind.PERSON
    sender = mail.sender or mail.from_shown
    return {
        "kind": Message.Kind.CUSTOMER if is_person else Message.Kind.MACHINE,
        "sender_name": sender.name[:200],
        "sender_address": sender.addr.lower()[:320],
        "recipients": {"to": _pairs(mail.to), "cc": _pairs(mail.cc)},
        "subject": mail.subject[:998],
        "text": mail.text,
        "new_text": mail.reply_text if mail.reply_text != mail.text else "",
        "html": mail.html,
        "language": mail.language,
        "message_id": mail.message_id[:998],
        "problems": [
            *mail.problems,
            *([] if is_person else [f"{MACHINE}{mail.automatic.kind}: {mail.automatic.reason}"]),
        ],
        "sent_at": mail.date,
    }


def store(passages: Sequence[Passage]) -> None:
    """Everything that these mails bring, in their order: tickets, messages, files, decisions, journal."""
    opened = [(each, each.placement) for each in passages if each.placement is not None]
    tickets.open_tickets(drafts=[(each.ticket, placement.tags) for each, placement in opened])
    Participant.objects.bulk_create(
        chain.from_iterable(
            tickets.participants(ticket=each.ticket, requester=each.identity, copies=each.copies) for each, _ in opened
        )
    )
    Message.objects.bulk_create(each.message for each in passages)
    Attachment.objects.bulk_create(chain.from_iterable(map(_attachments, passages)))
    AwaitedParent.objects.bulk_create(chain.from_iterable(map(_awaited_parents, passages)))
    index_messages(files={each.message: [file.filename for file, _ in each.read.files] for each in passages})
    routing.record_placed(
        [routing.Placed(placement, each.ticket, each.message, each.event.received_at) for each, placement in opened]
    )
    tickets.note_arrivals(arrivals=[_arrival(each) for each in passages])
    for each, placement in opened:
        routing.follow_up(placement, ticket=each.ticket, at=each.event.received_at)


def _arrival(passage: Passage) -> tickets.Arrival:
    lines: tuple[Line, ...] = ()
    if passage.placement is not None:
        lines = (
            Line(kind=Entry.Kind.TICKET_OPENED, contact=passage.ticket.contact, is_internal=False),
            Line(kind=Entry.Kind.ROUTED, data=passage.placement.as_data()),
        )
    return tickets.Arrival(
        ticket=passage.ticket,
        message=passage.message,
        at=passage.event.received_at,
        reopens=passage.wants_a_person and passage.placement is None,
        awaits_reply=passage.wants_a_person,
        lines=lines,
    )


def _shown_at(event: InboundEvent, found: Match) -> datetime:
    """When it came; a parent that came after its replies is shown before them."""
    if not found.early:
        return event.received_at
    first = (
        Message.objects.filter(ticket__in=found.early).order_by("created_at").values_list("created_at", flat=True)[0]
    )
    return min(event.received_at, first - timedelta(microseconds=1))


def _awaited_parents(passage: Passage) -> Iterable[AwaitedParent]:
    if passage.mail.automatic.kind is not Kind.PERSON:
        return ()
    return [AwaitedParent(message=passage.message, parent_id=each[:998]) for each in passage.found.awaited]


def _attachments(passage: Passage) -> Iterable[Attachment]:
    return [attachment_of(file, blob=blob, message=passage.message) for file, blob in passage.read.files]


def attachment_of(file: File, *, blob: str, message: Message) -> Attachment:
    """The row of a file whose content is ``blob``, not saved yet."""
    return Attachment(
        message=message,
        filename=file.filename[:255],
        content_type=file.content_type[:120],
        size=len(file.content),
        blob=blob,
        content_id=file.content_id[:250],
        is_inline=file.is_inline,
    )


def _pairs(addresses: Iterable[Address]) -> list[list[str]]:
    return [[each.name, each.addr] for each in addresses]
