"""Agents answer: replies that go out, notes that stay, drafts that wait, and a short time to think again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk import blobs
from helpdesk.actions import clocks, letters, tickets
from helpdesk.actions.contacts import identity_for
from helpdesk.actions.indexing import forget, index_message
from helpdesk.actions.journal import record
from helpdesk.models import (
    Agent,
    Attachment,
    Delivery,
    Draft,
    Entry,
    Identity,
    Mailbox,
    Message,
    Participant,
    State,
    Ticket,
)
from helpdesk.text import clean, clean_text, one_address
from mail_gateway.addresses import ascii_address
from mail_gateway.crash_points import crash_point
from mail_gateway.mail import Address
from mail_gateway.mail import Attachment as MailAttachment

#: Together, before they are encoded; most servers refuse mail above 25 MB.
MAX_ATTACHED_BYTES = 15 * 1024 * 1024
#: Types that a browser shows without running anything; the rest is a download.
_OCTETS = "application/octet-stream"


class NewerMessages(Exception):
    """Somebody wrote while the agent did; ``messages`` are those that the agent hasn't seen."""

    def __init__(self, messages: Sequence[Message]) -> None:
        super().__init__(f"{len(messages)} newer messages")
        self.messages = messages


class NotSendable(ValueError):
    """The reply can't be sent as it is; the text says what to change."""


class TooLate(Exception):
    """The mail is already on its way."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that an agent attaches."""

    filename: str
    content_type: str
    content: bytes


@transaction.atomic
def reply(
    *,
    ticket: Ticket,
    agent: Agent,
    text: str,
    to: Sequence[str],
    cc: Sequence[str] = (),
    seen_cursor: int,
    is_forced: bool = False,
    state: State | None = None,
    files: Sequence[File] = (),
    at: datetime | None = None,
    send_at: datetime | None = None,
) -> Message:
    """Queue an answer; it leaves after the undo time. The ticket becomes the agent's if it was nobody's.

    ``state`` is where the ticket goes with it ("send and wait"); None leaves it, but for a new one, which is open now.

    ``seen_cursor`` is the journal id up to which the agent has seen the ticket: when a customer or a colleague has
    written since, NewerMessages is raised unless ``is_forced``. Raises NotSendable for an empty text, no or bad
    recipients, or files beyond 15 MB together. The same answer once more, by somebody who hasn't seen the first (a
    second press of the button), is the first.
    """
    at = at or timezone.now()
    locked = Ticket.objects.select_for_update(of=("self",)).select_related("channel__mailbox", "team", "owner")
    ticket = locked.get(pk=ticket.pk)
    body = clean_text(text)
    people, copies = _check(ticket, body, to, cc, files)
    mailbox = _mailbox_of(ticket)
    newer = [] if is_forced else newer_than(ticket, agent, seen_cursor)
    if newer:
        raise NewerMessages(newer)
    if sent := _same_again(ticket, agent, body, people, copies, seen_cursor):
        return sent
    parents = letters.parents_of(ticket)
    message = _new_message(ticket, mailbox, agent, body, people, copies, at)
    letter = letters.Letter(
        sender_name=f"{agent.name} ({letters.sender_name(mailbox)})",
        to=people,
        cc=copies,
        subject=message.subject,
        text=_whole_text(ticket, agent, body, message),
        language=ticket.language,
        attachments=_attach(message, files),
    )
    delivery = letters.finish(
        message=message,
        mailbox=mailbox,
        letter=letter,
        parents=parents,
        at=at,
        send_at=send_at or at + timedelta(seconds=settings.UNDO_SECONDS),
    )
    letters.post_all(deliveries=[delivery])
    letters.sign_return_path(delivery=delivery, mailbox=mailbox)
    index_message(message=message)
    _settle(ticket, agent, message, state, at)
    crash_point("reply.uncommitted")
    transaction.on_commit(lambda: crash_point("reply.committed"))
    return message


def _mailbox_of(ticket: Ticket) -> Mailbox:
    mailbox = letters.mailbox_of(ticket)
    if mailbox is None:
        raise NotSendable(_("There is no mailbox that could send it."))
    return mailbox


def _new_message(
    ticket: Ticket,
    mailbox: Mailbox,
    agent: Agent,
    body: str,
    people: Sequence[Address],
    copies: Sequence[Address],
    at: datetime,
) -> Message:
    return Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.REPLY,
        agent=agent,
        contact=ticket.contact,
        sender_name=agent.name,
        sender_address=mailbox.address,
        recipients={
            "to": [[each.name, each.addr] for each in people],
            "cc": [[each.name, each.addr] for each in copies],
        },
        subject=letters.with_reference(_answer_subject(ticket), ticket),
        message_id=letters.new_message_id(ticket=ticket, recipient=people[0].addr, mailbox=mailbox),
        text=body,
        language=ticket.language,
        created_at=at,
    )


