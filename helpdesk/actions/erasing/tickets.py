"""What a person wrote, and was written to them: the skeleton of a ticket stays for the books, the words go.

Times, states, teams, owners, scores, clocks and the number of mails in and out stay: none of them names anybody.
"""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from helpdesk import blobs
from helpdesk.actions.erasing.task import Task, is_shared
from helpdesk.actions.indexing import index_ticket
from helpdesk.models import (
    Attachment,
    AwaitedParent,
    ChatUpload,
    Delivery,
    Draft,
    Entry,
    Identity,
    InboundEvent,
    Message,
    Participant,
    Promise,
    Rating,
    RoutingDecision,
    SocialPart,
    SocialPost,
    SocialThread,
    Ticket,
)
from helpdesk.models.transport import DeliveryState
from helpdesk.signs import of_texts

#: Facts of a decision that tell of the person; left out, they count as not recorded, and rehearsals say so.
PERSONAL_FACTS = ("subject", "sender", "sender_domain", "sender_name", "recipient", "organisation")
#: What a line of the journal says in words, by its kind; states, teams and owners are said beside them and stay.
_SAID = {
    Entry.Kind.SUBJECT_CHANGED: ("from", "to"),
    Entry.Kind.CONTACT_CHANGED: (
        *("from", "to", "added", "removed", "blocked", "unblocked", "deliverable"),
        *("merged_from", "merged_into", "unmerged"),
    ),
    Entry.Kind.MESSAGE_REREAD: ("author",),
    Entry.Kind.PROMISED: ("text",),
    Entry.Kind.REMINDED: ("text",),
    Entry.Kind.DELIVERY_CHANGED: ("recipient", "error"),
    Entry.Kind.CHAT_CHANGED: ("transcript", "vouched"),
    Entry.Kind.RATED: ("comment",),
    Entry.Kind.PERSON_CHANGED: (
        *("from", "to", "into", "undone", "apart", "value", "values", "name", "evidence", "details"),
        *("linked", "untied", "retired", "not_theirs", "dismissed"),
    ),
    Entry.Kind.MESSAGE_EDITED: ("from", "to", "text", "before"),
    Entry.Kind.MESSAGE_DELETED: ("text", "before"),
}
_PENDING = (DeliveryState.QUEUED, DeliveryState.RETRY, DeliveryState.HELD)
_FROM_OUTSIDE = (Message.Kind.CUSTOMER, Message.Kind.MACHINE)


@transaction.atomic
def erase_ticket(*, ticket_id: int, task: Task) -> None:
    """Blank the person's ticket, or only what is theirs in it where other customers take part."""
    ticket = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket_id)
    if is_shared(ticket, task.contacts):
        _erase_share(ticket, task)
        return
    _blank_messages(list(ticket.messages.order_by("pk")), task)
    Participant.objects.filter(ticket=ticket).delete()
    Draft.objects.filter(ticket=ticket).delete()
    _forget_promises(ticket)
    Rating.objects.filter(ticket=ticket).exclude(comment="").update(comment="")
    _blank_beside(ticket, task)
    _blank_entries(ticket, task)
    _blank_decisions(RoutingDecision.objects.filter(ticket=ticket))
    SocialThread.objects.filter(ticket=ticket).update(identity=None)
    ticket.subject = ticket.preview = task.signs.mark
    ticket.contact = None
    ticket.save(update_fields=["subject", "preview", "contact"])
    index_ticket(ticket=ticket)
    task.tickets.add(ticket.pk)
    task.count("tickets")


@transaction.atomic
def erase_words(*, ticket_id: int, task: Task) -> None:
    """Blank what the person wrote in a ticket of somebody else; from there on others may quote them."""
    ticket = Ticket.objects.select_for_update(of=("self",)).select_related("contact").get(pk=ticket_id)
    theirs = list(ticket.messages.filter(contact__in=task.contacts).order_by("pk"))
    if not theirs:
        return
    _blank_messages(theirs, task)
    _blank_decisions(RoutingDecision.objects.filter(message__in=[message.pk for message in theirs]))
    task.quoted_from(ticket.pk, theirs[0].pk)
    task.count("tickets of others")


