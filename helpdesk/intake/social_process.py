"""What happens to an item of a social channel after it was written down: one transaction each.

Guarantee: an event ends as one message, or it has changed one that was there, or it rests with a reason; repeating it
after a crash at any point changes nothing that is done. What belongs to one conversation waits for its row in turn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from helpdesk import routing
from helpdesk.actions import social_posts, tickets
from helpdesk.actions.contacts import contact_for
from helpdesk.actions.identities import note_claims
from helpdesk.actions.indexing import index_messages
from helpdesk.actions.journal import Line
from helpdesk.connectors.social import Handle, Item
from helpdesk.intake import social_answer
from helpdesk.models import (
    Attachment,
    Channel,
    Delivery,
    Entry,
    Identity,
    InboundEvent,
    Message,
    Participant,
    SocialAccount,
    SocialPost,
    SocialThread,
    State,
    Ticket,
)
from helpdesk.routing import Rulebook
from helpdesk.text import clean, clean_text, excerpt
from mail_gateway.languages import detect
from routing_rules.vocabulary import Event

#: What is said so soon after a ticket was solved goes on with it.
GOES_ON_WITHIN = timedelta(days=7)
#: So long an echo may come before we have written down what we sent.
ECHO_RACE = timedelta(minutes=2)
_Reason = InboundEvent.Reason


class TooEarly(Exception):
    """It tells of a message that isn't here, yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A stored file of an item."""

    name: str
    content_type: str
    size: int
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One item on its way."""

    event: InboundEvent
    account: SocialAccount
    item: Item
    files: Sequence[File]
    problems: Sequence[str]
    rulebook: Rulebook
    is_last_try: bool
    now: datetime

    @property
    def language_hint(self) -> str:
        return str(self.item.extra.get("language") or "").partition("-")[0].lower()[:8]


@transaction.atomic
def process_item(**values: Any) -> Message | None:
    """Do what an item says; the message that it became. ``values`` are the fields of `Passage`.

    Raises TooEarly while what it refers to may still come.
    """
    passage = Passage(**values)
    rows = InboundEvent.objects.filter(pk=passage.event.pk).exclude(state=InboundEvent.State.DONE)
    if not rows.select_for_update().exists():
        return None
    thread = _thread_of(passage)
    message = None
    if passage.item.kind == "message":
        message = _take_message(passage, thread)
        reason = _Reason.NONE if message is not None else _Reason.APPLIED
    else:
        reason = _CHANGES[passage.item.kind](passage, thread)
    is_done = reason in {_Reason.NONE, _Reason.APPLIED}
    state = InboundEvent.State.DONE if is_done else InboundEvent.State.IGNORED
    rows.update(state=state, reason=reason, detail="", processed_at=passage.now, lease_until=None)
    return message


def _thread_of(passage: Passage) -> SocialThread:
    """The conversation of an item, held until the end of the transaction: a known one, or a new one."""
    account, item = passage.account, passage.item
    name = item.thread[:250]
    rows = SocialThread.objects.select_for_update(of=("self",)).select_related("ticket", "identity")
    thread = rows.filter(account=account, external_id=name).first()
    if thread is None and item.is_public and item.reply_to:
        is_it = Q(external_id=item.reply_to) | Q(parts__external_id=item.reply_to)
        known = SocialPost.objects.filter(is_it, thread__account=account).first()
        thread = rows.filter(pk=known.thread_id).first() if known is not None else None
    if thread is None:
        row = SocialThread(account=account, external_id=name, is_public=item.is_public, created_at=passage.now)
        SocialThread.objects.bulk_create([row], ignore_conflicts=True)
        thread = rows.get(account=account, external_id=name)
    thread.account = account
    return thread


def _post(passage: Passage, thread: SocialThread, name: str) -> SocialPost | None:
    """A message by what the platform calls it: in its conversation, or wherever it was moved to."""
    rows = SocialPost.objects.select_related("message__ticket__channel", "message__contact")
    found = rows.filter(thread=thread, external_id=name[:250]).first()
    return found or rows.filter(thread__account=passage.account, external_id=name[:250]).first()


def _answer(passage: Passage, thread: SocialThread, name: str) -> SocialPost | None:
    """An answer of ours by what the platform calls it, or any of its parts."""
    rows = SocialPost.objects.select_related("message__ticket__channel", "message__contact")
    parts = rows.filter(thread__account=passage.account, parts__external_id=name[:250])
    return _post(passage, thread, name) or parts.first()


def _take_message(passage: Passage, thread: SocialThread) -> Message | None:
    item = passage.item
    if _post(passage, thread, item.external_id) is not None:
        return None  # the same message in other bytes, or one that was taken back before it came
    identity = _identity_of(passage, item.sender) if item.sender is not None else None
    ticket = _ticket_of(thread, identity, passage.event.received_at)
    is_new = ticket is None
    if ticket is None:
        ticket = _draft_ticket(passage, identity)
    message = _draft_message(passage, ticket, identity, is_new=is_new)
    thread.identity = thread.identity or identity
    if is_new:
        _open(passage, thread, ticket, message, identity)
    else:
        _join(passage, ticket, message)
    if identity is not None:
        note_claims(contact=identity.contact, text=item.text, source=passage.account.provider, at=item.at)
    SocialPost.objects.create(
        thread=thread, message=message, external_id=item.external_id[:250], url=_web(item.url), is_public=item.is_public
    )
    thread.ticket = ticket
    if thread.last_customer_at is None or thread.last_customer_at < item.at:
        thread.last_customer_at = item.at
    thread.save(update_fields=["ticket", "identity", "last_customer_at"])
    return message


def _identity_of(passage: Passage, sender: Handle) -> Identity:
    return contact_for(
        kind=sender.kind,
        value=sender.value,
        name=sender.name,
        display=sender.display,
        mark=sender.mark,
        source=passage.account.provider,
        verified=sender.is_verified,
        language=passage.language_hint,
        at=passage.event.received_at,
    )


def _ticket_of(thread: SocialThread, identity: Identity | None, at: datetime) -> Ticket | None:
    """Where the conversation goes on; None: something new begins."""
    if thread.ticket is None:
        return None
    number = thread.ticket.merged_into_id or thread.ticket.pk
    rows = Ticket.objects.select_for_update(of=("self",)).select_related("channel", "team", "owner", "contact")
    ticket = rows.get(pk=number)
    if ticket.state == State.CLOSED:
        return None
    if ticket.state == State.SOLVED and ticket.solved_at is not None and at - ticket.solved_at > GOES_ON_WITHIN:
        return None
    is_blocked = identity is not None and identity.blocked_at is not None
    return None if is_blocked and ticket.state != State.SPAM else ticket


def _draft_ticket(passage: Passage, identity: Identity | None) -> Ticket:
    item, channel, at = passage.item, passage.account.channel, passage.event.received_at
    contact = identity.contact if identity is not None else None
    text = clean_text(item.text)
    language = detect("", text) or (contact.language if contact else "") or passage.language_hint
    names = ", ".join(file.name for file in passage.files)
    is_blocked = identity is not None and identity.blocked_at is not None
    return tickets.draft_ticket(
        channel=channel,
        team=passage.rulebook.home_of(channel),
        subject=excerpt(text, max_length=80) or names or str(Channel.Kind(channel.kind).label),
        contact=contact,
        language=language,
        state=State.SPAM if is_blocked else State.NEW,
        at=at,
    )


def _draft_message(passage: Passage, ticket: Ticket, identity: Identity | None, *, is_new: bool) -> Message:
    item, event = passage.item, passage.event
    sender, text = item.sender, clean_text(item.text)
    is_known = is_new or identity is None or ticket.participants.filter(identity=identity).exists()
    return Message(
        ticket=ticket,
        kind=Message.Kind.MACHINE if sender is not None and sender.is_bot else Message.Kind.CUSTOMER,
        contact=identity.contact if identity is not None else None,
        event=event,
        sender_name=clean(sender.name or sender.display, max_length=200) if sender is not None else "",
        sender_address=identity.value if identity is not None else "",
        recipients={"to": [], "cc": []},
        text=text,
        language=detect("", text) or ticket.language,
        verdict=Message.Verdict.VERIFIED if sender is not None and sender.is_verified else Message.Verdict.UNVERIFIED,
        verdict_reason=str(Channel.Kind(passage.account.provider).label),
        threading=Message.Threading.NEW if is_new else Message.Threading.CONVERSATION,
        is_third_party=not is_known,
        problems=list(passage.problems),
        sent_at=item.at,
        created_at=event.received_at,
    )


def _open(passage: Passage, thread: SocialThread, ticket: Ticket, message: Message, identity: Identity | None) -> None:
    """A ticket at once, placed by the rules as any other, and acknowledged."""
    item, at, is_person = passage.item, passage.event.received_at, message.kind == Message.Kind.CUSTOMER
    if is_person:
        ticket.last_customer_message_at = at
    facts = routing.facts_of(
        ticket=ticket,
        message=message,
        recipient=passage.account.name.lower(),
        has_attachments=bool(passage.files),
        at=at,
    )
    has_owner = is_person and ticket.state != State.SPAM
    placement = routing.place(passage.rulebook, ticket, facts, at=at, has_owner=has_owner)
    verdict = social_answer.decide(
        account=passage.account, item=item, ticket=ticket, identity=identity, placement=placement, now=passage.now
    )
    message.acknowledgement = verdict
    tickets.open_tickets(drafts=[(ticket, placement.tags)])
    Participant.objects.bulk_create(tickets.participants(ticket=ticket, requester=identity))
    message.save()
    _attach(passage, message)
    routing.record_placed([routing.Placed(placement, ticket, message, at)])
    lines = (
        Line(kind=Entry.Kind.TICKET_OPENED, contact=ticket.contact, is_internal=False),
        Line(kind=Entry.Kind.ROUTED, data=placement.as_data()),
    )
    arrival = tickets.Arrival(ticket=ticket, message=message, at=at, awaits_reply=is_person, lines=lines)
    tickets.note_arrivals(arrivals=[arrival])
    routing.follow_up(placement, ticket=ticket, at=at)
    social_answer.carry_out(
        thread=thread, ticket=ticket, message=message, verdict=verdict, placement=placement, item=item, now=passage.now
    )


def _join(passage: Passage, ticket: Ticket, message: Message) -> None:
    """The conversation goes on; rules hear of it."""
    at, is_person = passage.event.received_at, message.kind == Message.Kind.CUSTOMER
    message.save()
    _attach(passage, message)
    state, owner = ticket.state, ticket.owner
    arrival = tickets.Arrival(
        ticket=ticket, message=message, at=at, reopens=is_person and not message.is_third_party, awaits_reply=is_person
    )
    tickets.note_arrivals(arrivals=[arrival])
    if not is_person:
        return
    book = passage.rulebook
    routing.react(ticket=ticket, event=Event.CUSTOMER_MESSAGE, message=message, at=at, rulebook=book)
    if ticket.state != state:
        facts: Mapping[str, object] = {"state_before": state, "changed_by": "customer"}
        routing.react(
            ticket=ticket, event=Event.STATE_CHANGED, message=message, extra_facts=facts, at=at, rulebook=book
        )
    if ticket.owner != owner:
        facts = {"owner_before": owner.email if owner else "", "changed_by": "desk"}
        routing.react(ticket=ticket, event=Event.ASSIGNED, message=message, extra_facts=facts, at=at, rulebook=book)


def _attach(passage: Passage, message: Message) -> None:
    Attachment.objects.bulk_create(
        Attachment(
            message=message,
            filename=file.name[:255],
            content_type=file.content_type[:120] or "application/octet-stream",
            size=file.size,
            blob=file.blob,
        )
        for file in passage.files
    )
    index_messages(files={message: [file.name for file in passage.files]})


def _edit(passage: Passage, thread: SocialThread) -> InboundEvent.Reason:
    post = _post(passage, thread, passage.item.refers_to)
    if post is None:
        return _unknown(passage)
    social_posts.edit(post=post, text=clean_text(passage.item.text), at=passage.item.at)
    return _Reason.APPLIED


def _delete(passage: Passage, thread: SocialThread) -> InboundEvent.Reason:
    post = _post(passage, thread, passage.item.refers_to)
    if post is None:  # should the message still come, it was taken back already
        SocialPost.objects.create(thread=thread, external_id=passage.item.refers_to[:250], deleted_at=passage.item.at)
        return _Reason.APPLIED
    social_posts.delete(post=post, at=passage.item.at)
    return _Reason.APPLIED


def _note_receipt(passage: Passage, thread: SocialThread) -> InboundEvent.Reason:
    item = passage.item
    if item.refers_to:
        post = _answer(passage, thread, item.refers_to)
        if post is None:
            return _unknown(passage)
        posts = [post]
    else:  # everything up to then
        rows = thread.posts.select_related("message__ticket").exclude(external_id="")
        posts = list(rows.filter(message__delivery__sent_at__lte=item.at, read_at=None))
    error = clean(str(item.extra.get("error") or ""), max_length=500)
    name = item.refers_to[:250]
    social_posts.note_receipt(posts=posts, receipt=item.receipt or "", at=item.at, error=error, name=name)
    return _Reason.APPLIED


def _take_echo(passage: Passage, thread: SocialThread) -> InboundEvent.Reason:
    item = passage.item
    if _answer(passage, thread, item.external_id) is not None:
        return _Reason.APPLIED  # we sent it ourselves
    if not passage.is_last_try and _is_being_sent(thread, passage.now):
        raise TooEarly("One of our own messages is on its way: this may be it.")
    ticket = _ticket_of(thread, None, passage.event.received_at)
    if ticket is None:
        return _Reason.OF_NO_INTEREST
    message = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.REPLY,
        contact=ticket.contact,
        sender_name=passage.account.name[:200],
        recipients={"to": [], "cc": []},
        text=clean_text(item.text),
        language=ticket.language,
        problems=list(passage.problems),
        sent_at=item.at,
        created_at=passage.event.received_at,
    )
    _attach(passage, message)
    social_posts.note_echo(message=message, at=passage.event.received_at)
    SocialPost.objects.create(
        thread=thread, message=message, external_id=item.external_id[:250], url=_web(item.url), is_public=item.is_public
    )
    return _Reason.APPLIED


def _is_being_sent(thread: SocialThread, now: datetime) -> bool:
    """Whether something of ours is between its sending and our writing down what it is called."""
    unnamed = SocialPost.objects.filter(thread=thread, external_id="").values("message")
    rows = Delivery.objects.filter(message__in=unnamed, attempts__gt=0, created_at__gt=now - ECHO_RACE)
    return rows.filter(state__in=(Delivery.State.SENDING, Delivery.State.UNKNOWN)).exists()


def _unknown(passage: Passage) -> InboundEvent.Reason:
    if not passage.is_last_try:
        raise TooEarly("It tells of a message that is not here yet.")
    return _Reason.UNKNOWN_MESSAGE


def _web(url: str) -> str:
    return url[:500] if url.startswith("https://") else ""


_CHANGES: Mapping[str, Callable[[Passage, SocialThread], InboundEvent.Reason]] = {
    "edit": _edit,
    "deletion": _delete,
    "receipt": _note_receipt,
    "echo": _take_echo,
}