def _settle(ticket: Ticket, agent: Agent, message: Message, state: State | None, at: datetime) -> None:
    """What an answer by mail changes besides: whoever it goes to takes part."""
    known = set(ticket.participants.values_list("identity__value", flat=True))
    for name, address in (*message.recipients["to"], *message.recipients["cc"]):
        if address not in known:
            identity = identity_for(address=address, name=name)
            Participant.objects.get_or_create(
                ticket=ticket, identity=identity, defaults={"role": Participant.Role.COPY}
            )
    settle_answer(ticket, agent, message, state, at)


def settle_answer(ticket: Ticket, agent: Agent, message: Message, state: State | None, at: datetime) -> None:
    """What a stored answer changes besides: journal, first reply, owner, state, draft."""
    tickets.note_arrivals(arrivals=[tickets.Arrival(ticket=ticket, message=message, at=at)])
    if ticket.first_reply_at is None:
        ticket.first_reply_at = at
        ticket.save(update_fields=["first_reply_at"])
    if ticket.owner is None and agent.teams.filter(pk=ticket.team_id).exists():
        tickets.set_owner(ticket=ticket, owner=agent, by=agent, at=at)
    # An answered ticket is neither new nor spam any more, whatever else it is.
    wanted = state or (State.OPEN if ticket.state in {State.NEW, State.SPAM} else State(ticket.state))
    tickets.set_state(ticket=ticket, state=wanted, by=agent, at=at)
    Draft.objects.filter(agent=agent, ticket=ticket, kind="reply").delete()


