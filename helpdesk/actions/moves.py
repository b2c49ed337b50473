"""A message goes to another ticket: by hand, or into one of its own (helpdesk.routing.detach).

What is counted from messages (order, preview, unread mark, who takes part) is counted anew in both tickets. The journal
keeps a line in each, and enough in them that moving the message back restores what the move had changed besides.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk import references
from helpdesk.actions import clocks, promises, snoozing, tickets
from helpdesk.actions.indexing import forget, index_message
from helpdesk.actions.journal import record
from helpdesk.models import Agent, Entry, Identity, Message, Participant, State, Team, Ticket
from helpdesk.queries.conversation import CONVERSATION, MOVABLE, is_only_one
from helpdesk.text import clean, excerpt, without_detail

_ARRIVALS = (Entry.Kind.MESSAGE_ADDED, Entry.Kind.NOTE_ADDED, Entry.Kind.MESSAGE_MOVED)


class CannotMove(ValueError):
    """The message can't go there; the text says why."""


@transaction.atomic
def move(*, message: Message, into: Ticket, by: Agent, at: datetime | None = None) -> None:
    """Put ``message`` into the ticket ``into``. Raises CannotMove.

    The last mail of a ticket takes all the rest along, and its reference: the ticket is closed and leads to ``into``
    from then on, until the message is moved back. A ticket that was settled opens again for a customer's mail that
    nobody has answered. The sender doesn't take part in ``into`` by that: their message is shown as a third party's
    (MAIL.md 17).
    """
    at = at or timezone.now()
    source, into = _locked(message, into)
    has_read = {ticket.pk: _has_read(ticket, by) for ticket in (source, into)}
    _require_movable(message, source, into)
    before = _state_before(source, message)
    reopened = _open_again(source, into, message, by=by, at=at)
    message.ticket = into
    message.is_third_party = _is_third_party(message, into)
    message.save(update_fields=["ticket", "is_third_party"])
    left = _drop_participant(source, message)
    _rejoin(into, message)
    told = {"who": message.sender_name or message.sender_address, "subject": message.subject[:120]}
    data: dict[str, Any] = told | {"to": into.reference} | ({"left": left} if left else {})
    record(kind=Entry.Kind.MESSAGE_MOVED, ticket=source, message=message, by=by, data=data, at=at)
    data = told | {"from": source.reference} | ({"state": reopened} if reopened else {})
    record(kind=Entry.Kind.MESSAGE_MOVED, ticket=into, message=message, by=by, data=data, at=at)
    if before is not None:
        tickets.set_state(ticket=source, state=before, by=by, at=at)
    _close_if_empty(source, into, by=by, at=at)
    _wind_clocks(source, into, message, by=by, at=at)
    forget(message_ids=[message.pk])
    index_message(message=message)
    for ticket in (source, into):
        _recount(ticket)
        if has_read[ticket.pk]:
            tickets.mark_read(ticket=ticket, agent=by, cursor=ticket.message_cursor)


def require_detachable(*, message: Message) -> None:
    """Raises CannotMove for a message that can't be split off: not mail, or the only one of its ticket."""
    _require_mail(message)
    if is_only_one(message):
        raise CannotMove(_("It is the only message of this ticket."))


def draft_apart(*, message: Message, team: Team) -> Ticket:
    """The ticket that a message is split off into, not saved: as if the mail had just opened it.

    The customer has waited since it came, so that is when the ticket began.
    """
    old = message.ticket
    subject = references.without(message.subject, reference=old.reference)
    ticket = tickets.draft_ticket(
        channel=old.channel,
        team=team,
        subject=clean(subject, max_length=250),
        contact=message.contact,
        language=message.language or old.language,
        at=message.created_at,
    )
    ticket.preview = excerpt(message.said, max_length=160)
    return ticket