def _erase_share(ticket: Ticket, task: Task) -> None:
    """The person opened it, others wrote in it: theirs go on. What was said to the person, or of them, goes."""
    rows = list(ticket.messages.order_by("pk"))
    theirs = [message for message in rows if message.contact_id in task.contacts or _is_about(message, task)]
    _hand_on(ticket, task)
    _blank_messages(theirs, task)
    _blank_heading(ticket, task)
    task.quoted_from(ticket.pk, min(message.pk for message in rows))
    task.count("tickets of others")


def _is_about(message: Message, task: Task) -> bool:
    if message.kind == Message.Kind.NOTE:
        return task.signs.found_in(message.text)
    people = [address for each in message.recipients.values() for _name, address in each]
    is_ours = message.kind in {Message.Kind.REPLY, Message.Kind.AUTOMATIC}
    return is_ours and bool(people) and all(task.signs.found_in(address) for address in people)


def _forget_promises(ticket: Ticket) -> None:
    """Nothing is owed to who is gone. A reminder still comes, without its words (`_blank_beside`)."""
    Promise.objects.filter(ticket=ticket).delete()


def _blank_heading(ticket: Ticket, task: Task) -> None:
    """Everything that repeats the words with which the person opened the ticket."""
    ticket.subject = task.signs.mark
    ticket.save(update_fields=["subject"])
    ticket.messages.update(subject=task.signs.mark)
    Delivery.objects.filter(message__ticket=ticket).update(subject=task.signs.mark)
    Rating.objects.filter(ticket=ticket).exclude(comment="").update(comment="")
    Draft.objects.filter(ticket=ticket).delete()
    _blank_beside(ticket, task)
    _blank_entries(ticket, task)
    _blank_decisions(RoutingDecision.objects.filter(ticket=ticket))


def _blank_beside(ticket: Ticket, task: Task) -> None:
    """What colleagues wrote down beside the ticket, such as promises, in whatever table."""
    for relation in Ticket._meta.related_objects:
        model: Any = relation.related_model
        if model is not Message and any(field.name == "text" for field in model._meta.local_concrete_fields):
            model.objects.filter(**{relation.field.name: ticket}).update(text=task.signs.mark)


def _hand_on(ticket: Ticket, task: Task) -> None:
    """The ticket is the next customer's who wrote in it."""
    rows = ticket.messages.filter(kind=Message.Kind.CUSTOMER, contact__isnull=False, is_third_party=False)
    message = rows.exclude(contact__in=task.contacts).order_by("pk")[:1].get()
    ticket.contact = message.contact
    ticket.save(update_fields=["contact"])
    ticket.participants.filter(identity__contact__in=task.contacts).delete()
    if ticket.participants.filter(role=Participant.Role.REQUESTER).exists():
        return
    heir = ticket.participants.filter(identity__contact=message.contact).order_by("pk").first()
    if heir is not None:
        heir.role = Participant.Role.REQUESTER
        heir.save(update_fields=["role"])
        return
    identity = Identity.objects.filter(contact=message.contact).order_by("pk").first()
    if identity is not None:
        ticket.participants.create(identity=identity, role=Participant.Role.REQUESTER)


def _blank_messages(rows: list[Message], task: Task) -> None:
    numbers = [message.pk for message in rows]
    _let_go_of_files(numbers, task)
    AwaitedParent.objects.filter(message__in=numbers).delete()
    AwaitedParent.objects.filter(parent_id__in={message.message_id for message in rows} - {""}).delete()
    SocialPart.objects.filter(post__message__in=numbers).delete()
    SocialPost.objects.filter(message__in=numbers).update(external_id="", url="")
    for delivery in Delivery.objects.filter(message__in=numbers):
        _blank_delivery(delivery, task)
    events = InboundEvent.objects.in_bulk([message.event_id for message in rows if message.event_id])
    for event in events.values():
        blank_event(event, task)
    for message in rows:
        _blank_message(message, task)
    task.count("messages", len(rows))


