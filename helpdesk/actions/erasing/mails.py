"""What others wrote, with the person in it: names and addresses go, and with them the text that is only quoted."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from helpdesk import blobs
from helpdesk.actions.erasing.task import Task
from helpdesk.actions.erasing.tickets import tombstone
from helpdesk.actions.indexing import index_ticket
from helpdesk.models import Attachment, Delivery, InboundEvent, Message, Ticket
from helpdesk.models.transport import DeliveryState
from helpdesk.signs import Signs
from helpdesk.text import excerpt
from mail_gateway.addresses import ascii_address
from mail_gateway.compose import compose
from mail_gateway.mail import Address, OutgoingMail, ParsedMail
from mail_gateway.mail import Attachment as MailAttachment
from mail_gateway.parse import parse


@transaction.atomic
def redact_ticket(*, ticket_id: int, since: int, task: Task) -> None:
    """Redact the messages of a ticket from number ``since`` on, with their raw mails and what was sent of them."""
    ticket = Ticket.objects.select_for_update(of=("self",)).select_related("contact").get(pk=ticket_id)
    rows = ticket.messages.filter(pk__gte=since).exclude(text=task.signs.mark).select_related("event")
    for message in rows.order_by("pk"):
        _redact(message, task)
    ticket.subject = task.signs.without(ticket.subject)
    newest = ticket.messages.exclude(kind=Message.Kind.NOTE).order_by("-created_at", "-pk").first()
    ticket.preview = excerpt(newest.said, max_length=160) if newest else ""
    ticket.save(update_fields=["subject", "preview"])
    index_ticket(ticket=ticket)
    task.count("messages of others", len(rows))


def _redact(message: Message, task: Task) -> None:
    signs = task.signs
    message.text = signs.without(message.said)
    message.new_text = message.text if message.new_text else ""
    message.html = ""
    for name in ("subject", "sender_name", "sender_address", "message_id", "verdict_reason"):
        setattr(message, name, signs.without(getattr(message, name)))
    message.recipients = signs.without_any(message.recipients)
    message.problems = signs.without_any(message.problems)
    message.save()
    _redact_files(message, task)
    if message.event is not None:
        redact_event(message.event, message, task)
    for delivery in Delivery.objects.filter(message=message).exclude(state=DeliveryState.SENDING):
        delivery.mime = redacted(
            bytes(delivery.mime),
            said=message,
            task=task,
            at=delivery.created_at,
            is_automatic=delivery.is_automatic,
        )
        delivery.save(update_fields=["mime"])
        task.deliveries.add(delivery.pk)


def _redact_files(message: Message, task: Task) -> None:
    for file in Attachment.objects.filter(message=message):
        if file.blob in task.files:
            task.old_blobs.add(file.blob)
            task.count("files")
            file.delete()
            continue
        file.filename = task.signs.without(file.filename)
        redact_file(file, task)
        file.save()


def redact_file(file: Attachment, task: Task) -> None:
    """A text that names the person; what other types hold can't be seen from here."""
    try:
        content = blobs.get(file.blob)
    except FileNotFoundError:
        return  # check_invariants tells of it
    if not is_text(file.content_type) or not task.signs.found_in_bytes(content):
        return
    task.old_blobs.add(file.blob)
    content = task.signs.without_bytes(content)
    file.blob, file.size = blobs.put(content), len(content)


def is_text(content_type: str) -> bool:
    """Whether bytes of that type can be read and written as text."""
    return content_type.startswith("text/") or content_type in {"application/json", "application/xml"}


def redact_event(event: InboundEvent, message: Message | None, task: Task) -> None:
    """The raw mail is written anew from what is left; one that became no message keeps its other bytes."""
    raw = blobs.get(event.blob)
    if message is None or event.is_social:
        content = task.signs.without_bytes(raw)
    else:
        content = redacted(raw, said=message, task=task, at=message.created_at)
    same = InboundEvent.objects.filter(channel=event.channel_id, blob=blobs.key_of(content)).exclude(pk=event.pk)
    if same.exists():  # two mails that only differed in the person
        content += f"\r\n{event.pk}\r\n".encode()
    if (key := blobs.put(content)) != event.blob:
        task.old_blobs.add(event.blob)
    event.blob, event.size = key, len(content)
    event.envelope = task.signs.without_any(event.envelope)
    event.detail = task.signs.without(event.detail)
    event.save(update_fields=["blob", "size", "envelope", "detail"])


def redacted(raw: bytes, *, said: Message, task: Task, at: datetime, is_automatic: bool = False) -> bytes:
    """A mail with what is left of its message for words; sender, recipients, time and files stay as far as they may."""
    mail = parse(raw)
    try:
        return compose(replace(_anew(mail, said, task, at), automatic="auto-generated" if is_automatic else ""))
    except ValueError:  # a header that no mail of ours may have
        return tombstone(task.signs.mark, number=int(at.timestamp() * 1000))


def _anew(mail: ParsedMail, said: Message, task: Task, at: datetime) -> OutgoingMail:
    signs = task.signs
    sender = mail.sender or mail.from_shown
    if not ascii_address(sender.addr):
        sender = Address(sender.name, "unknown@erased.invalid")
    to = tuple(_address(each, signs) for each in mail.to if ascii_address(each.addr))
    return OutgoingMail(
        sender=_address(sender, signs),
        to=to or (Address("", "undisclosed@erased.invalid"),),
        cc=tuple(_address(each, signs) for each in mail.cc if ascii_address(each.addr)),
        subject=signs.without(said.subject),
        text=signs.without(said.text),
        message_id=signs.without(mail.message_id) or f"{int(at.timestamp() * 1000)}@erased.invalid",
        date=mail.date if mail.date is not None and mail.date.tzinfo else at,
        attachments=tuple(file for file in mail.attachments if _stays(file, task)),
    )


def _address(address: Address, signs: Signs) -> Address:
    return Address(signs.without(address.name), signs.without(address.addr))


def _stays(file: MailAttachment, task: Task) -> bool:
    return blobs.key_of(file.content) not in task.files and not task.signs.found_in_bytes(file.content)