def take_part_apart(*, ticket: Ticket, message: Message, ours: frozenset[str]) -> None:
    """Who takes part in the ticket of a message that was split off: its sender, and known people in its To and Cc."""
    if message.kind != Message.Kind.CUSTOMER:
        return
    known = {each.value: each for each in Identity.objects.mail(_named(message)).select_related("contact")}
    requester = known.pop(message.sender_address, None) if message.contact_id is not None else None
    copies = [each for value, each in known.items() if without_detail(value) not in ours]
    Participant.objects.bulk_create(tickets.participants(ticket=ticket, requester=requester, copies=copies))


def _locked(message: Message, into: Ticket) -> tuple[Ticket, Ticket]:
    """Both tickets, in one order whichever way it goes, and the message as it is now."""
    rows = Ticket.objects.select_for_update(of=("self",)).select_related("channel", "team", "contact").order_by("pk")
    found = {ticket.pk: ticket for ticket in rows.filter(pk__in={message.ticket_id, into.pk})}
    source_id = message.ticket_id
    message.refresh_from_db(fields=["ticket"])
    if message.ticket_id != source_id:
        raise CannotMove(_("Somebody else has just moved it."))
    return found[source_id], found[into.pk]


def _require_mail(message: Message) -> None:
    if message.kind not in MOVABLE:
        raise CannotMove(_("Only mail that came in can be moved. An answer of ours stays where it was sent from."))


def _require_movable(message: Message, source: Ticket, into: Ticket) -> None:
    _require_mail(message)
    if source.pk == into.pk:
        raise CannotMove(_("It is in this ticket already."))
    if into.merged_into_id not in {None, source.pk}:
        raise CannotMove(_("That ticket was merged into another one; choose that one."))


def _open_again(source: Ticket, into: Ticket, message: Message, *, by: Agent, at: datetime) -> str:
    """Bring ``into`` back to work where the message asks for it; returns the state that it had then, else ''."""
    if into.merged_into_id is not None:  # it is coming back: what closed the ticket was that this message left
        joined = into.entries.filter(kind=Entry.Kind.JOINED, data__has_key="into").order_by("-id").first()
        data = joined.data if joined is not None else {}
        into.merged_into = None
        into.save(update_fields=["merged_into"])
        tickets.set_state(ticket=into, state=State(data.get("state") or State.OPEN), by=by, at=at)
        _take_along(source.messages.filter(pk__in=data.get("along", ())), to=into)
        return ""
    is_news = message.kind == Message.Kind.CUSTOMER and message.created_at > into.last_activity_at
    if is_news:
        snoozing.customers_wrote([into], at=at)
    if not is_news or into.state not in {State.WAITING, State.SOLVED, State.CLOSED}:
        return ""
    before = into.state
    tickets.set_state(ticket=into, state=State.OPEN, by=by, at=at)
    return str(before)


def _close_if_empty(source: Ticket, into: Ticket, *, by: Agent, at: datetime) -> None:
    if source.messages.filter(kind__in=CONVERSATION).exists():
        return
    along = _take_along(source.messages.all(), to=into)
    data = {"into": into.reference, "state": source.state, "along": along}
    Ticket.objects.filter(merged_into=source).update(merged_into=into)
    source.state, source.merged_into, source.solved_at = State.CLOSED, into, source.solved_at or at
    source.state_since = at
    source.save(update_fields=["state", "state_since", "merged_into", "solved_at"])
    record(kind=Entry.Kind.JOINED, ticket=source, by=by, data=data, at=at)
    promises.joined(ticket=source, into=into, by=by, at=at)


def _take_along(rest: QuerySet[Message], *, to: Ticket) -> list[int]:
    """Notes and acknowledgements go where the conversation goes; their ids."""
    messages = list(rest.select_related("ticket"))
    for message in messages:
        message.ticket = to
        message.save(update_fields=["ticket"])
        forget(message_ids=[message.pk])
        index_message(message=message)
    return [message.pk for message in messages]


def _wind_clocks(source: Ticket, into: Ticket, message: Message, *, by: Agent, at: datetime) -> None:
    """A reply to a customer's message is owed where the message is."""
    if message.kind != Message.Kind.CUSTOMER:
        return
    if not _owes_a_reply(source):
        clocks.message_left(ticket=source, by=by, at=at)
    if _owes_a_reply(into):
        clocks.message_came(ticket=into, written_at=message.created_at)