def _blank_message(message: Message, task: Task) -> None:
    message.subject = message.text = message.new_text = task.signs.mark
    message.html = message.verdict_reason = ""
    message.recipients, message.problems, message.contact = {}, [], None
    if message.kind in _FROM_OUTSIDE:
        message.sender_name = message.sender_address = message.message_id = ""
    message.save()


def _let_go_of_files(numbers: list[int], task: Task) -> None:
    """The files of messages: what outsiders sent first goes from wherever it was passed on to as well."""
    rows = Attachment.objects.filter(message__in=numbers).select_related("message")
    for each in rows:
        task.old_blobs.add(each.blob)
        before = Attachment.objects.filter(blob=each.blob, message__lt=min(numbers))
        if each.message.kind in _FROM_OUTSIDE and not each.is_inline and not before.exists():
            task.files.add(each.blob)
    task.count("files", len(rows))
    rows.delete()
    uploads = ChatUpload.objects.filter(message__in=numbers)
    task.old_blobs.update(uploads.values_list("blob", flat=True))
    uploads.delete()


def _blank_delivery(delivery: Delivery, task: Task) -> None:
    """Its place in the books stays: state, times and number of tries."""
    delivery.recipients = [task.signs.without(str(address)) for address in delivery.recipients]
    delivery.recipient = task.signs.without(delivery.recipient)
    delivery.counted_as = task.signs.without(delivery.counted_as)
    delivery.subject, delivery.mime = task.signs.mark, tombstone(task.signs.mark)
    delivery.error = task.signs.mark if delivery.error else ""
    delivery.bounced = task.signs.without_any(delivery.bounced)
    if delivery.state in _PENDING:
        delivery.state, delivery.lease_until = DeliveryState.CANCELLED, None
    delivery.save()
    task.deliveries.add(delivery.pk)
    task.count("mails out")


def blank_event(event: InboundEvent, task: Task) -> None:
    """Something arrived, once, and had its fate; what it was is gone."""
    task.old_blobs.add(event.blob)
    content = tombstone(task.signs.mark, number=event.pk)
    event.blob, event.size, event.is_truncated = blobs.put(content), len(content), False
    event.envelope, event.detail = {}, ""
    event.save(update_fields=["blob", "size", "is_truncated", "envelope", "detail"])
    task.count("mails in")


def tombstone(mark: str, *, number: int = 0) -> bytes:
    """A mail that says nothing; the number keeps two of them apart, since a channel has no mail twice."""
    name = f"{mark} {number}" if number else mark
    return f"Subject: {name}\r\nContent-Type: text/plain\r\n\r\n{mark}\r\n".encode()


def _blank_entries(ticket: Ticket, task: Task) -> None:
    for entry in Entry.objects.filter(ticket=ticket, kind__in=_SAID):
        blank_entry(entry, task)


def blank_entry(entry: Entry, task: Task) -> None:
    """The line stays, what it said of the person goes: the one change that the journal knows."""
    names = _SAID[Entry.Kind(entry.kind)]
    data: dict[str, Any] = {
        name: of_texts(value, lambda _text: task.signs.mark) if name in names else value
        for name, value in entry.data.items()
    }
    if entry.kind == Entry.Kind.DELIVERY_CHANGED:
        data |= {name: entry.data[name] for name in ("from", "to") if name in entry.data}
    if data != entry.data:
        Entry.objects.filter(pk=entry.pk).update(data=data)
        task.count("journal")


def _blank_decisions(rows: QuerySet[RoutingDecision]) -> None:
    for decision in rows.only("facts"):
        facts = {name: value for name, value in decision.facts.items() if name not in PERSONAL_FACTS}
        if facts != decision.facts:
            RoutingDecision.objects.filter(pk=decision.pk).update(facts=facts)
