"""What a visitor is to see, in a gapless order, inside the transaction of what happened (docs/chat-protocol.md).

Whoever appends holds the conversation's row (`locked`), so that two writers can't take the same number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from helpdesk import live
from helpdesk.actions.rows import add_all, change_each
from helpdesk.models import Agent, Channel, ChatLine, Conversation, Message, Ticket
from helpdesk.models.chat import Ending

#: The author of lines that nobody wrote.
DESK = "desk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A line before it has its number: a message, or an event with the names that the visitor may read."""

    conversation: Conversation
    message: Message | None = None
    event: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    author: str = DESK
    client_id: str = ""


def locked(*, ids: Iterable[int]) -> dict[int, Conversation]:
    """The conversations ``ids`` with their tickets, contacts and visitors, held until the transaction ends."""
    rows = Conversation.objects.select_for_update(of=("self",)).order_by("pk")
    found = rows.select_related("ticket__contact", "visitor").filter(pk__in=set(ids))
    return {each.pk: each for each in found}


def append(items: Sequence[Item], *, at: datetime) -> list[ChatLine]:
    """Number and store ``items``; whoever watches is told after commit. The caller saves the conversations' other
    fields, `last_sequence` is saved here."""
    lines = numbered(items, at=at)
    keep(lines)
    return lines


def numbered(items: Sequence[Item], *, at: datetime) -> list[ChatLine]:
    """The lines of ``items`` with their numbers, not stored; `keep` follows in the same transaction."""
    lines = []
    for item in items:
        conversation = item.conversation
        conversation.last_sequence += 1
        lines.append(
            ChatLine(
                conversation=conversation,
                sequence=conversation.last_sequence,
                message=item.message,
                event=item.event,
                data=item.data,
                author=item.author,
                client_id=item.client_id,
                created_at=at,
            )
        )
    return lines


def keep(lines: Sequence[ChatLine], *, columns: Sequence[str] = ()) -> None:
    """Store numbered lines and how far their conversations are, with ``columns`` of these; then tell who watches."""
    add_all(lines)
    touched = {line.conversation_id: line.conversation for line in lines}.values()
    change_each(touched, ("last_sequence", *columns))
    live.ring_all([live.Bell(each.pk, (each.last_sequence, each.visitor_read, each.agent_read)) for each in touched])


def conversation_of(ticket: Ticket) -> Conversation | None:
    """The conversation of a chat ticket, held; None for tickets of other channels."""
    if ticket.channel.kind != Channel.Kind.CHAT:
        return None
    rows = Conversation.objects.select_for_update(of=("self",)).select_related("visitor")
    return rows.filter(ticket=ticket).first()


def tell_owner(*, ticket: Ticket, before: Agent | None, at: datetime) -> None:
    """The visitor is told who helps now; nothing happens for other channels, or when the chat has ended."""
    conversation = conversation_of(ticket)
    if conversation is None or conversation.ended_by:
        return
    owner = ticket.owner
    if owner is None:
        event, data = ChatLine.Event.RETURNED, {}
    elif before is None:
        event, data = ChatLine.Event.JOINED, {"agent": owner.name}
    else:
        event, data = ChatLine.Event.HANDED_OVER, {"agent": owner.name, "team": ""}
    append([Item(conversation=conversation, event=event, data=data)], at=at)


def tell_team(*, ticket: Ticket, at: datetime) -> None:
    """The visitor is told which team helps now."""
    conversation = conversation_of(ticket)
    if conversation is None or conversation.ended_by:
        return
    data = {"agent": "", "team": ticket.team.name}
    append([Item(conversation=conversation, event=ChatLine.Event.HANDED_OVER, data=data)], at=at)


def end(*, conversation: Conversation, by: Ending, at: datetime) -> None:
    """The conversation, held by the caller, is over; the visitor sees by whom. Nothing happens when it is already."""
    if conversation.ended_by:
        return
    conversation.ended_by, conversation.ended_at, conversation.waits_since = by, at, None
    conversation.save(update_fields=["ended_by", "ended_at", "waits_since"])
    is_mail = by == Ending.MAIL
    event = ChatLine.Event.BY_MAIL if is_mail else ChatLine.Event.ENDED
    append([Item(conversation=conversation, event=event, data={} if is_mail else {"by": by})], at=at)


def tell_over(*, ticket: Ticket, at: datetime) -> None:
    """The ticket is solved or closed: so is its chat."""
    if (conversation := conversation_of(ticket)) is not None:
        end(conversation=conversation, by=Ending.AGENT, at=at)


def go_on(*, conversation: Conversation) -> None:
    """A chat that had ended goes on: somebody has written again."""
    conversation.ended_by, conversation.ended_at = Ending.NONE, None
    conversation.save(update_fields=["ended_by", "ended_at"])


def note_mail(*, ticket: Ticket, message: Message, at: datetime) -> None:
    """A mail has come into the ticket of a chat.

    A person whom the site vouches for sees it in the chat if it is from their own address. Of anybody else we know only
    what they claim: the mail may be another person's, so the chat ends, and the conversation goes on by mail alone.
    """
    if message.kind != Message.Kind.CUSTOMER or message.event_id is None:
        return
    if (conversation := conversation_of(ticket)) is None:
        return
    visitor = conversation.visitor
    own = visitor.is_verified and visitor.verified_address == message.sender_address
    if own and not message.is_third_party and message.verdict != Message.Verdict.FAILED:
        append([Item(conversation=conversation, message=message)], at=at)
    elif conversation.ended_by != Ending.MAIL:
        if conversation.ended_by:
            go_on(conversation=conversation)
        end(conversation=conversation, by=Ending.MAIL, at=at)