def _owes_a_reply(ticket: Ticket) -> bool:
    said = ticket.messages.filter(kind__in=[Message.Kind.CUSTOMER, Message.Kind.REPLY]).order_by("-created_at", "-id")
    last = said.first()
    return last is not None and last.kind == Message.Kind.CUSTOMER


def _state_before(source: Ticket, message: Message) -> State | None:
    """The state that ``source`` had before ``message`` came to it and opened it again; None if that isn't so."""
    came = source.entries.filter(kind=Entry.Kind.MESSAGE_MOVED, message=message, data__has_key="from")
    entry = came.order_by("-id").first()
    if entry is None or "state" not in entry.data:
        return None
    has_changed_since = source.entries.filter(kind=Entry.Kind.STATE_CHANGED, pk__gt=entry.pk).exists()
    return None if has_changed_since else State(entry.data["state"])


def _senders(message: Message) -> QuerySet[Identity]:
    """The identity of the address that a mail came from."""
    return Identity.objects.mail([message.sender_address])


def _is_third_party(message: Message, ticket: Ticket) -> bool:
    if message.kind != Message.Kind.CUSTOMER:
        return False
    return not ticket.participants.filter(identity__in=_senders(message)).exists()


def _named(message: Message) -> set[str]:
    """The addresses that a message comes from and goes to, lower case."""
    listed = (*message.recipients.get("to", ()), *message.recipients.get("cc", ()))
    return {message.sender_address, *(address.lower() for _name, address in listed)} - {""}


def _drop_participant(source: Ticket, message: Message) -> str:
    """The sender takes part no more where no message names them; returns the address if so, else ''."""
    part = source.participants.filter(identity__in=_senders(message), role=Participant.Role.COPY).first()
    others = source.messages.only("sender_address", "recipients")
    if part is None or any(message.sender_address in _named(each) for each in others):
        return ""
    part.delete()
    return message.sender_address


def _rejoin(into: Ticket, message: Message) -> None:
    """Coming back, its sender takes part again if it was the move away that ended that."""
    went = into.entries.filter(kind=Entry.Kind.MESSAGE_MOVED, message=message, data__has_key="to").order_by("-id")
    last = went.first()
    identity = _senders(message).first()
    if last is None or identity is None or last.data.get("left") != message.sender_address:
        return
    Participant.objects.get_or_create(ticket=into, identity=identity, defaults={"role": Participant.Role.COPY})
    message.is_third_party = False
    message.save(update_fields=["is_third_party"])


def _has_read(ticket: Ticket, agent: Agent) -> bool:
    return ticket.message_cursor == 0 or ticket.readings.filter(agent=agent, cursor__gte=ticket.message_cursor).exists()


def _recount(ticket: Ticket) -> None:
    """Order, preview and unread mark from the messages that the ticket has now."""
    newest = ticket.messages.exclude(kind=Message.Kind.NOTE).order_by("-created_at", "-id").first()
    ticket.last_activity_at = newest.created_at if newest is not None else ticket.created_at
    ticket.preview = excerpt(newest.said, max_length=160) if newest is not None else ""
    arrived = Q(kind__in=_ARRIVALS, message__ticket=ticket) | Q(kind=Entry.Kind.JOINED, data__has_key="from")
    wrote = ticket.messages.order_by().values_list("kind").annotate(Max("created_at"))
    last = dict(wrote.filter(kind__in=[Message.Kind.CUSTOMER, Message.Kind.REPLY]))
    ticket.last_customer_message_at = last.get(Message.Kind.CUSTOMER)
    ticket.last_reply_at = last.get(Message.Kind.REPLY)
    ticket.message_cursor = ticket.entries.filter(arrived).aggregate(newest=Max("id"))["newest"] or 0
    ticket.save(update_fields=tickets.ARRIVAL_COLUMNS)
