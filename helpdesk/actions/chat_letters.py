"""Mail of chats: answers that the visitor hasn't seen, and the conversation as a transcript.

Both are messages of the same ticket, with Message-IDs that lead an answer back into it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from helpdesk.actions import letters
from helpdesk.actions.contacts import identity_for
from helpdesk.actions.indexing import index_message
from helpdesk.actions.journal import record
from helpdesk.models import ChatLine, Conversation, Entry, Mailbox, Message, Participant
from helpdesk.models.chat import Ending
from helpdesk.queries.chat_lines import lines_after
from helpdesk.queries.chats import unread_by_visitors
from mail_gateway.addresses import ascii_address
from mail_gateway.mail import Address

#: Whoever only goes to another page is back by then.
UNREAD_AFTER = timedelta(seconds=60)
MAX_TRANSCRIPTS = 3
AT_ONCE = 50


class CannotSend(Exception):
    """Nothing was sent; ``code`` is one of docs/chat-protocol.md."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def mail_unread(*, now: datetime) -> int:
    """Mail answers to visitors who have gone without reading them; how many mails. Each answer goes once."""
    rows = unread_by_visitors(before=now - UNREAD_AFTER, now=now).exclude(
        visitor__claimed_address="", visitor__verified_address=""
    )
    return sum(_mail_unread(number, now) for number in rows.values_list("pk", flat=True)[:AT_ONCE])


@transaction.atomic
def _mail_unread(conversation_id: int, now: datetime) -> int:
    rows = Conversation.objects.select_for_update(of=("self",)).filter(pk=conversation_id, unread_since__isnull=False)
    conversation = rows.select_related("visitor", "ticket__channel__chat_site", "ticket__team").first()
    if conversation is None or conversation.ended_by == Ending.MAIL:
        return 0
    unread = _unread(conversation)
    Conversation.objects.filter(pk=conversation.pk).update(
        unread_since=None, mailed_sequence=max(conversation.last_sequence, conversation.mailed_sequence)
    )
    mailbox, address = letters.mailbox_of(conversation.ticket), conversation.visitor.address
    if not unread or mailbox is None or not ascii_address(address):
        return 0
    _send_answers(conversation, unread, mailbox, address, now)
    return 1


def _unread(conversation: Conversation) -> list[Message]:
    seen = max(conversation.visitor_read, conversation.mailed_sequence)
    rows = ChatLine.objects.filter(
        conversation=conversation, sequence__gt=seen, message__kind=Message.Kind.REPLY, message__delivery=None
    )
    found = rows.select_related("message__agent").order_by("sequence")
    return [line.message for line in found if line.message is not None]


def _send_answers(
    conversation: Conversation, unread: Sequence[Message], mailbox: Mailbox, address: str, now: datetime
) -> None:
    """One mail with all of them; it belongs to the last."""
    ticket, newest = conversation.ticket, unread[-1]
    identity = identity_for(address=address, name="")
    Participant.objects.get_or_create(ticket=ticket, identity=identity, defaults={"role": Participant.Role.COPY})
    parents = letters.parents_of(ticket)
    newest.message_id = letters.new_message_id(ticket=ticket, recipient=address, mailbox=mailbox)
    newest.sender_address = mailbox.address
    newest.recipients = {"to": [["", address]], "cc": []}
    newest.subject = letters.with_reference(f"Re: {ticket.subject}".strip(), ticket)
    newest.save(update_fields=["message_id", "sender_address", "recipients", "subject"])
    with translation.override(ticket.language or None):
        ending = _("You had left the chat, so here is our answer by mail. You can simply reply to it.")
    delivery = letters.finish(
        message=newest,
        mailbox=mailbox,
        letter=letters.Letter(
            sender_name=f"{newest.sender_name} ({letters.sender_name(mailbox)})",
            to=(Address(name="", addr=address),),
            subject=newest.subject,
            text="\n\n".join([*(each.text for each in unread), ending]) + "\n",
            language=ticket.language,
        ),
        parents=parents,
        at=now,
        send_at=now,
    )
    letters.post_all(deliveries=[delivery])
    letters.sign_return_path(delivery=delivery, mailbox=mailbox)
    data = {"to": address, "count": len(unread), "mailed": True}
    record(kind=Entry.Kind.CHAT_CHANGED, ticket=ticket, message=newest, data=data, at=now)


@transaction.atomic
def send_transcript(*, conversation: Conversation, address: str, at: datetime) -> str:
    """Send what was said to ``address`` ('' the visitor's own); where it went. Raises CannotSend.

    To an address that nobody has proved it goes only once an agent has answered: else anybody could have the desk write
    to anybody else.
    """
    held = Conversation.objects.select_for_update(of=("self",)).select_related(
        "visitor", "ticket__channel__chat_site__mailbox__channel"
    )
    conversation = held.get(pk=conversation.pk)
    ticket, visitor = conversation.ticket, conversation.visitor
    wanted = address or visitor.address
    if not wanted:
        raise CannotSend("no_address")
    if not ascii_address(wanted):
        raise CannotSend("bad_address")
    if wanted != visitor.verified_address and ticket.first_reply_at is None:
        raise CannotSend("not_yet")
    if conversation.transcripts >= MAX_TRANSCRIPTS:
        raise CannotSend("too_many")
    mailbox = letters.mailbox_of(ticket)
    if mailbox is None:
        raise CannotSend("no_address")
    Conversation.objects.filter(pk=conversation.pk).update(transcripts=conversation.transcripts + 1)
    _post_transcript(conversation, wanted, mailbox, at)
    return wanted


def _post_transcript(conversation: Conversation, address: str, mailbox: Mailbox, at: datetime) -> None:
    ticket = conversation.ticket
    with translation.override(ticket.language or None):
        text = _transcript(conversation)
        subject = letters.with_reference(_("Your chat with us"), ticket)
    parents = letters.parents_of(ticket)
    message = Message.objects.create(
        ticket=ticket,
        kind=Message.Kind.AUTOMATIC,
        sender_name=letters.sender_name(mailbox),
        sender_address=mailbox.address,
        recipients={"to": [["", address]], "cc": []},
        subject=subject,
        message_id=letters.new_message_id(ticket=ticket, recipient=address, mailbox=mailbox),
        text=text,
        language=ticket.language,
        created_at=at,
    )
    letter = letters.Letter(
        sender_name=message.sender_name,
        to=(Address(name="", addr=address),),
        subject=subject,
        text=text,
        language=ticket.language,
        automatic="auto-generated",
    )
    delivery = letters.finish(message=message, mailbox=mailbox, letter=letter, parents=parents, at=at, send_at=at)
    letters.post_all(deliveries=[delivery])
    index_message(message=message)
    record(
        kind=Entry.Kind.CHAT_CHANGED,
        ticket=ticket,
        message=message,
        data={"transcript": address},
        is_internal=False,
        at=at,
    )


def _transcript(conversation: Conversation) -> str:
    """Everything that the visitor has seen, from the same allow-list."""
    parts, since = [], 0
    while found := lines_after({conversation.pk: since}).get(conversation.pk):
        since = found[-1].sequence
        for line in found:
            if line.event:
                continue
            who = line.agent_name or (_("You") if line.speaker == "visitor" else str(conversation.ticket.channel.name))
            names = "".join(f"\n[{file.name}]" for file in line.files)
            parts.append(f"{who}, {timezone.localtime(line.at):%Y-%m-%d %H:%M}\n{line.text}{names}")
    return "\n\n".join(parts) + "\n"