def _check(
    ticket: Ticket, body: str, to: Sequence[str], cc: Sequence[str], files: Sequence[File]
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    if ticket.merged_into_id is not None:
        raise NotSendable(_("This ticket was merged into another one; answer there."))
    if not body:
        raise NotSendable(_("The answer is empty."))
    require_room(sizes=[len(file.content) for file in files])
    people = _addresses(to)
    taken = {each.addr for each in people}
    copies = tuple(each for each in _addresses(cc) if each.addr not in taken)
    if not people:
        raise NotSendable(_("There is nobody to send it to."))
    return people, copies


def require_room(*, sizes: Iterable[int]) -> None:
    """Raises NotSendable for files that no mail could carry; so many bytes need not be read first."""
    if sum(sizes) > MAX_ATTACHED_BYTES:
        raise NotSendable(_("The attached files are larger than 15 MB together."))


def _addresses(values: Sequence[str]) -> tuple[Address, ...]:
    addresses = list(dict.fromkeys(_one_address(value) for value in values if value.strip()))
    rows = Identity.objects.mail(addresses).select_related("contact")
    names = {identity.value: identity.contact.name for identity in rows}
    return tuple(Address(name=names.get(address, ""), addr=address) for address in addresses)


def _one_address(value: str) -> str:
    try:
        address = one_address(value)
    except ValueError:
        address = ""
    if not ascii_address(address):
        raise NotSendable(_("This isn't a mail address: %s") % clean(value, max_length=60))
    return address


def newer_than(ticket: Ticket, agent: Agent, cursor: int) -> list[Message]:
    """Messages that others have added since ``cursor``."""
    entries = (
        Entry.objects.filter(ticket=ticket, pk__gt=cursor, message__ticket=ticket)
        .filter(kind__in=[Entry.Kind.MESSAGE_ADDED, Entry.Kind.NOTE_ADDED, Entry.Kind.MESSAGE_MOVED])
        .exclude(agent=agent)
        .select_related("message")
        .order_by("id")
    )
    return [entry.message for entry in entries if entry.message is not None]


def _same_again(
    ticket: Ticket, agent: Agent, body: str, people: Sequence[Address], copies: Sequence[Address], cursor: int
) -> Message | None:
    """This very answer, if the agent has sent it since ``cursor``."""
    own = Entry.objects.filter(ticket=ticket, agent=agent, pk__gt=cursor, message__kind=Message.Kind.REPLY)
    entry = own.filter(message__text=body).select_related("message").order_by("-id").first()
    if entry is None or entry.message is None:
        return None
    recipients = {"to": [[each.name, each.addr] for each in people], "cc": [[each.name, each.addr] for each in copies]}
    return entry.message if entry.message.recipients == recipients else None


def _answer_subject(ticket: Ticket) -> str:
    subject = ticket.subject
    return subject if subject.lower().startswith(("re:", "sv:", "vs:", "aw:")) else f"Re: {subject}".strip()


def _whole_text(ticket: Ticket, agent: Agent, body: str, message: Message) -> str:
    """The answer, the agent's signature, and the customer's last words folded short below.

    Only words of somebody whom the answer goes to: a ticket can hold what others wrote to us alone.
    """
    parts = [body]
    if agent.signature.strip():
        parts.append(f"-- \n{clean_text(agent.signature)}")
    readers = [address for field in ("to", "cc") for _name, address in message.recipients[field]]
    theirs = Q(sender_address__in=readers) | Q(contact__identities__value__in=readers)
    said = Message.objects.filter(theirs, ticket=ticket, kind=Message.Kind.CUSTOMER, pk__lt=message.pk)
    last = said.order_by("-id").first()
    if last is not None:
        words = last.said.splitlines()
        quoted = "\n".join(f"> {line}" for line in words[:30])
        head = f"{last.sender_name or last.sender_address}, {timezone.localtime(last.created_at):%Y-%m-%d %H:%M}:"
        parts.append(f"{head}\n{quoted}" + ("\n> …" if len(words) > 30 else ""))
    return "\n\n".join(parts) + "\n"


def store_files(*, message: Message, files: Sequence[File]) -> list[Attachment]:
    """Keep the files of an answer with its message; the bytes are on disk when this returns."""
    return Attachment.objects.bulk_create(
        Attachment(
            message=message,
            filename=file.filename[:255],
            content_type=file.content_type[:120] or _OCTETS,
            size=len(file.content),
            blob=blobs.put(file.content),
        )
        for file in files
    )


def _attach(message: Message, files: Sequence[File]) -> tuple[MailAttachment, ...]:
    store_files(message=message, files=files)
    return tuple(
        MailAttachment(
            filename=file.filename,
            content_type=file.content_type or _OCTETS,
            content=file.content,
            is_inline=False,
            content_id="",
        )
        for file in files
    )


@transaction.atomic
def note(*, ticket: Ticket, agent: Agent, text: str, at: datetime | None = None) -> Message:
    """Write an internal note. Raises NotSendable when it is empty."""
    body, at = clean_text(text), at or timezone.now()
    if not body:
        raise NotSendable(_("The note is empty."))
    message = Message.objects.create(
        ticket=ticket, kind=Message.Kind.NOTE, agent=agent, sender_name=agent.name, text=body, created_at=at
    )
    index_message(message=message)
    tickets.note_arrivals(arrivals=[tickets.Arrival(ticket=ticket, message=message, at=at)])
    Draft.objects.filter(agent=agent, ticket=ticket, kind="note").delete()
    return message


@transaction.atomic
def undo(*, message: Message, agent: Agent) -> str:
    """Take back a reply that hasn't left; its text becomes the agent's draft again. Raises TooLate.

    Only the writer can. The conditional update decides between this and the outbox: one of them wins.
    """
    text, ticket = message.text, message.ticket
    stopped = Delivery.objects.filter(
        message=message, message__agent=agent, message__kind=Message.Kind.REPLY, state=Delivery.State.QUEUED, attempts=0
    ).update(state=Delivery.State.CANCELLED)
    if not stopped:
        raise TooLate
    save_draft(ticket=ticket, agent=agent, kind="reply", text=text)
    record(kind=Entry.Kind.DELIVERY_CHANGED, ticket=ticket, by=agent, data={"state": "undone"}, at=timezone.now())
    forget(message_ids=[message.pk])
    if ticket.first_reply_at == message.created_at:
        ticket.first_reply_at = None
        ticket.save(update_fields=["first_reply_at"])
    clocks.reply_undone(ticket=ticket, sent_at=message.created_at, by=agent, at=timezone.now())
    message.delete()
    left = ticket.messages.filter(kind=Message.Kind.REPLY)
    ticket.last_reply_at = left.order_by("-created_at").values_list("created_at", flat=True).first()
    ticket.save(update_fields=["last_reply_at"])
    return text


def save_draft(*, ticket: Ticket, agent: Agent, kind: str, text: str) -> None:
    """Keep what is typed; an empty text forgets the draft."""
    if not text.strip():
        Draft.objects.filter(agent=agent, ticket=ticket, kind=kind).delete()
        return
    Draft.objects.update_or_create(
        agent=agent, ticket=ticket, kind=kind, defaults={"text": clean_text(text), "updated_at": timezone.now()}
    )
